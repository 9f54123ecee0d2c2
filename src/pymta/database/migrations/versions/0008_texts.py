"""
Which letters are not in the index of texts yet.

The index itself is a virtual table, which the store makes when it first writes to it: not every
SQLite has what it takes, and one that is updated later may.  PostgreSQL has no index here yet.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# SQLite makes the key of its own B-tree only of what is called INTEGER.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    op.create_table(
        "pymta_unindexed",
        sa.Column("letter", KEY, primary_key=True, autoincrement=False),
        sa.Column("never", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_table(
        "pymta_text_index",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("indexed", sa.BigInteger, nullable=False),
        sa.Column("stale", sa.BigInteger, nullable=False),
    )
    op.execute("INSERT INTO pymta_text_index (id, indexed, stale) VALUES (1, 0, 0)")
    op.execute("INSERT INTO pymta_unindexed (letter) SELECT id FROM pymta_letters")
    # In the database, so that nobody who writes letters can forget it.
    op.execute(
        "CREATE TRIGGER pymta_letter_came AFTER INSERT ON pymta_letters "
        "BEGIN INSERT INTO pymta_unindexed (letter) VALUES (NEW.id); END"
    )
    op.execute(
        "CREATE TRIGGER pymta_letter_went AFTER DELETE ON pymta_letters BEGIN "
        "UPDATE pymta_text_index SET stale = stale + 1 "
        "WHERE NOT EXISTS (SELECT 1 FROM pymta_unindexed WHERE letter = OLD.id); "
        "DELETE FROM pymta_unindexed WHERE letter = OLD.id; END"
    )
