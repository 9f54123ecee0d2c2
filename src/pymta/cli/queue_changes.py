"""
``pymta queue hold``, ``release``, ``retry``, ``reroute``, ``bounce`` and ``remove``: deciding about
what waits, while the server runs.

Each needs to be told which: ids, conditions, or ``ALL`` in capitals (S33).
"""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

from pymta.cli.errors import DONE, NOT_DONE, Usage
from pymta.cli.output import counted, say, say_json
from pymta.cli.progress import bar
from pymta.cli.queue_selection import explicit_query_of, lane, on_queue, pages
from pymta.components.relay import AGENT, lane_of, next_hop
from pymta.errors import Mistake
from pymta.interfaces.content import UNROUTED, Lane
from pymta.interfaces.queue import (
    Bounce,
    Hold,
    IQueueInspection,
    QueueAction,
    Release,
    Remove,
    Reroute,
    RetryNow,
)
from pymta.reply import Reply

__all__ = ["bounce", "destination", "hold", "release", "remove", "reroute", "retry", "verdict"]

AUTO = "auto"
_SOCKET = "unix:/"


def hold(arguments: Namespace) -> int:
    """Let nobody deliver these."""
    return _change(arguments, Hold(arguments.reason))


def release(arguments: Namespace) -> int:
    """Held ones are due at once."""
    return _change(arguments, Release())


def retry(arguments: Namespace) -> int:
    """Due ones are due at once, and their lanes open."""
    return _change(arguments, RetryNow())


def reroute(arguments: Namespace) -> int:
    """These go another way, and stay on it."""
    return _change(arguments, Reroute(destination(arguments.to)))


def bounce(arguments: Namespace) -> int:
    """These fail, and their senders are told."""
    return _change(arguments, Bounce(verdict(arguments.reason)))


def remove(arguments: Namespace) -> int:
    """These are gone, and nobody is told."""
    return _change(arguments, Remove())


def destination(text: str) -> Lane:
    """
    A lane as it is shown; or a next hop as a configuration has it: ``HOST:PORT`` is that host
    itself, ``DOMAIN`` its MX hosts; or ``auto`` for what the routes say.

    A word without a dot and a port is the name of an agent; ``[word]`` is a host.

    :raises Usage: it is none of these.
    """
    if text == AUTO:
        return UNROUTED
    name, colon, rest = text.partition(":")
    if not text.startswith(("[", _SOCKET)) and not (rest.isdigit() if colon else "." in name):
        if not name or (colon and not rest):
            raise Usage(f"--to {text}: AGENT:NEXTHOP, HOST:PORT, DOMAIN or {AUTO} expected")
        if name != AGENT:
            return lane(text)
        text = rest
    try:
        return lane_of(next_hop(text))
    except Mistake as error:
        raise Usage(f"--to {text}: {error} ({error.hint})") from None


def verdict(reason: str) -> Reply:
    """
    What they fail with.

    :raises Usage: the reason cannot stand in a report.
    """
    try:
        # RFC 3463 section 3.1: nothing more is known than that somebody decided so.
        return Reply(554, "5.0.0", reason)
    except ValueError as error:
        raise Usage(f"--reason: {error}") from None


def _change(arguments: Namespace, action: QueueAction) -> int:
    query = explicit_query_of(arguments)

    async def work(queue: IQueueInspection) -> int:
        changed = 0
        # Page by page, so that a long way can be followed, and left.
        async for page in pages(arguments, queue, query, bar=bar):
            ids = tuple(entry.id for entry in page)
            changed += await queue.change(replace(query, ids=ids), action)
        if arguments.json:
            say_json({"recipients": changed})
        else:
            say(counted(changed, "recipient"))
        return DONE if changed else NOT_DONE

    return on_queue(arguments, work)
