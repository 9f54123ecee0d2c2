"""
What all connections of one receiver have in common.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pymta.envelope import Recipient, RecipientID
from pymta.interfaces.content import NewMail, Origin, QueueID
from pymta.interfaces.delivery import IModifier
from pymta.interfaces.observe import IObserver
from pymta.interfaces.queue import IQueue
from pymta.interfaces.routing import IRouter, Via
from pymta.message.header import MAX_FIELDS, MAX_OCTETS
from pymta.message.trace import MAX_RECEIVED
from pymta.policy.chain import PolicyChain
from pymta.reply import Reply

__all__ = ["Ending", "Flow", "MessageLimits", "RelayPermission", "nobody"]

RelayPermission = Callable[[Recipient, Origin], Awaitable[bool]]
"""Whether this client may send to a recipient who is not local."""


async def nobody(recipient: Recipient, origin: Origin) -> bool:
    """The default: the relay is closed (S21)."""
    return False


class Ending(Protocol):
    """What is done with a message at its end."""

    def accepts(self, route: Via) -> Reply | None:
        """At RCPT: None, or why this recipient cannot be taken."""

    async def take(self, mails: Sequence[NewMail]) -> dict[RecipientID, Reply]:
        """
        Take responsibility.

        :param mails: the message itself first.
        :returns: by recipient, what is not the usual answer; a queue gives none.
        :raises pymta.errors.Refused: nothing was kept.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLimits:
    """
    What one message may have; its size is the listener's affair.

    :param free_space: octets that must be free at MAIL: once and a half the largest message,
        and what settling needs.
    """

    header_octets: int = MAX_OCTETS
    header_fields: int = MAX_FIELDS
    received: int = MAX_RECEIVED
    free_space: int = 100 * 1024 * 1024

    def __post_init__(self) -> None:
        if min(self.header_octets, self.header_fields, self.received) < 1:
            raise ValueError("header_octets, header_fields and received are more than 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """
    One receiver's parts.

    :param hostname: what we are called in Received; bare ``postmaster`` is at ``domain``.
    :param ids: makes queue ids.
    :param ending: the queue, or the mailbox at once.
    :param free: octets free where content is kept; None does not ask.
    """

    hostname: str
    domain: str
    router: IRouter
    queue: IQueue
    ending: Ending
    ids: Callable[[], QueueID]
    now: Callable[[], datetime]
    policies: PolicyChain = field(default_factory=lambda: PolicyChain(()))
    modifiers: Sequence[IModifier] = ()
    relay: RelayPermission = nobody
    limits: MessageLimits = field(default_factory=MessageLimits)
    free: Callable[[], int] | None = None
    observer: IObserver | None = None
