"""
Processes from outside: what a server and its children cost, and how often they wait for the disk.

All of it is read from ``/proc``; only calls of sync need ``strace``, in a run of their own.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["Memory", "Syncs", "cpu", "end", "octets", "tree"]

_TICKS = os.sysconf("SC_CLK_TCK")
_SYNCS = "fsync,fdatasync,sync_file_range,msync,sync,syncfs"
_ATTACH_SECONDS = 10.0


def tree(pid: int) -> list[int]:
    """This process and all below it."""
    found = [pid]
    for each in found:
        with suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def cpu(pid: int) -> float:
    """Seconds of all below it, those that have ended and were waited for included."""
    ticks = 0
    for each in tree(pid):
        with suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / _TICKS


def end(pid: int, seconds: float = 5.0) -> None:
    """End it and all below it: asked first, killed if they do not listen."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for each in reversed(tree(pid)):
            with suppress(OSError):
                os.kill(each, number)
        until = time.monotonic() + seconds
        while time.monotonic() < until and _runs(pid):
            time.sleep(0.01)
        if not _runs(pid):
            return


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def octets(pid: int) -> int:
    """In memory, what several share counted once (PSS); the sum of all below it."""
    total = 0
    for each in tree(pid):
        with suppress(OSError):
            text = Path(f"/proc/{each}/smaps_rollup").read_text()
            found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
            total += int(found[1]) * 1024 if found else 0
    return total


class Memory:
    """
    The most that a server and its children had, looked at once a second: a look takes the kernel
    some milliseconds for each of the larger processes, which wait meanwhile.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.peak = 0

    def _look(self) -> None:
        while True:
            self.peak = max(self.peak, octets(self._pid))
            if self._over.wait(1.0):
                return

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.peak = max(self.peak, octets(self._pid))


class Syncs:
    """Calls that wait for the disk, of a server and its children; ``calls`` when it is over."""

    def __init__(self) -> None:
        self.calls: int | None = None
        self.why = ""

    @contextmanager
    def of(self, pid: int, folder: Path) -> Iterator[None]:
        """While this lasts.  :param folder: for the file in which ``strace`` counts."""
        if shutil.which("strace") is None:
            self.why = "strace is not installed"
            yield
            return
        summary = folder / "syncs"
        pids = [f"-p{each}" for each in tree(pid)]
        command = ["strace", "-f", "-c", f"-etrace={_SYNCS}", f"-o{summary}", *pids]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            try:
                attached = self._attached(strace, len(pids))
                yield
            finally:
                strace.send_signal(signal.SIGINT)
                strace.wait(_ATTACH_SECONDS)
        if attached:
            self.calls = _calls(summary)
            summary.unlink()

    def _attached(self, strace: subprocess.Popen[str], many: int) -> bool:
        assert strace.stderr is not None
        seen = 0
        for line in strace.stderr:
            seen += "attached" in line
            if seen == many:
                threading.Thread(target=strace.stderr.read, daemon=True).start()
                return True
        self.why = "strace may not look"
        return False


def _calls(summary: Path) -> int:
    """The fourth column of strace's table, summed over the calls."""
    total = 0
    for line in summary.read_text().splitlines():
        fields = line.split()
        if len(fields) >= 5 and fields[-1] in _SYNCS.split(","):
            total += int(fields[3])
    return total
