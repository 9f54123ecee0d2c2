"""
What decides whether a message came through says no where it should.
"""

from __future__ import annotations

import pytest

from tests.interop.fetched import letter_of
from tests.interop.letters import letter
from tests.interop.reading import is_behind_trace

SENT = letter("dots", "a@elsewhere.test", "b@example.test")
RETURN_PATH = b"Return-Path: <a@elsewhere.test>\r\n"
DELIVERED_TO = b"Delivered-To: b@example.test\r\n"
RECEIVED = b"Received: from x ([127.0.0.1])\r\n\tby y id 1; today\r\n"
TRACE = RETURN_PATH + DELIVERED_TO + RECEIVED


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(TRACE + SENT, True, id="as sent"),
        pytest.param(SENT, False, id="no trace"),
        pytest.param(RETURN_PATH + RECEIVED + SENT, False, id="a trace field is missing"),
        pytest.param(TRACE + RECEIVED + SENT, False, id="one too many"),
        pytest.param(TRACE + b"X-Spam: no\r\n" + SENT, False, id="another field"),
        pytest.param(TRACE + b"\r\n" + SENT, False, id="an empty line"),
        pytest.param(TRACE + SENT + b"\r\n", False, id="one line end too many"),
        pytest.param(TRACE + SENT[:-2], False, id="one too few"),
        pytest.param(TRACE + SENT.replace(b"\r\n", b"\n"), False, id="LF"),
        pytest.param(TRACE + SENT.replace(b"\r\n..\r\n", b"\r\n.\r\n"), False, id="unstuffed"),
        pytest.param(TRACE + SENT.replace(b",\r\n\tfolded", b", folded"), False, id="unfolded"),
    ],
)
def test_is_behind_trace(message: bytes, expected: bool) -> None:
    """
    A message is what was sent, behind exactly our three fields.
    """
    assert expected == is_behind_trace(message, SENT)


@pytest.mark.parametrize(
    ("fetched", "expected"),
    [
        pytest.param(TRACE + SENT, True, id="as read"),
        pytest.param((RECEIVED + TRACE + SENT).replace(b"\r\n", b"\n"), True, id="LF, Received"),
        pytest.param(SENT.replace(b",\r\n\tfolded", b",\n folded"), True, id="folded again"),
        pytest.param(TRACE + SENT[:-3], False, id="body cut off"),
        pytest.param(TRACE + SENT.replace(b"Subject", b"X-Subject"), False, id="field renamed"),
        pytest.param(TRACE + SENT.replace(b"\r\n..\r\n", b"\r\n.\r\n"), False, id="unstuffed"),
        pytest.param(TRACE + SENT + b"\r\n", False, id="one line more"),
    ],
)
def test_letter_of(fetched: bytes, expected: bool) -> None:
    """
    Of what was fetched, trace fields, folding and line ends may differ, and nothing else.
    """
    assert expected == (letter_of(SENT) == letter_of(fetched))
