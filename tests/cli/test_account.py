"""
Tests for ``pymta account`` beside a server that runs.
"""

from __future__ import annotations

import imaplib
import json
import poplib
import smtplib
from pathlib import Path

import pytest

from pymta.cli.account import size_of
from pymta.cli.errors import Usage
from tests.cli.processes import pymta, server


def can_log_in(port: int, user: str, password: str) -> bool:
    """Whether POP3 lets him in."""
    pop = poplib.POP3("127.0.0.1", port, timeout=30)
    try:
        pop.user(user)
        pop.pass_(password)
    except poplib.error_proto:
        return False
    finally:
        pop.close()
    return True


def test_accounts_of_a_running_server(tmp_path: Path) -> None:
    """
    Made, listed, given another password and removed, and the server knows at once; what cannot be
    done is a sentence and status 1.
    """
    store = ("--store", str(tmp_path / "mail"))
    with server(tmp_path, *store, "--account", "ann:first") as running:
        port = running.ports["pop3"]

        assert (0, "", "") == pymta("account", "add", "bob@example.test", *store, given="one\n")
        assert can_log_in(port, "bob", "one")
        status, _, told = pymta("account", "add", "BOB@example.test", *store, given="one\n")
        assert (1, True) == (status, "has this address already" in told)

        assert (0, "", "") == pymta("account", "passwd", "bob@example.test", *store, given="two\n")
        assert can_log_in(port, "bob", "two")
        assert not can_log_in(port, "bob", "one")

        status, listed, _ = pymta("account", "list", *store, "--json")
        assert ["ann@example.test", "bob@example.test", "postmaster@example.test"] == json.loads(
            listed
        )

        assert (0, "", "") == pymta("account", "remove", "bob@example.test", *store)
        assert not can_log_in(port, "bob", "two")
        status, _, told = pymta("account", "remove", "bob@example.test", *store)
        assert (1, "pymta: there is no account bob@example.test\n") == (status, told)


@pytest.mark.parametrize("name", ["bob", "@example.test", "a b@example.test"])
def test_no_address(tmp_path: Path, name: str) -> None:
    """
    A name that is no address is said so, before anything is made.
    """
    status, _, told = pymta("account", "add", name, "--store", str(tmp_path / "new"), given="x\n")

    assert 2 == status
    assert told.startswith(f"pymta: {name}: ")
    assert [] == list(tmp_path.iterdir())


def test_quota(tmp_path: Path) -> None:
    """
    Who may hold less than a message gets none, as soon as that is said and until it is taken back.
    """
    store = ("--store", str(tmp_path / "mail"))
    with server(tmp_path, *store, "--account", "ann:x") as running:

        def lmtp() -> int:
            with smtplib.LMTP("127.0.0.1", running.ports["lmtp"], timeout=30) as client:
                try:
                    client.sendmail("a@b.test", ["ann@example.test"], "Subject: x\r\n\r\nhi\r\n")
                except smtplib.SMTPDataError as no:
                    return int(no.smtp_code)
                return 250

        assert 250 == lmtp()
        assert (0, "", "") == pymta("account", "quota", "ann@example.test", "10", *store)
        assert 552 == lmtp()
        _, shown, _ = pymta("account", "quota", "ann@example.test", "--json", *store)
        assert {"used": 1, "limit": None} == json.loads(shown)["messages"]
        assert 10 == json.loads(shown)["octets"]["limit"] < json.loads(shown)["octets"]["used"]
        assert (0, "", "") == pymta("account", "quota", "ann@example.test", "none", *store)
        assert 250 == lmtp()
        few = ("--messages", "2", "--mailboxes", "7")
        limited = pymta("account", "quota", "ann@example.test", "1G", *few, *store)
        assert (0, "", "") == limited
        with imaplib.IMAP4("127.0.0.1", running.ports["imap"]) as mail:
            mail.login("ann@example.test", "x")
            assert ["OK", "NO"] == [mail.create(name)[0] for name in ("a", "b")]
            assert [b"account (STORAGE 1 1048576 MESSAGE 2 2 MAILBOX 7 7)"] == mail.getquota(
                "account"
            )[1]
        assert 452 == lmtp()
        nobody = pymta("account", "quota", "bob@example.test", "1M", *store)
        assert (1, "", "pymta: there is no account bob@example.test\n") == nobody


def test_quota_without_figures(tmp_path: Path) -> None:
    """
    It is shown what is used and what may be, for people and for programs; nothing is changed.
    """
    store = ("--store", str(tmp_path / "mail"))
    ann = "ann@example.test"
    assert 0 == pymta("account", "add", ann, *store, given="x\n")[0]
    shown = pymta("account", "quota", ann, *store)
    assert (0, "octets    0 (no limit)\nmessages  0 (no limit)\nmailboxes 6 (no limit)\n", "") == (
        shown
    )
    few = ("--messages", "2", "--mailboxes", "7")
    assert (0, "", "") == pymta("account", "quota", ann, "1K", *few, *store)
    _, text, _ = pymta("account", "quota", ann, *store)
    assert "octets    0 (limit 1024)\nmessages  0 (limit 2)\nmailboxes 6 (limit 7)\n" == text
    status, text, _ = pymta("account", "quota", ann, "--json", *store)
    assert (0, 0, 1024) == (status, *json.loads(text)["octets"].values())
    assert {"used": 6, "limit": 7} == json.loads(text)["mailboxes"]
    nobody = pymta("account", "quota", "bob@example.test", *store)
    assert (1, "", "pymta: there is no account bob@example.test\n") == nobody


def test_quota_of_messages_alone(tmp_path: Path) -> None:
    """
    All limits are set at once: who names one of them must say what becomes of the octets.
    """
    store = ("--store", str(tmp_path / "mail"))
    status, out, told = pymta("account", "quota", "ann@example.test", "--messages", "2", *store)
    assert (2, "") == (status, out)
    assert "a size is missing" in told


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("10", 10), ("2K", 2048), ("3G", 3 << 30), ("none", None)]
)
def test_size(text: str, size: int | None) -> None:
    """
    Octets, in powers of 1,024.
    """
    assert size == size_of(text)


@pytest.mark.parametrize("text", ["", "-1", "1.5G", "2g", "5MB", "all", "1" * 13])
def test_no_size(text: str) -> None:
    """
    What is none is said so.
    """
    with pytest.raises(Usage, match="no size"):
        size_of(text)
