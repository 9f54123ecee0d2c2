"""
Read the MIME structure of a message while it streams past (:rfc:`2046#section-5.1.1`).

Memory is bounded by one header and by the number of parts; a body is only searched for its
next possible boundary, so that time is linear in the size whatever is nested in what: a line
that starts with ``--`` is looked up once among all boundaries that are open, outer ones too
(:rfc:`2046#section-5.1.2`).

A boundary ends with its line or before white space, and what stands behind that is ignored.
That any prefix of the line suffices, as a note in that section has it, would take the
boundary ``x-1`` of an inner multipart for the ``x`` of the outer one, and such pairs are common.
"""

from __future__ import annotations

import re
from itertools import islice

from pymta.errors import EncodingError
from pymta.message import _tokens
from pymta.message.addresses import Tokens
from pymta.message.envelope import MAX_TOKENS, MessageEnvelope, message_envelope
from pymta.message.header import MAX_FIELDS, MAX_OCTETS, Field, Header, parse_header
from pymta.message.parameters import (
    MediaType,
    Parameters,
    parameter,
    parse_disposition,
    parse_media_type,
)
from pymta.message.structure import BROKEN, DEFAULT_MEDIA, Part, Structure
from pymta.message.transfer import IDENTITY, Transfer, transfer_of

__all__ = ["MAX_BOUNDARY", "MAX_DEPTH", "MAX_KEPT", "MAX_PARTS", "StructureReader"]

MAX_DEPTH = 50
"""Entities within each other; what is deeper is a leaf.  Real mail has six, forwards ten."""

MAX_PARTS = 2000
"""
Entities of one message; the last of them takes all that follows.  Digests have hundreds, and each
costs 30 us.
"""

MAX_BOUNDARY = 8000
"""In octets, where :rfc:`2046#section-5.1.1` allows 70: seen were some of 7,000."""

MAX_KEPT = 1024 * 1024
"""Octets of all strings that are kept; parts behind it keep their type and encoding only."""

# A boundary line, with the white space that a gateway put behind.
_LONGEST_LINE = 2 * MAX_BOUNDARY

_END_OF_HEADER = re.compile(rb"\n(?=\n|\r\n)")
_END_OR_DASHES = re.compile(rb"\n(?=\n|\r\n|--)")
_FIELD = re.compile(rb"\n(?=[^ \t])")
_TOKEN = re.compile(rb"[!#-'*+\-.0-9A-Z^-~]+")
_MOST_TAGS = 32
# Of a content field that is looked at: a boundary, and as much again.
_LONGEST_VALUE = 10_000
# Of a header that costs as much as a part.
_OCTETS_OF_A_PART = 64

_MESSAGE = MediaType("message", "rfc822")
_OCTETS = MediaType("application", "octet-stream")
_TEXT = MediaType("text", "plain")
# RFC 2046 section 5.2.1 forbids them for message/rfc822: what is encoded cannot be read here.
_ENCODED = frozenset(["base64", "quoted-printable", "x-uuencode", "x-uue", "uuencode"])


