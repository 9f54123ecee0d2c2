"""
Accounts, and shared state.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# SQLite makes the key of its own B-tree only of what is called INTEGER.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "pymta_accounts",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("scram_sha_256", sa.Text),
        sa.Column("scram_sha_1", sa.Text),
        sa.Column("disabled", sa.SmallInteger, nullable=False),
        sa.Column("made", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
    op.create_index("pymta_accounts_domain", "pymta_accounts", ["domain"])
    op.create_table(
        "pymta_account_addresses",
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
    )
    op.create_index("pymta_account_addresses_domain", "pymta_account_addresses", ["domain"])
    op.create_index("pymta_account_addresses_account", "pymta_account_addresses", ["account"])
    op.create_table(
        "pymta_account_keys",
        sa.Column("purpose", sa.Text, primary_key=True),
        sa.Column("key", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "pymta_shared",
        sa.Column("number", KEY, primary_key=True, autoincrement=False),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )
    op.create_index("pymta_shared_expires", "pymta_shared", ["expires"])
