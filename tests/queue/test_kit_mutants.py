"""
The kit of queue stores finds what it is there to find: providers broken on purpose, each by one
promise, and the clause that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from zope.interface import implementer

from pymta.errors import QueueError, SpoolError
from pymta.interfaces.content import IContent, IContentWriter, Lane, NewMail, Octets, octets_of
from pymta.interfaces.queue import (
    Bounce,
    Claim,
    Deferred,
    Done,
    Hold,
    IQueueStore,
    Page,
    QueueAction,
    QueueQuery,
    QueueStatistics,
    RetryNow,
    Settlement,
)
from pymta.queue import memory
from pymta.queue.memory import MemoryQueueStore
from pymta.testing.contracts.queue import QueueStoreContract
from pymta.testing.contracts.queue_case import Now


class _Kit(QueueStoreContract):
    """The kit on a mutant; ``restart`` gives the same store back, or what a mutant makes of it."""

    def __init__(self, mutant: type[MemoryQueueStore]) -> None:
        self.mutant = mutant

    async def make_store(self, now: Now) -> IQueueStore:
        return self.mutant(now)

    async def restart(self, store: IQueueStore, now: Now) -> IQueueStore:
        assert isinstance(store, MemoryQueueStore)
        return await getattr(store, "reborn", _same)(store)

    async def close_store(self, store: IQueueStore) -> None:
        assert isinstance(store, MemoryQueueStore)
        await store.close()


async def _same(store: MemoryQueueStore) -> MemoryQueueStore:
    return store


class AddsTwice(MemoryQueueStore):
    """Not idempotent."""

    def _add(self, mails: Sequence[NewMail], *rest: Any) -> list[Claim]:
        for mail in mails:
            self._mails.pop(mail.id, None)
        return super()._add(mails, *rest)


class ForgetsSettled(MemoryQueueStore):
    """An ``add`` in doubt is repeated after the delivery."""

    def _forget(self, now: datetime) -> None:
        self._settled.clear()


class NeverForgets(MemoryQueueStore):
    """Ids for ever."""

    def _forget(self, now: datetime) -> None:
        pass


class AddsOneByOne(MemoryQueueStore):
    """Some of them, if one fails."""

    async def add(self, mails: Sequence[NewMail], owner: str | None = None) -> Sequence[Claim]:
        claims: list[Claim] = []
        for mail in mails:
            claims += await super().add([mail], owner)
        return claims


class ClaimsUnrouted(MemoryQueueStore):
    """``add`` claims what has no lane."""

    def _claimable(self, row: Any, now: datetime) -> bool:
        return self._is_due(row, now)


class ClaimsWhatIsLater(MemoryQueueStore):
    """``add`` claims what is due tomorrow."""

    def _claimable(self, row: Any, now: datetime) -> bool:
        return True


class IgnoresSuspension(MemoryQueueStore):
    """Claims from dead lanes."""

    def _wake(self, row: Any) -> datetime | None:
        wake: datetime | None = row.wake
        return wake


class LosesOctets(MemoryQueueStore):
    """The last octet of long content."""

    def _keep(self, new: NewMail, content: IContent) -> Any:
        if content.size > 65_536:
            assert isinstance(content, Octets)
            content = Octets(content.octets[:-1])
        return super()._keep(new, content)


class _Leaky:
    def __init__(self, writer: IContentWriter) -> None:
        self.write, self.finish = writer.write, writer.finish

    def discard(self) -> None:
        pass


class WritesOn(MemoryQueueStore):
    """A writer that does not know its end."""

    def create(self) -> Any:
        return _Leaky(super().create())


class KeepsContent(MemoryQueueStore):
    """Content of what has gone."""

    gone = 0

    def _remove(self, row: Any) -> None:
        self.gone += row.mail.content.size
        super()._remove(row)

    async def statistics(self) -> QueueStatistics:
        found = await super().statistics()
        return replace(found, octets=found.octets + self.gone)


class IgnoresLimit(MemoryQueueStore):
    """Gives all there is."""

    async def claim(self, owner: str, now: datetime, limit: int, *rest: Any, **more: Any) -> Any:
        return await super().claim(owner, now, 10**6, *rest, **more)


class IgnoresPerLane(MemoryQueueStore):
    """One lane takes all."""

    async def claim(
        self,
        owner: str,
        now: datetime,
        limit: int,
        per_lane: int,
        without: Collection[Lane] = (),
    ) -> Any:
        return await super().claim(owner, now, limit, 10**6, without)


class IgnoresWithout(MemoryQueueStore):
    """Lanes at their limit are given more."""

    async def claim(
        self,
        owner: str,
        now: datetime,
        limit: int,
        per_lane: int,
        without: Collection[Lane] = (),
    ) -> Any:
        return await super().claim(owner, now, limit, per_lane)


class GoesByItsOwnClock(MemoryQueueStore):
    """The caller's time is not asked."""

    async def claim(self, owner: str, now: datetime, *rest: Any, **more: Any) -> Any:
        return await super().claim(owner, self._now(), *rest, **more)


