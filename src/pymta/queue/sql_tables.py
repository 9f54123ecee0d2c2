"""
The tables of the queue, as the migrations leave them.

``wake`` is when a recipient may be claimed: its due time, or the end of its lease, or null while
it is held; so one index finds due and abandoned ones alike.  ``rank`` is the priority, negated, so
that ascending is most urgent first; what somebody decided to bounce has a rank of its own, and who
is suspected of having ended a process has another.  A head
is a lane and rank with somebody waiting, and the earliest ``wake`` (or an earlier time: ``claim``
corrects it).  What arrived is a head to be, of an application's own transaction.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, SmallInteger, Table, Text

from pymta.database.tables import METADATA

__all__ = [
    "CLAIMED",
    "DUE",
    "HELD",
    "TRIAL_RANK",
    "VERDICT_RANK",
    "arrivals",
    "heads",
    "mails",
    "recipients",
    "settled",
    "suspended",
]

DUE, CLAIMED, HELD = range(3)

VERDICT_RANK = -1000
"""Before every priority, and past every suspension: no attempt is made for them."""

TRIAL_RANK = 1000
"""
Behind every priority: whose next strike would be the last.  One of them is claimed at a time, so
that whoever ends the process is known, and not everybody who was claimed along with him.
"""

mails = Table(
    "pymta_queue_mails",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("content", BigInteger, nullable=False),
    Column("prefix", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sender", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("reverse_path", Text, nullable=False),
    Column("arrived", BigInteger, nullable=False),
    Column("bounceable", SmallInteger, nullable=False),
    Column("priority", SmallInteger, nullable=False),
)

recipients = Table(
    "pymta_queue_recipients",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("mail", BigInteger, nullable=False),
    Column("id", BigInteger, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("rank", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("wake", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("strikes", SmallInteger, nullable=False),
    Column("warned", SmallInteger, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("owner", Text),
    Column("reply", Text),
    Column("verdict", Text),
    Column("reason", Text),
    Column("pinned", SmallInteger, nullable=False),
)

heads = Table(
    "pymta_queue_heads",
    METADATA,
    Column("lane", Text, primary_key=True),
    Column("rank", SmallInteger, primary_key=True, autoincrement=False),
    Column("due", BigInteger, nullable=False),
)

arrivals = Table(
    "pymta_queue_arrivals",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("lane", Text, nullable=False),
    Column("rank", SmallInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
)

suspended = Table(
    "pymta_queue_suspended",
    METADATA,
    Column("lane", Text, primary_key=True),
    Column("until", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
)

settled = Table(
    "pymta_queue_settled",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("expires", BigInteger, nullable=False),
)
