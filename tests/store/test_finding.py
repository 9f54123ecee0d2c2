"""
Searches of any shape: in SQL, in memory, and as sets say what they find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.epollreactor import EPollReactor

from pymta.errors import MessageGone
from pymta.interfaces.content import IContent, Octets
from pymta.interfaces.mailbox import IMailbox, NewMessage
from pymta.mailbox import INBOX, SEEN, UID, Found, ModSeq, UIDSet
from pymta.message.casemap import Casemap
from pymta.search import (
    All,
    And,
    Before,
    BodyText,
    DateOf,
    Fuzzy,
    HasFlag,
    HeaderText,
    Larger,
    Not,
    On,
    Or,
    Query,
    Since,
    SortBy,
    SortKey,
    ThreadAlgorithm,
    UIDIn,
    WholeText,
)
from pymta.store._digest import digest_of
from pymta.store._flags import NO_FLAGS
from pymta.store._fuzzy import _is_near, _is_near_any, settled, stretched
from pymta.store._judging import Glance, Judge, Row
from pymta.store._search import search
from pymta.store.memory.mailboxes import MemoryMailStore
from pymta.store.sql import judging
from pymta.store.sql.judging import MOST_KEYS, MOST_LEVELS
from pymta.testing.contracts.mailbox_searching import MESSAGES, QUERIES
from pymta.testing.contracts.mailbox_sorting import LETTERS
from tests.awaiting import now_done
from tests.store.conftest import Run
from tests.store.house import House, opened

ALL = frozenset({1, 2, 3, 4, 5})
LEAVES = [
    (query, frozenset(uids))
    for what, query, uids in QUERIES
    if not isinstance(query, And | Or | Not | Fuzzy)
]


@pytest.fixture(scope="module")
def house(
    reactor: EPollReactor,
    run: Run,
    template: Callable[[Path], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """For all of it."""
    with opened(reactor, run, template, tmp_path_factory.mktemp("finding")) as made:
        yield made


async def filled(mailbox: IMailbox) -> IMailbox:
    """With the messages of the kit."""
    await mailbox.append(
        [
            NewMessage(content=content, flags=frozenset(flags), internal_date=when)
            for content, flags, when in MESSAGES
        ]
    )
    return mailbox


@pytest.fixture(scope="module")
def in_sql(house: House, run: Run) -> Callable[[Query], Found]:
    """Searches in SQL."""
    inbox = run(lambda: _opened(house, "ann"))
    run(lambda: filled(inbox))
    return lambda query: run(lambda: inbox.search(query))


async def _opened(house: House, account: str) -> IMailbox:
    return await house.store.mailboxes(account).open(INBOX)


@pytest.fixture(scope="module")
def in_memory() -> Callable[[Query], Found]:
    """Searches in memory."""
    store = MemoryMailStore().mailboxes("ann")

    def search(query: Query) -> Found:
        found: Found = now_done(inbox.search(query))
        return found

    inbox: IMailbox = now_done(store.open(INBOX))
    now_done(filled(inbox))
    return search


_TREES = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.just("or"), inner, inner),
        st.tuples(st.just("and"), st.lists(inner, max_size=3)),
    ),
    max_leaves=8,
)


def built(tree: Any) -> tuple[Query, frozenset[int]]:
    """A query, and what it finds."""
    match tree:
        case ("not", inner):
            query, uids = built(inner)
            return Not(query), ALL - uids
        case ("or", left, right):
            one, two = built(left), built(right)
            return Or(one[0], two[0]), one[1] | two[1]
        case ("and", parts):
            made = [built(part) for part in parts]
            return And(tuple(q for q, _ in made)), ALL.intersection(*(u for _, u in made))
    query, uids = tree
    return query, uids


@settings(max_examples=120, deadline=None)
@given(_TREES)
def test_any_query(
    in_sql: Callable[[Query], Found], in_memory: Callable[[Query], Found], tree: Any
) -> None:
    """Both stores find what the sets of its keys say, whatever is within what."""
    query, expected = built(tree)
    assert sorted(expected) == list(in_sql(query).uids) == list(in_memory(query).uids)


def _many(*keys: Query) -> Query:
    return And(tuple([*keys] * (MOST_KEYS // 2)))


def _deep(query: Query, levels: int) -> Query:
    for _ in range(levels // 2):
        query = Not(Or(Not(query), Not(All())))
    return query


def _nested(query: Query, levels: int, *around: Callable[[Query], Query]) -> Query:
    for n in range(levels):
        query = around[n % len(around)](query)
    return query


LARGE: list[tuple[str, Query, list[int]]] = [
    ("many keys", _many(HasFlag(SEEN), Larger(5), Not(HasFlag("x"))), [1, 4]),
    ("many keys, and texts", _many(BodyText("fox"), HasFlag(SEEN), WholeText("anna")), [1]),
    ("many levels", _deep(HasFlag(SEEN), 100), [1, 4]),
    ("many levels, and texts", _deep(Or(BodyText("fox"), HasFlag("\\Answered")), 100), [1, 3]),
    ("negations", _nested(HasFlag(SEEN), 98, Not), [1, 4]),
    (
        "addresses",
        _nested(HasFlag(SEEN), 90, lambda q: Or(HeaderText("From", "nobody"), q)),
        [1, 4],
    ),
    ("conjunctions", _nested(WholeText("anna"), 90, lambda q: And((All(), q))), [1]),
    (
        "as deep as a statement goes",
        _nested(WholeText("anna"), MOST_LEVELS - 1, lambda q: And((All(), q))),
        [1],
    ),
    *(
        (
            f"{levels} levels of all kinds",
            _nested(
                WholeText("anna"),
                levels,
                lambda q: And((All(), q, All())),
                Not,
                lambda q: Or(q, q),
                Not,
            ),
            [1],
        )
        for levels in (4, 8, 12)
    ),
    ("many ranges", UIDIn(UIDSet(range(1, 2000, 2))), [1, 3, 5]),
    (
        "large ranges",
        UIDIn(UIDSet.of_ranges([(n * 50_000 + 3, n * 50_000 + 40_000) for n in range(20)])),
        [3, 4, 5],
    ),
    ("no UIDs", UIDIn(UIDSet()), []),
    ("the last day", On(DateOf.INTERNAL, date.max), []),
    ("until the last day", Before(DateOf.INTERNAL, date.max), [1, 2, 3, 4, 5]),
    ("since the first day", Since(DateOf.SENT, date.min), [1, 2, 3]),
    ("what is no flag", HasFlag("a b"), []),
    ("what nobody sets", HasFlag("\\Recent"), []),
    ("an empty word", Fuzzy(BodyText("  ")), []),
]


@pytest.mark.parametrize(("query", "uids"), [row[1:] for row in LARGE], ids=[r[0] for r in LARGE])
def test_large_queries(
    in_sql: Callable[[Query], Found],
    in_memory: Callable[[Query], Found],
    query: Query,
    uids: list[int],
) -> None:
    """What is too much for a statement is judged row by row, and what is strange finds nothing."""
    assert uids == list(in_sql(query).uids) == list(in_memory(query).uids)


def test_in_many_statements(
    in_sql: Callable[[Query], Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large mailbox is judged piece by piece, and all of it."""
    some = QUERIES[::9]
    before = {what: in_sql(query) for what, query, _ in some}
    for rows in (1, 2, 5):
        monkeypatch.setattr(judging, "ROWS_AT_ONCE", rows)
        assert before == {what: in_sql(query) for what, query, _ in some}


