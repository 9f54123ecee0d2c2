"""
The examples that queue mail in a transaction of the application's own, on SQLite and PostgreSQL.
"""

from __future__ import annotations

import poplib
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import Server

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
ORDERS = "SELECT id, paid FROM orders ORDER BY id"
QUEUED = "SELECT count(*) FROM pymta_queue_mails"


@contextmanager
def running(*command: str) -> Iterator[list[str]]:
    """A process, ended when the test is over; what it says up to where it listens."""
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    said = []
    try:
        for line in process.stdout:
            said.append(line.strip())
            if line.startswith("pop3"):
                break
        yield said
    finally:
        process.terminate()
        try:
            process.communicate(timeout=20)
        finally:
            process.kill()


def mailbox(port: int, user: str) -> list[bytes]:
    pop = poplib.POP3("127.0.0.1", port, timeout=10)
    pop.user(user)
    pop.pass_("anything")
    octets = [b"\r\n".join(pop.retr(n)[1]) for n in range(1, pop.stat()[0] + 1)]
    pop.quit()
    return octets


def patiently(attempt: Callable[[], Any]) -> Any:
    """What it gives, as soon as that is anything; for ten seconds."""
    until = time.monotonic() + 10
    while not (result := attempt()) and time.monotonic() < until:
        time.sleep(0.05)
    return result


def check(said: list[str], ask: Callable[[str], list[Any]]) -> None:
    """
    Of two orders one is paid: its receipt is delivered, once.  Of the other nothing is there.
    """
    assert ["order 1: paid", "order 2: declined"] == said[:2]
    found = re.search(r":(\d+)$", said[2])
    assert found is not None
    port = int(found[1])
    [receipt] = patiently(lambda: mailbox(port, "ann@example.test"))
    assert b"\r\nSubject: Order 1\r\n" in receipt
    assert patiently(lambda: ask(QUEUED) == [(0,)]), "delivered, and so no more in the queue"
    assert [(1, 1), (2, 0)] == ask(ORDERS)
    assert [] == mailbox(port, "bob@example.test")


@pytest.mark.parametrize("name", ["enlist_sqlite", "enlist_postgres"])
def test_short(name: str) -> None:
    """Imports and docstring apart, all of it is not long."""
    source = (EXAMPLES / f"{name}.py").read_text()
    lines = [line for line in source[source.index("\nORDERS") :].splitlines() if line.strip()]

    assert len(lines) <= 54


def test_enlist_sqlite(tmp_path: Path) -> None:
    """The application's own file, in which the queue has its tables."""
    with running(str(EXAMPLES / "enlist_sqlite.py"), str(tmp_path), "0") as said:

        def ask(query: str) -> list[Any]:
            with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
                return connection.execute(query).fetchall()

        check(said, ask)


def test_enlist_postgres(tmp_path: Path, postgres: Server) -> None:
    """The application's own database, in which the queue has its tables."""
    name = postgres.database()
    url = postgres.url(name).replace("+psycopg", "")
    with running(str(EXAMPLES / "enlist_postgres.py"), url, str(tmp_path), "0") as said:

        def ask(query: str) -> list[Any]:
            with postgres.connect(name) as connection:
                return connection.execute(query).fetchall()

        check(said, ask)
