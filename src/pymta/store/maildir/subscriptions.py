"""
``subscriptions``: one name a line, as Dovecot writes them.

Version 2 parts levels by tabs, below a line ``V<tab>2``; the older one, which other programs write
too, by dots.  Levels are in modified UTF-7.
"""

from __future__ import annotations

from collections.abc import Iterable

from pymta.mailbox import INBOX, MailboxName
from pymta.store._names import checked
from pymta.store.maildir.folders import name_of
from pymta.wire.imap import utf7

__all__ = ["FILE", "LOCK", "parse", "written"]

FILE = "subscriptions"
LOCK = "subscriptions.lock"

_VERSION_2 = "V\t2"


def parse(octets: bytes) -> set[MailboxName]:
    """Names; what can be none is passed over."""
    lines = octets.decode("ascii", "replace").split("\n")
    read = _tabbed if lines[0] == _VERSION_2 else _dotted
    found = (read(line) for line in lines if line and line != _VERSION_2)
    return {name for name in found if name is not None}


def written(names: Iterable[MailboxName]) -> bytes:
    """The file, in version 2."""
    lines = [_VERSION_2, "", *sorted(map(_line, names))]
    return "".join(line + "\n" for line in lines).encode()


def _line(name: MailboxName) -> str:
    return "\t".join(utf7.encode(level).decode("ascii") for level in name.split("/"))


def _tabbed(line: str) -> MailboxName | None:
    try:
        return checked("/".join(_level(level) for level in line.split("\t")))
    except ValueError:
        return None


def _level(level: str) -> str:
    try:
        return utf7.decode(level.encode("ascii"))
    except ValueError:
        return level


def _dotted(line: str) -> MailboxName | None:
    return INBOX if line == INBOX else name_of("." + line)
