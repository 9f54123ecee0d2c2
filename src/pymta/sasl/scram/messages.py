"""
The five messages of SCRAM: the grammar of :rfc:`5802#section-7`, strictly.

The order of attributes is fixed.  Unknown optional extensions are let pass where the grammar
has room for them; ``m=``, and a known attribute out of its place, is not.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pymta.sasl import octets
from pymta.sasl.exchange import MAX_MESSAGE, Fail
from pymta.sasl.saslname import decode_saslname

__all__ = [
    "ClientFinal",
    "ClientFirst",
    "ServerFirst",
    "fresh_nonce",
    "parse_client_final",
    "parse_client_first",
    "parse_server_final",
    "parse_server_first",
    "to_base64",
]

# cb-name = 1*(ALPHA / DIGIT / "." / "-")
_BINDING_NAME = re.compile(r"[A-Za-z0-9.-]+\Z")
# printable = %x21-2B / %x2D-7E; the limit is ours: each side repeats the other's.
_NONCE = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,1024}\Z")
# posit-number = %x31-39 *DIGIT; ten digits are more than anybody computes.
_NUMBER = re.compile(r"[1-9][0-9]{0,9}\Z")
_LETTER = re.compile(r"[A-Za-z]\Z")
# Attributes that mean something: RFC 5802 section 5.1.
_RESERVED = frozenset("anmrcsipve")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFirst:
    """
    Who the client is, and how it is bound to the channel.

    :param flag: ``"n"``, ``"y"`` or ``"p"`` (:rfc:`5802#section-6`).
    :param binding: the channel binding's type behind ``"p="``; otherwise empty.
    :param header: the GS2 header, as it came.
    :param bare: the rest, as it came: hashed.
    :param authzid: not yet prepared; empty if there is none.
    :param username: not yet prepared.
    """

    flag: str
    binding: str
    header: bytes
    bare: bytes
    authzid: str
    username: str
    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFirst:
    """Salt, iterations, and the nonce of both."""

    nonce: str
    salt: bytes
    iterations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFinal:
    """
    The proof, and what the client says it saw before.

    :param binding: the value of ``c=``, still in BASE64.
    :param without_proof: as it came: hashed.
    """

    binding: str
    nonce: str
    proof: bytes
    without_proof: bytes


def fresh_nonce(random: Callable[[int], bytes]) -> str:
    """A nonce: 144 random bits.  BASE64 has no comma."""
    return to_base64(random(18))


def to_base64(data: bytes) -> str:
    """As all binary values are written."""
    return base64.b64encode(data).decode("ascii")


def parse_client_first(message: bytes) -> ClientFirst:
    """client-first-message = gs2-header client-first-message-bare"""
    flag, _, rest = _text(message).partition(",")
    named, comma, bare = rest.partition(",")
    if not comma:
        raise Fail("no GS2 header", malformed=True)
    binding = _binding_name(flag)
    authzid = _named_authzid(named) if named else ""
    # [reserved-mext ","] username "," nonce ["," extensions]
    username, nonce = _values(bare, "nr")
    if not _NONCE.match(nonce):
        raise Fail("no nonce", malformed=True)
    header = f"{flag},{named},".encode()
    return ClientFirst(
        flag=flag[0],
        binding=binding,
        header=header,
        bare=message[len(header) :],
        authzid=authzid,
        username=decode_saslname(username),
        nonce=nonce,
    )


def parse_server_first(message: bytes) -> ServerFirst:
    """[reserved-mext ","] nonce "," salt "," iteration-count ["," extensions]"""
    nonce, salt, iterations = _values(_text(message), "rsi")
    if not _NONCE.match(nonce) or not _NUMBER.match(iterations):
        raise Fail("no nonce or no iteration count", malformed=True)
    return ServerFirst(nonce=nonce, salt=_from_base64(salt), iterations=int(iterations))


def parse_client_final(message: bytes) -> ClientFinal:
    """channel-binding "," nonce ["," extensions] "," proof"""
    without_proof, _, proof = _text(message).rpartition(",")
    binding, nonce = _values(without_proof, "cr")
    (proof,) = _values(proof, "p")
    return ClientFinal(
        binding=binding,
        nonce=nonce,
        proof=_from_base64(proof),
        without_proof=without_proof.encode(),
    )


def parse_server_final(message: bytes) -> tuple[bytes, str]:
    """
    server-final-message = (server-error / verifier) ["," extensions]

    :returns: the verifier, and no error; or an error, and no verifier.
    """
    text = _text(message)
    if text.startswith("e="):
        return b"", _values(text, "e")[0]
    return _from_base64(_values(text, "v")[0]), ""


def _text(message: bytes) -> str:
    if len(message) > MAX_MESSAGE:
        raise Fail("message too long", malformed=True)
    return octets.text(message)


def _binding_name(flag: str) -> str:
    # gs2-cbind-flag = ("p=" cb-name) / "n" / "y"
    if flag in ("n", "y"):
        return ""
    if not flag.startswith("p=") or not _BINDING_NAME.match(flag[2:]):
        raise Fail("no channel binding flag", malformed=True)
    return flag[2:]


def _named_authzid(named: str) -> str:
    if not named.startswith("a="):
        raise Fail("no authzid in the GS2 header", malformed=True)
    return decode_saslname(named[2:])


def _values(text: str, keys: str) -> Sequence[str]:
    """The values of the attributes ``keys``, which must be the first, in that order."""
    pairs = [part.partition("=") for part in text.split(",")]
    if any(not _LETTER.match(key) or not value for key, _, value in pairs):
        raise Fail("no attribute", malformed=True)
    # RFC 5802 section 5.1: the presence of "m" MUST cause authentication failure.
    if any(key == "m" for key, _, _ in pairs):
        raise Fail("a mandatory extension", malformed=True)
    known, extensions = pairs[: len(keys)], pairs[len(keys) :]
    if [key for key, _, _ in known] != list(keys):
        raise Fail("an attribute is missing or out of order", malformed=True)
    if any(key in _RESERVED for key, _, _ in extensions):
        raise Fail("an attribute out of its place", malformed=True)
    return [value for _, _, value in known]


def _from_base64(value: str) -> bytes:
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        raise Fail("no BASE64", malformed=True)
    return data
