"""
The lexical elements that structured fields share: folding white space, comments, quoted
strings (:rfc:`5322#section-3.2`).

Each function takes the octets and a position, and gives what it read and the position behind.
An element without an end ends with the octets: every position is visited once, whatever a
stranger wrote.
"""

from __future__ import annotations

import re

__all__ = ["read_comment", "read_quoted", "skip_blank", "unquote"]

_BLANKS = frozenset((b" ", b"\t", b"\r", b"\n", b"("))
_BLANK = re.compile(rb"[ \t\r\n]*")
_QUOTED = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*("?)', re.DOTALL)
_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_EDGE = re.compile(rb"\\.|[()]", re.DOTALL)
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


_LONGEST = 8 * 1024
"""
Octets of a comment or quoted string that are read, more than all header lines of most messages: a
longer comment has no end, and a longer string is cut.
"""

_MOST_COMMENTS = 100
"""Comments in a row; people write one."""


def skip_blank(octets: bytes, position: int) -> int:
    """
    Skip white space and comments; the position of what follows, or of a comment too many.
    """
    for _comment in range(_MOST_COMMENTS):
        if octets[position : position + 1] not in _BLANKS:
            break
        found = _BLANK.match(octets, position)
        assert found is not None
        position = found.end()
        if octets[position : position + 1] == b"(":
            position = read_comment(octets, position)[1]
    return position


def read_comment(octets: bytes, position: int) -> tuple[bytes, int]:
    """Read the comment that starts here: its text, quoted pairs resolved, comments within kept."""
    depth = 0
    for found in _EDGE.finditer(octets, position, position + _LONGEST):
        edge = found[0]
        if edge == b"(":
            depth += 1
        elif edge == b")":
            depth -= 1
            if depth == 0:
                return unquote(octets[position + 1 : found.start()]), found.end()
    return unquote(octets[position + 1 : position + _LONGEST]), len(octets)


def read_quoted(octets: bytes, position: int) -> tuple[bytes, int, bool]:
    """Read the quoted string that starts here: its text, and whether it has an end."""
    found = _QUOTED.match(octets, position)
    assert found is not None
    ended = found[1] == b'"'
    stop = min(found.end() - ended, position + 1 + _LONGEST)
    return unquote(octets[position + 1 : stop]), found.end(), ended


def unquote(octets: bytes) -> bytes:
    """Unfold, and resolve quoted pairs."""
    if b"\n" in octets:
        octets = _FOLD.sub(b"", octets)
    return _PAIR.sub(rb"\1", octets) if b"\\" in octets else octets
