"""
Rights, annotations, and limits of single mailboxes.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# As pymta.store._flags has it.
DELETED = 8


def upgrade() -> None:
    op.add_column("pymta_mail_stores", sa.Column("max_mailboxes", sa.BigInteger))
    # Nodes of the release before know nothing of it, and say nothing.
    zero = sa.text("0")
    op.add_column(
        "pymta_mailboxes",
        sa.Column("deleted_size", sa.BigInteger, nullable=False, server_default=zero),
    )
    for name in ("max_octets", "max_messages", "append_limit"):
        op.add_column("pymta_mailboxes", sa.Column(name, sa.BigInteger))
    op.execute(
        "UPDATE pymta_mailboxes SET deleted_size = COALESCE((SELECT SUM(m.size) "  # noqa: S608  our own number
        "FROM pymta_messages AS m WHERE m.mailbox = pymta_mailboxes.id "
        f"AND m.flags & {DELETED} <> 0), 0) WHERE deleted > 0"
    )
    op.create_table(
        "pymta_mailbox_rights",
        sa.Column("mailbox", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("identifier", sa.Text, primary_key=True),
        sa.Column("rights", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "pymta_mailbox_rights_identifier", "pymta_mailbox_rights", ["identifier", "mailbox"]
    )
    op.create_table(
        "pymta_annotations",
        sa.Column("store", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("mailbox", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("who", sa.Text, primary_key=True),
        sa.Column("entry", sa.Text, primary_key=True),
        sa.Column("value", sa.LargeBinary),
        sa.Column("modseq", sa.BigInteger, nullable=False),
    )
    op.create_index("pymta_annotations_modseq", "pymta_annotations", ["store", "modseq"])
