"""
How queued messages look: in a line, in full, and as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pymta.interfaces.content import Lane
from pymta.interfaces.queue import QueuedRecipient, QueueEntry, SuspendedLane
from pymta.queue.why import why_not

__all__ = ["as_json", "detailed", "in_line", "reasons"]

Suspended = Mapping[Lane, SuspendedLane]

_SHOWN = 3


def in_line(entry: QueueEntry, now: datetime) -> str:
    """Id, age, size, sender, and the first recipients with their states."""
    some = ", ".join(f"{each.recipient} ({each.state.value})" for each in entry.recipients[:_SHOWN])
    more = len(entry.recipients) - _SHOWN
    rest = f", and {more} more" if more > 0 else ""
    age = _age(now - entry.arrived)
    return f"{entry.id} {age:>4} {entry.content.size:>9} <{entry.sender}> {some}{rest}"


def detailed(entry: QueueEntry, now: datetime, suspended: Suspended) -> str:
    """All of it, a line a fact."""
    session = entry.origin.session
    lines = [
        f"id:       {entry.id}",
        f"arrived:  {entry.arrived.isoformat(timespec='seconds')} ({_age(now - entry.arrived)})",
        f"from:     {session.peer} by {session.protocol}"
        + (f", as {session.identity}" if session.identity else ""),
        f"sender:   <{entry.sender}>",
        f"size:     {entry.content.size}",
    ]
    for each in entry.recipients:
        lines.append(f"<{each.recipient}>: {each.state.value}, {each.attempts} attempts")
        lines.append(f"    by {each.lane}")
        lines.append(f"    {why_not(each, now, suspended)}")
        if each.reply is not None:
            lines.append(f"    last answer: {each.reply}")
    return "\n".join(lines)


def reasons(entry: QueueEntry, now: datetime, suspended: Suspended) -> Iterator[tuple[str, str]]:
    """Each recipient, and why not now."""
    for each in entry.recipients:
        yield str(each.recipient), str(why_not(each, now, suspended))


def as_json(entry: QueueEntry, now: datetime, suspended: Suspended) -> dict[str, Any]:
    """The same for programs; times are ISO 8601."""
    return {
        "id": entry.id,
        "sender": str(entry.sender),
        "size": entry.content.size,
        "arrived": entry.arrived.isoformat(),
        "bounceable": entry.bounceable,
        "priority": entry.priority,
        "client": str(entry.origin.session.peer),
        "identity": entry.origin.session.identity,
        "recipients": [_recipient(each, now, suspended) for each in entry.recipients],
    }


def _recipient(each: QueuedRecipient, now: datetime, suspended: Suspended) -> dict[str, Any]:
    return {
        "id": each.recipient.id,
        "address": str(each.recipient),
        "agent": each.lane.agent,
        "next_hop": each.lane.next_hop,
        "state": each.state.value,
        "due": each.due.isoformat(),
        "attempts": each.attempts,
        "reply": None if each.reply is None else str(each.reply),
        "reason": each.reason,
        "why": str(why_not(each, now, suspended)),
    }


def _age(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
