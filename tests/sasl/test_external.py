"""
Tests for EXTERNAL.
"""

from __future__ import annotations

from functools import partial

import pytest

from pymta.errors import RemoteProtocolError
from pymta.sasl import (
    Authorize,
    Challenge,
    CheckExternal,
    Credentials,
    Exchange,
    Failure,
    Success,
)
from pymta.sasl.external import ExternalClient, external
from tests.sasl.accounts import Accounts, converse, run

CERTIFICATES = {"client.example.test": "fred"}
MAY_ACT = frozenset({("fred", "list")})
CERTIFICATE = "client.example.test"

MESSAGES = [
    pytest.param(b"", CERTIFICATE, Success("fred"), id="RFC, empty"),
    pytest.param(b"fred", CERTIFICATE, Success("fred"), id="itself"),
    pytest.param(b"client.example.test", CERTIFICATE, Success("fred"), id="the certificate's name"),
    pytest.param(b"list", CERTIFICATE, Success("list"), id="authorized"),
    pytest.param(
        b"fred@example.com",
        CERTIFICATE,
        Failure("may not act as somebody else"),
        id="RFC, cannot assume requested identity",
    ),
    pytest.param(b"", "other.example.test", Failure("wrong credentials"), id="unknown"),
    pytest.param(b"", None, Failure("no client certificate"), id="no certificate"),
    pytest.param(b"fred", "", Failure("no client certificate"), id="no name in it"),
    pytest.param(b"a\0b", CERTIFICATE, Failure("NUL in a string", malformed=True), id="NUL"),
    pytest.param(b"\xff", CERTIFICATE, Failure("no UTF-8", malformed=True), id="no UTF-8"),
    pytest.param(
        b"a" * 256, CERTIFICATE, Failure("name or password too long", malformed=True), id="long"
    ),
]


@pytest.mark.parametrize(("message", "peer_name", "end"), MESSAGES)
def test_message(message: bytes, peer_name: str | None, end: Success | Failure) -> None:
    """
    A message, sent at once or after the empty challenge, has one outcome.
    """
    server = partial(external, peer_name=peer_name)
    accounts = Accounts(certificates=CERTIFICATES, may_act=MAY_ACT)

    assert [end] == run(Exchange(server), [message], accounts)
    assert [Challenge(b""), end] == run(Exchange(server), [None, message], accounts)


def test_questions() -> None:
    """
    Whose certificate it is comes first, then what its holder may do.
    """
    accounts = Accounts(certificates=CERTIFICATES)
    run(Exchange(partial(external, peer_name=CERTIFICATE)), [b"boss"], accounts)

    assert [CheckExternal("boss", CERTIFICATE), Authorize("fred", "boss")] == accounts.asked


def test_a_bare_true() -> None:
    """
    True means that the account is called as the certificate is.
    """
    exchange = Exchange(partial(external, peer_name="fred"))
    exchange.begin(b"")

    assert Success("fred") == exchange.answer(True)


@pytest.mark.parametrize("authzid", ["", "list"])
def test_back_to_back(authzid: str) -> None:
    """
    Our client logs in to our server.
    """
    client = ExternalClient(Credentials(certificate=True, authzid=authzid))
    server = Exchange(partial(external, peer_name=CERTIFICATE))
    accounts = Accounts(certificates=CERTIFICATES, may_act=MAY_ACT)

    assert Success(authzid or "fred") == converse(server, client, accounts)
    assert client.finished


def test_client_gets_no_challenge() -> None:
    """
    A challenge after the only message is refused.
    """
    client = ExternalClient(Credentials(certificate=True))
    assert b"" == client.begin()
    with pytest.raises(RemoteProtocolError):
        client.respond(b"x")

    assert not client.finished
