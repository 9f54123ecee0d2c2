"""
Servers in Python, each a module of :mod:`tests.benchmarks.servers` in a process of its own.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.peers.peer import Missing, Running, Stand
from tests.benchmarks.processes import end

__all__ = ["Ours", "backlog"]

ROOT = Path(__file__).resolve().parents[3]
_SECONDS = 30.0
_FILL_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """
    :param module: below ``tests.benchmarks.servers``.
    :param figures: those that it does.
    :param options: for the module.
    :param versions: says what is installed.
    :param reports: what it answers beside how much is stored.
    :param prepare: the store, before it starts.
    """

    name: str
    note: str
    module: str
    figures: Sequence[str]
    versions: Callable[[], str]
    options: Sequence[tuple[str, Any]] = ()
    reports: Sequence[str] = ()
    prepare: Callable[[Path], None] = lambda store: None

    def version(self) -> str:
        return self.versions()

    @contextmanager
    def start(self, stand: Stand) -> Iterator[Running]:
        self.prepare(stand.folder / "store")
        with self._process(stand) as process:
            try:
                port = _port(process, stand.folder / "stderr")
                yield Running(
                    pid=process.pid,
                    port=port,
                    recipient=_recipient(stand.figure),
                    stored=lambda: int(_asked(process, "stored")),
                    report=lambda: {each: _asked(process, each) for each in self.reports},
                )
            finally:
                end(process.pid)

    def _process(self, stand: Stand) -> subprocess.Popen[str]:
        options = {
            "figure": stand.figure,
            "folder": str(stand.folder / "store"),
            "log": str(stand.folder / "log"),
            "sink": stand.sink,
            **dict(self.options),
            **stand.options,
        }
        module = f"tests.benchmarks.servers.{self.module}"
        with (stand.folder / "stderr").open("w") as stderr:
            return subprocess.Popen(
                [sys.executable, "-m", module, json.dumps(options)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                cwd=ROOT,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            )


def backlog(folder: Path, *, hop: str, recipients: int) -> None:
    """A store of pymta with so many recipients deferred; nine of ten for this next hop."""
    options = json.dumps({"folder": str(folder), "hop": hop, "recipients": recipients})
    command = [sys.executable, "-m", "tests.benchmarks.servers.backlog", options]
    subprocess.run(command, cwd=ROOT, check=True, timeout=_FILL_SECONDS)


def _recipient(figure: str) -> str:
    return "user@example.test" if figure == "delivered" else "user@elsewhere.test"


def _port(process: subprocess.Popen[str], stderr: Path) -> Any:
    try:
        return _line(process)
    except Missing as why:
        said = stderr.read_text().strip().splitlines()
        raise Missing(": ".join([str(why), *said[-1:]])) from None


def _line(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], _SECONDS)
    line = process.stdout.readline() if ready else ""
    if not line:
        raise Missing("it does not start or does not answer")
    return json.loads(line)


def _asked(process: subprocess.Popen[str], what: str) -> Any:
    assert process.stdin is not None
    process.stdin.write(what + "\n")
    process.stdin.flush()
    return _line(process)
