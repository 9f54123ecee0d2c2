"""
A group is what comes within three turns of the reactor.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from pytest_twisted import ensureDeferred
from sqlalchemy import Connection
from twisted.internet import reactor

from pymta.aio import gather, sleep
from pymta.database import Database, writer


def _nothing(connection: Connection, entries: Sequence[int]) -> list[int]:
    return list(entries)


@ensureDeferred
async def test_entries_of_two_turns_share_a_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients that were answered together do not come again in one turn, but in the next few."""
    groups: list[int] = []
    transact = writer._transact

    def counted(connection: Connection, group: Sequence[Any]) -> Any:
        groups.append(len(group))
        return transact(connection, group)

    database = Database(cast("Any", reactor), str(tmp_path / "store"))
    await database.open()
    monkeypatch.setattr(writer, "_transact", counted)
    first = database.write(_nothing, 1)
    await sleep(cast("Any", reactor), 0)
    second = database.write(_nothing, 2)
    assert [1, 2] == await gather([first, second])
    assert [2] == groups

    assert 3 == await database.write(_nothing, 3)  # alone, and waits for nobody
    await database.close()
    assert [2, 1] == groups
