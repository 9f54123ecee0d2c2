"""
Tests with several clients on one mailbox: each is told when the RFC allows it, and not before.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from pymta.imap.conversation import COALESCE
from pymta.mailbox import FLAGGED, SEEN, FlagChange, FlagMode, UIDSet
from tests.edge.home import result
from tests.imap.dialogue import Played, play
from tests.imap.house import ONE, TWO, House


def two(house: House, transcript: str, *, clients: int = 2, **names: str) -> None:
    """Play it with clients that have INBOX open."""
    players = [Played(house.selected()) for _ in range(clients)]
    actions = {
        "deliver": lambda: house.put(ONE),
        "time": lambda: house.elapse(COALESCE),
    }
    play(transcript, *players, actions=actions, values=names)


def test_an_expunge_waits() -> None:
    """
    RFC 3501 §7.4.1: no EXPUNGE while FETCH, STORE or SEARCH by number is answered; in NOOP and
    in commands by UID there is.
    """
    house = House()
    house.put(ONE, ONE, ONE)
    two(
        house,
        """
        C: a STORE 1,3 +FLAGS.SILENT (\\Deleted)
        S: a OK ...
        C: b EXPUNGE
        S: * 3 EXPUNGE
        S: * 1 EXPUNGE
        S: b OK ...
        C2: a FETCH 2 UID
        S2: * 2 FETCH (UID 2)
        S2: a OK ...
        C2: b STORE 2 +FLAGS (\\Seen)
        S2: * 2 FETCH (FLAGS (\\Seen))
        S2: b OK ...
        C2: c UID FETCH 2 FLAGS
        S2: * 2 FETCH (UID 2 FLAGS (\\Seen))
        S2: * 3 EXPUNGE
        S2: * 1 EXPUNGE
        S2: c OK ...
        C2: d FETCH 1 UID
        S2: * 1 FETCH (UID 2)
        S2: d OK ...
        """,
    )


def test_no_number_is_one_of_an_empty_mailbox() -> None:
    """
    RFC 9051 §9, seq-number: neither is ``*``, where a UID is whatever there is; a search finds
    nothing.
    """
    two(
        House(),
        """
        C: a FETCH * UID
        S: a BAD ...
        C: b FETCH 1:* UID
        S: b BAD ...
        C: c STORE * +FLAGS (\\Seen)
        S: c BAD ...
        C: d COPY *:* INBOX
        S: d BAD ...
        C: e MOVE * INBOX
        S: e BAD ...
        C: f UID FETCH * FLAGS
        S: f OK ...
        C: g UID STORE 1:* +FLAGS (\\Seen)
        S: g OK ...
        C: h UID COPY * INBOX
        S: h OK Copied
        C: i UID EXPUNGE *
        S: i OK ...
        C: j SEARCH *
        S: * SEARCH
        S: j OK ...
        C: k FETCH $ UID
        S: k OK ...
        """,
        clients=1,
    )


def test_what_is_gone_is_not_copied_by_number() -> None:
    """OK would say that all of them were; so nothing is done, and the client hears why."""
    house = House()
    house.put(ONE, ONE, ONE)
    two(
        house,
        """
        C: 1 CREATE Archive
        S: 1 OK ...
        C: a UID STORE 2 +FLAGS.SILENT (\\Deleted)
        S: a OK ...
        C: b EXPUNGE
        S: * 2 EXPUNGE
        S: b OK ...
        C2: a COPY 1:3 Archive
        S2: * 2 EXPUNGE
        S2: a NO [EXPUNGEISSUED] ...
        C2: b STATUS Archive (MESSAGES)
        S2: * STATUS Archive (MESSAGES 0)
        S2: b OK ...
        C: c UID MOVE 3 Archive
        S: ...
        S: c OK ...
        C2: c MOVE 2 Archive
        S2: * 2 EXPUNGE
        S2: c NO [EXPUNGEISSUED] ...
        C2: d UID COPY 1:3 Archive
        S2: d OK [COPYUID ...
        """,
    )


@pytest.mark.parametrize("verb", ["COPY", "MOVE"])
def test_what_goes_while_it_is_copied(verb: str) -> None:
    """The store looks in the commit: an expunge behind the last look of the session counts, too."""
    house = House()
    house.put(ONE, ONE, ONE)
    players = [Played(house.selected()) for _ in range(2)]
    gate: Deferred[None] = Deferred()

    def open_it() -> None:
        house.stones().clear()
        gate.callback(None)

    play(
        f"""
        C: a CREATE Archive
        S: a OK ...
        * close
        C2: a {verb} 1:3 Archive
        C: b UID STORE 2 +FLAGS.SILENT (\\Deleted)
        S: b OK ...
        C: c EXPUNGE
        S: * 2 EXPUNGE
        S: c OK ...
        * open
        S2: * 2 EXPUNGE
        S2: a NO [EXPUNGEISSUED] ...
        C2: b STATUS Archive (MESSAGES)
        S2: * STATUS Archive (MESSAGES 0)
        S2: b OK ...
        C2: c {verb} 1:2 Archive
        S2: ...
        S2: c OK ...
        C2: d STATUS Archive (MESSAGES)
        S2: * STATUS Archive (MESSAGES 2)
        S2: d OK ...
        """,
        *players,
        actions={
            "close": lambda: house.stones().update({verb.lower(): gate}),
            "open": open_it,
        },
    )


def test_what_is_gone_and_not_told_keeps_its_number() -> None:
    """
    RFC 2180 §4.1: a FETCH of what others removed is a NO, and all else is told; its octets can
    still be had.
    """
    house = House()
    house.put(ONE, ONE)
    two(
        house,
        """
        C: a STORE 1 +FLAGS.SILENT (\\Deleted)
        S: a OK ...
        C: b EXPUNGE
        S: * 1 EXPUNGE
        S: b OK ...
        C2: a FETCH 1:2 RFC822.SIZE
        S2: * 2 FETCH (RFC822.SIZE 45)
        S2: a NO [EXPUNGEISSUED] ...
        C2: b STORE 1:2 +FLAGS (\\Seen)
        S2: * 2 FETCH (FLAGS (\\Seen))
        S2: b NO [EXPUNGEISSUED] ...
        C2: d FETCH 1:2 BODY[TEXT]
        S2: * 1 FETCH (BODY[TEXT] ...
        S2: first
        S2: )
        S2: * 2 FETCH (BODY[TEXT] ...
        S2: first
        S2: )
        S2: d OK ...
        C2: c NOOP
        S2: * 1 EXPUNGE
        S2: c OK ...
        """,
    )


def test_news_come_with_any_command() -> None:
    """EXISTS, RECENT and flags are told before the end of whatever is asked next."""
    house = House()
    house.put(ONE)
    two(
        house,
        """
        C: a STORE 1 +FLAGS (\\Flagged)
        S: * 1 FETCH (FLAGS (\\Flagged \\Recent))
        S: a OK ...
        * deliver
        C2: a FETCH 1 UID
        S2: * 1 FETCH (UID 1)
        S2: * 2 EXISTS
        S2: * 1 RECENT
        S2: * 1 FETCH (FLAGS (\\Flagged))
        S2: a OK ...
        C2: b NOOP
        S2: b OK ...
        C: b NOOP
        S: * 2 EXISTS
        S: * 2 RECENT
        S: b OK ...
        """,
    )


def test_silence_is_for_own_changes_only() -> None:
    """
    RFC 3501 §6.4.6: who stores silently is not told; but it is told what somebody else changed
    meanwhile, also on the same message.
    """
    house = House()
    house.put(ONE, ONE)
    two(
        house,
        """
        C: a STORE 1 +FLAGS.SILENT (\\Flagged)
        S: a OK ...
        C2: a STORE 1:2 +FLAGS.SILENT (\\Seen)
        S2: * 1 FETCH (FLAGS (\\Flagged \\Seen))
        S2: a OK ...
        C: b NOOP
        S: * 1 FETCH (FLAGS (\\Flagged \\Recent \\Seen))
        S: * 2 FETCH (FLAGS (\\Recent \\Seen))
        S: b OK ...
        C2: b NOOP
        S2: b OK ...
        """,
    )


def test_an_idler_hears_at_once() -> None:
    """
    RFC 2177: while a client idles it is told as it happens, EXPUNGE too; silence before.
    """
    house = House()
    house.put(ONE, TWO)
    two(
        house,
        """
        C: a IDLE
        S: + idling
        * deliver
        * time
        S: * 3 EXISTS
        S: * 3 RECENT
        C2: a STORE 2 +FLAGS.SILENT (\\Deleted)
        S2: * 3 EXISTS
        S2: * 1 RECENT
        S2: a OK ...
        * time
        S: * 2 FETCH (FLAGS (\\Deleted \\Recent))
        C2: b EXPUNGE
        S2: * 2 EXPUNGE
        S2: b OK ...
        * time
        S: * 2 EXPUNGE
        C: DONE
        S: a OK ...
        """,
    )


def test_what_came_before_idle_is_told_when_it_begins() -> None:
    """Who idles does not ask any more."""
    house = House()
    two(
        house,
        """
        * deliver
        C: a IDLE
        S: + idling
        S: * 1 EXISTS
        S: * 1 RECENT
        C: DONE
        S: a OK ...
        """,
        clients=1,
    )


def test_idle_ends_with_done_only() -> None:
    """Something else than DONE is BAD, and the session goes on."""
    house = House()
    two(
        house,
        """
        C: a IDLE
        S: + idling
        C: b NOOP
        S: a BAD ...
        C: c NOOP
        S: c OK ...
        """,
        clients=1,
    )


def test_idling_without_a_mailbox() -> None:
    """RFC 2177: it is allowed in the authenticated state."""
    House().logged_in().play(
        """
        C: a IDLE
        S: + idling
        C: DONE
        S: a OK Done idling
        """
    )


def test_many_bells_are_one_answer() -> None:
    """A hundred deliveries in a row are told as one."""
    house = House()
    player = house.selected()
    player.line("i IDLE")
    for _ in range(100):
        house.put(ONE)
    assert b"" == player.heard()
    house.elapse(COALESCE)
    assert b"* 100 EXISTS\r\n* 100 RECENT\r\n" == player.heard()


@pytest.mark.parametrize("idling", [True, False])
def test_a_mailbox_that_is_deleted_ends_the_session(idling: bool) -> None:
    """No response says that all is gone and another one there: the client is sent away."""
    house = House()
    one, other = house.logged_in(), house.logged_in()
    one.line("a CREATE box")
    one.line("b SELECT box")
    if idling:
        one.line("i IDLE")
    assert other.line("c DELETE box").startswith("c OK")
    house.elapse(COALESCE)
    heard = one.heard() or one.say(b"d NOOP\r\n")
    assert heard.endswith(b"* BYE [UNAVAILABLE] The selected mailbox was deleted\r\n")
    assert one.closed


@pytest.mark.parametrize(
    "command", ["SELECT INBOX", "EXAMINE INBOX", "UNSELECT", "CLOSE", "UNAUTHENTICATE"]
)
def test_a_mailbox_that_is_deleted_can_be_left(command: str) -> None:
    """Also by who was told of arrivals there: nothing of it is said of another mailbox."""
    house = House()
    one, other = house.logged_in(), house.logged_in()
    one.line("a CREATE box")
    one.line("b SELECT box")
    assert " OK " in other.line("c APPEND box {3+}\r\nabc")
    assert "* 1 EXISTS" in one.line("d NOOP")
    assert other.line("e DELETE box").startswith("e OK")
    *_, last = one.line(f"f {command}").splitlines()
    assert last.startswith("f OK")


def test_qresync_tells_uids_and_how_far_it_is() -> None:
    """
    RFC 7162 §3.2: VANISHED in place of EXPUNGE; while one is held back HIGHESTMODSEQ stays below
    it, and modseqs above it are told together with that.
    """
    house = House()
    house.put(ONE, ONE, ONE)
    one, other = house.logged_in(), house.selected()
    one.play(
        """
        C: a ENABLE QRESYNC
        S: * ENABLED QRESYNC
        S: a OK Enabled
        """
    )
    one.line("b SELECT INBOX")
    play(
        """
        C2: a STORE 2 +FLAGS.SILENT (\\Deleted)
        S2: a OK ...
        C2: b EXPUNGE
        S2: * 2 EXPUNGE
        S2: b OK ...
        C: c STORE 1 +FLAGS.SILENT (\\Seen)
        S: * 1 FETCH (UID 1 MODSEQ (5))
        S: c OK [HIGHESTMODSEQ 2] ...
        C: d NOOP
        S: * VANISHED 2
        S: d OK [HIGHESTMODSEQ 5] ...
        C: e FETCH 2 FLAGS
        S: * 2 FETCH (UID 3 FLAGS ())
        S: e OK ...
        """,
        Played(one),
        Played(other),
    )


def test_changes_behind_our_back_are_found_by_noop() -> None:
    """NOOP asks the store even if no bell rang: a bell may be late."""
    house = House()
    house.put(ONE)
    player = house.selected()
    change = FlagChange(FlagMode.ADD, frozenset({SEEN}))
    result(house.mailbox().change_flags(UIDSet([1]), change))
    player.play(
        """
        C: a NOOP
        S: * 1 FETCH (FLAGS (\\Recent \\Seen))
        S: a OK Nothing done
        """
    )


def test_new_keywords_are_announced() -> None:
    """RFC 3501 §7.2.6: FLAGS, in front of the first message that has it."""
    house = House()
    house.put(ONE)
    two(
        house,
        """
        C: a STORE 1 FLAGS (urgent)
        S: * FLAGS (\\Answered \\Deleted \\Draft \\Flagged \\Seen urgent)
        S: * OK [PERMANENTFLAGS (\\Answered \\Deleted \\Draft \\Flagged \\Seen urgent \\*)] ...
        S: * 1 FETCH (FLAGS (\\Recent urgent))
        S: a OK ...
        C2: a NOOP
        S2: * FLAGS (\\Answered \\Deleted \\Draft \\Flagged \\Seen urgent)
        S2: * OK [PERMANENTFLAGS (\\Answered \\Deleted \\Draft \\Flagged \\Seen urgent \\*)] ...
        S2: * 1 FETCH (FLAGS (urgent))
        S2: a OK ...
        """,
    )


def test_silence_in_a_race() -> None:
    """
    What somebody else changes between the last news and the commit of a silent STORE is told: the
    client's own reckoning would be wrong.
    """
    house = House()
    house.put(ONE, ONE)
    player = house.selected()
    waiting: Deferred[None] = Deferred()
    house.stones()["change_flags"] = waiting
    assert "" == player.line("a STORE 1:2 +FLAGS.SILENT (\\Seen)")
    flagged = FlagChange(FlagMode.ADD, frozenset({FLAGGED}))
    result(house.mailbox().change_flags(UIDSet([2]), flagged))
    waiting.callback(None)
    assert b"* 2 FETCH (FLAGS (\\Flagged \\Recent \\Seen))\r\na OK Stored\r\n" == player.heard()
