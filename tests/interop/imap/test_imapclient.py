"""
IMAPClient, which most Python programs use: what it asks of extensions, over TLS.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import imapclient
import pytest

from tests.interop.letters import letter
from tests.interop.reading import Account
from tests.interop.servers import HOST, Server

OCTETS = b"Subject: gr\xc3\xbc\xc3\x9fe\r\nFrom: Ann <a@b.test>\r\n\r\nhello world\r\n"


@contextmanager
def client_of(
    server: Server, account: Account, *, ssl: bool = True
) -> Iterator[imapclient.IMAPClient]:
    """Somebody who has logged in."""
    service = "imaps" if ssl else "imap"
    with imapclient.IMAPClient(
        HOST,
        server.ports[service],
        ssl=ssl,
        ssl_context=server.trusting() if ssl else None,
        timeout=20,
    ) as client:
        if not ssl:
            client.starttls(ssl_context=server.trusting())
        client.login(account.address, account.password)
        yield client


@pytest.mark.parametrize("ssl", [True, False], ids=["implicit", "STARTTLS"])
def test_session(server: Server, ssl: bool) -> None:
    """Mailboxes with any name, flags, threads, sorting, moving and quota are there."""
    account = server.account()
    with client_of(server, account, ssl=ssl) as client:
        client.create_folder("Entwürfe/été")
        for n in range(3):
            client.append("INBOX", OCTETS.replace(b"hello", b"hello %d" % n), [imapclient.SEEN])
        selected = client.select_folder("INBOX")
        assert 3 == selected[b"EXISTS"]
        uids = client.search(["SUBJECT", "GRÜßE"], charset="UTF-8")
        assert 3 == len(uids)
        assert uids == client.sort("ARRIVAL")
        assert 3 == sum(map(len, client.thread()))
        client.move(uids[:1], "Entwürfe/été")
        client.add_flags(uids[1:], ["$Label", b"\\Flagged"])
        fetched = client.fetch(uids[1:], ["ENVELOPE", "BODYSTRUCTURE", "FLAGS", "BODY[TEXT]"])
        assert set(uids[1:]) == set(fetched)
        first = fetched[uids[1]]
        assert b"Ann" == first[b"ENVELOPE"].from_[0].name
        assert b"hello 1 world\r\n" == first[b"BODY[TEXT]"]
        assert b"\\Flagged" in first[b"FLAGS"]
        client.delete_messages(uids[1:])
        client.expunge(uids[1:2])
        assert uids[2:] == client.search()
        assert isinstance(client.folder_status("Entwürfe/été")[b"MESSAGES"], int)
        names = [name for _, _, name in client.list_folders()]
        assert "Entwürfe/été" in names
        client.subscribe_folder("Entwürfe")
        client.rename_folder("Entwürfe/été", "Sommer")
        assert client.folder_exists("Sommer")
        client.delete_folder("Sommer")
        assert isinstance(client.namespace().personal, tuple)
        client.unselect_folder()
        assert [b"CONDSTORE"] == client.enable("CONDSTORE")
        assert isinstance(client.id_({"name": "test"}), dict | tuple)


def test_idle_is_told_of_delivery(server: Server) -> None:
    """A delivery by SMTP is told to a client that idles."""
    account = server.account()
    with client_of(server, account) as client:
        client.select_folder("INBOX")
        client.idle()
        with smtplib.SMTP(HOST, server.ports["smtp"], timeout=20) as sender:
            octets = letter("short", "a@elsewhere.test", account.address)
            sender.sendmail("a@elsewhere.test", [account.address], octets)
        heard = client.idle_check(timeout=10)
        client.idle_done()
        assert (1, b"EXISTS") in heard
        assert isinstance(client.fetch([1], ["INTERNALDATE"])[1][b"INTERNALDATE"], datetime)
