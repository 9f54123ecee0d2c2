"""
Tests for policies on the way in: stages, delayed refusals, changes, verdicts of their own.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from pymta.envelope import RecipientID, Sender
from pymta.errors import Refused
from pymta.events import Discarded
from pymta.facts import NO_FACTS, FactKey
from pymta.interfaces.content import Octets, octets_of
from pymta.interfaces.queue import QueueState
from pymta.reply import Reply
from pymta.session import Role
from pymta.verdict import (
    PROCEED,
    Accept,
    AddRecipient,
    Change,
    ChangeField,
    ChangeSender,
    Discard,
    InsertField,
    MessageVerdict,
    Proceed,
    Refuse,
    RemoveRecipient,
    ReplaceBody,
)
from tests.inbound.house import SESSION, House, Rule, give, now_done, recipient

NO = Refuse(Reply(550, "5.7.1", "No"))
LATER = Refuse(Reply(451, "4.7.1", "Later"))
GOODBYE = Refuse(Reply(421, "4.7.0", "Goodbye"))
COLOUR = FactKey[str]("colour")


@pytest.mark.parametrize("stage", ["changed", "sender"])
def test_refusal_is_told_at_rcpt(stage: str) -> None:
    """
    A refusal at connect or MAIL is told at RCPT; the postmaster stays reachable.
    """
    transaction = House(Rule(**{stage: NO})).begin()

    with pytest.raises(Refused) as no:
        now_done(transaction.add_recipient(recipient("b@example.test")))
    assert NO.reply == no.value.reply
    assert now_done(transaction.add_recipient(recipient("Postmaster@example.test"))) is None


@pytest.mark.parametrize("stage", ["changed", "sender"])
def test_goodbye_is_told_at_once(stage: str) -> None:
    """
    421 is told where it is said.
    """
    with pytest.raises(Refused) as no:
        House(Rule(**{stage: GOODBYE})).begin()

    assert 421 == no.value.reply.code


def test_recipient_and_data() -> None:
    """
    A refused recipient is one less; a refusal at DATA is the answer to DATA.
    """
    transaction = House(Rule(b=LATER, data=NO)).begin()
    with pytest.raises(Refused) as no:
        now_done(transaction.add_recipient(recipient("b@example.test")))
    assert LATER.reply == no.value.reply
    now_done(transaction.add_recipient(recipient("c@example.test")))
    with pytest.raises(Refused) as no:
        now_done(transaction.begin_content())
    assert NO.reply == no.value.reply


def test_first_decision_wins() -> None:
    """
    Behind an acceptance or refusal no other policy is asked at that stage.
    """
    first, second = Rule(b=Accept(), c=NO), Rule(b=NO)
    transaction = House(first, second).begin()
    now_done(transaction.add_recipient(recipient("b@example.test")))
    with pytest.raises(Refused):
        now_done(transaction.add_recipient(recipient("c@example.test", 2)))

    assert "b" not in second.seen
    assert "c" not in second.seen


def test_facts_go_down_the_chain() -> None:
    """
    What one policy learnt of the connection or the message, the next one knows.
    """
    first = Rule(changed=Proceed(NO_FACTS.with_(COLOUR, "red")))
    second = Rule(message=Proceed(NO_FACTS.with_(COLOUR, "blue")))
    third = Rule()
    transaction = House(first, second, third).begin()
    give(transaction, "b@example.test")
    now_done(transaction.commit())

    facts = [
        seen[2].get(COLOUR) for r in (second, third) for seen in r.seen if isinstance(seen, tuple)
    ]
    assert ["red", "blue"] == facts


def test_s06_a_verdict_is_gone_with_its_transaction() -> None:
    """
    What was refused or held in one transaction says nothing of the next.
    """
    rule = Rule(sender=Proceed(held="look at it"))
    house = House(rule)
    session = house.session()
    first = now_done(session.begin(Sender(reverse_path=None)))
    first.abort()
    rule.verdicts = {}
    second = now_done(session.begin(Sender(reverse_path=None)))
    give(second, "b@example.test")
    now_done(second.commit())

    assert QueueState.DUE == house.entries()[0].recipients[0].state
    assert 2 == rule.seen.count("closed")


@pytest.mark.parametrize("how", ["commit", "abort", "refused"])
def test_policies_are_told_of_the_end_once(how: str) -> None:
    """
    However a transaction ends, each policy hears of it once.
    """
    rule = Rule(message=NO if how == "refused" else PROCEED)
    transaction = House(rule).begin()
    give(transaction, "b@example.test")
    if how == "abort":
        transaction.abort()
    elif how == "refused":
        with pytest.raises(Refused):
            now_done(transaction.commit())
    else:
        now_done(transaction.commit())

    assert 1 == rule.seen.count("closed")


# -- the whole message ---------------------------------------------------------------------

MESSAGE = b"From: a\r\nX: 1\r\nSubject: s\r\nX: 2\r\n\r\nbody\r\n"

CHANGES = [
    pytest.param(
        InsertField(0, "New", b"n"),
        b"New: n\r\nFrom: a\r\nX: 1\r\nSubject: s\r\nX: 2\r\n\r\nbody\r\n",
        id="at the top",
    ),
    pytest.param(
        InsertField(99, "New", b"n"),
        b"From: a\r\nX: 1\r\nSubject: s\r\nX: 2\r\nNew: n\r\n\r\nbody\r\n",
        id="at the end",
    ),
    pytest.param(
        ChangeField("x", 2, b"two"),
        b"From: a\r\nX: 1\r\nSubject: s\r\nx: two\r\n\r\nbody\r\n",
        id="the second of a name",
    ),
    pytest.param(
        ChangeField("X", 1, None),
        b"From: a\r\nSubject: s\r\nX: 2\r\n\r\nbody\r\n",
        id="removed",
    ),
    pytest.param(
        ReplaceBody(Octets(b"other")),
        b"From: a\r\nX: 1\r\nSubject: s\r\nX: 2\r\n\r\nother",
        id="another body",
    ),
]


@pytest.mark.parametrize(("change", "octets"), CHANGES)
def test_changes_of_content(change: Change, octets: bytes) -> None:
    """
    A named change is spliced in, and nothing else is touched; the next policy sees it.
    """
    last = Rule()
    house = House(Rule(message=Proceed(changes=(change,))), last)
    transaction = house.begin()
    give(transaction, "b@example.test", octets=MESSAGE)
    now_done(transaction.commit())

    assert [octets] == [seen[1] for seen in last.seen if isinstance(seen, tuple)]
    assert now_done(octets_of(house.entries()[0].content)).endswith(octets)


def test_changes_of_the_envelope() -> None:
    """
    Sender and recipients change; an added one is routed before the answer.
    """
    added = AddRecipient(recipient("c@example.test", 9))
    other = Sender(reverse_path=None)
    changes = (added, RemoveRecipient(RecipientID(1)), ChangeSender(other))
    house = House(Rule(message=Proceed(changes=changes)))
    transaction = house.begin()
    give(transaction, "b@example.test")
    now_done(transaction.commit())

    [entry] = house.entries()
    assert other == entry.sender
    assert [("c@example.test", "local:c")] == [
        (str(r.recipient), str(r.lane)) for r in entry.recipients
    ]


def test_s21_added_recipient_needs_permission() -> None:
    """
    A filter opens no relay: what it adds is asked like the others.
    """
    added = AddRecipient(recipient("c@example.net", 9))
    house = House(Rule(message=Proceed(changes=(added,))))
    transaction = house.begin()
    give(transaction, "b@example.test")

    with pytest.raises(Refused) as no:
        now_done(transaction.commit())

    assert "5.7.1" == no.value.reply.status
    assert () == house.entries()


def test_discarded() -> None:
    """
    What is discarded is answered yes and kept nowhere, and an event says so.
    """
    house = House(Rule(message=Discard("spam")))
    transaction = house.begin()
    give(transaction, "b@example.test")

    assert () == now_done(transaction.commit()).queue_ids
    assert () == house.entries()
    [event] = house.observer.events
    assert isinstance(event, Discarded)
    assert "spam" == event.reason


def test_held() -> None:
    """
    What is held is answered yes and waits in the queue with its reason, never bounced.
    """
    house = House(Rule(message=Proceed(held="looks odd")))
    transaction = house.begin()
    give(transaction, "b@example.test")
    now_done(transaction.commit())

    [entry] = house.entries()
    assert (QueueState.HELD, "looks odd", False) == (
        entry.recipients[0].state,
        entry.recipients[0].reason,
        entry.bounceable,
    )


def test_s22_differing_verdicts_hold_the_refused() -> None:
    """
    Where one recipient's policy refuses and the protocol has one answer, his copy is held.
    """
    verdict = MessageVerdict(PROCEED, {RecipientID(1): NO})
    house = House(Rule(message=verdict))
    transaction = house.begin()
    give(transaction, "b@example.test", "c@example.test")
    now_done(transaction.commit())

    states = {
        str(r.recipient): (r.state, e.bounceable) for e in house.entries() for r in e.recipients
    }
    assert {
        "b@example.test": (QueueState.HELD, False),
        "c@example.test": (QueueState.DUE, True),
    } == states


def test_all_refused_one_by_one() -> None:
    """
    If no recipient is left, the answer is the refusal.
    """
    house = House(Rule(message=MessageVerdict(PROCEED, {RecipientID(1): NO})))
    transaction = house.begin()
    give(transaction, "b@example.test")

    with pytest.raises(Refused):
        now_done(transaction.commit())

    assert () == house.entries()


def test_lmtp_differing_verdicts_are_told_each() -> None:
    """
    LMTP has an answer for each recipient, and the refused one hears his.
    """
    house = House(Rule(message=MessageVerdict(PROCEED, {RecipientID(1): NO})))
    transaction = house.begin(session=replace(SESSION, role=Role.LMTP))
    give(transaction, "b@example.test", "c@example.test")

    replies = now_done(transaction.commit_each())  # type: ignore[attr-defined]

    assert [550, 250] == [reply.code for reply in replies]
    assert ["c@example.test"] == [str(r.recipient) for e in house.entries() for r in e.recipients]
