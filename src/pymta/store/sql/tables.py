"""
The tables, as revisions 0002 and 0005 of :mod:`pymta.database.migrations` make them.

The columns stand in the order in which rows are written.  Messages are narrow, so that looking at
all of a mailbox is reading few pages; what is wide of them is in ``letters``.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text

from pymta.database.tables import METADATA

__all__ = [
    "deliveries",
    "gone",
    "keywords",
    "letters",
    "locks",
    "mailboxes",
    "messages",
    "notes",
    "rights",
    "state",
    "stores",
    "subscriptions",
    "tombstones",
    "uid_maps",
]

state = Table(
    "pymta_mail_state",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("changed", BigInteger, nullable=False),
    Column("uid_validity", BigInteger, nullable=False),
)
"""One row: the number of the last change of all, and the last UIDVALIDITY that was given."""

stores = Table(
    "pymta_mail_stores",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("account", Text),
    Column("modseq", BigInteger, nullable=False),
    Column("octets", BigInteger, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("max_octets", BigInteger),
    Column("max_messages", BigInteger),
    Column("changed", BigInteger, nullable=False),
    Column("max_mailboxes", BigInteger),
)
"""``account`` is NULL once it is removed; the row stays, so that whoever watches it finds out."""

mailboxes = Table(
    "pymta_mailboxes",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("store", BigInteger),
    Column("name", Text, nullable=False),
    Column("uid_validity", BigInteger, nullable=False),
    Column("uid_next", BigInteger, nullable=False),
    Column("modseq", BigInteger, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("unseen", BigInteger, nullable=False),
    Column("deleted", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("recent", BigInteger, nullable=False),
    Column("tombstones", BigInteger, nullable=False),
    Column("forgotten", BigInteger, nullable=False),
    Column("special_use", Text, nullable=False),
    Column("deleted_size", BigInteger, nullable=False),
    Column("max_octets", BigInteger),
    Column("max_messages", BigInteger),
    Column("append_limit", BigInteger),
)
"""``store`` is NULL once it is deleted; ``forgotten``: tombstones up to this modseq may lack."""

messages = Table(
    "pymta_messages",
    METADATA,
    Column("mailbox", BigInteger, primary_key=True, autoincrement=False),
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("modseq", BigInteger, nullable=False),
    Column("arrived", BigInteger, nullable=False),
    Column("flags", Integer, nullable=False),
    Column("keywords", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("internal_date", BigInteger, nullable=False),
    Column("save_date", BigInteger, nullable=False),
    Column("letter", BigInteger, nullable=False),
    Column("unended", Integer, nullable=False),
)
"""
``arrived``: the modseq with which it came; ``keywords``: sorted, parted by spaces; ``unended``: 1
where the last line lacks its CRLF.
"""

letters = Table(
    "pymta_letters",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("content", BigInteger, nullable=False),
    Column("prefix", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("structure", LargeBinary, nullable=False),
    Column("refs", Integer, nullable=False),
    Column("imap_envelope", LargeBinary),
    Column("imap_structure", LargeBinary),
    Column("preview", Text),
)
"""``imap_…`` and ``preview``: as IMAP writes them; NULL where an earlier release appended it."""

tombstones = Table(
    "pymta_tombstones",
    METADATA,
    Column("mailbox", BigInteger, primary_key=True, autoincrement=False),
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("modseq", BigInteger, nullable=False),
    Column("letter", BigInteger),
    Column("since", BigInteger, nullable=False),
)
"""``letter`` is NULL once the octets may go."""

keywords = Table(
    "pymta_keywords",
    METADATA,
    Column("mailbox", BigInteger, primary_key=True, autoincrement=False),
    Column("folded", Text, primary_key=True),
    Column("spelling", Text, nullable=False),
)

deliveries = Table(
    "pymta_deliveries",
    METADATA,
    Column("delivery", Text, primary_key=True),
    Column("mailbox", BigInteger, primary_key=True, autoincrement=False),
    Column("uid", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
)

subscriptions = Table(
    "pymta_subscriptions",
    METADATA,
    Column("store", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
)

gone = Table(
    "pymta_mailboxes_gone",
    METADATA,
    Column("store", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("modseq", BigInteger, nullable=False),
)
"""Names that lost their mailbox, or changed without having one."""

rights = Table(
    "pymta_mailbox_rights",
    METADATA,
    Column("mailbox", BigInteger, primary_key=True, autoincrement=False),
    Column("identifier", Text, primary_key=True),
    Column("rights", Text, nullable=False),
)
"""Access control lists, without the owner, who has all rights."""

notes = Table(
    "pymta_annotations",
    METADATA,
    Column("store", BigInteger, primary_key=True, autoincrement=False),
    Column("mailbox", BigInteger, primary_key=True, autoincrement=False),
    Column("who", Text, primary_key=True),
    Column("entry", Text, primary_key=True),
    Column("value", LargeBinary),
    Column("modseq", BigInteger, nullable=False),
)
"""
``mailbox`` is 0 for those of the server; ``who`` is empty for shared ones; ``value`` is NULL once
it was removed.
"""

locks = Table(
    "pymta_mailbox_locks",
    METADATA,
    Column("mailbox", BigInteger, primary_key=True, autoincrement=False),
    Column("owner", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
)

uid_maps = Table(
    "pymta_uid_maps",
    METADATA,
    Column("mailbox", BigInteger, primary_key=True, autoincrement=False),
    Column("modseq", BigInteger, nullable=False),
    Column("uid_next", BigInteger, nullable=False),
    Column("ranges", LargeBinary, nullable=False),
)
"""All UIDs of a large mailbox at some moment, from which a snapshot takes its start."""
