"""
NOTIFY (:rfc:`5465`): telling of mailboxes that are not selected, and of the one that is, also while
no command is in progress.

A bell says that something may have happened; what did is found by comparing the mailboxes that
changed with what they were at the last look, so that a hundred changes in a row are told as one,
and the price of one is the same among ten thousand mailboxes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from pymta.imap.commands import fetch
from pymta.imap.commands.status import status_line
from pymta.imap.differences import Figures, Mailboxes, Named, attributes, differences, figures
from pymta.imap.extension import Call, Offered
from pymta.imap.session import Brought, IMAPSession
from pymta.interfaces.sharing import IACLStore
from pymta.mailbox import MailboxName, ModSeq, Namespaces, StoreChanges
from pymta.wire.imap import verbs
from pymta.wire.imap.command.append import Append
from pymta.wire.imap.command.copy import Copy, Move
from pymta.wire.imap.command.fetch import Fetch, FetchItem
from pymta.wire.imap.command.mailbox import Create, Delete, Rename, Subscribe, Unsubscribe
from pymta.wire.imap.command.metadata import SetMetadata
from pymta.wire.imap.command.notify import Event, EventGroup, Notify, Which
from pymta.wire.imap.command.status import StatusItem
from pymta.wire.imap.numset import SeqSet
from pymta.wire.imap.response import codes
from pymta.wire.imap.response.mailbox import list_line
from pymta.wire.imap.response.metadata import metadata_changed_line
from pymta.wire.imap.response.status import NO, OK, Ending

__all__ = ["CALLS", "OFFERED", "Watch"]

MOST_NAMES: Final = 1_000
"""Names in one NOTIFY: all folders of a person, many times over."""

_KNOWN: Final = tuple(event for event in Event if event is not Event.ANNOTATION_CHANGE)
"""Messages have no annotations here."""

_SELECTED: Final = (Which.SELECTED, Which.SELECTED_DELAYED)
_MESSAGES: Final = frozenset({Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE, Event.FLAG_CHANGE})


async def _notify(session: IMAPSession, command: Notify) -> Ending:
    if any(group.unknown or group.events - set(_KNOWN) for group in command.groups):
        return NO("There is no such event", codes.bad_event([event.value for event in _KNOWN]))
    if sum(len(group.mailboxes) for group in command.groups) > MOST_NAMES:
        return NO("Too many mailboxes", codes.NOTIFICATIONOVERFLOW)
    if command.groups and session.selected is not None:
        # RFC 5465 section 3.1: all that has accumulated, as if by NOOP
        session.watch(None)
        await session.refresh()
        await session.tell(may_expunge=True)
    watch = Watch(session, command.groups)
    try:
        await watch.begin()
    except BaseException:
        watch.close()
        raise
    session.watch(watch)
    await watch.tell_at_first(status=command.status)
    return OK("You will hear of it")


class Watch:
    """What a client wants to be told; a :class:`~pymta.imap.session.Watcher`."""

    def __init__(self, session: IMAPSession, groups: tuple[EventGroup, ...]) -> None:
        self._session = session
        self._selected = next((g for g in groups if g.which in _SELECTED), None)
        self._groups = tuple(group for group in groups if group.which not in _SELECTED)
        self._namespaces = Namespaces()
        self._known = Mailboxes(())
        self._until = ModSeq(0)
        self._rings = False
        self._brought = False
        self._largest = 0
        self._down: Callable[[], None] = lambda: None

    async def begin(self) -> None:
        """Hang up the bell, and look at all that is there."""
        session, store = self._session, self._session.store
        if session.provides(IACLStore):
            self._namespaces = await session.asked(IACLStore(store).namespaces())
        if self._groups:
            # A store that was asked once knows whose bell it is, and rings for no others.
            await session.asked(store.mailboxes())
            self._down = store.watch(self._ring)
            changes: StoreChanges = await session.asked(store.changes(ModSeq(0)))
            self._until = changes.until
            self._known = Mailboxes(await session.asked(store.mailboxes()))

    def _ring(self) -> None:
        self._rings = True
        self._session.ring()

    # -- the seam of the conversation ------------------------------------------------------

    @property
    def has_news(self) -> bool:
        """Whether a bell rang for what is wanted."""
        selected = self._session.selected
        return self._rings or (self.wants_selected and selected is not None and selected.bell.rings)

    @property
    def wants_selected(self) -> bool:
        """Whether the client wants to know of the selected mailbox at all."""
        return self._selected is not None and bool(self._selected.events)

    @property
    def wants_flags(self) -> bool:
        """Whether it wants to know of flags there."""
        return self._selected is not None and Event.FLAG_CHANGE in self._selected.events

    @property
    def fetched(self) -> tuple[FetchItem, ...]:
        """What is told of each new message there."""
        return () if self._selected is None else self._selected.items

    async def tell(self, session: IMAPSession) -> None:
        """Tell what is new: of the selected mailbox first."""
        if self.wants_selected and session.selected is not None:
            assert self._selected is not None
            if session.here.bell.rings:
                await session.refresh()
            # RFC 5465 section 6.1.2: IDLE is one of the commands that can bear it
            at_once = self._selected.which is Which.SELECTED or session.machine.is_idling
            await session.tell(may_expunge=at_once)
        if self._rings:
            await self._tell_others()

    async def answered(self, session: IMAPSession, command: object) -> None:
        """What it did itself is no news to the client (:rfc:`5465#section-5`)."""
        self._brought = isinstance(command, Append | Copy | Move)
        own = frozenset(_names_of(command))
        brought, session.brought = session.brought, None
        if (own or brought) and self._groups:
            await self._tell_others(own, brought)

    def close(self) -> None:
        """No more of it; idempotent."""
        self._down()

    # -- the selected mailbox -----------------------------------------------------------------

    async def foretell(self, session: IMAPSession) -> None:
        """What was there before is not new."""
        self._largest = session.here.view.largest

    async def follow(self, session: IMAPSession) -> None:
        """Tell what was asked for of new messages, unless the client brought them itself."""
        brought, self._brought = self._brought, False
        items = self.fetched
        if items and not brought and session.here.view.largest > self._largest:
            new = SeqSet.parse(b"%d:%d" % (self._largest + 1, session.here.view.largest))
            await fetch.CALLS[Fetch].run(session, Fetch(numbers=new, items=items, by_uid=True))

    # -- others --------------------------------------------------------------------------------

    async def tell_at_first(self, *, status: bool) -> None:
        """STATUS where it is asked for, and what cannot be watched (:rfc:`5465#section-3.1`)."""
        for info in self._known.by_id.values():
            events = self._wanted(info.name, info.subscribed) & _MESSAGES
            if not events:
                continue
            if "r" not in info.rights:
                self._say_name(Named(info.name))
            elif status and not self._is_selected(info.name):
                # RFC 5465 section 3.1: for FlagChange, whether CONDSTORE is enabled or not
                items = figures(events, condstore=Event.FLAG_CHANGE in events)
                await self._say_figures(Figures(info, items))
        await self._session.flush()

    async def _tell_others(
        self, own: frozenset[MailboxName | None] = frozenset(), brought: Brought | None = None
    ) -> None:
        """
        :param own: names that the client changed itself just now; None is the server.
        :param brought: messages that it put somewhere just now.
        """
        session, store = self._session, self._session.store
        self._rings = False
        changes = await session.asked(store.changes(self._until))
        before, self._until = self._known, changes.until
        moved: frozenset[MailboxName] | None = frozenset(info.name for info in changes.changed)
        if changes.gone:
            # Of a name without a mailbox, the list alone says whether it is subscribed.
            self._known, moved = Mailboxes(await session.asked(store.mailboxes())), None
        else:
            self._known = before.with_changed(changes.changed)
        for notice in differences(before, self._known, self._wanted, moved):
            if isinstance(notice, Figures):
                if not (self._is_selected(notice.info.name) or _is_own(notice, before, brought)):
                    await self._say_figures(notice)
            elif notice.name not in own:
                self._say_name(notice)
            await session.flush()
        for name, entries in changes.annotated:
            if name not in own and self._wants_entries(name):
                session.say(metadata_changed_line(name, entries, utf8=session.utf8))

    def _say_name(self, notice: Named) -> None:
        words = attributes(self._known, notice.name)
        line = list_line(notice.name, words, utf8=self._session.utf8, old_name=notice.old)
        self._session.say(line)

    async def _say_figures(self, notice: Figures) -> None:
        items = notice.items
        if self._session.enabled("CONDSTORE", "QRESYNC"):
            items = tuple(dict.fromkeys((*items, StatusItem.HIGHESTMODSEQ)))
        self._session.say(await status_line(self._session, notice.info, items))

    def _is_selected(self, name: MailboxName) -> bool:
        selected = self._session.selected
        return selected is not None and selected.mailbox.name == name

    # -- who is meant --------------------------------------------------------------------------

    def _wants_entries(self, name: MailboxName | None) -> bool:
        if name is None:
            return any(Event.SERVER_METADATA_CHANGE in group.events for group in self._groups)
        wanted = self._wanted(name, self._known.is_subscribed(name))
        return Event.MAILBOX_METADATA_CHANGE in wanted

    def _wanted(self, name: MailboxName, subscribed: bool) -> frozenset[Event]:
        found: frozenset[Event] = frozenset()
        for group in self._groups:
            if self._means(group, name, subscribed=subscribed):
                found |= group.events
        return found

    def _means(self, group: EventGroup, name: MailboxName, *, subscribed: bool) -> bool:
        match group.which:
            case Which.PERSONAL | Which.INBOXES:
                # RFC 5465 section 6.3: filters may deliver into any of them
                return not name.startswith((*self._namespaces.others, *self._namespaces.shared))
            case Which.SUBSCRIBED:
                return subscribed
            case Which.SUBTREE:
                return any(name == top or name.startswith(top + "/") for top in group.mailboxes)
            case Which.MAILBOXES:
                return name in group.mailboxes
        return False


def _is_own(notice: Figures, before: Mailboxes, brought: Brought | None) -> bool:
    """Whether these messages are all that came, and nothing else moved the figures."""
    info, old = notice.info, before.by_id.get(notice.info.id)
    if brought is None or old is None or info.name != brought.mailbox or not brought.uids:
        return False
    first, last = min(brought.uids), max(brought.uids)
    arrived = (first, last + 1, old.messages + len(brought.uids))
    return arrived == (old.uid_next, info.uid_next, info.messages)


def _names_of(command: object) -> Iterator[MailboxName | None]:
    """What a command of the client changes, levels above included."""
    match command:
        case Create(mailbox) | Delete(mailbox):
            yield from _levels(mailbox)
        case Rename(old, new):
            yield from (*_levels(old), *_levels(new))
        case Subscribe(mailbox) | Unsubscribe(mailbox):
            yield mailbox
        case SetMetadata():
            yield command.mailbox


def _levels(name: MailboxName) -> Iterator[MailboxName]:
    levels = name.split("/")
    for n in range(1, len(levels) + 1):
        yield MailboxName("/".join(levels[:n]))


CALLS: Final[Mapping[type, Call]] = {Notify: Call(_notify)}

OFFERED: Final = (Offered(words=("NOTIFY",), verbs=(verbs.NOTIFY,)),)
