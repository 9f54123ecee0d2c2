"""
Tests for OAUTHBEARER and XOAUTH2.
"""

from __future__ import annotations

import base64
import json
from functools import partial

import pytest

from pymta.errors import RemoteProtocolError
from pymta.sasl import (
    Authorize,
    Challenge,
    CheckToken,
    Credentials,
    Exchange,
    Failure,
    PreparationError,
    Success,
    TokenHint,
)
from pymta.sasl.oauth import BearerClient, XOAuth2Client, oauthbearer, xoauth2
from tests.sasl.accounts import Accounts, converse, run

# RFC 7628 section 4.1
RFC_MESSAGE = base64.b64decode(
    "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyI"
    "HZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
)
TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
USER = "user@example.com"
TOKENS = {TOKEN: USER}
HINT = TokenHint("example_scope", "https://example.com/.well-known/openid-config")

MALFORMED = [
    pytest.param(b"", id="empty"),
    pytest.param(b"\x01", id="the dummy as first message"),
    pytest.param(b"n,,", id="no separator"),
    pytest.param(b"n,,\x01", id="no end"),
    pytest.param(b"n,,\x01\x01", id="no pairs"),
    pytest.param(b"n,,\x01auth=Bearer a\x01", id="one end missing"),
    pytest.param(b"n,,\x01auth=Bearer a\x01\x01\x01", id="one end more"),
    pytest.param(b"n,,\x01auth=Bearer a\x01\x01x", id="data behind the end"),
    pytest.param(b"n,,\x01\x01auth=Bearer a\x01\x01", id="an empty pair"),
    pytest.param(b"n,,\x01auth\x01\x01", id="no value"),
    pytest.param(b"n,,\x01=x\x01auth=Bearer a\x01\x01", id="no key"),
    pytest.param(b"n,,\x01a1=x\x01auth=Bearer a\x01\x01", id="digit in a key"),
    pytest.param(b"n,,\x01auth=Bearer a\x01auth=Bearer b\x01\x01", id="auth twice"),
    pytest.param(b"n,,\x01auth=Bearer a\x01host=\xff\x01\x01", id="no ASCII"),
    pytest.param(b"n,,\x01host=h\x01\x01", id="no auth"),
    pytest.param(b"n,,\x01port=0\x01auth=Bearer a\x01\x01", id="port 0"),
    pytest.param(b"n,,\x01port=0143\x01auth=Bearer a\x01\x01", id="port with a leading zero"),
    pytest.param(b"n,,\x01port=65536\x01auth=Bearer a\x01\x01", id="port too high"),
    pytest.param(b"n,,\x01port=\x01auth=Bearer a\x01\x01", id="empty port"),
    pytest.param(b"p=tls-exporter,,\x01auth=Bearer a\x01\x01", id="channel binding"),
    pytest.param(b"x,,\x01auth=Bearer a\x01\x01", id="unknown flag"),
    pytest.param(b"n,\x01auth=Bearer a\x01\x01", id="half a header"),
    pytest.param(b"n,,,\x01auth=Bearer a\x01\x01", id="too long a header"),
    pytest.param(b"n,a=,\x01auth=Bearer a\x01\x01", id="an empty authzid"),
    pytest.param(b"n,user=u,\x01auth=Bearer a\x01\x01", id="not an authzid"),
    pytest.param(b"n,a=x=y,\x01auth=Bearer a\x01\x01", id="a bare ="),
    pytest.param(b"n,a=\xff,\x01auth=Bearer a\x01\x01", id="authzid is no UTF-8"),
]

NO_TOKEN = [
    pytest.param(b"auth=", id="RFC 7628 section 4.3"),
    pytest.param(b"auth=Bearer", id="no token"),
    pytest.param(b"auth=Bearer ", id="an empty token"),
    pytest.param(b"auth=Bearer a b", id="two tokens"),
    pytest.param(b"auth=Bearer =a", id="no token68"),
    pytest.param(b"auth=Basic dXNlcjpwYXNz", id="another scheme"),
]


