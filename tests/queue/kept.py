"""
What a queue's database keeps of contents.
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection, func, select
from twisted.internet.interfaces import IReactorTime

from pymta.aio import sleep
from pymta.database import Database
from pymta.database.tables import contents

__all__ = ["kept_octets"]


async def kept_octets(database: Database, clock: IReactorTime) -> int:
    """Octets in rows and in files."""
    for _ in range(100):
        in_rows, files = await database.read(_kept)
        found = set(os.listdir(database.contents.folder))
        if found == files:
            break
        await sleep(clock, 0.02)  # unlinking and sweeping are nobody's wait
    folder = Path(database.contents.folder)
    return in_rows + sum((folder / name).stat().st_size for name in found)


def _kept(connection: Connection) -> tuple[int, set[str]]:
    octets = connection.scalar(select(func.coalesce(func.sum(func.length(contents.c.octets)), 0)))
    files = select(contents.c.file).where(contents.c.file.is_not(None))
    return int(octets or 0), set(connection.scalars(files).all())
