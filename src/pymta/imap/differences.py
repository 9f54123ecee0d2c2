"""
What became of the mailboxes of an account between two looks at them, as NOTIFY tells it
(:rfc:`5465#section-5`).

Pure: two lists of the store go in, notices come out.  Mailboxes are known by their ids, so a rename
is none of a deletion and a creation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pymta.mailbox import MailboxInfo, MailboxName
from pymta.wire.imap.command.notify import Event
from pymta.wire.imap.command.status import StatusItem

__all__ = ["Figures", "Mailboxes", "Named", "Notice", "attributes", "differences", "figures"]


@dataclass(frozen=True, slots=True)
class Named:
    """
    A LIST response.

    :param old: what it was called.
    """

    name: MailboxName
    old: MailboxName | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """A STATUS response."""

    info: MailboxInfo
    items: tuple[StatusItem, ...]


Notice: TypeAlias = Named | Figures

Wanted: TypeAlias = Callable[[MailboxName, bool], Collection[Event]]
"""What a client wants to know of a name, subscribed or not."""


class Mailboxes:
    """All of an account at one moment, and names that are subscribed without one."""

    def __init__(self, infos: Sequence[MailboxInfo]) -> None:
        self.by_name: dict[MailboxName, MailboxInfo] = {info.name: info for info in infos}
        self.by_id: dict[str, MailboxInfo] = {info.id: info for info in infos if info.exists}

    def with_changed(self, infos: Sequence[MailboxInfo]) -> Mailboxes:
        """
        All of them behind changes that took no name away.

        :param infos: of what changed; all else is as it was.
        """
        after = Mailboxes(())
        after.by_name, after.by_id = dict(self.by_name), dict(self.by_id)
        for info in infos:
            former = after.by_name.get(info.name)
            if former is not None and former.exists:
                del after.by_id[former.id]
        for info in infos:
            after.by_name[info.name] = after.by_id[info.id] = info
        return after

    def part(self, names: Collection[MailboxName]) -> Mailboxes:
        """Those with these names."""
        return Mailboxes([self.by_name[name] for name in names if name in self.by_name])

    def is_subscribed(self, name: MailboxName) -> bool:
        """Whether the name is."""
        info = self.by_name.get(name)
        return info is not None and info.subscribed

    def has_children(self, name: MailboxName) -> bool:
        """Whether a mailbox is below it."""
        start = name + "/"
        return any(i.exists and i.name.startswith(start) for i in self.by_name.values())


def attributes(mailboxes: Mailboxes, name: MailboxName) -> list[str]:
    """Those of a LIST response, all of them (:rfc:`5465#section-5.5`)."""
    info = mailboxes.by_name.get(name)
    exists = info is not None and info.exists
    found = [] if exists else ["\\NonExistent"]
    found.append("\\HasChildren" if mailboxes.has_children(name) else "\\HasNoChildren")
    if info is not None:
        found += ["\\Subscribed"] if info.subscribed else []
        found += sorted(info.special_use)
    if exists and info is not None and "r" not in info.rights:
        found.append("\\NoAccess")
    return found


def differences(
    before: Mailboxes,
    after: Mailboxes,
    wanted: Wanted,
    moved: Collection[MailboxName] | None = None,
) -> Iterator[Notice]:
    """
    What is told, names in front of figures, each name once.

    :param moved: names of mailboxes that changed, old ones too; None: it may be all.
    """
    old, new = before, after
    if moved is not None:
        # Of ten thousand mailboxes, those are looked at to which something happened.
        old, new = before.part(moved), after.part(moved)
    told: dict[MailboxName, Named] = {}
    for notice in (*_renamed(old, new), *_made(old, new), *_gone(old, new)):
        events = wanted(notice.name, after.is_subscribed(notice.name))
        if notice.old is not None:
            # The old name is affected as well: who watches it hears where the mailbox went.
            events = {*events, *wanted(notice.old, before.is_subscribed(notice.old))}
        if Event.MAILBOX_NAME in events:
            told.setdefault(notice.name, notice)
    for name in _subscribed(old, new):
        if Event.SUBSCRIPTION_CHANGE in wanted(name, True):
            told.setdefault(name, Named(name))
    yield from told.values()
    for info in new.by_id.values():
        events = wanted(info.name, info.subscribed)
        items = _moved(old.by_id.get(info.id), info, events)
        if items and "r" in info.rights:
            yield Figures(info, items)


def _renamed(before: Mailboxes, after: Mailboxes) -> Iterator[Named]:
    names = {
        info.name: after.by_id[number].name
        for number, info in before.by_id.items()
        if number in after.by_id and after.by_id[number].name != info.name
    }
    for old, new in names.items():
        above, _, level = old.rpartition("/")
        # RFC 5465 section 5.4: not of those below one that was renamed
        if names.get(MailboxName(above), "") + "/" + level != new:
            yield Named(new, old)


def _made(before: Mailboxes, after: Mailboxes) -> Iterator[Named]:
    for number, info in after.by_id.items():
        if number not in before.by_id:
            yield Named(info.name)
            yield from _above(info.name)
        elif ("r" in info.rights) != ("r" in before.by_id[number].rights):
            # RFC 5465 section 5.9
            yield Named(info.name)


def _gone(before: Mailboxes, after: Mailboxes) -> Iterator[Named]:
    for number, info in before.by_id.items():
        if number not in after.by_id:
            yield Named(info.name)
            yield from _above(info.name)


def _above(name: MailboxName) -> Iterator[Named]:
    """Its direct parent is affected, too, whether it exists or not."""
    above, slash, _ = name.rpartition("/")
    if slash:
        yield Named(MailboxName(above))


def _subscribed(before: Mailboxes, after: Mailboxes) -> Iterator[MailboxName]:
    renamed = {after.by_id[n].name for n, i in before.by_id.items() if n in after.by_id}
    for name in sorted(before.by_name.keys() | after.by_name.keys()):
        if before.is_subscribed(name) != after.is_subscribed(name):
            there = after.by_name.get(name)
            old = None if there is None else before.by_id.get(there.id)
            if old is not None and old.name != name and name in renamed:
                continue  # subscriptions are of names; that of this one is told with its rename
            yield name


def figures(events: Collection[Event], *, condstore: bool) -> tuple[StatusItem, ...]:
    """What STATUS says at first (:rfc:`5465#section-3.1`)."""
    items: list[StatusItem] = []
    if Event.MESSAGE_NEW in events:
        items += [StatusItem.MESSAGES, StatusItem.UIDNEXT, StatusItem.UIDVALIDITY]
    if Event.FLAG_CHANGE in events:
        items += [StatusItem.UIDVALIDITY, StatusItem.UNSEEN]
    if items and condstore:
        items.append(StatusItem.HIGHESTMODSEQ)
    return tuple(dict.fromkeys(items))


def _moved(
    old: MailboxInfo | None, new: MailboxInfo, events: Collection[Event]
) -> tuple[StatusItem, ...]:
    if old is None:
        return figures(events, condstore=False) if new.messages else ()
    items: list[StatusItem] = []
    if (old.uid_next, old.messages) != (new.uid_next, new.messages):
        if Event.MESSAGE_NEW in events:
            items += [StatusItem.UIDNEXT, StatusItem.MESSAGES]
    elif old.modseq == new.modseq or Event.FLAG_CHANGE not in events:
        return ()
    if Event.FLAG_CHANGE in events:
        items += [StatusItem.UIDVALIDITY, StatusItem.UNSEEN]
    return tuple(items)
