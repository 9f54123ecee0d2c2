"""
What applications enlist beside a writer; and PostgreSQL reads no more than it is asked for.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# SQLite makes the key of its own B-tree only of what is called INTEGER.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "pymta_queue_arrivals",
        sa.Column("number", KEY, primary_key=True, autoincrement=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("rank", sa.SmallInteger, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        # The number is in every index of SQLite's.  Without it a lane is sorted for each claim.
        op.drop_index("pymta_queue_recipients_lane", "pymta_queue_recipients")
        op.create_index(
            "pymta_queue_recipients_lane",
            "pymta_queue_recipients",
            ["lane", "rank", "wake", "number"],
        )
        # Compressed, all of it would be unpacked for each 64 KiB that are asked for.
        op.execute("ALTER TABLE pymta_contents ALTER COLUMN octets SET STORAGE EXTERNAL")
