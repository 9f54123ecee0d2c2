"""
Entries of annotations (:rfc:`5464#section-3.2`): their names, whose they are, and which are meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pymta.errors import AnnotationTooLarge, NotPermitted, TooManyAnnotations, UnknownUse
from pymta.interfaces.annotations import Depth
from pymta.mailbox import SPECIAL_USES

__all__ = [
    "MAX_ENTRIES",
    "SHARED",
    "SPECIAL_USE",
    "checked_asked",
    "checked_entry",
    "checked_uses",
    "checked_values",
    "meant",
    "refused",
    "room",
    "uses_of",
    "whose",
]

MAX_VALUE = 32_768
"""
Octets of a value: a small picture; :rfc:`5464#section-4.1` wants 1,024.  Half of what fits into a
command of IMAP, so that one which is too long is told so.
"""

MAX_ENTRIES = 100
"""
Of each account in a mailbox, or of the server; :rfc:`5464#section-4.1` wants 10.  As many names
of entries that were removed are remembered.
"""

SPECIAL_USE = "/private/specialuse"
"""What a mailbox is for (:rfc:`6154#section-5.4`)."""

SHARED = ""
"""Whose an entry is that all share."""

_MAX_NAME = 255

# RFC 5464 section 3.2 forbids 0x00 to 0x19; the six controls behind them are of no use either.
_ASKED = re.compile(r"/(?:private|shared)(?:/[^/*%\x00-\x1f\x7f-\U0010ffff]+)*")


def checked_entry(name: str) -> str:
    """
    In small letters.

    :raises ValueError: a name that no entry can have.
    """
    folded = checked_asked(name)
    levels = folded.split("/")
    # RFC 5464 section 3.2: two components, and four where the second is "vendor".
    if len(levels) < (5 if levels[2:3] == ["vendor"] else 3):
        raise ValueError("no name of an entry")
    return folded


def checked_asked(name: str) -> str:
    """
    The same for a name that is asked for: entries below it may be meant.

    :raises ValueError: no entry can have it, or be below it.
    """
    folded = name.lower() if name.isascii() else name
    if len(name) > _MAX_NAME or not _ASKED.fullmatch(folded):
        raise ValueError("no name of an entry")
    return folded


def checked_values(values: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    """
    By their names in small letters.

    :raises ValueError: a name that no entry can have.
    :raises AnnotationTooLarge: a value that is too long.
    """
    checked = {checked_entry(name): value for name, value in values.items()}
    for name, value in checked.items():
        if value is not None and len(value) > MAX_VALUE:
            raise AnnotationTooLarge(f"{len(value)} octets for {name}", MAX_VALUE)
    return checked


def room(there: Iterable[tuple[str, str]], new: Iterable[tuple[str, str]]) -> None:
    """
    Whether there is room for more.

    :param there: whose, and which, has a value and keeps it; :param new: what gets one.
    :raises TooManyAnnotations: somebody would have too many.
    """
    counted: dict[str, int] = {}
    for who, _ in {*there, *new}:
        counted[who] = counted.get(who, 0) + 1
    if any(count > MAX_ENTRIES for count in counted.values()):
        raise TooManyAnnotations(f"more than {MAX_ENTRIES} annotations")


def whose(entry: str, who: str) -> str:
    """Whose an entry is that somebody asks for."""
    return who if entry.startswith("/private/") else SHARED


def meant(entry: str, asked: Iterable[tuple[str, Depth]]) -> bool:
    """Whether an entry is one of those that are asked for (:rfc:`5464#section-4.2.2`)."""
    return any(_meant(entry, name, depth) for name, depth in asked)


def _meant(entry: str, name: str, depth: Depth) -> bool:
    if entry == name:
        return True
    if depth is Depth.ZERO or not entry.startswith(name + "/"):
        return False
    return depth is Depth.INFINITY or "/" not in entry[len(name) + 1 :]


def checked_uses(uses: frozenset[str]) -> frozenset[str]:
    """
    In their usual spelling.

    :raises UnknownUse: another one (:rfc:`6154#section-3`).
    """
    known = {use.lower(): use for use in SPECIAL_USES}
    unknown = [use for use in uses if use.lower() not in known]
    if unknown:
        raise UnknownUse(f"no mailbox is for {', '.join(sorted(unknown))}")
    return frozenset(known[use.lower()] for use in uses)


def uses_of(value: bytes | None) -> frozenset[str]:
    """:raises UnknownUse: as :func:`checked_uses`."""
    return checked_uses(frozenset((value or b"").decode("ascii", "replace").split()))


def refused(entry: str) -> NotPermitted:
    """What is said where an entry is read-only."""
    return NotPermitted(f"{entry} is read-only")
