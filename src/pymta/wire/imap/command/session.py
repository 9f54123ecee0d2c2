"""
What concerns the session as a whole: CAPABILITY, NOOP, ID, ENABLE, COMPRESS, IDLE, LOGOUT's kin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pymta.wire.imap.cursor import Cursor

__all__ = [
    "ID",
    "Capabilities",
    "Compress",
    "Enable",
    "Idle",
    "Noop",
    "parse_capability",
    "parse_compress",
    "parse_enable",
    "parse_id",
    "parse_idle",
    "parse_noop",
]

# RFC 2971 section 3.3: at most 30 pairs, names of 30 octets, values of 1,024
_ID_PAIRS: Final = 30
_ID_FIELD: Final = 30
_ID_VALUE: Final = 1024


@dataclass(frozen=True, slots=True)
class Capabilities:
    """CAPABILITY: the machine answers it itself."""


@dataclass(frozen=True, slots=True)
class Noop:
    """NOOP: a moment to tell what is new."""


@dataclass(frozen=True, slots=True)
class ID:
    """
    ID (:rfc:`2971`).

    :param fields: what the client says of itself, names in lower case; empty for NIL.
    """

    fields: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Enable:
    """
    ENABLE (:rfc:`5161`): answered through :meth:`~pymta.wire.imap.server.IMAPServer.enable`.

    :param names: in upper case, unknown ones too: those are passed over.
    """

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compress:
    """
    COMPRESS (:rfc:`4978`): answered with ``compress`` or ``finish``.

    :param method: in upper case.
    """

    method: str


@dataclass(frozen=True, slots=True)
class Idle:
    """IDLE (:rfc:`2177`): answered with ``idling``, and with ``finish`` after ``IdleDone``."""


def parse_capability(_cursor: Cursor) -> Capabilities:
    """No arguments."""
    return Capabilities()


def parse_noop(_cursor: Cursor) -> Noop:
    """No arguments."""
    return Noop()


def parse_idle(_cursor: Cursor) -> Idle:
    """No arguments."""
    return Idle()


def parse_id(cursor: Cursor) -> ID:
    """NIL, or pairs of field and value in parentheses."""
    cursor.space()
    if cursor.peek() != b"(":
        if cursor.nstring() is not None:
            raise cursor.bad("list or NIL expected")
        return ID(())
    strings = cursor.listed_or_none(Cursor.nstring)
    if len(strings) % 2:
        raise cursor.bad("pairs expected")
    pairs = zip(strings[: 2 * _ID_PAIRS : 2], strings[1 : 2 * _ID_PAIRS : 2], strict=True)
    return ID(tuple(_id_pair(cursor, name, value) for name, value in pairs))


def parse_enable(cursor: Cursor) -> Enable:
    """At least one name."""
    names = []
    while cursor.peek(2) not in (b"", b" "):
        cursor.space()
        names.append(cursor.word())
    if not names:
        raise cursor.bad("capability expected")
    return Enable(tuple(names))


def parse_compress(cursor: Cursor) -> Compress:
    """One algorithm."""
    cursor.space()
    return Compress(cursor.word())


def _id_pair(cursor: Cursor, name: bytes | None, value: bytes | None) -> tuple[str, str | None]:
    if name is None:
        raise cursor.bad("name of a field expected")
    # Only the log reads it: what is longer than allowed is cut, and no client turned away for it.
    said = None if value is None else value[:_ID_VALUE].decode("utf-8", "replace")
    return name[:_ID_FIELD].decode("ascii", "replace").lower(), said
