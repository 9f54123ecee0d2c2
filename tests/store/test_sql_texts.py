"""
The index of texts: what it proposes, and that the octets decide.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from twisted.internet.epollreactor import EPollReactor

from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import IMailbox, NewMessage
from pymta.mailbox import INBOX, MailboxName, UIDSet
from pymta.search import And, BodyText, HeaderText, Not, Or, Query, WholeText
from pymta.store.sql import indexing, texts
from pymta.store.sql.texts import Sought
from pymta.testing.contracts.mailbox_searching import MESSAGES, QUERIES
from tests.store.conftest import Run
from tests.store.house import House, opened


@pytest.fixture
def house(
    tmp_path: Path, reactor: EPollReactor, run: Run, template: Callable[[Path], None]
) -> Iterator[House]:
    """One of its own."""
    with opened(reactor, run, template, tmp_path) as made:
        yield made


async def inbox_of(house: House, contents: Sequence[bytes]) -> IMailbox:
    """A mailbox with these messages, UIDs from 1."""
    inbox = await house.store.mailboxes("ann").open(INBOX)
    if contents:
        await inbox.append([NewMessage(content=Octets(each)) for each in contents])
    return inbox


async def found(mailbox: IMailbox, query: Query) -> list[int]:
    """UIDs."""
    return list((await mailbox.search(query)).uids)


async def reads(house: House, mailbox: IMailbox, query: Query) -> tuple[list[int], int]:
    """What is found, and how many messages were read for it."""
    count = 0
    stored = house.store._resources.stored

    def counted(letter: Any) -> Any:
        nonlocal count
        count += 1
        return stored(letter)

    house.store._resources.stored = counted  # type: ignore[method-assign]
    try:
        return await found(mailbox, query), count
    finally:
        house.store._resources.stored = stored  # type: ignore[method-assign]


def test_answers_are_those_of_the_scan(house: House, run: Run) -> None:
    """
    Every query of the kit, with everything indexed.
    """

    async def check() -> None:
        inbox = await house.store.mailboxes("ann").open(INBOX)
        await inbox.append(
            [
                NewMessage(content=content, flags=frozenset(flags), internal_date=when)
                for content, flags, when in MESSAGES
            ]
        )
        await house.store.index()
        assert [] == house.rows("SELECT letter FROM pymta_unindexed")
        expected = {what: uids for what, _, uids in QUERIES}
        assert expected == {what: await found(inbox, query) for what, query, _ in QUERIES}

    run(check)


def vectors() -> list[bytes]:
    """Messages that others wrote."""
    if "PYMTA_VECTORS" not in os.environ:
        return []
    folder = Path(os.environ["PYMTA_VECTORS"]) / "mime"
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path.read_bytes() for path in paths if path.stat().st_size < 200_000]


SOUGHT = [
    *("the", "The ", "ent", "über", "é", "日本語", "привет", "ß", "=?", "a\tb", ".com", 'name="'),
    *("--", "\u0308", "e\u0301", "  ", "x" * 80, "not there at all"),
]


@pytest.mark.skipif("PYMTA_VECTORS" not in os.environ, reason="PYMTA_VECTORS")
def test_answers_are_those_of_the_scan_on_vectors(house: House, run: Run) -> None:
    """
    Texts of all kinds, sought in messages of all kinds; one and two characters as well.
    """

    async def check() -> None:
        inbox = await inbox_of(house, vectors())
        queries: list[Query] = [
            (WholeText(text), Not(BodyText(text)), HeaderText("Subject", text))[n % 3]
            for n, text in enumerate(SOUGHT)
        ]
        before = [await found(inbox, query) for query in queries]
        await house.store.index()
        assert before == [await found(inbox, query) for query in queries]
        assert sum(map(len, before)) > 100

    run(check)


FOX = b"Subject: fox\r\n\r\nThe quick brown fox\r\n"
DOG = b"Subject: dog\r\n\r\nThe lazy dog\r\n"


@pytest.mark.parametrize(
    ("query", "uids", "read"),
    [
        pytest.param(BodyText("quick"), [1], 1, id="body"),
        pytest.param(BodyText("QUICK BROWN"), [1], 1, id="casemapped"),
        pytest.param(HeaderText("Subject", "dog"), [2], 0, id="header that is kept"),
        pytest.param(HeaderText("X-From", "dog"), [], 1, id="another field: read in vain"),
        pytest.param(BodyText("nothing"), [], 0, id="nothing"),
        pytest.param(Not(BodyText("quick")), [2], 1, id="not"),
        pytest.param(Or(BodyText("quick"), BodyText("lazy")), [1, 2], 2, id="or"),
        pytest.param(And((BodyText("the"), BodyText("lazy"))), [2], 1, id="and"),
        pytest.param(WholeText("lazy"), [2], 1, id="text"),
        pytest.param(BodyText("q"), [1], 2, id="too short"),
        pytest.param(BodyText("brown\r\n"), [], 2, id="what is no character"),
        pytest.param(BodyText('"quick'), [], 0, id="a quote"),
    ],
)
def test_only_candidates_are_read(
    house: House, run: Run, query: Query, uids: list[int], read: int
) -> None:
    """
    The index proposes; where it cannot, all are read.
    """

    async def check() -> None:
        inbox = await inbox_of(house, [FOX, DOG])
        await house.store.index()
        assert (uids, read) == await reads(house, inbox, query)

    run(check)


def test_what_is_not_indexed_yet_is_found(house: House, run: Run) -> None:
    """
    Before the first indexing, and behind it; a copy is found as its original is.
    """

    async def check() -> None:
        inbox = await inbox_of(house, [FOX])
        assert [1] == await found(inbox, BodyText("quick"))
        await house.store.index()
        await inbox_of(house, [DOG, FOX])
        assert ([1, 3], 3) == await reads(house, inbox, BodyText("quick"))
        await house.store.mailboxes("ann").create(MailboxName("copies"))
        await inbox.copy(UIDSet([1, 2]), MailboxName("copies"))
        await house.store.index()
        copies = await house.store.mailboxes("ann").open(MailboxName("copies"))
        assert ([1], 1) == await reads(house, copies, BodyText("quick"))

    run(check)


def test_too_long_for_the_index(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It is read for each search, and not looked at again by the indexer.
    """

    async def check() -> None:
        inbox = await inbox_of(house, [FOX * 10, DOG])
        await house.store.index()
        assert [(1,)] == house.rows("SELECT never FROM pymta_unindexed")
        await house.store.index()
        assert ([], 1) == await reads(house, inbox, BodyText("no such words"))
        assert [1] == await found(inbox, BodyText("quick"))

    monkeypatch.setattr(indexing, "LONGEST", 100)
    run(check)


