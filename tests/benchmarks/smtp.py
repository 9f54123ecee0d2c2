"""
Messages a second: pymta and its peers, in turn, on the same machine, in the same run.

``python tests/benchmarks/smtp.py --quick`` takes a minute; ``--help`` names the rest.  All of it
stays on 127.0.0.1, in folders that are removed, and ends by itself.  Needs Debian's ``postfix``
for the clients, and root for Postfix as a server.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.driving import Load, found
from tests.benchmarks.measuring import Cell, Run, count_syncs, measure
from tests.benchmarks.peers.everyone import ALONE, EVERYONE
from tests.benchmarks.peers.peer import Peer
from tests.benchmarks.profiling import profile
from tests.benchmarks.tables import facts, table, turns

FIGURES = ("kept", "delivered", "relayed")
ON_WISH = ("-backlog",)
SMALL = 16 * 1024


def _names(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def _arguments() -> argparse.Namespace:
    names = ",".join(peer.name for peer in EVERYONE)
    parser = argparse.ArgumentParser(description="messages a second, side by side")
    parser.add_argument("--quick", action="store_true", help="4 KiB, 20 connections, one round")
    everyone = [peer.name for peer in EVERYONE if not peer.name.endswith(ON_WISH)]
    parser.add_argument("--only", type=_names, default=everyone, help=names)
    parser.add_argument("--figures", type=_names, default=FIGURES, help=",".join(FIGURES))
    parser.add_argument("--sizes", type=_numbers, help="octets: 4096,102400")
    parser.add_argument("--connections", type=_numbers, help="20,200")
    parser.add_argument("--ways", type=_names, default=["one", "kept"], help="one,kept")
    parser.add_argument("--rounds", type=int, help="3: each round measures everyone")
    parser.add_argument("--messages", type=int, help="a run: 2000, half of it for large ones")
    parser.add_argument(
        "--profile", type=Path, help="measure nothing: profile pymta into this folder"
    )
    parser.add_argument("--no-syncs", action="store_true", help="count no calls of sync")
    parser.add_argument("--json", type=Path, help="all runs, into this file")
    given = parser.parse_args()
    given.sizes = given.sizes or ([4096] if given.quick else [4096, 102_400])
    given.connections = given.connections or ([20] if given.quick else [20, 200])
    given.rounds = given.rounds or (1 if given.quick else 3)
    given.messages = given.messages or (1000 if given.quick else 2000)
    unknown = {*given.only} - {peer.name for peer in EVERYONE} | {*given.figures} - {*FIGURES}
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return given


def _cells(given: argparse.Namespace) -> Iterator[Cell]:
    for figure, size, connections, way in product(
        given.figures, given.sizes, given.connections, given.ways
    ):
        messages = given.messages if size <= SMALL else given.messages // 2
        load = Load(messages=messages, size=size, connections=connections, kept=way == "kept")
        yield Cell(figure=figure, load=load)


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _run(cell: Cell, peers: Sequence[Peer], rounds: int) -> list[Run]:
    """In turn, and again: what disturbs the machine for a while disturbs them all."""
    runs = []
    for number in range(rounds):
        for peer in peers if number % 2 == 0 else reversed(peers):
            run = measure(peer, cell)
            _note(f"{cell}: {peer.name}: {run.failed or f'{run.rate:,.0f}/s'}")
            runs.append(run)
    order = [peer.name for peer in peers]
    return sorted(runs, key=lambda run: order.index(run.peer))


def _syncs(cell: Cell, peers: Sequence[Peer], runs: Sequence[Run]) -> dict[str, str]:
    counted = {}
    for peer in peers:
        if any(run.peer == peer.name and not run.failed for run in runs):
            calls, why = count_syncs(peer, cell)
            counted[peer.name] = why if calls is None else f"{calls:.2f}"
    return counted


def main() -> int:
    # What was started is ended, whoever ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    given = _arguments()
    if found("smtp-source") is None:
        _note("smtp-source is not installed: Debian's package postfix has it")
        return 1
    peers = [peer for peer in EVERYONE if peer.name in given.only]
    if given.profile is not None:
        for figure in given.figures:
            cell = next(each for each in _cells(given) if each.figure == figure)
            print(*profile(ALONE, cell, given.profile), sep="\n", flush=True)
        return 0
    print(*facts(peers, tempfile.gettempdir()), "", sep="\n", flush=True)
    everything: list[Run] = []
    for cell in _cells(given):
        able = [peer for peer in peers if cell.figure in peer.figures]
        runs = _run(cell, able, given.rounds)
        syncs = {} if given.no_syncs else _syncs(cell, able, runs)
        print(*table(cell, runs, syncs), sep="\n", flush=True)
        everything += runs
    print(*turns(everything), sep="\n", flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps([run.as_json() for run in everything], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
