"""
Tests for seeing that a message goes round.
"""

from __future__ import annotations

import pytest

from pymta.address import Address
from pymta.interfaces.content import SLICE, Cut, IContent, Joined, Octets
from pymta.queue.loops import goes_round
from tests.queue.house import House

BOB = Address("bob", "example.test")
FIELD = b"Delivered-To: bob@example.test\r\n"
SUBJECT = b"Subject: x\r\n"
FILLER = b"X-Filler: " + b"x" * 60 + b"\r\n"

CONTENTS = [
    pytest.param(Octets(FIELD + SUBJECT + b"\r\nbody"), True, id="first field"),
    pytest.param(Octets(SUBJECT + FIELD + b"\r\nbody"), True, id="later field"),
    pytest.param(Octets(SUBJECT + FIELD), True, id="header without an end"),
    pytest.param(Octets(b"delivered-TO:BOB@Example.TEST\n\n"), True, id="other case, bare LF"),
    pytest.param(Octets(SUBJECT + b"\r\n" + FIELD), False, id="in the body"),
    pytest.param(Octets(b"Delivered-To: eve@example.test\r\n\r\n"), False, id="somebody else"),
    pytest.param(Octets(b"X-Delivered-To: bob@example.test\r\n\r\n"), False, id="another name"),
    pytest.param(Octets(b""), False, id="empty"),
    pytest.param(Octets(b"\r\n" + FIELD), False, id="no header"),
    pytest.param(Joined(Octets(FIELD), Octets(b"\r\nbody")), True, id="in a prefix"),
    pytest.param(Octets(FILLER * 2000 + FIELD + b"\r\n"), False, id="more fields than allowed"),
    pytest.param(
        Octets((b"X: " + b"y" * 900 + b"\r\n") * 200 + FIELD + b"\r\n"), True, id="third slice"
    ),
    pytest.param(
        Octets((b"X: " + b"y" * 900 + b"\r\n") * 200 + b"\r\n" + FIELD), False, id="long, without"
    ),
    pytest.param(
        Octets(b"\r\n" + b"z" * 2 * SLICE + FIELD), False, id="long body that looks like it"
    ),
]


@pytest.mark.parametrize(("content", "expected"), CONTENTS)
def test_a_delivered_to_field_of_that_address_is_seen(content: IContent, expected: bool) -> None:
    """In the header, and nowhere else."""
    assert expected == House().do(goes_round(content, BOB))


def test_any_cut_of_a_content_is_read_alike() -> None:
    """What is in front of it does not matter."""
    whole = Octets(b"garbage" + FIELD + SUBJECT + b"\r\n")
    assert House().do(goes_round(Cut(whole, 7, whole.size), BOB))
