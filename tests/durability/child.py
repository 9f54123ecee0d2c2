"""
The server as a child process: started, killed, stopped, and looked at from outside.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.durability.faults import Fault, faults_to

__all__ = ["ROOT", "Child", "child", "memory", "start_child"]

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0


@dataclass(slots=True)
class Child:
    """
    One life of a server on ``directory``.

    :param ports: by name of listener; empty until it listens, and if it died before.
    :param log: what it wrote to standard error, in the end.
    """

    process: subprocess.Popen[bytes]
    log: Path
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def wait_for_ports(self) -> bool:
        """:returns: whether it listens; otherwise it is dead."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline() if ready else b""
        if not line and self.alive and not ready:
            raise AssertionError(f"it does not start: {self.text()[-2000:]}")
        self.ports = json.loads(line) if line else {}
        return bool(line)

    def kill(self) -> None:
        """``SIGKILL``, and gone when this returns."""
        if self.alive:
            self.process.kill()
        self.process.wait(10)

    def terminate(self, seconds: float = 40) -> float:
        """``SIGTERM``.  :returns: how long it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(seconds)
        return time.monotonic() - began

    def text(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace")

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of this name that it told of."""
        found = []
        for line in self.text().splitlines():
            if line.startswith('{"event"'):
                event = json.loads(line)
                if event["event"] == name:
                    found.append(event)
        return found

    def close(self) -> None:
        """Whatever its state."""
        if self.alive:
            self.process.send_signal(signal.SIGCONT)
        self.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()


def start_child(
    directory: Path,
    *,
    faults: Iterable[Fault] = (),
    before: Sequence[str] = (),
    **options: Any,
) -> Child:
    """
    Start one; it may not listen yet.

    :param before: what is to run it: ``strace`` and its options.
    :param options: of :class:`tests.durability.server.Options`.
    """
    log = directory.parent / f"{options.get('owner', 'pymta')}.log"
    arguments = json.dumps({"directory": str(directory), **options})
    server = [sys.executable, "-m", "tests.durability.server", arguments, faults_to(faults)]
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            [*before, *server],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=ROOT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            bufsize=0,
        )
    return Child(process, log)


@contextmanager
def child(directory: Path, **options: Any) -> Iterator[Child]:
    """One that listens, and is gone at the end, killed if need be."""
    started = start_child(directory, **options)
    try:
        assert started.wait_for_ports(), started.text()[-4000:]
        yield started
    finally:
        started.close()


def memory(pid: int, name: str = "VmRSS") -> int:
    """Octets that a process has in memory now; ``VmHWM`` is the most that it ever had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {name}")
