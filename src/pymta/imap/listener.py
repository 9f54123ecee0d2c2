"""
Listeners for IMAP, with STARTTLS or implicit TLS.
"""

from __future__ import annotations

from pymta.edge.listener import Listener, Talk, listener_for
from pymta.edge.switch import Client
from pymta.edge.visit import session_of
from pymta.imap.commands.table import COMMANDS
from pymta.imap.conversation import IMAPConversation
from pymta.imap.offer import Offer, Visitor
from pymta.imap.settings import Settings
from pymta.session import Role
from pymta.wire.imap.server import IMAPServer

__all__ = ["imap_listener"]

TOO_MANY = b"* BYE [UNAVAILABLE] Too many connections\r\n"


def imap_listener(settings: Settings) -> Listener:
    """
    The factory for an endpoint.

    :raises ValueError: for settings that contradict each other.
    """
    return listener_for(settings, _Beginning(settings), too_many=TOO_MANY)


class _Beginning:
    """Makes a machine and a conversation for each client."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._offer = Offer(settings)
        self._calls = dict(COMMANDS)
        for extension in settings.extensions:
            self._calls.update(extension.calls)

    def __call__(self, client: Client) -> tuple[IMAPServer, Talk]:
        settings = self._settings
        visitor = Visitor(settings.login.plaintext_allowed(client.peer.host))
        machine = IMAPServer(
            self._offer.register,
            limits=settings.limits,
            tls=settings.implicit_tls,
            context=visitor,
        )
        session = session_of(client, settings, Role.IMAP)
        conversation = IMAPConversation(
            settings, machine, session, visitor=visitor, calls=self._calls
        )
        return machine, conversation.visit
