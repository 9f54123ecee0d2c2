"""
Tests for back-pressure, for what fails amid a response, and for the codes of what a store says no
to.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from pymta import errors
from pymta.aio import TimeLimit
from pymta.events import Disconnected, Faulted
from pymta.imap.endings import ending_of
from pymta.imap.settings import Timeouts
from pymta.imap.telling import MOST_KEYWORDS
from pymta.reply import Reply
from pymta.store._flags import Flags, names_of
from pymta.wire.imap.response.fetch import flags_value
from tests.edge.home import result
from tests.edge.player import Player
from tests.imap.house import ONE, House

LARGE = b"Subject: large\r\n\r\n" + b"y" * 78 + b"\r\n" * 50_000


def all_of(player: Player, tag: str, heard: bytes = b"") -> bytes:
    """Up to the tagged response."""
    while f"\r\n{tag} ".encode() not in b"\r\n" + heard:
        more = player.heard()
        assert more, heard[-200:]
        heard += more
    return heard


def test_who_does_not_read_is_waited_for() -> None:
    """
    A client that takes nothing gets no more than a few slices, however much it has asked for;
    when it reads on, all of it comes, octet for octet.
    """
    house = House()
    house.put(*[LARGE] * 40)
    player = house.selected()
    producer = player.reads_no_more()
    heard = player.say(b"a FETCH 1:* BODY.PEEK[]\r\n")
    for _ in range(50):
        heard += player.heard()
    assert LARGE not in heard
    while b"\r\na OK " not in heard:
        producer.resumeProducing()
        more = player.heard()
        assert len(more) < 256 * 1024
        heard += more
    assert 40 == heard.count(LARGE)


def test_who_never_reads_is_cut_off() -> None:
    """After the time for reading, without a word: nobody knows where in a response it is."""
    house = House(timeouts=Timeouts(reading=30))
    house.put(*[LARGE] * 40)
    player = house.selected()
    player.reads_no_more()
    heard = player.say(b"a FETCH 1:* BODY.PEEK[]\r\n")
    for _ in range(50):
        heard += player.heard()
    house.elapse(31)
    assert b"BYE" not in heard + player.heard()
    assert player.transport.aborted
    player.hang_up()
    [gone] = house.observer.of(Disconnected)
    assert "cut off: reads too slowly" == gone.reason


def test_pipelined_commands_are_answered_in_order() -> None:
    """Also a thousand at once, with others' turns in between."""
    player = House().logged_in()
    heard = player.say(b"".join(b"%d NOOP\r\n" % n for n in range(1000)))
    heard = all_of(player, "999", heard)
    assert [f"{n} OK Nothing done" for n in range(1000)] == heard.decode().splitlines()


def test_a_client_that_leaves_amid_a_command() -> None:
    """The change is made, and nobody is told; nothing is left behind."""
    house = House()
    house.put(ONE)
    waiting: Deferred[None] = Deferred()
    player = house.selected()
    house.stones()["copy"] = waiting
    player.line("a COPY 1 INBOX")
    player.hang_up()
    waiting.callback(None)
    house.clock.advance(0)
    assert 2 == len(uids(house))
    assert 0 == house.listener.connections


def uids(house: House) -> Any:
    """Those in the inbox."""
    return result(house.mailbox().snapshot()).uids


def test_a_change_that_takes_too_long_may_still_be_done() -> None:
    """Two minutes, then NO; and the session goes on."""
    house = House()
    house.put(ONE)
    waiting: Deferred[None] = Deferred()
    player = house.selected()
    house.stones()["copy"] = waiting
    player.line("a COPY 1 INBOX")
    for _ in range(13):
        house.elapse(10)
    assert b"a NO [UNAVAILABLE] That took too long; it may still be done\r\n" in player.heard()
    waiting.callback(None)
    assert "b OK" in player.line("b NOOP")
    assert 2 == len(uids(house))


