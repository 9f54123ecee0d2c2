"""
What IMAP writes of a message, made when it is appended.

The columns are NULL for messages of earlier releases: what is in them is made of the structure
when it is asked for.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pymta_letters", sa.Column("imap_envelope", sa.LargeBinary))
    op.add_column("pymta_letters", sa.Column("imap_structure", sa.LargeBinary))
    op.add_column("pymta_letters", sa.Column("preview", sa.Text))
