"""
Coming in and going out: TLS, logins (:rfc:`3501#section-6.2`) and UNAUTHENTICATE (:rfc:`8437`).
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Final

from pymta.aio import TimeLimit
from pymta.edge.connection import Lost
from pymta.edge.login import Identity, LoginCancelled
from pymta.edge.talk import Teller
from pymta.errors import Refused, Unauthorized
from pymta.imap.offer import Visitor
from pymta.imap.session import IMAPSession
from pymta.wire.imap.command.auth import Authenticate, Login
from pymta.wire.imap.events import AuthCancelled, AuthResponse, Closed
from pymta.wire.imap.response import codes
from pymta.wire.imap.response.status import BAD, NO, Ending

__all__ = ["Entering", "Farewell"]

CLOSING: Final = 421
"""The reply code of a "no" after which the connection ends (:rfc:`5321#section-3.8`)."""
MALFORMED: Final = 501


@dataclass(frozen=True, slots=True)
class Farewell:
    """NO, and the connection is closed."""

    text: str


class Entering:
    """The part of a conversation that knows who is there."""

    def __init__(self, session: IMAPSession, visitor: Visitor, teller: Teller) -> None:
        self._session = session
        self._settings = session.settings
        self._machine = session.machine
        self._visitor = visitor
        self._teller = teller

    # -- TLS -------------------------------------------------------------------------

    async def start_tls(self) -> None:
        """STARTTLS (:rfc:`3501#section-6.2.1`)."""
        self._machine.start_tls()
        if self._machine.starting_tls:
            await self.secure()
            self._machine.tls_started()

    async def secure(self) -> None:
        """Shake hands."""
        session, certificates = self._session, self._settings.certificates
        assert certificates is not None
        session.session = await self._teller.secure(
            session.connection,
            certificates,
            self._settings.timeouts.handshake,
            session=session.session,
        )
        self._visitor.tls = session.session.tls

    # -- logins ----------------------------------------------------------------------

    async def login(self, command: Login) -> Ending | None:
        """LOGIN."""
        return await self._enter(
            self._settings.login.check_password(
                command.name,
                command.password,
                session=self._session.session,
                mechanism="LOGIN",
            )
        )

    async def authenticate(self, command: Authenticate) -> Ending | None:
        """AUTHENTICATE: a SASL exchange."""
        session = self._session
        return await self._enter(
            self._settings.login.authenticate(
                command.mechanism,
                command.initial,
                session=session.session,
                prompt=self._prompt,
                binding=session.connection.channel_binding(),
            )
        )

    async def _prompt(self, challenge: bytes) -> bytes:
        session = self._session
        self._machine.challenge(challenge)
        try:
            event = await session.connection.next_event(session.patience())
        except TimeLimit:
            # It is the client that was too slow, which no NO answers.
            session.reason = "time limit"
            self._machine.shut_down("That took too long", codes.UNAVAILABLE)
            raise Lost from None
        match event:
            case AuthResponse(data):
                return data
            case AuthCancelled():
                raise LoginCancelled
            case Closed(reason):
                session.closed(reason)
                raise Lost
            case _:
                raise AssertionError(event)  # nothing else comes within an exchange

    async def _enter(self, trying: Awaitable[Identity]) -> Ending | None:
        session, accounts = self._session, self._settings.accounts
        identity = await trying
        if not accounts.enter(identity.name):
            identity.logout()
            return NO("There are too many sessions of this account", codes.LIMIT)
        session.identity = identity
        session.session = replace(
            session.session, identity=identity.name, mechanism=identity.mechanism
        )
        self._visitor.store = identity.account.mailboxes
        self._machine.logged_in("Welcome")
        return None

    async def unauthenticate(self) -> Ending | None:
        """UNAUTHENTICATE: all that the login brought is forgotten."""
        await self._session.leave_mailbox()
        self._session.watch(None)
        self.leave()
        self._machine.unauthenticated("Who are you?")
        return None

    def leave(self) -> None:
        """Log out; idempotent."""
        session = self._session
        identity, session.identity = session.identity, None
        if identity is None:
            return
        session.shelf.clear()
        session.session = replace(session.session, identity=None, mechanism=None)
        self._visitor.store = None
        self._settings.accounts.leave(identity.name)
        identity.logout()

    # -- no --------------------------------------------------------------------------

    def no(self, fault: Exception) -> Ending | Farewell | None:
        """What a failed login becomes; None for what is none."""
        match fault:
            case Unauthorized(transient=True):
                return NO("Nobody can check that now", codes.UNAVAILABLE)
            case Unauthorized():
                return NO("Wrong name or password", codes.AUTHENTICATIONFAILED)
            case Refused():
                return self._refused(fault)
        return None

    def _refused(self, no: Refused) -> Ending | Farewell:
        text = " ".join(no.reply.text.split())
        if no.reply.code == CLOSING:
            return Farewell(text)
        if no.reply.code == MALFORMED:
            return BAD(text)
        if not self._machine.status.tls and not self._visitor.plaintext:
            return NO("Not without TLS", codes.PRIVACYREQUIRED)
        return NO(text, codes.UNAVAILABLE if no.reply.transient else codes.CANNOT)
