"""
One connection: the receiver that a listener talks to.
"""

from __future__ import annotations

from zope.interface import implementer

from pymta.envelope import Sender
from pymta.errors import Refused
from pymta.inbound.flow import Flow
from pymta.inbound.transaction import InboundTransaction
from pymta.interfaces.content import Origin
from pymta.interfaces.receive import IMailReceiver, IMailSession, ITransaction
from pymta.policy.chain import ChainConnection
from pymta.reply import Reply
from pymta.session import Session
from pymta.verdict import Refuse, Verdict

__all__ = ["Inbound"]

NO_ROOM = Reply(452, "4.3.1", "Insufficient system storage")


@implementer(IMailReceiver)
class Inbound:
    """Takes mail as a :class:`~pymta.inbound.flow.Flow` says."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    async def connected(self, session: Session) -> IMailSession:
        """See :meth:`~pymta.interfaces.receive.IMailReceiver.connected`."""
        chain = await self._flow.policies.connect(session)
        try:
            _obey(await chain.changed(session))
        except BaseException:
            chain.closed()
            raise
        return InboundSession(self._flow, session, chain)


@implementer(IMailSession)
class InboundSession:
    """See :class:`~pymta.interfaces.receive.IMailSession`."""

    def __init__(self, flow: Flow, session: Session, chain: ChainConnection) -> None:
        self._flow = flow
        self._session = session
        self._chain = chain

    async def changed(self, session: Session) -> None:
        _obey(await self._chain.changed(session))
        self._session = session

    async def begin(self, sender: Sender) -> ITransaction:
        flow = self._flow
        if flow.free is not None and flow.free() < flow.limits.free_space + (sender.size or 0):
            raise Refused(NO_ROOM)
        policies = await self._chain.begin(sender)
        try:
            _obey(await policies.sender())
        except BaseException:
            policies.closed()
            raise
        return InboundTransaction(flow, Origin(self._session, sender), policies)

    def closed(self) -> None:
        self._chain.closed()


def _obey(verdict: Verdict) -> None:
    """Other refusals are told at RCPT, so that the log names the recipient; 421 is "go away"."""
    if isinstance(verdict, Refuse) and verdict.reply.closing:
        raise Refused(verdict.reply)
