"""
What the routers of a chain say, besides a route: "not mine", and "ask again for this address".
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from zope.interface import implementer

from pymta.address import Address
from pymta.envelope import Recipient
from pymta.interfaces.content import Origin
from pymta.interfaces.routing import IMembers, Refusal, Route
from pymta.reply import Reply

__all__ = [
    "LOOP",
    "NOT_MINE",
    "NO_SUCH_USER",
    "RELAY_DENIED",
    "Answer",
    "ListedMembers",
    "PartialRouter",
    "Readdress",
    "direct",
]

NO_SUCH_USER = Refusal(Reply(550, "5.1.1", "No such user here"))
RELAY_DENIED = Refusal(Reply(550, "5.7.1", "Relaying denied"), "no route leads there")
LOOP = Refusal(Reply(550, "5.4.6", "This address is forwarded to itself"))

NOT_MINE: Final = None
"""This router does not know the recipient: the next one is asked."""


@dataclass(frozen=True, slots=True)
class Readdress:
    """Where mail for this other address goes; the whole chain is asked for it."""

    address: Address


Answer: TypeAlias = Route | Readdress | None


class PartialRouter(Protocol):
    """One link of a chain."""

    def route(self, recipient: Recipient, origin: Origin) -> Awaitable[Answer]:
        """
        A route, another address, or :data:`NOT_MINE`.

        :raises Exception: nobody knows now.
        """


@implementer(IMembers)
class ListedMembers:
    """:param members: all of them, each once."""

    def __init__(self, members: Sequence[Address]) -> None:
        self._members = tuple(members)
        # Where the last page ended: the next one is usually asked for next.
        self._end = 0

    async def read(self, after: Address | None, limit: int) -> Sequence[Address]:
        """
        See :class:`~pymta.interfaces.routing.IMembers`.

        :raises LookupError: ``after`` is none of them.
        """
        start = 0 if after is None else self._behind(after)
        found = self._members[start : start + limit]
        self._end = start + len(found)
        return found

    def _behind(self, after: Address) -> int:
        if self._end and self._members[self._end - 1] == after:
            return self._end
        try:
            return self._members.index(after) + 1
        except ValueError:
            raise LookupError(f"the list has changed: no {after} in it") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ListedMembers) and self._members == other._members

    def __hash__(self) -> int:
        return hash(self._members)

    def __repr__(self) -> str:
        return f"ListedMembers({', '.join(map(str, self._members))})"


def direct(address: Address) -> Address:
    """
    The account itself, where an alias has its name: ``\\alice``, as aliases(5) writes it.

    No table has such names, so it passes all of them by, and a message that is on its way from the
    alias to the account is not taken for one that goes round.
    """
    return (
        address if address.local.startswith("\\") else Address(f"\\{address.local}", address.domain)
    )
