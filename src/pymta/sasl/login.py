"""
LOGIN: name and password, one after the other, as old clients want it.

No RFC describes it; the expired draft's prompts differ from those in use, which some clients
compare, so we send those.  The client's side takes any.
"""

from __future__ import annotations

from pymta.errors import RemoteProtocolError
from pymta.sasl import octets
from pymta.sasl.client import Credentials, outgoing
from pymta.sasl.exchange import Dialogue, confirmed
from pymta.sasl.steps import Challenge, CheckPassword, Success

__all__ = ["LoginClient", "login"]


def login(initial: bytes | None) -> Dialogue:
    """The server's side.  An initial response, which many clients send, is the name."""
    if initial is None:
        initial = yield Challenge(b"Username:")
    username = octets.name(initial)
    password = octets.password((yield Challenge(b"Password:")))
    question = CheckPassword(username=username, password=password)
    return Success((yield from confirmed(question, username)))


class LoginClient:
    """The client's side: the first challenge gets the name, the second the password."""

    name = "LOGIN"

    def __init__(self, credentials: Credentials) -> None:
        self._left = [outgoing(credentials.password or ""), outgoing(credentials.username)]
        self.finished = False

    def begin(self) -> bytes | None:
        """The server begins."""
        return None

    def respond(self, challenge: bytes) -> bytes:
        """The next of the two."""
        if not self._left:
            self.finished = False
            raise RemoteProtocolError("a third challenge in LOGIN")
        response = self._left.pop()
        self.finished = not self._left
        return response
