"""
Reading one command: a place in its octets that moves on, or says what is wrong.

A command has been gathered by :mod:`~pymta.wire.imap.lexer` before it is read: text, and literals
between the texts (:rfc:`3501#section-4.3`).  Each method takes one element of the grammar of
:rfc:`3501#section-9` and moves behind it, or raises :class:`BadSyntax` and stays; nothing is read
twice, so reading is linear.  Nesting is counted here, whoever parses.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, TypeVar

from pymta.errors import RemoteProtocolError
from pymta.mailbox import INBOX, SYSTEM_FLAGS, MailboxName
from pymta.wire.imap import utf7
from pymta.wire.imap.calendar import read_date, read_date_time
from pymta.wire.imap.numset import HIGHEST, SAVED, Numbers, SeqSet

__all__ = ["DEPTH", "BadSyntax", "Cursor", "Literal", "canonical"]

T = TypeVar("T")

#: Levels of parentheses; no search that a person means has more than ten.
DEPTH: Final = 100

# RFC 3501 section 9, atom-specials: "(" ")" "{" SP CTL "%" "*" DQUOTE "\" "]"
_ATOM: Final = re.compile(rb"[!#$&'+-\[^-z|-~]+")
_ASTRING: Final = re.compile(rb"[!#$&'+-\[\]^-z|-~]+")
_LIST_MAILBOX: Final = re.compile(rb"[!#$%&'*-\[\]^-z|-~]+")
_QUOTED: Final = re.compile(rb'"([^"\\\r\n\x00]*(?:\\["\\][^"\\\r\n\x00]*)*)"')
_ESCAPED: Final = re.compile(rb"\\(.)")
_NUMBER: Final = re.compile(rb"[0-9]{1,20}(?![0-9])")
_NIL: Final = re.compile(rb"[Nn][Ii][Ll](?![!#$&'+-\[\]^-z|-~])")
_SEQUENCE_SET: Final = re.compile(rb"[0-9*:,]+")
_FLAG: Final = re.compile(rb"\\?[!#$&'+-\[^-z|-~]+")
_DATE: Final = re.compile(rb'("?)([0-9]{1,2}-[A-Za-z]{3}-[0-9]{4})\1')
_DATE_TIME: Final = re.compile(rb'"([ 0-9]?[0-9]-[A-Za-z]{3}-[0-9]{4} [0-9:]{8} [+-][0-9]{4})"')
# RFC 6855 section 3: what no mailbox name may hold
_UNNAMEABLE: Final = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029]")

_FLAGS: Final = {flag.upper(): flag for flag in SYSTEM_FLAGS}


class BadSyntax(RemoteProtocolError):
    """
    A command that is not of the grammar: answered BAD.

    :param text: public; says what was expected.
    :param position: octets from the verb's end, literals counted.
    """

    def __init__(self, text: str, position: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.position = position

    @property
    def explained(self) -> str:
        """For the BAD."""
        return f"{self.text}, at octet {self.position}"


def canonical(name: str) -> MailboxName:
    """
    The one spelling of a mailbox name: NFC (:rfc:`6855#section-3`: Net-Unicode), and INBOX in
    capitals (:rfc:`3501#section-5.1`).
    """
    if name.isascii():
        return INBOX if name.upper() == INBOX else MailboxName(name)
    return MailboxName(unicodedata.normalize("NFC", name))


@dataclass(frozen=True, slots=True)
class Literal:
    """
    A literal's octets.

    :param binary: it was a ``~{n}`` one (:rfc:`3516#section-4.4`) and may hold NUL.
    """

    octets: bytes = field(repr=False)
    binary: bool = False


class Cursor:
    """
    One gathered command, behind its tag and verb: it begins with a space, or is at its end.

    :param pieces: texts without line ends and literals, in their order.
    :param utf8: mailbox names are UTF-8 (:rfc:`6855#section-3`, :rfc:`9051#section-5.1`) instead
        of modified UTF-7.
    :param by_uid: the verb stood behind UID.
    """

    __slots__ = ("_at", "_depth", "_passed", "_rest", "_text", "by_uid", "utf8")

    def __init__(
        self, pieces: Sequence[bytes | Literal], *, utf8: bool = False, by_uid: bool = False
    ) -> None:
        self._rest = list(reversed(pieces))
        self._text = b""
        self._at = 0
        self._passed = 0
        self._depth = 0
        self.utf8 = utf8
        self.by_uid = by_uid
        self._advance_text()

    # -- where we are --------------------------------------------------------

    @property
    def position(self) -> int:
        """Octets from the verb's end, literals counted."""
        return self._passed + self._at

    @property
    def at_end(self) -> bool:
        """Nothing is left."""
        return self._at == len(self._text) and not self._rest

    @property
    def at_literal(self) -> bool:
        """The next thing is a literal."""
        return self._at == len(self._text) and bool(self._rest)

    def bad(self, text: str) -> BadSyntax:
        """What to raise here."""
        return BadSyntax(text, self.position)

    def peek(self, n: int = 1) -> bytes:
        """The next octets of the text, fewer at its end; a literal is not looked into."""
        return self._text[self._at : self._at + n]

    def rest(self) -> bytes:
        """All of the text up to the next literal, or the end; taken."""
        text = self._text[self._at :]
        self._at = len(self._text)
        return text

    # -- octets --------------------------------------------------------------

    def accept(self, octets: bytes) -> bool:
        """Take these, case apart, if they are next."""
        stop = self._at + len(octets)
        here = self._text[self._at : stop]
        if here != octets and here.upper() != octets.upper():
            return False
        self._at = stop
        return True

    def expect(self, octets: bytes) -> None:
        """Take these, case apart."""
        if not self.accept(octets):
            raise self.bad(f"{octets.decode('ascii')} expected")

    def space(self) -> None:
        """Take exactly one space."""
        if self._text[self._at : self._at + 1] != b" ":
            raise self.bad("space expected")
        self._at += 1

    def end(self) -> None:
        """Be at the end; spaces in front of it are forgiven, many clients send one."""
        while self._text[self._at : self._at + 1] == b" ":
            self._at += 1
        if not self.at_end:
            raise self.bad("end of command expected")

    # -- words ---------------------------------------------------------------

    def atom(self) -> str:
        """An atom, as written."""
        return self._match(_ATOM, "atom")[0].decode("ascii")

    def word(self) -> str:
        """An atom, in upper case: a keyword."""
        return self.atom().upper()

    def keyword(self, *choices: str) -> str:
        """An atom that is one of these, given in upper case."""
        start = self._at
        word = self.word()
        if word not in choices:
            self._at = start
            raise self.bad(f"{' or '.join(choices)} expected")
        return word

    # -- strings -------------------------------------------------------------

    def string(self) -> bytes:
        """A quoted string or a literal."""
        if self.at_literal:
            return self._literal(binary=False).octets
        return self._quoted()

    def astring(self) -> bytes:
        """An atom, which may contain ``]``, or a string."""
        match = _ASTRING.match(self._text, self._at)
        if match is None:
            return self.string()
        self._at = match.end()
        return match[0]

    def nstring(self) -> bytes | None:
        """A string, or NIL: None."""
        return None if self._nil() else self.string()

    def nstring8(self) -> bytes | None:
        """As :meth:`nstring`, and the literal may be a binary one (:rfc:`4466#section-5`)."""
        if self.at_literal:
            return self._literal(binary=True).octets
        return self.nstring()

    def literal8(self) -> bytes:
        """A literal, binary or not."""
        if not self.at_literal:
            raise self.bad("literal expected")
        return self._literal(binary=True).octets

    def text(self) -> str:
        """
        An astring that is UTF-8.

        Also before UTF8=ACCEPT: ASCII is UTF-8, and clients send such names and passwords anyway.
        """
        return self._decoded(self.astring())

    # -- numbers -------------------------------------------------------------

    def number(self, most: int = HIGHEST) -> int:
        """A number from 0 to ``most``."""
        start = self._at
        value = int(self._match(_NUMBER, "number")[0])
        if value > most:
            self._at = start
            raise self.bad(f"number above {most}")
        return value

    def nz_number(self, most: int = HIGHEST) -> int:
        """A number from 1 to ``most``."""
        start = self._at
        value = self.number(most)
        if not value:
            self._at = start
            raise self.bad("number above 0 expected")
        return value

    def number64(self) -> int:
        """A number of 63 bits (:rfc:`9051#section-9`), as mod-sequences are (:rfc:`7162`)."""
        return self.number(2**63 - 1)

    def sequence_set(self) -> Numbers:
        """A set of message numbers, or ``$`` (:rfc:`5182#section-2.1`)."""
        if self.accept(b"$"):
            return SAVED
        return self.number_set()

    def number_set(self) -> SeqSet:
        """A set of message numbers."""
        start = self._at
        octets = self._match(_SEQUENCE_SET, "set of message numbers")[0]
        try:
            return SeqSet.parse(octets)
        except ValueError as error:
            self._at = start
            raise self.bad(str(error)) from None

    # -- names, flags, dates -------------------------------------------------

    def mailbox(self) -> MailboxName:
        """A mailbox name; ``inbox`` in any case is INBOX (:rfc:`3501#section-5.1`)."""
        octets = self.astring()
        try:
            text = octets.decode("utf-8") if self.utf8 else utf7.decode(octets)
        except ValueError:
            raise self.bad("mailbox name in a wrong encoding") from None
        if not text:
            raise self.bad("empty mailbox name")
        if _UNNAMEABLE.search(text):
            raise self.bad("control character in a mailbox name")
        return canonical(text)

    def list_mailbox(self) -> str:
        """
        A pattern of LIST, or its reference: may be empty and hold ``%`` and ``*``.

        What is no modified UTF-7 stands for itself, and so matches nothing.
        """
        match = _LIST_MAILBOX.match(self._text, self._at)
        if match is None:
            octets = self.string()
        else:
            self._at = match.end()
            octets = match[0]
        if self.utf8:
            return unicodedata.normalize("NFC", self._decoded(octets))
        try:
            return unicodedata.normalize("NFC", utf7.decode(octets))
        except ValueError:
            return self._decoded(octets)

    def flag(self) -> str:
        """
        A flag that a client may set: a system flag in its usual spelling, or a keyword as written.

        ``\\Recent`` is nobody's to set, and there are no other system flags
        (:rfc:`3501#section-2.3.2`).
        """
        start = self._at
        name = self._match(_FLAG, "flag")[0].decode("ascii")
        if not name.startswith("\\"):
            return name
        try:
            return _FLAGS[name.upper()]
        except KeyError:
            self._at = start
            raise self.bad("no such system flag") from None

    def flags(self) -> frozenset[str]:
        """Flags in parentheses; there may be none."""
        return frozenset(self.listed_or_none(Cursor.flag))

    def flag_list_or_bare(self) -> frozenset[str]:
        """Flags in parentheses, or at least one without them, as STORE allows it."""
        if self.peek() == b"(":
            return self.flags()
        flags = [self.flag()]
        while self.peek() == b" " and _FLAG.match(self._text, self._at + 1):
            self.space()
            flags.append(self.flag())
        return frozenset(flags)

    def date(self) -> date:
        """A day, quoted or not: ``1-Feb-1994``."""
        start = self._at
        octets = self._match(_DATE, "date")[2]
        try:
            return read_date(octets)
        except ValueError:
            self._at = start
            raise self.bad("no such day") from None

    def date_time(self) -> datetime:
        """A quoted time with zone: ``" 1-Feb-1994 22:04:05 +0100"``."""
        start = self._at
        octets = self._match(_DATE_TIME, "date and time")[1]
        try:
            return read_date_time(octets)
        except ValueError:
            self._at = start
            raise self.bad("no such time") from None

    # -- lists ---------------------------------------------------------------

    def listed(self, parse: Callable[[Cursor], T]) -> tuple[T, ...]:
        """At least one, in parentheses, with single spaces between them."""
        self.expect(b"(")
        # Not through nested(), which costs more than most of what is listed.
        self._deepen()
        found = [parse(self)]
        while self.peek() != b")":
            self.space()
            found.append(parse(self))
        self._at += 1
        self._depth -= 1
        return tuple(found)

    def listed_or_none(self, parse: Callable[[Cursor], T]) -> tuple[T, ...]:
        """As :meth:`listed`, or an empty pair of parentheses."""
        return () if self.accept(b"()") else self.listed(parse)

    @contextmanager
    def nested(self) -> Iterator[None]:
        """One level deeper: whoever calls itself again goes through this, or :meth:`listed`."""
        self._deepen()
        try:
            yield
        finally:
            self._depth -= 1

    # -- within --------------------------------------------------------------

    def _deepen(self) -> None:
        if self._depth >= DEPTH:
            raise self.bad(f"more than {DEPTH} levels")
        self._depth += 1

    def _match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise self.bad(f"{what} expected")
        self._at = match.end()
        return match

    def _quoted(self) -> bytes:
        octets = self._match(_QUOTED, "string")[1]
        return _ESCAPED.sub(rb"\1", octets) if b"\\" in octets else octets

    def _nil(self) -> bool:
        match = _NIL.match(self._text, self._at)
        if match is None:
            return False
        self._at = match.end()
        return True

    def _literal(self, *, binary: bool) -> Literal:
        literal = self._rest[-1]
        assert isinstance(literal, Literal)
        if not binary and (literal.binary or b"\0" in literal.octets):
            # RFC 3501 section 9: a literal is of CHAR8, which has no NUL
            raise self.bad("binary literal not allowed here")
        self._rest.pop()
        self._passed += len(self._text) + len(literal.octets)
        self._advance_text()
        return literal

    def _advance_text(self) -> None:
        self._text, self._at = b"", 0
        if self._rest and isinstance(text := self._rest[-1], bytes):
            self._text = text
            self._rest.pop()

    def _decoded(self, octets: bytes) -> str:
        try:
            return octets.decode("utf-8")
        except UnicodeDecodeError:
            raise self.bad("not UTF-8") from None
