"""
Tests for what a server announces.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import partial

import pytest

from pymta.sasl import (
    CERTIFICATE_CHECK,
    CLEARTEXT_SECRET,
    MECHANISMS,
    PASSWORD_CHECK,
    SCRAM_SHA_1_SECRET,
    SCRAM_SHA_256_SECRET,
    TOKEN_CHECK,
    Challenge,
    Channel,
    CheckPassword,
    Dialogue,
    Exchange,
    Mechanism,
    Need,
    ServerSide,
    Success,
    announce,
    start,
)
from tests.sasl.accounts import BINDING, Accounts, counting, run, server_side

CLEAR = Channel()
SECURE = Channel(secure=True)
TLS = Channel(secure=True, bindings={"tls-exporter": BINDING})
MUTUAL = Channel(secure=True, bindings={"tls-exporter": BINDING}, peer_name="c.example.test")
SCRAM = {SCRAM_SHA_1_SECRET, SCRAM_SHA_256_SECRET}
EVERYTHING = {PASSWORD_CHECK, *SCRAM, CLEARTEXT_SECRET, TOKEN_CHECK, CERTIFICATE_CHECK}

OFFERS = [
    pytest.param(set(), MUTUAL, "", id="nothing"),
    pytest.param({PASSWORD_CHECK}, CLEAR, "", id="passwords in the clear: never"),
    pytest.param({PASSWORD_CHECK}, SECURE, "PLAIN LOGIN", id="a checker of passwords only"),
    pytest.param({TOKEN_CHECK}, CLEAR, "", id="tokens in the clear: never"),
    pytest.param({TOKEN_CHECK}, TLS, "OAUTHBEARER XOAUTH2", id="tokens"),
    pytest.param({CLEARTEXT_SECRET}, CLEAR, "CRAM-MD5", id="CRAM-MD5 hides the password"),
    pytest.param({SCRAM_SHA_256_SECRET}, CLEAR, "SCRAM-SHA-256", id="so does SCRAM"),
    pytest.param({SCRAM_SHA_256_SECRET}, SECURE, "SCRAM-SHA-256", id="secure, nothing to bind to"),
    pytest.param(
        {SCRAM_SHA_256_SECRET}, TLS, "SCRAM-SHA-256-PLUS SCRAM-SHA-256", id="channel binding"
    ),
    pytest.param(
        SCRAM,
        TLS,
        "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1",
        id="both hashes",
    ),
    pytest.param({CERTIFICATE_CHECK}, TLS, "", id="no certificate"),
    pytest.param({CERTIFICATE_CHECK}, MUTUAL, "EXTERNAL", id="certificate"),
    pytest.param({PASSWORD_CHECK}, MUTUAL, "PLAIN LOGIN", id="certificates nobody can check"),
    pytest.param(
        SCRAM,
        Channel(secure=True, bindings={"tls-exporter": b""}),
        "SCRAM-SHA-256 SCRAM-SHA-1",
        id="an empty binding",
    ),
    pytest.param(EVERYTHING, MUTUAL, " ".join(each.name for each in MECHANISMS), id="everything"),
]


@pytest.mark.parametrize(("provided", "channel", "names"), OFFERS)
def test_s24_announce(provided: AbstractSet[Need], channel: Channel, names: str) -> None:
    """
    Announced is what can be done here and now, in order; nothing readable in the clear.
    """
    assert names.split() == list(announce(provided, channel))


@pytest.mark.parametrize("name", ["PLAIN", "plain", "Plain"])
def test_start(name: str) -> None:
    """
    A mechanism is started by its name in any case.
    """
    exchange = start(announce({PASSWORD_CHECK}, SECURE), name, side=server_side(SECURE))

    assert exchange is not None
    assert CheckPassword(username="u", password="p") == exchange.begin(b"\0u\0p")


@pytest.mark.parametrize("name", ["PLAIN", "SCRAM-SHA-256-PLUS", "", "NTLM", "PL\u0131IN"])
def test_start_what_is_not_announced(name: str) -> None:
    """
    What is not announced cannot be started.
    """
    offer = announce({PASSWORD_CHECK, SCRAM_SHA_256_SECRET}, CLEAR)

    assert start(offer, name, side=server_side(CLEAR)) is None


@pytest.mark.parametrize("name", [each.name for each in MECHANISMS])
def test_each_starts(name: str) -> None:
    """
    Everything that is announced can be started, and says or asks something.
    """
    exchange = start(announce(EVERYTHING, MUTUAL), name, side=server_side(MUTUAL))

    assert exchange is not None
    assert isinstance(exchange.begin(None), Challenge)


def test_names_are_valid() -> None:
    """
    Names are up to 20 capital letters, digits, "-" and "_", each once (RFC 4422 section 3.1).
    """
    names = [each.name for each in MECHANISMS]
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")

    assert len(set(names)) == len(names)
    assert all(len(name) <= 20 and set(name) <= allowed for name in names)


def test_fresh_challenges() -> None:
    """
    Each exchange draws its own random octets.
    """
    drawn: list[int] = []

    def random(size: int) -> bytes:
        drawn.append(size)
        return bytes([len(drawn)]) * size

    side = ServerSide(
        hostname="mx.example.test", random=random, decoy=server_side().decoy, channel=CLEAR
    )
    offer = announce({CLEARTEXT_SECRET}, CLEAR)
    challenges = set()
    for _ in range(3):
        exchange = start(offer, "CRAM-MD5", side=side)
        assert exchange is not None
        challenges.add(exchange.begin(None))

    assert 3 == len(challenges)
    assert [8, 8] * 3 == drawn


# -- other people's ----------------------------------------------------------

TOTP = Need("one-time codes")


def otp(initial: bytes | None, *, hostname: str) -> Dialogue:
    """A mechanism that this library does not know."""
    code = yield Challenge(f"code for {hostname}?".encode())
    answer: bool | None = yield CheckPassword(username="u", password=code.decode())
    assert answer
    return Success("u")


def _otp(side: ServerSide) -> Exchange:
    return Exchange(partial(otp, hostname=side.hostname))


OTP = Mechanism(name="X-OTP", needs=frozenset({TOTP}), plaintext=False, server=_otp)


def test_a_third_party_mechanism() -> None:
    """
    A mechanism of somebody else comes through the same door, with a need of its own.
    """
    mechanisms = (OTP, *MECHANISMS)
    assert [] == list(announce(set(), CLEAR, mechanisms=mechanisms))
    offer = announce({TOTP, SCRAM_SHA_1_SECRET}, CLEAR, mechanisms=mechanisms)
    assert ["X-OTP", "SCRAM-SHA-1"] == list(offer)
    exchange = start(offer, "x-otp", side=server_side(CLEAR))
    assert exchange is not None

    steps = run(exchange, [None, b"123456"], Accounts({"u": "123456"}))
    assert [Challenge(b"code for mx.example.test?"), Success("u")] == steps


def test_a_third_party_replaces_ours() -> None:
    """
    Of two mechanisms with one name the first counts.
    """
    mine = Mechanism(name="PLAIN", needs=frozenset(), plaintext=True, server=_otp)
    offer = announce({PASSWORD_CHECK}, SECURE, mechanisms=(mine, *MECHANISMS))

    assert mine is offer["PLAIN"]
    assert ["PLAIN", "LOGIN"] == list(offer)


def test_the_side_is_not_shown() -> None:
    """
    Channel bindings and random octets are in no repr.
    """
    assert "bindings" not in repr(server_side())
    assert "random" not in repr(server_side())
    assert 3 == len(counting(3))
