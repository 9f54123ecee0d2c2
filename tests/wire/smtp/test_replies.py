"""
Tests for reading replies.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.errors import RemoteProtocolError
from pymta.reply import Reply
from pymta.wire.smtp.replies import (
    MAX_LINE,
    MAX_LINES,
    ReplyReader,
    lift_status,
)

REPLIES = [
    pytest.param(b"250 ok\r\n", Reply(250, "", "ok"), id="one line"),
    pytest.param(b"250\r\n", Reply(250, "", ""), id="code alone"),
    pytest.param(b"250 \r\n", Reply(250, "", ""), id="code and space"),
    pytest.param(b"250-a\r\n250-b\r\n250 c\r\n", Reply(250, "", "a\nb\nc"), id="three lines"),
    pytest.param(b"250-a\r\n250\r\n", Reply(250, "", "a\n"), id="last line without text"),
    pytest.param(b"250-\r\n250 \r\n", Reply(250, "", "\n"), id="empty lines"),
    pytest.param(b"250-a\n250 b\n", Reply(250, "", "a\nb"), id="bare LF"),
    pytest.param(b"550 5.1.1 no\r\n", Reply(550, "", "5.1.1 no"), id="status is left in"),
    pytest.param(b"334 \r\n", Reply(334, "", ""), id="challenge"),
    pytest.param(b"299 x\r\n", Reply(299, "", "x"), id="second digit out of range"),
    pytest.param(b"250 a\0b\x1bc\x7fd\r e\tf\r\n", Reply(250, "", "a?b?c?d? e\tf"), id="controls"),
    pytest.param("250 Grüße\r\n".encode(), Reply(250, "", "Grüße"), id="UTF-8"),
    pytest.param(b"250 \xff\r\n", Reply(250, "", "\ufffd"), id="no UTF-8"),
    pytest.param(
        "250 a\x85b\u2028c\u2029d\r\n".encode(), Reply(250, "", "a?b?c?d"), id="line ends"
    ),
    pytest.param(b"250 " + b"x" * 2042 + b"\r\n", Reply(250, "", "x" * 2042), id="longest line"),
    pytest.param(
        b"250-x\r\n" * 99 + b"250 x\r\n", Reply(250, "", "\n".join("x" * 100)), id="most lines"
    ),
]

MALFORMED = [
    pytest.param(b"\r\n", id="empty line"),
    pytest.param(b"25\r\n", id="two digits"),
    pytest.param(b"2500 ok\r\n", id="four digits"),
    pytest.param(b"ok\r\n", id="no code"),
    pytest.param(b"250+ok\r\n", id="other mark"),
    pytest.param(b" 250 ok\r\n", id="space in front"),
    pytest.param(b"150 ok\r\n", id="1xx"),
    pytest.param(b"650 ok\r\n", id="6xx"),
    pytest.param(b"000 ok\r\n", id="zero"),
    pytest.param(b"\xb2\xb3\xb9 ok\r\n", id="digits of Latin-1"),
    pytest.param("٢٥٠ ok\r\n".encode(), id="digits of Arabic"),
    pytest.param(b"250-a\r\n251 b\r\n", id="codes differ"),
    pytest.param(b"250-a\r\nb\r\n", id="second line without code"),
    pytest.param(b"SSH-2.0-OpenSSH\r\n", id="another protocol"),
]


def read(*slices: bytes) -> list[Reply]:
    """All replies in a stream that comes in those slices."""
    reader = ReplyReader()
    replies = []
    for data in slices:
        reader.receive_data(data)
        while (reply := reader.next_reply()) is not None:
            replies.append(reply)
    return replies


@pytest.mark.parametrize(("wire", "reply"), REPLIES)
def test_read_whole(wire: bytes, reply: Reply) -> None:
    """A reply in one slice."""
    assert [reply] == read(wire)


@pytest.mark.parametrize(("wire", "reply"), REPLIES)
def test_read_octet_by_octet(wire: bytes, reply: Reply) -> None:
    """A reply is there with its last octet."""
    assert [] == read(*(bytes((octet,)) for octet in wire[:-1]))
    assert [reply] == read(*(bytes((octet,)) for octet in wire))


@pytest.mark.parametrize(("wire", "reply"), REPLIES)
def test_read_with_trailing_data(wire: bytes, reply: Reply) -> None:
    """Replies in one slice come one by one; the rest waits, and is counted."""
    reader = ReplyReader()
    reader.receive_data(wire + wire + b"22")

    assert reply == reader.next_reply()
    assert reply == reader.next_reply()
    assert reader.next_reply() is None
    assert 2 == len(reader)


@pytest.mark.parametrize("wire", MALFORMED)
def test_malformed(wire: bytes) -> None:
    """What is no reply is an error, whole and octet by octet."""
    with pytest.raises(RemoteProtocolError):
        read(wire)
    with pytest.raises(RemoteProtocolError):
        read(*(bytes((octet,)) for octet in wire))


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(b"250 " + b"x" * MAX_LINE + b"\r\n", id="line"),
        pytest.param(b"250 " + b"x" * MAX_LINE, id="line that does not end"),
        pytest.param(b"250-x\r\n" * (MAX_LINES + 1), id="lines"),
        pytest.param((b"250-" + b"x" * 2000 + b"\r\n") * 40, id="octets"),
    ],
)
def test_s11_reply_without_end(wire: bytes) -> None:
    """A reply's lines, their count and the whole are bounded."""
    with pytest.raises(RemoteProtocolError, match="longer than"):
        read(wire)
    with pytest.raises(RemoteProtocolError, match="longer than"):
        read(*(wire[n : n + 1000] for n in range(0, len(wire), 1000)))


