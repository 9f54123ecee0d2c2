"""
What is announced, whole, and each name of it by a dialogue that fails when it is taken out.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest
from zope.interface import Interface, directlyProvides, implementedBy, providedBy

from pymta.imap.offer import OFFERED
from pymta.interfaces.annotations import IMetadataStore
from pymta.interfaces.mailbox import IAppendLimitStore, IQuotaRootStore
from pymta.interfaces.sharing import IACLStore
from tests.edge.home import ALICE, PASSWORDS, STRANGER, with_tls
from tests.edge.player import Player
from tests.edge.tlsplayer import TLSPlayer
from tests.imap.extensions.names import ROWS, Row
from tests.imap.extensions.speaking import spoken
from tests.imap.house import ONE, House

_NAMES = """
    IMAP4rev1 IMAP4rev2 ACL RIGHTS=kxte APPENDLIMIT=52428800 BINARY CATENATE CHILDREN
    COMPRESS=DEFLATE CONDSTORE QRESYNC CREATE-SPECIAL-USE SPECIAL-USE CONTEXT=SEARCH CONTEXT=SORT
    ENABLE ESEARCH ESORT FILTERS ID IDLE INPROGRESS I18NLEVEL=1 LIST-EXTENDED LIST-MYRIGHTS
    LIST-METADATA LIST-STATUS METADATA MOVE MULTIAPPEND MULTISEARCH NAMESPACE NOTIFY OBJECTID
    PARTIAL PREVIEW QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE QUOTA=RES-MAILBOX QUOTASET REPLACE
    SASL-IR SAVEDATE SEARCHRES SEARCH=FUZZY SORT SORT=DISPLAY STATUS=SIZE THREAD=REFERENCES
    THREAD=ORDEREDSUBJECT THREAD=REFS UIDONLY UIDPLUS UNAUTHENTICATE UNSELECT URL-PARTIAL
    UTF8=ACCEPT WITHIN
