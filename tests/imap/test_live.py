"""
Tests with a client that others wrote, over TLS and real sockets: ``imaplib``.
"""

from __future__ import annotations

import imaplib
import smtplib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.clients import MESSAGE, untrusting
from tests.cli.processes import Server, server

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
