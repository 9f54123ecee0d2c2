"""
Faults at named places of a running server, without a word about them in the server's own code.

A place is a function that the child wraps before it wires anything.  A fault says at which call
of it, from the first on, what happens: ``kill`` is ``SIGKILL`` to the process itself, so that
nothing is flushed, said or closed; the others are what a bad disk does.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

__all__ = ["PLACES", "VICTIMS", "Fault", "faults_from", "faults_to", "plant"]

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
    "relay": ("pymta.delivery.relay", "RelayAgent.deliver"),
    "find": ("pymta.delivery.mx", "MXFinder.find"),
    "connect": ("pymta.smtp.client_dialler", "dial"),
    "greeting": ("pymta.smtp.client_opening", "Opening._hello"),
    "begin": ("pymta.wire.smtp.client", "SMTPClient.begin"),
    "mail": ("pymta.wire.smtp.client", "SMTPClient._sender_answered"),
    "rcpt": ("pymta.wire.smtp.client", "SMTPClient._recipient_answered"),
    "content": ("pymta.wire.smtp.client", "SMTPClient.content"),
    "given": ("pymta.smtp.client_session", "ClientSession._give"),
    "answered": ("pymta.wire.smtp.client", "SMTPClient._content_answered"),
    "delivered": ("pymta.wire.smtp.client", "SMTPClient._recipient_delivered"),
    "report": ("pymta.queue.reporting", "Reporter.__call__"),
    "ending": ("pymta.queue.settling", "Settler.put"),
    "told": ("pymta.queue.runner", "Runner._settled"),
}
"""
Where: module and name.

``data`` is a piece of content that came in, ``file`` and ``sync`` are content files, ``add`` to
``append`` the batches of the writer, each within its transaction, ``commit`` all of a group's
transaction, ``unlink`` a content file without references, ``sweep`` the look for such at the
start, ``answer`` what a client is told.

Those of the relay, in the order of a message's way: ``relay`` is all of an attempt, ``find`` the
look-up of hosts, ``connect`` the connection, ``greeting`` EHLO, behind the greeting; ``begin`` the
envelope as it leaves, ``mail`` and ``rcpt`` its answers, ``content`` a slice that leaves, ``given``
the sending of all of it, ``answered`` its answer, ``delivered`` an LMTP one; ``report`` the writing
of a DSN, ``ending`` the outcome on its way to ``settle`` and its ``commit``, ``told`` what follows.
"""

VICTIMS: dict[str, Callable[[Sequence[Any]], Iterable[Any]]] = {
    "relay": lambda given: given[1].recipients,
    "begin": lambda given: given[2],
    "mail": lambda given: given[0]._transaction.asked,
    "rcpt": lambda given: given[0]._transaction.asked,
    "content": lambda given: given[0]._transaction.accepted,
    "given": lambda given: given[2]._recipients,
    "answered": lambda given: given[0]._transaction.accepted,
    "delivered": lambda given: given[0]._transaction.accepted,
    "report": lambda given: [each.recipient for each in given[1].recipients],
    "ending": lambda given: [each.recipient for each in given[1].settlement.claim.recipients],
    "told": lambda given: [each.recipient for each in given[1].settlement.claim.recipients],
}
"""Whom the call is about, by its positional arguments: told with the kill."""


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

    def begin(given: Sequence[Any]) -> tuple[bool, str]:
        nonlocal calls
        calls += 1
        strikes = calls >= fault.call and (not fault.last or calls <= fault.last)
        victims = _victims(fault, given) if strikes else ""
        if strikes and fault.when == "before":
            _do(fault, victims)
        if strikes and fault.when == "during":
            threading.Thread(target=_later, args=[fault], daemon=True).start()
        return strikes and fault.when == "after", victims

    @functools.wraps(inner)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        strikes, victims = begin(arguments)
        result = inner(*arguments, **named)
        if strikes:
            _do(fault, victims)
        return result

    @functools.wraps(inner)
    async def waiting(*arguments: Any, **named: Any) -> Any:
        strikes, victims = begin(arguments)
        result = await inner(*arguments, **named)
        if strikes:
            _do(fault, victims)
        return result

    return waiting if inspect.iscoroutinefunction(inner) else wrapper


def _victims(fault: Fault, given: Sequence[Any]) -> str:
    found = VICTIMS.get(fault.place)
    return "" if found is None else " ".join(map(str, found(given)))


def _later(fault: Fault) -> None:
    time.sleep(fault.seconds)
    _do(fault, "")


def _do(fault: Fault, victims: str) -> None:
    match fault.what:
        case "kill":
            os.write(2, f"killed: {fault} | {victims}\n".encode())
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
