"""
What is kept: the boxes of an account, the messages of a box, and the bells that ring for them.

All of it is changed between two waits and on one thread, so that each change is one moment for
every session.  One counter a account gives the mod-sequences of all its boxes: what happened to
them has one order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from itertools import islice

from pymta.errors import NoSuchMailbox
from pymta.interfaces.content import Octets
from pymta.mailbox import UID, MailboxInfo, MailboxName, ModSeq, UIDSet, UIDValidity
from pymta.store._digest import Digest
from pymta.store._flags import (
    BIT_DELETED,
    BIT_SEEN,
    FIRST_UNSEEN,
    Flags,
    Keywords,
    names_of,
    part,
    spelled,
)
from pymta.store._names import normal
from pymta.store._quota import Quota
from pymta.store._rights import ACL

__all__ = ["Account", "Bells", "Box", "Buried", "Message", "Note", "Notes", "Settings"]

_FIRST = UID(1)
_BEFORE_ALL = ModSeq(0)
_BEGINNING = ModSeq(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    What all boxes of a store have in common.

    :param tombstones: how many expunged UIDs a box remembers.
    :param about: shared annotations of the server.
    :param furnished: what a new account has beside its inbox: names, and what they are for.
    :param ring: tells an account, or with ``anyone`` all, that rights of others changed.
    :param vaulted: somebody is asked before octets of an expunged message go.
    :param graves: deleted boxes whose octets somebody is still to be asked for.
    :param shared: boxes, by id, that had rights of others at some time, and may have.
    """

    now: Callable[[], datetime]
    zone: tzinfo
    tombstones: int
    ids: Iterator[int]
    validities: Iterator[int]
    about: Mapping[str, bytes]
    furnished: Mapping[MailboxName, frozenset[str]]
    ring: Callable[[str], None]
    vaulted: bool
    graves: list[Box]
    shared: dict[str, Box] = field(default_factory=dict)


class Bells:
    """Who is to be told that something changed."""

    def __init__(self) -> None:
        self._rings: dict[object, Callable[[], None]] = {}

    def add(self, ring: Callable[[], None]) -> Callable[[], None]:
        """Hang one up.  :returns: takes it down; idempotent."""
        key = object()
        self._rings[key] = ring
        return lambda: self._rings.pop(key, None) and None

    def ring(self) -> None:
        """Ring them all."""
        for ring in list(self._rings.values()):
            ring()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """
    A message in a box.

    :param arrived: the modseq with which it came; :param modseq: of its last change.
    """

    content: Octets
    digest: Digest
    email_id: str
    flags: Flags
    arrived: ModSeq
    modseq: ModSeq
    internal_date: datetime
    save_date: datetime

    def copied(self, keywords: Keywords, modseq: ModSeq, now: datetime) -> Message:
        """The same in another box, in whose spelling its keywords are."""
        return replace(
            self,
            flags=spelled(part(names_of(self.flags)), keywords),
            arrived=modseq,
            modseq=modseq,
            save_date=now,
        )


@dataclass(frozen=True, slots=True)
class Buried:
    """The octets of an expunged message, and since when it is gone."""

    content: Octets
    since: datetime
    internal_date: datetime


@dataclass(frozen=True, slots=True)
class Note:
    """An annotation, and when it changed.  :param value: None once it was removed."""

    value: bytes | None
    modseq: ModSeq


Notes = dict[tuple[str, str], Note]
"""Annotations by whose they are, and by their entry."""


