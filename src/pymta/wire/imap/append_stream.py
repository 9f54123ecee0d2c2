"""
The messages of an APPEND or REPLACE as they come: the reader's wants, met from the input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pymta.errors import LocalProtocolError
from pymta.wire.imap.append import AppendReader, Want
from pymta.wire.imap.command.append import Append
from pymta.wire.imap.events import Event, LiteralBegan, LiteralOctets
from pymta.wire.imap.lexer import Overlong
from pymta.wire.imap.literals import Admission, CommandRefused, Intake
from pymta.wire.imap.response.codes import TOOBIG
from pymta.wire.imap.response.status import BAD

__all__ = ["AppendStream"]

#: RFC 3501 section 9, RFC 3516 section 4.4: CHAR8 of a literal is any octet but this one, which
#: is what a literal8 is for.
_NUL: Final = b"\0"


class AppendStream:
    """
    One command under way.

    :param intake: it has given the first text, of which ``text`` is what stands behind the verb.
    :param consent: called for each literal that the client will send only then.
    :param most: octets of a message given at once.
    """

    def __init__(
        self,
        reader: AppendReader,
        intake: Intake,
        text: bytes,
        *,
        admission: Admission,
        consent: Callable[[], None],
        most: int,
    ) -> None:
        self._reader = reader
        self._intake = intake
        self._admission = admission
        self._consent = consent
        self._most = most
        self._want: Want | None = None
        self._slices: list[bytes] = []
        self._gathered = self._names = 0
        self._streaming = self._binary = False
        reader.take_text(text, intake.announced)
        self._steps = reader.steps()

    def advance(self) -> Event | Append | None:
        """
        What comes next; None where more octets are needed.

        :raises BadSyntax: :raises CommandRefused: the command ends here.
        """
        while self._meet_want():
            if self._streaming:
                if self._intake.left:
                    return self._octets()
                self._streaming = False
            step = next(self._steps)
            if not isinstance(step, Want):
                if isinstance(step, LiteralBegan):
                    self._check_unasked()
                return step
            self._want = step
            if step is Want.LITERAL:
                self._begin_name()
        return None

    def go_on(self) -> None:
        """Let the octets come of which ``LiteralBegan`` told."""
        announced = self._intake.announced
        if announced is None:
            raise LocalProtocolError("no literal is announced")
        if announced.synchronizing:
            self._consent()
        self._binary = announced.binary
        self._intake.begin()
        self._streaming = True

    def _octets(self) -> LiteralOctets | None:
        data = self._intake.octets(self._most)
        if not self._binary and _NUL in data:
            raise CommandRefused(BAD("a literal may not hold NUL; a literal8 may"))
        return LiteralOctets(data) if data else None

    def _check_unasked(self) -> None:
        if self._intake.announced is not None:
            self._admission.check_unasked(self._intake.announced)

    def _begin_name(self) -> None:
        announced = self._intake.announced
        assert announced is not None
        self._admission.check(announced, self._gathered, self._names)
        self._gathered += announced.size
        self._names += 1
        if announced.synchronizing:
            self._consent()
        self._intake.begin()

    def _meet_want(self) -> bool:
        """Whether the reader has what it wanted."""
        match self._want:
            case Want.TEXT:
                text = self._intake.next_text(self._admission.line)
                if text is None:
                    return False
                if isinstance(text, Overlong):
                    raise CommandRefused(BAD("line too long", TOOBIG))
                self._reader.take_text(text, self._intake.announced)
            case Want.LITERAL:
                self._slices.append(self._intake.octets(self._intake.left))
                if self._intake.left:
                    return False
                self._reader.take_literal(b"".join(self._slices))
                self._slices.clear()
        self._want = None
        return True