def test_half_a_reply_counts_as_received() -> None:
    """Lines of a reply that goes on are octets not used up."""
    reader = ReplyReader()
    reader.receive_data(b"250-a\r\n250")
    assert reader.next_reply() is None

    assert 10 == len(reader)


def test_longer_line_where_asked() -> None:
    """A challenge of AUTH may be longer than other replies (RFC 4954 section 4)."""
    reader = ReplyReader()
    reader.receive_data(b"334 " + b"x" * 5000 + b"\r\n")
    reply = reader.next_reply(12288)

    assert reply is not None
    assert "x" * 5000 == reply.text


@pytest.mark.parametrize(
    ("code", "text", "status", "rest"),
    [
        pytest.param(250, "2.1.0 ok", "2.1.0", "ok", id="2xx"),
        pytest.param(550, "5.7.26 no", "5.7.26", "no", id="two digits"),
        pytest.param(451, "4.0.999 later", "4.0.999", "later", id="three digits"),
        pytest.param(250, "2.0.0", "2.0.0", "", id="alone"),
        pytest.param(250, "2.0.0 a\n2.0.0 b", "2.0.0", "a\nb", id="every line"),
        pytest.param(250, "2.0.0 a\nb\n2.0.0", "2.0.0", "a\nb\n", id="most lines"),
        pytest.param(250, "2.0.0  a", "2.0.0", " a", id="two spaces"),
        pytest.param(250, "ok", "", "ok", id="none"),
        pytest.param(250, "", "", "", id="no text"),
        pytest.param(250, "5.1.1 odd", "", "5.1.1 odd", id="another class"),
        pytest.param(550, "5.1 odd", "", "5.1 odd", id="two parts"),
        pytest.param(550, "5.1.1.1 odd", "", "5.1.1.1 odd", id="four parts"),
        pytest.param(550, "5.1.1odd", "", "5.1.1odd", id="no space"),
        pytest.param(550, "5.01.1 odd", "", "5.01.1 odd", id="leading zero"),
        pytest.param(550, "5.1.1000 odd", "", "5.1.1000 odd", id="four digits"),
        pytest.param(550, "5.٢.1 odd", "", "5.٢.1 odd", id="digits of Arabic"),
        pytest.param(550, "a\n5.1.1 b", "", "a\n5.1.1 b", id="second line only"),
        pytest.param(354, "3.0.0 go", "", "3.0.0 go", id="3xx has none"),
        pytest.param(354, "2.0.0 go", "", "2.0.0 go", id="3xx with a 2"),
    ],
)
def test_s11_status_is_lifted_or_dropped(code: int, text: str, status: str, rest: str) -> None:
    """A well-formed status of the right class is taken out of every line; others are text."""
    assert Reply(code, status, rest) == lift_status(Reply(code, "", text))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from([b"250", b"-", b" ", b"\r\n", b"\n", b"250-a\r\n", b"550 5.1.1 b\r\n"]),
        ),
        max_size=12,
    ).map(b"".join),
    st.lists(st.integers(1, 9), max_size=40),
)
def test_total_and_independent_of_cuts(wire: bytes, cuts: list[int]) -> None:
    """Any octets give replies or RemoteProtocolError, the same however they are cut."""

    def outcome(slices: list[bytes]) -> tuple[list[Reply], bool]:
        reader = ReplyReader()
        replies = []
        try:
            for data in slices:
                reader.receive_data(data)
                while (reply := reader.next_reply()) is not None:
                    replies.append(lift_status(reply))
        except RemoteProtocolError:
            return replies, True
        return replies, False

    slices, rest = [], wire
    for cut in cuts:
        slices.append(rest[:cut])
        rest = rest[cut:]

    assert outcome([wire]) == outcome([*slices, rest])
