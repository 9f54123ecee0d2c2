"""
Which messages a command means: ids, conditions, or ``ALL`` in capitals; and the way through them.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from pymta.cli.errors import Usage
from pymta.cli.progress import Bar
from pymta.cli.store import Place, on_store
from pymta.components.stores import Stores
from pymta.config.reading import duration
from pymta.errors import Mistake
from pymta.interfaces.content import Lane, QueueID
from pymta.interfaces.queue import IQueueInspection, QueueEntry, QueueQuery, QueueState

__all__ = ["ALL", "explicit_query_of", "lane", "on_queue", "pages", "query_of"]

ALL = "ALL"
NOBODY = "<>"
"""The sender of reports, as SMTP writes it."""


def query_of(arguments: Namespace) -> QueueQuery:
    """
    What the arguments select.

    :raises Usage: ``ALL``, and something else; or a condition that says nothing.
    """
    for name in ("lane", "sender", "recipient", "older"):
        # A variable that was not set must not select the reports, whose sender is empty (S33).
        if getattr(arguments, name) == "":
            raise Usage(f"--{name}: it is empty")
    query = QueueQuery(
        ids=tuple(QueueID(text) for text in arguments.which if text != ALL) or None,
        state=arguments.state and QueueState(arguments.state),
        lane=arguments.lane and lane(arguments.lane),
        sender="" if arguments.sender == NOBODY else arguments.sender,
        recipient=arguments.recipient,
        arrived_before=arguments.older and _ago(arguments.older),
    )
    if ALL in arguments.which and query != QueueQuery():
        raise Usage(f"{ALL} and a condition: which of them?")
    return query


def _ago(text: str) -> datetime:
    try:
        return datetime.now(UTC) - duration(text)
    except Mistake as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise Usage(f"--older: {error}{hint}") from None


def explicit_query_of(arguments: Namespace) -> QueueQuery:
    """:raises Usage: nothing is said: a slip must not reach all (S33)."""
    query = query_of(arguments)
    if query == QueueQuery() and ALL not in arguments.which:
        raise Usage(f"which ones? ids, conditions, or {ALL}")
    return query


def lane(text: str) -> Lane:
    """``AGENT:NEXTHOP``, or ``AGENT`` alone, as lanes are shown."""
    agent, _, next_hop = text.partition(":")
    return Lane(agent, next_hop)


async def pages(
    arguments: Namespace, queue: IQueueInspection, query: QueueQuery, *, bar: Bar
) -> AsyncIterator[tuple[QueueEntry, ...]]:
    """What is selected, page by page."""
    total = len(query.ids) if query.ids else (await queue.statistics()).messages
    with bar(arguments, total, "messages") as shown:
        cursor = None
        while True:
            page = await queue.select(query, cursor)
            if page.entries:
                yield page.entries
            shown.update(len(page.entries))
            cursor = page.cursor
            if cursor is None:
                return


def on_queue(arguments: Namespace, work: Callable[[IQueueInspection], Awaitable[int]]) -> int:
    """Do something with the queue of a store.  :returns: the exit status."""

    async def on_open(stores: Stores, place: Place, reactor: Any) -> int:
        return await work(stores.queue)

    return on_store(arguments, on_open)
