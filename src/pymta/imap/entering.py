"""
Coming in and going out: TLS, logins (:rfc:`3501#section-6.2`) and UNAUTHENTICATE (:rfc:`8437`).
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Final

from pymta.edge.login import Identity
from pymta.errors import Refused, Unauthorized
from pymta.imap.offer import Visitor
from pymta.imap.session import IMAPSession
from pymta.wire.imap.command.auth import Authenticate, Login
from pymta.wire.imap.response import codes
from pymta.wire.imap.response.status import BAD, NO, Ending

__all__ = ["Entering", "Farewell"]

MALFORMED: Final = 501


@dataclass(frozen=True, slots=True)
class Farewell:
    """NO, and the connection is closed."""

    text: str


class Entering:
    """The part of a conversation that knows who is there."""

    def __init__(self, session: IMAPSession, visitor: Visitor) -> None:
        self._session = session
        self._visit = session.visit
        self._settings = session.settings
        self._machine = session.machine
        self._visitor = visitor

    # -- TLS -------------------------------------------------------------------------

    async def start_tls(self) -> None:
        """STARTTLS (:rfc:`3501#section-6.2.1`)."""
        self._machine.start_tls()
        if self._machine.starting_tls:
            await self._visit.secure()
            self._machine.tls_started()

    # -- logins ----------------------------------------------------------------------

    async def login(self, command: Login) -> Ending | None:
        """LOGIN."""
        return await self._enter(
            self._settings.login.check_password(
                command.name,
                command.password,
                session=self._visit.session,
                mechanism="LOGIN",
            )
        )

    async def authenticate(self, command: Authenticate) -> Ending | None:
        """AUTHENTICATE: a SASL exchange."""
        login, initial = self._settings.login, command.initial
        return await self._enter(
            self._visit.authenticate(login, command.mechanism, initial=initial)
        )

    async def _enter(self, trying: Awaitable[Identity]) -> Ending | None:
        self._visit.identity = identity = await trying
        if not self._settings.accounts.enter(identity.name):
            self._visit.log_out()
            return NO("There are too many sessions of this account", codes.LIMIT)
        self._visit.enter(identity)
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
        visit = self._visit
        if visit.identity is None:
            return
        self._session.shelf.clear()
        self._session.followers.clear()
        visit.session = replace(visit.session, identity=None, mechanism=None)
        self._visitor.store = None
        self._settings.accounts.leave(visit.identity.name)
        visit.log_out()

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
        text = no.reply.one_line
        if no.reply.closing:
            return Farewell(text)
        if no.reply.code == MALFORMED:
            return BAD(text)
        if not self._machine.status.tls and not self._visitor.plaintext:
            return NO("Not without TLS", codes.PRIVACYREQUIRED)
        return NO(text, codes.UNAVAILABLE if no.reply.transient else codes.CANNOT)
