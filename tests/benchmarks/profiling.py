"""
Where pymta's time goes: a table by cProfile and a picture by py-spy, in runs of their own.
"""

from __future__ import annotations

import pstats
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.measuring import Cell, measure
from tests.benchmarks.peers.peer import Peer
from tests.benchmarks.picture import frames_of, picture

__all__ = ["profile"]

_RATE = "250"
_SECONDS = 15.0


def profile(peer: Peer, cell: Cell, folder: Path) -> Iterator[str]:
    """
    Two runs.  :returns: what was written, or why not.

    :param folder: gets ``FIGURE.txt`` and ``FIGURE.svg``; made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    yield _table(peer, cell, folder.resolve() / f"{cell.figure}.txt")
    if shutil.which("py-spy") is None:
        yield "no picture: py-spy is not on the PATH (pip install py-spy)"
        return
    yield _picture(peer, cell, folder.resolve() / f"{cell.figure}.svg")


def _table(peer: Peer, cell: Cell, path: Path) -> str:
    """The functions of the reactor's thread; cProfile makes all of them slower, small ones most."""
    raw = path.with_suffix(".cprofile")
    run = measure(peer, cell, profile=str(raw))
    if run.failed:
        return f"no table: {run.failed}"
    with path.open("w") as file:
        stats = pstats.Stats(str(raw), stream=file).strip_dirs()
        stats.sort_stats("tottime").print_stats(50)
        stats.sort_stats("cumulative").print_stats(70)
    raw.unlink()
    return f"{path}: {cell}"


def _picture(peer: Peer, cell: Cell, path: Path) -> str:
    raw = path.with_suffix(".stacks")
    run = measure(peer, cell, looked_at=lambda pid: _looked_at(pid, raw))
    if run.failed:
        return f"no picture: {run.failed}"
    title = f"pymta, {cell}: threads that run, {_RATE} times a second"
    path.write_text(picture(frames_of(raw.read_text().splitlines()), title))
    raw.unlink()
    return f"{path}: {run.rate:,.0f} messages/s while looked at"


@contextmanager
def _looked_at(pid: int, raw: Path) -> Iterator[None]:
    command = ["py-spy", "record", "--function", "--threads", "--format", "raw"]
    command += ["--nonblocking", "--rate", _RATE, "--output", str(raw), "--pid", str(pid)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as spy:
        try:
            yield
        finally:
            spy.send_signal(signal.SIGINT)
            spy.wait(_SECONDS)
