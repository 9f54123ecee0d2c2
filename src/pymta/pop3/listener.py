"""
Listeners for POP3, with STLS or implicit TLS.
"""

from __future__ import annotations

from pymta.edge.listener import Listener
from pymta.edge.switch import Client
from pymta.pop3.conversation import POP3Conversation
from pymta.pop3.offer import Offer
from pymta.pop3.settings import Settings
from pymta.pop3.uidl import check_format
from pymta.session import Role, Session
from pymta.wire.pop3.server import POP3Server

__all__ = ["pop3_listener"]

TOO_MANY = b"-ERR [SYS/TEMP] too many connections\r\n"


def pop3_listener(settings: Settings) -> Listener:
    """
    The factory for an endpoint.

    :raises ValueError: for settings that contradict each other.
    """
    if settings.implicit_tls and settings.certificates is None:
        raise ValueError("implicit TLS needs certificates")
    if settings.login_delay and settings.state is None:
        raise ValueError("a login delay needs shared state")
    if not settings.languages:
        raise ValueError("at least one language")
    check_format(settings.uidl)
    return Listener(settings.clock, _Beginning(settings), door=settings.door, too_many=TOO_MANY)


class _Beginning:
    """Makes a machine and a conversation for each client."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, client: Client) -> tuple[POP3Server, POP3Conversation]:
        settings = self._settings
        number = next(settings.door.numbers)
        plaintext = settings.login.plaintext_allowed(client.peer.host)
        offer = Offer(settings, plaintext=plaintext, number=number)
        machine = POP3Server(
            capabilities=offer.capabilities(),
            limits=settings.limits,
            tls=settings.implicit_tls,
            timestamp=offer.timestamp,
        )
        session = Session(
            id=settings.door.session_id(Role.POP3, number),
            role=Role.POP3,
            peer=client.peer,
            local=client.local,
            proxy=client.proxy,
            started=settings.now(),
            listener=settings.door.name,
        )
        return machine, POP3Conversation(settings, machine, session, offer=offer)
