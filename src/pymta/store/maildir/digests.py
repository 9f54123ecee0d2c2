"""
What was computed of messages, as it is kept: a row each, what is short in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymta.message.index import TEXTS, IndexEntry
from pymta.store._digest import Digest

__all__ = ["COLUMNS", "ENTRY", "INSERT_DIGEST", "SCHEMA", "digest_columns", "entry_of"]

_KEYS = (
    *("sent", "sent_day", "from_", "to_", "cc", "display_from", "display_to", "subject"),
    *("is_reply", "message_id", "refs"),
)
_TEXTS = tuple(f"text_{name}" for name in TEXTS)
_OTHERS = ("imap_envelope", "envelope", "preview", "imap_structure", "structure")

ENTRY = ", ".join(f"d.{name}" for name in (*_KEYS, *_TEXTS))
"""Columns for :func:`entry_of`, of a table that is called ``d``."""

COLUMNS = ", ".join(("unended", *_KEYS, *_TEXTS, *_OTHERS))
"""All but the message's number."""

_MARKS = ", ".join("?" * (COLUMNS.count(",") + 3))
INSERT_DIGEST = f"INSERT INTO digests VALUES ({_MARKS})"  # noqa: S608  question marks

SCHEMA = f"""
CREATE TABLE digests (
    box INTEGER NOT NULL, uid INTEGER NOT NULL, {COLUMNS}, PRIMARY KEY (box, uid)) WITHOUT ROWID;
CREATE INDEX digests_unended ON digests (box, uid) WHERE unended;
"""


def digest_columns(digest: Digest) -> tuple[Any, ...]:
    """The values of :data:`COLUMNS`; a structure that is the envelope is kept once."""
    entry = digest.index
    return (
        digest.unended,
        *(entry.sent, entry.sent_day, entry.from_, entry.to, entry.cc),
        *(entry.display_from, entry.display_to, entry.subject),
        *(entry.is_reply, entry.message_id, entry.references),
        *entry.texts,
        *(digest.imap_envelope, digest.envelope, digest.preview, digest.imap_structure),
        None if digest.structure == digest.envelope else digest.structure,
    )


def entry_of(row: Sequence[Any]) -> IndexEntry:
    """What SORT, THREAD and SEARCH compare.  :param row: of :data:`ENTRY`."""
    sent, sent_day, from_, to, cc, display_from, display_to, subject, is_reply, *rest = row
    message_id, references, *texts = rest
    return IndexEntry(
        sent=sent,
        sent_day=sent_day,
        from_=from_,
        to=to,
        cc=cc,
        display_from=display_from,
        display_to=display_to,
        subject=subject,
        is_reply=bool(is_reply),
        message_id=message_id,
        references=references,
        texts=tuple(texts),
    )
