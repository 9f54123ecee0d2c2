"""
Tests for policies on the way in: stages, delayed refusals, changes, verdicts of their own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pymta.envelope import RecipientID, Sender
from pymta.errors import Refused
from pymta.events import Discarded
from pymta.facts import NO_FACTS, FactKey
from pymta.interfaces.content import Lane, Octets, octets_of
from pymta.interfaces.queue import QueueState
from pymta.reply import Reply
from pymta.session import TLS, Endpoint, Role, Session
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
    Verdict,
)
from tests.awaiting import now_done
from tests.inbound.house import SENDER, SESSION, House, Rule, give, recipient

NO = Refuse(Reply(550, "5.7.1", "No"))
LATER = Refuse(Reply(451, "4.7.1", "Later"))
GOODBYE = Refuse(Reply(421, "4.7.0", "Goodbye"))
COLOUR = FactKey[str]("colour")
PEER = FactKey[str]("peer")
HELO = FactKey[str]("helo")


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


@pytest.mark.parametrize("decision", [Accept(), NO, Discard("spam")], ids=["yes", "no", "drop"])
def test_each_policy_hears_of_each_change(decision: Verdict) -> None:
    """
    Who connected, and who logged in, is told to every policy, whatever one before it decides.
    """
    first, second = Rule(changed=decision), Rule()
    session = House(first, second).session()
    now_done(session.changed(replace(SESSION, identity="a@example.test")))

    assert ["changed", "changed"] == second.seen


@pytest.mark.parametrize(
    ("verdict", "states"),
    [
        pytest.param(Discard("spam"), [], id="discard"),
        pytest.param(Proceed(held="odd"), [QueueState.HELD], id="held"),
        pytest.param(PROCEED, [QueueState.DUE], id="proceed"),
    ],
)
@pytest.mark.parametrize("stage", ["changed", "sender", "b", "data", "message"])
def test_a_verdict_counts_at_every_stage(
    stage: str, verdict: Verdict, states: list[QueueState]
) -> None:
    """
    What is discarded or held is so from whichever stage on.
    """
    house = House(Rule(**{stage: verdict}), Rule())
    transaction = house.begin()
    give(transaction, "b@example.test")
    now_done(transaction.commit())

    assert states == [r.state for e in house.entries() for r in e.recipients]
    assert len(states) != len([e for e in house.observer.events if isinstance(e, Discarded)])


def test_a_decision_about_the_connection_holds_until_the_next() -> None:
    """
    A refusal at HELO is forgotten when the client has logged in and the policy lets it.
    """
    rule = Rule(changed=NO)
    session = House(rule).session()
    with pytest.raises(Refused):
        now_done(now_done(session.begin(SENDER)).add_recipient(recipient("b@example.test")))
    rule.verdicts = {}
    now_done(session.changed(replace(SESSION, identity="a@example.test")))

    assert (
        now_done(now_done(session.begin(SENDER)).add_recipient(recipient("b@example.test"))) is None
    )


@pytest.mark.parametrize(
    ("change", "left"),
    [
        pytest.param({"helo": "x.example"}, ["peer", "HELO"], id="HELO"),
        pytest.param({"helo": "", "tls": TLS(version="x", cipher="y")}, ["peer"], id="STARTTLS"),
        pytest.param({"peer": Endpoint("198.51.100.9")}, [], id="XCLIENT"),
    ],
)
def test_s04_what_was_learnt_before_tls_is_forgotten(
    change: dict[str, Any], left: list[str]
) -> None:
    """
    Facts of the peer survive TLS, facts of its HELO do not; of another peer nothing is known.
    """
    rule, last = Rule(changed=Proceed(NO_FACTS.with_(PEER, "peer"))), Rule()
    session = House(rule, last).session(replace(SESSION, helo=""))
    rule.verdicts = {"changed": Proceed(NO_FACTS.with_(HELO, "HELO"))}
    now_done(session.changed(SESSION))
    rule.verdicts = {}
    now_done(session.changed(replace(SESSION, **change)))
    transaction = now_done(session.begin(SENDER))
    give(transaction, "b@example.test")
    now_done(transaction.commit())

    [facts] = [seen[2] for seen in last.seen if isinstance(seen, tuple)]
    assert left == [fact for fact in (facts.get(PEER), facts.get(HELO)) if fact is not None]


def test_nothing_sticks_of_a_refused_recipient() -> None:
    """
    What one policy wanted held for a recipient that another refuses does not hold the others' mail.
    """
    house = House(Rule(b=Proceed(held="odd")), Rule(b=NO))
    transaction = house.begin()
    with pytest.raises(Refused):
        now_done(transaction.add_recipient(recipient("b@example.test")))
    give(transaction, "c@example.test")
    now_done(transaction.commit())

    assert QueueState.DUE == house.entries()[0].recipients[0].state


class Raising(Rule):
    """Raises where it may not, or at ``changed``."""

    async def changed(self, session: Session) -> Verdict:
        if "raise" in self.verdicts:
            raise RuntimeError("no answer")
        return await super().changed(session)

    def closed(self) -> None:
        super().closed()
        raise RuntimeError("at the end")


def test_policy_that_raises_at_its_end() -> None:
    """
    It keeps no other policy from hearing of the end, and makes no "no" of a message that is ours.
    """
    first, second = Raising(), Rule()
    house = House(first, second)
    session = house.session()
    transaction = now_done(session.begin(SENDER))
    give(transaction, "b@example.test")

    assert now_done(transaction.commit()).queue_ids
    session.closed()
    assert [2, 2] == [rule.seen.count("closed") for rule in (first, second)]


def test_policies_are_closed_where_one_cannot_tell() -> None:
    """
    If a policy has no answer to a connection, the others that were asked hear of its end.
    """
    first, second = Rule(), Raising(**{"raise": PROCEED})
    with pytest.raises(RuntimeError, match="no answer"):
        House(first, second).session()

    assert ["changed", "closed"] == first.seen
    assert ["closed"] == second.seen


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


@pytest.mark.parametrize(
    ("address", "lane"),
    [("c@example.test", Lane("local", "c")), ("c@example.net", None)],
    ids=["local", "elsewhere"],
)
def test_s21_an_id_that_is_taken_again_gives_no_permission(address: str, lane: Lane | None) -> None:
    """
    A recipient that is put in another's place, id and all, has a route of its own, and is asked.
    """
    changes = (RemoveRecipient(RecipientID(1)), AddRecipient(recipient(address, 1)))
    house = House(Rule(message=Proceed(changes=changes)))
    transaction = house.begin()
    give(transaction, "b@example.test")
    if lane is None:
        with pytest.raises(Refused):
            now_done(transaction.commit())
    else:
        now_done(transaction.commit())

    assert [lane] * (lane is not None) == [r.lane for e in house.entries() for r in e.recipients]


def test_s22_added_and_refused() -> None:
    """
    A recipient that one policy adds and the next refuses is held like any other.
    """
    added = AddRecipient(recipient("c@example.test", 9))
    house = House(
        Rule(message=Proceed(changes=(added,))),
        Rule(message=MessageVerdict(PROCEED, {RecipientID(9): NO, RecipientID(77): NO})),
    )
    transaction = house.begin()
    give(transaction, "b@example.test")
    now_done(transaction.commit())

    states = {str(r.recipient): r.state for e in house.entries() for r in e.recipients}
    assert {"b@example.test": QueueState.DUE, "c@example.test": QueueState.HELD} == states


@pytest.mark.parametrize(
    ("verdict", "reasons", "kept"),
    [
        pytest.param(
            Proceed(changes=(RemoveRecipient(RecipientID(1)), RemoveRecipient(RecipientID(2)))),
            ["no recipient is left"],
            0,
            id="all removed",
        ),
        pytest.param(
            MessageVerdict(PROCEED, {RecipientID(1): Discard("one")}), ["one"], 1, id="one"
        ),
        pytest.param(
            MessageVerdict(PROCEED, {RecipientID(n): Discard(f"{n}") for n in (1, 2)}),
            ["1", "2"],
            0,
            id="each",
        ),
    ],
)
def test_nothing_is_dropped_without_a_word(
    verdict: Proceed | MessageVerdict, reasons: list[str], kept: int
) -> None:
    """
    Whatever is answered yes and kept nowhere is told, with its reason.
    """
    house = House(Rule(message=verdict))
    transaction = house.begin()
    give(transaction, "b@example.test", "c@example.test")
    now_done(transaction.commit())

    assert reasons == [e.reason for e in house.observer.events if isinstance(e, Discarded)]
    assert kept == sum(len(e.recipients) for e in house.entries())


def test_discarded_behind_a_refusal_of_one() -> None:
    """
    A message that one policy refuses for its only recipient and the next would drop is refused;
    one that is dropped for the recipient left is answered yes.
    """
    house = House(
        Rule(message=MessageVerdict(PROCEED, {RecipientID(1): NO})), Rule(message=Discard("spam"))
    )
    transaction = house.begin()
    give(transaction, "b@example.test", "c@example.test")

    assert () == now_done(transaction.commit()).queue_ids
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
