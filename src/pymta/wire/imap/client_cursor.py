"""
One whole response of a server, read from left to right.

Literals stand in the octets where they were sent, behind their ``{n}`` and CRLF.  Each method
advances, or raises :exc:`~pymta.errors.RemoteProtocolError` with the position: what a server
says is not repaired.  Linear, and nested no deeper than the limits say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from pymta.errors import RemoteProtocolError
from pymta.mailbox import UIDSet
from pymta.wire.imap.calendar import read_date_time
from pymta.wire.imap.client_data import Ranges, Value

__all__ = ["ResponseCursor"]

T = TypeVar("T")

# RFC 9051 section 9: astring has "]" too; where a code or a section ends, it has not.
_ATOM: Final = re.compile(rb'[^\x00-\x20\x7f(){%*"\\\]]++')
_ASTRING: Final = re.compile(rb'[^\x00-\x20\x7f(){%*"\\]++')
_FLAG: Final = re.compile(rb'\\\*|\\?[^\x00-\x20\x7f(){%*"\\]++')
_PLAIN: Final = re.compile(rb'[^\x00-\x20\x7f(){"\\]++')
_QUOTED: Final = re.compile(rb'"([^"\\\r\n\x00]*+(?:\\["\\][^"\\\r\n\x00]*+)*+)"')
_LITERAL: Final = re.compile(rb"~?\{([0-9]{1,19})\}\r\n")
_NUMBER: Final = re.compile(rb"[0-9]{1,20}+(?![0-9])")
_NUMBERS: Final = re.compile(rb"(?: [0-9]{1,10}+(?![0-9]))*+")
_RANGE: Final = re.compile(rb"([0-9]{1,10})(?::([0-9]{1,10}))?")
_SET: Final = re.compile(rb"[0-9:,]++")
_ESCAPE: Final = re.compile(rb"\\(.)")
_NIL: Final = re.compile(rb'[Nn][Ii][Ll](?![^\x00-\x20\x7f(){%*"\\\]])')
_NUMBER_MOST: Final = 2**63 - 1
_UNSIGNED: Final = 2**32 - 1

_DATE_TIME: Final = re.compile(
    rb"[ 0-3]?[0-9]-[A-Za-z]{3}-[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} [-+][0-9]{4}"
)


class ResponseCursor:
    """
    A position in a response.

    :param octets: without the CRLF at the end.
    :param depth: how many parentheses may be open.
    :param name: turns a mailbox name as it is sent into a name.
    """

    __slots__ = ("_depth", "_name", "at", "octets")

    def __init__(self, octets: bytes, *, depth: int, name: Callable[[bytes], str]) -> None:
        self.octets = octets
        self.at = 0
        self._depth = depth
        self._name = name

    def wrong(self, text: str) -> RemoteProtocolError:
        """The error to raise here."""
        return RemoteProtocolError(f"{text} at octet {self.at}")

    @property
    def at_end(self) -> bool:
        """All is read."""
        return self.at == len(self.octets)

    def end(self) -> None:
        """See that all is read."""
        if not self.at_end:
            raise self.wrong("the response goes on")

    def peek(self) -> bytes:
        """The next octet; empty at the end."""
        return self.octets[self.at : self.at + 1]

    def accept(self, octets: bytes) -> bool:
        """Step over these octets if they come next."""
        if not self.octets.startswith(octets, self.at):
            return False
        self.at += len(octets)
        return True

    def expect(self, octets: bytes) -> None:
        """Step over these octets, which must come next."""
        if not self.accept(octets):
            raise self.wrong(f"{octets!r} is missing")

    def space(self) -> None:
        """Step over one space."""
        self.expect(b" ")

    def rest(self) -> bytes:
        """All that is left."""
        rest = self.octets[self.at :]
        self.at = len(self.octets)
        return rest

    def _take(self, pattern: re.Pattern[bytes], what: str) -> bytes:
        match = pattern.match(self.octets, self.at)
        if match is None:
            raise self.wrong(f"no {what}")
        self.at = match.end()
        return match[0]

    def atom(self) -> str:
        """An atom, as it is written."""
        return self._take(_ATOM, "atom").decode("latin-1")

    def word(self) -> str:
        """An atom, in upper case."""
        return self.atom().upper()

    def flag(self) -> str:
        """A flag, an attribute of a mailbox, or ``\\*``."""
        return self._take(_FLAG, "flag").decode("latin-1")

    def flags(self) -> frozenset[str]:
        """Flags in parentheses."""
        return frozenset(self.listed_or_none(self.flag))

    def number(self) -> int:
        """A number of up to 63 bits (:rfc:`9051#section-9`, number64)."""
        number = int(self._take(_NUMBER, "number"))
        if number > _NUMBER_MOST:
            raise self.wrong("a number too large")
        return number

    def number32(self) -> int:
        """A number of up to 32 bits."""
        number = self.number()
        if number > _UNSIGNED:
            raise self.wrong("a number too large")
        return number

    def nz_number(self) -> int:
        """The same, and not 0."""
        number = self.number32()
        if not number:
            raise self.wrong("a number that is 0")
        return number

    def numbers(self) -> tuple[int, ...]:
        """Numbers of messages with a space before each; there may be none."""
        numbers = tuple(map(int, self._take(_NUMBERS, "numbers").split()))
        if numbers and not 0 < min(numbers) <= max(numbers) <= _UNSIGNED:
            raise self.wrong("no number of a message")
        return numbers

    def ranges(self) -> Ranges:
        """A set of numbers, as it was written."""
        ranges = []
        for piece in self._take(_SET, "set of numbers").split(b","):
            match = _RANGE.fullmatch(piece)
            if match is None:
                raise self.wrong("no set of numbers")
            first, last = match[1], match[2]
            pair = (int(first), int(last or first))
            if not (1 <= pair[0] <= _UNSIGNED and 1 <= pair[1] <= _UNSIGNED):
                raise self.wrong("no number of a message")
            ranges.append(pair)
        return tuple(ranges)

    def uid_set(self) -> UIDSet:
        """A set of numbers, sorted."""
        return UIDSet.of_ranges((min(pair), max(pair)) for pair in self.ranges())

    def string(self) -> bytes:
        """A quoted string or a literal."""
        match = _QUOTED.match(self.octets, self.at)
        if match is not None:
            self.at = match.end()
            return _ESCAPE.sub(rb"\1", match[1]) if b"\\" in match[1] else match[1]
        match = _LITERAL.match(self.octets, self.at)
        if match is None:
            raise self.wrong("no string")
        start, stop = match.end(), match.end() + int(match[1])
        if stop > len(self.octets):
            raise self.wrong("a literal that is cut off")
        self.at = stop
        return self.octets[start:stop]

    def nil(self) -> bool:
        """Step over NIL if it comes next."""
        match = _NIL.match(self.octets, self.at)
        if match is None:
            return False
        self.at = match.end()
        return True

    def nstring(self) -> bytes | None:
        """A string, or None for NIL."""
        return None if self.nil() else self.string()

    def astring(self) -> bytes:
        """An atom or a string."""
        if self.octets.startswith((b'"', b"{", b"~{"), self.at):
            return self.string()
        return self._take(_ASTRING, "astring")

    def mailbox(self) -> str:
        """The name of a mailbox."""
        return self._name(self.astring())

    def separator(self) -> str | None:
        """The separator of a mailbox's levels, or None for NIL."""
        octets = self.nstring()
        if octets is None:
            return None
        if len(octets) != 1:
            raise self.wrong("a separator is one character")
        return octets.decode("latin-1")

    def date_time(self) -> datetime:
        """A date-time in quotes."""
        octets = self.string()
        if _DATE_TIME.fullmatch(octets) is None:
            raise self.wrong("no date and time")
        try:
            return read_date_time(octets)
        except ValueError:
            raise self.wrong("no date and time") from None

    def listed(self, parse: Callable[[], T]) -> tuple[T, ...]:
        """Values in parentheses with spaces between them, at least one."""
        found = self.listed_or_none(parse)
        if not found:
            raise self.wrong("an empty list")
        return found

    def listed_or_none(self, parse: Callable[[], T]) -> tuple[T, ...]:
        """The same, or ``()``."""
        self.open()
        found = []
        if self.peek() != b")":
            found.append(parse())
            while self.accept(b" "):
                found.append(parse())
        self.close()
        return tuple(found)

    def open(self) -> None:
        """Step over ``(``; :meth:`close` follows."""
        self.expect(b"(")
        if not self._depth:
            raise self.wrong("nested too deep")
        self._depth -= 1

    def close(self) -> None:
        """Step over ``)``."""
        self.expect(b")")
        self._depth += 1

    def value(self) -> Value:
        """Anything: a list of anything, a string, NIL, a number, an atom."""
        head = self.peek()
        if head == b"(":
            return self.listed_or_none(self.value)
        if head == b'"' or _LITERAL.match(self.octets, self.at):
            return self.string()
        if self.nil():
            return None
        octets = self._take(_PLAIN if head != b"\\" else _FLAG, "value")
        return int(octets) if octets.isdigit() and len(octets) < 20 else octets
