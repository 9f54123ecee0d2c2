"""
Which mailbox a session means: until somebody has looked, the one that has the name now, and from
then on the same one, whatever it is called.

So opening asks nothing: the first question finds the mailbox in its own transaction.
"""

from __future__ import annotations

from sqlalchemy import Connection

from pymta.database import direct
from pymta.errors import NoSuchMailbox
from pymta.mailbox import MailboxName
from pymta.store.sql.queries import BOX_NAMED

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

    def find(self, connection: Connection) -> int:
        """
        Its number, for reads; what a write finds may be rolled back, and is kept when it is not.

        :raises NoSuchMailbox: no mailbox has the name.
        """
        if self.number is None:
            row = direct.first(connection, BOX_NAMED, {"store": self.store, "name": self.name})
            if row is None:
                raise NoSuchMailbox(f"no mailbox {self.name}")
            self.number = int(row.id)
        return self.number
