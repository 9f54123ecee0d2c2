"""
SEARCH, ESEARCH, SORT and THREAD, as clients see them.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from zope.interface import directlyProvides

from pymta.errors import StoreClosed
from pymta.imap.contexts import MOST_CONTEXTS
from pymta.imap.conversation import COALESCE
from pymta.imap.results import _page
from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import IMailbox, NewMessage
from pymta.mailbox import MailboxName, UIDSet
from pymta.search import HeaderText
from pymta.store.memory.mailbox import MemoryMailbox
from pymta.wire.imap.command.fetch import Window
from tests.edge.home import result
from tests.imap.dialogue import Played, play
from tests.imap.house import House


def letter(subject: str, *lines: str, body: str = "text") -> bytes:
    """A message with this subject and more fields."""
    head = [f"Subject: {subject}", *lines]
    return "".join(f"{line}\r\n" for line in [*head, "", body]).encode()


APPLES = letter(
    "Apples",
    "From: Zoe <zoe@a.test>",
    "Date: Mon, 5 Jan 2026 10:00:00 +0000",
    "Message-ID: <1@a>",
    body="green fruit",
)
BREAD = letter(
    "Re: bread",
    "From: Bob <bob@a.test>",
    "Date: Sat, 3 Jan 2026 10:00:00 +0000",
    "Message-ID: <2@a>",
    "References: <0@a>",
    body="brown bread for sandwich",
)
CHEESE = letter(
    "bread",
    "From: Yan <yan@a.test>",
    "Date: Sun, 4 Jan 2026 10:00:00 +0000",
    "Message-ID: <3@a>",
    "References: <1@a>",
    body="k\u00e4se",
)


def fed(**given: Any) -> House:
    """INBOX with three messages: UIDs 2 to 4, so that numbers are others."""
    house = House(**given)
    house.put(letter("gone"))
    house.put(APPLES, flags=["\\Seen"])
    house.put(BREAD, flags=["\\Flagged", "work"])
    house.put(CHEESE)
    mailbox = house.mailbox()
    result(mailbox.remove(result(mailbox.search(_subject("gone"))).uids))
    return house


def _subject(text: str) -> Any:
    return HeaderText("Subject", text)


def one(house: House, transcript: str, **actions: Any) -> None:
    """Play it with INBOX open."""
    play(transcript, Played(house.selected()), actions=actions)


SEARCHES = """
ALL => 1 2 3
UNSEEN => 2 3
NOT KEYWORD work => 1 3
OR SEEN FLAGGED => 1 2
(SEEN UNFLAGGED) => 1
2:* => 2 3
* => 3
7:* => 3
1:1000 => 1 2 3
500:600 =>
NOT 2 => 1 3
UID 2,4 => 1 3
UID 9:* => 3
SUBJECT bread => 2 3
SUBJECT "RE: B" => 2
FROM zoe => 1
HEADER message-id 2@ => 2
HEADER References "" => 2 3
BODY fruit => 1
TEXT bread => 2 3
SENTON 4-Jan-2026 => 3
SENTSINCE 4-Jan-2026 => 1 3
SENTBEFORE 5-Jan-2026 => 2 3
ON 2-Jan-2026 => 1 2 3
BEFORE 2-Jan-2026 =>
SAVEDSINCE 2-Jan-2026 SAVEDATESUPPORTED => 1 2 3
YOUNGER 1 => 1 2 3
OLDER 1 =>
LARGER 140 => 2
SMALLER 2 =>
RECENT => 1 2 3
NEW => 2 3
OLD =>
CHARSET UTF-8 BODY "k\u00e4" => 3
CHARSET iso-8859-1 BODY {2+} => |k\u00e4|3
NOT NOT NOT ALL =>
FUZZY SUBJECT "bred" => 2 3
FUZZY BODY "sandwihc brown" => 2
EMAILID nobody =>
THREADID nobody =>
"""


@pytest.mark.parametrize("row", SEARCHES.strip().splitlines(), ids=lambda r: r.partition(" =>")[0])
def test_search(row: str) -> None:
    """Every key, as numbers and as UIDs, which are one more."""
    keys, _, numbers = row.partition(" => ")
    keys = keys.removesuffix(" =>")
    player = fed().selected()
    for verb, shift in (("SEARCH", 0), ("UID SEARCH", 1)):
        if numbers.startswith("|"):
            _, octets, expected = numbers.split("|")
            player.say(f"a {verb} {keys}\r\n".encode())
            heard = player.say(octets.encode("latin-1") + b"\r\n").decode()
        else:
            expected, heard = numbers, player.line(f"a {verb} {keys}")
        found = [str(int(n) + shift) for n in expected.split()]
        assert heard.splitlines()[:-1] == [" ".join(["* SEARCH", *found])]
        assert "a OK" in heard


def test_search_returns() -> None:
    """RFC 4731, RFC 9394: what is asked for, and nothing where nothing is found."""
    one(
        fed(),
        """
        C: a SEARCH RETURN () UNSEEN
        S: * ESEARCH (TAG "a") ALL 2:3
        S: a OK ...
        C: b UID SEARCH RETURN (MIN MAX COUNT) ALL
        S: * ESEARCH (TAG "b") UID MIN 2 MAX 4 COUNT 3
        S: b OK ...
        C: c SEARCH RETURN (MIN MAX ALL COUNT) DELETED
        S: * ESEARCH (TAG "c") COUNT 0
        S: c OK ...
        C: d SEARCH RETURN (PARTIAL 2:9) ALL
        S: * ESEARCH (TAG "d") PARTIAL (2:9 2:3)
        S: d OK ...
        C: e UID SEARCH RETURN (PARTIAL -1:-2 COUNT) ALL
        S: * ESEARCH (TAG "e") UID PARTIAL (-1:-2 3:4) COUNT 3
        S: e OK ...
        C: f SEARCH RETURN (PARTIAL 4:9) ALL
        S: * ESEARCH (TAG "f") PARTIAL (4:9 NIL)
        S: f OK ...
        C: g SEARCH RETURN (CONTEXT) SEEN
        S: * ESEARCH (TAG "g") ALL 1
        S: g OK ...
        C: h SEARCH RETURN (RELEVANCY ALL) FUZZY BODY "green fruit"
        S: * ESEARCH (TAG "h") ALL 1 RELEVANCY (100)
        S: h OK ...
        C: i SEARCH RETURN (ALL PARTIAL 1:2) ALL
        S: i BAD ...
        """,
    )


def test_search_in_rev2() -> None:
    """RFC 9051 section 6.4.4: an ESEARCH response answers every search; RECENT finds nothing."""
    player = fed().logged_in()
    play(
        """
        C: a ENABLE IMAP4rev2
        S: * ENABLED IMAP4rev2
        S: a OK ...
        C: s SELECT INBOX
        S: ...
        S: s OK ...
        C: b SEARCH UNSEEN
        S: * ESEARCH (TAG "b") ALL 2:3
        S: b OK ...
        C: c UID SEARCH RECENT
        S: * ESEARCH (TAG "c") UID
        S: c OK ...
        """,
        Played(player),
    )


def test_saved_results() -> None:
    """RFC 5182: ``$`` is what was saved, without what is expunged."""
    one(
        fed(),
        """
        C: a SEARCH RETURN (SAVE) UNSEEN
        S: a OK ...
        C: b FETCH $ (UID)
        S: * 2 FETCH (UID 3)
        S: * 3 FETCH (UID 4)
        S: b OK ...
        C: c UID SEARCH UID $ SUBJECT bread NOT FLAGGED
        S: * SEARCH 4
        S: c OK ...
        C: d SEARCH RETURN (SAVE MIN) ALL
        S: * ESEARCH (TAG "d") MIN 1
        S: d OK ...
        C: e SEARCH $
        S: * SEARCH 1
        S: e OK ...
        C: f SEARCH RETURN (SAVE MIN MAX) ALL
        S: * ESEARCH (TAG "f") MIN 1 MAX 3
        S: f OK ...
        C: g SEARCH OR $ 2
        S: * SEARCH 1 2 3
        S: g OK ...
        C: h SEARCH RETURN (SAVE MIN COUNT) ALL
        S: * ESEARCH (TAG "h") MIN 1 COUNT 3
        S: h OK ...
        C: i SEARCH $
        S: * SEARCH 1 2 3
        S: i OK ...
        C: j SEARCH RETURN (SAVE PARTIAL 1:1 MAX) ALL
        S: * ESEARCH (TAG "j") MAX 3 PARTIAL (1:1 1)
        S: j OK ...
        C: k STORE 1 +FLAGS.SILENT (\\Deleted)
        S: k OK ...
        C: l EXPUNGE
        S: * 1 EXPUNGE
        S: l OK ...
        C: m SEARCH $
        S: * SEARCH 2
        S: m OK ...
        C: n SEARCH RETURN (SAVE) CHARSET X-NONE ALL
        S: n NO [BADCHARSET (US-ASCII UTF-8)] ...
        C: o SEARCH $
        S: * SEARCH
        S: o OK ...
        C: p FETCH $ FLAGS
        S: p OK ...
        """,
    )


def test_what_is_wrong_with_a_search() -> None:
    """Charsets that nobody knows, and after ENABLE UTF8=ACCEPT any; a bad one changes no ``$``."""
    one(
        fed(),
        """
        C: a SEARCH RETURN (SAVE) SEEN
        S: a OK ...
        C: b SEARCH RETURN (SAVE) NOTHING
        S: b BAD ...
        C: c SEARCH CHARSET X-NONE TEXT x
        S: c NO [BADCHARSET (US-ASCII UTF-8)] ...
        C: d SEARCH $
        S: * SEARCH 1
        S: d OK ...
        """,
    )


@pytest.mark.parametrize("verb", ["SEARCH", "UID SEARCH", "ESEARCH"])
def test_nothing_is_saved_by_a_failure(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 5182 section 2.1: ``$`` is empty behind NO, whoever says it."""

    async def broken(_self: MemoryMailbox, query: object) -> object:
        raise StoreClosed("broken")

    player = fed().selected()
    assert "a OK" in player.line("a SEARCH RETURN (SAVE) ALL")
    assert "b NO" in player.line(f"b {verb} RETURN (SAVE) CHARSET X-NONE ALL")
    assert "* SEARCH\r\n" in player.line("c SEARCH $")
    assert "d OK" in player.line("d SEARCH RETURN (SAVE) ALL")
    with monkeypatch.context() as patched:
        patched.setattr(MemoryMailbox, "search", broken)
        assert "e NO" in player.line(f"e {verb} RETURN (SAVE) $")
    assert "* SEARCH\r\n" in player.line("f SEARCH $")


