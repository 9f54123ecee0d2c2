"""
Tests for a client's view: whatever happens, its model of the mailbox becomes that of the server.
"""

from __future__ import annotations

from array import array

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pymta.imap.view import (
    Exist,
    Expunge,
    FlagsChanged,
    Notice,
    Recent,
    SelectedView,
    Vanish,
    slices,
)
from pymta.mailbox import UID, Changes, ModSeq, Snapshot, UIDSet, UIDValidity


def snapshot(uids: UIDSet, modseq: int, uid_next: int) -> Snapshot:
    return Snapshot(
        uids=uids,
        uid_validity=UIDValidity(7),
        uid_next=UID(uid_next),
        modseq=ModSeq(modseq),
        recent=UID(uid_next),
    )


def changes(
    until: int, arrived: str = "", changed: tuple[int, ...] = (), vanished: tuple[int, ...] = ()
) -> Changes:
    return Changes(
        arrived=UIDSet(int(uid) for uid in arrived.split()),
        changed=tuple((UID(uid), ModSeq(until)) for uid in changed),
        vanished=UIDSet(vanished),
        until=ModSeq(until),
    )


def told(view: SelectedView, *, may_expunge: bool = True) -> list[Notice]:
    return list(view.tell(may_expunge=may_expunge))


def view_of(*uids: int, recent: int | None = None) -> SelectedView:
    made = snapshot(UIDSet(uids), 100, max(uids, default=0) + 1)
    return SelectedView(made, None if recent is None else UID(recent))


class Server(RuleBasedStateMachine):
    """
    A mailbox, one view of it, and the client that only hears the notices.
    """

    def __init__(self) -> None:
        super().__init__()
        self.modseq = 5
        self.uid_next = 6
        self.flags = dict.fromkeys((1, 2, 4, 5), (0, 1))  # flags, modseq
        self.arrived = dict.fromkeys(self.flags, 1)
        self.gone: dict[int, int] = {3: 5}
        self.view = SelectedView(snapshot(UIDSet(self.flags), 5, 6), UID(5))
        self.client = list(self.flags)
        self.known = {uid: flags for uid, (flags, _) in self.flags.items()}
        self.vanishes = False

    @rule(count=st.integers(1, 3))
    def arrive(self, count: int) -> None:
        self.modseq += 1
        for _ in range(count):
            self.flags[self.uid_next] = (0, self.modseq)
            self.arrived[self.uid_next] = self.modseq
            self.uid_next += 1

    @rule(data=st.data())
    def expunge(self, data: st.DataObject) -> None:
        self.modseq += 1
        for uid in data.draw(st.sets(st.sampled_from([*self.flags, 999]), max_size=3)):
            if self.flags.pop(uid, None):
                self.gone[uid] = self.modseq

    @rule(data=st.data())
    def flag(self, data: st.DataObject) -> None:
        self.modseq += 1
        for uid in data.draw(st.sets(st.sampled_from([*self.flags, 999]), max_size=3)):
            if uid in self.flags:
                self.flags[uid] = (self.modseq, self.modseq)

    @rule()
    def enable(self) -> None:
        self.view.vanishes = self.vanishes = True

    @rule()
    def ask(self) -> None:
        since = self.view.asked
        moved = {uid: m for uid, (_, m) in self.flags.items() if m > since}
        self.view.apply(
            Changes(
                arrived=UIDSet(uid for uid in moved if self.arrived[uid] > since),
                changed=tuple(
                    (UID(u), ModSeq(m)) for u, m in moved.items() if self.arrived[u] <= since
                ),
                vanished=UIDSet(uid for uid, m in self.gone.items() if m > since),
                until=ModSeq(self.modseq),
            )
        )

    @rule(may_expunge=st.booleans())
    def tell(self, may_expunge: bool) -> None:
        for notice in self.view.tell(may_expunge=may_expunge):
            self.hear(notice, may_expunge)

    def hear(self, notice: Notice, may_expunge: bool) -> None:
        match notice:
            case Expunge(numbers):
                assert (True, False) == (may_expunge, self.vanishes)
                for number in numbers:
                    del self.client[number - 1]
            case Vanish(uids):
                assert (True, True) == (may_expunge, self.vanishes)
                assert set(uids) <= set(self.client)
                self.client = [uid for uid in self.client if uid not in uids]
            case Exist(count):
                assert count > len(self.client)
                for number in range(len(self.client) + 1, count + 1):
                    uid = self.view.uid(number)
                    self.client.append(uid)
                    self.known[uid] = self.flags.get(uid, (0, 0))[0]
            case Recent(count):
                assert sum(uid >= 5 for uid in self.client) == count
            case FlagsChanged(uids):
                assert set(uids) <= set(self.client)
                self.known |= {uid: self.flags[uid][0] for uid in uids if uid in self.flags}

    @rule()
    def catch_up(self) -> None:
        """Behind a NOOP the client knows all."""
        self.ask()
        self.tell(may_expunge=True)
        assert sorted(self.flags) == self.client
        assert {uid: flags for uid, (flags, _) in self.flags.items()} == {
            uid: self.known[uid] for uid in self.client
        }
        assert self.modseq == self.view.highest
        assert not self.view.owes

    @invariant()
    def numbers_are_the_client_s(self) -> None:
        assert self.client == list(self.view.uids)
        assert [self.view.number(UID(uid)) for uid in self.client] == list(
            range(1, len(self.client) + 1)
        )

    @invariant()
    def no_expunge_is_skipped(self) -> None:
        """All that is gone and untold has a modseq above what was said as the highest."""
        untold = [self.gone[uid] for uid in self.client if uid in self.gone]
        assert all(self.view.highest < modseq for modseq in untold)


