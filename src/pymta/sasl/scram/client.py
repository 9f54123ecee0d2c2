"""
The client's side of SCRAM (:rfc:`5802#section-5`), which believes no server without its proof.
"""

from __future__ import annotations

import hmac

from pymta.errors import LocalProtocolError, RemoteProtocolError, Unauthorized
from pymta.sasl.client import Credentials, outgoing
from pymta.sasl.exchange import Fail
from pymta.sasl.prepare import prepare_stored
from pymta.sasl.saslname import encode_saslname
from pymta.sasl.scram.messages import (
    ServerFirst,
    parse_server_final,
    parse_server_first,
    to_base64,
)
from pymta.sasl.scram.secret import (
    HASHES,
    MIN_ITERATIONS,
    client_and_server_key,
    hash_of,
    hmac_of,
)

__all__ = ["MAX_ITERATIONS", "SCRAMClient"]

# A hostile server asks for as many as it likes (RFC 5802 section 9).  The highest figure that
# is recommended today is 1.3 million for SHA-1; these take about a second.
MAX_ITERATIONS = 2_000_000


class SCRAMClient:
    """
    One attempt.

    :param nonce: printable, no commas, never the same twice.
    :param flag: the GS2 flag: ``"n"``, ``"y"``, or ``"p=tls-exporter"`` with what it binds to
        in ``binding``.
    :raises PreparationError: SCRAM cannot be used with this name or password.
    :raises ValueError: a hash function that is not known here.
    """

    def __init__(
        self,
        name: str,
        credentials: Credentials,
        *,
        nonce: str,
        flag: str = "n",
        binding: bytes = b"",
        max_iterations: int = MAX_ITERATIONS,
    ) -> None:
        self.name = name
        self.finished = False
        self._hash_name = name.removeprefix("SCRAM-").removesuffix("-PLUS")
        if self._hash_name not in HASHES:
            raise ValueError(f"no mechanism of SCRAM here: {name!r}")
        self._password = prepare_stored(credentials.password or "")
        self._max_iterations = max_iterations
        self._nonce = nonce
        authzid = f"a={_saslname(credentials.authzid)}" if credentials.authzid else ""
        header = f"{flag},{authzid},".encode()
        self._bare = f"n={_saslname(credentials.username)},r={nonce}".encode()
        self._first = header + self._bare
        self._binding = to_base64(header + binding)
        self._next = self._before_begin

    def begin(self) -> bytes | None:
        """Who we are, and our nonce."""
        self._next = self._proof
        return self._first

    def respond(self, challenge: bytes) -> bytes:
        """
        Our proof; then nothing, if the server's is right.

        The first call computes the keys: see :class:`~pymta.sasl.client.ClientExchange`.
        """
        step, self._next = self._next, self._after_end
        self.finished = False
        try:
            return step(challenge)
        except Fail as no:
            raise RemoteProtocolError(f"SCRAM: {no}") from None

    def _before_begin(self, challenge: bytes) -> bytes:
        raise LocalProtocolError("begin comes first")

    def _after_end(self, challenge: bytes) -> bytes:
        raise RemoteProtocolError("a challenge after the end of SCRAM")

    def _proof(self, challenge: bytes) -> bytes:
        server = parse_server_first(challenge)
        self._check(server)
        client_key, server_key = client_and_server_key(
            self._password, server.salt, iterations=server.iterations, hash_name=self._hash_name
        )
        without_proof = f"c={self._binding},r={server.nonce}".encode()
        message = b",".join((self._bare, challenge, without_proof))
        stored_key = hash_of(client_key, self._hash_name)
        signature = hmac_of(stored_key, message, self._hash_name)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self._expected = hmac_of(server_key, message, self._hash_name)
        self._next = self._verify
        return without_proof + f",p={to_base64(proof)}".encode()

    def _check(self, server: ServerFirst) -> None:
        # RFC 5802 section 5.1: MUST begin with ours; without a part of the server's own, an
        # old exchange could be played again.
        if not server.nonce.startswith(self._nonce) or server.nonce == self._nonce:
            raise Fail("not our nonce, or nothing added to it")
        if not MIN_ITERATIONS <= server.iterations <= self._max_iterations:
            raise Fail(f"{server.iterations} iterations")

    def _verify(self, challenge: bytes) -> bytes:
        verifier, error = parse_server_final(challenge)
        if error:
            raise Unauthorized(f"SCRAM: the server says {error!r}")
        if not hmac.compare_digest(self._expected, verifier):
            raise Fail("the server does not know the password")
        self.finished = True
        return b""


def _saslname(name: str) -> str:
    return encode_saslname(outgoing(name).decode())