@dataclass(slots=True, kw_only=True)
class Box:
    """
    One mailbox.

    :param forgotten: tombstones up to this modseq are no longer there.
    :param account: None once it is deleted.
    :param vaulted: octets of expunged messages wait for a vault.
    """

    id: str
    name: MailboxName
    account: Account | None
    uid_validity: UIDValidity
    special_use: frozenset[str]
    modseq: ModSeq
    uid_next: UID = _FIRST
    recent: UID = _FIRST
    forgotten: ModSeq = _BEFORE_ALL
    unseen: int = 0
    deleted: int = 0
    deleted_size: int = 0
    quota: Quota = field(default_factory=Quota)
    append_limit: int | None = None
    vaulted: bool = False
    rights: ACL = field(default_factory=dict)
    notes: Notes = field(default_factory=dict)
    lock: object | None = None
    messages: dict[UID, Message] = field(default_factory=dict)
    tombstones: dict[UID, ModSeq] = field(default_factory=dict)
    buried: dict[UID, Buried] = field(default_factory=dict)
    keywords: Keywords = field(default_factory=dict)
    deliveries: dict[str | None, UID] = field(default_factory=dict)
    bells: Bells = field(default_factory=Bells)

    def put(self, message: Message) -> UID:
        """Add it with the next UID, which is never given again."""
        uid = self.uid_next
        self.uid_next = UID(uid + 1)
        self.messages[uid] = message
        self._count(message, 1)
        return uid

    def reflag(self, uid: UID, flags: Flags, modseq: ModSeq) -> None:
        """Give a message other flags."""
        before = self.messages[uid]
        self._count(before, -1)
        after = replace(before, flags=flags, modseq=modseq)
        self.messages[uid] = after
        self._count(after, 1)

    def drop(self, uid: UID, modseq: ModSeq, now: datetime) -> None:
        """Remove a message, and leave a tombstone."""
        message = self.messages.pop(uid)
        self._count(message, -1)
        self.tombstones[uid] = modseq
        self.bury(uid, message, now)

    def bury(self, uid: UID, message: Message, now: datetime) -> None:
        """Keep its octets for a while."""
        self.buried[uid] = Buried(message.content, now, message.internal_date)

    def _count(self, message: Message, sign: int) -> None:
        size = sign * message.content.size
        self.unseen += sign * (not message.flags.bits & BIT_SEEN)
        if message.flags.bits & BIT_DELETED:
            self.deleted += sign
            self.deleted_size += size
        quotas = [self.quota] if self.account is None else [self.quota, self.account.quota]
        for quota in quotas:
            quota.octets += size
            quota.messages += sign

    def present(self, uids: UIDSet) -> list[UID]:
        """Those of ``uids`` that are there, ascending."""
        if len(uids) > len(self.messages):
            return [uid for uid in self.messages if uid in uids]
        return [uid for uid in uids if uid in self.messages]

    def first_unseen(self) -> UID | None:
        """Among the first ones."""
        if not self.unseen:
            return None
        first = islice(self.messages.items(), FIRST_UNSEEN)
        return next((uid for uid, m in first if not m.flags.bits & BIT_SEEN), None)

    def vanished(self, since: ModSeq, known: UIDSet | None) -> UIDSet:
        """What of ``known`` is gone; never too little (:rfc:`7162#section-3.2.6`)."""
        if since >= self.forgotten:
            gone = UIDSet(uid for uid, modseq in self.tombstones.items() if modseq > since)
            return gone if known is None else gone & known
        if known is None:
            known = UIDSet.of_ranges([(1, self.uid_next - 1)] if self.uid_next > 1 else [])
        return known - UIDSet(self.messages)

    def forget(self, tombstones: int, before: datetime) -> None:
        """Keep the last ``tombstones``, and the octets of what went after ``before``."""
        # Both dicts are in the order in which messages went.
        past = len(self.tombstones) - tombstones
        if past > 0:
            # Those of one modseq go together: half of an answer would be a wrong one.
            self.forgotten = list(self.tombstones.values())[past - 1]
            self.tombstones = {u: m for u, m in self.tombstones.items() if m > self.forgotten}
        if not self.vaulted:
            for uid in self.overdue(before):
                del self.buried[uid]

    def overdue(self, before: datetime) -> list[UID]:
        """Whose octets may go."""
        return [uid for uid, buried in self.buried.items() if buried.since < before]

    def info(self, subscribed: bool) -> MailboxInfo:
        """What LIST and STATUS say of it."""
        return MailboxInfo(
            name=self.name,
            id=self.id,
            uid_validity=self.uid_validity,
            uid_next=self.uid_next,
            modseq=self.modseq,
            messages=len(self.messages),
            unseen=self.unseen,
            deleted=self.deleted,
            size=self.quota.octets,
            subscribed=subscribed,
            special_use=self.special_use,
            deleted_size=self.deleted_size,
            append_limit=self.append_limit,
        )


@dataclass(slots=True, kw_only=True)
class Account:
    """
    All boxes of an account.

    :param gone: names that lost their box or changed without having one, and when.
    :param removed: nothing is made here any more.
    """

    name: str = ""
    removed: bool = False
    modseq: ModSeq = _BEGINNING
    quota: Quota = field(default_factory=Quota)
    boxes: dict[MailboxName, Box] = field(default_factory=dict)
    subscribed: set[MailboxName] = field(default_factory=set)
    gone: dict[MailboxName, ModSeq] = field(default_factory=dict)
    notes: Notes = field(default_factory=dict)
    bells: Bells = field(default_factory=Bells)

    def box(self, name: str) -> Box:
        """:raises NoSuchMailbox: none of that name."""
        box = self.boxes.get(normal(name))
        if box is None:
            raise NoSuchMailbox(f"no mailbox {name}")
        return box

    def step(self) -> ModSeq:
        """Take the next modseq."""
        self.modseq = ModSeq(self.modseq + 1)
        return self.modseq

    def changed(self, boxes: Iterable[Box], modseq: ModSeq) -> None:
        """Say so, to everybody who watches."""
        boxes = tuple(boxes)
        for box in boxes:
            box.modseq = modseq
        for bells in (*(box.bells for box in boxes), self.bells):
            bells.ring()
