"""
Tests for what changes messages: APPEND, REPLACE, STORE, COPY, MOVE and EXPUNGE.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from pymta.errors import NoSuchMailbox, OverQuota, SpoolError
from pymta.interfaces.content import octets_of
from pymta.mailbox import FLAGGED, UID, FlagChange, FlagMode, MailboxName, ModSeq, UIDSet, Wanted
from tests.edge.home import result
from tests.imap.dialogue import Played, play
from tests.imap.house import ONE, TWO, House


def played(house: House, transcript: str) -> None:
    """Play it with INBOX open."""
    play(transcript, Played(house.selected()))


def kept(house: House, mailbox: str = "INBOX") -> list[tuple[Any, ...]]:
    """UID, flags, date and octets of all messages."""
    box = house.mailbox(mailbox)
    snapshot = result(box.snapshot())
    rows = result(box.records(snapshot.uids, [Wanted.FLAGS, Wanted.INTERNAL_DATE]))
    return [(*row, result(octets_of(result(box.content(row[0]))))) for row in rows]


# -- APPEND ------------------------------------------------------------------------------


def test_append() -> None:
    """RFC 3501 §6.3.11: with flags and a date; told by EXISTS where the mailbox is open."""
    house = House()
    played(
        house,
        """
        C: a APPEND INBOX (\\Seen $x) " 1-Feb-2003 04:05:06 +0100" {5}
        S: + go on
        C: hello
        S: * 1 EXISTS
        S: * 1 RECENT
        S: a OK [APPENDUID {v} 1] ...
        C: b FETCH 1 (FLAGS INTERNALDATE BODY.PEEK[])
        S: * 1 FETCH (FLAGS ($x \\Recent \\Seen) INTERNALDATE "01-Feb-2003 04:05:06 +0100" ...
        S: hello)
        S: b OK ...
        """,
    )


def test_multiappend() -> None:
    """RFC 3502: several messages, all or none."""
    house = House()
    played(
        house,
        """
        C: a APPEND INBOX (\\Seen) {3+}
        C: one (\\Flagged) {3+}
        C: two
        S: * 2 EXISTS
        S: * 2 RECENT
        S: a OK [APPENDUID {v} 1:2] ...
        """,
    )
    assert [(1, b"one"), (2, b"two")] == [(uid, octets) for uid, _, _, octets in kept(house)]


REFUSED = [
    pytest.param("APPEND nowhere {5}", "NO [TRYCREATE] ", id="no mailbox"),
    pytest.param("APPEND INBOX {1001}", "NO [TOOBIG] ", id="too large"),
    pytest.param("APPEND INBOX {0}", "NO ", id="nothing"),
    pytest.param("APPEND INBOX (\\Recent) {5}", "BAD ", id="flag"),
    pytest.param("APPEND INBOX", "BAD ", id="no message"),
]


@pytest.mark.parametrize(("command", "answer"), REFUSED)
def test_append_refused_before_its_octets(command: str, answer: str) -> None:
    """No "go on" is said, and the next command is understood."""
    house = House(append_limit=1000)
    player = house.logged_in()
    assert player.line(f"a {command}").startswith(f"a {answer}")
    assert "b OK Nothing done\r\n" == player.line("b NOOP")
    assert [] == kept(house)


def test_append_refused_while_its_octets_come() -> None:
    """Octets of a refused literal that come all the same are read away."""
    house = House(append_limit=10)
    player = house.logged_in()
    octets = b"a NOOP\r\n" * 100
    heard = player.say(b"a APPEND INBOX {%d+}\r\n%s\r\nb NOOP\r\n" % (len(octets), octets))
    assert heard.startswith(b"a NO [TOOBIG] ")
    assert heard.endswith(b"\r\nb OK Nothing done\r\n")
    assert 2 == heard.count(b"\r\n")


def test_second_of_two_refused() -> None:
    """RFC 3502: then none is kept."""
    house = House(append_limit=10)
    player = house.logged_in()
    heard = player.say(b"a APPEND INBOX {3+}\r\none {11+}\r\n01234567890\r\nb NOOP\r\n")
    assert heard.startswith(b"a NO [TOOBIG] ")
    assert heard.endswith(b"\r\nb OK Nothing done\r\n")
    assert [] == kept(house)


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        pytest.param(OverQuota("full"), "NO [OVERQUOTA] ", id="quota"),
        pytest.param(SpoolError("disk"), "NO [UNAVAILABLE] ", id="disk"),
    ],
)
def test_append_fails_in_the_store(fault: Exception, answer: str) -> None:
    """What the store says no to is NO."""
    house = House()
    house.stones()["append"] = fault
    player = house.logged_in()
    assert player.line("a APPEND INBOX {3+}\r\none").startswith(f"a {answer}")
    assert [] == kept(house)


@pytest.mark.parametrize(
    ("step", "command"), [("info", "{65537}"), ("append", "{3+}\r\none")], ids=["many", "few"]
)
def test_mailbox_that_is_not_there_after_all(step: str, command: str) -> None:
    """A store may find out behind ``open``; before many octets are sent it is asked."""
    house = House()
    house.stones()[step] = NoSuchMailbox("gone")
    player = house.logged_in()
    assert player.line(f"a APPEND INBOX {command}").startswith("a NO [TRYCREATE] ")
    assert "b OK Nothing done\r\n" == player.line("b NOOP")


def test_quota_is_asked_before_the_octets() -> None:
    """A client is not asked for many octets that there is no room for; of few, the store tells."""
    house = House()
    result(house.mail.mailboxes("alice@example.test").set_quota(100_000))
    player = house.logged_in()
    assert player.line("a APPEND INBOX {100001}").startswith("a NO [OVERQUOTA] ")
    assert player.line("b APPEND INBOX {99999}").startswith("+ ")
    player = house.logged_in()
    result(house.mail.mailboxes("alice@example.test").set_quota(2))
    assert player.line("c APPEND INBOX {3}").startswith("+ ")
    assert player.line("one").startswith("c NO [OVERQUOTA] ")


def test_a_large_message_streams() -> None:
    """A megabyte, in slices cut anywhere, arrives octet for octet."""
    house = House()
    player = house.logged_in()
    octets = b"".join(b"%07d\r\n" % n for n in range(120_000))
    assert player.say(b"a APPEND INBOX {%d}\r\n" % len(octets)) == b"+ go on\r\n"
    heard = b""
    for start in range(0, len(octets), 50_001):
        heard += player.say(octets[start : start + 50_001])
    heard += player.say(b"\r\n")
    assert heard.startswith(b"a OK [APPENDUID ")
    assert [octets] == [row[3] for row in kept(house)]


# -- REPLACE ------------------------------------------------------------------------------


def test_replace() -> None:
    """RFC 8508: the new one is there and the old one gone, in one step."""
    house = House()
    house.put(ONE, TWO)
    played(
        house,
        """
        C: a REPLACE 1 INBOX (\\Draft) {5+}
        C: hello
        S: * OK [APPENDUID {v} 3] ...
        S: * 1 EXPUNGE
        S: * 2 EXISTS
        S: * 2 RECENT
        S: a OK ...
        C: b UID REPLACE 2 INBOX {5+}
        C: world
        S: * OK [APPENDUID {v} 4] ...
        S: * 1 EXPUNGE
        S: * 2 EXISTS
        S: * 2 RECENT
        S: b OK ...
        C: c REPLACE 9 INBOX {1+}
        C: x
        S: c BAD ...
        C: d UID REPLACE 99 INBOX {1+}
        C: x
        S: d NO [NONEXISTENT] ...
        """,
    )
    assert [b"hello", b"world"] == [row[3] for row in kept(house)]


# -- STORE -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "heard"),
    [
        pytest.param("STORE 1 FLAGS (\\Seen)", "* 1 FETCH (FLAGS (\\Recent \\Seen))", id="set"),
        pytest.param("STORE 1 FLAGS \\Seen", "* 1 FETCH (FLAGS (\\Recent \\Seen))", id="bare"),
        pytest.param("STORE 1 FLAGS ()", "* 1 FETCH (FLAGS (\\Recent))", id="none"),
        pytest.param(
            "STORE 1 +FLAGS (\\Seen)", "* 1 FETCH (FLAGS (\\Flagged \\Recent \\Seen))", id="add"
        ),
        pytest.param("STORE 1 -FLAGS (\\Flagged)", "* 1 FETCH (FLAGS (\\Recent))", id="remove"),
        pytest.param("STORE 1 -FLAGS.SILENT (\\Flagged)", None, id="silent"),
        pytest.param(
            "STORE 1 +FLAGS (\\Flagged)", "* 1 FETCH (FLAGS (\\Flagged \\Recent))", id="as it was"
        ),
        pytest.param(
            "UID STORE 1 +FLAGS (\\Flagged)",
            "* 1 FETCH (UID 1 FLAGS (\\Flagged \\Recent))",
            id="by UID",
        ),
        pytest.param("UID STORE 77 +FLAGS (\\Flagged)", None, id="UID of nobody"),
    ],
)
def test_store(command: str, heard: str | None) -> None:
    """RFC 3501 §6.4.6."""
    house = House()
    house.put(ONE, flags=["\\Flagged"])
    said = f"S: {heard}" if heard else ""
    played(house, f"C: a {command}\n{said}\nS: a OK ...\nC: b NOOP\nS: b OK ...")


@pytest.mark.parametrize(
    "command", ["STORE 3 FLAGS ()", "STORE 1 FLAGS (\\Recent)", "STORE 1 FLAGS (\\What)", "STORE"]
)
def test_bad_store(command: str) -> None:
    """Numbers and flags that there are not."""
    house = House()
    house.put(ONE)
    played(house, f"C: a {command}\nS: a BAD ...")


@pytest.mark.parametrize("how", ["FLAGS", "+FLAGS.SILENT"])
def test_store_of_a_flag_that_cannot_be_kept(how: str) -> None:
    """A keyword longer than a store keeps is refused, and the session goes on."""
    house = House()
    house.put(ONE)
    player = house.selected()
    assert "a NO [CANNOT] A flag that cannot be set\r\n" == player.line(
        f"a STORE 1 {how} (\\Seen {'k' * 5000})"
    )
    assert "* 1 FETCH (FLAGS (\\Recent))\r\nb OK Fetched\r\n" == player.line("b FETCH 1 FLAGS")


@pytest.mark.parametrize("moment", ["01-Jan-0001 00:00:00 +1400", "31-Dec-9999 23:59:59 -1400"])
def test_append_at_an_end_of_the_calendar(moment: str) -> None:
    """A date that only some zones have does not spoil the mailbox for searches and FETCH."""
    house = House()
    player = house.selected()
    assert "OK" in player.line(f'a APPEND INBOX "{moment}" {{3+}}\r\none')
    assert "SERVERBUG" not in player.line("b FETCH 1 INTERNALDATE")
    days = [
        "* SEARCH 1\r\n" in player.line(f"c SEARCH {key} 1-Jan-2000")
        for key in ("BEFORE", "ON", "SINCE")
    ]
    assert [moment.startswith("01"), False, moment.startswith("31")] == days


def test_conditional_store() -> None:
    """
    RFC 7162 §3.1.3: what changed meanwhile is left out and named by MODIFIED; the first such
    command enables CONDSTORE and tells how far the mailbox is.
    """
    house = House()
    house.put(ONE)
    house.put(ONE)
    played(
        house,
        """
        C: a STORE 1:2 (UNCHANGEDSINCE 2) +FLAGS.SILENT (\\Seen)
        S: * OK [HIGHESTMODSEQ 3] ...
        S: * 1 FETCH (MODSEQ (4))
        S: a OK [MODIFIED 2] ...
        C: b UID STORE 1:2 (UNCHANGEDSINCE 4) +FLAGS (\\Deleted)
        S: * 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent \\Seen) MODSEQ (5))
        S: * 2 FETCH (UID 2 FLAGS (\\Deleted \\Recent) MODSEQ (5))
        S: b OK Stored
        C: c UID STORE 1:2 (UNCHANGEDSINCE 0) FLAGS ()
        S: c OK [MODIFIED 1:2] ...
        """,
    )


# -- COPY and MOVE ------------------------------------------------------------------------


def test_copy_and_move() -> None:
    """RFC 3501 §6.4.7, RFC 6851, RFC 4315: with both sets of UIDs."""
    house = House()
    house.put(ONE, TWO, ONE, flags=["\\Seen"])
    played(
        house,
        """
        C: a COPY 1:2 box
        S: a NO [TRYCREATE] ...
        C: b CREATE box
        S: b OK ...
        C: c COPY 1,3 box
        S: c OK [COPYUID {v} 1,3 1:2] ...
        C: d UID COPY 99 box
        S: d OK Copied
        C: e MOVE 2:3 box
        S: * OK [COPYUID {v} 2:3 3:4] ...
        S: * 3 EXPUNGE
        S: * 2 EXPUNGE
        S: e OK Moved
        C: f MOVE 1 nowhere
        S: f NO [TRYCREATE] ...
        C: g COPY 1 INBOX
        S: * 2 EXISTS
        S: * 2 RECENT
        S: g OK [COPYUID ...
        C: h COPY 3 box
        S: h BAD ...
        """,
    )
    assert [ONE, ONE, TWO, ONE] == [row[3] for row in kept(house, "box")]
    assert {frozenset({"\\Seen"})} == {row[1] for row in kept(house, "box")}


# -- QRESYNC -------------------------------------------------------------------------------


def test_select_with_what_was_missed() -> None:
    """
    RFC 7162 §3.2.5: what is gone and what changed since; only of what the client knows, and
    nothing if UIDVALIDITY is another one.
    """
    house = House()
    house.put(ONE, ONE, ONE, ONE)  # modseq 2
    box = house.mailbox()
    result(box.remove(UIDSet([2, 3])))  # 3
    house.put(TWO)  # 4
    validity = result(box.snapshot()).uid_validity
    player = house.logged_in()
    assert player.line(f"a SELECT INBOX (QRESYNC ({validity} 2))").startswith("a BAD ")
    play(
        f"""
        C: b ENABLE QRESYNC
        S: ...
        S: b OK ...
        C: c SELECT INBOX (QRESYNC ({validity} 2))
        S: ...
        S: * VANISHED (EARLIER) 2:3
        S: * 3 FETCH (UID 5 FLAGS (\\Recent) MODSEQ (4))
        S: c OK [READ-WRITE] ...
        C: d SELECT INBOX (QRESYNC ({validity} 2 1:2))
        S: ...
        S: * VANISHED (EARLIER) 2
        S: d OK [READ-WRITE] ...
        C: e SELECT INBOX (QRESYNC ({validity} 2 1:4 (1 1)))
        S: ...
        S: * VANISHED (EARLIER) 2:3
        S: e OK [READ-WRITE] ...
        C: f SELECT INBOX (QRESYNC ({validity} 2 1:4 (1,2 1,4)))
        S: * OK [CLOSED] ...
        S: * FLAGS ...
        S: * OK [PERMANENTFLAGS ...
        S: * 3 EXISTS
        S: * 0 RECENT
        S: * OK [UIDVALIDITY ...
        S: * OK [UIDNEXT ...
        S: * OK [HIGHESTMODSEQ 4] ...
        S: * OK [MAILBOXID ...
        S: * OK [UNSEEN 1] ...
        S: f OK [READ-WRITE] ...
        C: g SELECT INBOX (QRESYNC (77 2))
        S: ...
        S: * OK [UNSEEN 1] ...
        S: g OK [READ-WRITE] ...
        C: h UID FETCH 1:* (FLAGS) (CHANGEDSINCE 3 VANISHED)
        S: * 3 FETCH (UID 5 FLAGS () MODSEQ (4))
        S: h OK ...
        C: i UID FETCH 1:* (FLAGS) (CHANGEDSINCE 2 VANISHED)
        S: * VANISHED (EARLIER) 2:3
        S: ...
        S: i OK ...
        """,
        Played(player),
    )


def test_select_with_what_happens_meanwhile() -> None:
    """
    Between the look of a SELECT and that of its QRESYNC others go on: what goes then was there to
    this client and is told once, without EARLIER; what came and went was never there; flags are
    told once (RFC 7162 §3.2.5.1, §3.2.10).
    """
    house = House()
    house.put(ONE, ONE, ONE, ONE)  # modseq 2
    box = house.mailbox()
    result(box.remove(UIDSet([2])))  # 3
    validity = result(box.snapshot()).uid_validity
    player = house.logged_in()
    player.line("a ENABLE QRESYNC")
    gate: Deferred[None] = Deferred()
    house.stones()["changes"] = gate

    def meanwhile() -> None:
        result(box.remove(UIDSet([3])))
        house.put(TWO, TWO)
        result(box.remove(UIDSet([5])))
        result(box.change_flags(UIDSet([4]), FlagChange(FlagMode.ADD, frozenset({FLAGGED}))))
        gate.callback(None)

    play(
        f"""
        C: b SELECT INBOX (QRESYNC ({validity} 1))
        * meanwhile
        S: * FLAGS ...
        S: * OK [PERMANENTFLAGS ...
        S: * 3 EXISTS
        S: * 3 RECENT
        S: * OK [UIDVALIDITY ...
        S: * OK [UIDNEXT 5] ...
        S: * OK [HIGHESTMODSEQ 3] ...
        S: * OK [MAILBOXID ...
        S: * OK [UNSEEN 1] ...
        S: * VANISHED (EARLIER) 2
        S: * 1 FETCH (UID 1 FLAGS (\\Recent) MODSEQ (2))
        S: * 3 FETCH (UID 4 FLAGS (\\Flagged \\Recent) MODSEQ (7))
        S: * VANISHED 3
        S: * 3 EXISTS
        S: * 3 RECENT
        S: * OK [HIGHESTMODSEQ 7] ...
        S: b OK [READ-WRITE] ...
        C: c NOOP
        S: c OK ...
        """,
        Played(player),
        actions={"meanwhile": meanwhile},
    )


def test_what_vanished_is_below_the_next_uid() -> None:
    """Also where the store has forgotten what went, and a client knows more than ever was."""
    house = House(tombstones=1)
    house.put(*[ONE] * 4)
    validity = result(house.mailbox().snapshot()).uid_validity
    result(house.mailbox().remove(UIDSet([2, 3, 4])))
    play(
        f"""
        C: a ENABLE QRESYNC
        S: ...
        S: a OK ...
        C: b SELECT INBOX (QRESYNC ({validity} 1 1:4294967295))
        S: ...
        S: * VANISHED (EARLIER) 2:4
        S: ...
        S: b OK [READ-WRITE] ...
        C: c UID FETCH 1:4294967295 (UID) (CHANGEDSINCE 1 VANISHED)
        S: * VANISHED (EARLIER) 2:4
        S: ...
        S: c OK ...
        """,
        Played(house.logged_in()),
    )


def test_partial_fetch_of_pages() -> None:
    """RFC 9394: a page from the front, and one from the end."""
    house = House()
    house.put(*[ONE] * 5)
    player = house.selected()
    for window, uids in (("1:2", [1, 2]), ("4:9", [4, 5]), ("-1:-2", [4, 5]), ("-9:-5", [1])):
        heard = player.line(f"a UID FETCH 1:* (UID) (PARTIAL {window})")
        expected = "".join(f"* {uid} FETCH (UID {uid})\r\n" for uid in uids)
        assert f"{expected}a OK Fetched\r\n" == heard


def test_large_sets_are_several_commits() -> None:
    """
    Flags, removals and moves of more than a thousand let others come between; a COPY is one
    commit, for it is done for all or for none (RFC 3501 §6.4.7).
    """
    house = House()
    house.put(*[b"x"] * 2010)
    for each in ("Copies", "Moved"):
        result(house.store().create(MailboxName(each)))
    player = house.selected()

    def heard(command: str) -> str:
        text = player.line(f"a {command}")
        while "\r\na " not in f"\r\n{text}":
            text += player.heard().decode()
        return text

    def commits(command: str) -> int:
        before = result(house.store().changes(ModSeq(0))).until
        assert "\r\na OK" in f"\r\n{heard(command)}"
        return int(result(house.store().changes(ModSeq(0))).until - before)

    assert 1 == commits("COPY 1:* Copies")
    assert 3 == commits("UID STORE 1:* +FLAGS.SILENT (\\Seen)")
    told = heard("MOVE 1:1005 Moved")
    assert told.startswith("* OK [COPYUID ")
    assert (1, 1005) == (told.count("COPYUID"), told.count(" EXPUNGE"))
    heard("COPY 1:* INBOX")
    heard("STORE 1:2005 +FLAGS.SILENT (\\Deleted)")
    assert 2 == commits("UID EXPUNGE 1:2010")
    assert 1 == commits("EXPUNGE")
    heard("STORE 1:* +FLAGS.SILENT (\\Deleted)")
    assert 1 == commits("CLOSE")
    assert 0 == result(house.mailbox().info()).messages


def test_a_move_that_ends_partway() -> None:
    """What was moved by then is told, with its UIDs, and the rest is where it was."""
    house = House()
    house.put(*[b"x"] * 1500)
    result(house.store().create(MailboxName("Moved")))
    player = house.selected()
    gone = house.mailbox()
    result(gone.remove(UIDSet([1200])))
    heard = player.line("a MOVE 1:1500 Moved")
    while "\r\na " not in heard:
        heard += player.heard().decode()
    assert heard.startswith("* OK [COPYUID ")
    assert "1:1000 1:1000] Moved\r\n" in heard
    assert 1001 == heard.count(" EXPUNGE\r\n")
    assert "\r\na NO [EXPUNGEISSUED] " in heard
    assert 1000 == result(house.mailbox("Moved").info()).messages


def test_the_store_is_asked_for_a_thousand_at_once() -> None:
    """FETCH and STORE of more are cut into slices."""
    house = House()
    house.put(*[b"x"] * 2010)
    player = house.selected()
    heard = player.line("a FETCH 1:* UID")
    while "a OK" not in heard:
        heard += player.heard().decode()
    assert 2010 == heard.count(" FETCH (UID ")
    heard = player.line("b STORE 1:* +FLAGS (\\Seen)")
    while "b OK" not in heard:
        heard += player.heard().decode()
    assert 2010 == heard.count("\\Seen")
    assert UID(2010) == result(house.mailbox().snapshot()).uid_next - 1
