"""
Tests for extensions, each by a dialogue that fails without it.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from pymta.imap.conversation import PROGRESS
from pymta.imap.extension import Call, Extension, Offered
from pymta.imap.offer import NAMES, OFFERED
from pymta.imap.session import IMAPSession
from pymta.imap.settings import UTF8Headers
from pymta.interfaces.sharing import IACLStore
from pymta.wire.imap.capability import Verb
from pymta.wire.imap.response.status import OK, Ending
from tests.imap.dialogue import Played, play
from tests.imap.house import ONE, TWO, House

LETTER = (
    b"Subject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\n\r\nfirst\r\n--b\r\nContent-Type: text/plain\r\n\r\nsecond\r\n--b--\r\n"
)


def played(house: House, transcript: str) -> None:
    """Play it with INBOX open."""
    play(transcript, Played(house.selected()))


def words(heard: str) -> list[str]:
    """What a CAPABILITY response announces."""
    line = next(line for line in heard.splitlines() if line.startswith("* CAPABILITY "))
    return line.split()[2:]


# -- what is announced ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["idle", "QUOTAA", "QUOTA=RES-STORAGE", "LITERAL+"])
def test_what_cannot_be_left_out(name: str) -> None:
    """A mistake is told when the listener is made, and not by a client that is offered it."""
    with pytest.raises(ValueError, match=re.escape(name)):
        House(without=frozenset({name}))


def test_a_login_changes_little() -> None:
    """The list differs behind a login in nothing but AUTH= and the kind of literals."""
    player = House().player()
    player.heard()
    before = words(player.line("a CAPABILITY"))
    player.line("b LOGIN alice@example.test sesame")
    after = words(player.line("c CAPABILITY"))
    assert {"LITERAL-"} == {w for w in before if w not in after and not w.startswith("AUTH=")}
    assert {"LITERAL+"} == set(after) - set(before)
    assert len(after) == len(set(after))


EVERYTHING = """
    IMAP4rev1 IMAP4rev2 LITERAL+ ACL RIGHTS=kxte APPENDLIMIT=52428800 BINARY CATENATE CHILDREN
    COMPRESS=DEFLATE CONDSTORE QRESYNC CREATE-SPECIAL-USE SPECIAL-USE CONTEXT=SEARCH CONTEXT=SORT
    ENABLE ESEARCH ESORT FILTERS ID IDLE INPROGRESS I18NLEVEL=1 LIST-EXTENDED LIST-MYRIGHTS
    LIST-METADATA LIST-STATUS METADATA MOVE MULTIAPPEND MULTISEARCH NAMESPACE OBJECTID PARTIAL
    PREVIEW QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE QUOTA=RES-MAILBOX QUOTASET REPLACE SASL-IR
    SAVEDATE SEARCHRES SEARCH=FUZZY SORT SORT=DISPLAY STATUS=SIZE THREAD=REFERENCES
    THREAD=ORDEREDSUBJECT THREAD=REFS UIDONLY UIDPLUS UNAUTHENTICATE UNSELECT UTF8=ACCEPT WITHIN
