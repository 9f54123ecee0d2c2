"""
CRAM-MD5 (:rfc:`2195`): a challenge, hashed with the password.

The server must know the password in clear text, and the client learns nothing of the server:
for clients that know nothing better.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from pymta.errors import RemoteProtocolError
from pymta.sasl import octets
from pymta.sasl.client import Credentials, outgoing
from pymta.sasl.exchange import MAX_MESSAGE, Dialogue, Fail
from pymta.sasl.prepare import PreparationError, prepare_query
from pymta.sasl.steps import Challenge, FetchPassword, Success

__all__ = ["CRAMClient", "cram_challenge", "cram_md5"]


def cram_challenge(hostname: str, random: Callable[[int], bytes]) -> bytes:
    """
    A challenge in the form of a message id.

    128 random bits stand where :rfc:`2195#section-2` has random digits and the time: what it
    wants of them is that they never come again.
    """
    left, right = (int.from_bytes(random(8), "big") for _ in range(2))
    return f"<{left}.{right}@{hostname}>".encode("ascii")


def cram_md5(initial: bytes | None, *, challenge: bytes) -> Dialogue:
    """The server's side."""
    if initial is not None:
        # RFC 4954 section 4: MUST be rejected where the server begins.
        raise Fail("an initial response, where the server begins", malformed=True)
    response: bytes = yield Challenge(challenge)
    # A name may hold spaces, a digest none.
    sent_name, space, digest = response.rpartition(b" ")
    if not space or len(digest) != 32:
        raise Fail("no name and digest", malformed=True)
    username = octets.name(sent_name)
    password: str | None = yield FetchPassword(username)
    # Nobody's password is hashed like anybody's.
    expected = _digest(_key(password or "nobody"), challenge)
    right = hmac.compare_digest(expected, digest)
    if not right or not password:
        raise Fail("wrong credentials")
    return Success(username)


def _digest(key: bytes, challenge: bytes) -> bytes:
    return hmac.digest(key, challenge, "md5").hex().encode("ascii")


def _key(password: str) -> bytes:
    try:
        return prepare_query(password).encode()
    except PreparationError:
        # Stored by somebody who does not prepare: as it is.
        return password.encode(errors="replace")


class CRAMClient:
    """The client's side: one response."""

    name = "CRAM-MD5"

    def __init__(self, credentials: Credentials) -> None:
        self._username = outgoing(credentials.username)
        self._password = outgoing(credentials.password or "")
        self.finished = False

    def begin(self) -> bytes | None:
        """The server begins."""
        return None

    def respond(self, challenge: bytes) -> bytes:
        """The name and the digest."""
        if self.finished:
            self.finished = False
            raise RemoteProtocolError("a second challenge in CRAM-MD5")
        if not 0 < len(challenge) <= MAX_MESSAGE:
            raise RemoteProtocolError("an empty challenge, or one too long, in CRAM-MD5")
        self.finished = True
        return self._username + b" " + _digest(self._password, challenge)
