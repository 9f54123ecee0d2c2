"""
Tests for APPEND and REPLACE as streams: whole, in slices, refused at every moment.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pymta.errors import LocalProtocolError
from pymta.mailbox import MailboxName
from pymta.wire.imap.command.append import Append, Replacing
from pymta.wire.imap.command.session import Noop
from pymta.wire.imap.events import (
    Answered,
    AppendBroken,
    AppendEnded,
    Asked,
    Closed,
    ClosedReason,
    Event,
    LiteralBegan,
    LiteralEnded,
    LiteralOctets,
    MessageBegan,
    MessageEnded,
    PartURL,
)
from pymta.wire.imap.limits import Limits
from pymta.wire.imap.numset import SeqSet
from pymta.wire.imap.response.status import NO, OK
from tests.wire.imap.serving import Desk, inside, server, settle, talk

A = MailboxName("a")
DAY = datetime(1994, 2, 7, 21, 52, 25, tzinfo=UTC)


def began(size: int | None = 5, **more: object) -> MessageBegan:
    values = {"flags": frozenset(), "internal_date": None, "size": size, **more}
    return MessageBegan(**values)  # type: ignore[arg-type]  # tables of any values


def octets(data: bytes) -> list[Event]:
    return [LiteralBegan(len(data)), LiteralOctets(data), LiteralEnded()]


def message(data: bytes, **more: object) -> list[Event]:
    return [began(len(data), **more), *octets(data), MessageEnded()]


GOOD: dict[str, list[Event]] = {
    "APPEND a {5}\r\nhello": message(b"hello"),
    "APPEND a {5+}\r\nhello": message(b"hello"),
    "APPEND a (\\Seen x) {5}\r\nhello": message(b"hello", flags=frozenset({"\\Seen", "x"})),
    "APPEND a () {5}\r\nhello": message(b"hello"),
    'APPEND a " 7-Feb-1994 21:52:25 +0000" {5}\r\nhello': message(b"hello", internal_date=DAY),
    'APPEND a (x) " 7-Feb-1994 21:52:25 +0000" {5}\r\nhello': message(
        b"hello", internal_date=DAY, flags=frozenset({"x"})
    ),
    "append {1}\r\na {5}\r\nhello": message(b"hello"),
    "append {1+}\r\na {5+}\r\nhello": message(b"hello"),
    "APPEND a {10}\r\nA2 NOOP\r\n\r": message(b"A2 NOOP\r\n\r"),
    "APPEND a ~{5}\r\nhe\0lo": message(b"he\0lo", binary=True),
    "APPEND a {5}\r\nhello ": message(b"hello"),
    # MULTIAPPEND
    "APPEND a {5}\r\nhello (x) {3+}\r\nabc {1}\r\nz": [
        *message(b"hello"),
        *message(b"abc", flags=frozenset({"x"})),
        *message(b"z"),
    ],
    # CATENATE
    'APPEND a (x) CATENATE (URL "/a/;UID=1" TEXT {5}\r\nhello URL {2+}\r\n/b)': [
        began(None, flags=frozenset({"x"})),
        PartURL(b"/a/;UID=1"),
        *octets(b"hello"),
        PartURL(b"/b"),
        MessageEnded(),
    ],
    "APPEND a CATENATE (TEXT {0}\r\n TEXT {1+}\r\nx) {2}\r\nyy": [
        began(None),
        LiteralBegan(0),
        LiteralEnded(),
        *octets(b"x"),
        MessageEnded(),
        *message(b"yy"),
    ],
    "APPEND a CATENATE (UTF8 (~{5}\r\nhello) URL /x)": [
        began(None),
        *octets(b"hello"),
        PartURL(b"/x"),
        MessageEnded(),
    ],
    # UTF8
    "APPEND a UTF8 (~{5}\r\nhello)": message(b"hello", binary=True, utf8=True),
    "APPEND a (x) utf8 (~{5+}\r\nhello) {1}\r\ny": [
        *message(b"hello", binary=True, utf8=True, flags=frozenset({"x"})),
        *message(b"y"),
    ],
}


@pytest.mark.parametrize("cut", [None, 1, 3], ids=["whole", "octets", "slices"])
@pytest.mark.parametrize("text", GOOD, ids=lambda text: text.replace("\r\n", "~"))
def test_streams(text: str, cut: int | None) -> None:
    """Messages come as they were sent, and the next command behind them is obeyed."""
    machine, desk = inside(), Desk()
    talk(machine, desk, f"A1 {text}\r\nA2 NOOP\r\n".encode("latin-1"), cut)
    wanted = [Asked("A1", Append(A)), *GOOD[text], AppendEnded(), Asked("A2", Noop())]
    assert wanted == joined(desk.events)
    said = machine.data_to_send()
    assert said.endswith(b"A1 OK appended\r\nA2 OK done\r\n")
    assert text.count("}") - text.count("+}") == said.count(b"+ go on\r\n")


def joined(events: list[Event]) -> list[Event]:
    """Slices of octets put together."""
    found: list[Event] = []
    for event in events:
        last = found[-1] if found else None
        if isinstance(event, LiteralOctets) and isinstance(last, LiteralOctets):
            found[-1] = LiteralOctets(last.data + event.data)
        else:
            found.append(event)
    return found


@pytest.mark.parametrize(
    ("text", "number", "by_uid"),
    [
        ("REPLACE 4 a {5+}\r\nhello", b"4", False),
        ("UID REPLACE 4 a {5+}\r\nhello", b"4", True),
        ("REPLACE * {1+}\r\na (x) {5}\r\nhello", b"*", False),
    ],
)
def test_replaces(text: str, number: bytes, by_uid: bool) -> None:
    """REPLACE names one message that goes (RFC 8508 section 3.1)."""
    machine, desk = inside(selected=True), Desk()
    talk(machine, desk, f"A1 {text}\r\n".encode())
    wanted = Append(A, Replacing(SeqSet.parse(number), by_uid))
    assert Asked("A1", wanted) == desk.events[0]
    assert [b"hello"] == desk.messages


#: What is wrong, and whether the mailbox could be read in front of it.
BROKEN = {
    "APPEND": False,
    "APPEND a": True,
    "APPEND a ": True,
    "APPEND  a {1+}\r\nx": False,
    "APPEND & {1+}\r\nx": False,
    "APPEND a hello": True,
    "APPEND a {1+}\r\nxy": True,
    "APPEND a {1+}\r\nx y": True,
    "APPEND a{1+}\r\nx": True,
    "APPEND a (\\Recent) {1+}\r\nx": True,
    "APPEND a (x){1+}\r\nx": True,
    'APPEND a "32-Feb-1994 21:52:25 +0000" {1+}\r\nx': True,
    "APPEND a {0+}\r\n": True,
    "APPEND a {1+}\r\nx {0+}\r\n": True,
    "APPEND a (x) {1+}\r\nx (y)": True,
    "APPEND a CATENATE": True,
    "APPEND a CATENATE ()": True,
    "APPEND a CATENATE (URL)": True,
    "APPEND a CATENATE (URL x": True,
    "APPEND a CATENATE (URL x) x": True,
    "APPEND a CATENATE (TEXT {1+}\r\nx": True,
    "APPEND a CATENATE (TEXT x)": True,
    "APPEND a CATENATE (TEXT {1+}\r\nx  URL x)": True,
    "APPEND a CATENATE (MOON x)": True,
    "APPEND a CATENATE (UTF8 ({1+}\r\nx))": True,
    "APPEND a CATENATE (UTF8 (~{1+}\r\nx)": True,
    "APPEND a UTF8 ({1+}\r\nx)": True,
    "APPEND a UTF8 (~{1+}\r\nx": True,
    "APPEND a UTF8 (~{1+}\r\nx))": True,
    "APPEND a MOON (~{1+}\r\nx)": True,
    "APPEND a {5+}\r\nhe\0lo": True,
    "APPEND a {5}\r\nhell\0": True,
    "APPEND a {5+}\r\nhello {5+}\r\n\0ello (x) {1+}\r\nx": True,
    "APPEND a ~{5+}\r\nhe\0lo {5+}\r\nhe\0lo": True,
    "APPEND a CATENATE (TEXT {5+}\r\nhe\0lo URL x)": True,
    "APPEND a CATENATE (UTF8 (~{5+}\r\nhe\0lo) TEXT {3+}\r\n\r\n\0)": True,
    "APPEND a {20+}\r\n\0\r\nA3 LOGOUT\r\nxxxxx": True,
    "APPEND a {70000+}\r\n" + "x" * 69_999 + "\0": True,
    "REPLACE 1 a {5+}\r\nhe\0lo": True,
    "APPEND {1+}\r\n\0 {1+}\r\nx": False,
    "REPLACE a {1+}\r\nx": False,
    "REPLACE 1:2 a {1+}\r\nx": False,
    "REPLACE 1,2 a {1+}\r\nx": False,
    "REPLACE $ a {1+}\r\nx": False,
    "REPLACE 0 a {1+}\r\nx": False,
    "REPLACE 1 a {1+}\r\nx {1+}\r\ny": True,
    "APPEND {99999+}\r\n" + "x" * 99_999 + " {1+}\r\nx": False,
    "APPEND a CATENATE (URL {99999+}\r\n" + "x" * 99_999 + ")": True,
    "APPEND a " + "x" * 70_000 + " {1+}\r\nx": False,
    "APPEND a {1+}\r\nx (" + "x" * 70_000 + ") {1+}\r\nx": True,
}


@pytest.mark.parametrize("cut", [None, 1, 1_000], ids=["whole", "octets", "slices"])
@pytest.mark.parametrize("text", BROKEN, ids=lambda text: text[:40].replace("\r\n", "~"))
def test_broken(text: str, cut: int | None) -> None:
    """A mistake anywhere is answered once, nothing stays of the messages, and step is kept."""
    if cut == 1 and len(text) > 1_000:
        cut = 7_001
    machine, desk = inside(selected=True), Desk()
    talk(machine, desk, f"A1 {text}\r\nA2 NOOP\r\n".encode(), cut)
    assert Asked("A2", Noop()) == desk.events[-1]
    assert [] == desk.messages
    if BROKEN[text]:
        assert isinstance(desk.events[0], Asked)
        assert 1 == sum(isinstance(event, AppendBroken) for event in desk.events)
        assert not any(isinstance(event, Answered | AppendEnded) for event in desk.events)
    else:
        assert isinstance(desk.events[0], Answered)
        assert 2 == len(desk.events)
    said = machine.data_to_send().removeprefix(b"+ go on\r\n").split(b"\r\n")
    assert said[0].startswith(b"A1 NO " if "{0+}" in text else b"A1 BAD ")
    assert [b"A2 OK done", b""] == said[1:]


@pytest.mark.parametrize("cut", [None, 1], ids=["whole", "octets"])
@pytest.mark.parametrize("moment", ["began", "literal", "octets", "ended"])
@pytest.mark.parametrize(
    "text",
    [
        "APPEND a {5+}\r\nhello {3+}\r\nabc",
        "APPEND a CATENATE (TEXT {5+}\r\nhello URL {1+}\r\nx URL y) (x) {3+}\r\nabc",
        "APPEND a UTF8 (~{5+}\r\nhello)",
    ],
)
def test_refused(text: str, moment: str, cut: int | None) -> None:
    """A refusal is said once, behind all that comes anyway, and the next command is obeyed."""
    machine, desk = inside(), Desk(moment)
    talk(machine, desk, f"A1 {text}\r\nA2 NOOP\r\n".encode(), cut)
    assert Asked("A2", Noop()) == desk.events[-1]
    assert b"A1 NO [OVERQUOTA] no room\r\nA2 OK done\r\n" == machine.data_to_send()
    assert [] == desk.messages


@pytest.mark.parametrize("moment", ["began", "literal"])
def test_refused_before_it_comes(moment: str) -> None:
    """A client that waits for consent gets the refusal in its place, and sends nothing."""
    machine, desk = inside(), Desk(moment)
    talk(machine, desk, b"A1 APPEND a {5}\r\n")
    assert b"A1 NO [OVERQUOTA] no room\r\n" == machine.data_to_send()
    talk(machine, desk, b"A2 NOOP\r\n")
    assert b"A2 OK done\r\n" == machine.data_to_send()


def test_refused_mailbox() -> None:
    """What is refused at once is not consented to (RFC 3501 section 6.3.11: TRYCREATE)."""
    machine, desk = inside(), Desk()
    talk(machine, desk, b"A1 APPEND no {5}\r\nA2 APPEND no {5+}\r\nhello\r\nA3 NOOP\r\n")
    assert (
        b"A1 NO [NONEXISTENT] no mailbox\r\nA2 NO [NONEXISTENT] no mailbox\r\nA3 OK done\r\n"
        == machine.data_to_send()
    )


def test_refused_amid_a_message_of_another_literal() -> None:
    """A refusal between two literals of which the second waits comes in place of its consent."""
    machine, desk = inside(), Desk("octets")
    talk(machine, desk, b"A1 APPEND a {5+}\r\nhello {5}\r\n")
    assert b"A1 NO [OVERQUOTA] no room\r\n" == machine.data_to_send()


@pytest.mark.parametrize(
    ("without", "text"),
    [
        ("MULTIAPPEND", "APPEND a {1+}\r\nx {1+}\r\ny"),
        ("CATENATE", "APPEND a CATENATE (TEXT {1+}\r\nx)"),
        ("UTF8=ACCEPT", "APPEND a UTF8 (~{1+}\r\nx)"),
        ("REPLACE", "REPLACE 1 a {1+}\r\nx"),
    ],
)
def test_only_what_is_offered(without: str, text: str) -> None:
    """What is not announced is not understood, and step is kept."""
    machine, desk = inside([without], selected=True), Desk()
    talk(machine, desk, f"A1 {text}\r\nA2 NOOP\r\n".encode())
    said = machine.data_to_send()
    assert said.startswith(b"A1 BAD ")
    assert said.endswith(b"\r\nA2 OK done\r\n")


def test_literal8_needs_an_extension() -> None:
    """Without BINARY and UTF8=ACCEPT there is no literal8."""
    machine, desk = inside(["BINARY", "UTF8=ACCEPT"]), Desk()
    talk(machine, desk, b"A1 APPEND a ~{1+}\r\nx\r\n")
    assert machine.data_to_send().startswith(b"A1 BAD ")


def test_slices_are_bounded() -> None:
    """However much comes at once, a slice is no longer than the limit says."""
    machine, desk = inside(limits=Limits(slice=100)), Desk()
    talk(machine, desk, b"A1 APPEND a {1000+}\r\n" + b"x" * 1_000 + b"\r\n")
    slices = [len(event.data) for event in desk.events if isinstance(event, LiteralOctets)]
    assert [100] * 10 == slices


def test_too_big_to_be_read_away() -> None:
    """What is refused, and far too big to be read for nothing, closes (RFC 7888 section 4)."""
    machine, desk = inside(limits=Limits(skipped=1_000)), Desk("literal")
    talk(machine, desk, b"A1 APPEND a {1001+}\r\nx")
    assert Closed(ClosedReason.TOO_BIG) == desk.events[-1]
    assert b"* BYE [TOOBIG] too big\r\n" == machine.data_to_send()


def test_many_literals_too_big_together() -> None:
    """Also in parts."""
    machine, desk = inside(limits=Limits(skipped=1_000)), Desk("literal")
    talk(machine, desk, b"A1 APPEND a {600+}\r\n" + b"x" * 600 + b" {600+}\r\n")
    assert Closed(ClosedReason.TOO_BIG) == desk.events[-1]


def test_peer_leaves() -> None:
    """A peer who leaves amid a message is told of, and nothing else."""
    machine, desk = inside(), Desk()
    talk(machine, desk, b"A1 APPEND a {5+}\r\nhel")
    machine.receive_data(b"")
    settle(machine, desk)
    assert Closed(ClosedReason.PEER_CLOSED) == desk.events[-1]


def test_misuse() -> None:
    """Octets are consented to when they are announced, and a stream is not ended by OK."""
    machine = inside()
    machine.receive_data(b"A1 APPEND a {5}\r\n")
    assert Asked("A1", Append(A)) == machine.next_event()
    with pytest.raises(LocalProtocolError):
        machine.go_on()
    with pytest.raises(LocalProtocolError):
        machine.finish(OK("too early"))
    machine.next_event()
    assert LiteralBegan(5) == machine.next_event()
    with pytest.raises(LocalProtocolError):
        machine.next_event()
    machine.finish(NO("no"))
    with pytest.raises(LocalProtocolError):
        machine.finish(NO("no"))


def test_before_a_login() -> None:
    """A stranger's message is read away."""
    machine, desk = server(), Desk()
    talk(machine, desk, b"A1 APPEND a {5+}\r\nhello\r\nA2 NOOP\r\n")
    assert b"A1 BAD not in the not authenticated state\r\nA2 OK done\r\n" == machine.data_to_send()


def test_wrong_again_and_again() -> None:
    """Mistakes in messages are counted as others are, until one is complete."""
    machine, desk = inside(), Desk()
    broken = b"A1 APPEND a {1+}\r\nxy\r\n"
    talk(machine, desk, broken * 19 + b"A1 APPEND a {1+}\r\nx\r\n" + broken * 19)
    assert "AppendBroken" == type(desk.events[-1]).__name__
    talk(machine, desk, broken)
    assert Closed(ClosedReason.TOO_MANY_ERRORS) == desk.events[-1]
