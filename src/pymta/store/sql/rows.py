"""
The rows of accounts and mailboxes, as a transaction holds them while it changes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from pymta.mailbox import UID, MailboxInfo, MailboxName, ModSeq, UIDSet, UIDValidity
from pymta.store._flags import Flags, Keywords
from pymta.store._quota import Quota

__all__ = ["Box", "Store", "box_of", "flags_of", "info_of", "keywords_text", "store_of", "uids_of"]


@dataclass(slots=True, kw_only=True)
class Store:
    """
    A row of ``stores``.

    :param account: None once it is removed.
    :param modseq: the last one that was given.
    """

    id: int
    account: str | None
    modseq: ModSeq
    quota: Quota
    changed: int

    def step(self) -> ModSeq:
        """Take the next modseq."""
        self.modseq = ModSeq(self.modseq + 1)
        return self.modseq

    def row(self) -> tuple[Any, ...]:
        """As it is written."""
        quota = self.quota
        return (
            self.id,
            self.account,
            self.modseq,
            quota.octets,
            quota.messages,
            quota.max_octets,
            quota.max_messages,
            self.changed,
            quota.max_mailboxes,
        )


@dataclass(slots=True, kw_only=True)
class Box:
    """
    A row of ``mailboxes``.

    :param store: None: it is being deleted.
    :param known: its keywords, once somebody asked.
    """

    id: int
    store: Store | None
    name: MailboxName
    uid_validity: UIDValidity
    uid_next: UID
    modseq: ModSeq
    messages: int = 0
    unseen: int = 0
    deleted: int = 0
    size: int = 0
    recent: UID
    tombstones: int = 0
    forgotten: ModSeq
    special_use: str = ""
    deleted_size: int = 0
    max_octets: int | None = None
    max_messages: int | None = None
    append_limit: int | None = None
    known: Keywords | None = field(default=None)

    def row(self) -> tuple[Any, ...]:
        """As it is written."""
        return (
            self.id,
            None if self.store is None else self.store.id,
            self.name,
            self.uid_validity,
            self.uid_next,
            self.modseq,
            self.messages,
            self.unseen,
            self.deleted,
            self.size,
            self.recent,
            self.tombstones,
            self.forgotten,
            self.special_use,
            self.deleted_size,
            self.max_octets,
            self.max_messages,
            self.append_limit,
        )

    @property
    def quota(self) -> Quota:
        """What it holds now, and its own limits."""
        return Quota(self.size, self.messages, self.max_octets, self.max_messages)


def store_of(row: Row[Any]) -> Store:
    """Of a row of ``stores``."""
    return Store(
        id=row.id,
        account=row.account,
        modseq=ModSeq(row.modseq),
        quota=Quota(row.octets, row.messages, row.max_octets, row.max_messages, row.max_mailboxes),
        changed=row.changed,
    )


def box_of(row: Row[Any], store: Store) -> Box:
    """Of a row of ``mailboxes``."""
    return Box(
        id=row.id,
        store=store,
        name=MailboxName(row.name),
        uid_validity=UIDValidity(row.uid_validity),
        uid_next=UID(row.uid_next),
        modseq=ModSeq(row.modseq),
        messages=row.messages,
        unseen=row.unseen,
        deleted=row.deleted,
        size=row.size,
        recent=UID(row.recent),
        tombstones=row.tombstones,
        forgotten=ModSeq(row.forgotten),
        special_use=row.special_use,
        deleted_size=row.deleted_size,
        max_octets=row.max_octets,
        max_messages=row.max_messages,
        append_limit=row.append_limit,
    )


def info_of(row: Row[Any] | Box, *, subscribed: object) -> MailboxInfo:
    """What LIST and STATUS say of a mailbox."""
    return MailboxInfo(
        name=MailboxName(row.name),
        id=f"M{row.id:x}",
        uid_validity=UIDValidity(row.uid_validity),
        uid_next=UID(row.uid_next),
        modseq=ModSeq(row.modseq),
        messages=row.messages,
        unseen=row.unseen,
        deleted=row.deleted,
        size=row.size,
        subscribed=bool(subscribed),
        special_use=frozenset(row.special_use.split()),
        deleted_size=row.deleted_size,
        append_limit=row.append_limit,
    )


def flags_of(bits: int, keywords: str) -> Flags:
    """As two columns keep them."""
    return Flags(bits, tuple(keywords.split(" ")) if keywords else ())


def keywords_text(flags: Flags) -> str:
    """For the column of keywords."""
    return " ".join(flags.keywords)


def uids_of(uids: Sequence[int]) -> UIDSet:
    """
    A set of UIDs that come ascending.

    Cut in halves until a half has no gaps: a million UIDs in one range are one comparison, where
    looking at each takes 60 ms.
    """
    ranges: list[tuple[int, int]] = []
    pieces = [(0, len(uids))] if uids else []
    while pieces:
        start, stop = pieces.pop()
        first, last = uids[start], uids[stop - 1]
        if last - first == stop - start - 1:
            ranges.append((first, last))
        else:
            middle = (start + stop) // 2
            pieces += [(start, middle), (middle, stop)]
    return UIDSet.of_ranges(ranges)
