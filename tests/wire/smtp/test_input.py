"""
Tests for what a client has sent and nobody has looked at yet.
"""

from __future__ import annotations

import pytest

from pymta.errors import RemoteProtocolError
from pymta.wire.smtp.data import Newlines
from pymta.wire.smtp.input import EarlyTalkers, Input

STRICT = Newlines.REFUSE
LAX = Newlines.CANONICALISE


@pytest.mark.parametrize(
    ("newlines", "line", "expected"),
    [
        pytest.param(STRICT, b"NOOP\r\n", b"NOOP", id="CRLF"),
        pytest.param(LAX, b"NOOP\r\n", b"NOOP", id="CRLF, lax"),
        pytest.param(LAX, b"NOOP\n", b"NOOP", id="LF, lax"),
        pytest.param(STRICT, b"NOOP\r\r\n", b"NOOP\r", id="a CR more is of the line"),
        pytest.param(STRICT, b"\r\n", b"", id="empty"),
    ],
)
def test_ends_of_lines(newlines: Newlines, line: bytes, expected: bytes) -> None:
    """CRLF ends a line, and LF alone where that is allowed; nothing else is taken off."""
    assert expected == Input(newlines, EarlyTalkers.REFUSE).without_end(line)


@pytest.mark.parametrize("line", [b"NOOP\n", b"\n", b"NO\rOP\n"])
def test_s01_a_bare_line_feed_ends_nothing(line: bytes) -> None:
    """Where only CRLF may end a line, LF alone is answered for what it is."""
    with pytest.raises(RemoteProtocolError) as caught:
        Input(STRICT, EarlyTalkers.REFUSE).without_end(line)

    assert caught.value.reply is not None
    assert (500, "5.5.2") == (caught.value.reply.code, caught.value.reply.status)


@pytest.mark.parametrize(
    ("early", "octets", "expected"),
    [
        (EarlyTalkers.REFUSE, b"", False),
        (EarlyTalkers.REFUSE, b"E", True),
        (EarlyTalkers.REFUSE, b"EHLO a\r\n", True),
        (EarlyTalkers.ALLOW, b"", False),
        (EarlyTalkers.ALLOW, b"EHLO a\r\n", False),
    ],
)
def test_s07_a_single_octet_is_too_early(
    early: EarlyTalkers, octets: bytes, expected: bool
) -> None:
    """Anything that waits is too early, a part of a line as well; unless nobody minds."""
    waiting = Input(STRICT, early)
    waiting.lines.feed(octets)

    assert expected is waiting.too_early()


def test_what_was_read_is_not_early() -> None:
    """A client that has waited is as good as one that has sent nothing."""
    waiting = Input(STRICT, EarlyTalkers.REFUSE)
    waiting.lines.feed(b"EHLO a\r\nMAIL")
    assert b"EHLO a\r\n" == waiting.lines.next_line(512)
    assert waiting.too_early()
    waiting.lines.clear()

    assert not waiting.too_early()
