"""
Tests for why not now.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pymta.address import Address
from pymta.envelope import Recipient, RecipientID
from pymta.interfaces.content import Lane
from pymta.interfaces.queue import QueuedRecipient, QueueState, SuspendedLane
from pymta.queue.why import (
    BackingOff,
    Busy,
    HeldFor,
    InWork,
    LaneSuspended,
    RateLimited,
    Turn,
    WhyNot,
    why_not,
)
from pymta.reply import Reply
from tests.queue.house import RELAY, START

LATER = START + timedelta(minutes=5)
MUCH_LATER = START + timedelta(hours=1)
DUE = QueuedRecipient(
    recipient=Recipient(id=RecipientID(1), address=Address("bob", "example.test")),
    lane=RELAY,
    state=QueueState.DUE,
    due=START,
    attempts=0,
)
BACK = replace(DUE, due=LATER)
NO_LANES: dict[Lane, SuspendedLane] = {}


def asleep(minutes: int) -> dict[Lane, SuspendedLane]:
    """RELAY, for so long."""
    return {RELAY: SuspendedLane(RELAY, START + timedelta(minutes=minutes), "no answer")}


@pytest.mark.parametrize(
    ("recipient", "suspended", "expected"),
    [
        pytest.param(DUE, NO_LANES, Turn(), id="due"),
        pytest.param(BACK, NO_LANES, BackingOff(LATER), id="backing off"),
        pytest.param(
            DUE, asleep(60), LaneSuspended(RELAY, MUCH_LATER, "no answer"), id="suspended"
        ),
        pytest.param(
            BACK, asleep(60), LaneSuspended(RELAY, MUCH_LATER, "no answer"), id="both, lane longer"
        ),
        pytest.param(BACK, asleep(2), BackingOff(LATER), id="both, lane shorter"),
        pytest.param(DUE, asleep(-1), Turn(), id="suspension over"),
        pytest.param(
            replace(DUE, state=QueueState.HELD, reason="spam"),
            asleep(60),
            HeldFor("spam"),
            id="held",
        ),
        pytest.param(
            replace(DUE, state=QueueState.CLAIMED, owner="n1", until=LATER),
            NO_LANES,
            InWork("n1", LATER),
            id="claimed",
        ),
    ],
)
def test_the_reason_is_the_one_that_goes_away_last(
    recipient: QueuedRecipient, suspended: dict[Lane, SuspendedLane], expected: WhyNot
) -> None:
    """From what the store knows alone, so that any process can say it."""
    assert expected == why_not(recipient, START, suspended)


@pytest.mark.parametrize(
    ("why", "text"),
    [
        (BackingOff(LATER), "backing off until 2026-07-01 12:05:00 UTC"),
        (
            BackingOff(LATER, Reply(451, "4.4.1", "Nobody is there")),
            "backing off until 2026-07-01 12:05:00 UTC: 451 4.4.1 Nobody is there",
        ),
        (
            LaneSuspended(RELAY, LATER, "no answer"),
            "relay:next.example suspended until 2026-07-01 12:05:00 UTC: no answer",
        ),
        (Busy("by relay", 20), "20 attempts under way by relay"),
        (RateLimited(LATER), "rate limited until 2026-07-01 12:05:00 UTC"),
        (HeldFor("spam"), "held: spam"),
        (InWork("n1", LATER), "claimed by n1"),
        (Turn(), "waiting for its turn"),
    ],
)
def test_reasons_are_words(why: WhyNot, text: str) -> None:
    """For whoever asks on a terminal."""
    assert str(why) == text
