"""
Who has two strikes is tried alone: what was claimed along with poison is innocent (D05).
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from pytest_twisted import ensureDeferred
from twisted.internet import reactor

from pymta.database import Database
from pymta.database.times import to_microseconds
from pymta.interfaces.queue import Claim, Done, QueueQuery, QueueState, Release, Settlement
from pymta.outcome import Delivered
from pymta.queue.sql import SQLQueueStore
from tests.queue.house import START, YES, mail

MANY = 20


class _Life:
    """A store whose owner crashes whenever the test says so."""

    def __init__(self, store: SQLQueueStore) -> None:
        self.store = store

    async def claim(self, owner: str = "me") -> list[str]:
        claims = await self.store.claim(owner, START, 1000, 1000)
        self.claims: Sequence[Claim] = claims
        return [claim.queue_id for claim in claims]

    async def crash(self) -> None:
        await self.store.recover("me")

    async def done(self) -> None:
        settlements = [
            Settlement(claim=claim, each={r.recipient.id: Done(Delivered(YES))})
            for claim in self.claims
            for r in claim.recipients
        ]
        assert [] == list(await self.store.settle(settlements))


@asynccontextmanager
async def _twice_crashed(folder: Path, template: Path) -> AsyncIterator[_Life]:
    shutil.copytree(template, folder)
    database = Database(cast("Any", reactor), str(folder), now=lambda: to_microseconds(START))
    await database.open()
    life = _Life(SQLQueueStore(database))
    try:
        await life.store.add([mail(number) for number in range(MANY)])
        for _ in range(2):
            assert MANY == len(await life.claim())
            await life.crash()
        yield life
    finally:
        await database.close()


@ensureDeferred
async def test_after_two_crashes_one_is_claimed_at_a_time(
    tmp_path: Path, queue_template: Path
) -> None:
    """The next follows when the one before it is settled; nobody is held."""
    async with _twice_crashed(tmp_path / "q", queue_template) as life:
        tried = set()
        for _ in range(MANY):
            [one] = await life.claim()
            assert [] == list(await life.store.claim("other", START, 1000, 1000))
            tried.add(one)
            await life.done()
        assert MANY == len(tried)
        assert 0 == (await life.store.statistics()).messages


@ensureDeferred
async def test_the_end_of_a_trial_rings(tmp_path: Path, queue_template: Path) -> None:
    """The next one may be tried; where a first attempt was good, there is nothing to look for."""
    async with _twice_crashed(tmp_path / "q", queue_template) as life:
        rings: list[None] = []
        life.store.watch(lambda: rings.append(None))
        await life.claim()
        rings.clear()  # a bell rings once when it is hung
        await life.done()
        assert 1 == len(rings)
        life.claims = await life.store.add([mail(100)], "me")
        await life.done()
        assert 1 == len(rings)


@ensureDeferred
async def test_whoever_crashes_alone_is_held_and_the_others_go_on(
    tmp_path: Path, queue_template: Path
) -> None:
    """The third strike hits one."""
    async with _twice_crashed(tmp_path / "q", queue_template) as life:
        [poison] = await life.claim()
        await life.crash()
        [other] = await life.claim()

        assert poison != other
        counts = (await life.store.statistics()).recipients
        assert 1 == counts[QueueState.HELD]
        page = await life.store.select(QueueQuery(state=QueueState.HELD))
        assert [poison] == [entry.id for entry in page.entries]


@ensureDeferred
async def test_new_mail_does_not_wait_for_those_on_trial(
    tmp_path: Path, queue_template: Path
) -> None:
    """In the same lane, it is claimed along with one of them."""
    async with _twice_crashed(tmp_path / "q", queue_template) as life:
        [suspect] = await life.claim()
        await life.store.add([mail(100), mail(101)])
        new = set(await life.claim())
        assert 2 == len(new)
        assert suspect not in new


@ensureDeferred
async def test_trial_whose_owner_is_gone_ends_with_its_lease(
    tmp_path: Path, queue_template: Path
) -> None:
    """The others need not wait for ever."""
    async with _twice_crashed(tmp_path / "q", queue_template) as life:
        [suspect] = await life.claim()
        late = START + timedelta(seconds=life.store.lease_seconds + 1)
        [other] = [c.queue_id for c in await life.store.claim("other", late, 1000, 1000)]
        assert suspect != other


@ensureDeferred
async def test_released_by_a_person_is_tried_again(tmp_path: Path, queue_template: Path) -> None:
    """What was held after its third strike is due again, without strikes."""
    async with _twice_crashed(tmp_path / "q", queue_template) as life:
        [poison] = await life.claim()
        await life.crash()
        await life.claim()
        await life.done()
        held = QueueQuery(state=QueueState.HELD)
        assert 1 == await life.store.change(held, Release())
        seen = set()
        for _ in range(MANY - 1):
            seen.update(await life.claim())
            await life.done()
        assert poison in seen
