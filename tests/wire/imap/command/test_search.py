"""
SEARCH, ESEARCH, SORT and THREAD as they are read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.mailbox import ANSWERED, INBOX, SEEN, MailboxName, ModSeq
from pymta.search import (
    All,
    Before,
    BodyText,
    DateOf,
    HasEmailID,
    HasFlag,
    HasThreadID,
    HeaderText,
    Larger,
    ModifiedSince,
    Older,
    On,
    Since,
    Smaller,
    SortBy,
    SortKey,
    ThreadAlgorithm,
    WholeText,
    Younger,
)
from pymta.wire.imap.command.fetch import Attribute, Window
from pymta.wire.imap.command.search import (
    AnyOf,
    Criteria,
    ESearch,
    Every,
    Key,
    NamedFilter,
    NotThose,
    Numbered,
    RecentOnes,
    Return,
    Returns,
    Roughly,
    Search,
    Source,
    SourceKind,
    parse_esearch,
    parse_filter,
    parse_search,
)
from pymta.wire.imap.command.sort import Sort, parse_sort
from pymta.wire.imap.command.thread import Thread, parse_thread
from pymta.wire.imap.cursor import DEPTH, BadSyntax, Cursor, Literal
from pymta.wire.imap.numset import SAVED, STAR, SeqSet

_LITERAL = re.compile(rb"\{(\d+)\}")


def cursor(command: bytes, *, by_uid: bool = False) -> Cursor:
    """``{n}`` is a literal of the ``n`` octets behind it."""
    pieces: list[bytes | Literal] = []
    while (found := _LITERAL.search(command)) is not None:
        stop = found.end() + int(found[1])
        pieces += [command[: found.start()], Literal(command[found.end() : stop])]
        command = command[stop:]
    return Cursor([*pieces, command], by_uid=by_uid)


def read(parse: Callable[[Cursor], Any], command: bytes, *, by_uid: bool = False) -> Any:
    """All of it."""
    place = cursor(command, by_uid=by_uid)
    found = parse(place)
    place.end()
    return found


_INTERNAL, _SENT, _SAVED = DateOf
_DAY = date(1994, 2, 1)

KEYS: list[tuple[bytes, Key]] = [
    (b"ALL", All()),
    (b"all", All()),
    (b"ANSWERED", HasFlag(ANSWERED)),
    (b"UNSEEN", NotThose(HasFlag(SEEN))),
    (b"RECENT", RecentOnes()),
    (b"OLD", NotThose(RecentOnes())),
    (b"NEW", Every((RecentOnes(), NotThose(HasFlag(SEEN))))),
    (b"KEYWORD $Forwarded", HasFlag("$Forwarded")),
    (b"UNKEYWORD work", NotThose(HasFlag("work"))),
    (b"1", Numbered(SeqSet(((1, 1),)))),
    (b"2:4,9:*", Numbered(SeqSet(((2, 4), (9, STAR))))),
    (b"*", Numbered(SeqSet(((STAR, STAR),)))),
    (b"$", Numbered(SAVED)),
    (b"UID 7:9", Numbered(SeqSet(((7, 9),)), by_uid=True)),
    (b"UID $", Numbered(SAVED, by_uid=True)),
    (b"BCC x", HeaderText("Bcc", "x")),
    (b"CC x", HeaderText("Cc", "x")),
    (b'FROM "Smith"', HeaderText("From", "Smith")),
    (b"SUBJECT {5}a \r\nb", HeaderText("Subject", "a \r\nb")),
    (b"TO a]b", HeaderText("To", "a]b")),
    (b'HEADER List-Id ""', HeaderText("List-Id", "")),
    (b'HEADER "Message-ID" <a@b>', HeaderText("Message-ID", "<a@b>")),
    (b"BODY fox", BodyText("fox")),
    (b'BODY ""', All()),
    (b"TEXT fox", WholeText("fox")),
    (b'TEXT ""', All()),
    (b"BEFORE 1-Feb-1994", Before(_INTERNAL, _DAY)),
    (b'ON "1-Feb-1994"', On(_INTERNAL, _DAY)),
    (b'SINCE "1-feb-1994"', Since(_INTERNAL, _DAY)),
    (b"SENTBEFORE 01-Feb-1994", Before(_SENT, _DAY)),
    (b"SENTON 1-Feb-1994", On(_SENT, _DAY)),
    (b"SENTSINCE 1-Feb-1994", Since(_SENT, _DAY)),
    (b"SAVEDBEFORE 1-Feb-1994", Before(_SAVED, _DAY)),
    (b"SAVEDON 1-Feb-1994", On(_SAVED, _DAY)),
    (b"SAVEDSINCE 1-Feb-1994", Since(_SAVED, _DAY)),
    (b"SAVEDATESUPPORTED", All()),
    (b"OLDER 1", Older(1)),
    (b"YOUNGER 259200", Younger(259200)),
    (b"LARGER 0", Larger(0)),
    (b"SMALLER 5000000000", Smaller(5_000_000_000)),
    (b"MODSEQ 620162338", ModifiedSince(ModSeq(620162338))),
    (b"MODSEQ 0", ModifiedSince(ModSeq(0))),
    (b'MODSEQ "/flags/\\\\draft" all 620162338', ModifiedSince(ModSeq(620162338))),
    (b"EMAILID M6d99ac3275bb4e", HasEmailID("M6d99ac3275bb4e")),
    (b"THREADID T64b478a75b7ea9", HasThreadID("T64b478a75b7ea9")),
    (b"FILTER on-the-road", NamedFilter("on-the-road")),
    (b"FUZZY SUBJECT work", Roughly(HeaderText("Subject", "work"))),
    (b"NOT ALL", NotThose(All())),
    (b"NOT NOT SEEN", NotThose(NotThose(HasFlag(SEEN)))),
    (b"OR SEEN 1", AnyOf(HasFlag(SEEN), Numbered(SeqSet(((1, 1),))))),
    (b"OR OR ALL SEEN NOT SEEN", AnyOf(AnyOf(All(), HasFlag(SEEN)), NotThose(HasFlag(SEEN)))),
    (b"(SEEN)", HasFlag(SEEN)),
    (b"(ALL SEEN)", Every((All(), HasFlag(SEEN)))),
    (b"OR (ALL SEEN) ((ALL))", AnyOf(Every((All(), HasFlag(SEEN))), All())),
    (b"SEEN ALL", Every((HasFlag(SEEN), All()))),
    (b"SEEN ", HasFlag(SEEN)),
    ("SUBJECT größe".encode()[:8] + '"größe"'.encode(), HeaderText("Subject", "größe")),
]


@pytest.mark.parametrize(("text", "key"), KEYS, ids=[repr(text)[2:-1] for text, _ in KEYS])
def test_keys(text: bytes, key: Key) -> None:
    """Every key of every RFC, alone."""
    assert Search(criteria=Criteria(key)) == read(parse_search, b" " + text)


@pytest.mark.parametrize(("text", "key"), KEYS, ids=[repr(text)[2:-1] for text, _ in KEYS])
def test_keys_among_others(text: bytes, key: Key) -> None:
    """And behind NOT, in OR, in parentheses, with others behind it."""
    many = b" OR (%s) FLAGGED NOT (%s) DRAFT" % (text.rstrip(), text.rstrip())
    found = read(parse_search, many).criteria.key
    either, nots, _ = found.keys
    assert (key, key) == (either.left, nots.key)


CHARSETS: list[tuple[bytes, Criteria]] = [
    (b"CHARSET UTF-8 TEXT {6}\xc3\xbc\xc3\xbc\xc3\xbc", Criteria(WholeText("üüü"), "UTF-8")),
    (b'charset "iso-8859-1" TEXT {2}\xfc\xe4', Criteria(WholeText("üä"), "iso-8859-1")),
    (b"CHARSET KOI8-R TEXT {4}\xcd\xc1\xd4\xd8", Criteria(WholeText("мать"), "KOI8-R")),
    (b"CHARSET X-NONE ALL", Criteria(All(), "X-NONE", known=False)),
    (b"CHARSET X-NONE BCC {1}\xff", Criteria(HeaderText("Bcc", ""), "X-NONE", known=False)),
]


@pytest.mark.parametrize(("text", "criteria"), CHARSETS, ids=[repr(t)[2:-1] for t, _ in CHARSETS])
def test_charsets(text: bytes, criteria: Criteria) -> None:
    """Texts are what the charset says; a charset that nobody knows is told, not guessed."""
    assert Search(criteria=criteria) == read(parse_search, b" " + text)


RETURNS: list[tuple[bytes, Returns | None]] = [
    (b"", None),
    (b" RETURN ()", Returns()),
    (b" return (min Count)", Returns(frozenset({Return.MIN, Return.COUNT}))),
    (b" RETURN (SAVE)", Returns(frozenset({Return.SAVE}))),
    (b" RETURN (PARTIAL 1:500)", Returns(window=Window(1, 500))),
    (b" RETURN (PARTIAL 500:1)", Returns(window=Window(1, 500))),
    (b" RETURN (PARTIAL -500:-1 MAX)", Returns(frozenset({Return.MAX}), Window(-1, -500))),
    (
        b" RETURN (UPDATE CONTEXT ALL)",
        Returns(frozenset({Return.UPDATE, Return.CONTEXT, Return.ALL})),
    ),
    (
        b" RETURN (UPDATE (UID FLAGS) COUNT)",
        Returns(frozenset({Return.UPDATE, Return.COUNT}), items=(Attribute.UID, Attribute.FLAGS)),
    ),
    (b" RETURN (UPDATE(UID))", Returns(frozenset({Return.UPDATE}), items=(Attribute.UID,))),
]


@pytest.mark.parametrize(("text", "returns"), RETURNS, ids=[t.decode() for t, _ in RETURNS])
def test_returns(text: bytes, returns: Returns | None) -> None:
    """Return options, for SEARCH, ESEARCH and SORT."""
    criteria = Criteria(All(), "UTF-8")
    behind = text + b" CHARSET UTF-8 ALL"
    assert Search(criteria=criteria, returns=returns, by_uid=True) == read(
        parse_search, behind, by_uid=True
    )
    assert ESearch(criteria=criteria, returns=returns) == read(parse_esearch, behind)
    assert Sort(keys=(SortKey(SortBy.DATE),), criteria=criteria, returns=returns) == read(
        parse_sort, text + b" (DATE) UTF-8 ALL"
    )


SOURCES: list[tuple[bytes, tuple[Source, ...]]] = [
    (b"selected", (Source(SourceKind.SELECTED),)),
    (b"personal", (Source(SourceKind.PERSONAL),)),
    (b"inboxes subscribed", (Source(SourceKind.INBOXES), Source(SourceKind.SUBSCRIBED))),
    (
        b'mailboxes "folder1" subtree folder2',
        (
            Source(SourceKind.MAILBOXES, (MailboxName("folder1"),)),
            Source(SourceKind.SUBTREE, (MailboxName("folder2"),)),
        ),
    ),
    (
        b'subtree-one (inbox "a b")',
        (Source(SourceKind.SUBTREE_ONE, (INBOX, MailboxName("a b"))),),
    ),
]


@pytest.mark.parametrize(("text", "sources"), SOURCES, ids=[t.decode() for t, _ in SOURCES])
def test_sources(text: bytes, sources: tuple[Source, ...]) -> None:
    """Where ESEARCH looks (RFC 7377 section 2.2)."""
    command = b" IN (" + text + b") RETURN (COUNT) unseen"
    returns = Returns(frozenset({Return.COUNT}))
    criteria = Criteria(NotThose(HasFlag(SEEN)))
    assert ESearch(criteria=criteria, sources=sources, returns=returns) == read(
        parse_esearch, command
    )


def test_sort() -> None:
    """Criteria in their order, each perhaps reversed; every one that there is."""
    found = read(parse_sort, b" (SUBJECT REVERSE DATE) UTF-8 SINCE 1-Feb-1994", by_uid=True)
    assert found == Sort(
        keys=(SortKey(SortBy.SUBJECT), SortKey(SortBy.DATE, descending=True)),
        criteria=Criteria(Since(_INTERNAL, _DAY), "UTF-8"),
        by_uid=True,
    )
    names = " ".join(by.value.lower() for by in SortBy).encode()
    keys = read(parse_sort, b" (" + names + b") UTF-8 FUZZY ALL").keys
    assert tuple(map(SortKey, SortBy)) == keys


@pytest.mark.parametrize("algorithm", list(ThreadAlgorithm), ids=lambda a: a.value)
def test_thread(algorithm: ThreadAlgorithm) -> None:
    """An algorithm, a charset and keys."""
    found = read(parse_thread, b" %s UTF-8 ALL" % algorithm.value.lower().encode())
    assert Thread(algorithm=algorithm, criteria=Criteria(All(), "UTF-8")) == found


def test_filters() -> None:
    """What is stored as a filter has no space in front (RFC 5466 section 3.2)."""
    boss = AnyOf(Smaller(5000), HeaderText("From", "boss@example.com"))
    assert boss == parse_filter(Cursor([b'OR SMALLER 5000 FROM "boss@example.com"']))
    assert Every((boss, All())) == parse_filter(
        Cursor([b"OR SMALLER 5000 FROM boss@example.com ALL"])
    )
    for wrong in (b"OR SMALLER", b"OR SMALLER 5000", b"", b"ALL)", b"nothing"):
        with pytest.raises(BadSyntax):
            parse_filter(Cursor([wrong]))


WRONG: list[tuple[Callable[[Cursor], Any], bytes]] = [
    *(
        (parse_search, text)
        for text in [
            b"",
            b" ",
            b" BOGUS",
            b" SEEN  ALL",
            b" SEEN)",
            b" (SEEN",
            b" ()",
            b" NOT",
            b" OR SEEN",
            b" OR SEEN ",
            b" FROM",
            b' FROM "x',
            b" SINCE yesterday",
            b" SINCE 31-Feb-1994",
            b" KEYWORD \\Seen",
            b" UID",
            b" UID 0",
            b" OLDER 0",
            b" LARGER -1",
            b" MODSEQ",
            b' MODSEQ "/flags/a" some 1',
            b' HEADER "" x',
            b" HEADER x",
            b" FILTER a/b",
            b" EMAILID",
            b" EMAILID " + b"x" * 256,
            b" TEXT {1}\xff",
            b" CHARSET UTF-8 TEXT {1}\xff",
            b" CHARSET US-ASCII TEXT {2}\xc3\xbc",
            b" CHARSET",
            b" CHARSET UTF-8",
            b" RETURN ALL",
            b" RETURN (BOGUS) ALL",
            b" RETURN (PARTIAL) ALL",
            b" RETURN (PARTIAL 1:-2) ALL",
            b" RETURN (PARTIAL 0:2) ALL",
            b" RETURN (PARTIAL 1:*) ALL",
            b" RETURN (PARTIAL 1:2 ALL) ALL",
            b" RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL",
            b" RETURN (RELEVANCY) ALL",
            b" RETURN ()",
            b" (((" * 40 + b"ALL",
            b" " + b"NOT " * (DEPTH + 1) + b"ALL",
            b" " + b"(" * (DEPTH + 1) + b"ALL" + b")" * (DEPTH + 1),
        ]
    ),
    *(
        (parse_esearch, text)
        for text in [
            b" IN () ALL",
            b" IN (selected-delayed) ALL",
            b" IN (mailboxes) ALL",
            b" IN (mailboxes ()) ALL",
            b" IN personal ALL",
            b" IN (personal)",
        ]
    ),
    *(
        (parse_sort, text)
        for text in [
            b" () UTF-8 ALL",
            b" (DATE) ALL",
            b" (REVERSE) UTF-8 ALL",
            b" (REVERSE REVERSE DATE) UTF-8 ALL",
            b" (COLOUR) UTF-8 ALL",
            b" DATE UTF-8 ALL",
            b" (DATE) UTF-8",
            b" (RELEVANCY) UTF-8 ALL",
        ]
    ),
    (parse_thread, b" JWZ UTF-8 ALL"),
    (parse_thread, b" REFERENCES ALL"),
]


@pytest.mark.parametrize(
    ("parse", "text"), WRONG, ids=[f"{p.__name__}{t[:40]!r}" for p, t in WRONG]
)
def test_wrong(parse: Callable[[Cursor], Any], text: bytes) -> None:
    """What is not of the grammar is said to be wrong, somewhere within it."""
    with pytest.raises(BadSyntax) as raised:
        read(parse, text)
    assert 0 <= raised.value.position <= len(text)


def test_depth() -> None:
    """A hundred levels are read, of any kind."""
    half = DEPTH // 2
    for text in (
        b"NOT " * DEPTH + b"ALL",
        b"(" * DEPTH + b"ALL" + b")" * DEPTH,
        b"OR SEEN " * DEPTH + b"ALL",
        b"OR " * half + b"ALL" + b" SEEN" * half,
        b"(NOT " * half + b"ALL" + b")" * half,
    ):
        assert isinstance(read(parse_search, b" " + text), Search)


@pytest.mark.parametrize(
    "text",
    [b" SEEN" * 20_000, b" " + b"1," * 40_000 + b"1", b' FROM "' + b"x" * 100_000 + b'"'],
    ids=["keys", "numbers", "text"],
)
def test_long_commands(text: bytes) -> None:
    """A hundred kilobytes of anything take no time."""
    began = time.process_time()
    read(parse_search, text)
    assert time.process_time() - began < 1


_WORDS = st.lists(
    st.sampled_from(
        [
            *(text for text, _ in KEYS),
            *(b"(", b")", b" ", b"NOT ", b"OR ", b"RETURN (", b"CHARSET ", b"FROM ", b"{0}", b'"'),
            *(b"UTF-8", b"PARTIAL 1:2", b"*", b"1:2", b"\xff", b"\\"),
        ]
    ),
    max_size=8,
).map(b"".join)


@settings(max_examples=200)
@given(st.sampled_from([parse_search, parse_esearch, parse_sort, parse_thread]), _WORDS)
def test_any_text(parse: Callable[[Cursor], Any], text: bytes) -> None:
    """Whatever is sent is a command or said to be none."""
    try:
        read(parse, b" " + text)
    except BadSyntax:
        pass
