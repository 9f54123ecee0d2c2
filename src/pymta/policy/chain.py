"""
Policies, asked one after the other.

A refusal ends a stage, an acceptance too; "proceed" asks the next.  Only the chain applies the
changes that a policy names, at once, so that the next policy sees them.  What was learnt of
the connection and of the transaction are two values, and a verdict is gone with its
transaction (S06).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from pymta.content import changed_content, changed_envelope
from pymta.envelope import Envelope, Recipient, RecipientID, Sender
from pymta.facts import NO_FACTS, Facts
from pymta.interfaces.content import IContent
from pymta.interfaces.policy import IPolicy, IPolicyConnection, IPolicyTransaction
from pymta.reply import Reply
from pymta.session import Session
from pymta.verdict import Accept, Discard, MessageVerdict, Proceed, Refuse, Verdict

__all__ = ["ChainConnection", "ChainTransaction", "Judgement", "PolicyChain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """
    What all policies together said of a message.

    :param envelope: None if no recipient is left.
    :param refused: by recipient, where that is not all of them.
    :param refusal: for all of them.
    :param discarded: why it is taken and kept nowhere.
    :param held: why it is kept and waits for a person.
    """

    envelope: Envelope | None
    content: IContent
    facts: Facts
    refused: dict[RecipientID, Reply] = field(default_factory=dict)
    refusal: Reply | None = None
    discarded: str | None = None
    held: str | None = None


class PolicyChain:
    """Policies in their order."""

    def __init__(self, policies: Sequence[IPolicy]) -> None:
        self._policies = tuple(policies)

    async def connect(self, session: Session) -> ChainConnection:
        """A client connected; :meth:`ChainConnection.changed` is its first question."""
        connections: list[IPolicyConnection] = []
        try:
            for policy in self._policies:
                connections.append(await policy.connect(session))
        except BaseException:
            for connection in connections:
                connection.closed()
            raise
        return ChainConnection(connections)


class ChainConnection:
    """The policies' views of one connection."""

    def __init__(self, connections: Sequence[IPolicyConnection]) -> None:
        self._connections = connections
        self._facts = NO_FACTS
        self._refusal: Reply | None = None

    async def changed(self, session: Session) -> Verdict:
        """Connect, HELO, STARTTLS, AUTH.  What it refuses is remembered until the next of them."""
        verdict = await _ask([partial(c.changed, session) for c in self._connections])
        self._facts = self._facts.merged(_facts(verdict))
        self._refusal = verdict.reply if isinstance(verdict, Refuse) else None
        return verdict

    async def begin(self, sender: Sender) -> ChainTransaction:
        """MAIL."""
        transactions: list[IPolicyTransaction] = []
        try:
            for connection in self._connections:
                transactions.append(await connection.begin(sender))
        except BaseException:
            for transaction in transactions:
                transaction.closed()
            raise
        return ChainTransaction(transactions, self._facts, self._refusal)

    def closed(self) -> None:
        """The connection is gone."""
        for connection in self._connections:
            connection.closed()


class ChainTransaction:
    """The policies' views of one transaction."""

    def __init__(
        self,
        transactions: Sequence[IPolicyTransaction],
        known: Facts,
        refusal: Reply | None,
    ) -> None:
        self._transactions = transactions
        self._known = known
        self._facts = NO_FACTS
        self._delayed = refusal
        self._discarded: str | None = None
        self._held: str | None = None

    @property
    def facts(self) -> Facts:
        """What is known of the connection and the transaction."""
        return self._known.merged(self._facts)

    @property
    def discarded(self) -> str | None:
        """Why the message will be taken and kept nowhere, as far as is known now."""
        return self._discarded

    async def sender(self) -> Verdict:
        """MAIL.  What it refuses is told at RCPT."""
        verdict = self._note(await _ask([t.sender for t in self._transactions]))
        if isinstance(verdict, Refuse) and self._delayed is None:
            self._delayed = verdict.reply
        return verdict

    async def recipient(self, recipient: Recipient) -> Verdict:
        """
        RCPT.

        The postmaster stays reachable for whoever was refused before (:rfc:`5321#section-4.5.1`).
        """
        if self._delayed is not None and recipient.address.local.lower() != "postmaster":
            return Refuse(self._delayed)
        asked = [partial(t.recipient, recipient) for t in self._transactions]
        return self._note(await _ask(asked))

    async def data(self) -> Verdict:
        """DATA or the first BDAT."""
        return self._note(await _ask([t.data for t in self._transactions]))

    async def message(self, envelope: Envelope, content: IContent) -> Judgement:
        """The whole message."""
        judged = Judgement(
            envelope=envelope,
            content=content,
            facts=self._facts,
            discarded=self._discarded,
            held=self._held,
        )
        for transaction in self._transactions:
            if judged.envelope is None or judged.discarded is not None:
                break
            facts = self._known.merged(judged.facts)
            verdict = await transaction.message(judged.envelope, judged.content, facts)
            judged = await _apply(judged, verdict)
            if judged.refusal is not None or isinstance(verdict.all, Accept):
                break
        return judged

    def closed(self) -> None:
        """The transaction is over."""
        for transaction in self._transactions:
            transaction.closed()

    def _note(self, verdict: Verdict) -> Verdict:
        self._facts = self._facts.merged(_facts(verdict))
        match verdict:
            case Discard(reason):
                self._discarded = reason
            case Proceed(held=str(reason)):
                self._held = reason
        return verdict


async def _ask(questions: Sequence[Callable[[], Awaitable[Verdict]]]) -> Verdict:
    """Ask until one decides; the facts and the hold of those before it are in the answer."""
    together = Proceed()
    for question in questions:
        verdict = await question()
        match verdict:
            case Proceed():
                together = Proceed(
                    together.facts.merged(verdict.facts),
                    together.changes + verdict.changes,
                    together.held or verdict.held,
                )
            case Accept(facts):
                return replace(together, facts=together.facts.merged(facts))
            case _:
                return verdict
    return together


def _facts(verdict: Verdict) -> Facts:
    return verdict.facts if isinstance(verdict, Proceed | Accept) else NO_FACTS


async def _apply(judged: Judgement, verdict: MessageVerdict) -> Judgement:
    envelope = judged.envelope
    assert envelope is not None
    match verdict.all:
        case Refuse(reply):
            return replace(judged, refusal=reply)
        case Discard(reason):
            return replace(judged, discarded=reason)
        case Accept(facts):
            judged = replace(judged, facts=judged.facts.merged(facts))
        case Proceed(facts, changes, held):
            judged = replace(
                judged,
                facts=judged.facts.merged(facts),
                held=judged.held or held,
                content=await changed_content(judged.content, changes),
                envelope=changed_envelope(envelope, changes),
            )
    return _sorted_out(judged, verdict)


def _sorted_out(judged: Judgement, verdict: MessageVerdict) -> Judgement:
    """Take out the recipients that have a verdict of their own against them."""
    out = dict(judged.refused)
    gone = set()
    for identity, own in verdict.each.items():
        match own:
            case Refuse(reply):
                out[identity] = reply
            case Discard():
                gone.add(identity)
            case Proceed() | Accept():
                pass
    if (not out and not gone) or judged.envelope is None:
        return judged
    left = tuple(r for r in judged.envelope.recipients if r.id not in gone and r.id not in out)
    if left:
        return replace(judged, refused=out, envelope=replace(judged.envelope, recipients=left))
    return replace(judged, refused=out, envelope=None)