def test_days_are_those_of_the_zone() -> None:
    """From midnight to midnight there: in Python and in SQL."""
    zone = timezone(timedelta(hours=-8))
    moment = datetime(2024, 1, 2, 7, 59, 59, tzinfo=UTC)
    row = Row(UID(1), NO_FLAGS, ModSeq(1), 1, moment, moment)
    judge = Judge(zone, moment)
    assert judge.judge(On(DateOf.INTERNAL, date(2024, 1, 1)), row)
    made = judging.condition(On(DateOf.INTERNAL, date(2024, 1, 1)), zone=zone, now=0)
    first, behind = made.values.values()
    assert [8, 8] == [datetime.fromtimestamp(t / 1e6, UTC).hour for t in (first, behind)]
    assert first <= moment.timestamp() * 1e6 < behind


GLANCE = Glance(None, (b"ONE\nTWO\n", b"", None, b"\n", b""))


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (HeaderText("Subject", "two"), True),
        (HeaderText("subject", "three"), False),
        (HeaderText("subject", ""), True),
        (HeaderText("subject", "one\ntwo"), None),
        (HeaderText("From", ""), False),
        (HeaderText("Cc", ""), True),
        (HeaderText("To", "x"), None),
        (HeaderText("X-Other", "x"), None),
        (WholeText("two"), True),
        (WholeText("three"), None),
        (BodyText("two"), None),
        (Since(DateOf.SENT, date.min), False),
        (Not(Since(DateOf.SENT, date.min)), True),
        (Fuzzy(HeaderText("Subject", "two")), None),
    ],
    ids=str,
)
def test_what_a_glance_tells(key: Query, told: bool | None) -> None:
    """Yes and no where it is sure, and nothing where the text must tell."""
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    row = Row(UID(1), NO_FLAGS, ModSeq(1), 1, moment, moment, "", GLANCE)
    assert told is Judge(UTC, moment).judge(key, row)


