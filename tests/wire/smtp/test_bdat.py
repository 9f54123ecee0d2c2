"""
Tests for the BDAT command.
"""

from __future__ import annotations

import pytest

from pymta.wire.smtp.bdat import Chunk, format_bdat, parse_bdat


@pytest.mark.parametrize(
    ("argument", "chunk"),
    [
        ("0", Chunk(0, last=False)),
        ("0 LAST", Chunk(0, last=True)),
        ("1000 last", Chunk(1000, last=True)),
        ("007", Chunk(7, last=False)),
        ("99999999999999999999", Chunk(99999999999999999999, last=False)),
    ],
)
def test_parse(argument: str, chunk: Chunk) -> None:
    """A size in decimal, and LAST in any case."""
    assert chunk == parse_bdat(argument)
    assert chunk == parse_bdat(format_bdat(chunk).removeprefix("BDAT "))


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "LAST",
        "-1",
        "+1",
        "1 FIRST",
        "1 LA\u017fT",
        "1 LAST x",
        "1LAST",
        "0x10",
        "1" * 21,
        "\u0661",
    ],
)
def test_refuses(argument: str) -> None:
    """Anything else does not say how many octets follow."""
    with pytest.raises(ValueError, match="BDAT"):
        parse_bdat(argument)
