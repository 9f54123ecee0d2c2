"""
What the mailboxes in SQL share: octets, commits, and the database with other processes.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects.sqlite import dialect
from twisted.internet.defer import CancelledError
from twisted.internet.epollreactor import EPollReactor

from pymta.aio import deferred, gather, sleep
from pymta.errors import MailboxInUse, NoSuchMailbox, OverQuota
from pymta.interfaces.content import IContent, Octets, octets_of, prefixed
from pymta.interfaces.mailbox import NewMessage
from pymta.mailbox import INBOX, UID, MailboxName, ModSeq, UIDSet, Wanted
from pymta.spool.writer import Spool
from pymta.store.sql import (
    appending,
    bells,
    expunging,
    flagging,
    queries,
    reading,
    records,
    sweeping,
    tables,
)
from pymta.store.sql.snapshots import WORTH_SAVING
from pymta.testing.contracts.mailbox_case import fill
from tests.store.conftest import Run
from tests.store.house import House, opened

LARGE = b"Subject: large\r\n\r\n" + bytes(range(256)) * 1000


@pytest.fixture
def house(
    tmp_path: Path, reactor: EPollReactor, run: Run, template: Callable[[Path], None]
) -> Iterator[House]:
    """One of its own; what it leaves behind adds up."""
    with opened(reactor, run, template, tmp_path) as made:
        yield made


def files(house: House) -> list[str]:
    """Of large contents."""
    return os.listdir(house.directory / "content")


async def spooled(house: House, octets: bytes) -> IContent:
    """Content as a server receives it."""
    writer = Spool(house.database.contents.pool, house.database.contents.folder).create()
    await writer.write(octets)
    return await writer.finish()


@pytest.mark.parametrize("octets", [b"Subject: small\r\n\r\nx\r\n", LARGE], ids=["small", "large"])
def test_delivery_copies_no_octets(house: House, run: Run, octets: bytes) -> None:
    """Deliveries of what is in the database, each behind its own trace fields, and copies."""

    async def deliver() -> None:
        one = await house.store.mailboxes("one").open(INBOX)
        await one.append([NewMessage(content=Octets(octets))])
        queued = await one.content(UID(1))
        for account in ("two", "three"):
            inbox = await house.store.mailboxes(account).open(INBOX)
            trace = b"Delivered-To: %s\r\n" % account.encode()
            await inbox.append([NewMessage(content=prefixed(trace, queued))])
            await inbox.copy(UIDSet([1]), INBOX)
            for uid in (UID(1), UID(2)):
                assert trace + octets == await octets_of(await inbox.content(uid))

    run(deliver)
    assert [(1, 3)] == house.rows("SELECT count(*), sum(refs) FROM pymta_contents")
    assert (len(octets) > 64 * 1024) == (len(files(house)) == 1)


def test_a_received_file_is_named_in_place(house: House, run: Run) -> None:
    """What was spooled into the store's folder is one file before and after."""

    async def deliver() -> None:
        content = await spooled(house, LARGE)
        before = files(house)
        inbox = await house.store.mailboxes("anna").open(INBOX)
        await inbox.append([NewMessage(content=prefixed(b"X: y\r\n", content))])
        assert before == files(house)
        assert b"X: y\r\n" + LARGE == await octets_of(await inbox.content(UID(1)))

    run(deliver)
    assert 1 == len(files(house))


@pytest.mark.parametrize("octets", [b"Subject: small\r\n\r\nx\r\n", LARGE], ids=["small", "large"])
def test_over_quota_for_one_of_two(house: House, run: Run, octets: bytes) -> None:
    """What one account has no room for can still go to the next, or be discarded."""

    async def deliver() -> None:
        full, roomy = house.store.mailboxes("full"), house.store.mailboxes("roomy")
        await full.set_quota(10)
        content = await spooled(house, octets)
        with pytest.raises(OverQuota):
            await (await full.open(INBOX)).append([NewMessage(content=content)])
        inbox = await roomy.open(INBOX)
        await inbox.append([NewMessage(content=content)])
        assert octets == await octets_of(await inbox.content(UID(1)))

    run(deliver)


def test_octets_go_with_their_last_message(house: House, run: Run) -> None:
    """After the hour nothing is left of what was expunged and deleted: no row and no file."""

    async def live_and_die() -> None:
        store = house.store.mailboxes("anna")
        inbox = await store.open(INBOX)
        await store.create(MailboxName("a"))
        texts = [
            NewMessage(content=Octets(LARGE + b"%d" % n), delivery_id=f"{n}") for n in range(3)
        ]
        await inbox.append(texts)
        await inbox.append([NewMessage(content=Octets(b"small"), flags=frozenset({"kw"}))])
        await inbox.copy(UIDSet([1, 2, 4]), MailboxName("a"))
        await inbox.remove(UIDSet([1, 2, 3, 4]))
        await house.elapse(3 * 3600)
        assert 3 == house.rows("SELECT count(*) FROM pymta_contents")[0][0]
        await store.delete(MailboxName("a"))
        await house.elapse(1)

    run(live_and_die)
    for table in ("pymta_contents", "pymta_letters", "pymta_messages"):
        assert [(0,)] == house.rows(f"SELECT count(*) FROM {table}")
    assert [("INBOX",)] == house.rows("SELECT name FROM pymta_mailboxes")
    assert [] == files(house)


