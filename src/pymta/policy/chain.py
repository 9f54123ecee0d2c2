"""
Policies, asked one after the other.

A refusal ends a stage, an acceptance too; "proceed" asks the next.  Only the chain applies the
changes that a policy names, at once, so that the next policy sees them.  What was learnt of
the connection and of the transaction are two values, and a verdict is gone with its
transaction (S06).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from twisted.logger import Logger

from pymta.content import changed_content, changed_envelope
from pymta.envelope import Envelope, Recipient, RecipientID, Sender
from pymta.facts import NO_FACTS, Facts
from pymta.interfaces.content import IContent
from pymta.interfaces.policy import IPolicy, IPolicyConnection, IPolicyTransaction
from pymta.reply import Reply
from pymta.session import Session
from pymta.verdict import PROCEED, Accept, Discard, MessageVerdict, Proceed, Refuse, Verdict

__all__ = ["ChainConnection", "ChainTransaction", "Judgement", "PolicyChain"]

_log = Logger(namespace="pymta.policy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """
    What all policies together said of a message.

    :param envelope: None if no recipient is left.
    :param refused: by recipient, where that is not all of them.
    :param out: those recipients.
    :param dropped: why it is taken for a recipient and kept nowhere, for each such recipient.
    :param refusal: for all of them.
    :param discarded: why it is taken and kept nowhere.
    :param held: why it is kept and waits for a person.
    """

    envelope: Envelope | None
    content: IContent
    facts: Facts
    refused: dict[RecipientID, Reply] = field(default_factory=dict)
    out: tuple[Recipient, ...] = ()
    dropped: tuple[str, ...] = ()
    refusal: Reply | None = None
    discarded: str | None = None
    held: str | None = None


@dataclass(frozen=True, slots=True)
class _Notes:
    """What was learnt and decided so far."""

    facts: Facts = NO_FACTS
    held: str | None = None
    discarded: str | None = None
    refusal: Reply | None = None

    def learnt(self, verdicts: Sequence[Verdict]) -> _Notes:
        """These, and what is in the verdicts of a stage; the first that decides, decides."""
        if all(verdict is PROCEED for verdict in verdicts):
            return self
        facts, held = self.facts, self.held
        for verdict in verdicts:
            if isinstance(verdict, Proceed | Accept) and len(verdict.facts):
                facts = facts.merged(verdict.facts)
        for verdict in verdicts:
            match verdict:
                case Proceed():
                    held = held or verdict.held
                case Accept():
                    break
                case Refuse(reply):
                    return _Notes(facts, held, self.discarded, self.refusal or reply)
                case Discard(reason):
                    return _Notes(facts, held, self.discarded or reason, self.refusal)
        return _Notes(facts, held, self.discarded, self.refusal)


_NOTHING = _Notes()


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
            _close(connections)
            raise
        return ChainConnection(connections)


class ChainConnection:
    """The policies' views of one connection."""

    def __init__(self, connections: Sequence[IPolicyConnection]) -> None:
        self._connections = connections
        self._session: Session | None = None
        self._of_peer = NO_FACTS
        self._notes = _NOTHING

    async def changed(self, session: Session) -> Verdict:
        """
        Connect, HELO, STARTTLS, AUTH, XCLIENT.

        Each policy hears of it, whatever the others say.  What they decide holds until the next of
        these; what they learnt stays, but for what :rfc:`3207#section-4.2` wants forgotten.
        """
        verdicts = [await connection.changed(session) for connection in self._connections]
        self._notes = _Notes(self._remembered(session)).learnt(verdicts)
        if self._session is None or self._session.peer != session.peer:
            self._of_peer = self._notes.facts
        self._session = session
        return _first(verdicts)

    def _remembered(self, session: Session) -> Facts:
        before = self._session
        if before is None or before.peer != session.peer:
            return NO_FACTS
        if before.tls != session.tls:
            return self._of_peer
        return self._notes.facts

    async def begin(self, sender: Sender) -> ChainTransaction:
        """MAIL."""
        transactions: list[IPolicyTransaction] = []
        try:
            for connection in self._connections:
                transactions.append(await connection.begin(sender))
        except BaseException:
            _close(transactions)
            raise
        return ChainTransaction(transactions, self._notes)

    def closed(self) -> None:
        """The connection is gone."""
        _close(self._connections)


