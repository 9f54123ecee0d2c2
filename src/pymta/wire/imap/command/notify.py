"""
NOTIFY (:rfc:`5465`): what the client wants to be told of which mailboxes; CANCELUPDATE
(:rfc:`5267#section-4.3.4`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from pymta.mailbox import MailboxName
from pymta.wire.imap.command.fetch import FetchItem, parse_items
from pymta.wire.imap.cursor import Cursor

__all__ = [
    "CancelUpdate",
    "Event",
    "EventGroup",
    "Notify",
    "Which",
    "parse_cancelupdate",
    "parse_notify",
]


class Which(Enum):
    """Of which mailboxes (:rfc:`5465#section-6`); the last two name them."""

    SELECTED = "SELECTED"
    SELECTED_DELAYED = "SELECTED-DELAYED"
    INBOXES = "INBOXES"
    PERSONAL = "PERSONAL"
    SUBSCRIBED = "SUBSCRIBED"
    SUBTREE = "SUBTREE"
    MAILBOXES = "MAILBOXES"


class Event(Enum):
    """What is told (:rfc:`5465#section-5`)."""

    MESSAGE_NEW = "MessageNew"
    MESSAGE_EXPUNGE = "MessageExpunge"
    FLAG_CHANGE = "FlagChange"
    ANNOTATION_CHANGE = "AnnotationChange"
    MAILBOX_NAME = "MailboxName"
    SUBSCRIPTION_CHANGE = "SubscriptionChange"
    MAILBOX_METADATA_CHANGE = "MailboxMetadataChange"
    SERVER_METADATA_CHANGE = "ServerMetadataChange"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventGroup:
    """
    One filter and its events.

    :param mailboxes: for SUBTREE and MAILBOXES.
    :param events: empty: none is wanted of these mailboxes.
    :param items: what to fetch of a new message, of the selected mailbox only.
    :param unknown: events that this server does not know: answered NO [BADEVENT].
    """

    which: Which
    mailboxes: tuple[MailboxName, ...] = ()
    events: frozenset[Event] = frozenset()
    items: tuple[FetchItem, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notify:
    """
    NOTIFY SET, or NOTIFY NONE without any group.

    :param groups: the first that matches a mailbox counts for it.
    :param status: tell the STATUS of all these mailboxes at once.
    """

    groups: tuple[EventGroup, ...]
    status: bool = False


@dataclass(frozen=True, slots=True)
class CancelUpdate:
    """CANCELUPDATE.  :param tags: of the searches that need no updates any more."""

    tags: tuple[str, ...]


_WHICH: Final = {which.value: which for which in Which}
_NAMED: Final = frozenset({Which.SUBTREE, Which.MAILBOXES})
_SELECTED: Final = frozenset({Which.SELECTED, Which.SELECTED_DELAYED})
_EVENTS: Final = {event.value.upper(): event for event in Event}
_MESSAGE: Final = frozenset(
    {Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE, Event.FLAG_CHANGE, Event.ANNOTATION_CHANGE}
)
_ARRIVALS: Final = frozenset({Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE})
#: RFC 5465 section 5: those that are told only together with the arrivals
_NEED_ARRIVALS: Final = frozenset({Event.FLAG_CHANGE, Event.ANNOTATION_CHANGE}) | _ARRIVALS


def parse_notify(cursor: Cursor) -> Notify:
    """``NONE``, or ``SET`` with groups."""
    cursor.space()
    if cursor.keyword("SET", "NONE") == "NONE":
        return Notify(())
    status = cursor.accept(b" STATUS")
    groups = []
    while cursor.accept(b" ("):
        groups.append(_group(cursor))
        cursor.expect(b")")
    if not groups:
        raise cursor.bad("group of events expected")
    if sum(group.which in _SELECTED for group in groups) > 1:
        # RFC 5465 section 8: only one of them can be specified
        raise cursor.bad("SELECTED twice")
    return Notify(tuple(groups), status)


def parse_cancelupdate(cursor: Cursor) -> CancelUpdate:
    """At least one tag, quoted."""
    tags = []
    while cursor.peek(2) not in (b"", b" "):
        cursor.space()
        tags.append(cursor.string().decode("ascii", "replace"))
    if not tags:
        raise cursor.bad("tag expected")
    return CancelUpdate(tuple(tags))


def _group(cursor: Cursor) -> EventGroup:
    word = cursor.word()
    if word not in _WHICH:
        raise cursor.bad("no such filter of mailboxes")
    which = _WHICH[word]
    mailboxes: tuple[MailboxName, ...] = ()
    if which in _NAMED:
        cursor.space()
        several = cursor.peek() == b"("
        mailboxes = cursor.listed(Cursor.mailbox) if several else (cursor.mailbox(),)
    cursor.space()
    known, unknown, items = _events(cursor)
    _check(cursor, which, known, items)
    return EventGroup(which=which, mailboxes=mailboxes, events=known, items=items, unknown=unknown)


def _events(cursor: Cursor) -> tuple[frozenset[Event], tuple[str, ...], tuple[FetchItem, ...]]:
    if cursor.accept(b"NONE"):
        return frozenset(), (), ()
    known: set[Event] = set()
    unknown: list[str] = []
    items: tuple[FetchItem, ...] = ()
    cursor.expect(b"(")
    while True:
        word = cursor.atom()
        event = _EVENTS.get(word.upper())
        if event is None:
            unknown.append(word)
        else:
            known.add(event)
        if event is Event.MESSAGE_NEW and cursor.accept(b" ("):
            items = _fetched(cursor)
        if cursor.accept(b")"):
            return frozenset(known), tuple(unknown), items
        cursor.space()


def _fetched(cursor: Cursor) -> tuple[FetchItem, ...]:
    found: list[FetchItem] = []
    while True:
        found += parse_items(cursor)
        if cursor.accept(b")"):
            return tuple(dict.fromkeys(found))
        cursor.space()


def _check(
    cursor: Cursor, which: Which, events: frozenset[Event], items: tuple[FetchItem, ...]
) -> None:
    # RFC 5465 section 5: MessageNew and MessageExpunge MUST be asked for together, and with
    # FlagChange and AnnotationChange
    if events & _NEED_ARRIVALS and not events >= _ARRIVALS:
        raise cursor.bad("MessageNew and MessageExpunge belong together")
    if which in _SELECTED and not events <= _MESSAGE:
        raise cursor.bad("only events of messages for the selected mailbox")
    if items and which not in _SELECTED:
        raise cursor.bad("items to fetch for the selected mailbox only")
