"""
Faults at named places of a running server, without a word about them in the server's own code.

A place is a function that the child wraps before it wires anything.  A fault says at which call
of it, from the first on, what happens: ``kill`` is ``SIGKILL`` to the process itself, so that
nothing is flushed, said or closed; the others are what a bad disk does.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

__all__ = ["PLACES", "Fault", "faults_from", "faults_to", "plant"]

PLACES = {
    "data": ("pymta.spool.writer", "SpoolWriter.write"),
    "file": ("pymta.database.files", "NewFile.append"),
    "sync": ("pymta.database.files", "NewFile.sync"),
    "add": ("pymta.queue.sql", "add"),
    "claim": ("pymta.queue.sql", "claim"),
    "settle": ("pymta.queue.sql", "settle"),
    "recover": ("pymta.queue.sql", "recover"),
    "append": ("pymta.store.sql.receiving", "append"),
    "commit": ("pymta.database.writer", "_transact"),
    "checkpoint": ("pymta.database.sqlite", "SQLite.checkpoint"),
    "unlink": ("pymta.database.contents", "unlink_file"),
    "sweep": ("pymta.database.contents", "Contents._sweep"),
    "answer": ("pymta.wire.smtp.server", "SMTPServer.answer"),
    "release": ("pymta.queue.sql", "_release"),
}
"""
Where: module and name.

``data`` is a piece of content that came in, ``file`` and ``sync`` are content files, ``add`` to
``append`` the batches of the writer, each within its transaction, ``commit`` all of a group's
transaction, ``unlink`` a content file without references, ``sweep`` the look for such at the
start, ``answer`` what a client is told.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """
    :param place: of :data:`PLACES`.
    :param when: ``before`` the call, ``after`` it, or ``during``: some ``seconds`` after its
        beginning, wherever it is by then.
    :param call: which call, from 1; ``last`` is until which; 0 is for ever.
    :param what: ``kill``, ``sleep``, ``eio`` or ``full``.
    """

    place: str
    when: str = "before"
    call: int = 1
    last: int = -1
    what: str = "kill"
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.what} {self.when} {self.place} {self.call}"


def faults_to(faults: Iterable[Fault]) -> str:
    """For the command line of a child."""
    return json.dumps([asdict(fault) for fault in faults])


def faults_from(text: str) -> list[Fault]:
    """What the child makes of it."""
    return [Fault(**each) for each in json.loads(text)]


def plant(faults: Iterable[Fault]) -> None:
    """Wrap the places; before anything is wired that looks the names up."""
    for fault in faults:
        module_name, path = PLACES[fault.place]
        owner: Any = importlib.import_module(module_name)
        *parents, name = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        last = fault.call if fault.last < 0 else fault.last
        setattr(owner, name, _wrapped(getattr(owner, name), replace(fault, last=last)))


def _wrapped(inner: Callable[..., Any], fault: Fault) -> Callable[..., Any]:
    calls = 0

    @functools.wraps(inner)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        strikes = calls >= fault.call and (not fault.last or calls <= fault.last)
        if strikes and fault.when == "before":
            _do(fault)
        if strikes and fault.when == "during":
            threading.Thread(target=_later, args=[fault], daemon=True).start()
        result = inner(*arguments, **named)
        if strikes and fault.when == "after":
            _do(fault)
        return result

    return wrapper


def _later(fault: Fault) -> None:
    time.sleep(fault.seconds)
    _do(fault)


def _do(fault: Fault) -> None:
    match fault.what:
        case "kill":
            os.write(2, f"killed: {fault}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)
        case "sleep":
            time.sleep(fault.seconds)
        case "eio":
            raise _sqlite("disk I/O error", sqlite3.SQLITE_IOERR_FSYNC)
        case "full":
            raise _sqlite("database or disk is full", sqlite3.SQLITE_FULL)
        case _:
            raise AssertionError(fault)


def _sqlite(text: str, code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error
