"""
One IMAP connection (:rfc:`3501`, :rfc:`9051`): the machine's questions become calls on logins and
mailboxes.

Each command is answered before the next is looked at; before its tagged response the client is
told what is new in its mailbox, as far as it can bear it.  Here is one of the four fences: what
nobody expected becomes NO [SERVERBUG] with an id, and the session goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Final

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from pymta.aio import CancelledError, TimeLimit
from pymta.edge.connection import Lost
from pymta.edge.login import LoginCancelled
from pymta.edge.visit import Visit
from pymta.errors import NoSuchMailbox, StoreClosed
from pymta.imap.endings import ending_of
from pymta.imap.entering import Entering, Farewell
from pymta.imap.extension import Call, Numbering
from pymta.imap.offer import Visitor
from pymta.imap.session import IMAPSession
from pymta.imap.settings import Settings
from pymta.session import TLS, Session
from pymta.wire import NeedData
from pymta.wire.imap.command.auth import (
    Authenticate,
    Login,
    Logout,
    StartTLS,
    Unauthenticate,
)
from pymta.wire.imap.command.session import Compress, Idle
from pymta.wire.imap.events import Asked, Closed, Event, IdleDone
from pymta.wire.imap.response import codes
from pymta.wire.imap.response.status import BAD, NO, OK, Ending, untagged
from pymta.wire.imap.server import IMAPServer

__all__ = ["IMAPConversation"]

_log = Logger(namespace="pymta.imap")

PROGRESS: Final = 10.0
"""Seconds of silence after which a client hears that its command goes on (RFC 9585 section 3)."""

COALESCE: Final = 0.02
"""Seconds from a bell to its answer: a hundred deliveries in a row are told a few times."""


class IMAPConversation:
    """
    What is said on one connection, from the greeting to the end: in a :attr:`visit`.

    :param visitor: what the machine's offer depends on.
    :param calls: how commands are answered, by their type.
    """

    def __init__(
        self,
        settings: Settings,
        machine: IMAPServer,
        session: Session,
        *,
        visitor: Visitor,
        calls: Mapping[type, Call],
    ) -> None:
        self.visit: Visit[Event] = Visit(self, settings, machine=machine, session=session, log=_log)
        self._settings = settings
        self._clock = settings.clock
        self._machine = machine
        self._visitor = visitor
        self._session = IMAPSession(settings, machine, self.visit, ring=self._rung)
        self._entering = Entering(self._session, visitor)
        self._calls = calls
        self._ringing: IDelayedCall | None = None
        self._telling: IDelayedCall
        self._idling = False
        self._listening = False

    # -- from beginning to end -----------------------------------------------------

    def secured(self, tls: TLS) -> None:
        """Other mechanisms may be offered."""
        self._visitor.tls = tls

    async def greet(self) -> bool:
        """Everybody is let in."""
        self._machine.greet(f"{self._settings.hostname} ready")
        return True

    def too_slow(self) -> None:
        """BYE (:rfc:`3501#section-5.4`)."""
        self._machine.shut_down("Autologout; idle for too long", codes.UNAVAILABLE)

    def say_goodbye(self) -> None:
        """BYE, also amid an IDLE."""
        self._machine.shut_down("The server is shutting down", codes.UNAVAILABLE)

    def patience(self) -> float:
        """By whether there was a login."""
        return self.visit.patience(self._settings.timeouts)

    async def step(self) -> bool:
        """Take a command, and answer it."""
        self.visit.stop_here()
        event = await self._next_event(self.patience())
        match event:
            case Closed():
                self.visit.closed(event)
                return False
            case Asked(tag, command):
                self._session.tag = tag
                await self._answer(command)
        return True

    async def _next_event(self, seconds: float) -> Event:
        """The machine's; until it is there, a watcher tells its news (:rfc:`5465#section-3.1`)."""
        if self._session.watcher is None:
            return await self.visit.connection.next_event(seconds)
        until = self._clock.seconds() + seconds
        self._listening = True
        try:
            while True:
                if self._ringing is None and self._has_news():
                    await self._tell_news()
                event = self._machine.next_event()
                if not isinstance(event, NeedData):
                    if not isinstance(event, Closed):
                        # What was asked before was answered: others have their turn, and whoever
                        # does not read is waited for.
                        await self._session.flush()
                    return event
                if self._ringing is not None or not self._has_news():
                    await self.visit.connection.heard(max(until - self._clock.seconds(), 0))
        finally:
            self._listening = False

    async def leave(self) -> None:
        """Close and log out; idempotent."""
        if self._ringing is not None:
            self._ringing.cancel()
            self._ringing = None
        self._session.watch(None)
        try:
            await self._session.leave_mailbox()
        except CancelledError:
            raise
        except Exception as fault:  # noqa: BLE001  the fence: nothing of this can be missed
            if ending_of(fault) is None:
                self.visit.fault()
        finally:
            self._entering.leave()

    # -- the fence -------------------------------------------------------------------

    async def _answer(self, command: object) -> None:
        """Answer a command, whatever comes of it."""
        call = self._calls.get(type(command))
        try:
            ending = await self._ending(command, call)
        except (CancelledError, Lost):
            raise
        except LoginCancelled:
            return
        except Exception as fault:  # noqa: BLE001  the fence of IMAP commands
            ending = self._no(fault)
        if ending is None:
            return
        if isinstance(ending, Farewell):
            self._machine.finish(NO(ending.text))
            self._machine.shut_down(ending.text, codes.UNAVAILABLE)
            return
        still_there = await self._told(command, call)
        self._machine.finish(self._session.highest(ending))
        if not still_there:
            self._send_away()

    def _send_away(self) -> None:
        """Nothing that the client knows of its mailbox is true any more; no response says so."""
        self.visit.reason = "mailbox deleted"
        self._machine.shut_down("The selected mailbox was deleted", codes.UNAVAILABLE)

    def _no(self, fault: Exception) -> Ending | Farewell:
        known = self._entering.no(fault) or ending_of(fault)
        if known is not None:
            if isinstance(fault, StoreClosed):
                _log.error("{session}: {fault}", session=self.visit.session.id, fault=fault)
            return known
        name = self.visit.fault()
        return NO(f"Something is wrong here; it is logged as {name}", codes.SERVERBUG)

    async def _told(self, command: object, call: Call | None) -> bool:
        """
        Tell what is new, before the tagged response.

        :returns: whether the selected mailbox is still there.
        """
        session = self._session
        if session.watcher is not None:
            await self._fenced(session.watcher.answered(session, command))
            if not session.watcher.wants_selected:
                return True
        if session.selected is None or call is None:
            return True
        stays = call.numbering is Numbering.STAYS and not getattr(command, "by_uid", False)
        return await self._news(asks=call.asks, may_expunge=not stays)

    async def _news(self, *, asks: bool, may_expunge: bool) -> bool:
        """:param asks: ask the store even if no bell rang.  :returns: as :meth:`_told`."""
        return await self._fenced(self._asked_news(asks=asks, may_expunge=may_expunge))

    async def _asked_news(self, *, asks: bool, may_expunge: bool) -> None:
        session = self._session
        if asks or session.here.bell.rings:
            await session.refresh()
        await session.tell(may_expunge=may_expunge)

    async def _fenced(self, telling: Awaitable[None]) -> bool:
        """Tell news, whatever comes of it.  :returns: as :meth:`_told`."""
        try:
            await telling
        except NoSuchMailbox:
            return False
        except (CancelledError, Lost):
            raise
        except Exception as fault:  # noqa: BLE001  the fence: it is told another time
            if ending_of(fault) is None:
                self.visit.fault()
        return True

    # -- commands ---------------------------------------------------------------------

    async def _ending(self, command: object, call: Call | None) -> Ending | Farewell | None:
        """How it ends; None where the machine has been told already."""
        entering = self._entering
        match command:
            case Login():
                return await entering.login(command)
            case Authenticate():
                return await entering.authenticate(command)
            case StartTLS():
                await entering.start_tls()
                return None
            case Unauthenticate():
                return await entering.unauthenticate()
            case Logout():
                return await self._log_out()
            case Idle():
                self._idling = True
                try:
                    return await self._idle()
                finally:
                    self._idling = False
            case Compress():
                # What is no DEFLATE, or comes twice, the machine has refused.
                self._machine.compress()
                return None
        if call is None:
            return BAD("Nobody answers that here")
        if not call.slow or "INPROGRESS" in self._settings.without:
            return await call.run(self._session, command)
        self._telling = self._clock.callLater(PROGRESS, self._tell_progress)
        try:
            return await call.run(self._session, command)
        finally:
            self._telling.cancel()

    def _tell_progress(self) -> None:
        """Clients give up on servers that are silent for a minute (RFC 9585 section 1)."""
        self._session.say(untagged(OK("Still at it", codes.in_progress(self._session.tag))))
        self.visit.connection.flush()
        self._telling = self._clock.callLater(PROGRESS, self._tell_progress)

    async def _log_out(self) -> Ending:
        self.visit.reason = "logout"
        # Before the answer: who has read it may be back at once.
        await self.leave()
        return OK("Goodbye")

    # -- IDLE ---------------------------------------------------------------------------

    async def _idle(self) -> Ending:
        """:rfc:`2177`: what happens is told as it happens, until the client has enough."""
        self._machine.idling()
        until = self._clock.seconds() + self._settings.timeouts.inactive
        # What came before is told at once: the client will not ask.
        await self._tell_news(asks=True)
        while True:
            if self.visit.stopping:
                self.visit.stop_here()
                raise Lost
            if self._ringing is None and self._has_news():
                await self._tell_news()
            event = self._machine.next_event()
            match event:
                case IdleDone():
                    return OK("Done idling")
                case Closed():
                    self.visit.closed(event)
                    raise Lost
                case NeedData():
                    if self._ringing is not None or not self._has_news():
                        await self._wait_for_idler(until)

    async def _wait_for_idler(self, until: float) -> None:
        try:
            await self.visit.connection.heard(max(until - self._clock.seconds(), 0))
        except TimeLimit:
            self.visit.out_of_time()
            raise Lost from None

    def _has_news(self) -> bool:
        session = self._session
        if session.watcher is not None:
            return session.watcher.has_news
        return session.selected is not None and session.selected.bell.rings

    async def _tell_news(self, *, asks: bool = False) -> None:
        """Outside of commands."""
        session = self._session
        if session.watcher is not None:
            still_there = await self._fenced(session.watcher.tell(session))
        elif session.selected is not None:
            still_there = await self._news(asks=asks, may_expunge=True)
        else:
            return
        if not still_there:
            self._send_away()
            raise Lost
        session.owes_highest = False
        await session.flush()

    def _rung(self) -> None:
        """
        Something may have happened to the selected mailbox.

        Only an IDLE waits for it, or a watcher; who rings is amid a commit, so the answer comes
        later.
        """
        if self._ringing is None and (self._idling or self._listening):
            self._ringing = self._clock.callLater(COALESCE, self._wake)

    def _wake(self) -> None:
        self._ringing = None
        self.visit.connection.wake()
