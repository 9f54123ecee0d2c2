"""
The server's side of SCRAM (:rfc:`5802#section-5`).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pymta.sasl import octets
from pymta.sasl.exchange import Dialogue, Fail, authorized, first_message
from pymta.sasl.scram.messages import (
    ClientFinal,
    ClientFirst,
    parse_client_final,
    parse_client_first,
    to_base64,
)
from pymta.sasl.scram.secret import hash_of, hmac_of
from pymta.sasl.steps import Challenge, FetchSCRAM, SCRAMSecret, Success

__all__ = ["Bare", "Plus", "scram"]


@dataclass(frozen=True, slots=True)
class Bare:
    """
    SCRAM without channel binding.

    :param elsewhere: the server announces a -PLUS mechanism, too.
    """

    elsewhere: bool = False

    def data(self, first: ClientFirst) -> bytes:
        """What ``c=`` must hold behind the header; or Fail."""
        if first.flag == "p":
            raise Fail("channel binding without -PLUS", malformed=True)
        if first.flag == "y" and self.elsewhere:
            # RFC 5802 section 6: the client believes that there is no -PLUS here: somebody
            # took it out of the list that it saw.
            raise Fail("the list of mechanisms was tampered with")
        return b""


@dataclass(frozen=True, slots=True)
class Plus:
    """SCRAM with channel binding.  :param bindings: by type, as in a Channel."""

    bindings: Mapping[str, bytes] = field(repr=False)

    def data(self, first: ClientFirst) -> bytes:
        """What ``c=`` must hold behind the header; or Fail."""
        if first.flag != "p":
            raise Fail("-PLUS without channel binding", malformed=True)
        # cbind-data = 1*OCTET: an empty one binds nothing.
        data = self.bindings.get(first.binding)
        if not data:
            raise Fail("channel binding of a type that is not known here")
        return data


def scram(
    initial: bytes | None,
    *,
    hash_name: str,
    nonce: str,
    binding: Bare | Plus,
    decoy: Callable[[str, str], SCRAMSecret],
) -> Dialogue:
    """
    The dialogue.

    :param nonce: the server's part; printable, no commas, never the same twice.
    :param decoy: gives what stands in for the secret of an unknown user up to the end, by name
        and hash function: :meth:`pymta.sasl.Decoy.secret`.
    """
    first = parse_client_first((yield from first_message(initial)))
    expected = to_base64(first.header + binding.data(first))
    username = octets.prepared_name(first.username)
    authzid = octets.prepared_name(first.authzid) if first.authzid else ""
    found: SCRAMSecret | None = yield FetchSCRAM(username, hash_name)
    # Computed for everybody, so that it takes everybody as long.
    nobody = decoy(username, hash_name)
    secret = found or nobody

    both = first.nonce + nonce
    server_first = f"r={both},s={to_base64(secret.salt)},i={secret.iterations}".encode()
    final = parse_client_final((yield Challenge(server_first)))
    _check_frame(final, expected=expected, nonce=both)

    # RFC 5802 section 3, AuthMessage: of the names it holds what came, not what was prepared.
    message = b",".join((first.bare, server_first, final.without_proof))
    proved = _proves(final.proof, secret, message=message, hash_name=hash_name)
    if not proved or found is None:
        raise Fail("wrong credentials")
    identity = yield from authorized(username, authzid)
    signature = hmac_of(secret.server_key, message, hash_name)
    return Success(identity, f"v={to_base64(signature)}".encode())


def _check_frame(final: ClientFinal, *, expected: str, nonce: str) -> None:
    # Neither is secret to the peer; compared like secrets all the same.
    if not hmac.compare_digest(nonce.encode(), final.nonce.encode()):
        raise Fail("not our nonce")
    if not hmac.compare_digest(expected.encode(), final.binding.encode()):
        # RFC 5802 section 6: MUST always be validated.
        raise Fail("not bound to this channel, or the header was tampered with")


def _proves(proof: bytes, secret: SCRAMSecret, *, message: bytes, hash_name: str) -> bool:
    signature = hmac_of(secret.stored_key, message, hash_name)
    if len(proof) != len(signature):
        return False
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    return hmac.compare_digest(hash_of(client_key, hash_name), secret.stored_key)
