"""
Reading APPEND and REPLACE: a command whose messages are a stream.

:rfc:`3501#section-6.3.11` with MULTIAPPEND (:rfc:`3502`), CATENATE (:rfc:`4469`), literal8
(:rfc:`3516`), ``UTF8 (~{n}`` (:rfc:`6855#section-4`) and REPLACE (:rfc:`8508`).

The reader is a generator, advanced by :mod:`~pymta.wire.imap.append_stream`: it gives events for
who answers, and :class:`Want` when it needs the next text or octets of the command.  Names may be
literals too; those are gathered, and only those of messages are a stream.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from pymta.wire.imap.calendar import in_any_zone
from pymta.wire.imap.command.append import Append, Replacing
from pymta.wire.imap.cursor import BadSyntax, Cursor, Literal
from pymta.wire.imap.events import (
    AppendEnded,
    Event,
    LiteralBegan,
    LiteralEnded,
    MessageBegan,
    MessageEnded,
    PartURL,
)
from pymta.wire.imap.lexer import Announced
from pymta.wire.imap.literals import CommandRefused
from pymta.wire.imap.numset import SeqSet
from pymta.wire.imap.response.status import NO

__all__ = ["AppendReader", "Step", "Want"]


class Want(Enum):
    """What the reader needs before it goes on."""

    TEXT = "the next text"
    LITERAL = "the octets of the literal announced, together"


Step: TypeAlias = Generator[Event | Append | Want, None, None]


@dataclass(frozen=True, slots=True)
class _Options:
    flags: frozenset[str]
    internal_date: datetime | None


class AppendReader:
    """
    One command, from behind its verb.

    :param offered: names of capabilities: what is not among them is not of the grammar.
    :param replacing: REPLACE: one message, and a number in front.
    """

    def __init__(
        self, *, offered: frozenset[str], replacing: bool, by_uid: bool, utf8: bool
    ) -> None:
        self._offered = offered
        self._replacing = replacing
        self._by_uid = by_uid
        self._utf8 = utf8
        self._cursor = Cursor(())
        self._announced: Announced | None = None
        self._octets = b""

    def take_text(self, text: bytes, announced: Announced | None) -> None:
        """The next text of the command; answers :attr:`Want.TEXT`, and comes first of all."""
        self._cursor = Cursor([text], utf8=self._utf8)
        self._announced = announced

    def take_literal(self, octets: bytes) -> None:
        """Answers :attr:`Want.LITERAL`."""
        self._octets = octets

    def steps(self) -> Step:
        """
        Events, with the :class:`Append` in front; advanced when what it wanted has been given.

        After ``LiteralBegan`` the machine streams the octets before it advances.

        :raises BadSyntax: (while advanced) as everywhere.
        :raises CommandRefused: NO.
        """
        yield from self._head()
        while True:
            yield from self._message()
            if self._over():
                break
            if self._replacing or "MULTIAPPEND" not in self._offered:
                raise self._cursor.bad("only one message")
        yield AppendEnded()

    # -- in front of the messages --------------------------------------------

    def _head(self) -> Step:
        self._cursor.space()
        replacing = None
        if self._replacing:
            replacing = Replacing(self._number(), self._by_uid)
            self._cursor.space()
        yield from self._gather()
        yield Append(self._cursor.mailbox(), replacing)

    def _number(self) -> SeqSet:
        numbers = self._cursor.number_set()
        # RFC 8508 section 3.1: one message
        if len(numbers.ranges) != 1 or numbers.ranges[0][0] != numbers.ranges[0][1]:
            raise self._cursor.bad("one number expected")
        return numbers

    def _gather(self) -> Step:
        """Where a literal is next, get it and the text behind it in front of the cursor."""
        if not self._cursor.at_end or self._announced is None:
            return
        binary = self._announced.binary
        yield Want.LITERAL
        literal = Literal(self._octets, binary)
        yield Want.TEXT
        self._cursor = Cursor([literal, self._cursor.rest()], utf8=self._utf8)

    # -- messages ------------------------------------------------------------

    def _message(self) -> Step:
        self._cursor.space()
        options = self._options()
        if self._cursor.accept(b"CATENATE ("):
            self._offer("CATENATE")
            yield from self._parts(options)
        elif self._cursor.accept(b"UTF8 ("):
            yield from self._utf8_message(options)
        else:
            announced = self._announcement()
            yield _began(options, announced)
            yield from self._stream(announced)
            yield MessageEnded()
            yield Want.TEXT

    def _options(self) -> _Options:
        flags: frozenset[str] = frozenset()
        internal_date = None
        if self._cursor.peek() == b"(":
            flags = self._cursor.flags()
            self._cursor.space()
        if self._cursor.peek() == b'"':
            internal_date = in_any_zone(self._cursor.date_time())
            self._cursor.space()
        return _Options(flags, internal_date)

    def _utf8_message(self, options: _Options) -> Step:
        self._offer("UTF8=ACCEPT")
        announced = self._announcement()
        if not announced.binary:
            raise self._cursor.bad("~{ expected")
        yield _began(options, announced, utf8=True)
        yield from self._stream(announced)
        yield MessageEnded()
        yield Want.TEXT
        self._cursor.expect(b")")

    def _parts(self, options: _Options) -> Step:
        yield MessageBegan(
            flags=options.flags, internal_date=options.internal_date, size=None, binary=False
        )
        while True:
            yield from self._part()
            if self._cursor.accept(b")"):
                break
            self._cursor.space()
        yield MessageEnded()

    def _part(self) -> Step:
        if self._cursor.accept(b"URL "):
            yield from self._gather()
            yield PartURL(self._cursor.astring())
        elif self._cursor.accept(b"TEXT "):
            yield from self._stream(self._announcement(empty=True))
            yield Want.TEXT
        elif self._cursor.accept(b"UTF8 ("):
            # RFC 6855 section 4: cat-part =/ utf8-literal
            self._offer("UTF8=ACCEPT")
            announced = self._announcement(empty=True)
            if not announced.binary:
                raise self._cursor.bad("~{ expected")
            yield from self._stream(announced)
            yield Want.TEXT
            self._cursor.expect(b")")
        else:
            raise self._cursor.bad("TEXT or URL expected")

    def _announcement(self, *, empty: bool = False) -> Announced:
        announced = self._announced
        if announced is None or not self._cursor.at_end:
            raise self._cursor.bad("message expected")
        if announced.binary and self._offered.isdisjoint({"BINARY", "UTF8=ACCEPT"}):
            raise self._cursor.bad("no literal8 here")
        if not announced.size and not empty:
            # RFC 3502: an error, MUST return a NO; clients cancel with it
            raise CommandRefused(NO("empty message"))
        return announced

    def _stream(self, announced: Announced) -> Step:
        yield LiteralBegan(announced.size)
        yield LiteralEnded()

    # -- within --------------------------------------------------------------

    def _over(self) -> bool:
        """Nothing follows, but perhaps a space."""
        if self._announced is not None or self._cursor.peek(2) not in (b"", b" "):
            return False
        self._cursor.end()
        return True

    def _offer(self, name: str) -> None:
        if name not in self._offered:
            raise BadSyntax(f"no {name} here", self._cursor.position)


def _began(options: _Options, announced: Announced, *, utf8: bool = False) -> MessageBegan:
    return MessageBegan(
        flags=options.flags,
        internal_date=options.internal_date,
        size=announced.size,
        binary=announced.binary,
        utf8=utf8,
    )
