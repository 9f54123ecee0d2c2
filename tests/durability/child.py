"""
The server as a child process: started, killed, stopped, and looked at from outside.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
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
from typing import Any, Protocol

from tests.durability.faults import Fault, faults_to

__all__ = ["ROOT", "Child", "child", "memory", "start_child", "start_sink", "start_testserver"]

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0


class Process(Protocol):
    """What is common to :mod:`subprocess` and :mod:`multiprocessing`, in our words."""

    pid: int

    def is_alive(self) -> bool: ...
    def listens(self, seconds: float) -> dict[str, int] | None: ...
    def wait(self, seconds: float) -> None: ...
    def close(self) -> None: ...


class _Forked:
    """Forked from a process that has imported all of it: a start takes a fifth of the time."""

    def __init__(self, arguments: str, faults: str, log: Path) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.durability.server"])
        self._ports, theirs = context.Pipe(duplex=False)
        target = "tests.durability.server"
        hatch = importlib.import_module(target).hatch
        self._process = context.Process(
            target=hatch, args=(arguments, faults, str(log), theirs), daemon=True
        )
        self._process.start()
        theirs.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def listens(self, seconds: float) -> dict[str, int] | None:
        try:
            ports: dict[str, int] | None = self._ports.recv() if self._ports.poll(seconds) else None
        except (EOFError, OSError):
            ports = None
        return ports

    def wait(self, seconds: float) -> None:
        self._process.join(seconds)
        assert not self._process.is_alive(), "it does not end"

    def close(self) -> None:
        self._ports.close()
        self._process.close()


class _Started:
    """A process of its own, that another one may run."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=ROOT,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                bufsize=0,
            )
        self.pid = self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def listens(self, seconds: float) -> dict[str, int] | None:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline() if ready else b""
        ports: dict[str, int] | None = json.loads(line) if line else None
        return ports

    def wait(self, seconds: float) -> None:
        self._process.wait(seconds)

    def close(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.close()


@dataclass(slots=True)
class Child:
    """
    One life of a server on a folder.

    :param log: what it writes to standard error.
    :param ports: by name of listener; empty until it listens, and if it died before.
    """

    process: Process
    log: Path
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.is_alive()

    def wait_for_ports(self) -> bool:
        """:returns: whether it listens; otherwise it is dead."""
        ports = self.process.listens(START_SECONDS)
        self.ports = ports or {}
        return ports is not None

    def wait_for_end(self, seconds: float) -> None:
        """Until it is dead, or the time is over."""
        end = time.monotonic() + seconds
        while self.alive and time.monotonic() < end:
            time.sleep(0.01)

    def signal(self, number: int) -> None:
        """Send it one."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """``SIGKILL``, and gone when this returns."""
        if self.alive:
            self.signal(signal.SIGKILL)
        self.process.wait(10)

    def terminate(self, seconds: float = 40) -> float:
        """``SIGTERM``.  :returns: how long it took."""
        began = time.monotonic()
        self.signal(signal.SIGTERM)
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
        self.kill()
        self.process.close()


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
    log.touch()
    arguments = json.dumps({"directory": str(directory), **options})
    if before:
        server = [sys.executable, "-m", "tests.durability.server", arguments, faults_to(faults)]
        return Child(_Started([*before, *server], log), log)
    return Child(_Forked(arguments, faults_to(faults), log), log)


def start_testserver(directory: Path) -> Child:
    """The same as the command that everybody has."""
    log = directory.parent / "testserver.log"
    command = [sys.executable, "-m", "pymta", "testserver", "--store", str(directory)]
    return Child(_Started(command, log), log)


def start_sink(log: Path, **options: Any) -> Child:
    """
    A next hop.

    :param options: of :class:`tests.durability.sink.Options`.
    """
    command = [sys.executable, "-m", "tests.durability.sink", json.dumps(options)]
    return Child(_Started(command, log), log)


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
