"""
Receivers of an application, small: what comes is put in a list, and may be refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from zope.interface import implementer

from pymta.envelope import Recipient, Sender
from pymta.errors import Refused
from pymta.interfaces.content import QueueID
from pymta.interfaces.receive import (
    IMailReceiver,
    IMailSession,
    IPerRecipientTransaction,
    ITransaction,
    Receipt,
)
from pymta.reply import Reply
from pymta.session import Session


async def at_once() -> None:
    """Do not wait."""


@dataclass
class Mail:
    """One message, as it was received."""

    session: Session
    sender: Sender
    recipients: list[Recipient] = field(default_factory=list)
    octets: bytearray = field(default_factory=bytearray)
    ended: str = ""


@implementer(IMailReceiver)
class Collector:
    """
    Takes everything but what is in ``refuse``: a word of a stage, or a recipient.

    :param wait: awaited at each call, by its stage.
    """

    def __init__(self, wait: Callable[[str], Awaitable[None]] | None = None) -> None:
        self.refuse: dict[str, Reply | Exception] = {}
        self.mails: list[Mail] = []
        self.sessions: list[Session] = []
        self.closed = 0
        self.each = True
        self.yes: Reply | None = None
        self.replies: list[Reply] | None = None
        self.receipt: Receipt | None = None
        self._wait = wait

    async def stage(self, name: str) -> None:
        if self._wait is not None:
            await self._wait(name)
        no = self.refuse.get(name)
        if isinstance(no, Reply):
            raise Refused(no)
        if no is not None:
            raise no

    def last(self, name: str) -> None:
        no = self.refuse.get(name)
        if isinstance(no, Exception):
            raise no

    async def connected(self, session: Session) -> IMailSession:
        await self.stage("connect")
        self.sessions.append(session)
        return _Session(self, session)


@implementer(IMailSession)
class _Session:
    def __init__(self, collector: Collector, session: Session) -> None:
        self._collector = collector
        self._session = session

    async def changed(self, session: Session) -> None:
        await self._collector.stage("changed")
        self._collector.sessions.append(session)
        self._session = session

    async def begin(self, sender: Sender) -> ITransaction:
        await self._collector.stage("begin")
        mail = Mail(self._session, sender)
        self._collector.mails.append(mail)
        kind = _EachTransaction if self._collector.each else _Transaction
        return kind(self._collector, mail)

    def closed(self) -> None:
        self._collector.closed += 1
        self._collector.last("closed")


@implementer(ITransaction)
class _Transaction:
    def __init__(self, collector: Collector, mail: Mail) -> None:
        self._collector = collector
        self._mail = mail

    async def add_recipient(self, recipient: Recipient) -> Reply | None:
        await self._collector.stage(str(recipient))
        self._mail.recipients.append(recipient)
        return self._collector.yes

    async def begin_content(self) -> None:
        await self._collector.stage("data")

    async def write(self, data: bytes) -> None:
        await self._collector.stage("write")
        self._mail.octets += data

    async def commit(self) -> Receipt:
        await self._collector.stage("commit")
        self._mail.ended = "committed"
        if self._collector.receipt is not None:
            return self._collector.receipt
        return Receipt((QueueID(f"Q{len(self._collector.mails)}"),))

    def abort(self) -> None:
        assert not self._mail.ended
        self._mail.ended = "aborted"
        self._collector.last("abort")


@implementer(IPerRecipientTransaction)
class _EachTransaction(_Transaction):
    async def commit_each(self) -> list[Reply]:
        await self._collector.stage("commit")
        self._mail.ended = "committed"
        if self._collector.replies is not None:
            return self._collector.replies
        return [Reply(250, "2.1.5", f"{r.id} {r}") for r in self._mail.recipients]
