"""
``pymta queue list``, ``show`` and ``why``: looking at what waits, while the server runs.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from pymta.cli.errors import DONE, NOT_DONE
from pymta.cli.output import Listing, complain, say, say_json
from pymta.cli.progress import bar_beside_lines, bar_beside_octets
from pymta.cli.queue_entries import as_json, detailed, in_line, reasons
from pymta.cli.queue_selection import on_queue, pages, query_of
from pymta.interfaces.content import SLICE, IContent, Lane, QueueID
from pymta.interfaces.queue import IQueueInspection, QueueEntry, QueueQuery, SuspendedLane

__all__ = ["list_entries", "show", "why"]


def list_entries(arguments: Namespace) -> int:
    """One line a message."""

    async def work(queue: IQueueInspection) -> int:
        now = datetime.now(UTC)
        suspended = await _suspended(queue)
        with Listing(as_json=arguments.json) as listing:
            async for entry in _selected(arguments, queue):
                listing.add(in_line(entry, now), as_json(entry, now, suspended))
        return DONE

    return on_queue(arguments, work)


def show(arguments: Namespace) -> int:
    """All that is known of one message, or its content, octet for octet."""

    async def work(queue: IQueueInspection) -> int:
        page = await queue.select(QueueQuery(ids=(QueueID(arguments.id),)))
        if not page.entries:
            complain(f"there is no message {arguments.id}")
            return NOT_DONE
        (entry,) = page.entries
        if arguments.content:
            await _write(arguments, entry.content)
            return DONE
        suspended = await _suspended(queue)
        now = datetime.now(UTC)
        if arguments.json:
            say_json(as_json(entry, now, suspended))
        else:
            say(detailed(entry, now, suspended))
        return DONE

    return on_queue(arguments, work)


def why(arguments: Namespace) -> int:
    """Why each recipient is not being delivered now."""

    async def work(queue: IQueueInspection) -> int:
        now = datetime.now(UTC)
        suspended = await _suspended(queue)
        with Listing(as_json=arguments.json) as listing:
            async for entry in _selected(arguments, queue):
                for recipient, reason in reasons(entry, now, suspended):
                    value = {"id": entry.id, "recipient": recipient, "why": reason}
                    listing.add(f"{entry.id} {recipient}: {reason}", value)
        return DONE

    return on_queue(arguments, work)


async def _selected(arguments: Namespace, queue: IQueueInspection) -> AsyncIterator[QueueEntry]:
    query = query_of(arguments)
    async for page in pages(arguments, queue, query, bar=bar_beside_lines):
        for entry in page:
            yield entry


async def _suspended(queue: IQueueInspection) -> dict[Lane, SuspendedLane]:
    return {each.lane: each for each in (await queue.statistics()).suspended}


async def _write(arguments: Namespace, content: IContent) -> None:
    out = sys.stdout.buffer
    with bar_beside_octets(arguments, content.size) as shown:
        for at in range(0, content.size, SLICE):
            shown.update(out.write(await content.read(at, at + SLICE)))
    out.flush()
