"""
Tests for what a client chooses.
"""

from __future__ import annotations

import pytest

from pymta.sasl import (
    CLIENT_MECHANISMS,
    MECHANISMS,
    Channel,
    ClientMechanism,
    ClientSide,
    Credentials,
    PreparationError,
    choose,
)
from pymta.sasl.channel import preferred_binding
from pymta.sasl.plain import PlainClient
from tests.sasl.accounts import BINDING, counting

ALL = [each.name for each in MECHANISMS]
CLEAR = Channel()
SECURE = Channel(secure=True)
TLS = Channel(secure=True, bindings={"tls-exporter": BINDING})

PASSWORD = Credentials(username="tim", password="pencil")
TOKEN = Credentials(username="tim", token="t0")
BOTH = Credentials(username="tim", password="pencil", token="t0")
OTHER = Credentials(username="tim", password="pencil", authzid="boss")
EMOJI = Credentials(username="tim", password="\U0001f600")
CERTIFICATE = Credentials(certificate=True)

CHOICES = [
    pytest.param(ALL, PASSWORD, TLS, "SCRAM-SHA-256-PLUS", id="the strongest"),
    pytest.param(ALL, PASSWORD, SECURE, "SCRAM-SHA-256", id="nothing to bind to"),
    pytest.param(ALL, PASSWORD, CLEAR, "SCRAM-SHA-256", id="in the clear"),
    pytest.param(["SCRAM-SHA-1", "CRAM-MD5"], PASSWORD, CLEAR, "SCRAM-SHA-1", id="SHA-1"),
    pytest.param(
        ["SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"], PASSWORD, TLS, "SCRAM-SHA-1-PLUS", id="bound first"
    ),
    pytest.param(["PLAIN", "LOGIN", "CRAM-MD5"], PASSWORD, TLS, "CRAM-MD5", id="CRAM-MD5"),
    pytest.param(["LOGIN", "PLAIN"], PASSWORD, TLS, "PLAIN", id="PLAIN before LOGIN"),
    pytest.param(["login"], PASSWORD, TLS, "LOGIN", id="any case"),
    pytest.param(["PLAIN", "LOGIN"], PASSWORD, CLEAR, None, id="no password in the clear"),
    pytest.param(["OAUTHBEARER", "XOAUTH2"], TOKEN, CLEAR, None, id="no token in the clear"),
    pytest.param(["NTLM", "GSSAPI", ""], PASSWORD, TLS, None, id="nothing that we know"),
    pytest.param([], PASSWORD, TLS, None, id="nothing offered"),
    pytest.param(ALL, TOKEN, TLS, "OAUTHBEARER", id="token"),
    pytest.param(["XOAUTH2", "PLAIN"], TOKEN, TLS, "XOAUTH2", id="token, as in use"),
    pytest.param(["XOAUTH2"], Credentials(token="t0"), TLS, None, id="XOAUTH2 wants a name"),
    pytest.param(["OAUTHBEARER"], Credentials(token="t0"), TLS, "OAUTHBEARER", id="a name inside"),
    pytest.param(ALL, BOTH, TLS, "OAUTHBEARER", id="a token before a password"),
    pytest.param(ALL, BOTH, CLEAR, "SCRAM-SHA-256", id="a hash before a readable token"),
    pytest.param(["PLAIN"], TOKEN, TLS, None, id="a token is no password"),
    pytest.param(
        ["CRAM-MD5", "LOGIN", "PLAIN"], OTHER, TLS, "PLAIN", id="only PLAIN can say as whom"
    ),
    pytest.param(["CRAM-MD5", "LOGIN"], OTHER, TLS, None, id="nobody can say as whom"),
    pytest.param(ALL, EMOJI, TLS, "CRAM-MD5", id="no SCRAM with what RFC 4013 cannot store"),
    pytest.param(ALL, CERTIFICATE, TLS, "EXTERNAL", id="certificate"),
    pytest.param(["PLAIN"], CERTIFICATE, TLS, None, id="a certificate is no password"),
    pytest.param(ALL, Credentials(), TLS, None, id="no credentials"),
    pytest.param(["PLAIN"], Credentials(username="tim", password=""), TLS, None, id="no password"),
]


@pytest.mark.parametrize(("offered", "credentials", "channel", "name"), CHOICES)
def test_choose(
    offered: list[str], credentials: Credentials, channel: Channel, name: str | None
) -> None:
    """
    The strongest that both can do is chosen, whatever the order of the offer.
    """
    for order in (offered, offered[::-1]):
        client = choose(order, credentials, channel=channel, random=counting)

        assert name == (client.name if client else None)


@pytest.mark.parametrize(
    ("offered", "channel", "flag"),
    [
        pytest.param(["SCRAM-SHA-256"], SECURE, b"n", id="we cannot bind"),
        pytest.param(["SCRAM-SHA-256"], TLS, b"y", id="the server seems not to"),
        pytest.param(
            ["SCRAM-SHA-256", "SCRAM-SHA-512-PLUS"], TLS, b"n", id="it does, in a way we lack"
        ),
        pytest.param(
            ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"], TLS, b"p=tls-exporter", id="both can"
        ),
    ],
)
def test_flag(offered: list[str], channel: Channel, flag: bytes) -> None:
    """
    The channel binding flag tells the server what we can and what we saw (RFC 5802 section 6).
    """
    client = choose(offered, PASSWORD, channel=channel, random=counting)
    assert client is not None
    first = client.begin()

    assert first is not None
    assert flag == first.split(b",")[0]


@pytest.mark.parametrize(
    ("bindings", "name"),
    [
        ({}, None),
        ({"tls-exporter": b""}, None),
        ({"tls-server-end-point": b"x", "tls-exporter": b"y"}, "tls-exporter"),
        ({"tls-server-end-point": b"x", "tls-unique": b"y"}, "tls-unique"),
        ({"tls-server-end-point": b"x"}, "tls-server-end-point"),
        ({"b": b"x", "a": b"y"}, "a"),
    ],
)
def test_preferred_binding(bindings: dict[str, bytes], name: str | None) -> None:
    """
    tls-exporter first (RFC 9266), then the others; what has no data does not count.
    """
    assert name == preferred_binding(bindings)


def test_a_third_party_mechanism() -> None:
    """
    A mechanism of somebody else is chosen from the table that it stands in.
    """
    seen: list[ClientSide] = []

    def client(side: ClientSide) -> PlainClient:
        seen.append(side)
        return PlainClient(side.credentials)

    mine = ClientMechanism(
        name="X-MINE", plaintext=False, usable=lambda known, channel: True, client=client
    )
    chosen = choose(
        ["x-mine", "PLAIN"],
        PASSWORD,
        channel=CLEAR,
        random=counting,
        mechanisms=(mine, *CLIENT_MECHANISMS),
    )

    assert chosen is not None
    assert frozenset({"X-MINE", "PLAIN"}) == seen[0].offered


@pytest.mark.parametrize("name", ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN"])
def test_credentials_that_cannot_be_sent(name: str) -> None:
    """
    A name that holds a control character is told to whoever asked for it.
    """
    known = Credentials(username="a\nb", password="pencil")
    with pytest.raises(PreparationError):
        choose([name], known, channel=TLS, random=counting)


def test_s24_credentials_are_not_shown() -> None:
    """
    Neither password nor token is in a repr.
    """
    assert "pencil" not in repr(BOTH)
    assert "t0" not in repr(BOTH)
