"""
Tests for records that an earlier release wrote.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text
from twisted.internet.epollreactor import EPollReactor

from pymta.database import migrations
from pymta.database.migrate import VERSION_TABLE, migrate
from pymta.database.sqlite import SQLite
from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import NewMessage
from pymta.mailbox import INBOX, UIDSet, Wanted
from tests.store.conftest import Run
from tests.store.house import House

WANTED = (Wanted.IMAP_STRUCTURE, Wanted.SIZE, Wanted.IMAP_ENVELOPE)
MESSAGES = [NewMessage(content=Octets(b"Subject: %d\r\n\r\n%b" % (n, b"x" * n))) for n in range(70)]


def test_records_of_an_earlier_release(
    reactor: EPollReactor, run: Run, template: Callable[[Path], None], tmp_path: Path
) -> None:
    """
    Rows without what IMAP writes say the same as those with it; their preview is not known.
    """
    template(tmp_path)
    house = House(reactor, tmp_path)

    async def put() -> object:
        await house.open()
        inbox = await house.store.mailboxes("a").open(INBOX)
        await inbox.append(MESSAGES)
        rows = await inbox.records(UIDSet(range(1, 71)), WANTED)
        await house.close()
        return rows

    async def get() -> object:
        await house.reopen()
        inbox = await house.store.mailboxes("a").open(INBOX)
        rows = await inbox.records(UIDSet(range(1, 71)), WANTED)
        previews = await inbox.records(UIDSet([1, 2]), [Wanted.PREVIEW])
        await house.close()
        return rows, previews

    written = run(put)
    with sqlite3.connect(tmp_path / "pymta.db") as connection:
        nulls = "imap_envelope = NULL, imap_structure = NULL, preview = NULL"
        connection.execute(f"UPDATE pymta_letters SET {nulls} WHERE id % 2 = 0 OR preview = ''")
    connection.close()
    read, previews = run(get)

    assert 70 == len(read)
    assert written == read
    assert (1, None) == previews[0]


def test_rows_that_were_there_before_the_columns(tmp_path: Path) -> None:
    """
    A database at revision 0004 is upgraded with what is in it (D08).
    """
    connection = SQLite(str(tmp_path / "pymta.db")).writer()
    folder = Path(migrations.__path__[0])
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    with connection.begin():
        command.upgrade(config, "0004")
        connection.execute(
            text(
                "INSERT INTO pymta_letters (id, content, prefix, size, envelope, structure, refs)"
                " VALUES (7, 1, x'', 3, x'31', x'32', 1)"
            )
        )
    migrate(connection)
    columns = "id, structure, refs, imap_envelope, imap_structure, preview"
    [row] = connection.execute(text(f"SELECT {columns} FROM pymta_letters")).all()
    connection.close()

    assert (7, b"2", 1, None, None, None) == tuple(row)