def test_modseqs_of_what_is_found() -> None:
    """RFC 7162 section 3.1.5 and RFC 4731 section 3.2: told where MODSEQ is among the keys."""
    one(
        fed(),
        """
        C: a FETCH 1:3 MODSEQ
        S: * OK [HIGHESTMODSEQ {high}] ...
        S: * 1 FETCH (MODSEQ ({one}))
        S: * 2 FETCH (MODSEQ ({two}))
        S: * 3 FETCH (MODSEQ ({three}))
        S: a OK ...
        C: b SEARCH MODSEQ {two}
        S: * SEARCH 2 3 (MODSEQ {three})
        S: b OK ...
        C: c SEARCH MODSEQ "/flags/\\\\draft" all 1 UID 2
        S: * SEARCH 1 (MODSEQ {one})
        S: c OK ...
        C: d SEARCH MODSEQ 1 2:1 DELETED
        S: * SEARCH
        S: d OK ...
        C: e UID SEARCH RETURN (MIN) MODSEQ 1
        S: * ESEARCH (TAG "e") UID MIN 2 MODSEQ {one}
        S: e OK ...
        C: f SEARCH RETURN (MIN COUNT) MODSEQ 1
        S: * ESEARCH (TAG "f") MIN 1 COUNT 3 MODSEQ {three}
        S: f OK ...
        C: g SORT (REVERSE ARRIVAL) UTF-8 MODSEQ {two}
        S: * SORT 2 3 (MODSEQ {three})
        S: g OK ...
        """,
    )


