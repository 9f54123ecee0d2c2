"""
``dovecot-uidlist``, version 3: which UID a file has, by the part of its name before the colon.

The first line is ``3 V<UIDVALIDITY> N<next UID> G<id of the mailbox>``, all others are
``<UID> <keyword letter and value> … :<name>``, ascending.  Lines are appended; one without its file
is void, and goes when somebody writes the list anew.  It is read and written under
``dovecot-uidlist.lock``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["LIST", "LOCK", "Entry", "UIDList", "lines", "parse", "whole"]

LIST = "dovecot-uidlist"
LOCK = "dovecot-uidlist.lock"

_MOST = 2**32 - 1
_GUID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Entry:
    """:param extras: what else the line says, by its letter; ``G`` is the id of what it copies."""

    uid: int
    extras: tuple[str, ...] = ()

    @property
    def guid(self) -> str | None:
        """The id of the message, where it is not its name."""
        return next((extra[1:] for extra in self.extras if extra[:1] == "G"), None)


@dataclass(slots=True, kw_only=True)
class UIDList:
    """
    A list as it was read.

    :param guid: empty where it has none.
    :param sound: False if somebody should write it anew: lines that are none, or out of order.
    """

    validity: int
    uid_next: int
    guid: str = ""
    sound: bool = True
    count: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)


def parse(octets: bytes) -> UIDList | None:
    """What a file says; None if its first line is none of a list."""
    first, *rest = octets.decode("utf-8", "surrogateescape").split("\n")
    made = _header(first)
    if made is None:
        return None
    last = 0
    for line in rest:
        if not line:
            continue
        made.count += 1
        left, colon, name = line.partition(" :")
        uid, *extras = left.split(" ")
        if not colon and len(extras) == 1:  # version 1: "uid name"
            name, extras = extras.pop(), []
        if not (uid.isdecimal() and uid.isascii() and last < int(uid) <= _MOST and name):
            made.sound = False
            continue
        last = int(uid)
        made.entries[name.partition(":")[0]] = Entry(last, tuple(extras))
    made.uid_next = max(made.uid_next, last + 1)
    # A line without its end is one that somebody was about to write when the world ended.
    made.sound = made.sound and rest[-1:] == [""]
    return made


def _header(line: str) -> UIDList | None:
    version, *words = line.split(" ")
    if version == "1" and len(words) == 2:
        words = ["V" + words[0], "N" + words[1]]
    elif version != "3":
        return None
    found = {word[0]: word[1:] for word in words if word}
    validity, uid_next = found.get("V", ""), found.get("N", "")
    if not (_number(validity) and _number(uid_next)):
        return None
    guid = found.get("G", "")
    # It is a part of names of ours: another is as none (S14).
    return UIDList(
        validity=int(validity),
        uid_next=int(uid_next),
        guid=guid if _GUID.fullmatch(guid) else "",
    )


def _number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text) <= _MOST


def lines(entries: Iterable[tuple[int, str | None, str]]) -> bytes:
    """
    Lines to be appended.

    :param entries: UID, id if it is not the name, and name; ascending.
    """
    made = [
        f"{uid} G{guid} :{base}\n" if guid else f"{uid} :{base}\n" for uid, guid, base in entries
    ]
    return "".join(made).encode()


def whole(
    validity: int, uid_next: int, *, guid: str, entries: Iterable[tuple[int, str | None, str]]
) -> bytes:
    """A whole list."""
    return f"3 V{validity} N{uid_next} G{guid}\n".encode() + lines(entries)
