"""
EXTERNAL (:rfc:`4422#appendix-A`): the client has proved itself already, by its certificate.
"""

from __future__ import annotations

from pymta.errors import RemoteProtocolError
from pymta.sasl import octets
from pymta.sasl.client import Credentials, outgoing
from pymta.sasl.exchange import Dialogue, Fail, authorized, confirmed, first_message
from pymta.sasl.steps import CheckExternal, Success

__all__ = ["ExternalClient", "external"]


def external(initial: bytes | None, *, peer_name: str | None) -> Dialogue:
    """The server's side.  :param peer_name: from the verified certificate, if there is one."""
    authzid = octets.authorization((yield from first_message(initial)))
    if not peer_name:
        raise Fail("no client certificate")
    identity = yield from confirmed(CheckExternal(authzid, peer_name), peer_name)
    return Success((yield from authorized(identity, authzid, peer_name)))


class ExternalClient:
    """The client's side: whom it wants to act as, or nothing."""

    name = "EXTERNAL"

    def __init__(self, credentials: Credentials) -> None:
        self._authzid = outgoing(credentials.authzid) if credentials.authzid else b""
        self.finished = False

    def begin(self) -> bytes | None:
        """The authorization identity; empty, which is not None, to leave it to the server."""
        self.finished = True
        return self._authzid

    def respond(self, challenge: bytes) -> bytes:
        """There is nothing more to say."""
        self.finished = False
        raise RemoteProtocolError("a challenge after the end of EXTERNAL")
