"""
Tests for limits: what cannot serve any client is refused, and each figure counts.
"""

from __future__ import annotations

from typing import Any

import pytest

from pymta.wire.imap.lexer import Announced, Input
from pymta.wire.imap.limits import Limits
from pymta.wire.imap.literals import CommandRefused, Intake, Skipped, admission


@pytest.mark.parametrize(
    "values",
    [
        {"line": 8_191},
        {"line_before_login": 999},
        {"command": 65_535},
        {"literal": 300_000},
        {"errors": 0},
        {"commands_before_login": 0},
        {"failed_logins": 0},
        {"slice": 0},
    ],
    ids=str,
)
def test_no_limits(values: dict[str, Any]) -> None:
    """Limits that no client could live with are a mistake of who set them."""
    with pytest.raises(ValueError, match=r"below|short"):
        Limits(**values)


@pytest.mark.parametrize(
    ("words", "size", "welcome"),
    [
        (["LITERAL+"], 2**40, True),
        (["LITERAL-"], 4_096, True),
        (["LITERAL-"], 4_097, False),
        (["IMAP4rev2"], 4_096, True),
        (["IMAP4rev2"], 4_097, False),
        (["IMAP4rev1"], 0, False),
    ],
)
def test_unasked(words: list[str], size: int, welcome: bool) -> None:
    """What may come unasked stands in the capabilities (RFC 7888 section 5, RFC 9051)."""
    admitted = admission(Limits(), stranger=False, words=words)
    admitted.check_unasked(Announced(size))
    if welcome:
        admitted.check_unasked(Announced(size, synchronizing=False))
    else:
        with pytest.raises(CommandRefused):
            admitted.check_unasked(Announced(size, synchronizing=False))


def test_strangers_get_less() -> None:
    """Who is not logged in may send names and passwords."""
    stranger = admission(Limits(), stranger=True, words=[])
    stranger.check(Announced(1_024), 0, 0)
    with pytest.raises(CommandRefused):
        stranger.check(Announced(1_025), 0, 0)
    assert stranger.line < admission(Limits(), stranger=False, words=[]).line


@pytest.mark.parametrize(
    ("rest", "expected", "left"),
    [
        (b"", Skipped.NEED_DATA, b""),
        (b"abc", Skipped.NEED_DATA, b""),
        (b"abcde", Skipped.NEED_DATA, b""),
        (b"abcde\r\nnext", Skipped.ENDED, b"next"),
        (b"abcde {2}\r\nnext", Skipped.ENDED, b"next"),
        (b"abcde {2+}\r\nxy\r\nnext", Skipped.ENDED, b"next"),
        (b"abcde {2+}\r\nxy {1+}\r\nz\r\nnext", Skipped.ENDED, b"next"),
        (b"abcde {4+}\r\n", Skipped.TOO_BIG, b""),
        (b"abcde " + b"x" * 100 + b"\r\nnext", Skipped.ENDED, b"next"),
        (b"abcde " + b"x" * 100 + b" {1+}\r\nz\r\nnext", Skipped.ENDED, b"next"),
    ],
    ids=repr,
)
def test_skipping(rest: bytes, expected: Skipped, left: bytes) -> None:
    """A refused command is read away exactly as far as the client sends it."""
    source = Input()
    intake = Intake(source)
    source.feed(b"a FOO {5+}\r\n" + rest)
    assert b"a FOO " == intake.next_command(20)
    assert expected is intake.skip(20, 8)
    assert left == source.take(100)
