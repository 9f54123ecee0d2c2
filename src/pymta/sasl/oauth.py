"""
OAUTHBEARER (:rfc:`7628`) and XOAUTH2, its forerunner in use: an OAuth 2.0 bearer token.

Both say why they refuse in a challenge of JSON, which the client answers with a dummy before
it is told "no" (:rfc:`7628#section-3.2.3`).  Whether a token is good is the driver's to find
out; so is whether the host and port that the client names are ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from pymta.errors import RemoteProtocolError
from pymta.sasl import octets
from pymta.sasl.client import Credentials, outgoing
from pymta.sasl.exchange import MAX_MESSAGE, Dialogue, Fail, authorized, confirmed, first_message
from pymta.sasl.prepare import PreparationError
from pymta.sasl.saslname import decode_saslname, encode_saslname
from pymta.sasl.steps import Challenge, CheckToken, Question, Success

__all__ = ["BearerClient", "TokenHint", "XOAuth2Client", "oauthbearer", "xoauth2"]

_SEPARATOR = b"\x01"

# RFC 7628 section 3.1: kvpair = key "=" value kvsep
_KEY = re.compile(rb"[A-Za-z]+\Z")
_VALUE = re.compile(rb"[\x20-\x7e\t\r\n]*\Z")
_VISIBLE = re.compile(r"[\x21-\x7e]+\Z")
# RFC 6750 section 2.1; the scheme in any case (RFC 7628 section 4).
_BEARER = re.compile(rb"bearer +([A-Za-z0-9._~+/-]+=*) *\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TokenHint:
    """
    What a client whose token is refused is told, so that it can get a better one.

    :param scope: of the tokens that we take.
    :param openid_configuration: the https URL of the provider's discovery document.
    """

    scope: str | None = None
    openid_configuration: str | None = None

    def bearer_error(self, status: str) -> bytes:
        """:rfc:`7628#section-3.2.2`."""
        optional = {"scope": self.scope, "openid-configuration": self.openid_configuration}
        return _json({"status": status, **optional})

    def xoauth2_error(self) -> bytes:
        """What clients of XOAUTH2 look for: the HTTP status that means "get a new token"."""
        return _json({"status": "401", "schemes": "bearer", "scope": self.scope})


def _json(members: dict[str, str | None]) -> bytes:
    known = {key: value for key, value in members.items() if value is not None}
    return json.dumps(known, separators=(",", ":")).encode("ascii")


# -- servers -----------------------------------------------------------------


def oauthbearer(initial: bytes | None, *, hint: TokenHint) -> Dialogue:
    """The server's side of OAUTHBEARER."""
    message = yield from first_message(initial)
    # client-resp = (gs2-header kvsep *kvpair kvsep) / kvsep; the latter is no first message.
    header, separator, pairs = message.partition(_SEPARATOR)
    authzid = _gs2_authzid(header)
    if not separator:
        raise Fail("no key/value pairs", malformed=True)
    values = _pairs(pairs)
    port = _port(values.get(b"port"))
    host = octets.text(values[b"host"]) if b"host" in values else None
    credentials = values.get(b"auth")
    if credentials is None:
        raise Fail("no auth", malformed=True)
    bearer = _BEARER.match(credentials)
    if bearer is None:
        # An empty one is how a client asks what tokens we want (RFC 7628 section 4.3).
        yield Challenge(hint.bearer_error("invalid_token"))
        raise Fail("no bearer token")
    token = bearer[1].decode("ascii")
    question = CheckToken(token=token, username=authzid, host=host, port=port)
    return (yield from _checked(question, hint.bearer_error("invalid_token")))


def xoauth2(initial: bytes | None, *, hint: TokenHint) -> Dialogue:
    """The server's side of XOAUTH2: "user=" name ^A "auth=Bearer " token ^A ^A."""
    values = _pairs((yield from first_message(initial)))
    if b"user" not in values or b"auth" not in values:
        raise Fail("no user or no auth", malformed=True)
    username = octets.name(values[b"user"])
    bearer = _BEARER.match(values[b"auth"])
    if bearer is None:
        yield Challenge(hint.xoauth2_error())
        raise Fail("no bearer token")
    question = CheckToken(token=bearer[1].decode("ascii"), username=username)
    return (yield from _checked(question, hint.xoauth2_error()))