def test_delivery_ids_go_in_the_end(house: House, run: Run) -> None:
    """Nobody remembers them longer than anything waits in a queue."""

    async def deliver() -> None:
        inbox = await house.store.mailboxes("anna").open(INBOX)
        await inbox.append([NewMessage(content=Octets(b"x"), delivery_id="1")])
        await house.elapse(40 * 86400)

    run(deliver)
    assert [(0,)] == house.rows("SELECT count(*) FROM pymta_deliveries")


def test_tombstones_are_bounded(house: House, run: Run) -> None:
    """Thousands of expunges leave as many as the store was told to keep, and a quarter."""

    async def expunge() -> None:
        inbox = await house.store.mailboxes("anna").open(INBOX)
        await fill(inbox, 1000)
        for first in range(1, 1000, 10):
            await inbox.remove(UIDSet.of_ranges([(first, first + 9)]))
            await house.elapse(2 * 3600)
        changes = await inbox.changes(ModSeq(2), UIDSet([5, 999]))
        assert UIDSet([5, 999]) == changes.vanished

    run(expunge)
    [(left,)] = house.rows("SELECT count(*) FROM pymta_tombstones")
    assert 50 <= left <= 75


def test_appends_share_commits(house: House, run: Run) -> None:
    """100 appends of 25 sessions are a quarter as many commits at most."""

    async def deliver() -> None:
        inboxes = [await house.store.mailboxes(f"a{n % 5}").open(INBOX) for n in range(25)]
        commits: list[bool] = []
        down = house.database.watch(lambda: commits.append(True))
        calls = [
            inboxes[n % 25].append([NewMessage(content=Octets(b"x%d" % n))]) for n in range(100)
        ]
        await gather(calls)
        await sleep(house.reactor, 0.01)
        down()
        assert 1 <= len(commits) <= 25

    run(deliver)


def test_removing_an_account(house: House, run: Run) -> None:
    """Everything of it is gone, whoever watches finds out, and its name can be used again."""

    async def remove() -> None:
        store, other = house.store.mailboxes("anna"), house.store.mailboxes("bert")
        inbox, another = await store.open(INBOX), await other.open(INBOX)
        for each in (inbox, another):
            await each.append([NewMessage(content=Octets(b"x"))])
        await store.subscribe(MailboxName("a"))
        rung: list[bool] = []
        inbox.watch(lambda: rung.append(True))
        await house.store.remove("anna")
        await house.store.remove("nobody")
        await sleep(house.reactor, 0.05)
        assert rung
        with pytest.raises(NoSuchMailbox):
            await inbox.snapshot()
        with pytest.raises(NoSuchMailbox):
            await store.create(MailboxName("b"))
        assert [] == list(await store.mailboxes())
        [info] = await house.store.mailboxes("anna").mailboxes()
        assert (INBOX, 0) == (info.name, info.messages)
        await house.elapse(1)
        assert UIDSet([1]) == (await another.snapshot()).uids

    run(remove)
    assert [(1,)] == house.rows("SELECT count(*) FROM pymta_contents")


def test_a_large_mailbox_after_a_restart(house: House, run: Run) -> None:
    """A snapshot starts from the map that was saved, whatever happened since then."""

    async def look() -> None:
        inbox = await house.store.mailboxes("anna").open(INBOX)
        await fill(inbox, WORTH_SAVING + 500)
        await inbox.remove(UIDSet(range(2, 40, 2)))
        before = await inbox.snapshot()
        await house.elapse(1)
        await house.reopen()
        inbox = await house.store.mailboxes("anna").open(INBOX)
        assert before == await inbox.snapshot()
        await inbox.remove(UIDSet([100, 5000]))
        await inbox.copy(UIDSet([1]), INBOX)
        await house.reopen()
        inbox = await house.store.mailboxes("anna").open(INBOX)
        expected = before.uids - UIDSet([100, 5000]) | UIDSet([WORTH_SAVING + 501])
        assert expected == (await inbox.snapshot()).uids
        for first in range(200, 300):
            await inbox.remove(UIDSet([first]))
        await house.reopen()
        inbox = await house.store.mailboxes("anna").open(INBOX)
        expected = expected - UIDSet(range(200, 300))
        assert expected == (await inbox.snapshot()).uids

    run(look)
    assert [(1,)] == house.rows("SELECT count(*) FROM pymta_uid_maps")


