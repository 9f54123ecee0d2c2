"""
Tests for CRAM-MD5.
"""

from __future__ import annotations

from functools import partial

import pytest

from pymta.errors import RemoteProtocolError
from pymta.sasl import Challenge, Credentials, Exchange, Failure, FetchPassword, Success
from pymta.sasl.cram import CRAMClient, cram_challenge, cram_md5
from tests.sasl.accounts import Accounts, converse, counting, run

# RFC 2195 section 2
CHALLENGE = b"<1896.697170952@postoffice.reston.mci.net>"
RESPONSE = b"tim b913a602c7eda7a495b4e6e7334d3890"
ACCOUNTS = {"tim": "tanstaaftanstaaf", "two words": "x"}

WRONG = Failure("wrong credentials")
BROKEN = Failure("no name and digest", malformed=True)


def exchange() -> Exchange:
    """A server with the challenge of the RFC."""
    return Exchange(partial(cram_md5, challenge=CHALLENGE))


RESPONSES = [
    pytest.param(RESPONSE, Success("tim"), id="RFC"),
    pytest.param(RESPONSE[:-1] + b"1", WRONG, id="wrong digest"),
    pytest.param(b"tom" + RESPONSE[3:], WRONG, id="unknown user"),
    pytest.param(b"tim b913a602c7eda7a495b4e6e7334d389\xc3", WRONG, id="no ASCII"),
    pytest.param(RESPONSE.replace(b"b913", b"B913"), WRONG, id="upper case"),
    pytest.param(b"", BROKEN, id="empty"),
    pytest.param(b"tim", BROKEN, id="no digest"),
    pytest.param(RESPONSE[:-1], BROKEN, id="short digest"),
    pytest.param(RESPONSE + b"0", BROKEN, id="long digest"),
    pytest.param(b" " + RESPONSE[4:], Failure("no user name", malformed=True), id="no name"),
    pytest.param(
        b"\xff " + RESPONSE[4:], Failure("no UTF-8", malformed=True), id="name is no UTF-8"
    ),
]


@pytest.mark.parametrize(("response", "end"), RESPONSES)
def test_response(response: bytes, end: Success | Failure) -> None:
    """
    The challenge goes out; the response to it has one outcome.
    """
    steps = run(exchange(), [None, response], Accounts(ACCOUNTS))

    assert [Challenge(CHALLENGE), end] == steps


def test_initial_response_is_refused() -> None:
    """
    Where the server begins, an initial response is malformed (RFC 4954 section 4).
    """
    (step,) = run(exchange(), [RESPONSE], Accounts(ACCOUNTS))

    assert isinstance(step, Failure)
    assert step.malformed


def test_s24_unknown_user_and_wrong_password_look_the_same() -> None:
    """
    Both are asked about and fail alike; nobody's stand-in password is of no use.
    """
    accounts = Accounts(ACCOUNTS)
    unknown = CRAMClient(Credentials(username="tom", password="nobody"))
    wrong = CRAMClient(Credentials(username="tim", password="nobody"))

    assert converse(exchange(), unknown, accounts) == converse(exchange(), wrong, accounts)
    assert [FetchPassword("tom"), FetchPassword("tim")] == accounts.asked


@pytest.mark.parametrize("name", list(ACCOUNTS))
def test_back_to_back(name: str) -> None:
    """
    Our client logs in to our server, also with a space in its name.
    """
    client = CRAMClient(Credentials(username=name, password=ACCOUNTS[name]))

    assert Success(name) == converse(exchange(), client, Accounts(ACCOUNTS))
    assert client.finished


def test_a_stored_password_that_cannot_be_prepared() -> None:
    """
    A password that somebody stored with a control character in it is used as it is.
    """
    server = exchange()
    server.begin(None)
    server.respond(RESPONSE)

    assert WRONG == server.answer("a\tb\ud800")


def test_client_computes_the_digest_of_the_rfc() -> None:
    """
    The client answers as in the example, once.
    """
    client = CRAMClient(Credentials(username="tim", password="tanstaaftanstaaf"))

    assert client.begin() is None
    assert RESPONSE == client.respond(CHALLENGE)
    with pytest.raises(RemoteProtocolError):
        client.respond(CHALLENGE)
    assert not client.finished


@pytest.mark.parametrize("challenge", [b"", b"x" * 12_289], ids=["empty", "too long"])
def test_client_refuses(challenge: bytes) -> None:
    """
    What is no challenge gets no digest.
    """
    client = CRAMClient(Credentials(username="tim", password="x"))
    with pytest.raises(RemoteProtocolError):
        client.respond(challenge)

    assert not client.finished


def test_challenge_is_a_message_id() -> None:
    """
    The challenge has the form that RFC 2195 wants, out of 16 random octets.
    """
    challenge = cram_challenge("mx.example.test", counting)

    assert b"<283686952306183.283686952306183@mx.example.test>" == challenge