class _Entity:
    """A part that has begun and not ended."""

    __slots__ = (
        "body",
        "boundary",
        "decoded",
        "default",
        "description",
        "disposition",
        "encoding",
        "envelope",
        "id",
        "language",
        "lines",
        "location",
        "md5",
        "media",
        "message",
        "opened",
        "parts",
        "shadowed",
        "start",
        "stop",
        "whole",
    )

    def __init__(self, start: int, *, default: MediaType, whole: object) -> None:
        self.start = self.body = self.stop = start
        self.default = default
        self.whole = bool(whole)
        self.lines = 0
        self.media = default
        self.encoding = "7bit"
        self.id: bytes | None = None
        self.description: bytes | None = None
        self.md5: bytes | None = None
        self.disposition: tuple[str, Parameters] | None = None
        self.language: tuple[bytes, ...] = ()
        self.location: bytes | None = None
        self.envelope: MessageEnvelope | None = None
        self.opened = False
        self.boundary: bytes | None = None
        self.shadowed: int | None = None
        self.parts: list[Part] = []
        self.message: Part | None = None
        self.decoded: int | None = None

    def describe(self, header: Header, tokens: Tokens) -> None:
        """Take from the header what it says of the part."""
        fields: dict[bytes, Field] = {}
        for field in header.fields:
            name = field.name.lower()
            if name.startswith(b"content-"):
                # Of several with one name the first counts, as for everybody else.
                fields.setdefault(name, field)

        def value(name: bytes) -> bytes:
            return fields[name].value[:_LONGEST_VALUE] if name in fields else b""

        def text(name: bytes) -> bytes | None:
            return fields[name].unfolded if name in fields else None

        if b"content-type" in fields:
            self.media = parse_media_type(value(b"content-type")) or DEFAULT_MEDIA
        self.encoding = _token(value(b"content-transfer-encoding")) or "7bit"
        self.id = text(b"content-id")
        self.description = text(b"content-description")
        self.md5 = text(b"content-md5")
        self.disposition = parse_disposition(value(b"content-disposition"))
        tags = (_token(tag) for tag in value(b"content-language").split(b",", _MOST_TAGS))
        self.language = tuple(tag.encode() for tag in tags if tag)[:_MOST_TAGS]
        location = text(b"content-location")
        # RFC 2557 section 4.4.2: white space in a folded URI is no part of it.
        self.location = None if location is None else b"".join(location.split())
        if self.whole:
            self.envelope = message_envelope(header, tokens)

    def kept(self) -> int:
        """The octets of all strings."""
        octets = len(self.media.type) + len(self.media.subtype) + len(self.encoding)
        octets += _weight(self.media.parameters) + sum(map(len, self.language))
        for text in (self.id, self.description, self.md5, self.location):
            octets += len(text or b"")
        if self.disposition is not None:
            octets += len(self.disposition[0]) + _weight(self.disposition[1])
        return octets + (0 if self.envelope is None else _envelope_weight(self.envelope))

    def forget(self) -> None:
        """Drop the strings: there are too many."""
        self.media = MediaType(self.media.type[:64], self.media.subtype[:64])
        self.encoding = self.encoding[:64]
        self.id = self.description = self.md5 = self.location = self.disposition = None
        self.language = ()
        self.envelope = MessageEnvelope() if self.whole else None

    def end(self) -> Part:
        """It has ended, at :attr:`stop`."""
        return Part(
            start=self.start,
            body=self.body,
            stop=self.stop,
            lines=self.lines,
            media=self._shown_media(),
            encoding=self.encoding,
            id=self.id,
            description=self.description,
            md5=self.md5,
            disposition=self.disposition,
            language=self.language,
            location=self.location,
            parts=tuple(self.parts),
            message=self.message,
            envelope=self.envelope,
            decoded=self.decoded,
        )

    def _shown_media(self) -> MediaType:
        # IMAP's grammar has no multipart without parts and no message/rfc822 without an
        # envelope (RFC 9051 section 9, body-type-mpart and body-type-msg).
        if self.media.type == "multipart" and not self.parts:
            return _TEXT
        if _is_message(self.media) and self.message is None:
            return MediaType(_OCTETS.type, _OCTETS.subtype, self.media.parameters)
        return self.media


def _is_message(media: MediaType) -> bool:
    return media.type == "message" and media.subtype in ("rfc822", "global")


def _boundary_of(media: MediaType) -> bytes:
    # Plain before encoded: what everybody reads before what few do.  RFC 2046 section 5.1.1:
    # white space at its end is not its own.
    plain = dict(media.parameters).get("boundary")
    boundary = parameter(media.parameters, "boundary") if plain is None else plain
    return (boundary or b"").rstrip(b" \t\r\n")


def _token(value: bytes) -> str:
    found = _TOKEN.match(value, _tokens.skip_blank(value, 0))
    return found[0].decode("ascii").lower() if found else ""


def _weight(parameters: Parameters) -> int:
    return sum(len(name) + len(value) for name, value in parameters)


def _envelope_weight(envelope: MessageEnvelope) -> int:
    texts = (envelope.date, envelope.subject, envelope.in_reply_to, envelope.message_id)
    octets = sum(len(text or b"") for text in texts)
    lists = (envelope.from_, envelope.sender, envelope.reply_to)
    for addresses in (*lists, envelope.to, envelope.cc, envelope.bcc):
        octets += sum(16 + sum(len(text or b"") for text in address) for address in addresses)
    return octets


class _Count:
    """The size of a body without its transfer encoding, counted as the octets pass."""

    __slots__ = ("_size", "_transfer")

    def __init__(self, transfer: Transfer) -> None:
        self._transfer = transfer
        self._size = 0

    def feed(self, octets: bytes) -> None:
        if self._size >= 0:
            try:
                self._size += self._transfer.count(octets)
            except EncodingError:
                self._size = BROKEN

    def finish(self, cut: int) -> int:
        """With a line end of ``cut`` octets that belonged to a boundary."""
        if self._size >= 0:
            try:
                self._size += len(self._transfer.finish(cut))
            except EncodingError:
                self._size = BROKEN
        return self._size


