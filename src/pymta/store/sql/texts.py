"""
The index of texts: which letters may contain what is sought.

It proposes, and the octets decide: a candidate is read before it counts as found, so that answers
are those of a search without the index, only sooner.  Letters are indexed some time after they
were appended; until then they are candidates of every search, as are those too long for it.

It is SQLite's FTS5 over trigrams, without positions and without the text.  What is deleted stays
in it, and proposes nobody; when there is more of that than of the rest, it is made anew.

===================== ==================================================================
a letter              in the database
===================== ==================================================================
just appended         a row in ``unindexed``, by a trigger in the same commit
indexed               no row there, its trigrams in ``pymta_texts``: one commit
too long              a row there with ``never``
gone                  no row there; its trigrams stay and are counted as ``stale``
===================== ==================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    Connection,
    bindparam,
    column,
    delete,
    func,
    insert,
    select,
    table,
    text,
    update,
)
from sqlalchemy.exc import OperationalError

from pymta.database.dialect import Forms
from pymta.database.rows import among, keys
from pymta.mailbox import UID, UIDSet
from pymta.store.sql.reading import Letter
from pymta.store.sql.tables import letters
from pymta.store.sql.work import Context

__all__ = ["Sought", "Texts", "begin", "behind", "index", "propose", "renew", "waiting"]

_POSSIBLE = Forms(sqlite=True, postgresql=False)

# Only SQLite's database has them.
unindexed = table("pymta_unindexed", column("letter"), column("never"))
text_index = table("pymta_text_index", column("id"), column("indexed"), column("stale"))

LEAST = 3
"""Characters of a trigram: what is shorter cannot be looked up."""

STALE = 10_000
"""So many are not worth making it anew."""

_MOST = 64
"""Trigrams of one key that are looked up: more of them narrow nothing."""

_EXISTS = text("SELECT 1 FROM sqlite_master WHERE name = 'pymta_texts'")
_CREATE = text(
    "CREATE VIRTUAL TABLE IF NOT EXISTS pymta_texts USING fts5"
    "(head, body, content='', detail=column, tokenize='trigram case_sensitive 1')"
)
_DROP = text("DROP TABLE IF EXISTS pymta_texts")
_INSERT = text("INSERT INTO pymta_texts (rowid, head, body) VALUES (:letter, :head, :body)")

_COUNT = update(text_index).values(indexed=text_index.c.indexed + bindparam("more"))
_BEGIN_AGAIN = update(text_index).values(indexed=0, stale=0)
_STALE = select(text_index.c.indexed, text_index.c.stale)
_ALL = insert(unindexed).from_select(
    ["letter", "never"],
    select(letters.c.id, text("0")).where(letters.c.id.not_in(select(unindexed.c.letter))),
)

_LEFT = select(unindexed.c.letter).where(among(unindexed.c.letter, "ids"))
_DONE = delete(unindexed).where(among(unindexed.c.letter, "ids"))
_NEVER = update(unindexed).where(among(unindexed.c.letter, "ids")).values(never=1)

_BEHIND = select(func.max(unindexed.c.letter), func.count()).where(unindexed.c.never == 0)
_WAITING = (
    select(letters.c.id, letters.c.content, letters.c.prefix, letters.c.size, letters.c.structure)
    .join(unindexed, unindexed.c.letter == letters.c.id)
    .where(unindexed.c.never == 0)
    .order_by(letters.c.id)
    .limit(bindparam("limit"))
)
_CANDIDATES = text(
    "SELECT uid FROM pymta_messages WHERE mailbox = :mailbox AND letter IN ("
    "SELECT rowid FROM pymta_texts WHERE pymta_texts MATCH :sought "
    "UNION ALL SELECT letter FROM pymta_unindexed)"
)


@dataclass(frozen=True, slots=True)
class Texts:
    """
    What there is to be found in a letter, casemapped.

    :param head: ``Name: value`` of each field, a line each; None where the text is too long.
    """

    letter: int
    head: str | None
    body: str = ""


@dataclass(frozen=True, slots=True)
class Sought:
    """:param columns: ``head``, ``body`` or ``head body``; :param needle: casemapped."""

    columns: str
    needle: str

    @property
    def match(self) -> str | None:
        """As FTS5 wants it; None where the index cannot help."""
        if len(self.needle) < LEAST or not self.needle.isprintable():
            return None
        found = dict.fromkeys(
            self.needle[at : at + LEAST] for at in range(len(self.needle) - LEAST + 1)
        )
        quoted = ('"' + each.replace('"', '""') + '"' for each in list(found)[:_MOST])
        return f"{{{self.columns}}} : ({' AND '.join(quoted)})"


def begin(connection: Connection, entries: Sequence[None], context: Context) -> list[bool]:
    """Make the index if it is not there.  :returns: whether there is one now."""
    del context
    return [_began(connection) for _ in entries]


def _began(connection: Connection) -> bool:
    if not _POSSIBLE.of(connection):
        return False
    if _is_there(connection):
        return True
    try:
        with connection.begin_nested():
            connection.execute(_CREATE)
    except OperationalError:
        return False  # without FTS5, or with one that knows no trigrams
    return True


def _is_there(connection: Connection) -> bool:
    return _POSSIBLE.of(connection) and connection.scalar(_EXISTS) is not None


def behind(connection: Connection) -> tuple[int, int]:
    """The newest letter that is to be indexed, and how many there are."""
    if not _POSSIBLE.of(connection):
        return 0, 0
    newest, count = connection.execute(_BEHIND).one()
    return newest or 0, count


def waiting(connection: Connection, limit: int) -> list[tuple[int, Letter]]:
    """Letters that are not indexed yet, the oldest first."""
    return [
        (
            row.id,
            Letter(content=row.content, prefix=row.prefix, size=row.size, structure=row.structure),
        )
        for row in connection.execute(_WAITING, {"limit": limit})
    ]


def index(
    connection: Connection, entries: Sequence[Sequence[Texts]], context: Context
) -> list[None]:
    """Index letters; one that was indexed or deleted meanwhile is left out."""
    del context
    for entry in entries:
        ids = keys(each.letter for each in entry)
        left = set(connection.execute(_LEFT, {"ids": ids}).scalars())
        rows = [each for each in entry if each.letter in left]
        known = [each for each in rows if each.head is not None]
        if known:
            connection.execute(
                _INSERT,
                [{"letter": e.letter, "head": e.head, "body": e.body} for e in known],
            )
            connection.execute(_DONE, {"ids": keys(each.letter for each in known)})
            connection.execute(_COUNT, {"more": len(known)})
        if len(known) < len(rows):
            never = keys({each.letter for each in rows} - {each.letter for each in known})
            connection.execute(_NEVER, {"ids": never})
    return [None for _ in entries]


def renew(connection: Connection, entries: Sequence[None], context: Context) -> list[bool]:
    """Begin it again, if most of it is of letters that are gone.  :returns: whether it was."""
    del context
    indexed, stale = connection.execute(_STALE).one()
    due = bool(stale > STALE and stale * 2 > indexed)
    if due:
        connection.execute(_DROP)
        connection.execute(_BEGIN_AGAIN)
        connection.execute(_ALL)
        connection.execute(_CREATE)
    return [due for _ in entries]


def propose(connection: Connection, mailbox: int, wanted: Sequence[Sought]) -> list[UIDSet | None]:
    """Candidates for each; None for those that the index cannot help with, or if there is none."""
    if not _is_there(connection):
        return [None for _ in wanted]
    return [_proposed(connection, mailbox, each.match) for each in wanted]


def _proposed(connection: Connection, mailbox: int, match: str | None) -> UIDSet | None:
    if match is None:
        return None
    which = {"mailbox": mailbox, "sought": match}
    return UIDSet(UID(uid) for uid in connection.execute(_CANDIDATES, which).scalars())
