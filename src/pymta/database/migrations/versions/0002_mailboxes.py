"""
Mailboxes.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite makes the key of its own B-tree only of what is called INTEGER.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _accounts()
    _messages()
    _names()
    op.create_table(
        "pymta_mailbox_locks",
        sa.Column("mailbox", KEY, primary_key=True, autoincrement=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "pymta_uid_maps",
        sa.Column("mailbox", KEY, primary_key=True, autoincrement=False),
        sa.Column("modseq", sa.BigInteger, nullable=False),
        sa.Column("uid_next", sa.BigInteger, nullable=False),
        sa.Column("ranges", sa.LargeBinary, nullable=False),
    )


def _accounts() -> None:
    op.create_table(
        "pymta_mail_state",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("uid_validity", sa.BigInteger, nullable=False),
    )
    op.execute("INSERT INTO pymta_mail_state (id, changed, uid_validity) VALUES (1, 0, 0)")
    op.create_table(
        "pymta_mail_stores",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("account", sa.Text, unique=True),
        sa.Column("modseq", sa.BigInteger, nullable=False),
        sa.Column("octets", sa.BigInteger, nullable=False),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.Column("max_octets", sa.BigInteger),
        sa.Column("max_messages", sa.BigInteger),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
    op.create_index("pymta_mail_stores_changed", "pymta_mail_stores", ["changed"])
    op.create_table(
        "pymta_mailboxes",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("store", sa.BigInteger),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("uid_validity", sa.BigInteger, nullable=False),
        sa.Column("uid_next", sa.BigInteger, nullable=False),
        sa.Column("modseq", sa.BigInteger, nullable=False),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.Column("unseen", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("recent", sa.BigInteger, nullable=False),
        sa.Column("tombstones", sa.BigInteger, nullable=False),
        sa.Column("forgotten", sa.BigInteger, nullable=False),
        sa.Column("special_use", sa.Text, nullable=False),
    )
    # Deleted ones have no store, and NULLs do not collide.
    op.create_index("pymta_mailboxes_name", "pymta_mailboxes", ["store", "name"], unique=True)
    op.create_index(
        "pymta_mailboxes_deleted",
        "pymta_mailboxes",
        ["id"],
        sqlite_where=sa.text("store IS NULL"),
        postgresql_where=sa.text("store IS NULL"),
    )


def _messages() -> None:
    op.create_table(
        "pymta_messages",
        sa.Column("mailbox", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("uid", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("modseq", sa.BigInteger, nullable=False),
        sa.Column("arrived", sa.BigInteger, nullable=False),
        sa.Column("flags", sa.Integer, nullable=False),
        sa.Column("keywords", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("internal_date", sa.BigInteger, nullable=False),
        sa.Column("save_date", sa.BigInteger, nullable=False),
        sa.Column("letter", sa.BigInteger, nullable=False),
        sa.Column("unended", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "pymta_messages_unended",
        "pymta_messages",
        ["mailbox", "uid"],
        sqlite_where=sa.text("unended = 1"),
        postgresql_where=sa.text("unended = 1"),
    )
    # With ``arrived``, what happened since a modseq is read from the index alone.
    op.create_index("pymta_messages_modseq", "pymta_messages", ["mailbox", "modseq", "arrived"])
    op.create_table(
        "pymta_letters",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("content", sa.BigInteger, nullable=False),
        sa.Column("prefix", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sa.Column("structure", sa.LargeBinary, nullable=False),
        sa.Column("refs", sa.Integer, nullable=False),
    )
    op.create_table(
        "pymta_tombstones",
        sa.Column("mailbox", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("uid", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("modseq", sa.BigInteger, nullable=False),
        sa.Column("letter", sa.BigInteger),
        sa.Column("since", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("pymta_tombstones_modseq", "pymta_tombstones", ["mailbox", "modseq"])
    op.create_index(
        "pymta_tombstones_since",
        "pymta_tombstones",
        ["since"],
        sqlite_where=sa.text("letter IS NOT NULL"),
        postgresql_where=sa.text("letter IS NOT NULL"),
    )
    op.create_table(
        "pymta_keywords",
        sa.Column("mailbox", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("folded", sa.Text, primary_key=True),
        sa.Column("spelling", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pymta_deliveries",
        sa.Column("delivery", sa.Text, primary_key=True),
        sa.Column("mailbox", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("uid", sa.BigInteger, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("pymta_deliveries_since", "pymta_deliveries", ["since"])


def _names() -> None:
    op.create_table(
        "pymta_subscriptions",
        sa.Column("store", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pymta_mailboxes_gone",
        sa.Column("store", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("modseq", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
