"""
What a store in SQL remembers of mailboxes: two stores with databases of their own on one file, as
two processes have them, and each tells what is there, whoever changed it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from twisted.internet.epollreactor import EPollReactor

from pymta.aio import Ended, begun
from pymta.database import Database
from pymta.errors import NoSuchMailbox
from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import IMailbox, IMailboxStore, NewMessage
from pymta.mailbox import INBOX, SEEN, FlagChange, FlagMode, MailboxName, Opened, UIDSet
from pymta.store.sql.store import SQLMailStore
from tests.store.conftest import Run

WORK = MailboxName("Work")


class Pair:
    """The mailboxes of one account, here and in what might be another process."""

    def __init__(self, here: IMailboxStore, there: IMailboxStore) -> None:
        self.here = here
        self.there = there


@pytest.fixture
def on_pair(
    reactor: EPollReactor, template: Callable[[Path], None], tmp_path: Path, run: Run
) -> Callable[[Callable[[Pair], Coroutine[Any, Any, None]]], None]:
    """Runs a test with a pair."""
    template(tmp_path)

    async def play(test: Callable[[Pair], Coroutine[Any, Any, None]]) -> None:
        async with _store(reactor, tmp_path) as here, _store(reactor, tmp_path) as there:
            pair = Pair(here.mailboxes("anna"), there.mailboxes("anna"))
            await (await pair.here.open(INBOX)).info()
            await test(pair)

    return lambda test: run(lambda: play(test))


@asynccontextmanager
async def _store(reactor: EPollReactor, folder: Path) -> AsyncIterator[SQLMailStore]:
    database = Database(reactor, str(folder), daemon=False)
    await database.open()
    store = SQLMailStore(database, reactor)
    try:
        yield store
    finally:
        store.close()
        await database.close()


def _letter(*flags: str) -> NewMessage:
    return NewMessage(content=Octets(b"Subject: one\r\n\r\nHello\r\n"), flags=frozenset(flags))


async def _opened(store: IMailboxStore, name: MailboxName = INBOX) -> Opened:
    mailbox = await store.open(name, read_only=True)
    try:
        return await mailbox.opened()
    finally:
        mailbox.close()


async def _is_at_hand(mailbox: IMailbox) -> bool:
    """Whether it is told without waiting for anything."""
    asked = begun(mailbox.opened())
    if isinstance(asked, Ended):
        return True
    await asked
    return False


def test_a_mailbox_is_asked_for_once(on_pair: Any) -> None:
    """Opened again, by whatever session, it is told at once, until something is committed."""

    async def test(pair: Pair) -> None:
        at_hand = []
        for store in (pair.there, pair.here):
            for _ in range(2):
                at_hand.append(await _is_at_hand(await pair.here.open(INBOX)))
            await (await store.open(INBOX)).append([_letter()])
            at_hand.append(await _is_at_hand(await pair.here.open(INBOX)))
        assert [False, True, False, True, True, False] == at_hand

    on_pair(test)


async def _append(pair: Pair) -> None:
    await (await pair.there.open(INBOX)).append([_letter("$Junk")])


async def _see(pair: Pair) -> None:
    await (await pair.there.open(INBOX)).change_flags(
        UIDSet([1]), FlagChange(FlagMode.ADD, frozenset({SEEN}))
    )


async def _remove(pair: Pair) -> None:
    await (await pair.there.open(INBOX)).remove(UIDSet([1]))


async def _subscribe(pair: Pair) -> None:
    await pair.there.subscribe(INBOX)


async def _take_recent(pair: Pair) -> None:
    await (await pair.there.open(INBOX)).take_recent()


@pytest.mark.parametrize("change", [_append, _see, _remove, _subscribe, _take_recent])
def test_what_another_process_changes_is_told(
    on_pair: Any, change: Callable[[Pair], Coroutine[Any, Any, None]]
) -> None:
    """By the next question behind its commit: all of it, and as the other one tells it."""

    async def test(pair: Pair) -> None:
        await (await pair.there.open(INBOX)).append([_letter(), _letter()])
        before = await _opened(pair.here)
        assert before == await _opened(pair.here)
        await change(pair)
        after = await _opened(pair.here)
        assert before != after
        assert await _opened(pair.there) == after
        mailbox = await pair.here.open(INBOX)
        told = (await mailbox.info(), await mailbox.keywords(), await mailbox.snapshot())
        assert (after.info, after.keywords, after.snapshot) == told

    on_pair(test)


def test_another_process_deletes_it(on_pair: Any) -> None:
    """Nobody opens it any more, by its name or where it was open; another of its name is new."""

    async def test(pair: Pair) -> None:
        await pair.here.create(WORK)
        before = await _opened(pair.here, WORK)
        mailbox = await pair.here.open(WORK)
        assert before == await mailbox.opened()
        await pair.there.delete(WORK)
        for asked in (_opened(pair.here, WORK), mailbox.opened(), mailbox.info()):
            with pytest.raises(NoSuchMailbox):
                await asked
        await pair.there.create(WORK)
        assert before.info.id != (await _opened(pair.here, WORK)).info.id
        with pytest.raises(NoSuchMailbox):
            await mailbox.opened()

    on_pair(test)


def test_another_process_renames_it(on_pair: Any) -> None:
    """Where it was open it is the same one, by its old name there is none, or another."""

    async def test(pair: Pair) -> None:
        old = (await pair.here.create(WORK)).id
        mailbox = await pair.here.open(WORK)
        assert old == (await mailbox.opened()).info.id
        assert old == (await _opened(pair.here, WORK)).info.id
        await pair.there.rename(WORK, MailboxName("Play"))
        with pytest.raises(NoSuchMailbox):
            await _opened(pair.here, WORK)
        assert old == (await _opened(pair.here, MailboxName("Play"))).info.id
        new = (await pair.there.create(WORK)).id
        assert new == (await _opened(pair.here, WORK)).info.id
        assert new == (await _opened(pair.here, WORK)).info.id
        opened = await mailbox.opened()
        assert (old, "Play") == (opened.info.id, opened.info.name)

    on_pair(test)


def test_what_is_at_hand_is_the_mailbox_from_then_on(on_pair: Any) -> None:
    """Also for who opened it by its name and waited for nothing."""

    async def test(pair: Pair) -> None:
        old = (await pair.here.create(WORK)).id
        await _opened(pair.here, WORK)
        mailbox = await pair.here.open(WORK)
        assert await _is_at_hand(mailbox)
        await pair.there.rename(WORK, MailboxName("Play"))
        await pair.there.create(WORK)
        assert old == (await mailbox.info()).id
        await mailbox.append([_letter()])
        assert 1 == (await _opened(pair.there, MailboxName("Play"))).info.messages

    on_pair(test)


def test_looking_takes_nothing(on_pair: Any) -> None:
    """What is recent stays so for who opens it to write, however often it was looked at."""

    async def test(pair: Pair) -> None:
        await (await pair.there.open(INBOX)).append([_letter()])
        assert [1, 1] == [(await _opened(pair.here)).snapshot.recent for _ in range(2)]
        assert 1 == await (await pair.here.open(INBOX)).take_recent()
        assert 2 == (await _opened(pair.here)).snapshot.recent
        assert 2 == (await _opened(pair.there)).snapshot.recent

    on_pair(test)


@pytest.mark.parametrize("seed", range(3))
def test_both_tell_the_same(on_pair: Any, seed: int) -> None:
    """Whatever is done, and wherever: both tell it, and what was told before is not touched."""

    async def test(pair: Pair) -> None:
        random = Random(seed)
        told: list[tuple[Opened, str]] = []
        for _ in range(60):
            store = random.choice([pair.here, pair.there])
            mailbox = await store.open(INBOX)
            uids = UIDSet(random.sample(range(1, 40), 3))
            match random.randrange(4):
                case 0:
                    await mailbox.append([_letter(*random.sample([SEEN, "$a", "$b"], 1))])
                case 1:
                    mode = random.choice(list(FlagMode))
                    await mailbox.change_flags(uids, FlagChange(mode, frozenset({SEEN, "$c"})))
                case 2:
                    await mailbox.remove(uids)
                case 3:
                    await mailbox.take_recent()
            mailbox.close()
            here, there = await _opened(pair.here), await _opened(pair.there)
            assert here == there
            assert here.info.messages == len(here.snapshot.uids)
            told.append((here, repr(here)))
        assert all(repr(opened) == before for opened, before in told)

    on_pair(test)