# -- sorting in SQL ----------------------------------------------------------------


def test_letters_of_earlier_releases(house: House, run: Run) -> None:
    """They are indexed when somebody sorts or threads; a search reads them."""

    async def check() -> None:
        store = house.store.mailboxes("old")
        inbox: Any = await store.open(INBOX)
        await inbox.append([NewMessage(content=c, internal_date=d) for c, d in LETTERS])
        keys = [SortKey(SortBy.SUBJECT), SortKey(SortBy.DATE)]
        ordered = (await inbox.sort(All(), keys)).order
        _, threads = await inbox.thread(All(), ThreadAlgorithm.REFERENCES)
        alpha = HeaderText("Subject", "alpha")
        for ask in ("sort", "thread", "search"):
            await _forget(house)
            match ask:
                case "sort":
                    assert ordered == (await inbox.sort(All(), keys)).order
                case "thread":
                    assert threads == (await inbox.thread(All(), ThreadAlgorithm.REFERENCES))[1]
                case _:
                    assert UIDSet([2, 4]) == (await inbox.search(alpha)).uids
                    since = Since(DateOf.SENT, date(2024, 1, 1))
                    assert UIDSet([1, 3]) == (await inbox.search(since)).uids

    run(check)


async def _forget(house: House) -> None:
    from sqlalchemy import text

    def forget(connection: Any, entries: Any) -> list[None]:
        connection.execute(text("DELETE FROM pymta_letter_index"))
        return [None for _ in entries]

    await house.database.write(forget, None)


