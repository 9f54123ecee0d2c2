"""
``pymta queue``: looking at what waits, and deciding about it, while the server runs.

What changes anything needs to be told what: ids, conditions, or ``ALL`` in capitals.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tqdm import tqdm

from pymta.cli.errors import DONE, NOT_DONE, Usage
from pymta.cli.output import Listing, complain, say, say_json
from pymta.cli.queue_entries import as_json, detailed, in_line, reasons
from pymta.cli.store import Place, on_store
from pymta.components.stores import Stores
from pymta.config.reading import duration
from pymta.interfaces.content import SLICE, IContent, Lane, QueueID
from pymta.interfaces.queue import (
    Hold,
    IQueueInspection,
    QueueAction,
    QueueEntry,
    QueueQuery,
    QueueState,
    Release,
    Remove,
    RetryNow,
    SuspendedLane,
)

__all__ = ["hold", "list_entries", "query_of", "release", "remove", "retry", "show", "why"]

ALL = "ALL"

Work = Callable[[IQueueInspection], Awaitable[int]]


def list_entries(arguments: Namespace) -> int:
    """One line a message."""

    async def work(queue: IQueueInspection) -> int:
        now = datetime.now(UTC)
        suspended = await _suspended(queue)
        with Listing(as_json=arguments.json) as listing:
            async for entry in _selected(queue, query_of(arguments)):
                listing.add(in_line(entry, now), as_json(entry, now, suspended))
        return DONE

    return _on_queue(arguments, work)


def show(arguments: Namespace) -> int:
    """All that is known of one message, or its content, octet for octet."""

    async def work(queue: IQueueInspection) -> int:
        query = QueueQuery(ids=(QueueID(arguments.id),))
        async for entry in _selected(queue, query):
            if arguments.content:
                await _write(entry.content)
                return DONE
            suspended = await _suspended(queue)
            now = datetime.now(UTC)
            if arguments.json:
                say_json(as_json(entry, now, suspended))
            else:
                say(detailed(entry, now, suspended))
            return DONE
        complain(f"there is no message {arguments.id}")
        return NOT_DONE

    return _on_queue(arguments, work)


def why(arguments: Namespace) -> int:
    """Why each recipient is not being delivered now."""

    async def work(queue: IQueueInspection) -> int:
        now = datetime.now(UTC)
        suspended = await _suspended(queue)
        with Listing(as_json=arguments.json) as listing:
            async for entry in _selected(queue, query_of(arguments)):
                for recipient, reason in reasons(entry, now, suspended):
                    value = {"id": entry.id, "recipient": recipient, "why": reason}
                    listing.add(f"{entry.id} {recipient}: {reason}", value)
        return DONE

    return _on_queue(arguments, work)


def hold(arguments: Namespace) -> int:
    """Let nobody deliver these."""
    return _change(arguments, Hold(arguments.reason))


def release(arguments: Namespace) -> int:
    """Held ones are due at once."""
    return _change(arguments, Release())


def retry(arguments: Namespace) -> int:
    """Due ones are due at once, and their lanes open."""
    return _change(arguments, RetryNow())


def remove(arguments: Namespace) -> int:
    """These are gone, and nobody is told."""
    return _change(arguments, Remove())


# -- which -----------------------------------------------------------------------


def query_of(arguments: Namespace) -> QueueQuery:
    """
    What the arguments select.

    :raises Usage: ``ALL``, and something else.
    """
    query = QueueQuery(
        ids=tuple(QueueID(text) for text in arguments.which if text != ALL) or None,
        state=arguments.state and QueueState(arguments.state),
        lane=arguments.lane and Lane(*arguments.lane.partition(":")[::2]),
        sender=arguments.sender,
        recipient=arguments.recipient,
        arrived_before=arguments.older and datetime.now(UTC) - duration(arguments.older),
    )
    if ALL in arguments.which and query != QueueQuery():
        raise Usage(f"{ALL} and a condition: which of them?")
    return query


def _explicit_query(arguments: Namespace) -> QueueQuery:
    """:raises Usage: nothing is said: a slip must not reach all."""
    query = query_of(arguments)
    if query == QueueQuery() and ALL not in arguments.which:
        raise Usage(f"which ones? ids, conditions, or {ALL}")
    return query


# -- work ------------------------------------------------------------------------


def _change(arguments: Namespace, action: QueueAction) -> int:
    query = _explicit_query(arguments)

    async def work(queue: IQueueInspection) -> int:
        changed = 0
        # Message by message, so that a long way can be followed, and left.
        async for page in _pages(queue, query):
            ids = tuple(entry.id for entry in page)
            changed += await queue.change(replace(query, ids=ids), action)
        if arguments.json:
            say_json({"recipients": changed})
        else:
            say(f"{changed} recipients")
        return DONE if changed else NOT_DONE

    return _on_queue(arguments, work)


async def _selected(queue: IQueueInspection, query: QueueQuery) -> AsyncIterator[QueueEntry]:
    async for page in _pages(queue, query):
        for entry in page:
            yield entry


async def _pages(
    queue: IQueueInspection, query: QueueQuery
) -> AsyncIterator[tuple[QueueEntry, ...]]:
    total = len(query.ids) if query.ids else (await queue.statistics()).messages
    with tqdm(total=total, unit=" messages", file=sys.stderr, disable=None, leave=False) as bar:
        cursor = None
        while True:
            page = await queue.select(query, cursor)
            if page.entries:
                yield page.entries
            bar.update(len(page.entries))
            cursor = page.cursor
            if cursor is None:
                return


async def _suspended(queue: IQueueInspection) -> dict[Lane, SuspendedLane]:
    return {each.lane: each for each in (await queue.statistics()).suspended}


async def _write(content: IContent) -> None:
    out = sys.stdout.buffer
    with tqdm(
        total=content.size, unit="B", unit_scale=True, file=sys.stderr, disable=None, leave=False
    ) as bar:
        for at in range(0, content.size, SLICE):
            bar.update(out.write(await content.read(at, at + SLICE)))
    out.flush()


def _on_queue(arguments: Namespace, work: Work) -> int:
    async def on_open(stores: Stores, place: Place, reactor: Any) -> int:
        return await work(stores.queue)

    return on_store(arguments, on_open)
