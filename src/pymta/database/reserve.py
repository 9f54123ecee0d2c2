"""
Room kept for the day the disk is full: settling must go on when taking cannot.

A blob in the database, whose pages are free as soon as it is deleted, and a file beside it, whose
blocks the log can have.  Both are let go at the first "no room", and taken again before anything
but settling is let in.  It is one for all processes on the folder: whoever sees that it was let go
lets nothing else in either.
"""

from __future__ import annotations

import os

from sqlalchemy import BigInteger, Column, Connection, LargeBinary, Table, delete, func, select

from pymta.database import direct
from pymta.database.location import make_private_file
from pymta.database.tables import METADATA

__all__ = ["Reserve"]

_PAGES_OCTETS = 1024 * 1024
_LOG_OCTETS = 8 * 1024 * 1024
"""A group of 256 settlements that touches five pages each, and some more."""

_table = Table(
    "pymta_reserve",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("room", LargeBinary, nullable=False),
)
_THERE = select(func.count()).select_from(_table)


class Reserve:
    """:param path: of the file.  All methods block, in the writer's thread."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def fill(self, connection: Connection) -> None:
        """
        Take the room, if it is not taken.

        :raises OSError: :raises sqlalchemy.exc.SQLAlchemyError: there is none.
        """
        with connection.begin():
            if not connection.scalar(_THERE):
                values = _table.insert().values(id=1, room=func.zeroblob(_PAGES_OCTETS))
                connection.execute(values)
        make_private_file(self._path)
        fd = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.fstat(fd).st_size < _LOG_OCTETS:
                os.posix_fallocate(fd, 0, _LOG_OCTETS)
        finally:
            os.close(fd)

    def is_there(self, connection: Connection) -> bool:
        """Whether nobody has let it go; waits for nobody who writes."""
        [(count,)] = direct.tuples(connection, _THERE, {})
        return bool(count)

    def release(self, connection: Connection) -> None:
        """Let it go."""
        try:
            os.truncate(self._path, 0)
        except FileNotFoundError:
            pass
        with connection.begin():
            connection.execute(delete(_table))
