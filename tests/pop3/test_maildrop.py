"""
Tests for the maildrop: frozen at the login, whatever others do, and updated at QUIT only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pymta.errors import MailboxReadOnly, MessageGone, SpoolError, StoreClosed
from pymta.events import Disconnected, Faulted
from pymta.interfaces.content import SLICE, Octets
from pymta.mailbox import INBOX, UID, UIDSet
from pymta.pop3.settings import UTF8Headers
from tests.edge.home import result
from tests.pop3.house import LARGE, LOGIN, ONE, TWO, House, lines


def uids(house: House) -> list[int]:
    """What is in the inbox now."""
    return [uid for uid, _ in result(house.mailbox().sizes())]


# -- others ----------------------------------------------------------------------


def test_delivery_goes_on() -> None:
    """Mail that arrives in a session is seen by the next one, and QUIT does not touch it."""
    house = House()
    house.put(ONE)
    player = house.logged_in()
    house.put(TWO)
    player.play(
        """
        C: STAT
        S: +OK 1 29
        C: LIST
        S: +OK ...
        S: 1 29
        S: .
        C: RETR 2
        S: -ERR no such message
        C: DELE 1
        S: +OK ...
        C: QUIT
        S: +OK goodbye
        """
    )

    assert [2] == uids(house)


def test_what_others_remove_keeps_its_number() -> None:
    """Numbers and sizes stay; the message itself cannot be had."""
    house = House()
    house.put(ONE, TWO)
    player = house.logged_in()
    result(house.mailbox().remove(UIDSet([1])))
    player.play(
        """
        C: STAT
        S: +OK 2 54
        C: RETR 1
        S: -ERR the message was removed by another session
        C: TOP 1 1
        S: -ERR the message was removed by another session
        C: LIST 1
        S: +OK 1 29
        C: DELE 1
        S: +OK message 1 marked as deleted
        C: DELE 2
        S: +OK message 2 marked as deleted
        C: QUIT
        S: +OK goodbye
        """
    )

    assert [] == uids(house)


# -- the UPDATE state --------------------------------------------------------------


@pytest.mark.parametrize("end", ["disconnect", "half-close", "time limit", "errors", "RSET"])
def test_nothing_is_removed_without_quit(end: str) -> None:
    """RFC 1939 section 6: neither by a lost connection nor by a time limit."""
    house = House()
    house.put(ONE)
    player = house.logged_in()
    player.play("C: DELE 1\nS: +OK ...")
    match end:
        case "disconnect":
            player.hang_up()
        case "half-close":
            player.protocol.readConnectionLost()  # type: ignore[attr-defined]
        case "time limit":
            house.elapse(601)
        case "errors":
            player.say(b"XYZZY\r\n" * 20)
        case "RSET":
            player.play("C: RSET\nS: +OK 1 messages, 29 octets\nC: QUIT\nS: +OK ...")

    assert [1] == uids(house)
    assert player.closed or end == "disconnect"


@pytest.mark.parametrize(
    ("stone", "code"),
    [
        pytest.param(StoreClosed("an I/O error"), "[SYS/TEMP] ", id="store closed"),
        pytest.param(MailboxReadOnly("read-only"), "[SYS/TEMP] ", id="read-only"),
        pytest.param(RuntimeError("a bug"), "[SYS/TEMP] ", id="bug"),
    ],
)
def test_a_removal_that_fails(stone: Exception, code: str) -> None:
    """The client is told at QUIT, nothing is gone, and the lock is given back."""
    house = House()
    house.put(ONE)
    player = house.logged_in()
    player.play("C: DELE 1\nS: +OK ...")
    house.stones()["remove"] = stone

    assert f"-ERR {code}some deleted messages not removed\r\n" == player.line("QUIT")
    assert player.closed
    assert [1] == uids(house)
    house.logged_in()


def test_a_removal_that_takes_too_long() -> None:
    """The client hears -ERR; the removal is not cancelled, and may come true."""
    house = House()
    house.put(ONE)
    player = house.logged_in()
    player.play("C: DELE 1\nS: +OK ...")
    house.stones()["remove"] = waiting = Deferred[None]()
    assert "" == player.line("QUIT")
    house.clock.advance(120)

    assert player.heard().startswith(b"-ERR [SYS/TEMP] some deleted")
    waiting.callback(None)
    assert [] == uids(house)


def test_a_disconnect_during_the_removal() -> None:
    """QUIT was said: the removal goes on, and the lock is given back behind it."""
    house = House()
    house.put(ONE)
    player = house.logged_in()
    player.play("C: DELE 1\nS: +OK ...")
    house.stones()["remove"] = waiting = Deferred[None]()
    player.line("QUIT")
    player.hang_up()
    waiting.callback(None)

    assert [] == uids(house)
    house.logged_in()


def test_the_lock_is_back_before_the_answer_to_quit() -> None:
    """Who has read +OK may log in again at once."""
    house = House()
    heard = []
    player = house.logged_in()
    write = player.transport.write

    def look(data: bytes) -> None:
        heard.append((data, result(house.mailbox().lock())))
        write(data)

    player.transport.write = look  # type: ignore[method-assign]
    player.line("QUIT")

    [(data, release)] = heard
    assert b"+OK goodbye\r\n" == data
    result(release())


# -- octets ------------------------------------------------------------------------

MESSAGES = [
    pytest.param(ONE, id="dots"),
    pytest.param(b".\r\n..\r\n.\r\n", id="nothing but dots"),
    pytest.param(b"Subject: x\r\n\r\n" + b"z" * 100_000 + b"\r\n", id="a long line"),
    pytest.param(b"Subject: \xff\xe9\r\n\r\n\xc3\xa9\x00\x80\r\n", id="8 bit and NUL"),
    pytest.param(b"a: b\r\n\r\nbare\n.\nLF\r\rCR\r\n", id="bare LF and CR"),
    pytest.param(LARGE, id="large"),
    pytest.param(b"", id="empty"),
]


@pytest.mark.parametrize("message", MESSAGES)
def test_octets_come_back(message: bytes) -> None:
    """RETR gives what was appended, and as many octets as LIST says."""
    house = House()
    house.put(message)
    player = house.logged_in()
    first, _, sent = player.say(b"RETR 1\r\n").partition(b"\r\n")
    received = unstuffed(sent)

    assert f"+OK {len(message)} octets".encode() == first
    assert message == received
    assert f"+OK 1 {len(received)}\r\n" == player.line("LIST 1")


def unstuffed(sent: bytes) -> bytes:
    """Undo the stuffing, the slow way."""
    assert sent.endswith(b"\r\n.\r\n") or sent == b".\r\n"
    return b"\r\n".join(line.removeprefix(b".") for line in sent[:-3].split(b"\r\n"))


@pytest.mark.parametrize("message", [b"a: b\r\n\r\nno end", b"a: b\r\n\r\nLF\n", b"a\r"])
def test_sizes_count_the_crlf_that_is_added(message: bytes) -> None:
    """A last line without its CRLF gets one, in RETR, LIST and STAT alike."""
    house = House()
    house.put(TWO, message, TWO)
    player = house.logged_in()
    size = len(message) + 2
    _, _, sent = player.say(b"RETR 2\r\n").partition(b"\r\n")

    assert message + b"\r\n" == unstuffed(sent)
    assert f"2 {size}" == lines(player.say(b"LIST\r\n"))[1]
    assert f"+OK 3 {size + 2 * len(TWO)}\r\n" == player.line("STAT")


# -- UTF-8 in headers ----------------------------------------------------------------

INTERNATIONAL = "Subject: é\r\n\r\nx\r\n".encode()


def test_utf8_header_is_served_by_default() -> None:
    """Without UTF-8 mode too."""
    house = House()
    house.put(INTERNATIONAL)

    assert b"+OK 18 octets\r\n" + INTERNATIONAL + b".\r\n" == house.logged_in().say(b"RETR 1\r\n")


@pytest.mark.parametrize("command", ["RETR 1", "TOP 1 0"])
def test_utf8_header_is_refused_on_request(command: str) -> None:
    """Then only UTF-8 mode gives it (RFC 6856 section 5); other messages are not touched."""
    house = House(utf8_headers=UTF8Headers.REFUSE)
    house.put(INTERNATIONAL, ONE, b"Subject: x\r\n\r\n\xc3\xa9\r\n")
    player = house.logged_in()
    refused = player.line(command)
    for number in (2, 3):
        assert player.say(f"RETR {number}\r\n".encode()).startswith(b"+OK")
    player.play("C: QUIT\nS: +OK ...")
    player = house.player()
    player.play("S: +OK ...\nC: UTF8\nS: +OK UTF-8 mode" + LOGIN)

    assert "-ERR [UTF8] the message needs UTF-8 mode\r\n" == refused
    assert player.line(command).startswith("+OK")


# -- a store that fails --------------------------------------------------------------


def test_a_message_that_cannot_be_read() -> None:
    """It is -ERR with an id, which the log has too; the session goes on."""
    house = House()
    house.put(ONE)
    player = house.logged_in()
    house.stones()["records"] = RuntimeError("secret words")
    heard = player.line("RETR 1")
    del house.stones()["records"]

    [fault] = house.observer.of(Faulted)
    assert "pop3" == fault.where
    assert f"-ERR [SYS/TEMP] local error, try again later ({fault.id})\r\n" == heard
    assert player.line("RETR 1").startswith("+OK")


def test_a_store_that_does_not_answer() -> None:
    """The client is told after a minute."""
    house = House()
    house.put(ONE)
    player = house.logged_in()
    house.stones()["records"] = Deferred[None]()
    assert "" == player.line("RETR 1")
    house.clock.advance(60)

    assert player.heard().startswith(b"-ERR [SYS/TEMP]")


def test_a_maildrop_that_is_deleted() -> None:
    """The account is gone: commands that need the store say so."""
    house = House()
    house.put(ONE)
    player = house.logged_in()
    result(house.mail.remove("alice@example.test"))

    assert "-ERR [SYS/PERM] there is no maildrop any more\r\n" == player.line("RETR 1")


@pytest.mark.parametrize("fault", [MessageGone("gone"), SpoolError("disk")], ids=["gone", "disk"])
def test_a_message_that_ends_in_the_middle(fault: Exception) -> None:
    """The connection is closed: a part must not be taken for the whole."""
    house = House()
    house.put(LARGE)
    player = house.logged_in()
    whole = result(house.mailbox().content(UID(1)))

    async def read(start: int, stop: int) -> bytes:
        if start:
            raise fault
        octets: bytes = await Octets.read(whole, start, stop)
        return octets

    result(replace_reading(house, read))
    heard = player.say(b"RETR 1\r\n")

    assert heard.startswith(b"+OK ")
    assert not heard.endswith(b"\r\n.\r\n")
    assert player.closed
    [gone] = house.observer.of(Disconnected)
    assert "message unreadable" == gone.reason


async def replace_reading(house: House, read: object) -> None:
    """Let the content of the store's first message be read by this."""
    mailbox = await house.mail.mailboxes("alice@example.test").open(INBOX)
    box = mailbox._box
    content = BrokenContent(box.messages[UID(1)].content.octets, read)
    box.messages[UID(1)] = replace(box.messages[UID(1)], content=content)