def bearer() -> Exchange:
    """A server of OAUTHBEARER."""
    return Exchange(partial(oauthbearer, hint=HINT))


def xoauth() -> Exchange:
    """A server of XOAUTH2."""
    return Exchange(partial(xoauth2, hint=HINT))


def test_rfc_example() -> None:
    """
    The message of RFC 7628 section 4.1 is understood whole.
    """
    accounts = Accounts(tokens=TOKENS)

    assert [Success(USER)] == run(bearer(), [RFC_MESSAGE], accounts)
    question = CheckToken(token=TOKEN, username=USER, host="server.example.com", port=143)
    assert [question] == accounts.asked


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "BeArEr"])
def test_scheme_in_any_case(scheme: str) -> None:
    """
    The scheme's case does not matter (RFC 7628 section 4); unknown pairs are ignored.
    """
    message = f"n,,\x01foo=bar\r\n\x01auth={scheme} {TOKEN}\x01\x01".encode()

    assert [Success(USER)] == run(bearer(), [message], Accounts(tokens=TOKENS))


@pytest.mark.parametrize("message", MALFORMED)
def test_malformed(message: bytes) -> None:
    """
    What breaks the grammar fails at once, without a question.
    """
    accounts = Accounts(tokens=TOKENS)
    (step,) = run(bearer(), [message], accounts)

    assert isinstance(step, Failure)
    assert step.malformed
    assert [] == accounts.asked


@pytest.mark.parametrize("end", [b"\x01", b"", b"anything"])
def test_refused_token(end: bytes) -> None:
    """
    A wrong token gets an error in JSON, and the no after the client's dummy, whatever it is.
    """
    challenge, step = run(bearer(), [b"n,,\x01auth=Bearer bad\x01\x01", end], Accounts())

    assert isinstance(challenge, Challenge)
    assert {
        "status": "invalid_token",
        "scope": "example_scope",
        "openid-configuration": "https://example.com/.well-known/openid-config",
    } == json.loads(challenge.data)
    assert Failure("wrong credentials") == step


@pytest.mark.parametrize("auth", NO_TOKEN)
def test_no_token(auth: bytes) -> None:
    """
    Without a bearer token nothing is asked; the client learns what we want.
    """
    for exchange, head in ((bearer(), b"n,,\x01"), (xoauth(), b"user=u\x01")):
        accounts = Accounts()
        challenge, step = run(exchange, [head + auth + b"\x01\x01", b"\x01"], accounts)

        assert isinstance(challenge, Challenge)
        assert Failure("no bearer token") == step
        assert [] == accounts.asked


def test_hint_without_anything() -> None:
    """
    What is not configured is not told.
    """
    assert b'{"status":"invalid_token"}' == TokenHint().bearer_error("invalid_token")
    assert b'{"status":"401","schemes":"bearer"}' == TokenHint().xoauth2_error()


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(f"n,a=boss,\x01auth=Bearer {TOKEN}\x01\x01", id="OAUTHBEARER"),
        pytest.param(f"user=boss\x01auth=Bearer {TOKEN}\x01\x01", id="XOAUTH2"),
    ],
)
@pytest.mark.parametrize("allowed", [True, False])
def test_token_of_somebody_else(message: str, allowed: bool) -> None:
    """
    With a good token for another account, the right to act as the named one is asked.
    """
    may_act = frozenset({(USER, "boss")} if allowed else ())
    accounts = Accounts(tokens=TOKENS, may_act=may_act)
    exchange = bearer() if message.startswith("n") else xoauth()
    *_, end = run(exchange, [message.encode(), b"\x01"], accounts)

    assert Authorize(USER, "boss") == accounts.asked[-1]
    assert (Success("boss") if allowed else Failure("may not act as somebody else")) == end


def test_true_needs_a_name() -> None:
    """
    "The token is good", of a token whose holder nobody named, lets nobody in.
    """
    exchange = bearer()
    exchange.begin(b"n,,\x01auth=Bearer a\x01\x01")

    assert isinstance(exchange.answer(True), Challenge)
    assert Failure("wrong credentials") == exchange.respond(b"\x01")


