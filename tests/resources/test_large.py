"""
A message of a gigabyte goes through, and the server stays as small as it was.

``PYMTA_MIB=1024`` is the long form; the short one sends an eighth of it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.durability.audit import queued, until
from tests.durability.child import child, memory
from tests.durability.faults import Fault
from tests.durability.talk import Talk

MIB = int(os.environ.get("PYMTA_MIB", "128"))
GROWTH = 64 * 1024 * 1024
LIMITS = {"message_size": 2 * 1024**3}
LINE = b"0123456789" * 7 + b"\r\n"
HEADER = b"Subject: large\r\n\r\n"


def _blocks() -> Iterator[bytes]:
    """The message, in pieces of about a mebibyte."""
    block = LINE * (1024 * 1024 // len(LINE))
    yield HEADER
    for _ in range(MIB):
        yield block


def _send_data(talk: Talk) -> None:
    assert "354" == talk.say("DATA")[:3]
    for block in _blocks():
        talk.socket.sendall(block)
    talk.socket.sendall(b".\r\n")


def _send_chunks(talk: Talk) -> None:
    for block in _blocks():
        talk.socket.sendall(b"BDAT %d\r\n" % len(block) + block)
        assert "250" == talk.reply()[:3]
    talk.socket.sendall(b"BDAT 0 LAST\r\n")


class Other:
    """Somebody else, who asks and asks; how long he had to wait at most."""

    def __init__(self, port: int) -> None:
        self.worst = 0.0
        self.count = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, args=[port])
        self._thread.start()

    def _run(self, port: int) -> None:
        with Talk(port) as talk:
            while not self._over.wait(0.02):
                began = time.monotonic()
                talk.say(f"VRFY <box{self.count % 100}@example.test>")
                if self.count % 100 == 99:
                    talk.say("QUIT")
                    return
                self.worst = max(self.worst, time.monotonic() - began)
                self.count += 1

    def end(self) -> None:
        """Stop asking."""
        self._over.set()
        self._thread.join()


@pytest.mark.parametrize("send", [_send_data, _send_chunks], ids=["DATA", "BDAT"])
def test_large_message_leaves_the_server_small(tmp_path: Path, send: object) -> None:
    """Streamed from socket to disk to mailbox: resident memory grows by less than 64 MiB."""
    assert callable(send)
    with child(tmp_path / "store", limits=LIMITS) as server, Talk(server.ports["smtp"]) as talk:
        talk.socket.settimeout(300)
        before = memory(server.pid)
        began = time.monotonic()
        assert "250" == talk.begin("box0")[:3]
        send(talk)
        assert "250" == talk.reply()[:3]
        took = time.monotonic() - began
        until(lambda: not queued(tmp_path / "store"), 300, "it is delivered")
        grown = memory(server.pid, "VmHWM") - before
        print(f"\n{MIB} MiB in {took:.1f} s; grown by {grown / 2**20:.1f} MiB")
        assert grown < GROWTH
        [file] = (tmp_path / "store" / "content").iterdir()
        assert file.stat().st_size == sum(map(len, _blocks()))


def test_large_message_on_a_disk_that_stops_for_five_seconds(tmp_path: Path) -> None:
    """Files and writer are stopped in the middle: the sender waits, memory does not grow."""
    faults = [
        Fault(place="file", when="before", call=200, what="sleep", seconds=5),
        Fault(place="commit", when="before", call=2, what="sleep", seconds=5),
    ]
    with child(tmp_path / "store", limits=LIMITS, faults=faults) as server:
        with Talk(server.ports["smtp"]) as talk:
            talk.socket.settimeout(300)
            before = memory(server.pid)
            other = Other(server.ports["smtp"])
            began = time.monotonic()
            assert "250" == talk.begin("box0")[:3]
            _send_data(talk)
            assert "250" == talk.reply()[:3]
            took = time.monotonic() - began
            other.end()
            grown = memory(server.pid, "VmHWM") - before
        print(
            f"\n{MIB} MiB in {took:.1f} s; grown by {grown / 2**20:.1f} MiB; "
            f"another client waited {other.worst * 1000:.0f} ms at most"
        )
        assert took > 5
        assert grown < GROWTH
        assert other.count > 20
        assert other.worst < 0.5
