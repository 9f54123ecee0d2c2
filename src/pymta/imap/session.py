"""
What a command of a session has in its hands: who is there, what is selected, and whom to tell.

A command is a coroutine ``(session, command) -> Ending`` in :mod:`pymta.imap.commands`.  It says
untagged responses with :meth:`IMAPSession.say`, gives way with :meth:`IMAPSession.flush` behind
each slice of them, and returns how it ends; the conversation writes the tagged response, after
telling the client what is new.  Whatever it raises becomes NO there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, TypeVar

from zope.interface import Interface

from pymta.aio import Shared, TimeLimit, timeout
from pymta.edge.connection import Lost
from pymta.edge.visit import Visit
from pymta.errors import MailboxError
from pymta.imap.selected import Selected
from pymta.imap.settings import Settings
from pymta.imap.telling import Style, flag_lines, keyword_lines, notice_lines
from pymta.imap.view import Expunge, FlagsChanged, Vanish, highest, slices
from pymta.interfaces.accounts import IMailAccount
from pymta.interfaces.mailbox import IMailboxStore
from pymta.mailbox import UID, MailboxName, UIDSet
from pymta.wire.imap.command.fetch import FetchItem
from pymta.wire.imap.events import Closed, Event
from pymta.wire.imap.numset import Numbers
from pymta.wire.imap.response.codes import Code, highest_modseq, message_limit
from pymta.wire.imap.response.status import NO, OK, Ending, untagged
from pymta.wire.imap.server import IMAPServer

__all__ = ["Brought", "Follower", "IMAPSession", "Watcher"]

T = TypeVar("T")

ENABLEABLE: Final = frozenset({"CONDSTORE", "IMAP4REV2", "QRESYNC", "UIDONLY", "UTF8=ACCEPT"})
"""What ENABLE changes anything by, in upper case."""


class Follower(Protocol):
    """Tells what follows from news of the selected mailbox."""

    async def foretell(self, session: IMAPSession) -> None:
        """They are about to be told: numbers are still those that the client knows."""

    async def follow(self, session: IMAPSession) -> None:
        """They were told."""


@dataclass(frozen=True, slots=True)
class Brought:
    """Messages that the client itself put into a mailbox."""

    mailbox: MailboxName
    uids: Sequence[UID]


class Watcher(Follower, Protocol):
    """
    Tells news also while no command is in progress (:rfc:`5465`).

    Where there is one, IDLE tells what it tells (section 4).  Its bells call
    :attr:`IMAPSession.ring`.
    """

    @property
    def has_news(self) -> bool:
        """Whether a bell rang since it was last asked; of the selected mailbox, too."""

    @property
    def wants_selected(self) -> bool:
        """Whether anything is told of the selected mailbox, amid commands, too."""

    @property
    def wants_flags(self) -> bool:
        """Whether its flags are, where the client has not changed them itself."""

    @property
    def fetched(self) -> Collection[FetchItem]:
        """What is told of each new message there."""

    async def tell(self, session: IMAPSession) -> None:
        """
        Tell them; between two commands and amid an IDLE.

        :raises pymta.errors.NoSuchMailbox: the selected mailbox is not there any more.
        """

    async def answered(self, session: IMAPSession, command: object) -> None:
        """This client's own command is about to end: what it did is no news to it."""

    def close(self) -> None:
        """The session has ended; idempotent."""


