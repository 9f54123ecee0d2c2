"""
Sorting messages (:rfc:`5256#section-3`, :rfc:`5957`, :rfc:`6203#section-6`) by what
:mod:`pymta.message.index` has of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeAlias

from pymta.mailbox import UID
from pymta.message.index import IndexEntry
from pymta.message.threading import Threadable, sorted_in_turns
from pymta.search import SortBy, SortKey

__all__ = ["Sortable", "distinct", "sort", "threadable"]


class Sortable(NamedTuple):
    """
    What is asked of a message.

    :param arrived: the internal date in microseconds since 1970.
    :param score: of a fuzzy search.
    """

    uid: UID
    arrived: int
    size: int
    entry: IndexEntry
    score: int = 0

    @property
    def sent(self) -> int:
        """In microseconds since 1970 (:rfc:`5256#section-2.2`)."""
        sent = self.entry.sent
        return self.arrived if sent is None else sent * 1_000_000


_Value: TypeAlias = Callable[[Sortable], "int | bytes"]

_VALUES: dict[SortBy, _Value] = {
    SortBy.ARRIVAL: lambda message: message.arrived,
    SortBy.CC: lambda message: message.entry.cc,
    SortBy.DATE: lambda message: message.sent,
    SortBy.DISPLAYFROM: lambda message: message.entry.display_from,
    SortBy.DISPLAYTO: lambda message: message.entry.display_to,
    SortBy.FROM: lambda message: message.entry.from_,
    # RFC 6203 section 6: "the message with the highest score is returned first".
    SortBy.RELEVANCY: lambda message: -message.score,
    SortBy.SIZE: lambda message: message.size,
    SortBy.SUBJECT: lambda message: message.entry.subject,
    SortBy.TO: lambda message: message.entry.to,
}


def distinct(keys: Sequence[SortKey]) -> tuple[SortKey, ...]:
    """Without those that order nothing any more: what is equal by a criterion stays so."""
    first: dict[SortBy, SortKey] = {}
    for key in keys:
        first.setdefault(key.by, key)
    return tuple(first.values())


async def sort(
    messages: Sequence[Sortable],
    keys: Sequence[SortKey],
    breathe: Callable[[], Awaitable[None]],
) -> list[UID]:
    """:param messages: ascending by UID, which breaks ties."""
    order = list(messages)
    # One key after the other, the most important last: each keeps the order of equals.
    for key in reversed(distinct(keys)):
        value = _VALUES[key.by]
        if key.descending:
            # Descending keeps it too, where reversing would not: RFC 5256 section 3, REVERSE.
            order.reverse()
            order = await sorted_in_turns(order, value, breathe)
            order.reverse()
        else:
            order = await sorted_in_turns(order, value, breathe)
    return [message.uid for message in order]


def threadable(message: Sortable) -> Threadable:
    """The same for :func:`pymta.message.threading.thread`."""
    entry = message.entry
    return Threadable(
        uid=message.uid,
        sent=message.sent,
        subject=entry.subject,
        is_reply=entry.is_reply,
        message_id=entry.message_id,
        references=entry.ancestors(),
    )
