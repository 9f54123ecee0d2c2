"""
A client's model of its mailbox: what it believes, and which rules of the server's it checks.
"""

from __future__ import annotations

import pytest

from pymta.errors import RemoteProtocolError
from pymta.wire.imap.client_data import Condition, Data, Fetched, Status
from pymta.wire.imap.client_events import Completed, Request, Untagged
from pymta.wire.imap.client_mailbox import KnownMessage, SelectedMailbox
from pymta.wire.imap.client_reading import Continue, Tagged, read_response

SEEN = frozenset({"\\Seen"})
QRESYNC = frozenset({"CONDSTORE", "QRESYNC"})
UID_ONLY = frozenset({"UIDONLY"})


def say(model: SelectedMailbox, *lines: str, during: str | None = "NOOP") -> None:
    """The server says these lines while it works at a command."""
    request = None if during is None else Request(during)
    for line in lines:
        found = read_response(line.encode(), depth=9, name=lambda name: name.decode())
        assert not isinstance(found, Continue)
        if isinstance(found, Tagged):
            model.completed(Completed(found.tag, Request(during or "NOOP"), found.condition))
        else:
            model.apply(Untagged(found, request))


def opened(enabled: frozenset[str] = frozenset()) -> SelectedMailbox:
    """A mailbox with three messages, all known."""
    model = SelectedMailbox(enabled=enabled)
    say(model, "* 3 EXISTS", "* OK [UIDVALIDITY 7] x", "* OK [UIDNEXT 31] x", during="SELECT")
    word = "{0} UIDFETCH (" if enabled == UID_ONLY else "{1} FETCH (UID {0} "
    for number, uid in enumerate((10, 20, 30), 1):
        line = f"* {word.format(uid, number)}FLAGS () MODSEQ ({number}))"
        say(model, line, during="UID FETCH")
    return model


def test_what_is_believed() -> None:
    """Messages, flags and the codes of SELECT are kept."""
    model = opened()
    say(
        model,
        "* FLAGS (\\Seen)",
        "* OK [PERMANENTFLAGS (\\Seen \\*)] x",
        "* 1 RECENT",
        "* OK [HIGHESTMODSEQ 9] x",
        "* 2 FETCH (FLAGS (\\Seen) MODSEQ (10))",
        "* 4 EXISTS",
        "* 1 EXPUNGE",
        "A1 OK [HIGHESTMODSEQ 11] x",
    )
    assert (20, 30, None) == model.uids
    assert KnownMessage(20, SEEN, 10) == model.messages[0]
    assert (7, 31, 11) == (model.uid_validity, model.uid_next, model.highest_modseq)
    assert (SEEN, frozenset({"\\Seen", "\\*"}), 1) == (
        model.flags,
        model.permanent_flags,
        model.recent,
    )
    assert (1, 2, None) == tuple(map(model.number_of, (20, 30, 10)))


def test_vanished() -> None:
    """With QRESYNC messages go by UID; those not yet known are at the end."""
    model = opened(QRESYNC)
    say(model, "* 5 EXISTS", "* VANISHED (EARLIER) 1:9,20", "* VANISHED 20,31")
    assert (10, 30, None) == model.uids


def test_vanished_between() -> None:
    """One that is not known goes from between those that are, and not from elsewhere."""
    model = opened(QRESYNC)
    say(model, "* 6 EXISTS", "* 5 FETCH (UID 50)", "* VANISHED 40")
    assert (10, 20, 30, 50, None) == model.uids
    say(model, "* VANISHED 50,60")
    assert [10, 20, 30] == list(model.uids)
    say(model, "* 4 EXISTS")
    with pytest.raises(RemoteProtocolError):
        say(model, "* VANISHED 25")


def test_uid_only() -> None:
    """With UIDONLY messages are learnt by UID, in any order."""
    model = SelectedMailbox(enabled=UID_ONLY)
    say(model, "* 3 EXISTS", "* 30 UIDFETCH (FLAGS ())", "* 10 UIDFETCH (FLAGS (\\Seen))")
    assert (10, 30, None) == model.uids
    say(model, "* 30 UIDFETCH (FLAGS (\\Seen))", "* VANISHED 10")
    assert [30, None] == list(model.uids)
    assert SEEN == model.messages[0].flags