class Unordered(MemoryQueueStore):
    """First in, first out, whatever the priority and the due time."""

    def _in_order(self, now: datetime, without: Collection[Lane]) -> list[Any]:
        return sorted(super()._in_order(now, without), key=lambda row: row.mail.number)


class EndlessLeases(MemoryQueueStore):
    """A crashed owner has it for ever."""

    def _is_due(self, row: Any, now: datetime) -> bool:
        return row.owner is None and super()._is_due(row, now)


class ShortLeases(MemoryQueueStore):
    """A lease is no lease."""

    def _is_due(self, row: Any, now: datetime) -> bool:
        return super()._is_due(row, now + timedelta(seconds=self.lease_seconds))


class NoFences(MemoryQueueStore):
    """Whoever has once claimed may settle."""

    def _held_by(self, claim: Claim) -> Any:
        mail = self._mails.get(claim.queue_id)
        ids = [one.recipient.id for one in claim.recipients]
        return None if mail is None else [mail.rows[id_] for id_ in ids if id_ in mail.rows]

    def _ours(self, claim: Claim) -> Any:
        return self._held_by(claim) or []


class NoTrial(MemoryQueueStore):
    """Gives those on their last chance together."""

    def _on_trial(self, now: datetime) -> bool:
        return False


class NoStrikes(MemoryQueueStore):
    """Poison for ever."""

    def _claim(self, rows: Any, owner: str, now: datetime) -> list[Claim]:
        rows = list(rows)
        for row in rows:
            row.strikes = -1
        return super()._claim(rows, owner, now)


class StrikesStay(MemoryQueueStore):
    """A stopped server has poisoned its mail."""

    async def release(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            for row in self._held_by(claim) or ():
                row.strikes += 1
        await super().release(claims)


class RecoversAll(MemoryQueueStore):
    """Also what others have."""

    async def recover(self, owner: str) -> int:
        return sum([await MemoryQueueStore.recover(self, o) for o in (owner, "second")])


class RenewsNothing(MemoryQueueStore):
    """Says yes, does nothing."""

    async def renew(self, claims: Sequence[Claim], until: datetime) -> Sequence[Claim]:
        return []


class AllOrNone(MemoryQueueStore):
    """Of claims that are stale in part, nothing is renewed or given back."""

    def _ours(self, claim: Claim) -> Any:
        rows = super()._ours(claim)
        return rows if len(rows) == len(claim.recipients) else []


class Mute(MemoryQueueStore):
    """No bell."""

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        return lambda: None


class NeverDue(MemoryQueueStore):
    """Nobody need ask again."""

    async def next_due(self, now: datetime, without: Collection[Lane] = ()) -> datetime | None:
        return None


class SettlesAPart(MemoryQueueStore):
    """What follows is another step: it may fail when the first is done."""

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Claim]:
        stale = await super().settle([replace(each, then=()) for each in settlements])
        await self.add([mail for each in settlements for mail in each.then])
        return stale


class DropsWhatFollows(MemoryQueueStore):
    """Reports are lost."""

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Claim]:
        return await super().settle([replace(each, then=()) for each in settlements])


class SettlesWholeMessages(MemoryQueueStore):
    """One done, all done."""

    def _settle(self, row: Any, settled: Any) -> None:
        if isinstance(settled, Done):
            for each in list(row.mail.rows.values()):
                self._remove(each)
        elif row.recipient.id in row.mail.rows:
            super()._settle(row, settled)


class ForgetsAttempts(MemoryQueueStore):
    """Every attempt is the first."""

    def _settle(self, row: Any, settled: Any) -> None:
        super()._settle(row, settled)
        row.attempts = 0


class KeepsTheLane(MemoryQueueStore):
    """Deferred to another lane, it stays."""

    def _settle(self, row: Any, settled: Any) -> None:
        if isinstance(settled, Deferred):
            settled = replace(settled, lane=None)
        super()._settle(row, settled)


