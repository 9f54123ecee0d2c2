"""
What ``strace`` saw of a server: syncs, octets in, octets out, each with its beginning and end.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = [
    "Call",
    "ended_calls",
    "kill_traced",
    "needs_strace",
    "read_trace",
    "strace",
    "terminate",
]

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="needs strace (package strace)"
)

_LINE = re.compile(r"(\d+) +(\d+\.\d+) (?:<\.\.\. )?(\w+)(.*)")
_FD = re.compile(r"\((\d+)<([^>]*)>")


@dataclass(slots=True)
class Call:
    """
    One system call.

    :param fd: of its first argument.
    :param path: what that is: a file, or a socket.
    :param text: its arguments; the beginning of the octets, escaped.
    :param result: what it returned; negative is an error.
    """

    name: str
    began: float
    ended: float
    fd: int
    path: str
    text: str
    result: int


def strace(output: Path, *options: str) -> list[str]:
    """What to run a server by, so that its system calls are written to ``output``."""
    return ["strace", "-f", "--seccomp-bpf", "-y", "-ttt", "-s", "64", *options, "-o", str(output)]


def read_trace(path: Path) -> list[Call]:
    """In the order in which they began."""
    calls = [call for ended in ended_calls(path) if (call := _call(*ended)) is not None]
    return sorted(calls, key=lambda call: call.began)


def ended_calls(path: Path) -> Iterator[tuple[str, float, float, str]]:
    """Names, beginnings, ends, and the rest of the line: in the order in which they ended."""
    begun: dict[str, tuple[float, str]] = {}
    with path.open(errors="replace") as lines:
        for line in lines:
            found = _LINE.match(line)
            if found is None:
                continue
            thread, when, name, rest = found[1], float(found[2]), found[3], found[4].rstrip()
            if rest.endswith("<unfinished ...>"):
                begun[thread] = (when, rest.removesuffix("<unfinished ...>"))
                continue
            began = when
            if rest.startswith(" resumed>"):
                began, start = begun.pop(thread, (when, ""))
                rest = start + rest.removeprefix(" resumed>")
            yield name, began, when, rest


def _call(name: str, began: float, ended: float, rest: str) -> Call | None:
    fd = _FD.match(rest)
    arguments, _, result = rest.rpartition(" = ")
    if fd is None or not re.match(r"-?\d+", result):
        return None
    number = int(result.split()[0])
    return Call(name, began, ended, int(fd[1]), fd[2], arguments, number)


def terminate(pid: int) -> None:
    """``SIGTERM`` for what ``strace`` runs: it keeps its own."""
    subprocess.run(["pkill", "-TERM", "-P", str(pid)], check=False)


def kill_traced(pid: int) -> None:
    """``SIGKILL`` for it."""
    subprocess.run(["pkill", "-KILL", "-P", str(pid)], check=False)
