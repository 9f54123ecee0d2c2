"""
Listeners for SMTP, submission and LMTP: one machine with other arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from pymta.edge.listener import Listener
from pymta.edge.login import Login
from pymta.edge.switch import Client
from pymta.session import Session
from pymta.smtp.conversation import SMTPConversation
from pymta.smtp.settings import Settings
from pymta.wire.smtp.extensions import (
    STANDARD,
    STARTTLS,
    Extension,
    ExtensionTable,
    Standing,
    auth,
    xclient,
    xforward,
)
from pymta.wire.smtp.server import Requirement, SMTPServer

__all__ = ["smtp_listener"]

# With implicit TLS there is nobody to read it before the handshake, but an alert says no more.
TOO_MANY = b"421 4.7.0 Too many connections\r\n"


def smtp_listener(settings: Settings) -> Listener:
    """
    The factory for an endpoint.

    :raises ValueError: for settings that contradict each other.
    """
    if settings.implicit_tls and settings.certificates is None:
        raise ValueError("implicit TLS needs certificates")
    if settings.require_login and settings.login is None:
        raise ValueError("nobody can log in where login is required")
    return Listener(settings.clock, _Beginning(settings), door=settings.door, too_many=TOO_MANY)


class _Beginning:
    """Makes a machine and a conversation for each client."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._requirements = tuple(_requirements(settings))
        # Two connections differ in what is announced only by who is at the other end.
        self._extensions = cache(self._make_extensions)

    def __call__(self, client: Client) -> tuple[SMTPServer, SMTPConversation]:
        settings = self._settings
        machine = SMTPServer(
            hostname=settings.hostname,
            role=settings.role,
            extensions=self._extensions_for(client),
            limits=settings.limits,
            newlines=settings.newlines,
            requirements=self._requirements,
        )
        return machine, SMTPConversation(settings, machine, self._session(client))

    def _session(self, client: Client) -> Session:
        settings = self._settings
        return Session(
            id=settings.door.session_id(settings.role, next(settings.door.numbers)),
            role=settings.role,
            peer=client.peer,
            local=client.local,
            proxy=client.proxy,
            started=settings.now(),
            listener=settings.door.name,
        )

    def _extensions_for(self, client: Client) -> ExtensionTable:
        login = self._settings.login
        return self._extensions(
            login is not None and login.plaintext_allowed(client.peer.host),
            client.peer.host in self._settings.forwarders,
        )

    def _make_extensions(self, plaintext: bool, forwarder: bool) -> ExtensionTable:
        settings = self._settings
        chosen = list(STANDARD if settings.extensions is None else settings.extensions)
        if settings.certificates is not None and not settings.implicit_tls:
            chosen.append(STARTTLS)
        if settings.login is not None:
            chosen.append(_auth(settings.login, plaintext))
        if forwarder:
            chosen += [xclient(), xforward()]
        return ExtensionTable(chosen)


def _auth(login: Login, plaintext: bool) -> Extension:
    def mechanisms(standing: Standing) -> Sequence[str]:
        return login.offered(standing.tls, plaintext)

    return auth(mechanisms)


def _requirements(settings: Settings) -> Iterator[Requirement]:
    if settings.require_login:
        yield Requirement.LOGIN
    if settings.require_tls:
        yield Requirement.TLS
