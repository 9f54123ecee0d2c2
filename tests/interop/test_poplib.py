"""
poplib reads: in the clear, by STLS, with implicit TLS; by USER and PASS and by SASL.
"""

from __future__ import annotations

import base64
import poplib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.interop.reading import is_behind_trace
from tests.interop.servers import HOST, Server

WAYS = ("plain", "STLS", "implicit")


@contextmanager
def connected(server: Server, way: str) -> Iterator[poplib.POP3]:
    """A session that nobody has logged into."""
    if way == "implicit":
        client: poplib.POP3 = poplib.POP3_SSL(
            HOST, server.ports["pop3s"], timeout=20, context=server.trusting()
        )
    else:
        client = poplib.POP3(HOST, server.ports["pop3"], timeout=20)
    try:
        if way == "STLS":
            client.stls(context=server.trusting())
        yield client
    finally:
        client.close()


def fetch(client: poplib.POP3) -> list[bytes]:
    """All messages, as STAT and LIST say that they are."""
    count, size = client.stat()
    messages = [
        b"".join(line + b"\r\n" for line in client.retr(number)[1])
        for number in range(1, count + 1)
    ]
    assert size == sum(map(len, messages))
    assert [f"{n} {len(each)}".encode() for n, each in enumerate(messages, 1)] == client.list()[1]
    return messages


def are_letters(messages: list[bytes], sent: list[bytes]) -> bool:
    """Whether each letter is there once, octet for octet, and nothing else is."""
    found = [[m for m in messages if is_behind_trace(m, octets)] for octets in sent]
    return len(messages) == len(sent) and all(len(each) == 1 for each in found)


@pytest.mark.parametrize("way", WAYS)
def test_user_and_pass(server: Server, way: str) -> None:
    """
    Everything is read octet for octet; what is deleted is gone after QUIT, and not before.
    """
    account = server.account()
    sent = server.deliver(account)

    with connected(server, way) as client:
        assert (way == "plain") == ("STLS" in client.capa())
        client.user(account.address)
        client.pass_(account.password)
        assert are_letters(fetch(client), sent)
        names = client.uidl()[1]
        client.dele(1)
    with connected(server, way) as client:
        client.user(account.address)
        client.pass_(account.password)
        assert names == client.uidl()[1]
        client.dele(1)
        client.quit()
    with connected(server, way) as client:
        client.user(account.address)
        client.pass_(account.password)
        assert len(sent) - 1 == client.stat()[0]
        client.quit()


@pytest.mark.parametrize("way", WAYS)
def test_sasl(server: Server, way: str) -> None:
    """
    AUTH PLAIN with its initial response, sent as a command of its own (RFC 5034), logs in.
    """
    account = server.account()
    sent = server.deliver(account)
    token = base64.b64encode(f"\0{account.address}\0{account.password}".encode()).decode()

    with connected(server, way) as client:
        assert "PLAIN" in client.capa()["SASL"]
        assert client._shortcmd(f"AUTH PLAIN {token}").startswith(b"+OK")  # type: ignore[attr-defined]
        assert are_letters(fetch(client), sent)
        client.quit()


@pytest.mark.parametrize("way", WAYS)
def test_top(server: Server, way: str) -> None:
    """
    TOP gives the header, the empty line and as many lines of the body as wanted.
    """
    account = server.account()
    server.deliver(account, ["dots"])
    (message,) = server.read_by(account, 1)

    with connected(server, way) as client:
        client.user(account.address)
        client.pass_(account.password)
        lines = client.top(1, 2)[1]
        client.quit()

    header = message[: message.index(b"\r\n\r\n")]
    assert [*header.split(b"\r\n"), b"", b".", b".."] == lines


@pytest.mark.parametrize("way", WAYS)
def test_wrong_password_is_told(server: Server, way: str) -> None:
    """
    A mistyped password is answered -ERR [AUTH] (RFC 3206), and can be typed again.
    """
    account = server.account()

    with connected(server, way) as client:
        client.user(account.address)
        with pytest.raises(poplib.error_proto, match=r"-ERR \[AUTH\] "):
            client.pass_("mistyped")
        client.user(account.address)
        client.pass_(account.password)
        client.quit()


def test_second_session_is_told(server: Server) -> None:
    """
    While a maildrop is open, another session hears [IN-USE] (RFC 2449 section 8.1.2).
    """
    account = server.account()
    with connected(server, "STLS") as client, connected(server, "implicit") as other:
        client.user(account.address)
        client.pass_(account.password)
        other.user(account.address)
        with pytest.raises(poplib.error_proto, match=r"-ERR \[IN-USE\] "):
            other.pass_(account.password)
        client.quit()
        other.user(account.address)
        other.pass_(account.password)
        other.quit()
