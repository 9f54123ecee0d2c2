"""
Running commands as real processes.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Server", "interruptible", "pymta", "server"]

SECONDS = 60


def interruptible() -> None:
    """What starts the tests may ignore Ctrl-C, as shells do for what runs in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True, slots=True)
class Server:
    """A test server: its process, its ports and the rest of what it wrote."""

    process: subprocess.Popen[bytes]
    ports: dict[str, int]
    log: Path

    def end(self, number: int = signal.SIGTERM) -> float:
        """End it.  :returns: how many seconds that took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(SECONDS)
        return time.monotonic() - began


@contextmanager
def server(folder: Path, *arguments: str) -> Iterator[Server]:
    """A test server, ended by its own number at last."""
    log = folder / "testserver.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "pymta", "testserver", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            preexec_fn=interruptible,
        )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        line = process.stdout.readline()
        assert line, log.read_text()
        yield Server(process, json.loads(line), log)
    finally:
        process.kill()
        process.wait(SECONDS)
        process.stdin.close()
        process.stdout.close()


def pymta(*arguments: str, given: str = "", cwd: Path | None = None) -> tuple[int, str, str]:
    """Run a command to its end.  :returns: status, standard output, standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "pymta", *arguments],
        check=False,
        input=given,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=cwd,
    )
    return done.returncode, done.stdout, done.stderr
