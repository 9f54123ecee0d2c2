"""
Tests for ``pymta account`` beside a server that runs.
"""

from __future__ import annotations

import json
import poplib
from pathlib import Path

import pytest

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
    A name that is no address is said so.
    """
    status, _, told = pymta("account", "add", name, "--store", str(tmp_path / "new"), given="x\n")

    assert 1 == status
    assert told.startswith("pymta: ")
    assert "Traceback" not in told