def test_lost_octets(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message whose octets cannot be had is found by no text, and sorted as an empty one."""

    async def check() -> None:
        inbox: Any = await house.store.mailboxes("lost").open(INBOX)
        large = Octets(b"Subject: beta\r\n\r\n" + b"x" * 20_000)
        some = [*(content for content, _ in LETTERS[:3]), large]
        await inbox.append([NewMessage(content=content) for content in some])

        async def gone(start: int, stop: int) -> bytes:
            raise MessageGone("lost")

        lost: Any = SimpleNamespace(size=1, read=gone)
        monkeypatch.setattr(house.store._resources, "stored", lambda letter: lost)
        await _forget(house)
        # The octets of small ones come with their rows.
        assert UIDSet([1, 3]) == (await inbox.search(HeaderText("Subject", "beta"))).uids
        assert (1, 2, 3, 4) == (await inbox.sort(All(), [SortKey(SortBy.SUBJECT)])).order

    run(check)


def test_the_index_goes_with_its_letters(house: House, run: Run) -> None:
    """When the octets go, an hour after the last of their messages."""

    async def check() -> None:
        inbox = await house.store.mailboxes("gone").open(INBOX)
        before = await house.database.read(_count)
        await inbox.append([NewMessage(content=LETTERS[0][0])])
        assert before + 1 == await house.database.read(_count)
        await inbox.remove(UIDSet([1]))
        await house.elapse(3700)
        assert before == await house.database.read(_count)

    run(check)


def _count(connection: Any) -> int:
    from sqlalchemy import text

    counted: int = connection.scalar(text("SELECT count(*) FROM pymta_letter_index"))
    return counted


# -- fuzzy -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "other", "near"),
    [
        ("BREAD", "BREAD", True),
        ("BREAD", "BRED", True),
        ("BREAD", "BREEAD", True),
        ("BREAD", "BROAD", True),
        ("BREAD", "BRAED", True),
        ("BREAD", "READ", True),
        ("BREAD", "BREADS", True),
        ("BREAD", "BRADE", False),
        ("BREAD", "BRE", False),
        ("BREAD", "ROAD", False),
    ],
)
def test_slips_of_the_pen(word: str, other: str, near: bool) -> None:
    """One of them is forgiven."""
    assert near is _is_near(word, other)
    assert near is _is_near(other, word)


@pytest.mark.parametrize(("length", "near"), [(3, False), (4, True), (100, True), (101, False)])
def test_words_that_may_have_a_slip(length: int, near: bool) -> None:
    """What is shorter is another word, and what is longer is none."""
    assert near is _is_near_any("x" * length, frozenset({"x" * length + "y"}))


def test_fuzzy_comes_to_rest_at_texts() -> None:
    """What cannot be found more or less is found as it is; what NOT leaves out is exact."""
    text, flag = BodyText("x"), HasFlag(SEEN)
    assert And((Fuzzy(text), flag)) == settled(Fuzzy(And((text, flag))))
    assert Or(Fuzzy(text), All()) == settled(Or(Fuzzy(Fuzzy(text)), All()))
    assert Not(text) == settled(Fuzzy(Not(text)))
    assert Not(Fuzzy(text)) == settled(Not(Fuzzy(text)))


def test_scores_use_their_range() -> None:
    """From 1 to 100, but for those that are all equal."""
    assert () == stretched([])
    assert (100,) == stretched([20])
    assert (100, 100) == stretched([20, 20])
    assert (1, 50, 100) == stretched([20, 50, 80])


@given(st.text(max_size=20), st.text(max_size=20))
def test_octets_contain_what_texts_do(text: str, part: str) -> None:
    """In UTF-8, as the index keeps them; lone surrogates, which no decoder makes, apart."""
    casemap = Casemap()
    if any("\ud800" <= c <= "\udfff" for c in text + part):
        return
    assert (casemap.map(part) in casemap.map(text)) == (casemap.key(part) in casemap.key(text))


def test_many_keys_let_others_have_their_turn() -> None:
    """The more keys there are, the fewer rows are judged in one go; texts count for more."""
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    rows = [Row(UID(n), NO_FLAGS, ModSeq(1), 1, moment, moment) for n in range(1, 101)]
    octets = Octets(b"Subject: x\r\n\r\ntext\r\n")
    turns = 0

    async def page(first: int, last: int) -> list[Row]:
        return [row for row in rows if first <= row.uid <= last]

    async def load(uid: UID) -> tuple[IContent, bytes]:
        return octets, structure

    async def breathe() -> None:
        nonlocal turns
        turns += 1

    structure = now_done(digest_of(octets, breathe)).structure

    def taken(query: Query) -> int:
        nonlocal turns
        turns = 0
        found: Found = now_done(search(query, page, load, zone=UTC, now=moment, breathe=breathe))
        assert 100 == len(found.uids)
        return turns

    assert 0 == taken(All())
    assert 100 <= taken(And((All(),) * 5000))
    assert 3 <= taken(BodyText("text")) <= 10
    assert 100 <= taken(And((BodyText("text"),) * 40))
