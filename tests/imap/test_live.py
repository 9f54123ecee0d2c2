"""
Tests with a client that others wrote, over TLS and real sockets: ``imaplib``.
"""

from __future__ import annotations

import imaplib
import os
import smtplib
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import cast

import pytest

from tests.cli.clients import MESSAGE, untrusting
from tests.cli.processes import Server, server
from tests.edge.player import Player
from tests.imap.model import Client

LETTER = b"Subject: hello\r\nFrom: me@example.test\r\n\r\nHow are you?\r\n"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A whole mail system."""
    folder: Path = tmp_path_factory.mktemp("imap")
    with server(folder, "--domain", "example.test") as made:
        yield made


def client(running: Server, user: str) -> imaplib.IMAP4_SSL:
    """Behind a login."""
    made = imaplib.IMAP4_SSL("127.0.0.1", running.ports["imaps"], ssl_context=untrusting())
    made.login(user, "any")
    return made


def test_a_day_with_imaplib(running: Server) -> None:
    """Append, look, flag, search for nothing, copy, expunge, and leave."""
    with client(running, "ann@example.test") as mail:
        assert "OK" == mail.create("Letters")[0]
        status, [text] = mail.append("Letters", r"(\Seen)", "", LETTER)
        assert ("OK", True) == (status, text.startswith(b"[APPENDUID"))
        assert ("OK", [b"1"]) == mail.select("Letters")

        status, data = mail.fetch("1", "(FLAGS BODY.PEEK[])")
        assert isinstance(data[0], tuple)
        assert ("OK", LETTER) == (status, data[0][1])
        assert "OK" == mail.store("1", "+FLAGS", r"(\Deleted keyword)")[0]
        assert "OK" == mail.copy("1", "INBOX")[0]
        assert ("OK", [b"1"]) == mail.expunge()
        assert ("OK", [b"1"]) == mail.select("INBOX")


def test_mail_by_smtp_is_told_to_an_idler(running: Server) -> None:
    """
    A delivery is told within 100 ms of it to whoever idles, on TLS begun by STARTTLS.
    """
    mail = imaplib.IMAP4("127.0.0.1", running.ports["imap"])
    mail.starttls(untrusting())
    mail.login("bob@example.test", "any")
    mail.select("INBOX")
    mail.send(b"i IDLE\r\n")
    assert b"+ idling\r\n" == mail.readline()
    heard: list[tuple[float, bytes]] = []

    def listen() -> None:
        heard.append((time.monotonic(), mail.readline()))

    listening = threading.Thread(target=listen)
    listening.start()
    with smtplib.SMTP("127.0.0.1", running.ports["smtp"], timeout=30) as smtp:
        smtp.sendmail("ann@example.test", ["bob@example.test"], MESSAGE)
        sent = time.monotonic()
    listening.join(30)
    [(when, line)] = heard
    assert b"* 1 EXISTS\r\n" == line
    assert when - sent < 1  # delivery by the queue, and a busy machine, included
    mail.send(b"DONE\r\n")
    mail.shutdown()


# -- many clients at once --------------------------------------------------------------------

SECONDS = float(os.environ.get("PYMTA_IMAP_SECONDS", "1.5"))
"""How long the clients of the last test go on; ten minutes are a good night's work."""


class Line:
    """A player of :mod:`tests.imap.model` over a socket."""

    def __init__(self, port: int, user: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._file = self._socket.makefile("rb")
        self._file.readline()
        assert " OK " in self.line(f"l LOGIN {user} any")

    def line(self, text: str) -> str:
        """Send a line; all that is heard up to its end."""
        self._socket.sendall(text.encode() + b"\r\n")
        tag = "i" if text == "DONE" else text.split()[0]
        end = b"+ " if text == "i IDLE" else tag.encode() + b" "
        heard = b""
        while True:
            line = self._file.readline()
            assert line, heard
            heard += line
            if line.startswith(end):
                return heard.decode()

    def heard(self) -> bytes:
        """Nothing comes behind an end."""
        return b""

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def wander(client: Client, seed: int, until: float, faults: list[str]) -> None:
    random = Random(seed)
    try:
        while time.monotonic() < until:
            client.act(random)
        if client.idling:
            client.done()
    except BaseException:  # noqa: BLE001  told by the test's own thread
        faults.append(traceback.format_exc())


@pytest.mark.parametrize("durable", [False, True], ids=["memory", "SQLite"])
def test_models_of_clients_at_once(tmp_path: Path, durable: bool) -> None:
    """
    Ten clients with random commands, really at the same time: each one's model of the mailbox
    is equal to the mailbox.
    """
    options = ("--store", str(tmp_path / "kept")) if durable else ()
    with server(tmp_path, "--domain", "example.test", *options) as running:
        clients = []
        for n in range(10):
            line = Line(running.ports["imap"], "eve@example.test")
            if n % 2:
                line.line("q ENABLE QRESYNC")
            client = Client(cast("Player", line), n % 2 == 1)
            client.believe(line.line("s SELECT INBOX"), moves=True)
            clients.append(client)
        faults: list[str] = []
        until = time.monotonic() + SECONDS
        threads = [
            threading.Thread(target=wander, args=(client, n, until, faults))
            for n, client in enumerate(clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS + 60)
        assert not faults, faults[0]
        for client in clients:
            client.settle()
        last = Client(cast("Player", Line(running.ports["imap"], "eve@example.test")), False)
        last.believe(last.player.line("s SELECT INBOX"), moves=True)
        last.ask("FETCH 1:* (UID FLAGS)", moves=False)
        assert sum(client.tags for client in clients) > 100
        for client in clients:
            assert len(last.known) == len(client.known)
            for truth, known in zip(last.known, client.known, strict=True):
                assert known.uid in (None, truth.uid)
                assert known.flags in (None, truth.flags)
        for each in (*clients, last):
            cast("Line", each.player).close()