class StructureReader:
    """
    Feed a message in slices, and :meth:`finish` it.

    Nothing that a message holds raises: what is malformed is a smaller structure.
    """

    def __init__(self) -> None:
        # What was fed and not used up, and two octets before it: whether the line end before
        # a boundary has a CR is known only when the boundary is found.
        self._data = b""
        self._base = 0
        self._at = 0
        self._searched = 0
        self._last = False
        # Whether _at is the start of a line that nothing was said of.
        self._fresh = True
        self._lines = 0
        self._header = bytearray()
        self._in_header = True
        self._count = 1
        self._headers = 0
        self._kept = 0
        # Of all envelopes together.
        self._tokens = Tokens(MAX_TOKENS)
        self._stack = [_Entity(0, default=DEFAULT_MEDIA, whole=True)]
        self._open: dict[bytes, int] = {}
        # Of the innermost part, if it is a leaf whose encoding has to be undone.
        self._count_of_leaf: _Count | None = None
        self.header: Header | None = None
        """The message's own, once it is over."""

    @property
    def work(self) -> int:
        """
        Parts that have begun, and the octets of their headers as if they were some: all that is
        worth counting besides the octets of bodies.
        """
        return self._count + self._headers // _OCTETS_OF_A_PART

    def feed(self, data: bytes) -> None:
        """Take the next slice."""
        cut = max(self._at - 2, 0)
        self._data = self._data[cut:] + data
        self._base += cut
        self._at -= cut
        self._searched -= cut
        while self._step():
            pass

    def finish(self) -> Structure:
        """The message has ended; the reader is used up."""
        self._last = True
        self.feed(b"")
        self._use(len(self._data))
        size = self._base + len(self._data)
        return Structure(self._close(0, size, 0))

    # -- the octets --------------------------------------------------------------

    def _use(self, stop: int) -> None:
        # Octets up to stop are behind us: count their lines, keep them if they are header.
        if self._in_header:
            self._header += self._data[self._at : min(stop, self._at + self._room())]
        elif self._count_of_leaf is not None:
            self._count_of_leaf.feed(self._data[self._at : stop])
        self._lines += self._data.count(b"\n", self._at, stop)
        self._at = stop

    def _room(self) -> int:
        return max(MAX_OCTETS - len(self._header), 0)

    def _step(self) -> bool:
        # True if there may be more to find in what was fed.
        if not self._in_header and not self._open:
            self._use(len(self._data))
            return False
        if self._fresh:
            return self._first_line()
        line = self._next_line()
        if line < 0:
            # The last two octets may be the start of what is searched for.
            self._use(max(self._at, len(self._data) - (0 if self._last else 2)))
            self._searched = self._at
            return False
        return self._judge(line)

    def _first_line(self) -> bool:
        head = self._data[self._at : self._at + 2]
        if head in (b"", b"-", b"\r") and not self._last:
            return False
        if not head:
            return False
        self._searched = self._at
        if head == b"--" or (self._in_header and (head[:1] == b"\n" or head == b"\r\n")):
            return self._judge(self._at)
        self._fresh = False
        return True

    def _next_line(self) -> int:
        # The start of the next line that says something; below 0 if there is none yet.
        if not self._in_header:
            return self._data.find(b"\n--", self._searched) + 1 or -1
        pattern = _END_OR_DASHES if self._open else _END_OF_HEADER
        found = pattern.search(self._data, self._searched)
        return -1 if found is None else found.end()

    def _judge(self, line: int) -> bool:
        data = self._data
        if data[line] != 0x2D:
            self._use(line + (1 if data[line] == 0x0A else 2))
            self._end_header()
            return True
        end = data.find(b"\n", line, line + _LONGEST_LINE + 1)
        if end < 0 and len(data) - line <= _LONGEST_LINE:
            if not self._last:
                # The rest of the line tells.  It is found again by the LF before it.
                if not self._fresh:
                    self._use(line - 1)
                    self._searched = self._at
                return False
            end = len(data)
        found = None if end < 0 else self._boundary(data[line + 2 : end].rstrip(b" \t\r"))
        if found is None:
            self._fresh = False
            self._searched = line + 2
            return True
        eol = 0 if line + self._base == 0 else 2 if data[line - 2 : line] == b"\r\n" else 1
        self._use(line)
        self._delimit(*found, eol=eol, stop=min(end + 1, len(data)))
        return True

    def _boundary(self, text: bytes) -> tuple[int, bool] | None:
        # Whose it is, and whether it is the last.  Of two that fit, the inner one.
        opens = self._open.get(text, -1)
        closes = self._open.get(text[:-2], -1) if text.endswith(b"--") else -1
        if opens < 0 and closes < 0:
            first = text.split(maxsplit=1)[:1]
            # What a gateway appended, if it did not append it to the boundary's own word.
            return self._boundary(first[0]) if first and first[0] != text else None
        return max(opens, closes), closes > opens

    # -- the parts ---------------------------------------------------------------

    def _delimit(self, index: int, last: bool, *, eol: int, stop: int) -> None:
        if index + 1 < len(self._stack):
            part = self._close(index + 1, self._base + self._at, eol)
            self._stack[index].parts.append(part)
        self._in_header = False
        self._use(stop)
        self._fresh = True
        if last:
            self._unregister(index)
        else:
            digest = self._stack[index].media.subtype == "digest"
            self._begin(_MESSAGE if digest else DEFAULT_MEDIA, whole=False)

    def _begin(self, default: MediaType, *, whole: object) -> None:
        self._stack.append(_Entity(self._base + self._at, default=default, whole=whole))
        self._in_header = True
        self._fresh = True
        self._count += 1
        if self._count >= MAX_PARTS:
            # S18: what follows belongs to this part, whatever it looks like.
            self._open.clear()

    def _end_header(self) -> None:
        entity = self._stack[-1]
        entity.body = self._base + self._at
        entity.lines = self._lines
        self._headers += len(self._header)
        header = _first_fields(bytes(self._header))
        if self.header is None:
            self.header = header
        entity.describe(header, self._tokens)
        self._header.clear()
        self._in_header = False
        self._fresh = True
        boundary = _boundary_of(entity.media)
        self._keep(entity)
        if len(self._stack) >= MAX_DEPTH or self._count >= MAX_PARTS:
            self._begin_counting(entity)
        elif entity.media.type == "multipart":
            self._register(entity, boundary)
        elif _is_message(entity.media) and entity.encoding not in _ENCODED:
            self._begin(DEFAULT_MEDIA, whole=True)
        else:
            self._begin_counting(entity)

    def _begin_counting(self, entity: _Entity) -> None:
        if entity.encoding not in IDENTITY:
            try:
                self._count_of_leaf = _Count(transfer_of(entity.encoding))
            except EncodingError:
                entity.decoded = BROKEN

    def _keep(self, entity: _Entity) -> None:
        weight = entity.kept()
        if self._kept + weight > MAX_KEPT:
            entity.forget()
        else:
            self._kept += weight

    def _register(self, entity: _Entity, boundary: bytes) -> None:
        if boundary and len(boundary) <= MAX_BOUNDARY:
            entity.boundary = boundary
            entity.shadowed = self._open.get(boundary)
            self._open[boundary] = len(self._stack) - 1

    def _unregister(self, index: int) -> None:
        entity = self._stack[index]
        if entity.boundary is not None and self._open.get(entity.boundary) == index:
            del self._open[entity.boundary]
            if entity.shadowed is not None:
                self._open[entity.boundary] = entity.shadowed
        entity.boundary = None

    def _close(self, index: int, line: int, eol: int) -> Part:
        # End the entities from index on at a boundary line, or at the end of the message.
        while self._in_header:
            self._end_header()
        ending = self._stack[index:]
        if self._count_of_leaf is not None:
            ending[-1].decoded = self._count_of_leaf.finish(eol)
            self._count_of_leaf = None
        # The line end before a boundary belongs to it, unless it is that of the empty line.
        stop = max(ending[0].body, line - eol)
        lines = self._lines - (stop < line)
        for entity in ending:
            # What is inside ends where the outside does, be it in its own header.
            entity.start, entity.body = min(entity.start, stop), min(entity.body, stop)
            entity.stop = stop
            entity.lines = lines - entity.lines if entity.body < stop else 0
        while True:
            self._unregister(len(self._stack) - 1)
            part = self._stack.pop().end()
            if len(self._stack) == index:
                return part
            if self._stack[-1].media.type == "multipart":
                self._stack[-1].parts.append(part)
            else:
                self._stack[-1].message = part


def _first_fields(octets: bytes) -> Header:
    # No more of them than a header may have: each costs an object.
    beyond = next(islice(_FIELD.finditer(octets), MAX_FIELDS - 1, None), None)
    return parse_header(octets if beyond is None else octets[: beyond.start() + 1])