class NeverPins(MemoryQueueStore):
    """What somebody decided lasts until the next look at the tables."""

    def _change(self, row: Any, action: QueueAction) -> bool:
        changed = super()._change(row, action)
        row.pinned = False
        return changed


class OnePage(MemoryQueueStore):
    """The rest is never shown."""

    async def select(self, query: QueueQuery, cursor: str | None = None) -> Page:
        return replace(await super().select(query, cursor), cursor=None)


class AnyCursor(MemoryQueueStore):
    """A strange cursor is the beginning."""

    async def select(self, query: QueueQuery, cursor: str | None = None) -> Page:
        known = cursor if cursor and cursor.isascii() and cursor.isdigit() else None
        return await super().select(query, known)


class IgnoresPredicates(MemoryQueueStore):
    """Only ids are looked at."""

    async def select(self, query: QueueQuery, cursor: str | None = None) -> Page:
        return await super().select(QueueQuery(ids=query.ids), cursor)


class ChangesClaimed(MemoryQueueStore):
    """Work under way is held under its owner's hands."""

    def _change(self, row: Any, action: QueueAction) -> bool:
        if isinstance(action, Hold):
            row.hold(action.reason)
            return True
        return super()._change(row, action)


class LeavesLanesShut(MemoryQueueStore):
    """Retry now, later."""

    def _change(self, row: Any, action: QueueAction) -> bool:
        kept = dict(self._suspended)
        changed = super()._change(row, action)
        if isinstance(action, RetryNow):
            self._suspended = kept
        return changed


class BouncesSilently(MemoryQueueStore):
    """The verdict is lost."""

    def _change(self, row: Any, action: QueueAction) -> bool:
        changed = super()._change(row, action)
        if isinstance(action, Bounce):
            row.verdict = None
        return changed


class CountsWrong(MemoryQueueStore):
    """One message more."""

    async def statistics(self) -> QueueStatistics:
        found = await super().statistics()
        return replace(found, messages=found.messages + 1)


class OpenForEver(MemoryQueueStore):
    """Closed is as good as open."""

    async def close(self) -> None:
        pass


class Forgetful(MemoryQueueStore):
    """A restart loses what was claimed."""

    async def reborn(self, store: MemoryQueueStore) -> MemoryQueueStore:
        for mail in list(store._mails.values()):
            for row in list(mail.rows.values()):
                if row.owner is not None:
                    store._remove(row)
        return store


class LooksOnlyAtOwnContent(MemoryQueueStore):
    """Others' content is refused."""

    async def add(self, mails: Sequence[NewMail], owner: str | None = None) -> Sequence[Claim]:
        if any(not isinstance(mail.content, Octets) for mail in mails):
            raise QueueError("unknown content")
        return await super().add(mails, owner)


class ReadsPastTheEnd(MemoryQueueStore):
    """Reads a slice too many."""

    def _keep(self, new: NewMail, content: IContent) -> Any:
        return super()._keep(new, _Long(content))


@implementer(IContent)
class _Long:
    def __init__(self, content: IContent) -> None:
        self._content = content
        self.size = content.size

    async def read(self, start: int, stop: int) -> bytes:
        return (await octets_of(self._content))[start:stop]


