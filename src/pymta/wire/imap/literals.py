"""
One command's octets: texts and literals in turn, counted so that step is kept whatever happens.

Between commands nothing is due.  A text that announces a literal makes its octets due, once they
are consented to or come anyway; behind a literal a text is due again (:rfc:`3501#section-4.3`).
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pymta.errors import RemoteProtocolError
from pymta.wire.imap.cursor import Literal
from pymta.wire.imap.lexer import Announced, Input, Overlong, split_announced
from pymta.wire.imap.limits import Limits
from pymta.wire.imap.response.codes import TOOBIG
from pymta.wire.imap.response.status import BAD, Ending

__all__ = ["Admission", "CommandRefused", "Gathering", "Intake", "Skipped", "admission"]

#: RFC 7888 section 5, RFC 9051 section 4.3: what may come unasked with LITERAL-
_LITERAL_MINUS: Final = 4096


class CommandRefused(RemoteProtocolError):
    """The command ends here.  :param ending: what to say."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.text)
        self.ending = ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """
    What a client may send now; octets.

    :param line: one text.
    :param literal: one literal that is gathered.
    :param command: all that is gathered of a command.
    :param pieces: literals that are gathered of a command.
    :param unasked: a literal that comes without our consent (:rfc:`7888`); -1: none may.
    """

    line: int
    literal: int
    command: int
    pieces: int
    unasked: int

    def check_unasked(self, announced: Announced) -> None:
        """:raises CommandRefused: a literal comes unasked that must not."""
        if not announced.synchronizing and announced.size > self.unasked:
            raise CommandRefused(BAD("literal came unasked", TOOBIG))

    def check(self, announced: Announced, gathered: int, pieces: int) -> None:
        """:raises CommandRefused: a literal is not to be gathered."""
        self.check_unasked(announced)
        altogether = gathered + announced.size
        if announced.size > self.literal or altogether > self.command or pieces >= self.pieces:
            raise CommandRefused(BAD("literal too big", TOOBIG))


class Skipped(Enum):
    """How far reading away has come."""

    NEED_DATA = "more octets are needed"
    ENDED = "the command is over"
    TOO_BIG = "more than is read away"


class Intake:
    """
    Where in a command the input stands.

    :param source: nobody else takes from it while a command is under way.
    """

    __slots__ = ("_input", "_line_due", "_skipped", "announced", "left")

    def __init__(self, source: Input) -> None:
        self._input = source
        self.announced: Announced | None = None
        """Behind the last text; not begun yet."""
        self.left = 0
        """Octets of the literal that were not taken yet."""
        self._line_due = False
        self._skipped = 0

    def next_command(self, limit: int) -> bytes | Overlong | None:
        """The first text of a command: :meth:`next_text`, with everything else forgotten."""
        self._skipped = 0
        return self.next_text(limit)

    def next_text(self, limit: int) -> bytes | Overlong | None:
        """
        The next text, without the announcement at its end, which is remembered.

        :returns: None while it has not all come.
        """
        line = self._input.next_line(limit)
        if line is None:
            return None
        self._line_due = False
        if isinstance(line, Overlong):
            self.announced = split_announced(line.tail)[1]
            return line
        text, self.announced = split_announced(line)
        return text

    def begin(self) -> None:
        """The literal announced comes now."""
        assert self.announced is not None
        self.left = self.announced.size
        self.announced = None
        self._line_due = True

    def octets(self, limit: int) -> bytes:
        """A slice of the literal, empty where none has come; ``left`` says what is to come."""
        data = self._input.take(min(limit, self.left))
        self.left -= len(data)
        return data

    def skip(self, line_limit: int, literal_limit: int) -> Skipped:
        """
        Read away what is left of a refused command, as far as the client sends it.

        :param line_limit: longest text.
        :param literal_limit: octets of literals altogether; more is TOO_BIG.
        """
        while True:
            self.left -= self._input.drop(self.left)
            if self.left:
                return Skipped.NEED_DATA
            if self.announced is None:
                if not self._line_due:
                    return Skipped.ENDED
                if self.next_text(line_limit) is None:
                    return Skipped.NEED_DATA
            elif self.announced.synchronizing:
                # Our refusal is all that such a client waits for (RFC 7888 section 4).
                self.announced = None
                return Skipped.ENDED
            else:
                self._skipped += self.announced.size
                if self._skipped > literal_limit:
                    return Skipped.TOO_BIG
                self.begin()


def admission(limits: Limits, *, stranger: bool, words: Container[str]) -> Admission:
    """
    What may come now.

    :param stranger: nobody is logged in.
    :param words: the capabilities announced.
    """
    unasked = -1
    if "LITERAL+" in words:
        unasked = 2**64
    elif "LITERAL-" in words or "IMAP4rev2" in words:
        unasked = _LITERAL_MINUS
    return Admission(
        line=limits.line_before_login if stranger else limits.line,
        literal=limits.literal_before_login if stranger else limits.literal,
        command=limits.command,
        pieces=limits.pieces,
        unasked=unasked,
    )


class Gathering:
    """
    A command with literals, until all of it is there.

    :param intake: it has given the first text, and a literal is announced.
    :param consent: called for each literal that the client will send only then.
    """

    __slots__ = ("_admission", "_consent", "_intake", "_literal", "_pieces", "_size", "_slices")

    def __init__(
        self, intake: Intake, text: bytes, *, admission: Admission, consent: Callable[[], None]
    ) -> None:
        self._intake = intake
        self._admission = admission
        self._consent = consent
        self._pieces: list[bytes | Literal] = [text]
        self._size = len(text)
        self._literal: Announced | None = None
        self._slices: list[bytes] = []

    def advance(self) -> list[bytes | Literal] | None:
        """
        Take what has come.

        :returns: the whole command; None while it has not all come.
        :raises CommandRefused: it is too big; the intake knows what is left of it.
        """
        while True:
            if self._literal is None and self._intake.announced is not None:
                self._begin(self._intake.announced)
            if not self._finish_literal():
                return None
            text = self._intake.next_text(self._admission.line)
            if text is None:
                return None
            if isinstance(text, Overlong) or self._size + len(text) > self._admission.command:
                raise CommandRefused(BAD("command too long", TOOBIG))
            self._pieces.append(text)
            self._size += len(text)
            if self._intake.announced is None:
                return self._pieces

    def _begin(self, announced: Announced) -> None:
        self._admission.check(announced, self._size, len(self._pieces) // 2)
        if announced.synchronizing:
            self._consent()
        self._intake.begin()
        self._literal = announced

    def _finish_literal(self) -> bool:
        """Whether the literal, if one is under way, has all come."""
        if self._literal is None:
            return True
        self._slices.append(self._intake.octets(self._intake.left))
        if self._intake.left:
            return False
        octets = b"".join(self._slices)
        self._pieces.append(Literal(octets, self._literal.binary))
        self._size += len(octets)
        self._literal = None
        self._slices.clear()
        return True
