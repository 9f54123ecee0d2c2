"""
Tests for PLAIN.
"""

from __future__ import annotations

import pytest

from pymta.errors import RemoteProtocolError
from pymta.sasl import (
    Authorize,
    Challenge,
    CheckPassword,
    Credentials,
    Exchange,
    Failure,
    PreparationError,
    Success,
)
from pymta.sasl.plain import PlainClient, plain
from tests.sasl.accounts import Accounts, run

ACCOUNTS = {"tim": "tanstaaftanstaaf", "Kurt": "xipj3plmq", "j\u00fcrgen": "IX pa\u00df"}
MAY_ACT = frozenset({("tim", "kurt")})

MESSAGES = [
    # RFC 4616 section 4
    pytest.param(b"\0tim\0tanstaaftanstaaf", Success("tim"), id="RFC, right"),
    pytest.param(
        b"Ursel\0Kurt\0xipj3plmq", Failure("may not act as somebody else"), id="RFC, not authorized"
    ),
    pytest.param(b"tim\0tim\0tanstaaftanstaaf", Success("tim"), id="authzid is authcid"),
    pytest.param(b"kurt\0tim\0tanstaaftanstaaf", Success("kurt"), id="authorized"),
    pytest.param(b"\0tim\0wrong", Failure("wrong credentials"), id="wrong password"),
    pytest.param(b"\0tom\0tanstaaftanstaaf", Failure("wrong credentials"), id="unknown"),
    pytest.param(
        "\0ju\u0308rgen\0\u2168\u00a0pa\u00df".encode(), Success("j\u00fcrgen"), id="prepared"
    ),
    pytest.param(b"\0tim\0\xad", Failure("no UTF-8", malformed=True), id="no UTF-8"),
    pytest.param(b"\0tim\0\xed\xa0\x80", Failure("no UTF-8", malformed=True), id="surrogate"),
    pytest.param(b"\0\0tanstaaf", Failure("no user name", malformed=True), id="no name"),
    pytest.param(b"", Failure("not two NULs", malformed=True), id="empty"),
    pytest.param(b"\0tim", Failure("not two NULs", malformed=True), id="one NUL"),
    pytest.param(b"\0tim\0a\0b", Failure("not two NULs", malformed=True), id="three NULs"),
    pytest.param(b"\0tim\0", Failure("not prepared: nothing is left"), id="no password"),
    pytest.param(b"\0t\tm\0x", Failure("not prepared: a prohibited character"), id="control"),
    pytest.param(b"\0tim\0x\n", Failure("not prepared: a prohibited character"), id="LF"),
    pytest.param(
        b"\xc2\xad\0tim\0tanstaaftanstaaf",
        Failure("not prepared: nothing is left"),
        id="authzid empty after preparation (RFC 4954 section 4)",
    ),
]


@pytest.mark.parametrize(("message", "end"), MESSAGES)
def test_message(message: bytes, end: Success | Failure) -> None:
    """
    A message, sent at once or after the empty challenge, has one outcome.
    """
    accounts = Accounts(ACCOUNTS, may_act=MAY_ACT)

    assert [end] == run(Exchange(plain), [message], accounts)
    assert [Challenge(b""), end] == run(Exchange(plain), [None, message], accounts)


@pytest.mark.parametrize(
    ("name", "password", "malformed"),
    [
        pytest.param("a" * 255, "p" * 255, False, id="255 each (RFC 4616 section 2)"),
        pytest.param("a" * 255, "p" * 1024, False, id="a long passphrase"),
        pytest.param("\u00e9" * 127, "p", False, id="254 octets"),
        pytest.param("a" * 256, "p", True, id="a name of 256"),
        pytest.param("\u00e9" * 128, "p", True, id="a name of 256 octets"),
        pytest.param("\ufdfa" * 85, "p", True, id="too long when prepared"),
        pytest.param("a", "p" * 1025, True, id="a password of 1025"),
    ],
)
def test_limits(name: str, password: str, malformed: bool) -> None:
    """
    Names go up to 255 octets, passwords to 1,024.
    """
    (step,) = run(Exchange(plain), [f"\0{name}\0{password}".encode()], Accounts())

    assert isinstance(step, Failure)
    assert malformed == step.malformed


def test_questions() -> None:
    """
    The password is asked about before the right to act as somebody else.
    """
    accounts = Accounts(ACCOUNTS, may_act=MAY_ACT)
    run(Exchange(plain), [b"kurt\0tim\0tanstaaftanstaaf"], accounts)

    assert [
        CheckPassword(username="tim", password="tanstaaftanstaaf", authzid="kurt"),
        Authorize("tim", "kurt"),
    ] == accounts.asked


def test_wrong_password_is_not_asked_about_rights() -> None:
    """
    Who may act as whom is not told to somebody without the password.
    """
    accounts = Accounts(ACCOUNTS, may_act=MAY_ACT)
    run(Exchange(plain), [b"kurt\0tim\0wrong"], accounts)

    assert 1 == len(accounts.asked)


@pytest.mark.parametrize(
    ("authzid", "end"),
    [
        pytest.param("", Success("tim@example.test"), id="none"),
        pytest.param("tim", Success("tim@example.test"), id="the name as typed"),
        pytest.param("tim@example.test", Success("tim@example.test"), id="the account's"),
    ],
)
def test_the_account_has_a_name_of_its_own(authzid: str, end: Success) -> None:
    """
    An answer that names the account gives the identity, whichever of its names the client used.
    """
    exchange = Exchange(plain)
    exchange.begin(f"{authzid}\0tim\0x".encode())

    assert end == exchange.answer("tim@example.test")


def test_authorized_under_the_own_name() -> None:
    """
    Authorize, too, may be answered with the account's own name.
    """
    exchange = Exchange(plain)
    exchange.begin(b"kurt\0tim\0x")

    assert Authorize("tim", "kurt") == exchange.answer(True)
    assert Success("kurt@example.test") == exchange.answer("kurt@example.test")


@pytest.mark.parametrize("answer", [False, None, ""])
def test_no(answer: bool | str | None) -> None:
    """
    Every kind of no is the same no.
    """
    exchange = Exchange(plain)
    exchange.begin(b"\0tim\0x")

    assert Failure("wrong credentials") == exchange.answer(answer)


def test_client() -> None:
    """
    The client says all at once, prepared, and is then done.
    """
    client = PlainClient(Credentials(username="ti\u00adm", password="\u2168", authzid="kurt"))

    assert not client.finished
    assert b"kurt\0tim\0IX" == client.begin()
    assert client.finished


def test_client_gets_no_challenge() -> None:
    """
    A server that challenges PLAIN is wrong, and its yes after that is worth nothing.
    """
    client = PlainClient(Credentials(username="tim", password="x"))
    client.begin()
    with pytest.raises(RemoteProtocolError):
        client.respond(b"more?")

    assert not client.finished


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(username="tim"),
        Credentials(password="x"),
        Credentials(username="t\0m", password="x"),
        Credentials(username="tim", password="a\nb"),
        Credentials(username="tim", password="x", authzid="\ud800"),
    ],
    ids=["no password", "no name", "NUL", "LF", "surrogate"],
)
def test_client_of_bad_credentials(credentials: Credentials) -> None:
    """
    What cannot be sent is told before anything is sent.
    """
    with pytest.raises(PreparationError):
        PlainClient(credentials)