def _checked(question: CheckToken, error: bytes) -> Generator[Challenge | Question, Any, Success]:
    try:
        identity = yield from confirmed(question, question.username)
        # A token of somebody else does not make the client whom it says that it is.
        return Success((yield from authorized(identity, question.username)))
    except Fail:
        # What the client says to it does not matter: RFC 7628 wants ^A, XOAUTH2 nothing.
        yield Challenge(error)
        raise


def _gs2_authzid(header: bytes) -> str:
    """The authorization identity out of a GS2 header, prepared; empty if there is none."""
    # gs2-header = gs2-cbind-flag "," [authzid] ","
    parts = octets.text(header).split(",")
    if len(parts) != 3 or parts[2] or parts[0] not in ("n", "y"):
        # A bearer token is not bound to a channel: "p" cannot be kept.
        raise Fail("no GS2 header for OAUTHBEARER", malformed=True)
    if not parts[1]:
        return ""
    if not parts[1].startswith("a="):
        raise Fail("no authzid in the GS2 header", malformed=True)
    return octets.prepared_name(decode_saslname(parts[1][2:]))


def _pairs(message: bytes) -> dict[bytes, bytes]:
    """Key/value pairs, up to the separator that ends them."""
    # *kvpair kvsep, where each kvpair has a kvsep of its own
    parts = message.split(_SEPARATOR)
    if len(parts) < 2 or parts[-1] or parts[-2]:
        raise Fail("key/value pairs without an end", malformed=True)
    values: dict[bytes, bytes] = {}
    for pair in parts[:-2]:
        key, sign, value = pair.partition(b"=")
        if not sign or not _KEY.match(key) or not _VALUE.match(value) or key in values:
            raise Fail("no key/value pair, or one twice", malformed=True)
        values[key] = value
    return values


def _port(value: bytes | None) -> int | None:
    if value is None:
        return None
    # RFC 7628 section 3.1: a positive decimal without leading zeros.
    if not re.fullmatch(rb"[1-9][0-9]{0,4}", value) or int(value) > 65535:
        raise Fail("no port", malformed=True)
    return int(value)


# -- clients -----------------------------------------------------------------


class BearerClient:
    """
    The client's side of OAUTHBEARER.

    After a refusal, :attr:`error` holds what the server said of it, as it came.
    """

    name = "OAUTHBEARER"

    def __init__(self, credentials: Credentials) -> None:
        authzid = credentials.authzid or credentials.username
        named = f"a={encode_saslname(outgoing(authzid).decode())}" if authzid else ""
        pairs = [f"n,{named},"]
        if credentials.host is not None:
            pairs.append(f"host={_visible(credentials.host)}")
        if credentials.port is not None:
            pairs.append(f"port={credentials.port}")
        pairs.append(f"auth=Bearer {_visible(credentials.token)}")
        self._message = "\x01".join((*pairs, "", "")).encode()
        self.finished = False
        self.error: bytes | None = None

    def begin(self) -> bytes | None:
        """The token."""
        self.finished = True
        return self._message

    def respond(self, challenge: bytes) -> bytes:
        """A challenge is a refusal; the dummy response lets the server say so."""
        self.finished = False
        self.error = _refusal(challenge, self.error)
        return _SEPARATOR


class XOAuth2Client:
    """The client's side of XOAUTH2; :attr:`error` as in :class:`BearerClient`."""

    name = "XOAUTH2"

    def __init__(self, credentials: Credentials) -> None:
        username = outgoing(credentials.username)
        token = _visible(credentials.token)
        self._message = b"user=%b\x01auth=Bearer %b\x01\x01" % (username, token.encode())
        self.finished = False
        self.error: bytes | None = None

    def begin(self) -> bytes | None:
        """The name and the token."""
        self.finished = True
        return self._message

    def respond(self, challenge: bytes) -> bytes:
        """A challenge is a refusal; an empty response lets the server say so."""
        self.finished = False
        self.error = _refusal(challenge, self.error)
        return b""


def _visible(value: str | None) -> str:
    """A token or host, which must not be able to forge another pair."""
    if not value or not _VISIBLE.match(value):
        raise PreparationError("a token or host with other than visible ASCII, or none")
    return value


def _refusal(challenge: bytes, before: bytes | None) -> bytes:
    if before is not None:
        raise RemoteProtocolError("a second challenge after a token")
    if len(challenge) > MAX_MESSAGE:
        raise RemoteProtocolError("challenge too long")
    return challenge
