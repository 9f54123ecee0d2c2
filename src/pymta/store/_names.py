"""
Names of mailboxes (:rfc:`3501#section-5.1`): levels parted by ``/``, Unicode in NFC.

``INBOX`` is one name in any case, also as the first level of a longer one: ``Inbox/a`` would
otherwise have a parent that is not the inbox and cannot be told from it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

from pymta.errors import MailboxError, MailboxExists
from pymta.mailbox import INBOX, UID, MailboxInfo, MailboxName, ModSeq, UIDValidity

__all__ = ["checked", "nobody", "normal", "parents", "renamed", "sort_key"]

MAX_LEVEL = 255
MAX_NAME = 1000
MAX_LEVELS = 32

# Cc: controls; Zl, Zp: U+2028 and U+2029 end lines in too many programs; Cs: no UTF-8 has them.
_FORBIDDEN = {"Cc", "Zl", "Zp", "Cs"}


def normal(name: str) -> MailboxName:
    """The one spelling that a mailbox of this name would have; never raises."""
    name = unicodedata.normalize("NFC", name)
    first, slash, rest = name.partition("/")
    # A dotless i has the capital of an i, and is none.
    if first.isascii() and first.upper() == INBOX:
        first = INBOX
    return MailboxName(first + slash + rest)


def checked(name: str) -> MailboxName:
    """
    :func:`normal`, for a name that is to be kept.

    :raises ValueError: empty levels, control characters, more than 255 octets a level or 1,000
        altogether, more than 32 levels.
    """
    if any(unicodedata.category(character) in _FORBIDDEN for character in name):
        raise ValueError("control character in a mailbox name")
    name = normal(name)
    levels = name.split("/")
    if not all(levels):
        raise ValueError("empty level in a mailbox name")
    if len(levels) > MAX_LEVELS:
        raise ValueError(f"mailbox name of more than {MAX_LEVELS} levels")
    if len(name.encode()) > MAX_NAME or any(len(level.encode()) > MAX_LEVEL for level in levels):
        raise ValueError("mailbox name too long")
    return name


def parents(name: MailboxName) -> list[MailboxName]:
    """The levels above, from the top."""
    levels = name.split("/")
    return [MailboxName("/".join(levels[:n])) for n in range(1, len(levels))]


def renamed(
    old: MailboxName, new: MailboxName, names: Collection[MailboxName]
) -> dict[MailboxName, MailboxName]:
    """
    What ``old`` and all levels below it, of ``names``, are called after a rename; it first.

    :raises ValueError: a level below would have no name of a mailbox.
    :raises MailboxExists: it would have that of another one.
    :raises MailboxError: ``new`` is below ``old``.
    """
    start = old + "/"
    if new.startswith(start):
        raise MailboxError(f"{old} cannot move below itself")
    levels = sorted(name for name in names if name.startswith(start))
    result = {old: new} | {name: checked(new + name[len(old) :]) for name in levels}
    for name in result.values():
        if name in names and name not in result:
            raise MailboxExists(f"{name} is there already")
    return result


def nobody(name: MailboxName) -> MailboxInfo:
    """What LIST says of a subscribed name that no mailbox has."""
    return MailboxInfo(
        name=name,
        id="",
        uid_validity=UIDValidity(0),
        uid_next=UID(0),
        modseq=ModSeq(0),
        messages=0,
        unseen=0,
        deleted=0,
        size=0,
        subscribed=True,
        exists=False,
    )


def sort_key(name: MailboxName) -> tuple[bool, list[str]]:
    """Orders by levels, INBOX and what is below it first."""
    levels = name.split("/")
    return levels[0] != INBOX, levels
