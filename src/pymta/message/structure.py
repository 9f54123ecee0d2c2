"""
The MIME structure of a message: a map of where its parts stand and what each says of itself
(:rfc:`2045`, :rfc:`2046`), computed once at append and stored (:mod:`.structure_codec`).

It holds offsets and the content fields, never the content.  What BODYSTRUCTURE tells and what
BODY[1.2.MIME] cuts out come from the same map, so they cannot disagree.  A part whose inside
was not looked at (no usable boundary, nested too deep, encoded though it must not be) is a
leaf, and says so in its type.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pymta.message.envelope import MessageEnvelope
from pymta.message.parameters import MediaType, Parameters
from pymta.message.transfer import IDENTITY

__all__ = ["BROKEN", "DEFAULT_MEDIA", "Part", "Span", "Structure"]

BROKEN = -1
"""In :attr:`Part.decoded`: its encoding is unknown, or its octets break it."""

DEFAULT_MEDIA = MediaType("text", "plain", (("charset", b"us-ascii"),))
"""What a part without a content type is (:rfc:`2045#section-5.2`)."""


class Span(NamedTuple):
    """Octets of the message, from ``start`` up to ``stop``."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """
    A part, or the message itself.

    :param start: the offset of its header, in the whole message; as all offsets here.
    :param body: of its body, behind the empty line.
    :param stop: of its end; the line end before a boundary belongs to that.
    :param lines: line ends in the body.
    :param media: for a leaf that was declared as something with an inside, what it is instead.
    :param encoding: the transfer encoding, in lower case; ``7bit`` if none is declared.
    :param disposition: its type in lower case, and its parameters.
    :param language: the tags of Content-Language.
    :param parts: of a multipart; at least one.
    :param message: of a message/rfc822 or message/global: what it encloses.
    :param envelope: of a whole message, enclosed or not.
    :param decoded: the size of the body without base64 or quoted-printable, or :data:`BROKEN`;
        None if nobody has counted it.
    """

    start: int
    body: int
    stop: int
    lines: int
    media: MediaType = DEFAULT_MEDIA
    encoding: str = "7bit"
    id: bytes | None = None
    description: bytes | None = None
    md5: bytes | None = None
    disposition: tuple[str, Parameters] | None = None
    language: tuple[bytes, ...] = ()
    location: bytes | None = None
    parts: tuple[Part, ...] = ()
    message: Part | None = None
    envelope: MessageEnvelope | None = None
    decoded: int | None = None

    @property
    def octets(self) -> int:
        """The size of the body in its transfer encoding."""
        return self.stop - self.body

    @property
    def decoded_octets(self) -> int | None:
        """
        The size of the body without its transfer encoding.

        :data:`BROKEN` if it cannot be decoded; None if only decoding can tell.
        """
        return self.octets if self.encoding in IDENTITY else self.decoded

    @property
    def header_span(self) -> Span:
        """Its header, with the empty line."""
        return Span(self.start, self.body)

    @property
    def body_span(self) -> Span:
        """Its body."""
        return Span(self.body, self.stop)

    @property
    def span(self) -> Span:
        """Header and body."""
        return Span(self.start, self.stop)

    @property
    def within(self) -> tuple[Part, ...]:
        """
        What IMAP numbers 1, 2, … inside of it (:rfc:`9051#section-6.4.5.1`).

        The parts of a multipart, or of the multipart that it encloses; what it encloses, if
        that has no parts.
        """
        if self.message is not None:
            return self.message.parts or (self.message,)
        return self.parts


@dataclass(frozen=True, slots=True)
class Structure:
    """The structure of one message."""

    root: Part

    @property
    def size(self) -> int:
        """The octets of the message."""
        return self.root.stop

    def part(self, numbers: tuple[int, ...]) -> Part | None:
        """The part with these numbers, ``(4, 2)`` for 4.2; None if there is none."""
        found = None
        # A message that is no multipart is its own part 1.
        within = self.root.parts or (self.root,)
        for number in numbers:
            if not 1 <= number <= len(within):
                return None
            found = within[number - 1]
            within = found.within
        return found

    def section(self, name: str) -> Span | None:
        """
        The octets of an IMAP section (:rfc:`9051#section-6.4.5.1`).

        :param name: in upper case: ``""``, ``"HEADER"``, ``"TEXT"``, ``"1.2"``,
            ``"1.2.HEADER"``, ``"1.2.TEXT"``, ``"1.2.MIME"``.
        :returns: None if the message has no such section.
        """
        words = name.split(".") if name else []
        what = words.pop() if words and not words[-1].isdecimal() else None
        if any(not (word.isascii() and word.isdecimal()) for word in words):
            return None
        if not words:
            return _span_of(self.root, what)
        part = self.part(tuple(int(word[:9]) for word in words))
        if part is None:
            return None
        if what == "MIME":
            return part.header_span
        if what is None:
            return part.body_span
        return None if part.message is None else _span_of(part.message, what)

    def walk(self) -> Iterator[tuple[tuple[int, ...], Part]]:
        """Every part that has numbers, with them, in the order in which they stand."""
        stack: list[tuple[tuple[int, ...], Part]] = [
            ((n,), part) for n, part in _numbered(self.root.parts or (self.root,))
        ]
        while stack:
            numbers, part = stack.pop()
            yield numbers, part
            stack += [((*numbers, n), inner) for n, inner in _numbered(part.within)]


def _numbered(parts: tuple[Part, ...]) -> list[tuple[int, Part]]:
    return list(enumerate(parts, 1))[::-1]


def _span_of(message: Part, what: str | None) -> Span | None:
    match what:
        case None:
            return message.span
        case "HEADER":
            return message.header_span
        case "TEXT":
            return message.body_span
        case _:
            return None