TestModel = Server.TestCase
TestModel.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


def test_an_expunge_waits() -> None:
    """While numbers may be in use, EXISTS and flags are told and EXPUNGE is not."""
    view = view_of(1, 2, 3)
    view.apply(changes(110, arrived="4", changed=(3,), vanished=(1, 2)))

    assert [Exist(4), FlagsChanged(UIDSet([3]))] == told(view, may_expunge=False)
    assert (True, 100, 110) == (view.holding, view.highest, view.asked)
    assert 3 == view.number(UID(3))
    assert [Expunge(array("I", [2, 1]))] == told(view)
    assert (False, 110) == (view.holding, view.highest)
    assert 1 == view.number(UID(3))


def test_what_came_and_went_is_not_told() -> None:
    """A message that arrived and was removed between two notices never was."""
    view = view_of(1)
    view.apply(changes(101, arrived="2 3"))
    view.apply(changes(102, vanished=(2,)))

    assert [Exist(2)] == told(view)
    assert [1, 3] == list(view.uids)


def test_twice_told_is_once_known() -> None:
    """Changes that are known already make no notice: their sources may overlap."""
    view = view_of(1, 2)
    for _ in range(2):
        view.apply(changes(101, arrived="3", vanished=(1,)))
    assert [Expunge(array("I", [1])), Exist(2)] == told(view)
    view.apply(changes(101, arrived="3", vanished=(1,)))
    assert [] == told(view)


def test_vanished_in_place_of_expunge() -> None:
    """Once QRESYNC is enabled, what is gone is told by UIDs."""
    view = view_of(1, 2, 3)
    view.vanishes = True
    view.apply(changes(101, vanished=(1, 3)))

    assert [Vanish(UIDSet([1, 3]))] == told(view)


def test_recent_messages() -> None:
    """Those from the first recent UID on are counted, and told with each EXISTS."""
    view = view_of(1, 2, 3, recent=3)
    view.apply(changes(101, arrived="4"))

    assert [Exist(4), Recent(2)] == told(view)
    assert [False, True] == [view.is_recent(UID(2)), view.is_recent(UID(3))]


def test_own_changes_are_not_echoed() -> None:
    """Flags that an answer has told, or that the client knows by itself, are not told again."""
    view = view_of(1, 2, 3)
    view.apply(changes(101, changed=(1, 2, 3)))
    view.told(UIDSet([1]))

    assert UIDSet([2]) == view.take_changed(UIDSet([1, 2]))
    assert [FlagsChanged(UIDSet([3]))] == told(view)


def test_saved_results_lose_what_is_gone() -> None:
    """RFC 5182 section 2.1: removed when the client is told."""
    view = view_of(1, 2, 3)
    view.save(UIDSet([1, 2, 9]))
    view.apply(changes(101, vanished=(1,)))

    assert UIDSet([1, 2]) == view.saved
    told(view)
    assert UIDSet([2]) == view.saved


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        pytest.param([(1, 2)], "10:11", id="numbers"),
        pytest.param([(3, 3), (1, 1)], "10,20", id="any order"),
        pytest.param([], "", id="none"),
    ],
)
def test_numbers_become_uids(ranges: list[tuple[int, int]], expected: str) -> None:
    """Each number is a UID."""
    assert expected == str(view_of(10, 11, 20).of_numbers(ranges))


def test_numbers_that_nobody_has() -> None:
    """A number above the largest is refused."""
    with pytest.raises(IndexError):
        view_of(10, 11).of_numbers([(1, 3)])


def test_uids_that_nobody_has() -> None:
    """RFC 3501 section 6.4.8: UIDs without a message are passed over."""
    assert "10,20" == str(view_of(10, 20, 30).of_uids([(1, 25)]))


@pytest.mark.parametrize(
    ("uids", "expected"),
    [
        pytest.param("1:3", ["1:3"], id="few"),
        pytest.param("1:7", ["1:3", "4:6", "7"], id="one run"),
        pytest.param("1,3,5,7", ["1,3,5", "7"], id="single ones"),
        pytest.param("1,3:9,20", ["1,3:4", "5:7", "8:9,20"], id="across"),
        pytest.param("1:3,5:7", ["1:3", "5:7"], id="exactly"),
    ],
)
def test_slices(uids: str, expected: list[str]) -> None:
    """A set falls into sets of at most so many."""
    pairs = [[int(n) for n in run.split(":")] for run in uids.split(",")]
    whole = UIDSet.of_ranges((pair[0], pair[-1]) for pair in pairs)

    assert expected == [str(part) for part in slices(whole, 3)]
    assert [] == list(slices(UIDSet(), 3))
