"""
The header of a message: its fields as octets, read as they pass and built so that no value
injects a line (:rfc:`5322#section-2.2`).

A header ends at the first empty line and nowhere else, so that we see the same header as
whoever signed it.  A line that is no field is kept as a field without a name; only limits
raise.  Lines end with LF, with or without a CR before it: stored content may be older than
our strictness.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pymta.errors import HeaderError

__all__ = [
    "MAX_FIELDS",
    "MAX_OCTETS",
    "Field",
    "Header",
    "HeaderReader",
    "HeaderValue",
    "build_field",
    "parse_header",
]

MAX_OCTETS = 1024 * 1024
"""The longest header, with its empty line: ten times what mailing lists and filters pile up."""

MAX_FIELDS = 1000
"""The most fields of one header: 100 hops (:rfc:`5321#section-6.3`) with ten fields each."""

# RFC 5322 section 2.1.1: a line should have 78 characters and must not have more than 998.
_SOFT = 78
_HARD = 998

_NEXT_FIELD = re.compile(rb"\n(?=[^ \t])")
_LAST_LINE = re.compile(rb"\n(\r?\n)")
# RFC 5322 section 3.6.8, and section 4.5 for the white space before the colon.
_NAME = re.compile(rb"([!-9;-~]++)[ \t]*+:")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_FORBIDDEN = re.compile(rb"[\r\n\0]")
_WORD = re.compile(rb"[ \t]*[^ \t]+(?:[ \t]+\Z)?|[ \t]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """
    One field, where it stands and what it says.

    :param name: as written, without the white space before the colon; empty for lines that
        are no field.
    :param value: everything behind the colon (without a name: the whole line), folds
        included, up to the last line end.
    :param offset: octets from the start of the header.
    :param length: octets, with the last line end.
    """

    name: bytes
    value: bytes
    offset: int
    length: int

    @property
    def stop(self) -> int:
        """The offset behind it."""
        return self.offset + self.length

    @property
    def unfolded(self) -> bytes:
        """The value on one line, without the white space around it."""
        value = self.value
        if b"\n" in value:
            value = _FOLD.sub(b"", value)
        return value.strip(b" \t\r\n")


@dataclass(frozen=True, slots=True)
class Header:
    """
    A whole header.

    :param octets: as they came, the empty line included if there is one.
    """

    octets: bytes
    fields: tuple[Field, ...]

    @property
    def size(self) -> int:
        """Octets, with the empty line: the offset of the body."""
        return len(self.octets)

    @property
    def fields_stop(self) -> int:
        """The offset behind the last field: of the empty line, if there is one."""
        return self.fields[-1].stop if self.fields else 0

    def all(self, name: bytes) -> tuple[Field, ...]:
        """The fields of that name, in any case, from the top."""
        wanted = name.lower()
        return tuple(field for field in self.fields if field.name.lower() == wanted)

    def first(self, name: bytes) -> Field | None:
        """The topmost field of that name, or None."""
        wanted = name.lower()
        return next((field for field in self.fields if field.name.lower() == wanted), None)

    def count(self, name: bytes) -> int:
        """How many fields have that name."""
        return len(self.all(name))

    def __contains__(self, name: bytes) -> bool:
        return self.first(name) is not None


def parse_header(octets: bytes) -> Header:
    """
    Parse a header that is there as a whole; never raises.

    :param octets: ending with the empty line, or without it where the content ends too; what
        stands behind the empty line is cut off.  Limits were its reader's affair.
    """
    if octets.startswith((b"\n", b"\r\n")):
        return Header(octets[: 1 if octets[:1] == b"\n" else 2], ())
    found = _LAST_LINE.search(octets)
    fields_stop, stop = (len(octets), len(octets)) if found is None else found.span(1)
    starts = [0, *(found.end() for found in _NEXT_FIELD.finditer(octets, 0, fields_stop))]
    return _header(octets[:stop], starts, fields_stop)


class HeaderReader:
    """
    Find the header at the start of content that streams past.

    ``feed`` every slice until :attr:`octets` are there; at the end of the content, ``finish``.

    :ivar octets: of the header, once it is there as a whole.
    """

    def __init__(self, *, max_octets: int = MAX_OCTETS, max_fields: int = MAX_FIELDS) -> None:
        self._max_octets = max_octets
        self._max_fields = max_fields
        self._buffer = bytearray()
        self._starts = [0]
        self._searched = 0
        self._fields_stop = 0
        self._header: Header | None = None
        self.octets: bytes | None = None

    @property
    def header(self) -> Header | None:
        """The header, once it is there; parsed when it is asked for."""
        if self._header is None and self.octets is not None:
            self._header = _header(self.octets, self._starts, self._fields_stop)
        return self._header

    def feed(self, data: bytes) -> int:
        """
        Take the next slice.

        :returns: how many octets of it belong to the header; the rest is the body's.
        :raises HeaderError: for a header over a limit; the reader is of no use then.
        """
        if self.octets is not None:
            return 0
        before = len(self._buffer)
        # One octet more than the limit shows that it is passed.
        self._buffer += data[: self._max_octets + 2 - before]
        self._search()
        if self.octets is not None:
            return len(self.octets) - before
        if len(self._buffer) > self._max_octets:
            raise HeaderError(f"header longer than {self._max_octets} octets", self._max_octets)
        return len(data)

    def finish(self) -> Header:
        """
        The content has ended: what came is the header.

        :raises HeaderError: for a header over a limit.
        """
        if self.octets is None:
            if self._buffer.endswith(b"\n\r"):
                # What _search put off stands for itself, when nothing follows.
                self._add(len(self._buffer) - 1)
            self._end(len(self._buffer), len(self._buffer))
        header = self.header
        assert header is not None
        return header

    def _search(self) -> None:
        octets = self._buffer
        if self._searched == 0:
            # An empty header: its empty line has no line before it.
            if octets[:1] == b"\n" or octets[:2] == b"\r\n":
                self._end(0, 1 if octets[:1] == b"\n" else 2)
                return
            if not octets or octets == b"\r":
                return
        for found in _NEXT_FIELD.finditer(octets, self._searched):
            start = found.end()
            first = octets[start]
            if first == 0x0D and start + 1 == len(octets):
                # Either the empty line or a field that starts with CR: the next slice tells.
                self._searched = found.start()
                return
            if first == 0x0A or (first == 0x0D and octets[start + 1] == 0x0A):
                self._end(start, start + (1 if first == 0x0A else 2))
                return
            self._add(start)
        # A line end at the very end has not been judged: its line has not begun.
        self._searched = max(len(octets) - 1, 1)

    def _add(self, start: int) -> None:
        if len(self._starts) >= self._max_fields:
            raise HeaderError(f"more than {self._max_fields} header fields", start)
        self._starts.append(start)

    def _end(self, fields_stop: int, stop: int) -> None:
        if stop > self._max_octets:
            raise HeaderError(f"header longer than {self._max_octets} octets", self._max_octets)
        self.octets = bytes(self._buffer[:stop])
        self._fields_stop = fields_stop
        self._buffer = bytearray()


def _header(octets: bytes, starts: list[int], fields_stop: int) -> Header:
    if not fields_stop:
        return Header(octets, ())
    pairs = zip(starts, [*starts[1:], fields_stop], strict=True)
    return Header(octets, tuple(_parse_field(octets, start, stop) for start, stop in pairs))


def _parse_field(octets: bytes, start: int, stop: int) -> Field:
    name, value_start = b"", start
    found = _NAME.match(octets, start, stop)
    if found is not None:
        name, value_start = found[1], found.end()
    value_stop = stop
    if octets.endswith(b"\n", start, stop):
        value_stop -= 2 if octets.endswith(b"\r\n", value_start, stop) else 1
    return Field(name=name, value=octets[value_start:value_stop], offset=start, length=stop - start)


# -- building ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeaderValue:
    """
    What a field of ours says, on one line: it cannot hold CR, LF or NUL.

    :raises HeaderError: with the position of the octet that it cannot hold.
    """

    octets: bytes

    def __post_init__(self) -> None:
        found = _FORBIDDEN.search(self.octets)
        if found is not None:
            raise HeaderError("CR, LF or NUL in a header field", found.start())

    @classmethod
    def of(cls, text: str) -> HeaderValue:
        """
        The text in UTF-8, which is ASCII if the text is (:rfc:`6532#section-3.1`).

        :raises HeaderError: as the class does, and for surrogates.
        """
        try:
            return cls(text.encode())
        except UnicodeEncodeError as error:
            raise HeaderError("no character", error.start) from None


def build_field(name: str, value: HeaderValue | Sequence[HeaderValue]) -> bytes:
    """
    Write one field, CRLF included.

    :param value: one value is folded at its white space to lines of 78 octets where that can
        be; of several, each gets a line of its own as it is.  Reading the field back and
        unfolding it gives the value without the white space around it (of several: a tab between).
    :raises HeaderError: for a name that is none, or a line that stays longer than 998.
    """
    octets = name.encode()
    if not _NAME.fullmatch(octets + b":") or octets != octets.strip():
        raise HeaderError(f"no field name: {name!r}")
    if isinstance(value, HeaderValue):
        lines = _fold(octets + b": ", value.octets)
    else:
        joined = b"\r\n\t".join(part.octets for part in value)
        lines = (octets + b": " + joined).split(b"\r\n")
    if any(len(line) > _HARD for line in lines):
        raise HeaderError(f"line longer than {_HARD} octets in {name}")
    return b"\r\n".join(lines) + b"\r\n"


def _fold(line: bytes, value: bytes) -> list[bytes]:
    # A break goes only before white space that a word follows, so that no line is made of
    # white space alone (RFC 5322 section 3.2.2).
    lines = []
    first = True
    for word in _WORD.findall(value):
        if len(line) + len(word) > _SOFT and not first and word[:1] in b" \t":
            lines.append(line)
            line = b""
        line += word
        first = False
    return [*lines, line]
