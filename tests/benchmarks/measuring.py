"""
One measurement: a fresh server, warmed up, under one load.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.benchmarks.driving import Load, Sink, TooSlow, send, wait_for
from tests.benchmarks.peers.peer import Missing, Peer, Running, Stand
from tests.benchmarks.processes import Memory, Syncs, cpu

__all__ = ["Cell", "Run", "count_syncs", "measure"]

_WARM = 100
_COUNTED = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What is compared: servers within one cell alone."""

    figure: str
    load: Load

    def __str__(self) -> str:
        how = "kept connections" if self.load.kept else "one message a connection"
        size = f"{self.load.size / 1024:g} KiB"
        return f"{self.figure}, {size}, {self.load.connections} connections, {how}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """
    :param rate: messages a second, until all were where the figure says.
    :param cpu: seconds of the server and its children.
    :param memory: octets of them, at most.
    :param failed: why there is no rate.
    """

    peer: str
    cell: str
    messages: int
    rate: float = 0
    cpu: float = 0
    memory: int = 0
    report: dict[str, Any] = field(default_factory=dict)
    failed: str = ""

    def as_json(self) -> dict[str, Any]:
        """Without each single turn."""
        return {**asdict(self), "report": {}}


def measure(
    peer: Peer,
    cell: Cell,
    *,
    looked_at: Callable[[int], AbstractContextManager[None]] = lambda pid: nullcontext(),
    **options: Any,
) -> Run:
    """
    Start it, warm it up, measure, end it.

    :param looked_at: by what else, while it is measured.
    :param options: for the server.
    """
    try:
        with _standing(peer, cell, options) as (running, arrived):
            before = cpu(running.pid)
            running.report()
            with Memory(running.pid) as memory, looked_at(running.pid):
                began = time.perf_counter()
                took = send(running.port, cell.load, running.recipient)
                if cell.figure != "kept":
                    arrived(cell.load.messages)
                    took = time.perf_counter() - began
            return Run(
                peer=peer.name,
                cell=str(cell),
                messages=cell.load.messages,
                rate=cell.load.messages / took,
                cpu=cpu(running.pid) - before,
                memory=memory.peak,
                report=running.report(),
            )
    except (Missing, TooSlow) as why:
        return Run(peer=peer.name, cell=str(cell), messages=cell.load.messages, failed=str(why))


def count_syncs(peer: Peer, cell: Cell) -> tuple[float | None, str]:
    """Calls of sync a message, in a short run of its own; or why nobody counts."""
    load = replace(cell.load, messages=_COUNTED)
    syncs = Syncs()
    try:
        with (
            _standing(peer, cell, {}) as (running, arrived),
            syncs.of(running.pid, Path(tempfile.gettempdir())),
        ):
            send(running.port, load, running.recipient)
            if cell.figure != "kept":
                arrived(_COUNTED)
    except (Missing, TooSlow) as why:
        return None, str(why)
    return (None if syncs.calls is None else syncs.calls / _COUNTED), syncs.why


class _Arrived:
    """Waits for what is where the figure says, from now on."""

    def __init__(self, cell: Cell, running: Running, sink: Sink | None) -> None:
        self._count = running.stored if sink is None else lambda: sink.messages
        self._seen = 0

    def __call__(self, more: int) -> None:
        self._seen += more
        wait_for(self._count, self._seen)


@contextmanager
def _standing(
    peer: Peer, cell: Cell, options: dict[str, Any]
) -> Iterator[tuple[Running, _Arrived]]:
    sink = Sink() if cell.figure == "relayed" else None
    with tempfile.TemporaryDirectory(
        prefix="pymta-benchmark-", ignore_cleanup_errors=True
    ) as folder:
        stand = Stand(
            figure=cell.figure,
            folder=Path(folder),
            sink=9 if sink is None else sink.port,
            options=options,
        )
        try:
            with peer.start(stand) as running:
                arrived = _Arrived(cell, running, sink)
                warm = replace(cell.load, messages=max(_WARM, cell.load.connections))
                send(running.port, warm, running.recipient)
                if cell.figure != "kept":
                    arrived(warm.messages)
                yield running, arrived
        finally:
            if sink is not None:
                sink.close()
