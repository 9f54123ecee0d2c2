"""
What SORT, THREAD and SEARCH compare of headers, made when a message is appended.

Messages of earlier releases have no row; one is made when somebody sorts or threads their mailbox.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# SQLite makes the key of its own B-tree only of what is called INTEGER.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_KEYS = ("mailbox_from", "mailbox_to", "mailbox_cc", "display_from", "display_to", "subject")
_TEXTS = ("subject_text", "from_text", "to_text", "cc_text", "bcc_text")


def upgrade() -> None:
    op.create_table(
        "pymta_letter_index",
        sa.Column("letter", KEY, primary_key=True, autoincrement=False),
        sa.Column("sent", sa.BigInteger),
        sa.Column("sent_day", sa.Integer),
        *(sa.Column(name, sa.LargeBinary, nullable=False) for name in _KEYS),
        sa.Column("is_reply", sa.Integer, nullable=False),
        sa.Column("message_id", sa.LargeBinary, nullable=False),
        sa.Column("ancestors", sa.LargeBinary, nullable=False),
        *(sa.Column(name, sa.LargeBinary) for name in _TEXTS),
    )
    # In the database, so that nobody who deletes letters can forget it.
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER pymta_letter_left AFTER DELETE ON pymta_letters "
            "BEGIN DELETE FROM pymta_letter_index WHERE letter = OLD.id; END"
        )
    else:
        op.create_foreign_key(
            "pymta_letter_index_letter",
            *("pymta_letter_index", "pymta_letters"),
            *(["letter"], ["id"]),
            ondelete="CASCADE",
        )
