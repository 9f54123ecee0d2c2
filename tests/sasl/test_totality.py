"""
Whatever a peer sends, an exchange ends: nothing is raised but what is promised.
"""

from __future__ import annotations

import random as stdlib_random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.errors import RemoteProtocolError, Unauthorized
from pymta.sasl import (
    CLIENT_MECHANISMS,
    MECHANISMS,
    Challenge,
    Channel,
    ClientSide,
    Credentials,
    Failure,
    LastChallenge,
    ServerExchange,
    Success,
)
from tests.sasl.accounts import BINDING, Accounts, counting, server_side, settle

CHANNEL = Channel(secure=True, bindings={"tls-exporter": BINDING}, peer_name="cert.example.test")
ACCOUNTS = {"user": "pencil"}
NAMES = [each.name for each in MECHANISMS]

# Messages that get somewhere, to be changed.
MESSAGES = [
    b"",
    b"\x01",
    b"user",
    b"pencil",
    b"\0user\0pencil",
    b"user b913a602c7eda7a495b4e6e7334d3890",
    b"n,,n=user,r=abc",
    b"y,a=user,n=user,r=abc",
    b"p=tls-exporter,,n=user,r=abc",
    b"c=biws,r=abcAAECAwQFBgcICQoLDA0ODxAR,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    b"n,a=user,\x01host=h\x01port=143\x01auth=Bearer t\x01\x01",
    b"user=user\x01auth=Bearer t\x01\x01",
    b"r=AAECAwQFBgcICQoLDA0ODxARabc,s=c2FsdA==,i=4096",
    b"v=AAAA",
    b"e=other-error",
]


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """A message with octets put in, taken out and changed."""
    message = bytearray(draw(st.sampled_from(MESSAGES)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(message)))
        message[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(message)


OCTETS = st.binary(max_size=64) | changed()


def server(name: str) -> ServerExchange:
    """The server's side of a mechanism."""
    mechanism = next(each for each in MECHANISMS if name == each.name)
    return LastChallenge(mechanism.server(server_side(CHANNEL)))


@given(
    name=st.sampled_from(NAMES),
    initial=st.none() | OCTETS,
    messages=st.lists(OCTETS, min_size=5, max_size=5),
)
@settings(max_examples=600, deadline=None)
def test_server(name: str, initial: bytes | None, messages: list[bytes]) -> None:
    """
    Nobody gets in without a right password, token or certificate, and everything ends.
    """
    exchange = server(name)
    nobody = Accounts()
    step = settle(exchange.begin(initial), exchange, nobody)
    for message in messages:
        if not isinstance(step, Challenge):
            break
        step = settle(exchange.respond(message), exchange, nobody)

    assert isinstance(step, Failure)


@pytest.mark.parametrize("name", NAMES)
def test_server_cut_anywhere(name: str) -> None:
    """
    Each message, cut at each octet, is taken without a fault, whatever the answers.
    """
    for message in MESSAGES:
        for end in range(len(message) + 1):
            exchange = server(name)
            step = settle(exchange.begin(message[:end]), exchange, Accounts(ACCOUNTS))
            for _ in range(3):
                if isinstance(step, Challenge):
                    step = settle(exchange.respond(message[:end]), exchange, Accounts(ACCOUNTS))
            assert isinstance(step, Failure | Success)


@pytest.mark.parametrize("name", NAMES)
def test_server_of_a_megabyte(name: str) -> None:
    """
    A message far too long is malformed and is not looked into.
    """
    step = server(name).begin(b"a" * 1_000_000)

    assert Failure("message too long", malformed=True) == step


@given(name=st.sampled_from(NAMES), challenges=st.lists(OCTETS, min_size=1, max_size=4))
@settings(max_examples=500, deadline=None)
def test_client(name: str, challenges: list[bytes]) -> None:
    """
    No server makes a client raise anything but the two errors that it announces.
    """
    mechanism = next(each for each in CLIENT_MECHANISMS if name == each.name)
    known = Credentials(username="user", password="pencil", token="t", certificate=True)
    client = mechanism.client(
        ClientSide(credentials=known, channel=CHANNEL, offered=frozenset({name}), random=counting)
    )
    client.begin()
    with suppress(RemoteProtocolError, Unauthorized):
        for challenge in challenges:
            assert isinstance(client.respond(challenge), bytes)
    if name.startswith("SCRAM"):
        assert not client.finished


def test_server_against_noise() -> None:
    """
    Two thousand messages of pure noise all fail.
    """
    noise = stdlib_random.Random(0)
    for number in range(2000):
        exchange = server(NAMES[number % len(NAMES)])
        step = settle(exchange.begin(noise.randbytes(noise.randrange(80))), exchange, Accounts())
        while isinstance(step, Challenge):
            step = settle(
                exchange.respond(noise.randbytes(noise.randrange(80))), exchange, Accounts()
            )
        assert isinstance(step, Failure)
