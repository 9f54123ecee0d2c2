"""
Bringing a database to this release's tables, by Alembic, before anybody uses it.

Revisions are numbered and linear; ``migrations/versions/000N_*.py`` are package data.  No
``alembic.ini`` and no logging configuration: we may live in an application's own process and
database, so the version table has our prefix.
"""

from __future__ import annotations

import re
import threading
from importlib.resources import as_file, files

from sqlalchemy import Connection, column, inspect, select, table

from pymta.errors import Mistake

__all__ = ["VERSION_TABLE", "migrate"]

VERSION_TABLE = "pymta_alembic_version"

# Alembic keeps what it is at work on in its own module: of two databases that are opened at one
# time in one process, one waits.
_ALEMBIC = threading.Lock()

_SCRIPT = re.compile(r"(\d{4})_\w+\.py")


def migrate(connection: Connection) -> None:
    """
    Upgrade to the newest revision, in one transaction; nothing if it is there already.

    :raises Mistake: a later release has been here.
    """
    with connection.begin():
        current, newest = _current(connection), _newest()
        if current == newest:
            return
        if current is not None and current > newest:
            raise Mistake(
                f"the database is at revision {current}, made by a later release; "
                f"this one knows {newest}"
            )
        _upgrade(connection)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version = table(VERSION_TABLE, column("version_num"))
    found: str | None = connection.scalar(select(version.c.version_num))
    return found


def _newest() -> str:
    names = (
        each.name for each in files("pymta.database").joinpath("migrations/versions").iterdir()
    )
    return max(found[1] for name in names if (found := _SCRIPT.fullmatch(name)))


def _upgrade(connection: Connection) -> None:
    # A third of a second of imports, which a start at the newest revision does not need.
    from alembic import command
    from alembic.config import Config

    with _ALEMBIC, as_file(files("pymta.database").joinpath("migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        config.attributes["version_table"] = VERSION_TABLE
        command.upgrade(config, "head")
