"""
Tests for both sides of SCRAM: the examples of the RFCs, channel binding, hostile peers.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial

import pytest

from pymta.errors import LocalProtocolError, RemoteProtocolError, Unauthorized
from pymta.sasl import (
    Authorize,
    Challenge,
    Credentials,
    Decoy,
    Exchange,
    Failure,
    FetchSCRAM,
    SCRAMSecret,
    Step,
    Success,
    derive,
)
from pymta.sasl.scram.client import SCRAMClient
from pymta.sasl.scram.server import Bare, Plus, scram
from tests.sasl.accounts import BINDING, Accounts, converse, run

# RFC 5802 section 5, RFC 7677 section 3: name, client first, server first, client final,
# server final
RFC_5802 = (
    "SCRAM-SHA-1",
    b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
)
RFC_7677 = (
    "SCRAM-SHA-256",
    b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    ),
    b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
)
EXAMPLES = [pytest.param(RFC_5802, id="RFC 5802"), pytest.param(RFC_7677, id="RFC 7677")]

NAME, FIRST, SERVER_FIRST, FINAL, SERVER_FINAL = RFC_7677
CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
DECOY = Decoy(key=b"k" * 32, iterations=4096)
USER = Credentials(username="user", password="pencil")
WRONG = Failure("wrong credentials")


def secret_of(server_first: bytes, hash_name: str) -> SCRAMSecret:
    """The secret behind an example."""
    salt = base64.b64decode(server_first.split(b",s=")[1].split(b",")[0])
    return derive("pencil", salt, iterations=4096, hash_name=hash_name)


def exchange(
    hash_name: str = "SHA-256",
    *,
    nonce: str = SERVER_NONCE,
    binding: Bare | Plus | None = None,
    decoy: Callable[[str, str], SCRAMSecret] = DECOY.secret,
) -> Exchange:
    """A server."""
    side = binding or Bare()
    return Exchange(partial(scram, hash_name=hash_name, nonce=nonce, binding=side, decoy=decoy))


class Example:
    """The account of the examples, with the salt that they have."""

    def __init__(self) -> None:
        self.secret = secret_of(SERVER_FIRST, "SHA-256")

    def play(self, messages: list[bytes], binding: Bare | Plus | None = None) -> list[Step]:
        """Give a server these messages, and it the secret of "user"."""
        server = exchange(binding=binding)
        step: Step = server.begin(messages[0])
        steps = []
        for message in [*messages[1:], b""]:
            if isinstance(step, FetchSCRAM):
                step = server.answer(self.secret if step.username == "user" else None)
            steps.append(step)
            if not isinstance(step, Challenge):
                break
            step = server.respond(message)
        return steps


# -- the examples of the RFCs ------------------------------------------------


@pytest.mark.parametrize("example", EXAMPLES)
def test_server_plays_the_example(example: tuple[str, bytes, bytes, bytes, bytes]) -> None:
    """
    The server sends what the RFC's server sends.
    """
    name, first, server_first, final, server_final = example
    hash_name = name.removeprefix("SCRAM-")
    both = server_first.split(b",")[0][2:].decode()
    server = exchange(hash_name, nonce=both.removeprefix(first.split(b"r=")[1].decode()))

    assert Challenge(b"") == server.begin(None)
    assert FetchSCRAM("user", hash_name) == server.respond(first)
    assert Challenge(server_first) == server.answer(secret_of(server_first, hash_name))
    assert Success("user", server_final) == server.respond(final)


@pytest.mark.parametrize("example", EXAMPLES)
def test_client_plays_the_example(example: tuple[str, bytes, bytes, bytes, bytes]) -> None:
    """
    The client sends what the RFC's client sends, and is content with the RFC's server only.
    """
    name, first, server_first, final, server_final = example
    client = SCRAMClient(name, USER, nonce=first.split(b"r=")[1].decode())

    assert first == client.begin()
    assert final == client.respond(server_first)
    assert not client.finished
    assert b"" == client.respond(server_final)
    assert client.finished


# -- hostile clients ---------------------------------------------------------

# The client final message of the example, each time with something changed.
HOSTILE_FINALS = [
    pytest.param(FINAL[:-1], True, id="cut in the proof"),
    pytest.param(FINAL.replace(b"p=dHzb", b"p=dHzc"), False, id="another proof"),
    pytest.param(FINAL[: FINAL.index(b"p=")] + b"p=AAAA", False, id="a short proof"),
    pytest.param(FINAL[: FINAL.index(b"p=")] + b"p=" + b"A" * 400, False, id="a long proof"),
    pytest.param(FINAL.replace(b"k0,", b"k1,"), False, id="another server nonce"),
    pytest.param(FINAL.replace(b"r=rOpr", b"r=rOps"), False, id="another client nonce"),
    pytest.param(FINAL.replace(SERVER_NONCE.encode(), b""), False, id="no server nonce"),
    pytest.param(FINAL.replace(b"c=biws", b"c=eSws"), False, id="the header says y now"),
    pytest.param(
        FINAL.replace(b"c=biws", b"c=" + base64.b64encode(b"n,a=root,")),
        False,
        id="the header says root now",
    ),
    pytest.param(
        FINAL.replace(b"c=biws", b"c=" + base64.b64encode(b"n,," + BINDING)),
        False,
        id="channel binding data, here",
    ),
    pytest.param(FINAL.replace(b",p=", b",x=y,p="), False, id="extension that was not hashed"),
    pytest.param(FINAL.replace(b",p=", b",m=y,p="), True, id="mandatory extension"),
    pytest.param(b"", True, id="empty"),
    pytest.param(FIRST, True, id="the first message again"),
]


@pytest.mark.parametrize(("final", "malformed"), HOSTILE_FINALS)
def test_hostile_final(final: bytes, malformed: bool) -> None:
    """
    With the right password behind it or not, a changed final message fails.
    """
    *_, end = Example().play([FIRST, final])

    assert isinstance(end, Failure)
    assert malformed == end.malformed


def test_the_example_is_right_without_changes() -> None:
    """
    The same, unchanged, succeeds: the table above fails for its changes.
    """
    *_, end = Example().play([FIRST, FINAL])

    assert Success("user", SERVER_FINAL) == end


def test_replay() -> None:
    """
    A proof that was right once is wrong for another nonce.
    """
    server = exchange(nonce="another")
    server.begin(FIRST)
    server.answer(secret_of(SERVER_FIRST, "SHA-256"))

    assert isinstance(server.respond(FINAL), Failure)


def test_name_is_hashed_as_it_came() -> None:
    """
    The server asks for the prepared name and hashes the other (RFC 5802 section 5.1).
    """
    accounts = Accounts({"IX": "pencil"})
    client = SCRAMClient(NAME, Credentials(username="IX", password="pencil"), nonce="abc")
    # What a client that prepares nothing would send.
    client._first = client._first.replace(b"IX", "\u2168".encode())
    client._bare = client._bare.replace(b"IX", "\u2168".encode())

    assert isinstance(converse(exchange(), client, accounts), Success)
    assert [FetchSCRAM("IX", "SHA-256")] == accounts.asked


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("\u0007", id="control"),
        pytest.param("\u00ad", id="nothing left"),
        pytest.param("\u0627\u0031", id="bidi"),
    ],
)
def test_name_that_cannot_be_prepared(name: str) -> None:
    """
    Such a name fails without a question, as name or as authorization identity.
    """
    for first in (f"n,,n={name},r=abc", f"n,a={name},n=user,r=abc"):
        step = exchange().begin(first.encode())

        assert isinstance(step, Failure)
        assert not step.malformed


def test_long_name() -> None:
    """
    A name of more than 255 octets is malformed.
    """
    step = exchange().begin(b"n,,n=" + b"a" * 256 + b",r=abc")

    assert Failure("name or password too long", malformed=True) == step


# -- unknown users -----------------------------------------------------------


@pytest.mark.parametrize("hash_name", ["SHA-1", "SHA-256"])
def test_s24_unknown_user_looks_like_a_wrong_password(hash_name: str) -> None:
    """
    An unknown user gets a challenge of the same shape, and the same failure after the proof.
    """
    accounts = Accounts({"user": "pencil"})
    first = [FIRST.replace(b"user", name) for name in (b"user", b"nobody")]
    ends = []
    for message in first:
        challenge, end = run(exchange(hash_name), [message, FINAL], accounts)
        assert isinstance(challenge, Challenge)
        ends.append((len(challenge.data), challenge.data[-7:], end))

    assert ends[0] == ends[1]
    assert WRONG == ends[0][2]


def test_s24_unknown_user_has_one_salt() -> None:
    """
    Two tries for an unknown user, in any case, are shown one salt; another user another.
    """
    accounts = Accounts()
    shown = [
        run(exchange(), [b"n,,n=" + name + b",r=abc"], accounts)
        for name in (b"nobody", b"NoBody", b"somebody")
    ]

    assert shown[0] == shown[1]
    assert shown[0] != shown[2]


def test_s24_the_decoy_opens_nothing() -> None:
    """
    Even somebody who could prove to know the decoy's secret is not let in.
    """

    secret = secret_of(SERVER_FIRST, "SHA-256")
    server = exchange(decoy=lambda username, hash_name: secret)
    server.begin(FIRST)

    assert Challenge(SERVER_FIRST) == server.answer(None)
    assert WRONG == server.respond(FINAL)


# -- authorization -----------------------------------------------------------


@pytest.mark.parametrize("allowed", [True, False])
def test_authorization(allowed: bool) -> None:
    """
    To act as somebody else is asked about after the proof.
    """
    accounts = Accounts(
        {"user": "pencil"}, may_act=frozenset({("user", "the,b=ss")} if allowed else ())
    )
    known = Credentials(username="user", password="pencil", authzid="the,b=ss")
    client = SCRAMClient(NAME, known, nonce="abc")
    server = exchange()
    step = server.begin(client.begin())
    while not isinstance(step, Success | Failure):
        if isinstance(step, Challenge):
            step = server.respond(client.respond(step.data))
        else:
            step = server.answer(accounts.answer(step))

    assert [FetchSCRAM("user", "SHA-256"), Authorize("user", "the,b=ss")] == accounts.asked
    if allowed:
        assert isinstance(step, Success)
        assert "the,b=ss" == step.identity
    else:
        assert Failure("may not act as somebody else") == step


# -- channel binding ---------------------------------------------------------

TLS = {"tls-exporter": BINDING, "tls-server-end-point": b"hash", "tls-unique": b""}

# flag and data of the client, the server's side, whether it succeeds
BINDINGS = [
    pytest.param("n", b"", Bare(), True, id="neither can"),
    pytest.param("n", b"", Bare(elsewhere=True), True, id="the client cannot"),
    pytest.param("y", b"", Bare(), True, id="the server cannot"),
    pytest.param("y", b"", Bare(elsewhere=True), False, id="downgrade"),
    pytest.param("p=tls-exporter", BINDING, Bare(elsewhere=True), False, id="p without -PLUS"),
    pytest.param("p=tls-exporter", BINDING, Plus(TLS), True, id="exporter"),
    pytest.param("p=tls-server-end-point", b"hash", Plus(TLS), True, id="end point"),
    pytest.param("p=tls-exporter", b"\x02" * 32, Plus(TLS), False, id="somebody in between"),
    pytest.param("p=tls-exporter", b"", Plus(TLS), False, id="no data"),
    pytest.param("p=tls-exporter", b"hash", Plus(TLS), False, id="data of another type"),
    pytest.param("p=tls-unique", b"", Plus(TLS), False, id="a type without data"),
    pytest.param("p=tls-telepathy", b"x", Plus(TLS), False, id="an unknown type"),
    pytest.param("n", b"", Plus(TLS), False, id="-PLUS with n"),
    pytest.param("y", b"", Plus(TLS), False, id="-PLUS with y"),
]


@pytest.mark.parametrize(("flag", "data", "binding", "right"), BINDINGS)
def test_channel_binding(flag: str, data: bytes, binding: Bare | Plus, right: bool) -> None:
    """
    The flags and data of RFC 5802 section 6.
    """
    client = SCRAMClient(NAME, USER, nonce="abc", flag=flag, binding=data)
    end = converse(exchange(binding=binding), client, Accounts({"user": "pencil"}))

    assert right == isinstance(end, Success)
    assert right == client.finished


def test_bindings_are_not_shown() -> None:
    """
    Channel binding data are in no repr.
    """
    assert "hash" not in repr(Plus(TLS))


# -- hostile servers ---------------------------------------------------------

HOSTILE_SERVER_FIRSTS = [
    pytest.param(SERVER_FIRST.replace(b"r=rOpr", b"r=xOpr"), id="another client nonce"),
    pytest.param(SERVER_FIRST.replace(SERVER_NONCE.encode(), b""), id="nothing added"),
    pytest.param(SERVER_FIRST.replace(b"r=rOprNGfwEbeRWgbNEkqO", b"r=x"), id="shorter"),
    pytest.param(SERVER_FIRST.replace(b"i=4096", b"i=4095"), id="few iterations"),
    pytest.param(SERVER_FIRST.replace(b"i=4096", b"i=1"), id="one iteration"),
    pytest.param(SERVER_FIRST.replace(b"i=4096", b"i=2000001"), id="many iterations"),
    pytest.param(SERVER_FIRST.replace(b"i=4096", b"i=9999999999"), id="very many iterations"),
    pytest.param(SERVER_FIRST.replace(b"i=4096", b"i=" + b"9" * 5000), id="no end of digits"),
    pytest.param(SERVER_FIRST.replace(b",s=", b"a" * 1025 + b",s="), id="no end of a nonce"),
    pytest.param(b"m=x," + SERVER_FIRST, id="mandatory extension"),
    pytest.param(b"e=other-error", id="error"),
    pytest.param(b"", id="empty"),
    pytest.param(b"\xff\xfe", id="no UTF-8"),
    pytest.param(b"r=\0", id="NUL"),
    pytest.param(SERVER_FIRST + b",x=" + b"y" * 12_288, id="too long"),
]


@pytest.mark.parametrize("challenge", HOSTILE_SERVER_FIRSTS)
def test_s11_hostile_server_first(challenge: bytes) -> None:
    """
    The client gives no proof to such a server, computes nothing, and believes nothing after.
    """
    client = SCRAMClient(NAME, USER, nonce=CLIENT_NONCE)
    client.begin()
    with pytest.raises(RemoteProtocolError):
        client.respond(challenge)

    assert not client.finished
    with pytest.raises(RemoteProtocolError):
        client.respond(SERVER_FIRST)


HOSTILE_SERVER_FINALS = [
    pytest.param(SERVER_FINAL.replace(b"v=6", b"v=7"), id="another signature"),
    pytest.param(b"v=AAAA", id="short"),
    pytest.param(b"v=", id="empty"),
    pytest.param(b"", id="nothing"),
    pytest.param(SERVER_FIRST, id="the first again"),
    pytest.param(SERVER_FINAL + b",m=x", id="mandatory extension"),
]


@pytest.mark.parametrize("challenge", HOSTILE_SERVER_FINALS)
def test_server_without_the_password(challenge: bytes) -> None:
    """
    A server that cannot prove to know the password is not believed.
    """
    client = SCRAMClient(NAME, USER, nonce=CLIENT_NONCE)
    client.begin()
    client.respond(SERVER_FIRST)
    with pytest.raises(RemoteProtocolError):
        client.respond(challenge)

    assert not client.finished


def test_server_that_says_no() -> None:
    """
    An error of the server's is a refusal, not a fault.
    """
    client = SCRAMClient(NAME, USER, nonce=CLIENT_NONCE)
    client.begin()
    client.respond(SERVER_FIRST)
    with pytest.raises(Unauthorized, match="invalid-proof"):
        client.respond(b"e=invalid-proof")

    assert not client.finished


def test_a_challenge_after_the_end() -> None:
    """
    After the server's proof nothing more is said, and the yes is off.
    """
    client = SCRAMClient(NAME, USER, nonce=CLIENT_NONCE)
    client.begin()
    client.respond(SERVER_FIRST)
    client.respond(SERVER_FINAL)
    with pytest.raises(RemoteProtocolError):
        client.respond(SERVER_FINAL)

    assert not client.finished


def test_begin_comes_first() -> None:
    """
    To respond before having begun is a bug of the driver.
    """
    client = SCRAMClient(NAME, USER, nonce=CLIENT_NONCE)
    with pytest.raises(LocalProtocolError):
        client.respond(SERVER_FIRST)


def test_unknown_hash() -> None:
    """
    A client of a hash function that is not known here cannot be made.
    """
    with pytest.raises(ValueError, match="SCRAM-SHA-512"):
        SCRAMClient("SCRAM-SHA-512", USER, nonce=CLIENT_NONCE)


def test_fewer_iterations_on_wish() -> None:
    """
    The limit is a constructor argument.
    """
    client = SCRAMClient(NAME, USER, nonce=CLIENT_NONCE, max_iterations=4095)
    client.begin()
    with pytest.raises(RemoteProtocolError, match="4096 iterations"):
        client.respond(SERVER_FIRST)
