"""
Status responses: OK, NO, BAD, PREAUTH and BYE (:rfc:`3501#section-7.1`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from pymta.wire.imap.response.codes import Code

__all__ = ["BAD", "NO", "OK", "Ending", "bye", "preauth", "tagged", "untagged"]

#: Text of a status response; long ones are cut, as a client may keep lines in a small buffer.
_TEXT: Final = 900
_UNSAYABLE: Final = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class OK:
    """Done."""

    text: str
    code: Code | None = None


@dataclass(frozen=True, slots=True)
class NO:
    """Not done, though it was understood."""

    text: str
    code: Code | None = None


@dataclass(frozen=True, slots=True)
class BAD:
    """Not understood, or against the protocol."""

    text: str
    code: Code | None = None


Ending: TypeAlias = OK | NO | BAD
"""How a command ends."""


def tagged(tag: str, ending: Ending) -> bytes:
    """The line that ends the command with this tag."""
    return _line(tag.encode("ascii"), type(ending).__name__.encode(), ending.text, ending.code)


def untagged(ending: Ending) -> bytes:
    """The same, about no command in particular."""
    return _line(b"*", type(ending).__name__.encode("ascii"), ending.text, ending.code)


def bye(text: str, code: Code | None = None) -> bytes:
    """The server is about to close."""
    return _line(b"*", b"BYE", text, code)


def preauth(text: str, code: Code | None = None) -> bytes:
    """A greeting that needs no login."""
    return _line(b"*", b"PREAUTH", text, code)


def _line(tag: bytes, word: bytes, text: str, code: Code | None) -> bytes:
    # RFC 3501 section 9: resp-text has at least one character, and is ASCII.
    said = _UNSAYABLE.sub("?", text)[:_TEXT].encode("ascii") or b"-"
    if code is not None:
        return b"%s %s %s %s\r\n" % (tag, word, code.octets, said)
    if said.startswith(b"["):
        # It would be read as a code.
        said = b"- " + said
    return b"%s %s %s\r\n" % (tag, word, said)
