"""
A hundred thousand recipients wait, nine of ten for one destination that is dead (D07).

``PYMTA_SCALE`` makes it another number: a million takes some minutes to fill.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import cast

import pytest

from pymta.queue.schedule import ScheduleLimits
from tests.benchmarks.driving import free_port, wait_for
from tests.benchmarks.peers.everyone import ALONE
from tests.benchmarks.peers.ours import backlog
from tests.benchmarks.peers.peer import Running, Stand
from tests.benchmarks.processes import cpu
from tests.durability.child import memory
from tests.durability.talk import Talk

RECIPIENTS = int(os.environ.get("PYMTA_SCALE", "100000"))
LIFE = 200 * 1024 * 1024
OPENING = 2.0
"""CPU seconds from the stores to the listeners, on a busy machine; 0.2 on a quiet one."""
SLOWER = 1.2
BLOCK = 60
ROUNDS = 5
TRIES = 3
WINDOW = ScheduleLimits().window


@pytest.fixture(scope="module")
def dead() -> int:
    """A port where nobody listens."""
    return free_port()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, dead: int) -> Path:
    """A folder as it is with all of them in the queue."""
    folder = tmp_path_factory.mktemp("full") / "store"
    backlog(folder, hop=f"[127.0.0.1]:{dead}", recipients=RECIPIENTS)
    return folder


@contextmanager
def _server(folder: Path, dead: int, figure: str) -> Iterator[Running]:
    """:param figure: ``kept`` has the lane suspended from the start; ``relayed`` finds out."""
    stand = Stand(figure=figure, folder=folder, sink=dead)
    with ALONE.start(stand) as running:
        yield running


def _copied(full: Path, folder: Path) -> Path:
    shutil.copytree(full, folder / "store")
    return folder


def _waiting(folder: Path) -> tuple[int, int]:
    """Recipients in the queue, and those that the server has in its hands."""
    with closing(sqlite3.connect(f"file:{folder}/store/pymta.db?mode=ro", uri=True)) as database:
        many = database.execute("SELECT count(*) FROM pymta_queue_recipients").fetchone()
        held = database.execute(
            "SELECT count(*) FROM pymta_queue_recipients WHERE owner IS NOT NULL"
        ).fetchone()
        return many[0], held[0]


def _send(talk: Talk, box: str = "user") -> None:
    assert "250" == talk.send(b"Subject: news\r\n\r\n" + b"x" * 4000 + b"\r\n", box)[:3]


def _latency(running: Running, talk: Talk, many: int = 30) -> float:
    """Seconds from before MAIL until it is in the mailbox: the half of them take no longer."""
    took = []
    for _ in range(many):
        before = running.stored()
        began = time.perf_counter()
        _send(talk)
        wait_for(running.stored, before + 1, step=0.001)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


@pytest.mark.parametrize("figure", ["kept", "relayed"], ids=("suspended", "found out"))
def test_d07_100000_deferred_cost_neither_time_nor_memory(
    full: Path, tmp_path: Path, dead: int, figure: str
) -> None:
    """
    It opens in less than 2 s, in less than 200 MiB; what is healthy goes through; what it
    has in its hands is bounded.
    """
    folder = _copied(full, tmp_path)
    with (
        _server(folder, dead, figure) as running,
        Talk(running.port) as talk,
    ):
        opening = running.report()["opening"]
        latency = _latency(running, talk)
        many, held = _waiting(folder)
        peak = memory(running.pid, "VmHWM")
    print(
        f"\nopen after {opening:.2f} s of CPU, {peak / 2**20:.0f} MiB, {held} of {many} in hands, "
        f"news after {latency * 1000:.1f} ms"
    )
    assert RECIPIENTS <= many
    assert held <= WINDOW
    assert opening < OPENING
    assert peak < LIFE


def _slower(pair: tuple[Running, Running], talks: tuple[Talk, Talk]) -> float:
    """CPU of accepting, in turns: the first's by the second's."""
    used = [0.0, 0.0]
    for _, which in itertools.product(range(ROUNDS), (0, 1)):
        before = cpu(pair[which].pid)
        for _ in range(BLOCK):
            _send(talks[which])
        used[which] += cpu(pair[which].pid) - before
    return used[0] / used[1]


def test_d07_100000_deferred_do_not_slow_down_accepting_and_delivering(
    full: Path, tmp_path: Path, dead: int
) -> None:
    """
    Accepting and delivering costs no more than 1.2 times what it does with an empty queue.

    It is CPU that is compared, in turns, and the best of three: others use this machine too.
    """
    (tmp_path / "full").mkdir()
    (tmp_path / "empty").mkdir()
    with ExitStack() as stack:
        folders = (_copied(full, tmp_path / "full"), tmp_path / "empty")
        pair = cast(
            "tuple[Running, Running]",
            tuple(stack.enter_context(_server(each, dead, "kept")) for each in folders),
        )
        talks = cast(
            "tuple[Talk, Talk]", tuple(stack.enter_context(Talk(each.port)) for each in pair)
        )
        best = 10.0
        for _ in range(TRIES):
            best = min(best, _slower(pair, talks))
            print(f"\nCPU is {best:.2f} times that of an empty queue")
            if best < SLOWER:
                break
        assert best < SLOWER
        slow, quick = (_latency(*each) for each in zip(pair, talks, strict=True))
        print(f"news after {slow * 1000:.1f} ms, with an empty queue {quick * 1000:.1f} ms")
