"""
Contents, and the queue.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite makes the key of its own B-tree only of what is called INTEGER.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "pymta_contents",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("octets", sa.LargeBinary),
        sa.Column("file", sa.Text),
        sa.Column("refs", sa.Integer, nullable=False),
    )
    op.create_index(
        "pymta_contents_file",
        "pymta_contents",
        ["file"],
        sqlite_where=sa.text("file IS NOT NULL"),
        postgresql_where=sa.text("file IS NOT NULL"),
    )
    op.create_table(
        "pymta_reserve",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("room", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "pymta_queue_mails",
        sa.Column("number", KEY, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("content", sa.BigInteger, nullable=False),
        sa.Column("prefix", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("reverse_path", sa.Text, nullable=False),
        sa.Column("arrived", sa.BigInteger, nullable=False),
        sa.Column("bounceable", sa.SmallInteger, nullable=False),
        sa.Column("priority", sa.SmallInteger, nullable=False),
    )
    op.create_table(
        "pymta_queue_recipients",
        sa.Column("number", KEY, primary_key=True, autoincrement=False),
        sa.Column("mail", sa.BigInteger, nullable=False),
        sa.Column("id", sa.BigInteger, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("rank", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("wake", sa.BigInteger),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("strikes", sa.SmallInteger, nullable=False),
        sa.Column("warned", sa.SmallInteger, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("reply", sa.Text),
        sa.Column("verdict", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("pinned", sa.SmallInteger, nullable=False),
    )
    op.create_index(
        "pymta_queue_recipients_mail", "pymta_queue_recipients", ["mail", "id"], unique=True
    )
    op.create_index(
        "pymta_queue_recipients_lane", "pymta_queue_recipients", ["lane", "rank", "wake"]
    )
    op.create_index(
        "pymta_queue_recipients_owner",
        "pymta_queue_recipients",
        ["owner"],
        sqlite_where=sa.text("owner IS NOT NULL"),
        postgresql_where=sa.text("owner IS NOT NULL"),
    )
    op.create_table(
        "pymta_queue_heads",
        sa.Column("lane", sa.Text, primary_key=True),
        sa.Column("rank", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("pymta_queue_heads_due", "pymta_queue_heads", ["rank", "due"])
    op.create_table(
        "pymta_queue_suspended",
        sa.Column("lane", sa.Text, primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pymta_queue_settled",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("pymta_queue_settled_expires", "pymta_queue_settled", ["expires"])