"""


def test_everything_is_announced() -> None:
    """Over the memory store, which provides every add-on."""
    after = words(House().logged_in().line("a CAPABILITY"))
    assert set() == set(EVERYTHING.split()) - set(after)


def test_limits_are_announced_where_they_are() -> None:
    """MESSAGELIMIT by its figure; APPENDLIMIT too, or bare where mailboxes have their own."""
    after = words(House(message_limit=7, append_limit=None).logged_in().line("a CAPABILITY"))
    assert {"MESSAGELIMIT=7", "APPENDLIMIT"} <= set(after)
    assert not any(w.startswith("MESSAGE") for w in words(House().logged_in().line("a CAPABILITY")))


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("IDLE", "IDLE"),
        ("MOVE", "MOVE 1 INBOX"),
        ("UNSELECT", "UNSELECT"),
        ("UIDPLUS", "UID EXPUNGE 1"),
        ("REPLACE", "REPLACE 1 INBOX {1}"),
        ("COMPRESS=DEFLATE", "COMPRESS DEFLATE"),
        ("ID", "ID NIL"),
        ("ENABLE", "ENABLE CONDSTORE"),
        ("NAMESPACE", "NAMESPACE"),
        ("UNAUTHENTICATE", "UNAUTHENTICATE"),
    ],
)
def test_what_is_left_out_is_unknown(name: str, command: str) -> None:
    """A capability that settings leave out is not announced, and its commands are BAD."""
    house = House(without=frozenset({name}))
    house.put(ONE)
    player = house.selected()
    assert name not in words(player.line("a CAPABILITY"))
    assert player.line(f"b {command}").startswith("b BAD ")


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("QUOTA", "QUOTA=RES-STORAGE QUOTA=RES-MESSAGE QUOTA=RES-MAILBOX QUOTASET"),
        ("QUOTASET", ""),
        ("CONDSTORE", "QRESYNC"),
        ("ENABLE", "QRESYNC UIDONLY UTF8=ACCEPT"),
        ("ESEARCH", "SEARCHRES PARTIAL CONTEXT=SEARCH ESORT CONTEXT=SORT"),
        ("SORT", "SORT=DISPLAY ESORT CONTEXT=SORT"),
        ("ESORT", "CONTEXT=SORT"),
        ("CONTEXT=SEARCH", "CONTEXT=SORT"),
        ("ACL", "RIGHTS=kxte LIST-MYRIGHTS"),
        ("METADATA", "LIST-METADATA FILTERS"),
        ("LIST-EXTENDED", "LIST-STATUS LIST-MYRIGHTS LIST-METADATA"),
        ("IDLE", ""),
    ],
)
def test_what_builds_on_it_is_left_out_as_well(name: str, gone: str) -> None:
    """Nothing is announced that makes no sense by itself, and all else stays."""
    everything = words(House().logged_in().line("a CAPABILITY"))
    left = words(House(without=frozenset({name})).logged_in().line("a CAPABILITY"))
    assert {name, *gone.split()} == set(everything) - set(left)
    assert set() == set(left) - set(everything)


def test_what_is_built_upon_is_there() -> None:
    """A name that nobody has would leave nothing out."""
    assert set() == {name for row in OFFERED for name in row.builds_on} - NAMES


def test_an_extension_goes_with_what_it_builds_on() -> None:
    """Those of others, too, by their own declaration; their commands with them."""
    extension = Extension(offered=Offered(words=("XTHING",), builds_on=("ID",)))
    for without, there in ((frozenset({"ID"}), False), (frozenset({"IDLE"}), True)):
        player = House(extensions=(extension,), without=without).logged_in()
        assert there is ("XTHING" in words(player.line("a CAPABILITY")))


def test_what_the_store_lacks_is_not_announced() -> None:
    """Before a login by what its class provides, behind it by what it provides itself."""
    house = House(provided=())
    player = house.player()
    assert " ACL" not in player.heard().decode()
    assert " ACL" in player.line("b LOGIN alice@example.test sesame")
    assert IACLStore.providedBy(house.store())


async def _echo(session: IMAPSession, _command: Any) -> Ending:
    session.say(b"* XECHO\r\n")
    return OK("Echoed")


class _Echo:
    pass


def test_third_parties_add_commands() -> None:
    """By the same door as ours."""
    verb = Verb(name="XECHO", parse=lambda _cursor: _Echo())
    offered = Offered(words=("XECHO",), verbs=(verb,))
    house = House(extensions=(Extension(offered=offered, calls={_Echo: Call(_echo)}),))
    played(
        house,
        """
        C: a XECHO
        S: * XECHO
        S: a OK Echoed
        """,
    )


# -- each of them ----------------------------------------------------------------------------


def test_id_and_enable() -> None:
    """RFC 2971, RFC 5161: only what is not enabled yet is told."""
    played(
        House(),
        """
        C: a ID ("name" "x")
        S: * ID ("name" "pymta")
        S: a OK ...
        C: b ENABLE X-NOTHING QRESYNC
        S: * OK [HIGHESTMODSEQ 1] ...
        S: * ENABLED QRESYNC
        S: b OK ...
        C: c ENABLE CONDSTORE QRESYNC
        S: * ENABLED
        S: c OK ...
        """,
    )


def test_uidonly() -> None:
    """RFC 9586: no number is told any more, and none is taken."""
    house = House()
    house.put(ONE, TWO)
    played(
        house,
        """
        C: a ENABLE UIDONLY
        S: * ENABLED UIDONLY
        S: a OK ...
        C: b FETCH 1 FLAGS
        S: b BAD [UIDREQUIRED] ...
        C: c UID FETCH 1:2 (UID RFC822.SIZE)
        S: * 1 UIDFETCH (RFC822.SIZE 45)
        S: * 2 UIDFETCH (RFC822.SIZE 22)
        S: c OK ...
        C: d UID STORE 1 +FLAGS (\\Deleted)
        S: * 1 UIDFETCH (FLAGS (\\Deleted \\Recent))
        S: d OK ...
        C: e EXPUNGE
        S: * VANISHED 1
        S: e OK ...
        C: f STORE 1 +FLAGS (\\Seen)
        S: f BAD [UIDREQUIRED] ...
        C: g COPY 1 INBOX
        S: g BAD [UIDREQUIRED] ...
        C: h MOVE 1 INBOX
        S: h BAD [UIDREQUIRED] ...
        C: i UID FETCH 2 UID
        S: * 2 UIDFETCH (UID 2)
        S: i OK ...
        """,
    )


def test_catenate() -> None:
    """RFC 4469: a message of texts and of parts of others."""
    house = House()
    house.put(LETTER)
    played(
        house,
        """
        C: a APPEND INBOX CATENATE (URL "/INBOX/;UID=1/;SECTION=HEADER" TEXT {6+}
        C: hello  URL ";UID=1/;SECTION=2" URL "/;UID=1/;SECTION=1/;PARTIAL=0.3")
        S: * 2 EXISTS
        S: * 2 RECENT
        S: a OK [APPENDUID {v} 2] ...
        C: b FETCH 2 BODY.PEEK[TEXT]
        S: * 2 FETCH (BODY[TEXT] {{n}
        S: hello secondfir)
        S: b OK ...
        """.replace("{{n}", "..."),
    )


@pytest.mark.parametrize(
    "url",
    [
        "/INBOX/;UID=9",
        "/nowhere/;UID=1",
        "/INBOX/;UID=1/;SECTION=7",
        "/INBOX;UIDVALIDITY=7/;UID=1",
        "imap://other.example/INBOX/;UID=1",
        "nothing",
    ],
)
def test_catenate_of_what_is_not_there(url: str) -> None:
    """The URL is named by BADURL, and nothing is kept."""
    house = House()
    house.put(LETTER)
    player = house.selected()
    heard = player.line(f'a APPEND INBOX CATENATE (URL "{url}")')
    assert heard == f"a NO [BADURL {url}] That cannot be had\r\n"
    assert "b OK" in player.line("b NOOP")


def test_utf8_accept() -> None:
    """RFC 6855: names in UTF-8, and messages that say that they are."""
    house = House(utf8_headers=UTF8Headers.REFUSE)
    player = house.logged_in()
    foreign = "Subject: \u00e9\r\n\r\nx\r\n".encode()
    size = len(foreign)
    heard = player.say(b"a APPEND INBOX {%d+}\r\n%s\r\n" % (size, foreign))
    assert heard.startswith(b"a NO [CANNOT] ")
    assert player.say(b"b CREATE \xc3\xa9\r\n").startswith(b"b BAD ")
    assert player.line("c ENABLE UTF8=ACCEPT") == "* ENABLED UTF8=ACCEPT\r\nc OK Enabled\r\n"
    heard = player.say(b"d APPEND INBOX UTF8 (~{%d+}\r\n%s)\r\n" % (size, foreign))
    assert heard.startswith(b"d OK [APPENDUID ")
    assert player.say('e CREATE "\u00e9"\r\n'.encode()).startswith(b"e OK ")
    heard = player.say(b'f LIST "" *\r\n')
    assert '* LIST (\\HasNoChildren) "/" "\u00e9"\r\n'.encode() in heard
    player.line("g SELECT INBOX")
    assert 'ENVELOPE (NIL "\u00e9" '.encode() in player.say(b"h FETCH 1 ENVELOPE\r\n")


def test_utf8_in_headers_is_kept_by_default() -> None:
    """Clients copy such mail every day."""
    player = House().logged_in()
    foreign = "Subject: \u00e9\r\n\r\nx\r\n".encode()
    heard = player.say(b"a APPEND INBOX {%d+}\r\n%s\r\n" % (len(foreign), foreign))
    assert heard.startswith(b"a OK ")


def test_utf8_in_a_body_is_no_affair_of_a_header() -> None:
    """Whatever slices it comes in."""
    player = House(utf8_headers=UTF8Headers.REFUSE).logged_in()
    local = "Subject: e\r\n\r\n\u00e9\r\n".encode()
    player.say(b"a APPEND INBOX {%d+}\r\n" % len(local))
    heard = b"".join(player.say(local[n : n + 1]) for n in range(len(local)))
    heard += player.say(b"\r\n")
    assert heard.startswith(b"a OK ")


def test_progress_is_told() -> None:
    """RFC 9585: every ten seconds, while a command takes its time."""
    house = House()
    house.put(ONE)
    waiting: Deferred[None] = Deferred()
    player = house.selected()
    house.stones()["copy"] = waiting
    assert "" == player.line("a COPY 1 INBOX")
    for _ in range(2):
        house.elapse(PROGRESS)
        assert b'* OK [INPROGRESS ("a" NIL NIL)] Still at it\r\n' == player.heard()
    waiting.callback(None)
    assert b"a OK [COPYUID " in player.heard()
    house.elapse(PROGRESS)
    assert b"" == player.heard()


def test_object_ids() -> None:
    """RFC 8474: a mailbox keeps its id when it is renamed, a copy has that of its message."""
    house = House()
    house.put(ONE)
    played(
        house,
        """
        C: a CREATE one
        S: a OK [MAILBOXID ({id})] ...
        C: b RENAME one two
        S: b OK ...
        C: c STATUS two (MAILBOXID)
        S: * STATUS two (MAILBOXID ({id}))
        S: c OK ...
        C: d COPY 1 INBOX
        S: * 2 EXISTS
        S: * 2 RECENT
        S: d OK ...
        C: e FETCH 1:2 (EMAILID THREADID)
        S: * 1 FETCH (EMAILID ({e}) THREADID NIL)
        S: * 2 FETCH (EMAILID ({e}) THREADID NIL)
        S: e OK ...
        """,
    )


def test_compress() -> None:
    """RFC 4978: from the OK on, both directions."""
    import zlib

    player = House().logged_in()
    assert "a OK DEFLATE active\r\n" == player.line("a COMPRESS DEFLATE")
    deflate = zlib.compressobj(wbits=-15)
    inflate = zlib.decompressobj(wbits=-15)

    def line(text: bytes) -> bytes:
        data = deflate.compress(text + b"\r\n") + deflate.flush(zlib.Z_SYNC_FLUSH)
        return inflate.decompress(player.say(data))

    assert b"b OK Nothing done\r\n" == line(b"b NOOP")
    assert line(b"c COMPRESS DEFLATE").startswith(b"c BAD [COMPRESSIONACTIVE] ")
    assert line(b"d SELECT INBOX").endswith(b"d OK [READ-WRITE] It is open\r\n")


def test_message_limit() -> None:
    """
    RFC 9738: a command works on so many messages, those with the highest UIDs, and says where it
    ended; COPY, SORT and MULTIAPPEND do all or nothing.
    """
    house = House(message_limit=2)
    house.put(ONE, ONE, ONE, TWO, flags=["\\Deleted"])
    played(
        house,
        """
        C: a FETCH 1:4 RFC822.SIZE
        S: * 3 FETCH (RFC822.SIZE 45)
        S: * 4 FETCH (RFC822.SIZE 22)
        S: a OK [MESSAGELIMIT 2 3] ...
        C: b FETCH 1:2 UID
        S: * 1 FETCH (UID 1)
        S: * 2 FETCH (UID 2)
        S: b OK Fetched
        C: c STORE 1:* +FLAGS.SILENT (\\Seen)
        S: c OK [MESSAGELIMIT 2 3] ...
        C: d UID SEARCH SEEN
        S: * SEARCH 3 4
        S: d OK [MESSAGELIMIT 2 3] ...
        C: e UID SEARCH UIDBEFORE 3 UNSEEN
        S: * SEARCH 1 2
        S: e OK That is all
        C: f UID SEARCH UIDAFTER 3
        S: * SEARCH 4
        S: f OK That is all
        C: g COPY 1:3 INBOX
        S: g NO [MESSAGELIMIT 2] ...
        C: h SORT (DATE) UTF-8 ALL
        S: h NO [MESSAGELIMIT 2 3] ...
        C: i UID EXPUNGE 1:4
        S: * 4 EXPUNGE
        S: * 3 EXPUNGE
        S: i OK [MESSAGELIMIT 2 3] ...
        C: j CREATE box
        S: j OK ...
        C: k MOVE 1:2 box
        S: * OK [COPYUID {v} 1:2 1:2] ...
        S: * 2 EXPUNGE
        S: * 1 EXPUNGE
        S: k OK Moved
        C: l APPEND box {1+}
        C: x {1+}
        C: x {1}
        S: l NO [MESSAGELIMIT 2] ...
        """,
    )
