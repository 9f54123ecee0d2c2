"""
Every group of clauses of the kit fails on a provider that breaks it on purpose.

Each mutant changes one thing of the mailboxes in memory, and one test of the kit must notice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as replaced
from datetime import datetime
from typing import Any

import pytest

from pymta.errors import OverQuota, PymtaError
from pymta.interfaces.content import Octets
from pymta.mailbox import SEEN, UID, Changes, ModSeq, UIDSet
from pymta.search import SortKey
from pymta.store import _flags, _fuzzy, _judging, _search
from pymta.store._quota import Quota
from pymta.store._text import Casemap
from pymta.store.memory import changes, mailbox, mailboxes
from pymta.store.memory.mailbox import MemoryMailbox
from pymta.store.memory.mailboxes import MemoryMailboxes
from pymta.store.memory.state import Account, Bells, Box, Message
from tests.store.test_memory import TestMemory as Kit

Mutate = Callable[[pytest.MonkeyPatch], None]


def method(owner: Any, name: str, mutant: Callable[..., Any]) -> Mutate:
    """Put ``mutant(original, *args)`` in the place of something."""

    def mutate(monkeypatch: pytest.MonkeyPatch) -> None:
        original = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *a, **k: mutant(original, *a, **k))

    return mutate


async def _one_by_one(append: Any, self: MemoryMailbox, messages: Any) -> Any:
    for message in messages:
        appended = await append(self, [message])
    return appended


async def _reversed(records: Any, self: MemoryMailbox, *args: Any) -> Any:
    return (await records(self, *args))[::-1]


async def _not_buried(content: Any, self: MemoryMailbox, uid: UID) -> Any:
    self._box.buried.clear()
    return await content(self, uid)


async def _none_unended(unended: Any, self: MemoryMailbox) -> Any:
    return UIDSet()


async def _without_last(sizes: Any, self: MemoryMailbox) -> Any:
    return (await sizes(self))[:-1]


async def _told_twice(ask: Any, self: MemoryMailbox, since: ModSeq, known: Any = None) -> Changes:
    told: Changes = await ask(self, since, known)
    return replaced(told, vanished=told.vanished | told.arrived)


async def _never_late(
    change: Any, self: MemoryMailbox, uids: Any, what: Any, since: Any = None
) -> Any:
    return await change(self, uids, what)


async def _recent_stays(take: Any, self: MemoryMailbox) -> Any:
    return self._box.recent


async def _no_lock(lock: Any, self: MemoryMailbox) -> Any:
    self._box.lock = None
    return await lock(self)


async def _anybodys_lock(lock: Any, self: MemoryMailbox) -> Any:
    await lock(self)

    async def release() -> None:
        self._box.lock = None

    return release


async def _all_of_it(expunge: Any, self: MemoryMailbox, uids: Any = None) -> Any:
    return await expunge(self)


async def _moved_alone(move: Any, self: MemoryMailbox, uids: Any, where: Any) -> Any:
    copied, expunged = await move(self, uids, where)
    self._box.messages.update(dict.fromkeys(()))
    return copied, replaced(expunged, uids=UIDSet())


async def _no_gone(ask: Any, self: MemoryMailboxes, since: ModSeq) -> Any:
    return replaced(await ask(self, since), gone=())


async def _forgets_subscription(delete: Any, self: MemoryMailboxes, name: Any) -> Any:
    self._account.subscribed.discard(name)
    return await delete(self, name)


def _reused(put: Any, self: Box, message: Message) -> UID:
    self.uid_next = UID(max(self.messages, default=0) + 1)
    uid: UID = put(self, message)
    return uid


def _forgetful(drop: Any, self: Box, uid: UID, modseq: ModSeq, now: datetime) -> None:
    drop(self, uid, modseq, now)
    self.deliveries.clear()


def _silently_forgetful(forget: Any, self: Box, tombstones: int, before: datetime) -> None:
    forget(self, tombstones, before)
    self.forgotten = ModSeq(0)


def _kept_for_ever(forget: Any, self: Box, tombstones: int, before: datetime) -> None:
    self.buried = {
        uid: replaced(b, since=datetime.max.replace(tzinfo=before.tzinfo))
        for uid, b in self.buried.items()
    }


def _undelivered(put: Any, box: Box, received: Any, *args: Any) -> Any:
    return put(box, replaced(received, delivery_id=None), *args)


def _never_permanent(check: Any, self: Quota, octets: int, messages: int) -> None:
    try:
        check(self, octets, messages)
    except OverQuota as error:
        raise OverQuota(str(error)) from None


def _canonical(receive: Any, message: Any) -> Any:
    octets = message.content
    if isinstance(octets, Octets):
        fixed = octets.octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        message = replaced(message, content=Octets(fixed))
    return receive(message)


def _uncounted(count: Any, self: Box, message: Message, sign: int) -> None:
    deleted = self.deleted
    count(self, message, sign)
    self.deleted = deleted


def _same_modseq(reflag: Any, self: Box, uid: UID, flags: Any, modseq: ModSeq) -> None:
    reflag(self, uid, flags, self.messages[uid].modseq)


def _bell_stays(add: Any, self: Bells, ring: Any) -> Any:
    add(self, ring)
    return lambda: None


def _own_spelling(copied: Any, self: Message, keywords: Any, modseq: Any, now: Any) -> Any:
    return replaced(copied(self, keywords, modseq, now), flags=self.flags)


def _plain_copy(copied: Any, self: Message, keywords: Any, modseq: Any, now: Any) -> Any:
    return replaced(copied(self, keywords, modseq, now), flags=_flags.NO_FLAGS)


def _another_id(copied: Any, self: Message, keywords: Any, modseq: Any, now: Any) -> Any:
    return replaced(copied(self, keywords, modseq, now), email_id=f"{self.email_id}{modseq}")


def _same_validity(add: Any, account: Account, name: Any, settings: Any) -> Box:
    box: Box = add(account, name, settings)
    box.uid_validity = type(box.uid_validity)(1)
    return box


async def _reversed_sort(sort: Any, messages: Any, keys: Any, breathe: Any) -> Any:
    order = await sort(messages, [SortKey(key.by) for key in keys], breathe)
    return order[::-1] if any(key.descending for key in keys) else order


async def _backwards(sort: Any, messages: Any, keys: Any, breathe: Any) -> Any:
    return (await sort(messages, keys, breathe))[::-1]


async def _no_dummies(thread: Any, *args: Any) -> Any:
    return [node for node in await thread(*args) if node.uid is not None]


MUTANTS: list[tuple[str, Mutate, str, dict[str, Any]]] = [
    ("UIDs come back", method(Box, "put", _reused), "test_uid_is_never_used_twice", {}),
    (
        "a call by halves",
        method(MemoryMailbox, "append", _one_by_one),
        "test_append_of_unreadable_content",
        {},
    ),
    (
        "any flag goes",
        method(changes, "checked_flags", lambda _, m: _flags.Parted(0, {})),
        "test_append_refuses_a_bad_message",
        {"kwargs": {"flags": frozenset({"\\Recent"})}},
    ),
    (
        "read-only changes",
        method(MemoryMailbox, "_may_change", lambda _, self: self._there()),
        "test_append_read_only",
        {},
    ),
    (
        "deleted mailboxes live on",
        method(MemoryMailbox, "_there", lambda _, self: (self._box, Account())),
        "test_nothing_goes_on_a_deleted_mailbox",
        {},
    ),
    (
        "delivery ids are nothing",
        method(changes, "_put", _undelivered),
        "test_delivery_id_is_delivered_once",
        {},
    ),
    (
        "delivery ids go with their message",
        method(Box, "drop", _forgetful),
        "test_delivery_id_of_a_message_that_is_gone",
        {},
    ),
    (
        "line ends are mended",
        method(mailbox, "receive", _canonical),
        "test_content_is_what_was_appended",
        {"content": Octets(b"a\nb")},
    ),
    (
        "octets go at once",
        method(MemoryMailbox, "content", _not_buried),
        "test_content_outlives_its_message",
        {"content": Octets(b"a")},
    ),
    (
        "octets stay for ever",
        method(Box, "forget", _kept_for_ever),
        "test_content_goes_in_the_end",
        {},
    ),
    (
        "rows the other way round",
        method(MemoryMailbox, "records", _reversed),
        "test_records_are_in_order",
        {},
    ),
    (
        "last lines are taken for whole",
        method(MemoryMailbox, "unended", _none_unended),
        "test_unended",
        {"octets": b"x", "unended": True},
    ),
    ("a size is missing", method(MemoryMailbox, "sizes", _without_last), "test_sizes", {}),
    ("copies are others", method(Message, "copied", _another_id), "test_records_of_email_ids", {}),
    ("deleted is not counted", method(Box, "_count", _uncounted), "test_flags_are_counted", {}),
    (
        "flags have no modseq",
        method(Box, "reflag", _same_modseq),
        "test_change_flags",
        {"before": set(), "mode": "+", "flags": {SEEN}, "after": {SEEN}},
    ),
    (
        "UNCHANGEDSINCE is ignored",
        method(MemoryMailbox, "change_flags", _never_late),
        "test_unchanged_since",
        {},
    ),
    (
        "keywords as last written",
        method(mailbox, "spelled", lambda _, p, k: _flags.spelled(p, {})),
        "test_change_flags",
        {"before": {"$Junk"}, "mode": "+", "flags": {"$JUNK"}, "after": {"$Junk"}},
    ),
    (
        "expunge takes all",
        method(MemoryMailbox, "expunge", _all_of_it),
        "test_expunge_of_some",
        {},
    ),
    ("copies without flags", method(Message, "copied", _plain_copy), "test_copy", {}),
    (
        "copies with their own spelling",
        method(Message, "copied", _own_spelling),
        "test_copy_spells_as_its_destination",
        {},
    ),
    ("move tells no expunge", method(MemoryMailbox, "move", _moved_alone), "test_move", {}),
    ("told in two lists", method(MemoryMailbox, "changes", _told_twice), "test_changes", {}),
    (
        "tombstones lost silently",
        method(Box, "forget", _silently_forgetful),
        "test_changes_beyond_the_tombstones",
        {},
    ),
    (
        "silent bell",
        method(Bells, "ring", lambda _, self: None),
        "test_bell_rings_for_own_changes",
        {},
    ),
    ("bell that stays", method(Bells, "add", _bell_stays), "test_bell_taken_down", {}),
    (
        "recent for everybody",
        method(MemoryMailbox, "take_recent", _recent_stays),
        "test_recent_is_taken_once",
        {},
    ),
    ("lock for all", method(MemoryMailbox, "lock", _no_lock), "test_lock_is_exclusive", {}),
    (
        "anybody's lock",
        method(MemoryMailbox, "lock", _anybodys_lock),
        "test_lock_is_exclusive",
        {},
    ),
    (
        "no quota",
        method(Quota, "check", lambda *_: None),
        "test_over_quota_adds_nothing",
        {},
    ),
    (
        "never permanent",
        method(Quota, "check", _never_permanent),
        "test_a_message_that_never_fits",
        {},
    ),
    (
        "levels stay behind",
        method(mailboxes, "renamed", lambda _, old, new, names: {old: new}),
        "test_rename_of_levels",
        {},
    ),
    (
        "INBOX keeps its messages",
        method(mailboxes, "drop", lambda *_, **__: None),
        "test_rename_inbox",
        {},
    ),
    (
        "one UIDVALIDITY",
        method(mailboxes, "_add_box", _same_validity),
        "test_a_name_used_again",
        {},
    ),
    (
        "any name",
        method(mailboxes, "checked", lambda _, name: name),
        "test_no_name",
        {"bad": "a//b"},
    ),
    (
        "subscriptions go with mailboxes",
        method(MemoryMailboxes, "delete", _forgets_subscription),
        "test_subscription_without_mailbox",
        {},
    ),
    (
        "nothing is ever gone",
        method(MemoryMailboxes, "changes", _no_gone),
        "test_store_changes",
        {},
    ),
    (
        "days in another zone",
        method(_judging, "_day", lambda day, *a: day(*a).replace(day=1)),
        "test_search",
        {},
    ),
    (
        "case counts",
        method(Casemap, "map", lambda _, self, text: text),
        "test_search",
        {},
    ),
    (
        "accents count",
        method(_fuzzy, "_fit", lambda _, phrase, text: 100 * (phrase in text)),
        "test_search",
        {},
    ),
    (
        "scores as they come",
        method(_search, "stretched", lambda _, scores: tuple(scores)),
        "test_scores",
        {},
    ),
    (
        "reversed as a whole",
        method(mailbox, "sort", _reversed_sort),
        "test_sort",
        {},
    ),
    (
        "the worst first",
        method(mailbox, "sort", _backwards),
        "test_sort_by_relevancy",
        {},
    ),
    (
        "threads without roots that are not there",
        method(mailbox, "thread", _no_dummies),
        "test_thread",
        {},
    ),
]


@pytest.mark.parametrize(
    ("mutate", "test", "arguments"),
    [pytest.param(*rest, id=what) for what, *rest in MUTANTS],
)
def test_the_kit_notices(
    monkeypatch: pytest.MonkeyPatch, mutate: Mutate, test: str, arguments: dict[str, Any]
) -> None:
    """The test passes as it is, and fails with the mutant."""
    getattr(Kit(), test)(**arguments)
    mutate(monkeypatch)
    # A mutant that merely breaks is no mutant: TypeError and the like do not count.
    with pytest.raises((AssertionError, PymtaError, pytest.fail.Exception)):
        getattr(Kit(), test)(**arguments)
