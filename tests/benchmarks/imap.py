"""
IMAP: pymta and Dovecot with the same 10,000 messages, in turn, on the same machine.

``python tests/benchmarks/imap.py`` takes some minutes; ``--help`` names the rest.  All of it stays
on 127.0.0.1, in folders that are removed, and ends by itself.  Needs Debian's ``dovecot-imapd``,
and root for it.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.imap_client import Said
from tests.benchmarks.imap_tasks import TASKS, House, Task, fill
from tests.benchmarks.peers.dovecot import Dovecot
from tests.benchmarks.peers.everyone import versions
from tests.benchmarks.peers.ours import Ours
from tests.benchmarks.peers.peer import Missing, Peer, Stand
from tests.benchmarks.tables import facts

Figures = dict[str, float | str]

PEERS: tuple[Peer, ...] = (
    Ours(
        name="pymta",
        note="the kept store, SQLite",
        module="imap_store",
        figures=("imap",),
        versions=lambda: versions("pymta-twisted", "Twisted", "SQLAlchemy"),
    ),
    Dovecot(),
)


def _arguments() -> argparse.Namespace:
    split = lambda text: text.split(",")  # noqa: E731  argparse wants a callable
    parser = argparse.ArgumentParser(description="IMAP, side by side")
    parser.add_argument("--only", type=split, default=[peer.name for peer in PEERS])
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", help="only those with this text in their names")
    parser.add_argument("--json", type=Path, help="all figures, into this file")
    return parser.parse_args()


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _measure(peer: Peer, tasks: Sequence[Task], given: argparse.Namespace) -> Figures:
    """A server filled, started again so that nothing is warm, and asked."""
    with tempfile.TemporaryDirectory(
        prefix="pymta-benchmark-", ignore_cleanup_errors=True
    ) as folder:
        stand = Stand(figure="imap", folder=Path(folder), sink=9, options=_options(Path(folder)))
        try:
            with peer.start(stand) as running:
                fill(House(port=running.port, pid=running.pid, count=given.messages))
            with peer.start(stand) as running:
                house = House(port=running.port, pid=running.pid, count=given.messages)
                return {task.name: _figure(peer, task, house) for task in tasks}
        except (Missing, Said, OSError) as why:
            return dict.fromkeys((task.name for task in tasks), str(why))


def _figure(peer: Peer, task: Task, house: House) -> float | str:
    try:
        figure = task.run(house)
    except (Said, OSError) as why:
        _note(f"{peer.name}: {task.name}: {why}")
        return str(why)
    _note(f"{peer.name}: {task.name}: {figure:,.1f} {task.unit}")
    return figure


def _options(folder: Path) -> dict[str, str]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    ask = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", *ask.split(), *files], check=True, capture_output=True)
    return {"certificate": str(certificate), "key": str(key)}


def _table(tasks: Sequence[Task], runs: Sequence[tuple[str, Figures]]) -> Iterator[str]:
    names = list(dict.fromkeys(name for name, _ in runs))
    yield f"| what | unit | {' | '.join(names)} | pymta does × |"
    yield "|---" * (len(names) + 3) + "|"
    for task in tasks:
        middles = {name: _middle(task, [f for n, f in runs if n == name]) for name in names}
        cells = [_cell(middles[name]) for name in names]
        yield f"| {task.name} | {task.unit} | {' | '.join(cells)} | {_ratio(task, middles)} |"


def _middle(task: Task, figures: Sequence[Figures]) -> float | str:
    good = [each[task.name] for each in figures if not isinstance(each[task.name], str)]
    return statistics.median(map(float, good)) if good else str(figures[0][task.name])


def _cell(figure: float | str) -> str:
    return f"{figure:,.1f}" if isinstance(figure, float) else f"failed: {figure[:60]}"


def _ratio(task: Task, middles: dict[str, float | str]) -> str:
    """How many times as good as Dovecot: more than 1 is better."""
    ours, theirs = middles.get("pymta"), middles.get("dovecot")
    if not (isinstance(ours, float) and isinstance(theirs, float) and ours and theirs):
        return ""
    return f"{ours / theirs if task.more_is_better else theirs / ours:.2f}"


def main() -> int:
    # What was started is ended, whoever ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    given = _arguments()
    peers = [peer for peer in PEERS if peer.name in given.only]
    tasks = [task for task in TASKS if not given.tasks or given.tasks in task.name]
    print(*facts(peers, tempfile.gettempdir()), "", sep="\n", flush=True)
    runs = []
    for number in range(given.rounds):
        for peer in peers if number % 2 == 0 else reversed(peers):
            runs.append((peer.name, _measure(peer, tasks, given)))
    print(*_table(tasks, runs), sep="\n", flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps(runs, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