def test_another_process(house: House, run: Run, reactor: EPollReactor) -> None:
    """Changes made elsewhere ring here, and the lock is one for all."""

    async def work() -> None:
        other = House(reactor, house.directory)
        await other.open()
        try:
            here = await house.store.mailboxes("anna").open(INBOX)
            there = await other.store.mailboxes("anna").open(INBOX)
            rung: list[bool] = []
            here.watch(lambda: rung.append(True))
            await there.append([NewMessage(content=Octets(b"x"))])
            for _ in range(100):
                if rung:
                    break
                await sleep(reactor, 0.01)
            assert rung
            assert UIDSet([1]) == (await here.changes(ModSeq(0))).arrived

            appends = [box.append([NewMessage(content=Octets(b"y"))]) for box in [here, there] * 5]
            uids = [uid for each in await gather(appends) for uid in each.uids]
            assert list(range(2, 12)) == sorted(uids)

            release = await here.lock()
            with pytest.raises(MailboxInUse):
                await there.lock()
            await release()
            await (await there.lock())()
        finally:
            await other.close()

    run(work)


def test_a_lock_nobody_waited_for(house: House, run: Run) -> None:
    """A session that goes while it waits for its lock does not keep it."""

    async def work() -> None:
        inbox = await house.store.mailboxes("anna").open(INBOX)
        waiting = deferred(inbox.lock())
        waiting.cancel()
        with pytest.raises(CancelledError):
            await waiting
        # The entry behind the one that gives it back.
        await inbox.append([NewMessage(content=Octets(b"x"))])
        await (await inbox.lock())()

    run(work)


def test_nothing_is_opened_before_it_is_asked(reactor: EPollReactor, tmp_path: Path) -> None:
    """Wiring touches no disk: the process may fork behind it."""
    House(reactor, tmp_path / "nowhere").store.mailboxes("anna")

    assert [] == list(tmp_path.iterdir())


def test_a_lock_from_a_clock_that_went_back(house: House, run: Run) -> None:
    """A lease that ends later than any could is nobody's: its owner would have renewed it."""

    async def work() -> None:
        inbox = await house.store.mailboxes("anna").open(INBOX)
        house.ahead = 365 * 86400 * 1_000_000
        await inbox.lock()
        await house.reopen()
        house.ahead = 0
        inbox = await house.store.mailboxes("anna").open(INBOX)
        await (await inbox.lock())()

    run(work)


@pytest.mark.parametrize("table", [vars(tables)[name] for name in tables.__all__], ids=str)
def test_tables_are_as_the_migrations_make_them(house: House, table: Any) -> None:
    """What the code believes of columns and keys is what is there."""
    found = house.rows(f"PRAGMA table_info({table.name})")
    expected = [(c.name, not c.nullable, c.primary_key) for c in table.columns]

    assert expected == [(name, bool(nn or pk), pk > 0) for _, name, _, nn, _, pk in found]


def plan(house: House, statement: Any) -> list[str]:
    """How SQLite means to do it."""
    text = str(statement.compile(dialect=dialect()))
    database = sqlite3.connect(house.directory / "pymta.db")
    try:
        values = ["[]"] * text.count("?")
        return [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {text}", values)]
    finally:
        database.close()


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(reading._MOVED, id="changes"),
        pytest.param(reading._GONE, id="vanished"),
        pytest.param(reading._SIZES, id="sizes"),
        pytest.param(reading._UNENDED, id="unended"),
        pytest.param(reading._PAGE, id="search"),
        pytest.param(reading._LETTER, id="content"),
        pytest.param(reading._BURIED, id="content of an expunged message"),
        pytest.param(records._statement((Wanted.FLAGS,), one_range=True), id="a range"),
        pytest.param(records._statement(tuple(Wanted), one_range=False), id="scattered"),
        pytest.param(expunging._FOUND, id="messages to copy or expunge"),
        pytest.param(expunging._DROP, id="expunge"),
        pytest.param(expunging._LIMIT, id="forget"),
        pytest.param(flagging._SET, id="flags"),
        pytest.param(appending._KNOWN, id="delivery ids"),
        pytest.param(sweeping._OLD, id="sweep"),
        pytest.param(sweeping._DELETED, id="deleted mailboxes"),
        pytest.param(bells._CHANGED, id="bells"),
        pytest.param(queries.BOX_NAMED, id="open"),
    ],
)
def test_every_query_has_an_index(house: House, statement: Any) -> None:
    """None of what runs often reads a whole table."""
    scans = [step for step in plan(house, statement) if step.startswith("SCAN")]

    assert [] == [step for step in scans if "json_each" not in step and "VIRTUAL" not in step]