def test_news_that_cannot_be_had_do_not_spoil_a_command() -> None:
    """They are told another time."""
    house = House()
    player = house.selected()
    house.stones()["changes"] = RuntimeError("oops")
    assert "a OK Nothing done\r\n" == player.line("a NOOP")
    assert 1 == len(house.observer.of(Faulted))
    del house.stones()["changes"]
    house.put(ONE)
    assert "* 1 EXISTS\r\n" in player.line("b NOOP")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (errors.NoSuchMailbox("x"), "NO NONEXISTENT"),
        (errors.MailboxExists("x"), "NO ALREADYEXISTS"),
        (errors.MailboxReadOnly("x"), "NO READ-ONLY"),
        (errors.MailboxInUse("x"), "NO INUSE"),
        (errors.OverQuota("x"), "NO OVERQUOTA"),
        (errors.MessageTooLarge("x", 1), "NO TOOBIG"),
        (errors.MessageGone("x"), "NO EXPUNGEISSUED"),
        (errors.NotPermitted("x"), "NO NOPERM"),
        (errors.UnknownUse("x"), "NO USEATTR"),
        (errors.MailboxError("x"), "NO CANNOT"),
        (errors.TooManyWaiting("x"), "NO UNAVAILABLE"),
        (errors.StoreClosed("x"), "NO UNAVAILABLE"),
        (errors.SpoolError("x"), "NO UNAVAILABLE"),
        (TimeLimit("x"), "NO UNAVAILABLE"),
        (errors.Refused(Reply(450, "4.2.0", "Later")), "NO None"),
        (RuntimeError("x"), "nothing"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else None,
)
def test_codes(fault: Exception, expected: str) -> None:
    """RFC 5530: what a program reads of each "no"."""
    ending = ending_of(fault)
    if ending is None:
        assert expected == "nothing"
        return
    code = None if ending.code is None else ending.code.name
    assert expected == f"{type(ending).__name__} {code}"
    assert "x" != ending.text


def test_observers_hear_of_sessions() -> None:
    """Who came, who logged in, and why it ended."""
    house = House()
    player = house.logged_in()
    player.line("a LOGOUT")
    [gone] = house.observer.of(Disconnected)
    assert ("logout", None) == (gone.reason, gone.session.identity)


KEYWORDS = [f"k{n}" for n in range(MOST_KEYWORDS - 1)]


def test_most_keywords() -> None:
    """
    RFC 5530 LIMIT: a mailbox comes to know so many and no more, by STORE, APPEND, COPY and MOVE;
    those that it knows can be set, and PERMANENTFLAGS says whether there may be others.
    """
    house = House()
    house.put(ONE, ONE)
    player = house.selected()
    assert " \\*)]" in player.line("a SELECT INBOX")
    assert "b OK" in player.line(f"b STORE 1 FLAGS.SILENT ({' '.join(KEYWORDS)})")
    assert "[LIMIT]" in player.line("c STORE 1 +FLAGS (new newer)")
    assert "[LIMIT]" in player.line("d APPEND INBOX (new newer) {1+}\r\nx")
    assert "[LIMIT]" in player.line("e APPEND INBOX (new) {1+}\r\nx (newer) {1+}\r\nx")
    assert "[LIMIT]" in player.line("f REPLACE 1 INBOX (new newer) {1+}\r\nx")
    assert "g OK" in player.line("g STORE 2 +FLAGS (K1 new)")
    assert "h OK" in player.line("h APPEND INBOX (NEW k7 \\Seen) {1+}\r\nx")
    assert "[LIMIT]" in player.line("i STORE 1 -FLAGS (newer)")
    assert " new)]" in player.line("j SELECT INBOX")
    player.line("k CREATE box")
    assert "l OK" in player.line("l APPEND box (other) {1+}\r\nx (k1) {1+}\r\nx")
    player.line("m SELECT box")
    for verb in ("COPY", "UID COPY", "MOVE", "UID MOVE"):
        assert "[LIMIT]" in player.line(f"n {verb} 1:2 INBOX")
    assert "[COPYUID" in player.line("o COPY 2 INBOX")
    assert "[TRYCREATE]" in player.line("p COPY 1 none")


def test_few_flags_are_remembered() -> None:
    """Nobody's memory is filled by sets of flags that are not seen again."""
    for n in range(1000):
        flags_value(names_of(Flags(0, (f"only{n}",))))
    assert all(each.cache_info().currsize <= 512 for each in (flags_value, names_of))
