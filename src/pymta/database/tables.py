"""
The table of contents, as the migrations leave it.

Queue, mailboxes and the others describe their own tables in their own rooms, on this metadata.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text

__all__ = ["METADATA", "contents"]

METADATA = MetaData()

contents = Table(
    "pymta_contents",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("octets", LargeBinary),
    Column("file", Text),
    Column("refs", Integer, nullable=False),
)