def test_hostile_text(house: House, run: Run) -> None:
    """
    Octets that are no characters, and NULs, neither stop the indexer nor hide what is behind them.
    """
    bad = b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA- \0 behind\r\n"

    async def check() -> None:
        inbox = await inbox_of(house, [bad, b"\xff\xfe\0\0", b"", b"\r\n"])
        await house.store.index()
        assert [] == house.rows("SELECT letter FROM pymta_unindexed")
        assert [1] == await found(inbox, BodyText("behind"))

    run(check)


def test_what_is_gone_is_proposed_to_nobody(
    house: House, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Its trigrams stay until most of the index is stale; then it is made anew.
    """

    async def check() -> None:
        inbox = await inbox_of(house, [FOX] * 5 + [DOG])
        await house.store.index()
        assert [(6, 0)] == house.rows("SELECT indexed, stale FROM pymta_text_index")
        await inbox.remove(UIDSet([1, 2, 3, 4]))
        await house.elapse(7200)
        assert [(6, 4)] == house.rows("SELECT indexed, stale FROM pymta_text_index")
        assert ([5], 1) == await reads(house, inbox, BodyText("quick"))
        await inbox_of(house, [DOG])
        await house.store.index()
        assert [(3, 0)] == house.rows("SELECT indexed, stale FROM pymta_text_index")
        assert [] == house.rows("SELECT letter FROM pymta_unindexed")
        assert ([6, 7], 2) == await reads(house, inbox, BodyText("lazy"))

    monkeypatch.setattr(texts, "STALE", 3)
    run(check)


def test_a_quiet_moment_is_waited_for(
    house: House, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    While messages come, they are not indexed, unless there are many of them.
    """

    async def left() -> int:
        await house.store.keep_indexed()
        return len(house.rows("SELECT letter FROM pymta_unindexed"))

    async def check() -> None:
        assert 0 == await left()
        await inbox_of(house, [FOX])
        assert 1 == await left()
        await inbox_of(house, [DOG])
        assert 2 == await left()
        assert 0 == await left()
        await inbox_of(house, [FOX] * 4)
        assert 0 == await left()

    monkeypatch.setattr(indexing, "MUCH", 4)
    run(check)


def test_nothing_is_indexed_twice(house: House, run: Run) -> None:
    """
    Two processes that read the same letters: whoever comes second leaves them out.
    """

    async def check() -> None:
        await inbox_of(house, [FOX])
        await house.store.index()
        entry = [texts.Texts(1, "head", "body")]
        await house.store._resources.write(texts.index, entry)
        assert [(1,)] == house.rows("SELECT indexed FROM pymta_text_index")

    run(check)


def test_without_the_extension(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An SQLite that cannot have the index: every search reads, and nothing else is different.
    """

    async def check() -> None:
        inbox = await inbox_of(house, [FOX, DOG])
        await house.store.index()
        await house.store.index()
        assert ([2], 2) == await reads(house, inbox, BodyText("lazy"))

    monkeypatch.setattr(texts, "_CREATE", text("CREATE VIRTUAL TABLE x USING nobody"))
    run(check)


@pytest.mark.parametrize(
    ("needle", "match"),
    [
        ("ab", None),
        ("abc", '{body} : ("abc")'),
        ("abcd", '{body} : ("abc" AND "bcd")'),
        ("aaaa", '{body} : ("aaa")'),
        ('a"b', '{body} : ("a""b")'),
        ("a\0bc", None),
        ("ab\ud800", None),
    ],
)
def test_match(needle: str, match: str | None) -> None:
    """
    Each trigram once, quoted; None for what has none, or what no column can hold.
    """
    assert match == Sought("body", needle).match
