"""
Clients that keep books: what they sent, octet for octet, and which answers they really saw.

Every attempt has an id of its own, in a field and all through the body, and is never made again:
so what is in a mailbox twice is a duplicate of the server's making, and nothing else can be.
A positive answer is written down when its line has been read, not before.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["BOXES", "SENDER", "SIZES", "Books", "Clients", "Draw", "Sent", "message", "trace_of"]

DOMAIN = "example.test"
BOXES = 8
SENDER = "load@client.example"

SIZES = (300, 1_500, 6_000, 40_000, 65_400, 65_536, 65_537, 66_000, 120_000)
"""Octets: on both sides of 64 KiB, up to which content is in a row, and beyond it in a file."""
_WEIGHTS = (20, 20, 12, 3, 2, 2, 2, 2, 1)

_TRACE = re.compile(
    rb"(?:(?:Return-Path|Delivered-To|Received):[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)+"
)


def message(name: str, size: int) -> bytes:
    """A message of about that many octets, some of whose lines begin with dots."""
    header = f"Subject: load\r\nX-Id: {name}\r\n\r\n".encode()
    seed = hashlib.sha256(name.encode()).hexdigest()
    lines = []
    left = size - len(header)
    number = 0
    while left > 0:
        dot = "." * (number % 5 == 0)
        line = f"{dot}{name} {number} {seed}"[: max(1, min(76, left - 2))]
        lines.append(line)
        left -= len(line) + 2
        number += 1
    return header + "".join(line + "\r\n" for line in lines).encode()


def trace_of(octets: bytes) -> bytes:
    """The trace fields in front of a message; empty without."""
    found = _TRACE.match(octets)
    return b"" if found is None else found[0]


@dataclass(frozen=True, slots=True)
class Sent:
    """
    One attempt.

    :param boxes: its recipients: local parts of ours, addresses of others.
    """

    boxes: tuple[str, ...]
    size: int
    by: str
    sender: str = SENDER


@dataclass(slots=True)
class Books:
    """
    What is known at the clients' end.

    :param sent: by id, each attempt whose last octet may have left.
    :param acknowledged: id and local part, for each positive answer that was read.
    :param refused: the same, for negative ones.
    :param answers: how often each final answer was read, by its first nine characters.
    """

    sent: dict[str, Sent] = field(default_factory=dict)
    acknowledged: set[tuple[str, str]] = field(default_factory=set)
    refused: set[tuple[str, str]] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)

    def answered(self, name: str, boxes: Sequence[str], answer: bytes) -> None:
        """A final answer was read."""
        self.answers[answer[:9].decode(errors="replace")] += 1
        book = self.acknowledged if answer[:1] == b"2" else self.refused
        book.update((name, box) for box in boxes)


Draw: TypeAlias = Callable[[random.Random, str, str], tuple[str, tuple[str, ...]]]
"""Sender and recipients, by chance, for a listener and an id."""


def _to_boxes(chance: random.Random, listener: str, name: str) -> tuple[str, tuple[str, ...]]:
    count = 2 if chance.random() < 0.2 else 1
    return SENDER, tuple(chance.sample([f"box{i}" for i in range(BOXES)], count))


@dataclass(frozen=True, slots=True)
class _Job:
    name: str
    size: int
    sender: str
    boxes: tuple[str, ...]


class Clients:
    """
    Twenty connections, or as many as are wanted, that send until they are stopped.

    :param listeners: names of ports; connections are dealt out among them.
    :param sizes: of messages, with their weights.
    :param pause: seconds at most, by chance, that each connection waits for before a message.
    :param draw: who writes to whom; by default somebody to one or two boxes.
    """

    def __init__(
        self,
        books: Books,
        *,
        seed: int = 1,
        listeners: Sequence[str] = ("smtp", "smtp", "lmtp"),
        connections: int = 20,
        sizes: Sequence[int] = SIZES,
        weights: Sequence[int] = _WEIGHTS,
        most: int | None = None,
        draw: Draw = _to_boxes,
        pause: float = 0.0,
    ) -> None:
        self.books = books
        self._random = random.Random(seed)
        self._listeners = [listeners[i % len(listeners)] for i in range(connections)]
        self._sizes = sizes
        self._weights = weights
        self._left = most
        self._draw = draw
        self._pause = pause
        self._seed = seed
        self._number = 0
        self._ports: dict[str, int] = {}
        self._open = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Start them; they wait for :meth:`serve`."""
        self._tasks = [asyncio.create_task(self._client(listener)) for listener in self._listeners]

    def serve(self, ports: dict[str, int]) -> None:
        """The server is here now."""
        self._ports = ports
        self._open.set()

    def gone(self) -> None:
        """It is gone: connections are not made until the next :meth:`serve`."""
        self._open.clear()

    async def end(self) -> None:
        """Stop them where they are."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def finish(self) -> None:
        """Wait until each has sent its share (``most``)."""
        await asyncio.gather(*self._tasks)

    def _next(self, listener: str) -> _Job | None:
        if self._left is not None:
            if self._left <= 0:
                return None
            self._left -= 1
        self._number += 1
        [size] = self._random.choices(self._sizes, self._weights)
        name = f"m{self._seed}-{self._number}"
        return _Job(name, size, *self._draw(self._random, listener, name))

    async def _client(self, listener: str) -> None:
        while self._left is None or self._left > 0:
            await self._open.wait()
            try:
                await self._session(listener, self._ports[listener])
            except (OSError, EOFError):
                await asyncio.sleep(0.02)

    async def _session(self, listener: str, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        lines = _Lines(reader)
        try:
            await lines.reply()
            hello = b"EHLO" if listener == "smtp" else b"LHLO"
            writer.write(hello + b" client.example\r\n")
            await lines.reply()
            while (job := self._next(listener)) is not None:
                if self._pause:
                    await asyncio.sleep(self._random.random() * self._pause)
                await self._send(listener, job, lines, writer)
            writer.write(b"QUIT\r\n")
            await lines.reply()
        finally:
            writer.close()

    async def _send(
        self,
        listener: str,
        job: _Job,
        lines: _Lines,
        writer: asyncio.StreamWriter,
    ) -> None:
        name, boxes = job.name, job.boxes
        octets = message(name, job.size)
        commands = [f"MAIL FROM:<{job.sender}>\r\n".encode()]
        commands += [f"RCPT TO:<{_address(box)}>\r\n".encode() for box in boxes]
        by_chunks = self._random.random() < 0.3
        if not by_chunks:
            commands.append(b"DATA\r\n")
        writer.write(b"".join(commands))
        replies = [await lines.reply() for _ in commands]
        if any(reply[:1] not in b"23" for reply in replies):
            await self._refused(replies, lines, writer)
            return
        self.books.sent[name] = Sent(boxes, job.size, listener, job.sender)
        if by_chunks:
            await self._chunks(octets, lines, writer)
        else:
            await self._data(octets, writer)
        each = [(box,) for box in boxes] if listener != "smtp" else [boxes]
        for answered in each:
            self.books.answered(name, answered, await lines.reply())

    async def _refused(
        self,
        replies: Sequence[bytes],
        lines: _Lines,
        writer: asyncio.StreamWriter,
    ) -> None:
        bad = next(reply for reply in replies if reply[:1] not in b"23")
        self.books.answers[bad[:9].decode(errors="replace")] += 1
        if replies[-1][:1] == b"3":
            raise EOFError  # content is wanted for some of them: begin anew
        writer.write(b"RSET\r\n")
        await lines.reply()
        await asyncio.sleep(0.05)

    async def _data(self, octets: bytes, writer: asyncio.StreamWriter) -> None:
        stuffed = octets.replace(b"\r\n.", b"\r\n..") + b".\r\n"
        # Cut somewhere, so that a kill can fall in between.
        cut = self._random.randrange(len(stuffed))
        writer.write(stuffed[:cut])
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(stuffed[cut:])
        await writer.drain()

    async def _chunks(self, octets: bytes, lines: _Lines, writer: asyncio.StreamWriter) -> None:
        cut = self._random.randrange(1, len(octets))
        writer.write(b"BDAT %d\r\n" % cut + octets[:cut])
        if (await lines.reply())[:1] != b"2":
            raise EOFError
        writer.write(b"BDAT %d LAST\r\n" % (len(octets) - cut) + octets[cut:])
        await writer.drain()


def _address(box: str) -> str:
    return box if "@" in box else f"{box}@{DOMAIN}"


class _Lines:
    """Replies."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def reply(self) -> bytes:
        """The last line of the next.  :raises EOFError: the server has gone."""
        while True:
            line = await self._reader.readuntil(b"\r\n")
            if line[3:4] != b"-":
                return line
