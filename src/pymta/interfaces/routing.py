"""
Where a recipient's mail goes.

The router is asked at RCPT (whether), at submission (which lane) and again at each attempt
(tables change meanwhile); its answer is a value of four kinds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from zope.interface import Interface

from pymta.address import Address
from pymta.envelope import Recipient, Sender
from pymta.interfaces.content import Lane, Origin
from pymta.reply import Reply

__all__ = ["Drop", "Expand", "IMembers", "IRouter", "Refusal", "Route", "Via"]


class IMembers(Interface):
    """The members of a list, a page at a time, in an order that does not change."""

    def read(after: Address | None, limit: int) -> Awaitable[Sequence[Address]]:
        """
        The next members behind ``after`` (None: from the first), at most ``limit``.

        Empty at the end.  A member of a list that is a list itself comes as its address and is
        expanded when it is routed.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Via:
    """
    Through an agent, towards a next hop.

    :param recipient: the same id; the address may be another (an alias with one target, a
        virtual domain, sub-addressing resolved).
    :param local: whether the mail stays in this system.  It is relayed otherwise, and whoever
        takes it asks for permission first (S21): a router that forgets to say so opens nothing.
    """

    lane: Lane
    recipient: Recipient
    local: bool = False


@dataclass(frozen=True, slots=True)
class Expand:
    """
    To many: each member becomes a recipient of a mail of its own.

    :param sender: the list's own reverse path (:rfc:`5321#section-3.9.2`), or None to keep the
        message's (an alias, section 3.9.1).
    """

    members: IMembers
    sender: Sender | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    Nowhere.  At RCPT the peer hears it; later it is a failure that is reported.

    :param reason: for the log, where it may say more than the peer should hear.
    """

    reply: Reply
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Taken, and kept nowhere (``/dev/null`` of aliases); logged with its reason."""

    reason: str


Route: TypeAlias = Via | Expand | Refusal | Drop


class IRouter(Interface):
    """Routes; must give the same answer to the same question while its tables are the same."""

    def route(recipient: Recipient, origin: Origin) -> Awaitable[Route]:
        """
        Where to.

        :raises Exception: nobody knows now; the caller says 451 or tries again later.
        """
