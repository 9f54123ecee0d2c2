"""
Names of mailboxes: one spelling each, and what is none.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymta.errors import MailboxError, MailboxExists
from pymta.mailbox import MailboxName
from pymta.store._names import checked, nobody, normal, parents, renamed, sort_key

NORMAL = [
    pytest.param("inbox", "INBOX", id="inbox"),
    pytest.param("InBox/Sub", "INBOX/Sub", id="below inbox"),
    pytest.param("inboxes", "inboxes", id="no inbox"),
    pytest.param("a/inbox", "a/inbox", id="inbox below"),
    pytest.param("cafe\u0301", "caf\u00e9", id="composed"),
    pytest.param("ınbox", "ınbox", id="dotless i is no i"),
    pytest.param("", "", id="empty"),
]


def name(text: str) -> MailboxName:
    """A name."""
    return MailboxName(text)


@pytest.mark.parametrize(("written", "expected"), NORMAL)
def test_normal(written: str, expected: str) -> None:
    """Each name has one spelling."""
    assert expected == normal(written)


@given(st.text(max_size=40))
def test_normal_is_normal(text: str) -> None:
    """Made normal twice is once, and what is checked is normal."""
    once = normal(text)

    assert once == normal(once)
    try:
        assert once == checked(text)
    except ValueError:
        pass


@pytest.mark.parametrize(
    "bad",
    ["", "/", "a/", "/a", "a//b", "a\tb", "\x9f", "\u2029", "\ud800", "x" * 256, "é" * 128],
)
def test_no_name(bad: str) -> None:
    """What cannot be kept is refused."""
    with pytest.raises(ValueError):
        checked(bad)


def test_limits() -> None:
    """As long and as deep as a name may be, and one more."""
    checked("/".join("a" * 32))
    checked("/".join(["a" * 249] * 4))
    for bad in ["/".join("a" * 33), "/".join(["a" * 250] * 4)]:
        with pytest.raises(ValueError):
            checked(bad)


def test_parents() -> None:
    """From the top, without itself."""
    assert ["a", "a/b"] == parents(name("a/b/c"))
    assert [] == parents(name("a"))


def test_renamed() -> None:
    """The level itself first, then those below; its neighbours stay."""
    names = {name(each) for each in ["a", "a/b", "a/b/c", "ab", "b"]}

    assert {"a": "x/y", "a/b": "x/y/b", "a/b/c": "x/y/b/c"} == renamed(
        name("a"), name("x/y"), names
    )


def test_renamed_to_what_is_there() -> None:
    """A level below would get the name of another mailbox, or the level its own parent's place."""
    names = {name(each) for each in ["a", "a/x", "b/x"]}
    with pytest.raises(MailboxExists):
        renamed(name("a"), name("b"), names)
    with pytest.raises(MailboxError):
        renamed(name("a"), name("a/b"), names)


def test_order() -> None:
    """INBOX and what is below it first, levels before what only starts like them."""
    expected = ["INBOX", "INBOX/z", "A", "a", "a/b", "a b"]

    assert expected == sorted(map(name, expected[::-1]), key=sort_key)


def test_nobody() -> None:
    """A name without a mailbox says so."""
    info = nobody(name("a"))

    assert (False, True, "a", 0) == (info.exists, info.subscribed, info.name, info.messages)
