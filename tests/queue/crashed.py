"""
What a process that was killed has left: all that it said, and nothing besides.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sqlalchemy import func, select

from pymta.database import Database
from pymta.database.tables import contents
from pymta.interfaces.content import octets_of
from pymta.interfaces.queue import QueueEntry, QueueState
from pymta.queue.sql_tables import mails
from pymta.testing.contracts.queue_case import Bench

Said = list[tuple[str, str]]


def die(folder: Path, what: str, number: int, *, url: str = "") -> Said:
    """Let ``crashing`` run until it is killed.  :returns: what it said."""
    script = str(Path(__file__).with_name("crashing.py"))
    ended = subprocess.run(
        [sys.executable, script, str(folder), url, what, str(number)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert -9 == ended.returncode, ended.stderr
    return [(word, id_) for word, id_ in (line.split() for line in ended.stdout.splitlines())]


async def check_kept(database: Database, queue: Bench, said: Said) -> None:
    """All that was said to be kept is there, whole; what was done is done."""
    kept = {id_ for word, id_ in said if word == "kept"}
    done = {id_ for word, id_ in said if word == "done"}
    postponed = {id_ for word, id_ in said if word == "postponed"}
    assert database._sweeping is not None
    await database._sweeping
    recovered = await queue.store.recover("crash")
    entries: dict[str, QueueEntry] = {entry.id: entry for entry in await queue.entries()}

    # In the queue, or its report is: settling and the report are one step.
    for id_ in kept:
        assert (id_ in entries) != (f"R{id_}" in entries), id_
    assert {f"R{id_}" for id_ in done} <= set(entries)
    assert not done & set(entries)
    for id_ in postponed:
        assert 1 == entries[id_].recipients[0].attempts
    for entry in entries.values():
        assert {QueueState.DUE} == {each.state for each in entry.recipients}
        assert _octets(entry.id) == await octets_of(entry.content)
    assert recovered <= len(entries)


async def check_nothing_leaked(database: Database, folder: Path) -> None:
    """No file and no row too many."""
    named = select(contents.c.file).where(contents.c.file.is_not(None))
    files = await database.read(lambda c: set(c.scalars(named).all()))
    assert files == {path.name for path in (folder / "content").iterdir()}
    refs = await database.read(lambda c: c.scalar(select(func.sum(contents.c.refs))))
    count = await database.read(lambda c: c.scalar(select(func.count()).select_from(mails)))
    assert (refs or 0) == count


def _octets(id_: str) -> bytes:
    """What the child wrote."""
    number = int(id_.rpartition("x")[2])
    if id_.startswith("R") and number % 2 == 0:
        return b"report"
    return bytes((3 if number % 3 == 0 else 1) * (32 * 1024 + number))