SORTS = """
(ARRIVAL)                1 2 3
(REVERSE ARRIVAL)        1 2 3
(DATE)                   2 3 1
(REVERSE DATE)           1 3 2
(FROM)                   2 3 1
(DISPLAYFROM)            2 3 1
(SUBJECT)                1 2 3
(SUBJECT DATE)           1 2 3
(SUBJECT REVERSE DATE)   1 3 2
(REVERSE SUBJECT DATE)   2 3 1
(SIZE)                   1 3 2
(CC TO DISPLAYTO)        1 2 3
"""


@pytest.mark.parametrize("fallback", [False, True], ids=["by the mailbox", "by its records"])
def test_sort(fallback: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every criterion, whether the mailbox can sort or not."""
    house = fed()
    if fallback:
        _forget_sorting(monkeypatch)
    player = house.selected()
    for row in SORTS.strip().splitlines():
        keys, numbers = row[:25].rstrip(), row[25:].split()
        heard = player.line(f"a SORT {keys} UTF-8 ALL")
        assert f"* SORT {' '.join(numbers)}" == heard.splitlines()[0], keys
        heard = player.line(f"a UID SORT {keys} US-ASCII ALL")
        assert f"* SORT {' '.join(str(int(n) + 1) for n in numbers)}" == heard.splitlines()[0]


def _forget_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mailboxes provide no more than they must."""
    opened = MemoryMailbox.__init__

    def forget(self: MemoryMailbox, *args: Any, **kwargs: Any) -> None:
        opened(self, *args, **kwargs)
        directlyProvides(self, IMailbox)

    monkeypatch.setattr(MemoryMailbox, "__init__", forget)
    monkeypatch.setattr("pymta.imap.sorting.ISortingMailbox.providedBy", lambda _: False)


def test_sort_returns() -> None:
    """RFC 5267 section 3: MIN and MAX are the first and the last, ranges ascend."""
    one(
        fed(),
        """
        C: a UID SORT RETURN () (REVERSE DATE) UTF-8 ALL
        S: * ESEARCH (TAG "a") UID ALL 2,4,3
        S: a OK ...
        C: b SORT RETURN (MIN MAX COUNT) (DATE) UTF-8 ALL
        S: * ESEARCH (TAG "b") MIN 2 MAX 1 COUNT 3
        S: b OK ...
        C: c SORT RETURN (PARTIAL 1:2) (DATE) UTF-8 ALL
        S: * ESEARCH (TAG "c") PARTIAL (1:2 2:3)
        S: c OK ...
        C: d SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT bread
        S: * ESEARCH (TAG "d") ALL {found} RELEVANCY (100 100)
        S: d OK ...
        C: e SORT RETURN (SAVE MIN) (DATE) UTF-8 ALL
        S: * ESEARCH (TAG "e") MIN 2
        S: e OK ...
        C: f SEARCH $
        S: * SEARCH 2
        S: f OK ...
        C: g SORT (DATE) X-NONE ALL
        S: g NO [BADCHARSET (US-ASCII UTF-8)] ...
        C: h SORT (DATE) UTF-8 DELETED
        S: * SORT
        S: h OK ...
        C: i SORT DATE UTF-8 ALL
        S: i BAD ...
        """,
    )


@pytest.mark.parametrize("fallback", [False, True], ids=["by the mailbox", "by its records"])
def test_thread(fallback: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every algorithm, whether the mailbox can thread or not."""
    house = fed()
    if fallback:
        _forget_sorting(monkeypatch)
    one(
        house,
        """
        C: a THREAD ORDEREDSUBJECT UTF-8 ALL
        S: * THREAD (2 3)(1)
        S: a OK ...
        C: b THREAD REFERENCES UTF-8 ALL
        S: * THREAD (2)(1 3)
        S: b OK ...
        C: c UID THREAD REFS UTF-8 ALL
        S: * THREAD (3)(2 4)
        S: c OK ...
        C: d UID THREAD REFERENCES UTF-8 DELETED
        S: * THREAD
        S: d OK ...
        C: e THREAD JWZ UTF-8 ALL
        S: e BAD ...
        """,
    )


def test_updates_of_a_search() -> None:
    """RFC 5267 section 4.3: behind news, in IDLE too; before an EXPUNGE moves numbers."""
    house = fed()
    one(
        house,
        """
        C: a UID SEARCH RETURN (UPDATE ALL) UNSEEN
        S: * ESEARCH (TAG "a") UID ALL 3:4
        S: a OK ...
        C: b SEARCH RETURN (UPDATE COUNT) SUBJECT bread
        S: * ESEARCH (TAG "b") COUNT 2
        S: b OK ...
        C: c STORE 2 +FLAGS (\\Seen)
        S: * 2 FETCH (FLAGS (\\Flagged \\Recent \\Seen work))
        S: * ESEARCH (TAG "a") UID REMOVEFROM (0 3)
        S: c OK ...
        * deliver
        C: d NOOP
        S: * 4 EXISTS
        S: * 4 RECENT
        S: * ESEARCH (TAG "a") UID ADDTO (0 5)
        S: * ESEARCH (TAG "b") ADDTO (0 4)
        S: d OK ...
        C: a SEARCH RETURN (UPDATE) ALL
        S: a BAD ...
        C: e IDLE
        S: + ...
        * remove
        * time
        S: * ESEARCH (TAG "b") REMOVEFROM (0 2)
        S: * 2 EXPUNGE
        C: DONE
        S: e OK ...
        C: f CANCELUPDATE "a" "nobody"
        S: f OK ...
        * deliver
        C: g NOOP
        S: * 4 EXISTS
        S: * 4 RECENT
        S: * ESEARCH (TAG "b") ADDTO (0 4)
        S: g OK ...
        C: h SELECT INBOX
        S: ...
        S: h OK ...
        * deliver
        C: i NOOP
        S: * 5 EXISTS
        S: * 1 RECENT
        S: i OK ...
        """,
        deliver=lambda: house.put(BREAD),
        remove=lambda: result(_remove(house, 3)),
        time=lambda: house.elapse(COALESCE),
    )


async def _remove(house: House, uid: int) -> None:
    await house.mailbox().remove(UIDSet([uid]))


def test_updates_of_a_sort() -> None:
    """RFC 5267 section 4.3.3: at their places in the order."""
    house = fed()
    early = letter("early", "Date: Thu, 1 Jan 2026 10:00:00 +0000")
    middle = letter("middle", "Date: Sun, 4 Jan 2026 20:00:00 +0000")
    one(
        house,
        """
        C: a UID SORT RETURN (UPDATE ALL) (DATE) UTF-8 UNFLAGGED
        S: * ESEARCH (TAG "a") UID ALL 4,2
        S: a OK ...
        * middle
        C: b NOOP
        S: * 4 EXISTS
        S: * 4 RECENT
        S: * ESEARCH (TAG "a") UID ADDTO (2 5)
        S: b OK ...
        * early
        C: c UID STORE 4 +FLAGS.SILENT \\Flagged
        S: * 5 EXISTS
        S: * 5 RECENT
        S: * ESEARCH (TAG "a") UID REMOVEFROM (1 4) ADDTO (1 6)
        S: c OK ...
        C: d SORT RETURN (UPDATE ALL) (RELEVANCY) UTF-8 FUZZY TEXT bread
        S: * ESEARCH (TAG "d") ALL ...
        S: * NO [NOUPDATE "d"] ...
        S: d OK ...
        """,
        middle=lambda: house.put(middle),
        early=lambda: house.put(early),
    )


def test_as_many_updates_as_there_may_be() -> None:
    """RFC 5267 section 4.3.1: one more is answered, and not kept up to date."""
    player = fed().selected()
    for n in range(MOST_CONTEXTS):
        assert "NOUPDATE" not in player.line(f"u{n} SEARCH RETURN (UPDATE COUNT) ALL")
    heard = player.line("u SEARCH RETURN (UPDATE COUNT) ALL").splitlines()
    assert ['* ESEARCH (TAG "u") COUNT 3', '* NO [NOUPDATE "u"] Too many searches'] == heard[:2]
    player.line('c CANCELUPDATE "u0"')
    assert "NOUPDATE" not in player.line("v SEARCH RETURN (UPDATE COUNT) ALL")


def test_numbers_stay_while_a_search_is_answered() -> None:
    """RFC 3501 section 7.4.1: no EXPUNGE before the end, unless it is told UIDs."""
    house = fed()
    play(
        """
        * remove
        C: a SEARCH ALL
        S: * SEARCH 1 3
        S: a OK ...
        C: b SORT (DATE) UTF-8 ALL
        S: * SORT 3 1
        S: b OK ...
        C: c THREAD REFS UTF-8 ALL
        S: * THREAD (1 3)
        S: c OK ...
        C: d UID SEARCH ALL
        S: * SEARCH 2 4
        S: * 2 EXPUNGE
        S: d OK ...
        C: e SEARCH ALL
        S: * SEARCH 1 2
        S: e OK ...
        """,
        Played(house.selected()),
        actions={"remove": lambda: result(_remove(house, 3))},
    )


def test_filters() -> None:
    """RFC 5466: names stand for what was stored; private ones come first, loops are none."""
    house = fed()
    # By another way than SETMETADATA, which looks at what it is given.
    broken = {"/private/filters/values/z": b"OR SMALLER"}
    play(
        """
        C: a SETMETADATA "" ({p}f "OR FLAGGED SEEN" {p}g "FILTER f SUBJECT bread")
        S: a OK ...
        C: b SEARCH FILTER f
        S: * SEARCH 1 2
        S: b OK ...
        C: c SEARCH NOT FILTER G
        S: * SEARCH 1 3
        S: c OK ...
        C: d SEARCH FILTER nobody
        S: d NO [UNDEFINED-FILTER nobody] ...
        C: e SETMETADATA "" ({p}x "FILTER y" {p}y "FILTER x FILTER x")
        S: e OK ...
        C: f SEARCH FILTER x
        S: f NO [UNDEFINED-FILTER {x}] ...
        C: g SETMETADATA "" ({p}z "OR SMALLER")
        S: g NO ...
        * store
        C: h SORT (DATE) UTF-8 FILTER z
        S: h NO [UNDEFINED-FILTER z] ...
        C: i SEARCH CHARSET iso-8859-1 FILTER f
        S: i BAD [BADCHARSET (US-ASCII UTF-8)] ...
        """,
        Played(house.selected()),
        values={"p": "/private/filters/values/"},
        actions={"store": lambda: result(house.store().annotate(None, broken))},  # type: ignore[attr-defined]  # of an add-on
    )


def several() -> House:
    """Mailboxes with messages in them, some below each other."""
    house = fed()
    store = house.store()
    for name in ("a", "a/b", "a/b/c", "ab", "empty"):
        result(store.create(MailboxName(name)))
    for name, letters in {"a": [BREAD], "a/b": [APPLES, BREAD], "a/b/c": [BREAD]}.items():
        result(house.mailbox(name).append([NewMessage(content=Octets(m)) for m in letters]))
    result(store.subscribe(MailboxName("a/b")))
    result(store.subscribe(MailboxName("nowhere")))
    return house


SOURCES = """
selected                          INBOX:3:4
inboxes                           INBOX:3:4
personal                          INBOX:3:4 a:1 a/b:2 a/b/c:1
subscribed                        a/b:2
subtree a                         a:1 a/b:2 a/b/c:1
subtree-one a                     a:1 a/b:2
mailboxes (a/b nowhere empty)     a/b:2
mailboxes a/b subtree a/b         a/b:2 a/b/c:1
"""


@pytest.mark.parametrize("row", SOURCES.strip().splitlines(), ids=lambda r: r[:34].strip())
def test_search_of_several(row: str) -> None:
    """RFC 7377: one answer a mailbox where anything is found, each mailbox once."""
    player = several().selected()
    heard = player.line(f"t ESEARCH IN ({row[:34].rstrip()}) SUBJECT bread").splitlines()
    found = {line.split()[5]: line.split(" UID ALL ")[1] for line in heard[:-1]}
    expected = dict(each.split(":", 1) for each in row[34:].split())
    assert expected == found
    assert all(line.startswith('* ESEARCH (TAG "t" MAILBOX ') for line in heard[:-1])
    assert heard[-1].startswith("t OK")


def test_search_of_several_in_detail() -> None:
    """RFC 7377: what its options mean, and where they are wrong."""
    play(
        """
        C: a ESEARCH SUBJECT bread
        S: a BAD ...
        C: b ESEARCH IN (personal) RETURN (COUNT MIN) SUBJECT apples
        S: * ESEARCH (TAG "b" MAILBOX INBOX UIDVALIDITY {v}) UID MIN 2 COUNT 1
        S: * ESEARCH (TAG "b" MAILBOX a/b UIDVALIDITY {w}) UID MIN 1 COUNT 1
        S: b OK ...
        C: c ESEARCH IN (mailboxes a/b) RETURN (SAVE) ALL
        S: c BAD ...
        C: d ESEARCH IN (mailboxes a/b) RETURN (UPDATE) ALL
        S: d BAD ...
        C: e ESEARCH IN (mailboxes a/b) 2:4
        S: * ESEARCH (TAG "e" MAILBOX a/b UIDVALIDITY {w}) UID ALL 2
        S: e OK ...
        C: f ESEARCH IN (mailboxes a/b) RETURN (PARTIAL 1:1) ALL
        S: * ESEARCH (TAG "f" MAILBOX a/b UIDVALIDITY {w}) UID PARTIAL (1:1 1)
        S: f OK ...
        C: s SELECT a/b
        S: ...
        S: s OK ...
        C: g ESEARCH RETURN (SAVE COUNT) SUBJECT bread
        S: * ESEARCH (TAG "g" MAILBOX a/b UIDVALIDITY {w}) UID COUNT 1
        S: g OK ...
        C: h ESEARCH IN (selected mailboxes a) $
        S: * ESEARCH (TAG "h" MAILBOX a/b UIDVALIDITY {w}) UID ALL 2
        S: h OK ...
        C: i ESEARCH IN (personal) RETURN (UPDATE COUNT) SUBJECT apples
        S: * ESEARCH (TAG "i" MAILBOX INBOX UIDVALIDITY {v}) UID COUNT 1
        S: * ESEARCH (TAG "i" MAILBOX a/b UIDVALIDITY {w}) UID COUNT 1
        S: i OK ...
        C: j STORE 1 +FLAGS.SILENT \\Deleted
        S: j OK ...
        C: k EXPUNGE
        S: * ESEARCH (TAG "i") UID REMOVEFROM (0 1)
        S: * 1 EXPUNGE
        S: k OK ...
        """,
        Played(several().logged_in()),
    )


def test_what_is_announced() -> None:
    """All of it, and none of what is left out, or cannot be."""
    words = House().player().line("a CAPABILITY").splitlines()[1].split()
    ours = {
        *("ESEARCH", "SEARCHRES", "WITHIN", "I18NLEVEL=1", "PARTIAL", "CONTEXT=SEARCH"),
        *("SEARCH=FUZZY", "FILTERS", "MULTISEARCH", "SORT", "SORT=DISPLAY", "ESORT"),
        *("CONTEXT=SORT", "THREAD=ORDEREDSUBJECT", "THREAD=REFERENCES", "THREAD=REFS"),
    }
    assert ours <= set(words)
    without = frozenset({"MULTISEARCH", "SORT", "THREAD=ORDEREDSUBJECT", "CONTEXT=SEARCH"})
    player = House(without=without).selected()
    for line in ("ESEARCH ALL", "SORT (DATE) UTF-8 ALL", "THREAD REFS UTF-8 ALL"):
        assert "a BAD" in player.line(f"a {line}")
    assert "a BAD" in player.line('a CANCELUPDATE "x"')
    assert "a OK" in player.line("a SEARCH ALL")


def test_a_long_search() -> None:
    """RFC 9585: it is told that it goes on; in the end there is none."""
    house = fed()
    player = house.selected()
    waiting: Deferred[None] = Deferred()
    house.stones()["search"] = waiting
    assert "" == player.line("a SEARCH TEXT x")
    house.elapse(59)
    assert "* OK [INPROGRESS" in player.heard().decode()
    house.elapse(500)
    waiting.callback(None)
    assert player.heard().decode().splitlines()[-1].startswith("a OK")
    house.stones()["search"] = Deferred()
    player.line("b SEARCH TEXT x")
    house.elapse(600)
    assert player.heard().decode().splitlines()[-1].startswith("b NO [UNAVAILABLE]")


def test_without_numbers() -> None:
    """RFC 9586: under UIDONLY there are no numbers to be told, or to be sought."""
    one(
        fed(),
        """
        C: a ENABLE UIDONLY
        S: * ENABLED UIDONLY
        S: a OK ...
        C: b SEARCH ALL
        S: b BAD [UIDREQUIRED] ...
        C: c UID SEARCH 1:2
        S: c BAD [UIDREQUIRED] ...
        C: d SORT (DATE) UTF-8 ALL
        S: d BAD [UIDREQUIRED] ...
        C: e THREAD REFS UTF-8 ALL
        S: e BAD [UIDREQUIRED] ...
        C: f UID SEARCH RETURN (UPDATE COUNT) UID 3:*
        S: * ESEARCH (TAG "f") UID COUNT 2
        S: f OK ...
        C: g UID STORE 3 +FLAGS.SILENT \\Deleted
        S: g OK ...
        C: h UID EXPUNGE 3
        S: * ESEARCH (TAG "f") UID REMOVEFROM (0 3)
        S: * VANISHED 3
        S: h OK ...
        C: i UID THREAD REFS UTF-8 ALL
        S: * THREAD (2 4)
        S: i OK ...
        """,
    )


def test_all_is_utf8() -> None:
    """RFC 6855 section 3: behind ENABLE UTF8=ACCEPT a charset is an error, and UTF-8 is not."""
    player = fed().logged_in()
    play(
        """
        C: a ENABLE UTF8=ACCEPT
        S: * ENABLED UTF8=ACCEPT
        S: a OK ...
        C: s SELECT INBOX
        S: ...
        S: s OK ...
        C: b SEARCH CHARSET UTF-8 ALL
        S: b BAD ...
        C: c SEARCH BODY "k\u00e4se"
        S: * SEARCH 3
        S: c OK ...
        """,
        Played(player),
    )


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_in_pieces(size: int) -> None:
    """However the octets come: texts in literals, many commands at once, an unfinished one."""
    player = fed().selected()
    commands = (
        b"a SEARCH CHARSET UTF-8 OR SUBJECT {5+}\r\nbread BODY {5+}\r\nk\xc3\xa4se\r\n"
        b'b UID SORT (REVERSE DATE) "UTF-8" NOT (SEEN FLAGGED)\r\n'
        b"c UID THREAD references utf-8 all\r\nd SEARCH AL"
    )
    heard = b"".join(
        player.say(commands[at : at + size]) for at in range(0, len(commands), size)
    ).decode()
    told = [line for line in heard.splitlines() if line.startswith("* ")]
    assert ["* SEARCH 2 3", "* SORT 2 4 3", "* THREAD (3)(2 4)"] == told
    assert "d OK" in player.line("L")


def test_depth() -> None:
    """A hundred levels are answered, by texts too; one more is BAD."""
    player = fed().selected()
    for key, found in (("SEEN", "1"), ("BODY fruit", "1")):
        assert f"* SEARCH {found}\r\n" in player.line("a SEARCH " + "NOT " * 100 + key)
    nested = "(OR DELETED " * 50 + "BODY fruit" + ")" * 50
    assert "* SEARCH 1\r\n" in player.line(f"b SEARCH {nested}")
    assert "c BAD" in player.line("c SEARCH " + "NOT " * 101 + "SEEN")


def test_updates_with_notify() -> None:
    """RFC 5465 section 5.2: between commands, too."""
    house = fed()
    one(
        house,
        """
        C: a UID SEARCH RETURN (UPDATE ALL) UNSEEN
        S: * ESEARCH (TAG "a") UID ALL 3:4
        S: a OK ...
        C: n NOTIFY SET (SELECTED (MessageNew MessageExpunge FlagChange))
        S: n OK ...
        * deliver
        * time
        S: * 4 EXISTS
        S: * 4 RECENT
        S: * ESEARCH (TAG "a") UID ADDTO (0 5)
        C: b UID STORE 3 +FLAGS.SILENT \\Seen
        S: * ESEARCH (TAG "a") UID REMOVEFROM (0 3)
        S: b OK ...
        """,
        deliver=lambda: house.put(BREAD),
        time=lambda: house.elapse(COALESCE),
    )


@given(
    st.frozensets(st.integers(1, 30)),
    st.integers(1, 12),
    st.integers(1, 12),
    st.sampled_from([1, -1]),
)
def test_pages_of_sets_are_those_of_lists(
    numbers: frozenset[int], first: int, last: int, sign: int
) -> None:
    """Ranges or one by one: a page holds the same (RFC 9394 section 3.1)."""
    window = Window(sign * min(first, last), sign * max(first, last))
    listed = sorted(numbers)
    expected = listed[min(first, last) - 1 : max(first, last)]
    if sign < 0:
        expected = listed[::-1][min(first, last) - 1 : max(first, last)][::-1]
    for shape in (UIDSet(numbers), listed):
        pages = _page(shape, window)
        assert expected == [n for a, b in pages for n in range(a, b + 1)]
