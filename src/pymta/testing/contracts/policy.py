"""
The contract kit of :class:`~pymta.interfaces.policy.IPolicy`.

Subclass it, override :meth:`~PolicyContract.make`, and let pytest find it::

    class TestMyPolicy(PolicyContract):
        async def make(self) -> IPolicy: ...

The kit does not know what your policy is for.  It checks that every stage of every conversation is
answered with a verdict that the chain can act upon, that conversations do not run into each other,
and that the end is heard however it comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

import pytest
from twisted.internet.defer import CancelledError, Deferred
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pymta.address import Address
from pymta.aio import deferred, gather
from pymta.content import changed_content, changed_envelope
from pymta.envelope import Envelope, Recipient, RecipientID, Sender
from pymta.facts import NO_FACTS
from pymta.interfaces.content import IContent, Octets, octets_of
from pymta.interfaces.policy import IPolicy, IPolicyConnection, IPolicyTransaction
from pymta.session import TLS, Endpoint, Role, Session
from pymta.testing.contracts.provider_case import ProviderCase, case
from pymta.verdict import Accept, Discard, MessageVerdict, Proceed, Refuse, Verdict

__all__ = ["PolicyContract"]

_NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
_CONNECTED = Session(
    id="kit",
    role=Role.SMTP,
    peer=Endpoint("192.0.2.7", 4711),
    local=Endpoint("192.0.2.1", 25),
    started=_NOW,
)
_GREETED = replace(_CONNECTED, helo="client.example", extended=True)
_SECURE = replace(_GREETED, tls=TLS(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384"))
_LOGGED_IN = replace(_SECURE, identity="a@example.test", mechanism="PLAIN", role=Role.SUBMISSION)

SESSIONS = [
    pytest.param([_CONNECTED], id="connect"),
    pytest.param([_CONNECTED, _GREETED], id="EHLO"),
    pytest.param([_CONNECTED, _GREETED, _GREETED], id="EHLO twice"),
    pytest.param([_CONNECTED, _GREETED, _SECURE, _LOGGED_IN], id="a login"),
    pytest.param([replace(_CONNECTED, peer=Endpoint("2001:db8::7", 1))], id="IPv6"),
    pytest.param([replace(_CONNECTED, peer=Endpoint(""))], id="no address"),
]
_UTF8 = Address("ä b", "sörensen.example")
SENDERS = [
    pytest.param(Sender(reverse_path=Address("a", "example.org")), id="a sender"),
    pytest.param(Sender(reverse_path=None), id="the null reverse path"),
    pytest.param(
        Sender(reverse_path=Address("ä b", "sörensen.example"), smtputf8=True), id="UTF-8"
    ),
]
_PLAIN = b"From: a@example.org\r\nSubject: kit\r\n\r\nbody\r\n"
CONTENTS = [
    pytest.param(_PLAIN, id="a message"),
    pytest.param(b"", id="nothing"),
    pytest.param(b"\r\nbody\r\n", id="no header"),
    pytest.param(b"From: a@example.org\r\n", id="no body"),
    pytest.param(b"garbage without a colon\r\n\r\n\0\xff\n.\r\r\n", id="garbage"),
    pytest.param(b"From: a@x\r\nFrom: b@y\r\n\r\n", id="two From"),
    pytest.param(b"A: b\r\n\r\n" + b"x" * 200_000, id="several slices"),
]


@implementer(IContent)
class _Slow:
    """Is never read to its end."""

    size = 100

    async def read(self, start: int, stop: int) -> bytes:
        waiting: Deferred[bytes] = Deferred()
        return await waiting


def _recipients(count: int) -> tuple[Recipient, ...]:
    address = Address("b", "example.test")
    return tuple(Recipient(id=RecipientID(3 + n), address=address) for n in range(count))


class PolicyContract(ProviderCase[IPolicy]):
    """
    What every policy does.

    :cvar acceptable: content that it lets pass, from :attr:`sender`, to the kit's recipients.
    """

    acceptable: ClassVar[bytes] = _PLAIN
    sender: ClassVar[Sender] = Sender(reverse_path=Address("a", "example.org"))

    # -- how the kit talks to it -------------------------------------------------

    async def connect(
        self, policy: IPolicy, sessions: Sequence[Session] = (_CONNECTED, _GREETED)
    ) -> tuple[IPolicyConnection, list[Verdict]]:
        """A connection, told of each of these sessions."""
        connection = await policy.connect(sessions[0])
        return connection, [await connection.changed(session) for session in sessions]

    async def begin(self, policy: IPolicy, sender: Sender | None = None) -> IPolicyTransaction:
        """A transaction on a new connection."""
        connection, _ = await self.connect(policy)
        return await connection.begin(sender or self.sender)

    async def whole(
        self, transaction: IPolicyTransaction, octets: bytes, recipients: int = 1
    ) -> tuple[list[Verdict], MessageVerdict]:
        """All stages of one message."""
        envelope = Envelope(sender=self.sender, recipients=_recipients(recipients))
        verdicts = [await transaction.sender()]
        verdicts += [await transaction.recipient(each) for each in envelope.recipients]
        verdicts.append(await transaction.data())
        message = await transaction.message(envelope, Octets(octets), NO_FACTS)
        transaction.closed()
        return verdicts, message

    # -- clauses ------------------------------------------------------------------

    @case
    async def test_provides(self, policy: IPolicy) -> None:
        """It, its connections and its transactions have all methods."""
        connection, _ = await self.connect(policy)
        transaction = await connection.begin(self.sender)
        assert verifyObject(IPolicy, policy)
        assert verifyObject(IPolicyConnection, connection)
        assert verifyObject(IPolicyTransaction, transaction)

    @case
    async def test_has_a_name(self, policy: IPolicy) -> None:
        """A word for the log."""
        assert isinstance(policy.name, str)
        assert policy.name
        assert policy.name.isprintable()

    @pytest.mark.parametrize("sessions", SESSIONS)
    @case
    async def test_answers_every_session(self, policy: IPolicy, sessions: list[Session]) -> None:
        """Whatever is known of a connection, the answer is a verdict without changes."""
        connection, verdicts = await self.connect(policy, sessions)
        for verdict in verdicts:
            _check_early(verdict)
        connection.closed()

    @pytest.mark.parametrize("sender", SENDERS)
    @case
    async def test_answers_every_sender(self, policy: IPolicy, sender: Sender) -> None:
        """Whoever sends, the answer is a verdict without changes."""
        transaction = await self.begin(policy, sender)
        _check_early(await transaction.sender())
        for recipient in _recipients(2):
            _check_early(await transaction.recipient(recipient))
        _check_early(await transaction.data())
        transaction.closed()

    @pytest.mark.parametrize("octets", CONTENTS)
    @case
    async def test_answers_every_content(self, policy: IPolicy, octets: bytes) -> None:
        """
        Whatever the message is, the verdict can be acted upon: its changes can be applied, and
        it speaks of recipients that are there.
        """
        _, verdict = await self.whole(await self.begin(policy), octets, 2)
        envelope = Envelope(sender=self.sender, recipients=_recipients(2))
        assert isinstance(verdict, MessageVerdict)
        assert set(verdict.each) <= {recipient.id for recipient in envelope.recipients}
        for each in (verdict.all, *verdict.each.values()):
            _check(each)
        if isinstance(verdict.all, Proceed):
            changed_envelope(envelope, verdict.all.changes)
            await octets_of(await changed_content(Octets(octets), verdict.all.changes))

    @case
    async def test_lets_pass_what_is_acceptable(self, policy: IPolicy) -> None:
        """The kit's acceptable message passes: otherwise the clauses above say little."""
        verdicts, message = await self.whole(await self.begin(policy), self.acceptable)
        for verdict in (*verdicts, message.all):
            assert isinstance(verdict, Proceed | Accept)

    @case
    async def test_says_the_same_again(self, policy: IPolicy) -> None:
        """A verdict is gone with its transaction: the same message gets the same again (S06)."""
        connection, _ = await self.connect(policy)
        first = await self.whole(await connection.begin(self.sender), self.acceptable)
        second = await self.whole(await connection.begin(self.sender), self.acceptable)
        assert first == second

    @case
    async def test_an_aborted_transaction_leaves_nothing(self, policy: IPolicy) -> None:
        """One that ends early says nothing of the next."""
        connection, _ = await self.connect(policy)
        for stages in range(3):
            aborted = await connection.begin(self.sender)
            if stages > 0:
                await aborted.sender()
            if stages > 1:
                await aborted.recipient(_recipients(1)[0])
            aborted.closed()
        _, message = await self.whole(await connection.begin(self.sender), self.acceptable)
        assert isinstance(message.all, Proceed | Accept)

    @case
    async def test_many_at_once(self, policy: IPolicy) -> None:
        """A hundred connections side by side get what one gets."""
        alone = await self.whole(await self.begin(policy), self.acceptable)
        transactions = [await self.begin(policy) for _ in range(100)]
        together = await gather(self.whole(each, self.acceptable) for each in transactions)
        assert [alone] * 100 == together

    @case
    async def test_a_thousand_recipients(self, policy: IPolicy) -> None:
        """Each is answered; none of them twice as slow as the first is asked for."""
        verdicts, _ = await self.whole(await self.begin(policy), self.acceptable, 1000)
        assert 1002 == len(verdicts)

    @case
    async def test_closed_at_any_stage(self, policy: IPolicy) -> None:
        """The end comes when it comes, and is heard without an exception; twice does no harm."""
        connection, _ = await self.connect(policy)
        transaction = await connection.begin(self.sender)
        transaction.closed()
        transaction.closed()
        connection.closed()
        connection.closed()

    @case
    async def test_cancelled(self, policy: IPolicy) -> None:
        """A question that is cancelled ends so, and the transaction can be closed."""
        transaction = await self.begin(policy)
        envelope = Envelope(sender=self.sender, recipients=_recipients(1))
        asked = deferred(transaction.message(envelope, _Slow(), NO_FACTS))
        asked.cancel()
        try:
            await asked
        except CancelledError:
            pass
        transaction.closed()

    @case
    async def test_same_after_a_restart(self, policy: IPolicy) -> None:
        """What it says does not depend on how long it has run."""
        before = await self.whole(await self.begin(policy), self.acceptable)
        again = await self.reopen(policy)
        assert before == await self.whole(await self.begin(again), self.acceptable)


def _check(verdict: Verdict) -> None:
    assert isinstance(verdict, Proceed | Accept | Refuse | Discard)
    if isinstance(verdict, Refuse):
        assert not verdict.reply.positive
    if isinstance(verdict, Discard):
        assert verdict.reason


def _check_early(verdict: Verdict) -> None:
    _check(verdict)
    assert not isinstance(verdict, Proceed) or not verdict.changes
