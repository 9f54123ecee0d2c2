"""
Tests for LOGIN.
"""

from __future__ import annotations

import pytest

from pymta.errors import RemoteProtocolError
from pymta.sasl import Challenge, Credentials, Exchange, Failure, Success
from pymta.sasl.login import LoginClient, login
from tests.sasl.accounts import Accounts, converse, run

ACCOUNTS = {"tim": "IX secret"}
NAME = Challenge(b"Username:")
PASSWORD = Challenge(b"Password:")

DIALOGUES = [
    pytest.param([None, b"tim", b"IX secret"], [NAME, PASSWORD, Success("tim")], id="right"),
    pytest.param([b"tim", b"IX secret"], [PASSWORD, Success("tim")], id="the name at once"),
    pytest.param(
        [b"tim", "\u2168\u00a0secret".encode()], [PASSWORD, Success("tim")], id="prepared"
    ),
    pytest.param([b"tim", b"no"], [PASSWORD, Failure("wrong credentials")], id="wrong password"),
    pytest.param([b"tom", b"no"], [PASSWORD, Failure("wrong credentials")], id="unknown"),
    pytest.param([b""], [Failure("no user name", malformed=True)], id="no name"),
    pytest.param(
        [b"tim", b""], [PASSWORD, Failure("not prepared: nothing is left")], id="no password"
    ),
    pytest.param([b"t\0m"], [Failure("NUL in a string", malformed=True)], id="NUL"),
    pytest.param([b"t\xefm"], [Failure("no UTF-8", malformed=True)], id="no UTF-8"),
    pytest.param(
        [b"a" * 256], [Failure("name or password too long", malformed=True)], id="a long name"
    ),
]


@pytest.mark.parametrize(("messages", "steps"), DIALOGUES)
def test_dialogue(messages: list[bytes | None], steps: list[object]) -> None:
    """
    Each dialogue goes as the table says.
    """
    assert steps == run(Exchange(login), messages, Accounts(ACCOUNTS))


def test_back_to_back() -> None:
    """
    Our client logs in to our server.
    """
    client = LoginClient(Credentials(username="tim", password="\u2168 secret"))

    assert Success("tim") == converse(Exchange(login), client, Accounts(ACCOUNTS))
    assert client.finished


@pytest.mark.parametrize("prompts", [(b"User Name\0", b"Password\0"), (b"", b""), (b"x", b"y")])
def test_client_takes_any_prompt(prompts: tuple[bytes, bytes]) -> None:
    """
    The order counts, not the prompts; done is only who has said both.
    """
    client = LoginClient(Credentials(username="tim", password="x"))

    assert client.begin() is None
    assert b"tim" == client.respond(prompts[0])
    assert not client.finished
    assert b"x" == client.respond(prompts[1])
    assert client.finished


def test_client_says_no_more_than_two() -> None:
    """
    A third challenge is refused.
    """
    client = LoginClient(Credentials(username="tim", password="x"))
    client.respond(b"")
    client.respond(b"")
    with pytest.raises(RemoteProtocolError):
        client.respond(b"")

    assert not client.finished
