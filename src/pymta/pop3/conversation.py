"""
One POP3 connection (:rfc:`1939`): the machine's questions become calls on logins and maildrops.

Each question is answered before the next is looked at.  Nothing is removed but at QUIT; whatever
else ends the session (a disconnect, a time limit, a shutdown) leaves the maildrop as it is, and
gives its lock back.  Here is one of the four fences: what nobody expected becomes -ERR
[SYS/TEMP] with an id, and the session goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar, assert_never

from twisted.logger import Logger

from pymta.aio import CancelledError, Shared, timeout
from pymta.edge.connection import Lost
from pymta.edge.login import Identity, LoginCancelled
from pymta.edge.visit import Visit
from pymta.errors import (
    MailboxInUse,
    MessageGone,
    NoSuchMailbox,
    Refused,
    StoreClosed,
    TooManyWaiting,
    Unauthorized,
)
from pymta.interfaces.content import IContent
from pymta.pop3.languages import Phrase, matching
from pymta.pop3.maildrop import Maildrop, NoSuchNumber, open_maildrop
from pymta.pop3.offer import Offer
from pymta.pop3.replies import Chosen, Farewell, Lines, No, Reply, Source, Welcome, Yes
from pymta.pop3.settings import Settings, UTF8Headers
from pymta.pop3.slices import Text as TextSource
from pymta.pop3.slices import Top, Whole, has_ascii_header
from pymta.session import TLS, Session
from pymta.wire.pop3 import events
from pymta.wire.pop3.events import (
    UIDL,
    Answered,
    Apop,
    Auth,
    AuthCancelled,
    AuthResponse,
    Closed,
    Delete,
    EnableUTF8,
    Event,
    Extended,
    List,
    Password,
    Question,
    Quit,
    Reset,
    Retrieve,
    StartTLS,
    Stat,
    User,
)
from pymta.wire.pop3.server import POP3Server
from pymta.wire.pop3.texts import Code

__all__ = ["POP3Conversation"]

T = TypeVar("T")

_log = Logger(namespace="pymta.pop3")


@dataclass(frozen=True, slots=True)
class _Begun:
    """Lines whose first slice has been read: from here on little can fail."""

    lines: Lines
    first: bytes


class POP3Conversation:
    """What is said on one connection, from the greeting to the end: in a :attr:`visit`."""

    def __init__(
        self, settings: Settings, machine: POP3Server, session: Session, *, offer: Offer
    ) -> None:
        self.visit: Visit[Event] = Visit(self, settings, machine=machine, session=session, log=_log)
        self._settings = settings
        self._clock = settings.clock
        self._machine = machine
        self._offer = offer
        self._language = settings.languages[0]
        self._username = ""
        self._drop: Maildrop | None = None

    # -- from beginning to end -----------------------------------------------------

    async def greet(self) -> bool:
        """Everybody is let in."""
        self._machine.greet(self._say(Phrase.READY, hostname=self._settings.hostname))
        return True

    def too_slow(self) -> None:
        """
        The connection is closed, without removing any messages or sending any response
        (:rfc:`1939#section-3`).
        """
        self._machine.shut_down()

    def say_goodbye(self) -> None:
        """-ERR [SYS/TEMP]; nothing is removed by it."""
        self._machine.shut_down(self._say(Phrase.STOPPING))

    async def step(self) -> bool:
        """Take a command, and answer it."""
        self.visit.stop_here()
        event = await self.visit.connection.next_event(self.patience())
        match event:
            case Closed():
                self.visit.closed(event)
                return False
            case Answered() | AuthCancelled():
                pass
            case StartTLS():
                await self._start_tls()
            case _:
                await self._reply(await self._asked(event))
        return True

    def patience(self) -> float:
        """By whether there was a login."""
        return self.visit.patience(self._settings.timeouts)

    async def _in_time(self, answer: Awaitable[T]) -> T:
        return await timeout(self._clock, self._settings.timeouts.answer, answer)

    def _say(self, phrase: Phrase, **values: object) -> str:
        return self._language.say(phrase, **values)

    async def leave(self) -> None:
        """Give the maildrop back, and log out; idempotent."""
        drop, self._drop = self._drop, None
        try:
            if drop is not None:
                await self._in_time(drop.close())
        except CancelledError:
            raise
        except Exception as fault:  # noqa: BLE001  the fence: the lock ends by itself
            self._fault(fault)
        finally:
            self.visit.log_out()

    # -- the fence -------------------------------------------------------------------

    async def _asked(self, question: Question) -> Reply | _Begun | None:
        """The answer, whatever comes of the question; None where it is given already."""
        try:
            reply = await self._answer(question)
            if isinstance(reply, Lines):
                return _Begun(reply, await self._in_time(reply.source.read()))
            return reply
        except (CancelledError, Lost):
            raise
        except LoginCancelled:
            return None
        except Exception as fault:  # noqa: BLE001  the fence of POP3 sessions
            return self._no(fault)

    def _no(self, fault: Exception) -> No | Farewell:
        match fault:
            case NoSuchNumber():
                return No(self._say(Phrase.NO_MESSAGE))
            case MessageGone():
                return No(self._say(Phrase.GONE))
            case Unauthorized(transient=True):
                return No(self._say(Phrase.LOGIN_LATER), Code.SYS_TEMP)
            case Unauthorized():
                return No(self._say(Phrase.WRONG), Code.AUTH)
            case Refused():
                return _refused(fault)
            case MailboxInUse():
                return No(self._say(Phrase.IN_USE), Code.IN_USE)
        return self._fault(fault)

    def _fault(self, fault: Exception) -> No:
        match fault:
            case TooManyWaiting():
                return No(self._say(Phrase.BUSY), Code.SYS_TEMP)
            case StoreClosed():
                _log.error("{session}: {fault}", session=self.visit.session.id, fault=fault)
                return No(self._say(Phrase.BUSY), Code.SYS_TEMP)
            case NoSuchMailbox():
                return No(self._say(Phrase.NO_MAILDROP), Code.SYS_PERM)
        name = self.visit.fault()
        return No(self._say(Phrase.FAULT, id=name), Code.SYS_TEMP)

    async def _reply(self, reply: Reply | _Begun | None) -> None:
        match reply:
            case Yes(text):
                self._machine.ok(text)
            case No(text, code):
                self._machine.err(text, code=code)
            case _Begun():
                await self._send(reply)
            case Welcome(text):
                self._machine.logged_in(text)
            case Chosen(language):
                self._language = language
                text = self._say(Phrase.LANGUAGE)
                self._machine.language_chosen(language.tag, text, texts=language.texts)
            case Farewell(text):
                self._machine.shut_down(text)
            case Lines():
                raise AssertionError(reply)  # they have begun
            case None:
                pass
            case _:
                assert_never(reply)

    async def _send(self, begun: _Begun) -> None:
        """Send lines, no faster than the client takes them."""
        machine, seconds = self._machine, self._settings.timeouts.reading
        machine.begin_lines(begun.lines.text)
        octets: bytes | None = begun.first
        while octets:
            machine.lines(octets)
            await self.visit.connection.written(seconds)
            octets = await self._next_slice(begun.lines.source)
        if octets is None:
            # The client must not take a part for the whole.
            self.visit.reason = "message unreadable"
            machine.shut_down()
        else:
            machine.end_lines()

    async def _next_slice(self, source: Source) -> bytes | None:
        try:
            return await self._in_time(source.read())
        except (CancelledError, Lost):
            raise
        except Exception as fault:  # noqa: BLE001  the fence, behind the +OK
            self._fault(fault)
            return None

    # -- commands ---------------------------------------------------------------------

    async def _answer(self, question: Question) -> Reply | None:
        match question:
            case User(name):
                self._username = name
                return Yes(self._say(Phrase.USER))
            case Password(password):
                login, session = self._settings.login, self.visit.session
                trying = login.check_password(self._username, password, session=session)
                return await self._enter(trying)
            case Apop():
                return await self._enter(self._by_digest(question))
            case Auth():
                login, initial = self._settings.login, question.initial
                trying = self.visit.authenticate(login, question.mechanism, initial=initial)
                return await self._enter(trying)
            case EnableUTF8():
                return Yes(self._say(Phrase.UTF8))
            case events.Language(tag):
                return self._choose(tag)
            case Extended():
                return await self._extended(question)
            case Quit():
                return await self._quit()
            case StartTLS() | AuthResponse():
                raise AssertionError(question)  # each has its own way
            case _:
                assert self._drop is not None
                return await self._of_maildrop(self._drop, question)

    async def _of_maildrop(
        self, drop: Maildrop, question: Stat | List | UIDL | Retrieve | events.Top | Delete | Reset
    ) -> Reply:
        match question:
            case Stat():
                return Yes(f"{drop.messages} {drop.octets}")
            case List(None):
                return Lines(self._count(Phrase.LISTING, drop), drop.sizes())
            case List(int(number)):
                return Yes(f"{number} {drop.size(number)}")
            case UIDL(None):
                return Lines(self._count(Phrase.LISTING, drop), drop.unique_ids())
            case UIDL(int(number)):
                return Yes(f"{number} {drop.unique_id(number)}")
            case Retrieve(number):
                content = await self._in_time(drop.content(number))
                text = self._say(Phrase.OCTETS, octets=drop.size(number))
                return await self._shown(content, Lines(text, Whole(content)))
            case events.Top(number, lines):
                content = await self._in_time(drop.content(number))
                return await self._shown(content, Lines(self._say(Phrase.TOP), Top(content, lines)))
            case Delete(number):
                drop.mark(number)
                return Yes(self._say(Phrase.MARKED, number=number))
            case Reset():
                drop.unmark_all()
                return Yes(self._count(Phrase.COUNT, drop))
            case _:
                raise AssertionError(question)  # no other number, and no other question

    def _count(self, phrase: Phrase, drop: Maildrop) -> str:
        return self._say(phrase, messages=drop.messages, octets=drop.octets)

    async def _shown(self, content: IContent, lines: Lines) -> Reply:
        """The lines, if the client may have the message in this mode."""
        served = self._settings.utf8_headers is UTF8Headers.SERVE or self._machine.status.utf8
        if served or await self._in_time(has_ascii_header(content)):
            return lines
        # RFC 6856 section 2.1: not as is, outside UTF-8 mode
        return No(self._say(Phrase.NEEDS_UTF8), Code.UTF8)

    def _choose(self, tag: str | None) -> Reply:
        languages = self._settings.languages
        if tag is None:
            # RFC 6856 section 3.2: in UTF-8, whatever the mode
            lines = "".join(f"{each.tag} {each.description}\r\n" for each in languages)
            return Lines(self._say(Phrase.LANGUAGES), TextSource(lines.encode()))
        language = matching(languages, tag)
        return No(self._say(Phrase.NO_LANGUAGE)) if language is None else Chosen(language)

    async def _extended(self, question: Extended) -> Reply:
        for extension in self._settings.extensions:
            for verb in extension.capability.verbs:
                if verb.keyword == question.keyword:
                    return await self._in_time(extension.answer(question, self._drop))
        raise AssertionError(question)  # no other verb is known

    async def _quit(self) -> Reply:
        """
        The UPDATE state (:rfc:`1939#section-6`).

        Nothing cancels the removal: when time is up, the client hears -ERR, and may find it done.
        """
        assert self._drop is not None
        self.visit.reason = "quit"
        removing = Shared(self._drop.update(self._clock))
        try:
            await timeout(self._clock, self._settings.timeouts.update, removing.wait())
        except CancelledError:
            raise
        except Exception as fault:  # noqa: BLE001  the fence, with QUIT's own words
            code = self._fault(fault).code
            reply: Reply = No(self._say(Phrase.NOT_REMOVED), code)
        else:
            reply = Yes(self._say(Phrase.GOODBYE))
        # Before the answer: who has read it may be back at once.
        await self.leave()
        return reply

    # -- TLS and logins --------------------------------------------------------------------

    async def _start_tls(self) -> None:
        self._machine.start_tls(self._say(Phrase.TLS))
        if self._machine.starting_tls:
            # RFC 2595 section 4: what was said before is forgotten.
            self._language = self._settings.languages[0]
            self._username = ""
            await self.visit.secure()
            self._machine.tls_started()

    def secured(self, tls: TLS) -> None:
        """Other mechanisms may be offered."""
        self._offer.tls = tls

    async def _by_digest(self, question: Apop) -> Identity:
        assert self._offer.timestamp is not None
        digest = question.digest.hex().encode("ascii")
        return await self._settings.login.check_digest(
            question.name, digest, self._offer.timestamp, session=self.visit.session
        )

    async def _enter(self, trying: Awaitable[Identity]) -> Reply:
        """Log in and open the maildrop: both, or neither."""
        self.visit.identity = identity = await trying
        try:
            self._drop = await self._in_time(self._open(identity))
        finally:
            if self._drop is None:
                self.visit.log_out()
        if self._drop is None:
            text = self._say(Phrase.TOO_SOON, seconds=self._settings.login_delay)
            return No(text, Code.LOGIN_DELAY)
        self.visit.enter(identity)
        return Welcome(self._count(Phrase.COUNT, self._drop))

    async def _open(self, identity: Identity) -> Maildrop | None:
        settings = self._settings
        drop = await open_maildrop(identity.account.mailboxes, self._clock, settings.uidl)
        try:
            if await self._is_too_soon(identity.name):
                await drop.close()
                return None
        except BaseException:
            await drop.close()
            raise
        return drop

    async def _is_too_soon(self, account: str) -> bool:
        """Whether there was a login within the delay; if not, there is one now."""
        state, seconds = self._settings.state, self._settings.login_delay
        if state is None or not seconds:
            return False
        # Names are as long as accounts are made; keys of shared state are not.
        digest = hashlib.blake2b(account.encode(), digest_size=16).hexdigest()
        return await state.add(f"pop3 login {digest}", b"1", seconds) is not None


def _refused(no: Refused) -> No | Farewell:
    text = no.reply.one_line.lstrip("[")
    if no.reply.closing:
        return Farewell(text)
    return No(text, Code.SYS_TEMP if no.reply.transient else None)
