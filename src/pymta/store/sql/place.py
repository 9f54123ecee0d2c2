"""
Which mailbox a session means: until somebody has looked, the one that has the name now, and from
then on the same one, whatever it is called.

So opening asks nothing: the first question finds the mailbox in its own transaction.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from sqlalchemy import Connection, Row

from pymta.database import direct
from pymta.errors import NoSuchMailbox
from pymta.mailbox import MailboxName
from pymta.store.sql.queries import BOX_NAMED
from pymta.store.sql.reading import living

__all__ = ["Place"]


class Place:
    """
    :param store: the number of the account's row.
    :ivar number: of the mailbox's row; None until somebody has looked.
    """

    __slots__ = ("name", "number", "store")

    def __init__(self, store: int, name: MailboxName) -> None:
        self.store = store
        self.name = name
        self.number: int | None = None

    @property
    def key(self) -> Hashable:
        """What it is looked for by."""
        return (self.store, self.name) if self.number is None else self.number

    def find(self, connection: Connection) -> int:
        """
        Its number, for reads; what a write finds may be rolled back, and is kept when it is not.

        :raises NoSuchMailbox: no mailbox has the name.
        """
        if self.number is None:
            self.number = int(self._named(connection).id)
        return self.number

    def row(self, connection: Connection) -> Row[Any]:
        """
        Its row, for reads.

        :raises NoSuchMailbox: no mailbox has the name, or it is gone.
        """
        if self.number is not None:
            return living(connection, self.number)
        row = self._named(connection)
        self.number = int(row.id)
        return row

    def _named(self, connection: Connection) -> Row[Any]:
        which = {"store": self.store, "name": self.name}
        row: Row[Any] | None = direct.first(connection, BOX_NAMED, which)
        if row is None:
            raise NoSuchMailbox(f"no mailbox {self.name}")
        return row
