"""
Tests for the demo, as a real process.
"""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.clients import MESSAGE, fetched, send
from tests.cli.processes import interruptible

WANTED = {"SMTP": 1025, "Submission": 1587, "POP3": 1110, "IMAP": 1143}


@contextmanager
def demo(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A demo that is ready, and what it has said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pymta", "demo"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        preexec_fn=interruptible,
    )
    with process:
        try:
            yield process, said(process)
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> list[str]:
    """All of it, up to how it ends."""
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith("Ctrl-C"):
            break
    return lines


def ports_of(lines: list[str]) -> dict[str, int]:
    """What it says of its ports."""
    found = (re.match(r"  (SMTP|Submission|POP3|IMAP) +127\.0\.0\.1:(\d+)", line) for line in lines)
    return {each[1]: int(each[2]) for each in found if each}


def test_demo(tmp_path: Path) -> None:
    """
    It says where it listens, has a welcome mail, keeps mail for any domain, ends within a second
    of Ctrl-C and leaves no files.
    """
    with demo(tmp_path) as (process, lines):
        ports = ports_of(lines)
        assert list(WANTED) == list(ports)

        (welcome,) = fetched(ports["POP3"], "you@example.test")
        assert b"\r\nSubject: Welcome\r\n" in welcome
        assert b"\r\nMessage-ID: <" in welcome

        send(ports["SMTP"], "bob@any.domain.test")
        (message,) = fetched(ports["POP3"], "bob@any.domain.test")
        assert message.endswith(MESSAGE)

        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert 0 == process.wait(10)
        assert time.monotonic() - began < 1.5  # a busy machine's half second included
    assert [] == list(tmp_path.iterdir())


def test_taken_ports(tmp_path: Path) -> None:
    """
    Where its ports are taken it takes others, and says so.
    """
    held = []
    for port in WANTED.values():
        try:
            held.append(socket.create_server(("127.0.0.1", port)))
        except OSError:
            pass  # taken already, which is as well
    try:
        with demo(tmp_path) as (_, lines):
            ports = ports_of(lines)
            for name, wanted in WANTED.items():
                assert ports[name] != wanted
                assert any(f"(port {wanted} is taken)" in line for line in lines)
            send(ports["SMTP"], "bob@example.test")
            assert 1 == len(fetched(ports["POP3"], "bob"))
    finally:
        for each in held:
            each.close()
