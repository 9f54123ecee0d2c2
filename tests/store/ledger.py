"""
Whether a database of mailboxes adds up: counters, references, files.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

__all__ = ["mistakes"]

_COUNTERS = """
SELECT m.name, m.messages, m.unseen, m.deleted, m.size, m.deleted_size, count(x.uid),
    coalesce(sum(x.flags & 1 = 0), 0), coalesce(sum(x.flags & 8 <> 0), 0), coalesce(sum(x.size), 0),
    coalesce(sum(x.size) FILTER (WHERE x.flags & 8 <> 0), 0)
FROM pymta_mailboxes m LEFT JOIN pymta_messages x ON x.mailbox = m.id
WHERE m.store IS NOT NULL GROUP BY m.id
"""
_STORES = """
SELECT s.account, s.messages, s.octets, coalesce(sum(m.messages), 0), coalesce(sum(m.size), 0)
FROM pymta_mail_stores s LEFT JOIN pymta_mailboxes m ON m.store = s.id
WHERE s.account IS NOT NULL GROUP BY s.id
"""
_LETTERS = """
SELECT l.id, l.refs, coalesce(used.n, 0) FROM pymta_letters l LEFT JOIN (
    SELECT letter, count(*) n FROM (
        SELECT letter FROM pymta_messages UNION ALL SELECT letter FROM pymta_tombstones
    ) GROUP BY letter
) used ON used.letter = l.id
"""
_LOST = """
SELECT letter FROM pymta_messages WHERE letter NOT IN (SELECT id FROM pymta_letters)
UNION ALL SELECT letter FROM pymta_tombstones
WHERE letter IS NOT NULL AND letter NOT IN (SELECT id FROM pymta_letters)
UNION ALL SELECT content FROM pymta_letters WHERE content NOT IN (SELECT id FROM pymta_contents)
UNION ALL SELECT letter FROM pymta_letter_index WHERE letter NOT IN (SELECT id FROM pymta_letters)
UNION ALL SELECT mailbox FROM pymta_messages WHERE mailbox NOT IN (SELECT id FROM pymta_mailboxes)
UNION ALL SELECT uid FROM pymta_messages JOIN pymta_mailboxes m ON m.id = mailbox
WHERE uid >= uid_next OR pymta_messages.modseq > m.modseq
UNION ALL SELECT m.id FROM pymta_mailboxes m JOIN pymta_mail_stores s ON s.id = m.store
WHERE m.modseq > s.modseq
UNION ALL SELECT mailbox FROM pymta_mailbox_rights WHERE mailbox NOT IN
    (SELECT id FROM pymta_mailboxes WHERE store IS NOT NULL)
UNION ALL SELECT mailbox FROM pymta_annotations WHERE mailbox <> 0 AND mailbox NOT IN
    (SELECT id FROM pymta_mailboxes WHERE store IS NOT NULL)
"""
_CONTENTS = """
SELECT c.id, c.refs, coalesce(used.n, 0) FROM pymta_contents c LEFT JOIN (
    SELECT content, count(*) n FROM pymta_letters GROUP BY content
) used ON used.content = c.id
"""


def mistakes(directory: Path) -> list[str]:
    """
    Whatever does not add up.  Nobody but mailboxes refers to contents there.

    Files that nobody names are no mistake before the next start has swept them.
    """
    database = sqlite3.connect(directory / "pymta.db")
    try:
        return [*_rows(database), *_files(database, directory)]
    finally:
        database.close()


def _rows(database: sqlite3.Connection) -> list[str]:
    wrong = [f"counters {row}" for row in database.execute(_COUNTERS) if row[1:6] != row[6:]]
    wrong += [f"account {row}" for row in database.execute(_STORES) if row[1:3] != row[3:]]
    wrong += [f"letter {row}" for row in database.execute(_LETTERS) if row[1] != row[2]]
    wrong += [f"content {row}" for row in database.execute(_CONTENTS) if row[1] != row[2]]
    wrong += [f"lost {row}" for row in database.execute(_LOST)]
    [(whole,)] = database.execute("PRAGMA integrity_check").fetchall()
    return wrong if whole == "ok" else [*wrong, whole]


def _files(database: sqlite3.Connection, directory: Path) -> list[str]:
    named = database.execute("SELECT file FROM pymta_contents WHERE file IS NOT NULL")
    missing = {name for (name,) in named} - set(os.listdir(directory / "content"))
    return [f"missing {name}" for name in missing]