"""
ALWAYS = frozenset(_NAMES.split())
"""Before a login and behind it; with what there is of STARTTLS, LOGINDISABLED, AUTH=, LITERAL."""

MECHANISMS = frozenset({"AUTH=SCRAM-SHA-256", "AUTH=SCRAM-SHA-1", "AUTH=PLAIN", "AUTH=LOGIN"})
OVER_TLS = MECHANISMS | {"AUTH=SCRAM-SHA-256-PLUS", "AUTH=SCRAM-SHA-1-PLUS"}
DOVECOT = 50
"""What version 2.4 announces."""


def words(heard: bytes) -> list[str]:
    """What a CAPABILITY response, or code, announces."""
    text = heard.decode().partition("CAPABILITY ")[2]
    return text.splitlines()[0].partition("]")[0].split()


def behind_tls(player: Player) -> Player:
    """A stranger, behind STARTTLS."""
    player.heard()
    player.play("C: a STARTTLS\nS: a OK begin TLS negotiation")
    return TLSPlayer(player)


# -- the list ------------------------------------------------------------------------------


def test_behind_a_login() -> None:
    """All of it, each once, and more than Dovecot; every ``testserver`` has it, by memory."""
    told = words(House().logged_in().say(b"a CAPABILITY\r\n"))
    assert ALWAYS | {"LITERAL+"} == set(told)
    assert len(told) == len(set(told)) > DOVECOT


@pytest.mark.parametrize(
    ("peer", "secure", "expected"),
    [
        pytest.param(STRANGER, False, {"STARTTLS", "LOGINDISABLED"}, id="in the clear"),
        pytest.param("192.0.2.7", False, {"STARTTLS", *MECHANISMS}, id="in the clear, trusted"),
        pytest.param(STRANGER, True, OVER_TLS, id="TLS"),
    ],
)
def test_before_a_login(peer: str, secure: bool, expected: set[str]) -> None:
    """It differs in nothing but STARTTLS, LOGINDISABLED, AUTH= and LITERAL- (RFC 7888 §5)."""
    player = with_tls(House).player(peer)
    if secure:
        player = behind_tls(player)
    told = words(player.say(b"b CAPABILITY\r\n"))
    assert ALWAYS | {"LITERAL-"} | expected == set(told)
    if "LOGINDISABLED" in expected:
        return
    told = words(player.say(b"c LOGIN %s %s\r\n" % (ALICE.encode(), PASSWORDS[ALICE].encode())))
    assert ALWAYS | {"LITERAL+"} == set(told)
    assert set(told) == set(words(player.say(b"d CAPABILITY\r\n")))


def test_starttls_and_its_like_work() -> None:
    """What LOGINDISABLED refuses goes on behind STARTTLS, by each mechanism that needs no key."""
    house = with_tls(House)
    stranger = house.player(STRANGER)
    stranger.heard()
    assert stranger.line(f"l LOGIN {ALICE} sesame").startswith("l NO [PRIVACYREQUIRED]")
    secure = behind_tls(stranger)
    assert secure.line("s STARTTLS").startswith("s BAD")
    user, password = (base64.b64encode(text.encode()).decode() for text in (ALICE, "sesame"))
    assert secure.line("m AUTHENTICATE LOGIN").startswith("+ ")
    assert secure.line(user).startswith("+ ")
    assert secure.line(password).startswith("m OK ")


@pytest.mark.parametrize(
    "size", [pytest.param(1024, id="as long"), pytest.param(1025, id="longer")]
)
def test_literals_before_a_login(size: int) -> None:
    """RFC 7888 §5: with LITERAL- a non-synchronizing literal has at most 4,096; here 1,024."""
    player = House().player()
    player.heard()
    heard = player.say(b"a LOGIN {%d+}\r\n%s {1+}\r\nx\r\n" % (size, b"x" * size))
    ending = b"a NO [AUTHENTICATIONFAILED]" if size == 1024 else b"a BAD "
    assert heard.startswith(ending)
    assert player.line(f"b LOGIN {ALICE} sesame").startswith("b OK ")


# -- each name -------------------------------------------------------------------------------


def made(row: Row, **settings: Any) -> House:
    """The house of a row."""
    return House(**{**row.settings, **settings})


def is_announced(row: Row, house: House) -> bool:
    player = house.logged_in()
    return row.name in words(player.say(b"c CAPABILITY\r\n"))


IDS = [pytest.param(row, id=row.name) for row in ROWS]
ROWS_OF_OFFER = {offered.name for offered in OFFERED}
LEFT_OUT = [
    pytest.param(row, id=row.name) for row in ROWS if (row.row or row.name) in ROWS_OF_OFFER
]


@pytest.mark.parametrize("row", IDS)
def test_it_is_announced_and_true(row: Row) -> None:
    """The name is there, and what it stands for is done."""
    assert is_announced(row, made(row))
    spoken(row, made(row))


def test_no_name_without_a_dialogue() -> None:
    """All of them are tried, here or before a login."""
    tried = {row.name.partition("=30")[0] for row in ROWS}
    assert {word.partition("=52")[0] for word in ALWAYS} <= tried


@pytest.mark.parametrize("row", LEFT_OUT)
def test_it_is_not_there_when_taken_out(row: Row) -> None:
    """The name goes, and with it its commands, so that the dialogue fails."""
    without = {"without": frozenset({row.row or row.name})}
    assert not is_announced(row, made(row, **without))
    if row.gated:
        with pytest.raises(AssertionError):
            spoken(row, made(row, **without))


# -- what the store lacks ----------------------------------------------------------------------

NEEDED: dict[type[Interface], str] = {
    IACLStore: "ACL RIGHTS=kxte LIST-MYRIGHTS",
    IMetadataStore: "METADATA LIST-METADATA FILTERS",
    IQuotaRootStore: "QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE QUOTA=RES-MAILBOX QUOTASET",
    IAppendLimitStore: "APPENDLIMIT",
}
LACKING = [
    pytest.param(interface, word, id=f"{word} needs {interface.__name__}")
    for interface, names in NEEDED.items()
    for word in names.split()
]
ALONE = {row.name: row for row in ROWS}


@pytest.mark.parametrize(("interface", "word"), LACKING)
def test_not_without_the_add_on(interface: type[Interface], word: str) -> None:
    """
    A store that provides less is announced as less, behind a login by what it is, before one by
    what stores of the listener are; the commands are unknown, and all else is as it was.
    """
    row = ALONE[word]
    kept = [each for each in implemented_by_memory() if not each.isOrExtends(interface)]
    house = made(row, provided=tuple(kept))
    store = house.directory.store(ALICE)
    directlyProvides(store, *(e for e in providedBy(store) if not e.isOrExtends(interface)))

    player = house.player()
    before = set(words(player.heard()))
    after = set(words(player.say(b"b LOGIN %s sesame\r\n" % ALICE.encode())))
    lacking = set(NEEDED[interface].split())
    expected = {word for word in ALWAYS if not word.startswith("APPENDLIMIT=")} - lacking
    told = {word for word in after if not word.startswith("APPENDLIMIT")} - {"LITERAL+"}
    assert expected - {"APPENDLIMIT"} == told
    assert word not in before | after
    if row.gated:
        with pytest.raises(AssertionError):
            spoken(row, house)


def implemented_by_memory() -> list[type[Interface]]:
    """What a plain store provides."""
    from pymta.store.memory.mailboxes import MemoryMailboxes

    return list(implementedBy(MemoryMailboxes))


# -- limits: none by default ---------------------------------------------------------------------


@pytest.mark.parametrize("word", ["MESSAGELIMIT", "SAVELIMIT"])
def test_limits_of_messages(word: str) -> None:
    """RFC 9738: announced where a limit is set, and then it holds."""
    assert not any(w.startswith(word) for w in ALWAYS)
    limit: dict[str, Any] = {word.lower().replace("limit", "_limit"): 2}
    house = House(**limit)
    house.put(ONE, ONE, ONE)
    player = house.logged_in()
    assert f"{word}=2" in words(player.say(b"a CAPABILITY\r\n"))
    player.line("b SELECT INBOX")
    assert player.line("c COPY 1:3 INBOX").startswith("c NO [MESSAGELIMIT 2] ")
    assert player.line("d COPY 1:2 INBOX").endswith("Copied\r\n")
    many = "e APPEND INBOX {1+}\r\nx {1+}\r\nx {1+}\r\nx"
    assert player.line(many).startswith("e NO [MESSAGELIMIT 2] ")
    fetched = player.line("f FETCH 1:3 UID").splitlines()
    limited = "f OK [MESSAGELIMIT 2 2] Fetched"
    assert (limited if word == "MESSAGELIMIT" else "f OK Fetched") == fetched[-1]
