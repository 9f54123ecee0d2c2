"""
Delivering: one attempt, and what became of each recipient.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from zope.interface import Attribute, Interface

from pymta.envelope import Recipient, RecipientID, Sender
from pymta.interfaces.content import IContent, NewMail, Origin, QueueID
from pymta.outcome import Outcome

__all__ = ["Attempt", "IDeliveryAgent", "IModifier", "IRewriter", "Result"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """
    What an agent is asked to deliver.

    :param number: of this attempt, from 1: the highest among its recipients.
    :param next_hop: of the lane; what it means is the agent's affair.
    """

    queue_id: QueueID
    number: int
    sender: Sender
    recipients: tuple[Recipient, ...]
    next_hop: str
    content: IContent
    origin: Origin
    arrived: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """
    What became of one recipient.

    :param then: mails that follow from it; committed together with the outcome.
    :param connecting: for how long a host was looked for and connected to; for the log.
    """

    id: RecipientID
    outcome: Outcome
    then: tuple[NewMail, ...] = ()
    connecting: timedelta = timedelta(0)


class IDeliveryAgent(Interface):
    """Carries mail to its next hop; has a name in the wiring and knows no queue."""

    recipient_limit: int = Attribute(
        "The most recipients an attempt; 1 where each recipient is a commit of its own."
    )

    def deliver(attempt: Attempt) -> Awaitable[Sequence[Result]]:
        """
        Try once.

        A recipient without a result counts as failed for now, by a fault of the agent.  A second
        attempt of the same queue id and recipient id may follow a first one that succeeded and
        whose result was lost: an agent that can, makes it do nothing.

        :raises Exception: all recipients failed for now.
        """


class IModifier(Interface):
    """Makes something else of a message, once, before the 250: submission fix-up, DKIM, journal."""

    def modify(mail: NewMail) -> Awaitable[Sequence[NewMail]]:
        """
        The mails in its place.  One of them has its queue id and all its recipient ids; further
        mails have ids of their own.

        :raises pymta.errors.Refused: the peer is told.
        """


class IRewriter(Interface):
    """Makes something else of an attempt (SRS, VERP); each time anew, and never kept."""

    def rewrite(attempt: Attempt) -> Awaitable[Sequence[Attempt]]:
        """The attempts in its place; each recipient id is in exactly one of them."""
