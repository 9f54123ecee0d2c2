"""
A server that may open no more files: those who are in go on, and it neither spins nor stays so.
"""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.durability.child import child
from tests.durability.talk import Talk

WANTED = 60
WATCHED = 3.0
CPU = 0.25
"""Of the time; a server that spins needs all of a core, or all that others leave of it."""


@contextmanager
def _limited(pid: int, spare: int | None) -> Iterator[None]:
    """Descriptors that the process may still open; None takes even those that it has set aside."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = max(int(name) for name in os.listdir(f"/proc/{pid}/fd"))
    soft = 0 if spare is None else used + 1 + spare
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@contextmanager
def _crowd(port: int) -> Iterator[list[socket.socket]]:
    """Clients who want in, and wait."""
    crowd: list[socket.socket] = []
    try:
        for _ in range(WANTED):
            client = socket.socket()
            client.setblocking(False)
            crowd.append(client)
            with suppress(BlockingIOError):
                client.connect(("127.0.0.1", port))
        yield crowd
    finally:
        for client in crowd:
            client.close()


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _greeted(port: int, seconds: float) -> bool:
    """Whether somebody is let in within this time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 2) as client:
            client.settimeout(2)
            if client.recv(100).startswith(b"220"):
                return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("spare", [8, None], ids=("few", "none"))
def test_s10_no_descriptors_left(tmp_path: Path, spare: int | None) -> None:
    """
    Whoever is in is served, mail is kept, the crowd outside costs nothing; room is used again.
    """
    with child(tmp_path / "store") as server, Talk(server.ports["smtp"]) as inside:
        assert "250" == inside.say("EHLO client.example")[:3]
        with _limited(server.pid, spare), _crowd(server.ports["smtp"]):
            time.sleep(0.5)
            used = _cpu(server.pid)
            for _ in range(int(WATCHED / 0.1)):
                assert "250" == inside.say("NOOP")[:3]
                time.sleep(0.1)
            used = _cpu(server.pid) - used
            assert "250" == inside.send(b"Subject: kept\r\n\r\nmeanwhile\r\n", "anna")[:3]
            lines = server.text().count("\n")
        print(f"\n{used / WATCHED:.0%} of a core, {lines} lines of log")
        assert used < CPU * WATCHED
        assert lines < 1000
        assert _greeted(server.ports["smtp"], 10)
        assert "250" == inside.say("NOOP")[:3]