@pytest.mark.parametrize("during", ["UID FETCH", "UID STORE", "UID SEARCH", "NOOP", "IDLE"])
def test_moments_for_expunge(during: str) -> None:
    """Commands without sequence numbers may tell of what is expunged."""
    model = opened()
    say(model, "* 2 EXPUNGE", during=during)
    assert (10, 30) == model.uids


BROKEN: dict[str, tuple[frozenset[str], str | None, str]] = {
    "fewer exist": (frozenset(), "NOOP", "* 2 EXISTS"),
    "expunged beyond": (frozenset(), "NOOP", "* 4 EXPUNGE"),
    "expunged in FETCH": (frozenset(), "FETCH", "* 1 EXPUNGE"),
    "expunged in STORE": (frozenset(), "STORE", "* 1 EXPUNGE"),
    "expunged in SEARCH": (frozenset(), "SEARCH", "* 1 EXPUNGE"),
    "expunged in SORT": (frozenset(), "SORT", "* 1 EXPUNGE"),
    "expunged unasked": (frozenset(), None, "* 1 EXPUNGE"),
    "vanished in FETCH": (QRESYNC, "FETCH", "* VANISHED 10"),
    "vanished, not enabled": (frozenset(), "NOOP", "* VANISHED 10"),
    "vanished, not there": (QRESYNC, "NOOP", "* VANISHED 11"),
    "vanished, all at once": (QRESYNC, "NOOP", "* VANISHED 1:4294967295"),
    "expunged with QRESYNC": (QRESYNC, "NOOP", "* 1 EXPUNGE"),
    "fetched beyond": (frozenset(), "FETCH", "* 4 FETCH (FLAGS ())"),
    "another UID": (frozenset(), "FETCH", "* 1 FETCH (UID 11)"),
    "mod-sequence back": (frozenset(), "FETCH", "* 3 FETCH (MODSEQ (2))"),
    "flags without MODSEQ": (QRESYNC, "NOOP", "* 1 FETCH (FLAGS () UID 10)"),
    "flags without UID": (QRESYNC, "NOOP", "* 1 FETCH (FLAGS () MODSEQ (9))"),
    "UIDFETCH": (frozenset(), "NOOP", "* 10 UIDFETCH (FLAGS ())"),
    "FETCH with UIDONLY": (UID_ONLY, "NOOP", "* 1 FETCH (FLAGS ())"),
    "UIDFETCH of nothing": (UID_ONLY, "NOOP", "* 11 UIDFETCH (FLAGS ())"),
    "found beyond": (frozenset(), "SEARCH", "* SEARCH 1 4"),
    "sorted beyond": (frozenset(), "SORT", "* SORT 4 1"),
    "found at most beyond": (frozenset(), "SEARCH", '* ESEARCH (TAG "a") MAX 4'),
    "another UIDVALIDITY": (frozenset(), "NOOP", "* OK [UIDVALIDITY 8] x"),
}


@pytest.mark.parametrize(("enabled", "during", "line"), BROKEN.values(), ids=BROKEN)
def test_rules(enabled: frozenset[str], during: str | None, line: str) -> None:
    """What a server may not say, or not now, is an error."""
    model = opened(enabled)
    with pytest.raises(RemoteProtocolError):
        say(model, line, during=during)


def test_rules_of_two_lines() -> None:
    """UIDs ascend, also with unknown ones between; HIGHESTMODSEQ does not go back."""
    model = opened()
    say(model, "* 6 EXISTS", "* 5 FETCH (UID 50)")
    for line in ("* 4 FETCH (UID 51)", "* 6 FETCH (UID 50)", "* 4 FETCH (UID 30)"):
        with pytest.raises(RemoteProtocolError, match="out of order"):
            say(model, line)
    say(model, "* OK [HIGHESTMODSEQ 9] x")
    with pytest.raises(RemoteProtocolError, match="went back"):
        say(model, "A1 OK [HIGHESTMODSEQ 8] x")


@pytest.mark.parametrize(
    "data",
    [Condition(Status.OK, "x"), Fetched(1, {"UID": 10, "FLAGS": SEEN, "BODY[]": b""})],
    ids=["OK", "FETCH"],
)
def test_what_changes_nothing(data: Data) -> None:
    """Other data leaves the numbers as they are."""
    model = opened()
    model.apply(Untagged(data, Request("FETCH")))
    assert (10, 20, 30) == model.uids
