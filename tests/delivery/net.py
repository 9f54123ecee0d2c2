"""
Hosts to be dialled, in memory: each address has a script of what its next sessions do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from twisted.internet.defer import Deferred

from pymta.aio import Shared
from pymta.delivery.pool import Session
from pymta.envelope import Recipient, Sender
from pymta.errors import Refused
from pymta.interfaces.content import IContent
from pymta.interfaces.relay import Host, TLSPolicy
from pymta.reply import Reply
from pymta.sasl import Credentials
from pymta.smtp.client_answers import Answer, Stage
from pymta.wire.smtp.capabilities import NO_CAPABILITIES, Capabilities

__all__ = ["DOWN", "OK", "Dialled", "FakeSession", "Net", "Say", "in_doubt", "no", "says", "yes"]

OK = Reply(250, "2.0.0", "Ok: queued as 1")
DOWN = Refused(Reply(451, "4.4.1", "Connection refused"))

Say: TypeAlias = Callable[[Sequence[Recipient]], Sequence[Answer]]
"""What becomes of one transaction."""


def yes(recipients: Sequence[Recipient]) -> Sequence[Answer]:
    """All of them are taken."""
    return [_answer(recipient, OK, Stage.CONTENT) for recipient in recipients]


def no(code: int, status: str, stage: Stage) -> Say:
    """All of them are not, for this reason."""
    return says(*[(Reply(code, status, "No"), stage)] * 1000)


def says(*answers: tuple[Reply, Stage]) -> Say:
    """These answers, one a recipient."""

    def say(recipients: Sequence[Recipient]) -> Sequence[Answer]:
        return [
            _answer(recipient, reply, stage)
            for recipient, (reply, stage) in zip(recipients, answers, strict=False)
        ]

    return say


def in_doubt(recipients: Sequence[Recipient]) -> Sequence[Answer]:
    """The content was given and nothing is heard any more."""
    return [
        Answer(
            recipient=recipient,
            reply=Reply(451, "4.4.2", "It closed the connection"),
            stage=Stage.CONNECTION,
            from_peer=False,
            in_doubt=True,
        )
        for recipient in recipients
    ]


def _answer(recipient: Recipient, reply: Reply, stage: Stage) -> Answer:
    return Answer(recipient=recipient, reply=reply, stage=stage)


class FakeSession:
    """
    One that is open.

    :param script: of its transactions, one after the other; then it says yes to all.
    """

    def __init__(self, script: Sequence[Say] = (), capabilities: Capabilities = NO_CAPABILITIES):
        self.capabilities = capabilities
        self.closed: Shared[None] = Shared()
        self.usable = True
        self.sent: list[tuple[Sender, tuple[Recipient, ...], IContent]] = []
        self.left = ""
        self._script = deque(script)

    async def send(
        self, sender: Sender, recipients: Sequence[Recipient], content: IContent
    ) -> Sequence[Answer]:
        assert self.usable
        self.sent.append((sender, tuple(recipients), content))
        answers = (self._script.popleft() if self._script else yes)(recipients)
        if any(each.stage is Stage.CONNECTION for each in answers):
            self.close()
        return answers

    def close(self) -> None:
        """The server does it."""
        self.usable = False
        if not self.closed.ended:
            self.closed.succeed(None)

    async def quit(self) -> None:
        self.left = self.left or "quit"
        self.close()

    def abort(self) -> None:
        self.left = self.left or "abort"
        self.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialled:
    """What somebody wanted to be connected to."""

    host: Host
    address: str
    policy: TLSPolicy
    credentials: Credentials | None


Script: TypeAlias = "FakeSession | Refused | Deferred[FakeSession]"


@dataclass(slots=True)
class Net:
    """
    :param scripts: by address, what comes of dialling it; then a session that says yes.
    """

    scripts: dict[str, list[Script]] = field(default_factory=dict)
    dialled: list[Dialled] = field(default_factory=list)
    sessions: list[FakeSession] = field(default_factory=list)

    async def dial(
        self, host: Host, address: str, policy: TLSPolicy, credentials: Credentials | None
    ) -> Session:
        """As a dialler does."""
        self.dialled.append(
            Dialled(host=host, address=address, policy=policy, credentials=credentials)
        )
        scripts = self.scripts.get(address)
        script = scripts.pop(0) if scripts else FakeSession()
        if isinstance(script, Refused):
            raise script
        session = await script if isinstance(script, Deferred) else script
        self.sessions.append(session)
        return session
