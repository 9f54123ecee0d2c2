"""
PLAIN (:rfc:`4616`): the password as it is, so only in a channel that hides it.
"""

from __future__ import annotations

from pymta.errors import RemoteProtocolError
from pymta.sasl import octets
from pymta.sasl.client import Credentials, outgoing
from pymta.sasl.exchange import Dialogue, Fail, authorized, confirmed, first_message
from pymta.sasl.steps import CheckPassword, Success

__all__ = ["PlainClient", "plain"]


def plain(initial: bytes | None) -> Dialogue:
    """The server's side."""
    message = yield from first_message(initial)
    # RFC 4616 section 2: message = [authzid] NUL authcid NUL passwd
    parts = message.split(b"\0")
    if len(parts) != 3:
        raise Fail("not two NULs", malformed=True)
    authzid = octets.authorization(parts[0])
    username = octets.name(parts[1])
    password = octets.password(parts[2])
    question = CheckPassword(username=username, password=password, authzid=authzid)
    identity = yield from confirmed(question, username)
    return Success((yield from authorized(identity, authzid, username)))


class PlainClient:
    """The client's side: one message."""

    name = "PLAIN"

    def __init__(self, credentials: Credentials) -> None:
        authzid = outgoing(credentials.authzid) if credentials.authzid else b""
        username = outgoing(credentials.username)
        self._message = b"\0".join((authzid, username, outgoing(credentials.password or "")))
        self.finished = False

    def begin(self) -> bytes | None:
        """Everything."""
        self.finished = True
        return self._message

    def respond(self, challenge: bytes) -> bytes:
        """There is nothing more to say."""
        self.finished = False
        raise RemoteProtocolError("a challenge after the end of PLAIN")
