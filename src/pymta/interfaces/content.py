"""
Content: the octets of a message, as a handle that is written once and never changed.

No message is re-serialised, ever: a change is a splice, and every octet that no splice names
passes through untouched.  :class:`Prefixed` and :class:`Joined` are such splices.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from zope.interface import Attribute, Interface, implementer

from pymta.envelope import Envelope, RecipientID, Sender
from pymta.session import Session

__all__ = [
    "SLICE",
    "UNROUTED",
    "Cut",
    "IContent",
    "IContentWriter",
    "Joined",
    "Lane",
    "NewMail",
    "Octets",
    "Origin",
    "QueueID",
    "octets_of",
    "prefixed",
]

SLICE = 64 * 1024
"""The most octets that one read gives, and that one write should be given."""

QueueID = NewType("QueueID", str)
"""Names a mail in the queue: letters and digits, made by whoever submits, never used again."""


class IContent(Interface):
    """The octets of one message.  Immutable; readable by several readers at once."""

    size: int = Attribute("How many octets there are.")

    def read(start: int, stop: int) -> Awaitable[bytes]:
        """
        The octets from ``start`` up to ``stop``, at most :data:`SLICE` of them.

        Exactly ``min(stop, size) - start``; nothing past the end.

        :raises pymta.errors.SpoolError: they cannot be read.
        :raises pymta.errors.MessageGone: they are no longer kept.
        """


class IContentWriter(Interface):
    """
    Content on its way in.  Order: ``write`` any number of times, one after the other, then
    ``finish`` or ``discard``, once.
    """

    def write(data: bytes) -> Awaitable[None]:
        """
        Add octets at the end.  Waiting for it *is* the back-pressure.

        :raises pymta.errors.SpoolError: no room, or an I/O error; ``discard`` follows.
        """

    def finish() -> Awaitable[IContent]:
        """
        The content, complete and readable.

        Not durable yet: the ``add`` or ``append`` that names it makes it so.  What no ``add``
        names is gone after a restart.

        :raises pymta.errors.SpoolError: as ``write``.
        """

    def discard() -> None:
        """
        Drop it all, also after ``finish``; what an ``add`` or ``append`` has named stays.

        Does not wait, does not raise; idempotent.
        """


@implementer(IContent)
class Octets:
    """Content that is in memory, whole."""

    __slots__ = ("octets", "size")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.size = len(octets)

    async def read(self, start: int, stop: int) -> bytes:
        return self.octets[start : min(stop, start + SLICE)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Octets) and self.octets == other.octets

    def __hash__(self) -> int:
        return hash(self.octets)

    def __repr__(self) -> str:
        return f"<Octets {self.size}>"


@implementer(IContent)
class Cut:
    """The octets of ``content`` from ``start`` up to ``stop``."""

    __slots__ = ("content", "size", "start")

    def __init__(self, content: IContent, start: int, stop: int) -> None:
        if not 0 <= start <= stop <= content.size:
            raise ValueError(f"no octets {start} to {stop} of {content.size}")
        self.content = content
        self.start = start
        self.size = stop - start

    async def read(self, start: int, stop: int) -> bytes:
        stop = min(stop, self.size, start + SLICE)
        return await self.content.read(self.start + start, self.start + stop)


@implementer(IContent)
class Joined:
    """Contents one behind the other."""

    __slots__ = ("parts", "size")

    def __init__(self, *parts: IContent) -> None:
        self.parts = parts
        self.size = sum(part.size for part in parts)

    async def read(self, start: int, stop: int) -> bytes:
        stop = min(stop, self.size, start + SLICE)
        read = []
        at = 0
        for part in self.parts:
            if start < at + part.size and at < stop:
                read.append(await part.read(max(start - at, 0), min(stop - at, part.size)))
            at += part.size
        return b"".join(read)


def prefixed(prefix: bytes, content: IContent) -> IContent:
    """``content`` with header fields in front; small content stays whole and in memory."""
    if not prefix:
        return content
    if isinstance(content, Octets) and content.size <= SLICE:
        return Octets(prefix + content.octets)
    return Joined(Octets(prefix), content)


async def octets_of(content: IContent) -> bytes:
    """All octets, in memory: for content that the caller knows to be small."""
    if isinstance(content, Octets):
        return content.octets
    slices = []
    for start in range(0, content.size, SLICE):
        slices.append(await content.read(start, start + SLICE))
    return b"".join(slices)


# -- mail on its way into the queue -------------------------------------------


@dataclass(frozen=True, slots=True)
class Lane:
    """
    Where a recipient's mail goes next: the queue's unit of order, limits and suspension.

    :param agent: the name of a delivery agent.
    :param next_hop: in that agent's own words: a domain, ``[host]:port``; empty where it
        needs none.
    """

    agent: str
    next_hop: str = ""

    def __str__(self) -> str:
        return f"{self.agent}:{self.next_hop}" if self.next_hop else self.agent


UNROUTED = Lane("")
"""The lane of recipients that nobody has routed yet: claimed like others, routed when due."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who brings a message: the connection, and what MAIL said before anything rewrote it."""

    session: Session
    sender: Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMail:
    """
    A message for the queue.

    :param id: made by the caller, so that a submission in doubt can be repeated: adding an id
        that is there already changes nothing.
    :param lanes: where each recipient goes, as routed now; one without is routed when it is due.
    :param arrived: aware; the start of its life.
    :param due: aware; None is at once.
    :param held: why it waits for a person; None is not held.
    :param bounceable: False where a failure must not be reported (it is held instead).
    :param priority: higher first among those that are due; 0 is ordinary.
    """

    id: QueueID
    envelope: Envelope
    content: IContent
    origin: Origin
    arrived: datetime
    lanes: Mapping[RecipientID, Lane]
    due: datetime | None = None
    held: str | None = None
    bounceable: bool = True
    priority: int = 0
