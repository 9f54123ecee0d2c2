"""
What a claim costs on PostgreSQL grows with what it takes, too (D07): by index, every step.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import psycopg as dialect

from pymta.queue import sql_claim, sql_settle
from tests.postgres import Server

STATEMENTS = {
    "ranks": sql_claim._RANKS,
    "lanes": sql_claim._LANES,
    "chosen": sql_claim._CHOSEN.postgresql,
    "claim": sql_claim._CLAIM,
    "behead": sql_claim._BEHEAD,
    "correct": sql_claim._CORRECT,
    "recover": sql_claim._RECOVER,
    "look": sql_settle._LOOK.postgresql,
    "release": sql_settle._RELEASE,
    "last": sql_settle._LAST.postgresql,
}
FILL = (
    """INSERT INTO pymta_queue_mails
       SELECT n, 'M' || n, n, '', 9, '', '', 'a@b', n, 1, 0 FROM generate_series(1, 20000) n""",
    # Nine of ten to one lane, the rest to a thousand others.
    """INSERT INTO pymta_queue_recipients
       SELECT n, n, 1, '', 'x@y', CASE n % 10 WHEN 0 THEN 'l' || n % 1000 ELSE 'dead' END,
       0, 0, n, n, 0, 0, 0, 0, NULL, NULL, NULL, NULL, 0 FROM generate_series(1, 20000) n""",
    """INSERT INTO pymta_queue_heads
       SELECT lane, rank, min(wake) FROM pymta_queue_recipients GROUP BY lane, rank""",
)
EMPTY = (
    "DELETE FROM pymta_queue_mails",
    "DELETE FROM pymta_queue_recipients",
    "DELETE FROM pymta_queue_heads",
)
ANALYZE = ("ANALYZE pymta_queue_mails, pymta_queue_recipients, pymta_queue_heads",)
KNOWN = {
    "statistics are right": ((*FILL, *ANALYZE), 200),
    # All indexes look alike to a planner that believes in one row, until the server's next look:
    # a lane may be read whole, but not once for each recipient.
    "it was empty when they were made": ((*FILL, *EMPTY, *ANALYZE, *FILL), 3 * 20_000),
}
ASKED: dict[str, Any] = {
    "lanes": json.dumps(["l10", "l20", "dead"]),
    "without": "[]",
    "numbers": json.dumps([10, 11, 12]),
    "mails": json.dumps([10, 11, 12]),
    "claimed": json.dumps([["M10", 1], ["M11", 1]]),
    "rank": 0,
    "this_rank": 0,
    "now": 100_000,
    "limit": 3,
    "per_lane": 20,
    "new_owner": "me",
    "whose": "me",
    "new_until": 1,
    "new_fence": 1,
}


@pytest.mark.parametrize(("known", "most"), KNOWN.values(), ids=KNOWN)
@pytest.mark.parametrize("name", STATEMENTS)
def test_d07_by_index(
    postgres: Server, postgres_database: str, name: str, known: tuple[str, ...], most: int
) -> None:
    """No statement of claiming and settling looks at more than it is about."""
    compiled = STATEMENTS[name].compile(dialect=dialect.dialect())
    values = {key: ASKED.get(key, value) for key, value in compiled.params.items()}
    with postgres.connect(postgres_database) as connection:
        connection.execute("SET LOCAL statement_timeout = '20s'")
        for statement in known:
            connection.execute(statement)
        plan = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}", values).fetchone()
        connection.rollback()
    assert plan is not None

    assert max(map(_looked_at, _nodes(plan[0][0]["Plan"]))) <= most


def _looked_at(node: Any) -> int:
    """Rows, by one step of the plan; of heads there are a hundred."""
    passed_by = sum(count for name, count in node.items() if name.startswith("Rows Removed"))
    looked: int = (node["Actual Rows"] + passed_by) * node["Actual Loops"]
    return looked


def _nodes(plan: Any) -> Any:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)
