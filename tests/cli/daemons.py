"""
Servers that ``twistd`` runs, and what a test waits for.
"""

from __future__ import annotations

import re
import socket
import sys
import time
from pathlib import Path

__all__ = ["SECONDS", "free_ports", "is_alive", "twistd", "wait_for_end", "wait_for_lines"]

SECONDS = 60


def twistd(*arguments: str) -> list[str]:
    """The command of this interpreter."""
    return [str(Path(sys.executable).with_name("twistd")), *arguments]


def free_ports() -> tuple[int, int]:
    """Two that nobody listens at; the next to ask may get them as well."""
    at = ("127.0.0.1", 0)
    with socket.create_server(at) as one, socket.create_server(at) as two:
        return one.getsockname()[1], two.getsockname()[1]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_for_end(pid: int) -> None:
    """Of a process."""
    until = time.monotonic() + SECONDS
    while is_alive(pid):
        assert time.monotonic() < until, f"{pid} has not ended"
        time.sleep(0.02)


def wait_for_lines(log: Path, pattern: str, *, times: int = 1) -> None:
    """Until it is in the log so often."""
    until = time.monotonic() + SECONDS
    while len(re.findall(pattern, log.read_text())) < times:
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)
