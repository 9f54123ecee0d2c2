"""
Runs as Markdown.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from tests.benchmarks.measuring import Cell, Run
from tests.benchmarks.peers.peer import Missing, Peer

__all__ = ["facts", "table", "turns"]

_HEAD = (
    "| server | messages/s: min / median / max | pymta does × | CPU ms each | MiB | syncs each |",
    "|---|---|---|---|---|---|",
)


_CLOCKS = ("wall", "own")
_SHARES = (0.5, 0.99, 0.999, 1.0)


def facts(peers: Iterable[Peer], folder: str) -> Iterator[str]:
    """The machine and the versions, as a list."""
    yield f"- {os.cpu_count()} cores: {_processor()}, {_memory()}; {platform.platform()}"
    yield f"- load {os.getloadavg()[0]:.2f} before; files on {_file_system(folder)}"
    for peer in peers:
        try:
            told = peer.version()
        except Missing as why:
            told = f"not measured: {why}"
        yield f"- {peer.name}: {told} ({peer.note})"


def table(cell: Cell, runs: Sequence[Run], syncs: Mapping[str, str]) -> Iterator[str]:
    """One cell: servers in their order."""
    yield f"### {cell}"
    yield ""
    yield from _HEAD
    ours = _rates(runs, "pymta")
    for name in dict.fromkeys(run.peer for run in runs):
        yield _row(name, [run for run in runs if run.peer == name], ours, syncs.get(name, ""))
    yield ""


def _row(name: str, runs: Sequence[Run], ours: Sequence[float], syncs: str) -> str:
    rates = _rates(runs, name)
    if not rates:
        return f"| {name} | {runs[0].failed} | | | | |"
    good = [run for run in runs if not run.failed]
    failed = f" ({len(runs) - len(good)} of {len(runs)} failed)" if len(good) < len(runs) else ""
    ratio = f"{statistics.median(ours) / statistics.median(rates):.2f}" if ours else ""
    each = statistics.median(run.cpu * 1000 / run.messages for run in good)
    most = max(run.memory for run in good) / 2**20
    low, middle, high = min(rates), statistics.median(rates), max(rates)
    figures = f"{low:,.0f} / {middle:,.0f} / {high:,.0f}{failed}"
    return f"| {name} | {figures} | {ratio} | {each:.2f} | {most:.0f} | {syncs} |"


def _rates(runs: Iterable[Run], name: str) -> list[float]:
    return [run.rate for run in runs if run.peer == name and not run.failed]


def turns(runs: Iterable[Run]) -> Iterator[str]:
    """How long the reactor's turns took, of all runs of a cell together."""
    watched = [run for run in runs if run.report.get("turns")]
    if not watched:
        return
    yield "### Turns of pymta's reactor, ms (of the thread's own time in brackets)"
    yield ""
    yield "| cell | server | turns | p50 | p99 | p99.9 | max |"
    yield "|---|---|---|---|---|---|---|"
    for cell, peer in dict.fromkeys((run.cell, run.peer) for run in watched):
        told = [run.report["turns"] for run in watched if (run.cell, run.peer) == (cell, peer)]
        wall, own = (sorted(chain.from_iterable(t[clock] for t in told)) for clock in _CLOCKS)
        shares = [f"{_share(wall, each):.1f} ({_share(own, each):.1f})" for each in _SHARES]
        yield f"| {cell} | {peer} | {len(wall):,} | {' | '.join(shares)} |"
    yield ""


def _share(ordered: Sequence[int], share: float) -> float:
    """So much of them take no longer; in milliseconds."""
    return ordered[round((len(ordered) - 1) * share)] / 1000 if ordered else 0.0


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or sys.platform


def _memory() -> str:
    octets = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{octets / 2**30:.0f} GiB"


def _file_system(folder: str) -> str:
    found = subprocess.run(
        ["df", "--output=fstype,source", folder], capture_output=True, text=True, check=False
    )
    return " ".join(found.stdout.splitlines()[-1].split()) if found.stdout else "?"
