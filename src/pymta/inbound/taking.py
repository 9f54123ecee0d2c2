"""
The simplest receiver: each message, whole and in memory, is given to one coroutine function.

For applications and test harnesses that take mail and keep it their own way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from zope.interface import implementer

from pymta.envelope import Envelope, Recipient, Sender
from pymta.interfaces.receive import (
    IMailReceiver,
    IMailSession,
    IPerRecipientTransaction,
    ITransaction,
    Receipt,
)
from pymta.reply import Reply
from pymta.session import Session

__all__ = ["ReceivedMail", "Take", "Taking"]

OK = Reply(250, "2.0.0", "Ok")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMail:
    """One message.  :param octets: as the sender meant them, nothing added."""

    session: Session
    envelope: Envelope
    octets: bytes = field(repr=False)


Take: TypeAlias = Callable[[ReceivedMail], Awaitable[None]]
"""
Takes responsibility: when it has returned, the client is told 250.

:class:`~pymta.errors.Refused` is the answer; anything else is 451, and the client tries again.
"""


@implementer(IMailReceiver)
class Taking:
    """
    Takes every recipient; what ``take`` refuses is refused at the end of the message.

    The listener's ``message_size`` bounds what is held in memory for each connection.
    """

    def __init__(self, take: Take) -> None:
        self._take = take

    async def connected(self, session: Session) -> IMailSession:
        return _Session(self._take, session)


@implementer(IMailSession)
class _Session:
    def __init__(self, take: Take, session: Session) -> None:
        self._take = take
        self._session = session

    async def changed(self, session: Session) -> None:
        self._session = session

    async def begin(self, sender: Sender) -> ITransaction:
        return _Transaction(self._take, self._session, sender)

    def closed(self) -> None: ...


@implementer(IPerRecipientTransaction)
class _Transaction:
    def __init__(self, take: Take, session: Session, sender: Sender) -> None:
        self._take = take
        self._session = session
        self._sender = sender
        self._recipients: list[Recipient] = []
        self._octets: list[bytes] = []

    async def add_recipient(self, recipient: Recipient) -> Reply | None:
        self._recipients.append(recipient)
        return None

    async def begin_content(self) -> None: ...

    async def write(self, data: bytes) -> None:
        self._octets.append(data)

    async def commit(self) -> Receipt:
        envelope = Envelope(sender=self._sender, recipients=tuple(self._recipients))
        octets = b"".join(self._octets)
        await self._take(ReceivedMail(session=self._session, envelope=envelope, octets=octets))
        return Receipt()

    async def commit_each(self) -> Sequence[Reply]:
        await self.commit()
        return [OK] * len(self._recipients)

    def abort(self) -> None:
        self._octets.clear()
