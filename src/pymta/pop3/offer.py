"""
What one client is offered: the lines of CAPA (:rfc:`2449`), as its connection is now.
"""

from __future__ import annotations

from collections.abc import Sequence

from pymta.pop3.settings import Settings
from pymta.session import TLS
from pymta.wire.pop3 import capability
from pymta.wire.pop3.capability import Capability
from pymta.wire.pop3.state import Status

__all__ = ["Offer"]


class Offer:
    """
    The offer to one client.

    :param plaintext: it may log in without TLS.
    :param session: its id, for the timestamp.
    """

    def __init__(self, settings: Settings, *, plaintext: bool, session: str) -> None:
        self._settings = settings
        self._login = settings.login
        self._plaintext = plaintext
        self.tls: TLS | None = None
        """What the handshake agreed on, from then on."""
        self.timestamp = self._timestamp(session)
        """For APOP; None where that is not offered."""

    def _timestamp(self, session: str) -> str | None:
        # Clients that see a timestamp try APOP at once: where that would be in the clear, and
        # refused, none is shown.
        secure = self._plaintext or self._settings.implicit_tls
        if not (secure and self._login.can_apop):
            return None
        # RFC 1939 section 7: different each time; not to be foreseen, or a client could be made
        # to answer it beforehand.
        unique = self._settings.random(12).hex()
        return f"<{session}.{unique}@{self._settings.hostname}>"

    def capabilities(self) -> list[Capability]:
        """All of them, in the order in which they are announced."""
        settings = self._settings
        offered = [
            capability.TOP,
            capability.UIDL,
            capability.user(self._user),
            capability.sasl(self._mechanisms),
            capability.RESP_CODES,
            capability.AUTH_RESP_CODE,
            capability.PIPELINING,
            capability.UTF8,
            capability.LANG,
            capability.expire(settings.expire),
            capability.login_delay(settings.login_delay),
        ]
        if settings.certificates is not None and not settings.implicit_tls:
            offered.append(capability.STLS)
        offered += [extension.capability for extension in settings.extensions]
        # RFC 2449 section 6.9
        return [*offered, capability.implementation(settings.implementation)]

    def _user(self, status: Status) -> bool:
        return (status.tls or self._plaintext) and self._login.can_check_password

    def _mechanisms(self, _status: Status) -> Sequence[str]:
        return self._login.offered(self.tls, self._plaintext)
