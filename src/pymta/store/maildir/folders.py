"""
Names of folders (Maildir++): ``a/b`` is ``.a.b`` beside ``INBOX``, which is the root itself.

Levels are in modified UTF-7 (:rfc:`3501#section-5.1.3`).  A dot in a level is ``\\2e``, a
backslash ``\\5c``: the spelling of Dovecot's plug-in ``listescape``; without it Dovecot shows them
so.  A name that is too long for one of a folder is kept in a file in it.
"""

from __future__ import annotations

import hashlib
import re

from pymta.mailbox import INBOX, MailboxName
from pymta.store._names import checked
from pymta.wire.imap import utf7

__all__ = ["ROOT", "folder_of", "is_folder", "name_of", "stands_for"]

ROOT = ""
"""The folder of INBOX."""

_LONGEST = 240
"""Octets: 255 is what file systems take, and other programs add something of their own."""
_HASHED = ".pymta-name-"
_ESCAPED = re.compile(rb"[.\\]")
_ESCAPE = re.compile(rb"\\([0-9a-fA-F]{2})")


def folder_of(name: MailboxName) -> str:
    """The folder for a new mailbox of this name."""
    if name == INBOX:
        return ROOT
    folder = b"".join(b"." + _escaped(level) for level in name.split("/")).decode("ascii")
    return folder if len(folder) <= _LONGEST else _HASHED + _digest(name)


def stands_for(folder: str, name: str) -> bool:
    """Whether a folder is that of a name which is too long for one."""
    return folder == _HASHED + _digest(name)


def is_folder(entry: str) -> bool:
    """Whether a folder of this name is one of a mailbox."""
    return len(entry) > 1 and entry[0] == "." and entry != ".."


def name_of(folder: str) -> MailboxName | None:
    """
    What the mailbox in a folder is called; None if nothing can be called so.

    Not always its one right spelling: what other programs made has the name that it looks like.
    """
    levels = [_unescaped(level) for level in folder[1:].split(".")]
    try:
        name = checked("/".join(levels))
    except ValueError:
        return None
    return name if name.count("/") == len(levels) - 1 and name != INBOX else None


def _escaped(level: str) -> bytes:
    return _ESCAPED.sub(lambda match: b"\\%02x" % match[0][0], utf7.encode(level))


def _unescaped(level: str) -> str:
    try:
        octets = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), level.encode("ascii"))
        return utf7.decode(octets)
    except ValueError:
        return level


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]