MUTANTS: list[tuple[type[MemoryQueueStore], str]] = [
    (AddsTwice, "test_add_twice_is_once"),
    (ForgetsSettled, "test_add_after_settling_is_left_out_for_an_hour"),
    (NeverForgets, "test_add_after_an_hour_is_new"),
    (AddsOneByOne, "test_add_all_or_none"),
    (ClaimsUnrouted, "test_add_does_not_claim_what_is_not_routed"),
    (ClaimsWhatIsLater, "test_add_does_not_claim_what_is_due_later"),
    (IgnoresSuspension, "test_claim_not_from_suspended_lanes"),
    (IgnoresSuspension, "test_add_does_not_claim_from_suspended_lanes"),
    (IgnoresSuspension, "test_next_due_waits_for_suspended_lanes"),
    (LosesOctets, "test_content_in_memory"),
    (LosesOctets, "test_content_written_and_prefixed"),
    (LosesOctets, "test_content_joined"),
    (WritesOn, "test_writer_out_of_order"),
    (KeepsContent, "test_content_goes_with_its_last_recipient"),
    (KeepsContent, "test_content_passed_on"),
    (KeepsContent, "test_remove"),
    (LooksOnlyAtOwnContent, "test_content_of_others"),
    (ReadsPastTheEnd, "test_content_by_ranges"),
    (IgnoresLimit, "test_claim_at_most_limit"),
    (IgnoresPerLane, "test_claim_at_most_per_lane"),
    (IgnoresPerLane, "test_claim_is_fair_to_lanes"),
    (IgnoresWithout, "test_claim_without_lanes"),
    (GoesByItsOwnClock, "test_claim_goes_by_the_callers_time"),
    (Unordered, "test_claim_most_urgent_first"),
    (Unordered, "test_claim_oldest_due_first"),
    (EndlessLeases, "test_lease_ends"),
    (EndlessLeases, "test_lease_survives_a_restart"),
    (ShortLeases, "test_lease_ends"),
    (ShortLeases, "test_claim_is_exclusive"),
    (ShortLeases, "test_claim_only_what_is_due"),
    (NoFences, "test_d06_stale_claims_settle_nothing"),
    (NoFences, "test_d06_stale_after_release"),
    (NoFences, "test_renew_tells_the_stale"),
    (NoFences, "test_release_ignores_the_stale"),
    (NoFences, "test_settle_twice"),
    (NoStrikes, "test_d05_three_strikes"),
    (NoTrial, "test_d05_poison_does_not_strike_its_neighbours_out"),
    (NoStrikes, "test_d05_strikes_survive_a_restart"),
    (StrikesStay, "test_release_gives_the_strike_back"),
    (RecoversAll, "test_recover"),
    (RenewsNothing, "test_renew"),
    (RenewsNothing, "test_renew_tells_the_stale"),
    (AllOrNone, "test_renew_what_is_left"),
    (AllOrNone, "test_release_what_is_left"),
    (Mute, "test_doorbell"),
    (Mute, "test_change_rings"),
    (NeverDue, "test_next_due"),
    (NeverDue, "test_next_due_waits_for_leases"),
    (SettlesAPart, "test_settle_none_if_what_follows_cannot_be_kept"),
    (SettlesAPart, "test_d06_stale_claims_settle_nothing"),
    (DropsWhatFollows, "test_settle_and_what_follows"),
    (SettlesWholeMessages, "test_settle_each_by_itself"),
    (SettlesWholeMessages, "test_settle_a_part"),
    (ForgetsAttempts, "test_settle_deferred"),
    (KeepsTheLane, "test_settle_deferred_to_another_lane"),
    (OnePage, "test_select_in_pages"),
    (AnyCursor, "test_select_with_a_strange_cursor"),
    (IgnoresPredicates, "test_select_by_predicate"),
    (IgnoresPredicates, "test_select_by_two_predicates_of_one_recipient"),
    (ChangesClaimed, "test_hold"),
    (LeavesLanesShut, "test_retry_now"),
    (NeverPins, "test_reroute_pins"),
    (BouncesSilently, "test_bounce"),
    (BouncesSilently, "test_bounce_some_recipients"),
    (CountsWrong, "test_statistics"),
    (OpenForEver, "test_closed_store_takes_nothing"),
    (Forgetful, "test_recover_after_a_restart"),
    (Forgetful, "test_settle_a_claim_from_before_a_restart"),
]

IDS = [f"{mutant.__name__} {name.removeprefix('test_')}" for mutant, name in MUTANTS]


@pytest.mark.parametrize(("mutant", "clause"), MUTANTS, ids=IDS)
def test_mutant_fails(mutant: type[MemoryQueueStore], clause: str) -> None:
    """A provider that breaks this promise fails this clause."""
    run: Callable[[], object] = getattr(_Kit(mutant), clause)

    with pytest.raises((AssertionError, QueueError, SpoolError, ValueError, IndexError)):
        run()


@pytest.mark.parametrize("clause", sorted({name for _, name in MUTANTS}))
def test_whole_provider_passes(clause: str) -> None:
    """The same clauses, run the same way, pass on a provider that is whole."""
    getattr(_Kit(MemoryQueueStore), clause)()


def test_every_group_has_a_mutant() -> None:
    """No group of clauses is without one that was seen to fail."""
    groups = [base for base in QueueStoreContract.__mro__ if base.__name__.endswith("Clauses")]
    failed = {name for _, name in MUTANTS}

    assert 6 == len(groups)
    for group in groups:
        clauses = {name for name in vars(group) if name.startswith("test_")}
        assert clauses & failed or group.__name__ == "FullDiskClauses"


def test_the_kit_is_large_enough() -> None:
    """At least sixty clauses."""
    assert 60 <= sum(name.startswith("test_") for name in dir(QueueStoreContract))


def test_page_is_as_documented() -> None:
    """A page is at most a thousand."""
    assert 1_000 == memory.PAGE