def test_xoauth2() -> None:
    """
    The form in use is understood; True confirms the name.
    """
    exchange = xoauth()

    assert Challenge(b"") == exchange.begin(None)
    question = CheckToken(token="ya29.vF9dft4", username="someuser@example.com")
    message = b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4\x01\x01"
    assert question == exchange.respond(message)
    assert Success("someuser@example.com") == exchange.answer(True)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"user=u\x01\x01", id="no auth"),
        pytest.param(b"auth=Bearer a\x01\x01", id="no user"),
        pytest.param(b"user=\x01auth=Bearer a\x01\x01", id="empty user"),
        pytest.param(b"user=u\x01auth=Bearer a\x01", id="no end"),
        pytest.param(b"user=u\0\x01auth=Bearer a\x01\x01", id="NUL"),
        pytest.param(b"n,a=u,\x01auth=Bearer a\x01\x01", id="OAUTHBEARER"),
    ],
)
def test_xoauth2_malformed(message: bytes) -> None:
    """
    What breaks the form fails at once.
    """
    (step,) = run(xoauth(), [message], Accounts())

    assert isinstance(step, Failure)
    assert step.malformed


@pytest.mark.parametrize("authzid", ["", "we=ird,one"])
def test_back_to_back(authzid: str) -> None:
    """
    Our clients log in to our servers.
    """
    name = authzid or USER
    known = Credentials(username=name, token="t0", host="mx.example.test", port=587)
    for client, server in ((BearerClient(known), bearer()), (XOAuth2Client(known), xoauth())):
        assert Success(name) == converse(server, client, Accounts(tokens={"t0": name}))
        assert client.finished
        assert client.error is None


def test_client_writes_the_rfc_example() -> None:
    """
    The client's message is that of RFC 7628 section 4.1.
    """
    known = Credentials(username=USER, token=TOKEN, host="server.example.com", port=143)

    assert RFC_MESSAGE == BearerClient(known).begin()
    assert b"n,,\x01auth=Bearer t\x01\x01" == BearerClient(Credentials(token="t")).begin()


def test_clients_learn_why() -> None:
    """
    A refused client answers with its dummy, keeps the error, and believes no yes.
    """
    known = Credentials(username="u", token="bad")
    for client, server in ((BearerClient(known), bearer()), (XOAuth2Client(known), xoauth())):
        assert isinstance(converse(server, client, Accounts()), Failure)
        assert not client.finished
        assert client.error is not None
        assert "example_scope" == json.loads(client.error)["scope"]


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param(Credentials(username="u"), id="no token"),
        pytest.param(Credentials(username="u", token=""), id="an empty token"),
        pytest.param(Credentials(username="u", token="t\x01host=other"), id="a pair in the token"),
        pytest.param(Credentials(username="u", token="t t"), id="space"),
        pytest.param(Credentials(username="u", token="t\n"), id="LF"),
        pytest.param(Credentials(username="u", token="\u00e9"), id="no ASCII"),
        pytest.param(Credentials(username="u\x01", token="t"), id="a separator in the name"),
    ],
)
def test_clients_of_bad_credentials(credentials: Credentials) -> None:
    """
    What could forge another pair, or is no token, is told before anything is sent.
    """
    for make in (BearerClient, XOAuth2Client):
        with pytest.raises(PreparationError):
            make(credentials)


def test_client_of_a_bad_host() -> None:
    """
    So is a host with a separator in it.
    """
    with pytest.raises(PreparationError):
        BearerClient(Credentials(token="t", host="h\x01user=x"))


def test_clients_refuse_a_second_challenge() -> None:
    """
    There is one error at most, and no more of it than a message holds.
    """
    known = Credentials(username="u", token="t")
    for make in (BearerClient, XOAuth2Client):
        client = make(known)
        client.begin()
        client.respond(b"{}")
        with pytest.raises(RemoteProtocolError):
            client.respond(b"{}")
        with pytest.raises(RemoteProtocolError):
            make(known).respond(b"x" * 12_289)