class IMAPSession:
    """
    One client, from its connection to its end.

    :param visit: what is known of the client, and the connection to it.
    :param ring: called when something may have happened to the selected mailbox.
    """

    def __init__(
        self,
        settings: Settings,
        machine: IMAPServer,
        visit: Visit[Event],
        *,
        ring: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self.machine = machine
        self.visit = visit
        self.selected: Selected | None = None
        self.ring = ring
        self.owes_highest = False
        self.tag = ""
        """Of the command that is being answered."""
        self.followers: list[Follower] = []
        """Who has more to tell when there is news of the selected mailbox."""
        self.watcher: Watcher | None = None
        """What NOTIFY has asked for."""
        self.brought: Brought | None = None
        """By the command that is being answered; no news to the client."""
        self.shelf: dict[object, Any] = {}
        """What extensions keep for the session, each under a key of its own."""

    # -- who is there ------------------------------------------------------------

    @property
    def account(self) -> IMailAccount:
        """Whose session it is, behind a login."""
        assert self.visit.identity is not None
        return self.visit.identity.account

    @property
    def store(self) -> IMailboxStore:
        """The mailboxes of the account."""
        return self.account.mailboxes

    def provides(self, interface: type[Interface]) -> bool:
        """Whether the store has this add-on."""
        return interface.providedBy(self.store)

    # -- how it is spoken to -----------------------------------------------------------

    def enable(self, names: Iterable[str]) -> Sequence[str]:
        """
        ENABLE (:rfc:`5161`); what follows from it for the selected mailbox follows at once.

        :returns: those that there are and that were not enabled before.
        """
        offered = {word.upper(): word for word in self.machine.capability_words()}
        new = [offered[n] for n in dict.fromkeys(names) if n in ENABLEABLE and n in offered]
        new = [word for word in new if not self.enabled(word.upper())]
        if not {"CONDSTORE", "QRESYNC"}.isdisjoint(new):
            # RFC 7162 section 3.2.3: QRESYNC brings CONDSTORE
            self.enable_condstore()
        self.machine.enable(new)
        self._follow()
        return new

    def _follow(self) -> None:
        if self.selected is not None:
            view = self.selected.view
            view.vanishes = self.enabled("QRESYNC", "UIDONLY")
            view.by_uid_only = self.enabled("UIDONLY")
            if self.rev2:
                # RFC 9051 appendix E
                view.forget_recent()

    def enable_condstore(self) -> None:
        """
        For commands that enable it (:rfc:`7162#section-3.1`); the first tells how far the
        selected mailbox is (section 3.1.2.1).
        """
        if self.enabled("CONDSTORE", "QRESYNC"):
            return
        self.machine.enable(["CONDSTORE"])
        if self.selected is not None:
            code = highest_modseq(self.selected.view.highest)
            self.say(untagged(OK("The highest", code)))

    def enabled(self, *names: str) -> bool:
        """Whether one of these capabilities was enabled."""
        return not self.machine.enabled.isdisjoint(names)

    @property
    def utf8(self) -> bool:
        """Whether names are written in UTF-8 (:rfc:`6855#section-3`, :rfc:`9051#section-5.1`)."""
        return self.enabled("UTF8=ACCEPT", "IMAP4REV2")

    @property
    def rev2(self) -> bool:
        """Whether it is an IMAP4rev2 session (:rfc:`9051#appendix-E`)."""
        return self.enabled("IMAP4REV2")

    def style(self, *, by_uid: bool = False) -> Style:
        """What FETCH responses hold besides what was asked for."""
        return Style(
            uid=by_uid or self.enabled("QRESYNC", "IMAP4REV2", "UIDONLY"),
            modseq=self.enabled("CONDSTORE", "QRESYNC"),
            uid_only=self.enabled("UIDONLY"),
        )

    def say(self, line: bytes) -> None:
        """Queue untagged responses: whole lines."""
        self.machine.say(line)

    async def flush(self) -> None:
        """
        Write what was said, and wait while the client lags behind, or others want their turn.

        :raises pymta.edge.connection.Lost: it is gone, or lags too long and is cut off: nobody
            knows where in a response that is.
        """
        try:
            await self.visit.connection.written(self.settings.timeouts.reading)
        except TimeLimit as late:
            self.cut_off("reads too slowly")
            raise Lost from late

    async def say_all(self, lines: Iterable[bytes]) -> None:
        """Say lines, and flush behind each of them: for slices of many."""
        for line in lines:
            self.say(line)
            await self.flush()

    # -- listening to it ---------------------------------------------------------------------

    async def next_event(self, seconds: float) -> Event:
        """
        What a command of several events goes on with.

        :raises pymta.edge.connection.Lost: the client is gone.
        """
        event = await self.visit.connection.next_event(seconds)
        if isinstance(event, Closed):
            self.visit.closed(event)
            raise Lost
        return event

    def cut_off(self, why: object) -> None:
        """
        End the connection at once: what is being said cannot be said to its end.

        Nothing is said any more; :class:`~pymta.edge.connection.Lost` should follow.
        """
        self.visit.reason = f"cut off: {why}"
        self.machine.shut_down(None)
        self.visit.connection.abort()

    # -- asking the store ------------------------------------------------------------------

    async def asked(self, answer: Awaitable[T]) -> T:
        """An answer of the store, in time.  :raises pymta.aio.TimeLimit: it was not."""
        return await timeout(self.settings.clock, self.settings.timeouts.answer, answer)

    async def found(self, answer: Awaitable[T]) -> T:
        """The same of a search, for which more time is given."""
        return await timeout(self.settings.clock, self.settings.timeouts.searching, answer)

    async def changed(self, change: Awaitable[T]) -> T:
        """
        A change in the store, which nothing cancels: not the client's leaving, nor a time limit.

        :raises pymta.aio.TimeLimit: it takes too long, and may still be done.
        """
        changing = Shared(change)
        return await timeout(self.settings.clock, self.settings.timeouts.changing, changing.wait())

    # -- the selected mailbox ------------------------------------------------------------------

    @property
    def here(self) -> Selected:
        """What is selected; the machine lets no command through that needs it and has none."""
        assert self.selected is not None
        return self.selected

    def resolve(self, numbers: Numbers, *, by_uid: bool) -> UIDSet:
        """As :meth:`~pymta.imap.selected.Selected.resolve`."""
        return self.here.resolve(numbers, by_uid=by_uid)

    def watch(self, watcher: Watcher | None) -> None:
        """Tell news as this one does from now on; None: as it was before NOTIFY."""
        former, self.watcher = self.watcher, watcher
        if former is not None:
            former.close()

    def bounded(self, uids: UIDSet) -> tuple[UIDSet, Code | None]:
        """
        As many of them as one command may work on, the highest ones (RFC 9738 section 3).

        :returns: and the code that says where it ended; None where all are within the limit.
        """
        limit = self.settings.message_limit
        if limit is None or len(uids) <= limit:
            return uids, None
        uids = highest(uids, limit)
        return uids, message_limit(limit, uids.ranges[0][0])

    def with_code(self, ending: Ending, code: Code | None) -> Ending:
        """The ending with a code; one that has another already is told this in front of it."""
        if code is None:
            return ending
        if ending.code is None:
            return replace(ending, code=code)
        # RFC 9738 section 3.1
        self.say(untagged(NO("Not all of them", code)))
        return ending

    def select(self, selected: Selected) -> None:
        """It is open; nothing else is."""
        self.selected = selected
        self.machine.selected()

    async def leave_mailbox(self) -> None:
        """
        Close what is selected; idempotent.

        What arrived meanwhile, and the client was told of, is recent to nobody else.
        """
        selected, self.selected = self.selected, None
        if selected is None:
            return
        self.machine.deselected()
        try:
            if selected.saw_arrivals and not selected.read_only:
                await self.changed(selected.mailbox.take_recent())
        except MailboxError:
            pass  # it is gone; whatever comes next has nothing to do with it
        finally:
            selected.close()

    async def refresh(self) -> None:
        """Ask the store what is new in the selected mailbox."""
        await self.asked(self.here.refresh())

    async def tell(self, *, may_expunge: bool) -> None:
        """
        Tell the client what is new in the selected mailbox, as far as that is known.

        :param may_expunge: it can bear that numbers move.
        """
        # RFC 5465 section 5.2: what NOTIFY fetches stands behind all updates of searches
        last = () if self.watcher is None else (self.watcher,)
        followers: tuple[Follower, ...] = (*self.followers, *last)
        for follower in followers:
            await follower.foretell(self)
        await self._tell_news(may_expunge=may_expunge)
        for follower in followers:
            await follower.follow(self)

    async def _tell_news(self, *, may_expunge: bool) -> None:
        view = self.here.view
        if not view.owes:
            return
        for notice in view.tell(may_expunge=may_expunge):
            match notice:
                case FlagsChanged(uids):
                    if self.watcher is None:
                        await self.tell_flags(uids)
                    elif self.watcher.wants_flags:
                        # RFC 5465 section 5.1: with the UID
                        await self.tell_flags(uids, by_uid=True)
                case Expunge() | Vanish():
                    self.owes_highest = True
                    await self.say_all(notice_lines(notice))
                case _:
                    await self.say_all(notice_lines(notice))

    def highest(self, ending: Ending) -> Ending:
        """
        The ending, with HIGHESTMODSEQ where the client has to know it: an EXPUNGE was told
        (:rfc:`7162#section-3.2.7`), or one is held back and modseqs above it were told.
        """
        owed, self.owes_highest = self.owes_highest, False
        if not owed or self.selected is None or not self.enabled("QRESYNC"):
            return ending
        code = highest_modseq(self.here.view.highest)
        if isinstance(ending, OK) and ending.code is None:
            return replace(ending, code=code)
        self.say(untagged(OK("Up to here", code)))
        return ending

    async def tell_flags(self, uids: UIDSet, *, by_uid: bool = False) -> None:
        """FETCH responses with the flags of these messages, as they are now."""
        here, style = self.here, self.style(by_uid=by_uid)
        seen: set[str] = set()
        for part in slices(uids):
            rows = await self.asked(here.mailbox.records(part, style.wanted()))
            seen.update(*{row[1] for row in rows})
            await self._tell_keywords(seen)
            self.say(b"".join(flag_lines(here.view, rows, style)))
            self.owes_highest |= style.modseq and here.view.holding
            await self.flush()

    async def _tell_keywords(self, flags: Iterable[str]) -> None:
        """FLAGS, in front of a keyword that is new to the client (:rfc:`3501#section-7.2.6`)."""
        here = self.here
        new = {flag for flag in flags if not flag.startswith("\\")} - here.keywords
        if new:
            here.keywords = here.keywords | new
            for line in keyword_lines(here.keywords, read_only=here.read_only, rights=here.rights):
                self.say(line)
