"""
Tests for replies on their way out.
"""

from __future__ import annotations

import pytest

from pymta.reply import Reply
from pymta.session import Role
from pymta.wire.smtp.output import Output, encode_reply


@pytest.mark.parametrize(
    ("status", "lines", "encoding", "expected"),
    [
        pytest.param("2.0.0", ["OK"], "ascii", b"250 2.0.0 OK\r\n", id="status"),
        pytest.param("", ["OK"], "ascii", b"250 OK\r\n", id="none"),
        pytest.param("", [""], "ascii", b"250 \r\n", id="empty"),
        pytest.param(
            "2.0.0", ["a", "b"], "ascii", b"250-2.0.0 a\r\n250 2.0.0 b\r\n", id="two lines"
        ),
        pytest.param("", ["f\u00fcr"], "ascii", b"250 f?r\r\n", id="not in ASCII"),
        pytest.param("", ["f\u00fcr"], "utf-8", "250 f\u00fcr\r\n".encode(), id="UTF-8"),
        pytest.param(
            "",
            ["a" * 481],
            "ascii",
            b"250-" + b"a" * 480 + b"\r\n250 a\r\n",
            id="long",
        ),
    ],
)
def test_encode(status: str, lines: list[str], encoding: str, expected: bytes) -> None:
    """The status stands in each line (RFC 2034), and no line is longer than 512 octets."""
    assert expected == encode_reply(250, status, lines, encoding)


def test_no_line_is_longer_than_512_octets() -> None:
    """Also not where characters take four octets each."""
    for line in encode_reply(550, "5.123.123", ["\U0001f600" * 999], "utf-8").splitlines(True):
        assert len(line) <= 512


def test_status_needs_its_extension() -> None:
    """Without ENHANCEDSTATUSCODES no status is written."""
    output = Output("mx.example", Role.SMTP, ["SIZE"])
    output.write(Reply(550, "5.1.1", "No"), "ascii")
    output.write_challenge(b"")

    assert b"550 No\r\n334 \r\n" == output.take()
    assert b"" == output.take()


def test_greeting() -> None:
    """The greeting begins with the host name, and says which protocol this is."""
    assert "mx.example ESMTP" == Output("mx.example", Role.SUBMISSION, []).greeting().text
    assert "mx.example LMTP" == Output("mx.example", Role.LMTP, []).greeting().text
