"""
A database of an earlier release, with mail in it, gets the columns of sharing and limits (D08).
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from pymta.database import migrations
from pymta.database.migrate import VERSION_TABLE, migrate
from pymta.database.sqlite import SQLite


def test_deleted_sizes_are_counted_once(tmp_path: Path) -> None:
    """What is marked deleted is summed by the migration; nothing else is limited or shared."""
    connection = SQLite(str(tmp_path / "pymta.db")).writer()
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__path__[0])))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    with connection.begin():
        command.upgrade(config, "0005")
        for number, deleted in ((1, 2), (2, 0)):
            connection.execute(
                text(
                    "INSERT INTO pymta_mailboxes (id, store, name, uid_validity, uid_next, modseq,"
                    " messages, unseen, deleted, size, recent, tombstones, forgotten, special_use)"
                    f" VALUES ({number}, 1, 'm{number}', 1, 4, 9, 3, 0, {deleted},"
                    " 111, 1, 0, 0, '')"
                )
            )
            for uid, (size, flags) in enumerate([(1, 8), (10, 1), (100, 9)], 1):
                flags = flags if deleted else 0
                connection.execute(
                    text(
                        "INSERT INTO pymta_messages (mailbox, uid, modseq, arrived, flags,"
                        " keywords, size, internal_date, save_date, letter, unended)"
                        f" VALUES ({number}, {uid}, 1, 1, {flags}, '', {size}, 0, 0, 1, 0)"
                    )
                )
    migrate(connection)
    columns = "deleted_size, max_octets, max_messages, append_limit"
    rows = connection.execute(text(f"SELECT {columns} FROM pymta_mailboxes ORDER BY id")).all()
    connection.close()

    assert [(101, None, None, None), (0, None, None, None)] == [tuple(row) for row in rows]
