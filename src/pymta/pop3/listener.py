"""
Listeners for POP3, with STLS or implicit TLS.
"""

from __future__ import annotations

from pymta.edge.listener import Listener, Talk, listener_for
from pymta.edge.switch import Client
from pymta.edge.visit import session_of
from pymta.pop3.conversation import POP3Conversation
from pymta.pop3.offer import Offer
from pymta.pop3.settings import Settings
from pymta.pop3.uidl import check_format
from pymta.session import Role
from pymta.wire.pop3.server import POP3Server

__all__ = ["pop3_listener"]

TOO_MANY = b"-ERR [SYS/TEMP] too many connections\r\n"


def pop3_listener(settings: Settings) -> Listener:
    """
    The factory for an endpoint.

    :raises ValueError: for settings that contradict each other.
    """
    if settings.login_delay and settings.state is None:
        raise ValueError("a login delay needs shared state")
    if not settings.languages:
        raise ValueError("at least one language")
    check_format(settings.uidl)
    return listener_for(settings, _Beginning(settings), too_many=TOO_MANY)


class _Beginning:
    """Makes a machine and a conversation for each client."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, client: Client) -> tuple[POP3Server, Talk]:
        settings = self._settings
        session = session_of(client, settings, Role.POP3)
        plaintext = settings.login.plaintext_allowed(client.peer.host)
        offer = Offer(settings, plaintext=plaintext, session=session.id)
        machine = POP3Server(
            capabilities=offer.capabilities(),
            limits=settings.limits,
            tls=settings.implicit_tls,
            timestamp=offer.timestamp,
        )
        return machine, POP3Conversation(settings, machine, session, offer=offer).visit
