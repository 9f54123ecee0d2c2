"""
Clients that ask for more than they read, or for much at once, while others want their answers.
"""

from __future__ import annotations

import os
import socket
import statistics
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.durability.child import child, memory
from tests.durability.talk import Talk

NOOPS = 2_000_000
NOOP = b"NOOP\r\n"
GROWTH = 32 * 1024 * 1024
LIMITS = {"commands": 10_000_000}
P99 = 0.020
TRIES = 3
"""The machine is shared: the best of so many runs counts."""


def test_two_million_noops_that_nobody_reads_the_answers_of(tmp_path: Path) -> None:
    """The server stops reading when its answers are not taken; it grows by less than 32 MiB."""
    with child(tmp_path / "store", limits=LIMITS) as server, socket.socket() as deaf:
        # What the kernel keeps for us is not the server's, and takes it time.
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(3)
        deaf.connect(("127.0.0.1", server.ports["smtp"]))
        assert deaf.recv(1000).startswith(b"220")
        deaf.sendall(b"HELO client.example\r\n")
        assert deaf.recv(1000).startswith(b"250")
        before = memory(server.pid)
        left = NOOPS * len(NOOP)
        block = NOOP * 10_000
        try:
            while left > 0:
                left -= deaf.send(block[: min(left, len(block))])
        except TimeoutError:
            pass  # it takes no more
        grown = memory(server.pid, "VmHWM") - before
        with Talk(server.ports["smtp"]) as other:
            assert "250" == other.say("NOOP")[:3]
        print(f"\n{NOOPS - left // len(NOOP):,} NOOPs were taken; grown by {grown / 2**20:.1f} MiB")
        assert left > 0
        assert grown < GROWTH


def test_noops_with_their_answers_read(tmp_path: Path) -> None:
    """Whoever reads is served, and costs no more memory."""
    many = NOOPS // 40
    with child(tmp_path / "store", limits=LIMITS) as server, Talk(server.ports["smtp"]) as talk:
        before = memory(server.pid)
        for _ in range(many // 1000):
            talk.socket.sendall(NOOP * 1000)
            for _ in range(1000):
                assert "250" == talk.reply()[:3]
        assert memory(server.pid, "VmHWM") - before < GROWTH


def _kept_waiting(*pids: int) -> float:
    """Seconds for which these wanted a core so far, and others had it; 0 where nobody counts."""
    waited = 0
    for pid in pids:
        with suppress(OSError):
            waited += int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
    return waited / 1e9


def _others_p99(port: int, pid: int, *, seconds: float = 2.0) -> tuple[float, float]:
    """
    Round trips of one, while another sends 64 KiB of commands again and again.

    :returns: 99 of 100 took less than this: as they were, and without the time for which other
        users of the machine kept server or client from running.
    """
    burst = (NOOP * (65_536 // len(NOOP)))[:65_532]
    waits, own = [], []
    with Talk(port) as greedy, Talk(port) as other:
        greedy.socket.setblocking(False)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            _take_and_give(greedy.socket, burst)
            for _ in range(5):
                kept = _kept_waiting(pid, os.getpid())
                began = time.perf_counter()
                assert "250" == other.say("NOOP")[:3]
                wait = time.perf_counter() - began
                waits.append(wait)
                own.append(max(0.0, wait - (_kept_waiting(pid, os.getpid()) - kept)))
    return statistics.quantiles(waits, n=100)[98], statistics.quantiles(own, n=100)[98]


def _take_and_give(greedy: socket.socket, burst: bytes) -> None:
    try:
        while greedy.recv(65_536):
            pass
    except BlockingIOError:
        pass
    try:
        greedy.send(burst)
    except BlockingIOError:
        pass


def test_64_kib_of_commands_do_not_keep_another_client_waiting(tmp_path: Path) -> None:
    """The greedy one gives way after 2 ms: 99 of 100 round trips of the other take under 20 ms."""
    with child(tmp_path / "store", limits=LIMITS) as server:
        best = 1.0
        for _ in range(TRIES):
            raw, own = _others_p99(server.ports["smtp"], server.pid)
            print(f"\np99 {raw * 1000:.1f} ms, of which {own * 1000:.1f} ms are its own")
            best = min(best, own)
            if best < P99:
                break
        assert best < P99


@pytest.mark.parametrize("listener", ["smtp", "pop3"])
def test_a_line_without_an_end_costs_nothing(tmp_path: Path, listener: str) -> None:
    """Sixteen mebibytes without a CRLF are not kept."""
    with child(tmp_path / "store", limits=LIMITS) as server:
        before = memory(server.pid)
        with socket.create_connection(("127.0.0.1", server.ports[listener]), 5) as client:
            client.settimeout(3)
            try:
                for _ in range(256):
                    client.sendall(b"x" * 65_536)
            except (ConnectionError, TimeoutError):
                pass
        assert memory(server.pid, "VmHWM") - before < GROWTH
