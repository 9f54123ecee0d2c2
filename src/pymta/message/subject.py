"""
The base subject (:rfc:`5256#section-2.1`): what is left of a subject without "Re:", "Fwd:",
"[list]" and "(fwd)".  SORT and THREAD compare it.

All servers and disconnected clients must find the same one, so the steps are those of the RFC,
one for one.  Each looks only at the ends of what is left: linear in the length of a subject.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pymta.message.encodedword import decode_words

__all__ = ["BaseSubject", "base_subject"]

_BLANKS = re.compile(r"[ \t\r\n]+")
# subj-refwd behind its blobs, which are found by hand: "re", "fw" and "fwd", another blob, ":".
_REFWD = re.compile(r"(?:re|fwd?) *", re.IGNORECASE)
_TRAILER = "(fwd)"
_HEADER = "[fwd:"

MAX_CHARACTERS = 10_000
"""What stands behind is not looked at; a subject that people read has a hundred."""


class BaseSubject(NamedTuple):
    """
    :param is_reply: whether a "Re:" or "Fwd:" of some form was removed: the message is a reply or
        forward (:rfc:`5256#section-3`, REFERENCES).
    """

    text: str
    is_reply: bool


def base_subject(subject: bytes) -> BaseSubject:
    """Of an unfolded subject as it stands in the header; its case is kept."""
    # Step 1.
    text = _BLANKS.sub(" ", decode_words(subject[: 4 * MAX_CHARACTERS]))[:MAX_CHARACTERS]
    return _Stripping(text).run()


class _Stripping:
    """The text between two places, which come nearer to each other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lower = text.lower() if text.isascii() else _lower_ascii(text)
        self._start, self._stop = 0, len(text)
        self._is_reply = False
        # Blobs up to here lead to no "re:": a thousand of them are not looked at a thousand times.
        self._barren = 0

    def run(self) -> BaseSubject:
        """Steps 2 to 7."""
        while True:
            self._strip_trailers()
            while self._strip_leader() or self._strip_blob():
                pass
            if not self._strip_forward():
                break
        return BaseSubject(self._text[self._start : self._stop], self._is_reply)

    def _strip_trailers(self) -> None:
        # Step 2.
        while True:
            self._stop = self._without_blanks()
            start = self._stop - len(_TRAILER)
            if start < self._start or not self._lower.startswith(_TRAILER, start):
                return
            self._stop = start
            self._is_reply = True

    def _without_blanks(self) -> int:
        stop = self._stop
        while stop > self._start and self._text[stop - 1] == " ":
            stop -= 1
        return stop

    def _strip_leader(self) -> bool:
        # Step 3: white space, or blobs and a "re:".
        if self._start < self._stop and self._text[self._start] == " ":
            self._start += 1
            return True
        if self._start < self._barren:
            return False
        position = self._start
        while (end := self._blob(position)) is not None:
            position = end
        self._barren = position
        found = _REFWD.match(self._text, position, self._stop)
        if found is None:
            return False
        position = self._blob(found.end()) or found.end()
        if position >= self._stop or self._text[position] != ":":
            return False
        self._start = position + 1
        self._is_reply = True
        return True

    def _strip_blob(self) -> bool:
        # Step 4: unless nothing would be left.
        end = self._blob(self._start)
        if end is None or end >= self._stop:
            return False
        self._start = end
        return True

    def _blob(self, position: int) -> int | None:
        """Where a subj-blob ends that starts there, white space behind it included."""
        if position >= self._stop or self._text[position] != "[":
            return None
        end = self._text.find("]", position, self._stop)
        if end < 0 or self._text.find("[", position + 1, end) >= 0:
            return None
        end += 1
        while end < self._stop and self._text[end] == " ":
            end += 1
        return end

    def _strip_forward(self) -> bool:
        # Step 6.
        if not (
            self._lower.startswith(_HEADER, self._start, self._stop)
            and self._text[self._stop - 1] == "]"
        ):
            return False
        self._start = self._barren = self._start + len(_HEADER)
        self._stop -= 1
        self._is_reply = True
        return True


def _lower_ascii(text: str) -> str:
    # Of the same length: some characters are two in lower case.
    return text.translate(_LOWER)


_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
