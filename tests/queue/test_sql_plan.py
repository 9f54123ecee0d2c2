"""
What a claim costs grows with what it takes, not with what waits (D07): by index, every step.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.dialects import sqlite

from pymta.queue import sql_claim, sql_settle

STATEMENTS = {
    "ranks": sql_claim._RANKS,
    "lanes": sql_claim._LANES,
    "chosen": sql_claim._CHOSEN.sqlite,
    "claim": sql_claim._CLAIM,
    "behead": sql_claim._BEHEAD,
    "correct": sql_claim._CORRECT,
    "recover": sql_claim._RECOVER,
    "look": sql_settle._LOOK.sqlite,
    "release": sql_settle._RELEASE,
    "gone": sql_settle._LAST.found.sqlite,
    "last": sql_settle._LAST.sqlite,
    "forget": sql_settle._FORGET,
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_d07_by_index(queue_template: Path, name: str) -> None:
    """No statement of claiming and settling reads a whole table."""
    compiled = STATEMENTS[name].compile(dialect=sqlite.dialect(paramstyle="named"))
    values: dict[str, Any] = {key: value or 1 for key, value in compiled.params.items()}
    for key in values.keys() & {"lanes", "without", "numbers", "mails", "claimed"}:
        values[key] = "[]"
    with create_engine(f"sqlite:///{queue_template / 'pymta.db'}").connect() as connection:
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {compiled}"), values).all()
    scans = [row[3] for row in plan if row[3].startswith("SCAN pymta")]

    assert [] == scans
    assert any("SEARCH" in row[3] for row in plan)
