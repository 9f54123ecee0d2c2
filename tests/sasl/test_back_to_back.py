"""
Both sides of every mechanism against each other, over any names and passwords.
"""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pymta.errors import RemoteProtocolError
from pymta.sasl import (
    CERTIFICATE_CHECK,
    CHANNEL_BINDING,
    CLEARTEXT_SECRET,
    CLIENT_MECHANISMS,
    MECHANISMS,
    PASSWORD_CHECK,
    SCRAM_SHA_1_SECRET,
    SCRAM_SHA_256_SECRET,
    TOKEN_CHECK,
    Channel,
    ClientExchange,
    Credentials,
    Failure,
    LastChallenge,
    PreparationError,
    ServerExchange,
    Success,
    announce,
    choose,
    prepare_query,
    prepare_stored,
    start,
)
from tests.sasl.accounts import BINDING, Accounts, converse, counting, server_side

EVERYTHING = {
    PASSWORD_CHECK,
    SCRAM_SHA_256_SECRET,
    SCRAM_SHA_1_SECRET,
    CLEARTEXT_SECRET,
    TOKEN_CHECK,
    CERTIFICATE_CHECK,
    CHANNEL_BINDING,
}
CHANNEL = Channel(secure=True, bindings={"tls-exporter": BINDING}, peer_name="cert.example.test")
UNBOUND = Channel(secure=True)

WITH_PASSWORD = [
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256-PLUS",
]
WITH_AUTHZID = [name for name in WITH_PASSWORD if name not in ("LOGIN", "CRAM-MD5")]


def pair(name: str, credentials: Credentials) -> tuple[ServerExchange, ClientExchange]:
    """The two sides of one mechanism."""
    channel = CHANNEL if name.endswith("-PLUS") else UNBOUND
    server = start(announce(EVERYTHING, channel), name, side=server_side(channel))
    client = choose([name], credentials, channel=channel, random=counting)
    assert server is not None
    assert client is not None
    assert name == client.name
    return server, client


def text() -> st.SearchStrategy[str]:
    """Names and passwords: any that can be stored, the awkward ones often."""
    awkward = st.text(st.sampled_from("ab,=\u00e9\u0308\u2168\u00a0 <>@\\\"'\u03c0"), min_size=1)
    return (awkward | st.text(min_size=1, max_size=20)).filter(_storable)


def _storable(value: str) -> bool:
    try:
        return len(prepare_stored(value).encode()) <= 255 and len(value.encode()) <= 255
    except (PreparationError, UnicodeEncodeError):
        return False


@given(name=st.sampled_from(WITH_PASSWORD), username=text(), password=text())
@settings(max_examples=150, deadline=None)
def test_right_password(name: str, username: str, password: str) -> None:
    """
    Whoever knows the password gets in, as the prepared name, and knows that it may believe it.
    """
    server, client = pair(name, Credentials(username=username, password=password))
    end = converse(server, client, Accounts({username: password}))

    assert isinstance(end, Success)
    assert prepare_query(username) == end.identity
    assert client.finished


@given(name=st.sampled_from(WITH_PASSWORD), username=text(), password=text(), other=text())
@settings(max_examples=100, deadline=None)
def test_wrong_password(name: str, username: str, password: str, other: str) -> None:
    """
    Whoever does not, does not; an unknown user fails in the same words.
    """
    assume(prepare_query(password) != prepare_query(other))
    known = Credentials(username=username, password=other)
    server, client = pair(name, known)
    end = converse(server, client, Accounts({username: password}))
    server, client = pair(name, known)

    assert Failure("wrong credentials") == end
    assert end == converse(server, client, Accounts())


@given(name=st.sampled_from(WITH_AUTHZID), username=text(), authzid=text())
@settings(max_examples=80, deadline=None)
def test_acting_as_somebody_else(name: str, username: str, authzid: str) -> None:
    """
    An authorization identity arrives as it was meant.
    """
    known = Credentials(username=username, password="pencil", authzid=authzid)
    server, client = pair(name, known)
    may_act = frozenset({(prepare_query(username), prepare_query(authzid))})
    end = converse(server, client, Accounts({username: "pencil"}, may_act=may_act))

    assert isinstance(end, Success)
    assert prepare_query(authzid) == end.identity


@pytest.mark.parametrize("name", WITH_PASSWORD)
def test_success_in_a_challenge(name: str) -> None:
    """
    In a protocol whose success carries no data, the client still gets the server's proof.
    """
    server, client = pair(name, Credentials(username="tim", password="pencil"))
    end = converse(LastChallenge(server), client, Accounts({"tim": "pencil"}))

    assert Success("tim") == end
    assert client.finished


@pytest.mark.parametrize("name", ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
def test_a_yes_too_early(name: str) -> None:
    """
    A server that says yes without its proof is not believed.
    """
    _, client = pair(name, Credentials(username="tim", password="pencil"))
    client.begin()

    assert not client.finished


def test_downgrade() -> None:
    """
    Somebody who takes -PLUS out of the list that the client sees is found out.
    """
    credentials = Credentials(username="tim", password="pencil")
    offer = announce(EVERYTHING, CHANNEL)
    seen = [name for name in offer if not name.endswith("-PLUS")]
    client = choose(seen, credentials, channel=CHANNEL, random=counting)
    assert client is not None
    server = start(offer, client.name, side=server_side(CHANNEL))
    assert server is not None
    end = converse(server, client, Accounts({"tim": "pencil"}))

    assert "SCRAM-SHA-256" == client.name
    assert Failure("the list of mechanisms was tampered with") == end


def test_no_plus_announced_is_no_downgrade() -> None:
    """
    Where the operator leaves -PLUS out, a client that could bind gets in without.
    """
    plain_ones = [each for each in MECHANISMS if not each.name.endswith("-PLUS")]
    offer = announce(EVERYTHING, CHANNEL, mechanisms=plain_ones)
    client = choose(
        list(offer),
        Credentials(username="tim", password="pencil"),
        channel=CHANNEL,
        random=counting,
    )
    assert client is not None
    server = start(offer, client.name, side=server_side(CHANNEL))
    assert server is not None
    end = converse(server, client, Accounts({"tim": "pencil"}))

    assert isinstance(end, Success)


def test_both_sides_have_every_mechanism() -> None:
    """
    What the server offers, the client can do.
    """
    assert {each.name for each in MECHANISMS} == {each.name for each in CLIENT_MECHANISMS}


def test_another_channel() -> None:
    """
    With somebody between them, whose two TLS connections differ, both sides fail.
    """
    server, _ = pair("SCRAM-SHA-256-PLUS", Credentials(username="tim", password="pencil"))
    client = choose(
        ["SCRAM-SHA-256-PLUS"],
        Credentials(username="tim", password="pencil"),
        channel=Channel(secure=True, bindings={"tls-exporter": b"\x02" * 32}),
        random=counting,
    )
    assert client is not None

    assert isinstance(converse(server, client, Accounts({"tim": "pencil"})), Failure)
    with pytest.raises(RemoteProtocolError):
        client.respond(b"v=AAAA")
    assert not client.finished
