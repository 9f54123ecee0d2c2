"""
Listeners for IMAP, with STARTTLS or implicit TLS.
"""

from __future__ import annotations

from pymta.edge.listener import Listener
from pymta.edge.switch import Client
from pymta.imap.commands.table import COMMANDS
from pymta.imap.conversation import IMAPConversation
from pymta.imap.offer import Offer, Visitor
from pymta.imap.settings import Settings
from pymta.session import Role, Session
from pymta.wire.imap.server import IMAPServer

__all__ = ["imap_listener"]

TOO_MANY = b"* BYE [UNAVAILABLE] Too many connections\r\n"


def imap_listener(settings: Settings) -> Listener:
    """
    The factory for an endpoint.

    :raises ValueError: for settings that contradict each other.
    """
    if settings.implicit_tls and settings.certificates is None:
        raise ValueError("implicit TLS needs certificates")
    return Listener(settings.clock, _Beginning(settings), door=settings.door, too_many=TOO_MANY)


class _Beginning:
    """Makes a machine and a conversation for each client."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._offer = Offer(settings)
        self._calls = dict(COMMANDS)
        for extension in settings.extensions:
            self._calls.update(extension.calls)

    def __call__(self, client: Client) -> tuple[IMAPServer, IMAPConversation]:
        settings = self._settings
        number = next(settings.door.numbers)
        visitor = Visitor(settings.login.plaintext_allowed(client.peer.host))
        machine = IMAPServer(
            self._offer.register,
            limits=settings.limits,
            tls=settings.implicit_tls,
            context=visitor,
        )
        session = Session(
            id=settings.door.session_id(Role.IMAP, number),
            role=Role.IMAP,
            peer=client.peer,
            local=client.local,
            proxy=client.proxy,
            started=settings.now(),
            listener=settings.door.name,
        )
        return machine, IMAPConversation(
            settings, machine, session, visitor=visitor, calls=self._calls
        )