class ChainTransaction:
    """The policies' views of one transaction."""

    def __init__(self, transactions: Sequence[IPolicyTransaction], known: _Notes) -> None:
        self._transactions = transactions
        self._notes = known

    async def sender(self) -> Verdict:
        """MAIL.  What it refuses is told at RCPT."""
        verdicts = await _ask([t.sender for t in self._transactions])
        self._notes = self._notes.learnt(verdicts)
        return _first(verdicts)

    async def recipient(self, recipient: Recipient) -> Verdict:
        """
        RCPT.

        The postmaster stays reachable for whoever was refused before (:rfc:`5321#section-4.5.1`).
        """
        refusal = self._notes.refusal
        if refusal is not None and recipient.address.local.lower() != "postmaster":
            return Refuse(refusal)
        return self._noted(
            await _ask([partial(t.recipient, recipient) for t in self._transactions])
        )

    async def data(self) -> Verdict:
        """DATA or the first BDAT."""
        return self._noted(await _ask([t.data for t in self._transactions]))

    async def message(self, envelope: Envelope, content: IContent) -> Judgement:
        """The whole message."""
        judged = Judgement(
            envelope=envelope,
            content=content,
            facts=self._notes.facts,
            discarded=self._notes.discarded,
            held=self._notes.held,
        )
        for transaction in self._transactions:
            if judged.envelope is None or judged.discarded is not None:
                break
            verdict = await transaction.message(judged.envelope, judged.content, judged.facts)
            judged = await _apply(judged, verdict)
            if judged.refusal is not None or isinstance(verdict.all, Accept):
                break
        return judged

    def closed(self) -> None:
        """The transaction is over."""
        _close(self._transactions)

    def _noted(self, verdicts: Sequence[Verdict]) -> Verdict:
        verdict = _first(verdicts)
        # A refusal here is of this recipient, or of this DATA, alone, and nothing sticks of it.
        if not isinstance(verdict, Refuse):
            self._notes = self._notes.learnt(verdicts)
        return verdict


async def _ask(questions: Iterable[Callable[[], Awaitable[Verdict]]]) -> Sequence[Verdict]:
    """Ask until one decides."""
    verdicts = []
    for question in questions:
        verdicts.append(await question())
        if not isinstance(verdicts[-1], Proceed):
            break
    return verdicts


def _first(verdicts: Iterable[Verdict]) -> Verdict:
    """The first decision, or "proceed"."""
    return next((v for v in verdicts if not isinstance(v, Proceed)), PROCEED)


def _close(parts: Iterable[IPolicyConnection | IPolicyTransaction]) -> None:
    """Tell each of the end, also behind one that raises and may not."""
    for part in parts:
        try:
            part.closed()
        except Exception:  # noqa: BLE001  the fence of policy checks
            _log.failure("{part} failed at its end", part=type(part).__name__)


async def _apply(judged: Judgement, verdict: MessageVerdict) -> Judgement:
    if verdict.all is PROCEED and not verdict.each:
        return judged
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
    envelope = judged.envelope
    if envelope is None or not verdict.each:
        return judged
    refused = dict(judged.refused)
    out, left, dropped = list(judged.out), [], list(judged.dropped)
    for recipient in envelope.recipients:
        match verdict.each.get(recipient.id):
            case Refuse(reply):
                refused[recipient.id] = reply
                out.append(recipient)
            case Discard(reason):
                dropped.append(reason)
            case _:
                left.append(recipient)
    return replace(
        judged,
        refused=refused,
        out=tuple(out),
        dropped=tuple(dropped),
        envelope=replace(envelope, recipients=tuple(left)) if left else None,
    )
