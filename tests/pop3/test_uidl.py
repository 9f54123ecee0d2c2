"""
Tests for the formats of unique ids.
"""

from __future__ import annotations

import pytest

from pymta.mailbox import UID, UIDValidity
from pymta.pop3.uidl import COURIER, CYRUS, DOVECOT, PLAIN, UIDLFormat, check_format, template
from tests.pop3.house import ONE, TWO, House, lines

VALIDITY, MESSAGE = UIDValidity(1_700_000_000), UID(26)


@pytest.mark.parametrize(
    ("unique_id", "expected"),
    [
        pytest.param(PLAIN, "1700000000.26", id="plain"),
        pytest.param(CYRUS, "1700000000.26", id="Cyrus"),
        pytest.param(COURIER, "UID26-1700000000", id="Courier"),
        pytest.param(DOVECOT, "0000001a6553f100", id="Dovecot"),
        pytest.param(template("%08Xu%08Xv"), "0000001a6553f100", id="Dovecot's notation"),
        pytest.param(template("%v{%%}%05u"), "1700000000{%}00026", id="literals"),
        pytest.param(lambda v, u: f"{u}/{v}", "26/1700000000", id="a function"),
    ],
)
def test_formats(unique_id: UIDLFormat, expected: str) -> None:
    """Each writes the ids of the server that it is named for."""
    check_format(unique_id)

    assert expected == unique_id(VALIDITY, MESSAGE)


@pytest.mark.parametrize(
    "text",
    ["", "%u", "%v", "constant", "%v.%g", "%v.%u%", "%u %v", "%99u%v", "é%u.%v", "%u\r\n%v"],
)
def test_templates_that_are_none(text: str) -> None:
    """Unknown variables, ids that are not unique, too long, or not printable are refused."""
    with pytest.raises(ValueError, match="unique id"):
        template(text)


def test_a_function_that_gives_no_ids() -> None:
    """A listener is not made with it."""
    with pytest.raises(ValueError, match="unique id"):
        House(uidl=lambda validity, uid: "x" * 71)


def test_the_format_is_used() -> None:
    """By both forms of UIDL."""
    house = House(uidl=lambda validity, uid: f"msg-{uid}-{validity}")
    house.put(ONE, TWO)
    player = house.logged_in()
    listed = lines(player.say(b"UIDL\r\n"))

    assert ["1 msg-1-", "2 msg-2-"] == [line[:8] for line in listed]
    assert f"+OK {listed[1]}\r\n" == player.line("UIDL 2")
