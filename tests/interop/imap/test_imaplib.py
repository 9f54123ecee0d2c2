"""
The standard library's IMAP client: by STARTTLS and with implicit TLS.
"""

from __future__ import annotations

import imaplib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.interop.reading import is_behind_trace
from tests.interop.servers import HOST, Server

WAYS = ("STARTTLS", "implicit")


@contextmanager
def connected(server: Server, way: str) -> Iterator[imaplib.IMAP4]:
    """A session that nobody has logged into."""
    if way == "implicit":
        client: imaplib.IMAP4 = imaplib.IMAP4_SSL(
            HOST, server.ports["imaps"], ssl_context=server.trusting(), timeout=20
        )
    else:
        client = imaplib.IMAP4(HOST, server.ports["imap"], timeout=20)
        client.starttls(ssl_context=server.trusting())
    try:
        yield client
    finally:
        client.logout()


def part(client: imaplib.IMAP4, number: int) -> bytes:
    """A message, whole."""
    found = client.fetch(str(number), "(RFC822)")[1][0]
    assert isinstance(found, tuple)
    return found[1]


@pytest.mark.parametrize("way", WAYS)
def test_session(server: Server, way: str) -> None:
    """
    What was delivered is there octet for octet; what is appended, flagged, copied, searched and
    expunged is so for the session behind it.
    """
    account = server.account()
    sent = server.deliver(account)
    octets = b"Subject: appended\r\nX: y\r\n\r\nhello\r\n"

    with connected(server, way) as client:
        assert "STARTTLS" not in client.capabilities
        client.login(account.address, account.password)
        assert ("OK", [str(len(sent)).encode()]) == client.select()
        messages: list[bytes] = [part(client, n) for n in range(1, len(sent) + 1)]
        for each in sent:
            assert 1 == sum(is_behind_trace(message, each) for message in messages)
        assert "OK" == client.create("Entw&APw-rfe")[0]
        assert (
            "OK"
            == client.append("Entw&APw-rfe", "(\\Draft)", imaplib.Time2Internaldate(0), octets)[0]
        )
        assert "OK" == client.copy("1:2", "Entw&APw-rfe")[0]
        assert "OK" == client.store("1", "+FLAGS", "(\\Deleted $Work)")[0]
        assert ("OK", [b"1"]) == client.search(None, "KEYWORD", "$Work")
        assert ("OK", [b"1"]) == client.expunge()
        assert "NO" == client.select("no/such")[0]
        client.subscribe("Entw&APw-rfe")
        assert b'() "/" Entw&APw-rfe' in client.lsub()[1]
    with connected(server, way) as client:
        client.authenticate("PLAIN", lambda _: f"\0{account.address}\0{account.password}".encode())
        assert ("OK", [str(len(sent) - 1).encode()]) == client.select(readonly=True)
        assert ("OK", [b"3"]) == client.select("Entw&APw-rfe")
        (found,) = client.uid("SEARCH", "CHARSET", "UTF-8", "SUBJECT", "appended")[1]
        kind, data = client.uid("FETCH", found.decode(), "(FLAGS BODY.PEEK[] INTERNALDATE)")
        assert "OK" == kind
        assert octets == data[0][1]
        assert b"\\Draft" in data[0][0] + data[1]
        assert "OK" == client.status("INBOX", "(MESSAGES UIDNEXT UIDVALIDITY)")[0]
        assert "OK" == client.close()[0]


@pytest.mark.parametrize("way", WAYS)
def test_wrong_password_is_told(server: Server, way: str) -> None:
    """A mistyped password is answered NO, and can be typed again."""
    account = server.account()
    with connected(server, way) as client:
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            client.login(account.address, "mistyped")
        client.login(account.address, account.password)
