"""
The load: Postfix's ``smtp-source`` sends, and its ``smtp-sink`` takes what is relayed.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks.processes import end

__all__ = ["Load", "Sink", "TooSlow", "found", "free_port", "send", "wait_for"]

_SECONDS = 180.0
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


class TooSlow(Exception):
    """Not all was there in time, or the client gave up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """
    :param size: octets of text a message.
    :param connections: at once.
    :param kept: many messages a connection; otherwise one.
    """

    messages: int
    size: int
    connections: int
    kept: bool

    @property
    def options(self) -> list[str]:
        often = ["-d"] if self.kept else []
        return [*often, f"-s{self.connections}", f"-m{self.messages}", f"-l{self.size}"]


def found(program: str) -> str | None:
    """Where a program is; Debian's administrators have theirs where others do not look."""
    return shutil.which(program, path=_PATH)


def free_port() -> int:
    """One that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def send(port: int, load: Load, recipient: str) -> float:
    """
    Send all of it.

    :returns: seconds, from the start of the client to its end.
    :raises TooSlow: a message was refused, or it took too long.
    """
    source = found("smtp-source") or "smtp-source"
    addresses = ["-fsource@sender.test", f"-t{recipient}"]
    command = [source, *load.options, *addresses, f"inet:127.0.0.1:{port}"]
    began = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise TooSlow(f"not sent within {_SECONDS:.0f} s") from None
    took = time.perf_counter() - began
    if done.returncode:
        raise TooSlow((done.stderr or done.stdout).decode(errors="replace").strip()[-200:])
    return took


def wait_for(count: Callable[[], int], wanted: int, *, step: float = 0.02) -> None:
    """:raises TooSlow: there are not so many in time, or none comes for a third of it."""
    last, since = -1, time.monotonic()
    until = since + _SECONDS
    while (now := count()) < wanted:
        if now != last:
            last, since = now, time.monotonic()
        if time.monotonic() > min(until, since + _SECONDS / 3):
            raise TooSlow(f"{now} of {wanted} arrived")
        time.sleep(step)


class Sink:
    """``smtp-sink`` on a port of its own; it keeps nothing, and counts."""

    def __init__(self) -> None:
        self.port = free_port()
        self.messages = 0
        # It does not run as root.
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        sink = found("smtp-sink") or "smtp-sink"
        command = [sink, *user, "-c", f"127.0.0.1:{self.port}", "1024"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        # It writes "sess=   12 quit=   11 mesg=   12\r" whenever one of them changes.
        assert self._process.stdout is not None
        rest = b""
        while block := os.read(self._process.stdout.fileno(), 65_536):
            counts = re.findall(rb"mesg=\s*(\d+)\s*\r", rest + block)
            if counts:
                self.messages = int(counts[-1])
            rest = (rest + block)[-64:]

    def close(self) -> None:
        end(self._process.pid)
        self._process.wait()