class BrokenContent(Octets):
    """Content with a reader of its own."""

    __slots__ = ("read",)

    def __init__(self, octets: bytes, read: object) -> None:
        super().__init__(octets)
        self.read = read  # type: ignore[assignment,method-assign]


# -- many messages -------------------------------------------------------------------


class Ticking(Clock):
    """A clock on which a millisecond goes by whenever somebody looks."""

    def __init__(self) -> None:
        super().__init__()
        self.breaths = 0

    def seconds(self) -> float:
        self.rightNow += 0.001
        return float(self.rightNow)

    def callLater(self, delay: float, *args: Any, **kwargs: Any) -> Any:
        if not delay:
            self.breaths += 1
        return super().callLater(delay, *args, **kwargs)


def settle(clock: Clock) -> None:
    """Let everything that only gives way go on."""
    while any(call.getTime() <= clock.rightNow for call in clock.getDelayedCalls()):
        clock.advance(0)


def test_100_000_messages() -> None:
    """Lists of them are one read, and give way all the time; so do login and removal."""
    clock = Ticking()
    house = House(clock=clock)
    mailbox = house.mailbox()
    house.put(*[ONE] * 100)
    all_uids = UIDSet(range(1, 101))
    for _ in range(999):
        result(mailbox.copy(all_uids, INBOX))
    player = house.player()
    player.protocol.dataReceived(b"USER alice@example.test\r\nPASS sesame\r\n")
    settle(clock)
    assert b"+OK 100000 messages, 2900000 octets\r\n" in player.heard()
    assert clock.breaths >= 100_000 // 4096

    # From here on nothing is read any more: all is known.
    for step in ("sizes", "info", "records", "snapshot"):
        house.stones()[step] = StoreClosed("not again")
    for command in (b"LIST\r\n", b"UIDL\r\n"):
        clock.breaths = 0
        player.protocol.dataReceived(command)
        settle(clock)
        listed = lines(player.heard())
        assert [str(n) for n in range(1, 100_001)] == [line.split()[0] for line in listed]
        # A look at the clock or two with each slice of 512 messages, 5 ms a turn.
        assert clock.breaths >= 100_000 // 512 // 6

    assert player.line("STAT") == "+OK 100000 2900000\r\n"
    marks = "".join(f"DELE {n}\r\n" for n in range(1, 100_001, 2)).encode()
    player.protocol.dataReceived(marks)
    settle(clock)
    clock.breaths = 0
    player.protocol.dataReceived(b"QUIT\r\n")
    settle(clock)
    assert clock.breaths >= 100_000 // 4096 - 1
    assert 50_000 == len(uids(house))


def test_slices_are_small() -> None:
    """Nothing is written at once that is larger than a slice with its dots stuffed."""
    house = House()
    house.put(LARGE)
    player = house.logged_in()
    written = []
    write = player.transport.write

    def measure(data: bytes) -> None:
        written.append(len(data))
        write(data)

    player.transport.write = measure  # type: ignore[method-assign]
    player.say(b"RETR 1\r\n")

    assert max(written) <= SLICE + 200
    assert sum(written) > len(LARGE)


def test_a_message_twice() -> None:
    """The same message, delivered twice, is two messages with two ids."""
    house = House()
    house.put(ONE, ONE)
    ids = [line.split()[1] for line in lines(house.logged_in().say(b"UIDL\r\n"))]

    assert 2 == len(set(ids))
