"""
Whole responses out of a stream: lines, with the literals that they announce.

A literal is announced by ``{n}`` at the end of a line (:rfc:`9051#section-4.3`), except in
what is for people to read: there it is text.  What has come of a literal is kept in slices and
joined once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from pymta.wire._lines import TOO_LONG, Lines, TooLong

__all__ = ["ClientLimits", "Responses"]

_LITERAL: Final = re.compile(rb"\{([0-9]{1,19})\}\r\n\Z")
_FOR_PEOPLE: Final = re.compile(rb"\+|[^ ]+ (?:OK|NO|BAD|BYE|PREAUTH)(?: |\r)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """
    What a server may make its client keep.  Lengths are octets.

    :param line: without literals.  SEARCH names two million messages in it.
    :param response: a whole one with its literals: larger than any message that is wanted.
    :param literals: in one response; BODY[HEADER.FIELDS] and its siblings are a few.
    :param depth: parentheses; a message nested deeper is told to no person.
    """

    line: int = 16 * 1024 * 1024
    response: int = 256 * 1024 * 1024
    literals: int = 10_000
    depth: int = 120

    def __post_init__(self) -> None:
        if min(self.line, self.response, self.literals, self.depth) < 1:
            raise ValueError("a limit below 1")


class Responses:
    """A buffer that is fed slices and gives responses."""

    def __init__(self, limits: ClientLimits) -> None:
        self._limits = limits
        self._lines = Lines()
        self._pieces: list[bytes] = []
        self._size = 0
        self._literals = 0
        self._missing = 0

    def __len__(self) -> int:
        return len(self._lines)

    def feed(self, data: bytes) -> None:
        """Add a slice at the end."""
        self._lines.feed(data)

    def clear(self) -> None:
        """Forget all that came."""
        self._lines.clear()
        self._forget()

    def take(self) -> bytes:
        """What came behind the last response, taken away: it is written otherwise."""
        return self._lines.take()

    def _forget(self) -> None:
        self._pieces.clear()
        self._size = self._literals = self._missing = 0

    def next(self) -> bytes | Literal[TooLong.TOO_LONG] | None:
        """
        Take the next response, with its literals and its CRLF.

        :returns: None while it has not all come; :data:`TOO_LONG` for one beyond the limits,
            behind which nothing can be read.
        """
        while True:
            if self._missing and not self._take_literal():
                return None
            line = self._lines.next_line(self._limits.line)
            if line is None or line is TOO_LONG:
                return line
            self._keep(line)
            announced = self._announced(line)
            if announced is None:
                whole = b"".join(self._pieces)
                self._forget()
                return whole
            self._literals += 1
            if self._size + announced > self._limits.response:
                return TOO_LONG
            if self._literals > self._limits.literals:
                return TOO_LONG
            self._missing = announced

    def _take_literal(self) -> bool:
        slice_ = self._lines.take(self._missing)
        self._missing -= len(slice_)
        self._keep(slice_)
        return not self._missing

    def _keep(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)

    def _announced(self, line: bytes) -> int | None:
        match = _LITERAL.search(line, max(0, len(line) - 24))
        if match is None or (len(self._pieces) == 1 and _FOR_PEOPLE.match(line)):
            return None
        return int(match[1])
