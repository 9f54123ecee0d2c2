"""
The policy kit, run against policies of ours and against some that are broken on purpose.
"""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface import implementer

from pymta.envelope import Envelope, Recipient, RecipientID, Sender
from pymta.facts import Facts
from pymta.interfaces.content import IContent, octets_of
from pymta.interfaces.policy import IPolicy, IPolicyConnection, IPolicyTransaction
from pymta.reply import Reply
from pymta.session import Session
from pymta.testing.contracts.policy import PolicyContract
from pymta.verdict import (
    PROCEED,
    Discard,
    InsertField,
    MessageVerdict,
    Proceed,
    Refuse,
    RemoveRecipient,
    Verdict,
)


@implementer(IPolicy, IPolicyConnection, IPolicyTransaction)
class Good:
    """Lets everything pass, with a field of its own; breakable by replacing methods."""

    name = "good"

    async def connect(self, session: Session) -> IPolicyConnection:
        return self

    async def changed(self, session: Session) -> Verdict:
        return PROCEED

    async def begin(self, sender: Sender) -> IPolicyTransaction:
        return self

    async def sender(self) -> Verdict:
        return PROCEED

    async def recipient(self, recipient: Recipient) -> Verdict:
        return PROCEED

    async def data(self) -> Verdict:
        return PROCEED

    async def message(self, envelope: Envelope, content: IContent, facts: Facts) -> MessageVerdict:
        await octets_of(content)
        return MessageVerdict(Proceed(changes=(InsertField(0, "X-Seen", b"yes"),)))

    def closed(self) -> None: ...


class TestGood(PolicyContract):
    """A policy that keeps the contract."""

    async def make(self) -> IPolicy:
        return Good()

    async def reopen(self, provider: IPolicy) -> IPolicy:
        return Good()


class Nameless(Good):
    name = ""


class WithoutData(Good):
    data = None  # type: ignore[assignment]


class ChangesEarly(Good):
    async def sender(self) -> Verdict:
        return Proceed(changes=(RemoveRecipient(RecipientID(1)),))


class PositiveRefusal(Good):
    async def recipient(self, recipient: Recipient) -> Verdict:
        return Refuse(Reply(250, "2.0.0", "Ok"))


class ChokesOnUTF8(Good):
    async def begin(self, sender: Sender) -> IPolicyTransaction:
        str(sender).encode("ascii")
        return self


class ChokesOnNoAddress(Good):
    async def changed(self, session: Session) -> Verdict:
        _, _ = session.peer.host.split(".", 1)
        return PROCEED


class ChokesOnOctets(Good):
    async def message(self, envelope: Envelope, content: IContent, facts: Facts) -> MessageVerdict:
        (await octets_of(content)).decode("ascii")
        return MessageVerdict(PROCEED)


class SpeaksOfStrangers(Good):
    async def message(self, envelope: Envelope, content: IContent, facts: Facts) -> MessageVerdict:
        return MessageVerdict(PROCEED, {RecipientID(99): PROCEED})


class BrokenField(Good):
    async def message(self, envelope: Envelope, content: IContent, facts: Facts) -> MessageVerdict:
        return MessageVerdict(Proceed(changes=(InsertField(0, "X", b"a\r\nb"),)))


class RefusesAll(Good):
    async def sender(self) -> Verdict:
        return Refuse(Reply(550, "5.7.1", "No"))


class Sticky(Good):
    """Remembers the verdict of the last transaction (S06)."""

    asked = 0

    async def data(self) -> Verdict:
        self.asked += 1
        return PROCEED if self.asked == 1 else Discard("the last one was bad")


class StickyAfterAbort(Good):
    aborted = 0

    def closed(self) -> None:
        self.aborted += 1

    async def message(self, envelope: Envelope, content: IContent, facts: Facts) -> MessageVerdict:
        return MessageVerdict(PROCEED if self.aborted != 3 else Discard("three were aborted"))


class OnlyFifty(Good):
    begun = 0

    async def begin(self, sender: Sender) -> IPolicyTransaction:
        self.begun += 1
        if self.begun > 50:
            raise RuntimeError
        return self


class FewRecipients(Good):
    seen = 0

    async def recipient(self, recipient: Recipient) -> Verdict:
        self.seen += 1
        assert self.seen < 500
        return PROCEED


class ClosesOnce(Good):
    ended = False

    def closed(self) -> None:
        assert not self.ended
        self.ended = True


class SwallowsCancel(Good):
    async def message(self, envelope: Envelope, content: IContent, facts: Facts) -> MessageVerdict:
        try:
            await octets_of(content)
        except Exception:  # noqa: BLE001  the fault that is wanted here
            raise ValueError from None
        return MessageVerdict(PROCEED)


class Ages(Good):
    lives = 0

    def __init__(self) -> None:
        Ages.lives += 1

    async def data(self) -> Verdict:
        return Proceed(held="old" if self.lives % 2 else "young")


MUTANTS = [
    (Nameless, "has_a_name"),
    (WithoutData, "provides"),
    (ChangesEarly, "answers_every_sender"),
    (PositiveRefusal, "answers_every_sender"),
    (ChokesOnUTF8, "answers_every_sender"),
    (ChokesOnNoAddress, "answers_every_session"),
    (ChokesOnOctets, "answers_every_content"),
    (SpeaksOfStrangers, "answers_every_content"),
    (BrokenField, "answers_every_content"),
    (RefusesAll, "lets_pass_what_is_acceptable"),
    (Sticky, "says_the_same_again"),
    (StickyAfterAbort, "an_aborted_transaction_leaves_nothing"),
    (OnlyFifty, "many_at_once"),
    (FewRecipients, "a_thousand_recipients"),
    (ClosesOnce, "closed_at_any_stage"),
    (SwallowsCancel, "cancelled"),
    (Ages, "same_after_a_restart"),
]


@pytest.mark.parametrize(("mutant", "clause"), MUTANTS, ids=[m.__name__ for m, _ in MUTANTS])
def test_broken_on_purpose(mutant: type[Good], clause: str) -> None:
    """
    Each clause fails on a policy that breaks it.
    """

    class Kit(PolicyContract):
        async def make(self) -> IPolicy:
            return mutant()

        async def reopen(self, provider: IPolicy) -> IPolicy:
            return mutant()

    test = getattr(Kit(), f"test_{clause}")
    failed = 0
    for arguments in _arguments(test):
        try:
            test(*arguments)
        except Exception:  # noqa: BLE001  any failure will do
            failed += 1

    assert failed


def _arguments(test: Any) -> list[tuple[Any, ...]]:
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    return [tuple(param.values) for mark in marks for param in mark.args[1]] or [()]


def test_every_clause_has_a_mutant() -> None:
    """
    No clause of the kit is there that nothing is shown to fail.
    """
    clauses = {name.removeprefix("test_") for name in dir(PolicyContract) if name[:5] == "test_"}

    assert clauses == {clause for _, clause in MUTANTS}
