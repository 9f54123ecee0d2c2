"""
Response codes: what a program reads in a status response (:rfc:`3501#section-7.1`, :rfc:`5530`).

Those without arguments are constants, the others functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pymta.mailbox import UIDSet
from pymta.wire.imap.response import atoms

__all__ = [
    "ALERT",
    "ALREADYEXISTS",
    "AUTHENTICATIONFAILED",
    "AUTHORIZATIONFAILED",
    "CANNOT",
    "CLIENTBUG",
    "CLOSED",
    "COMPRESSIONACTIVE",
    "CONTACTADMIN",
    "CORRUPTION",
    "EXPIRED",
    "EXPUNGEISSUED",
    "HASCHILDREN",
    "INUSE",
    "LIMIT",
    "NOMODSEQ",
    "NONEXISTENT",
    "NOPERM",
    "NOTIFICATIONOVERFLOW",
    "NOTSAVED",
    "OVERQUOTA",
    "PARSE",
    "PRIVACYREQUIRED",
    "READ_ONLY",
    "READ_WRITE",
    "SERVERBUG",
    "TOOBIG",
    "TRYCREATE",
    "UIDNOTSTICKY",
    "UIDREQUIRED",
    "UNAVAILABLE",
    "UNKNOWN_CTE",
    "USEATTR",
    "Code",
    "append_uid",
    "bad_charset",
    "bad_event",
    "bad_url",
    "capability",
    "copy_uid",
    "highest_modseq",
    "in_progress",
    "mailbox_id",
    "message_limit",
    "modified",
    "no_update",
    "permanent_flags",
    "uid_next",
    "uid_validity",
    "unseen",
]

_NAME: Final = re.compile(r"[!#-'+-\[^-z|-~]+")
_ARGUMENTS: Final = re.compile(rb"[^\]\r\n\0]*|[^\r\n\0]*\)")


@dataclass(frozen=True, slots=True)
class Code:
    """
    :param name: an atom, in upper case.
    :param arguments: what follows it behind a space.
    """

    name: str
    arguments: bytes = b""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or not _ARGUMENTS.fullmatch(self.arguments):
            raise ValueError(f"no response code: {self.name} {self.arguments!r}")

    @property
    def octets(self) -> bytes:
        """With its brackets."""
        name = self.name.encode("ascii")
        return b"[%s %s]" % (name, self.arguments) if self.arguments else b"[%s]" % name


# RFC 3501 section 7.1
ALERT: Final = Code("ALERT")
PARSE: Final = Code("PARSE")
READ_ONLY: Final = Code("READ-ONLY")
READ_WRITE: Final = Code("READ-WRITE")
TRYCREATE: Final = Code("TRYCREATE")
# RFC 5530 section 3
UNAVAILABLE: Final = Code("UNAVAILABLE")
AUTHENTICATIONFAILED: Final = Code("AUTHENTICATIONFAILED")
AUTHORIZATIONFAILED: Final = Code("AUTHORIZATIONFAILED")
EXPIRED: Final = Code("EXPIRED")
PRIVACYREQUIRED: Final = Code("PRIVACYREQUIRED")
CONTACTADMIN: Final = Code("CONTACTADMIN")
NOPERM: Final = Code("NOPERM")
INUSE: Final = Code("INUSE")
EXPUNGEISSUED: Final = Code("EXPUNGEISSUED")
CORRUPTION: Final = Code("CORRUPTION")
SERVERBUG: Final = Code("SERVERBUG")
CLIENTBUG: Final = Code("CLIENTBUG")
CANNOT: Final = Code("CANNOT")
LIMIT: Final = Code("LIMIT")
OVERQUOTA: Final = Code("OVERQUOTA")
ALREADYEXISTS: Final = Code("ALREADYEXISTS")
NONEXISTENT: Final = Code("NONEXISTENT")
# RFC 4315 section 3
UIDNOTSTICKY: Final = Code("UIDNOTSTICKY")
# RFC 7162 section 3.1.2.2, 3.2.11
NOMODSEQ: Final = Code("NOMODSEQ")
CLOSED: Final = Code("CLOSED")
# RFC 3516 section 4.3
UNKNOWN_CTE: Final = Code("UNKNOWN-CTE")
# RFC 4469 section 5
TOOBIG: Final = Code("TOOBIG")
# RFC 4978 section 3
COMPRESSIONACTIVE: Final = Code("COMPRESSIONACTIVE")
# RFC 5182 section 2.1
NOTSAVED: Final = Code("NOTSAVED")
# RFC 5465 section 5.8
NOTIFICATIONOVERFLOW: Final = Code("NOTIFICATIONOVERFLOW")
# RFC 6154 section 6
USEATTR: Final = Code("USEATTR")
# RFC 9051 section 7.1
HASCHILDREN: Final = Code("HASCHILDREN")
# RFC 9586 section 3
UIDREQUIRED: Final = Code("UIDREQUIRED")


def capability(words: Sequence[str]) -> Code:
    """``CAPABILITY IMAP4rev1 …``"""
    return Code("CAPABILITY", " ".join(words).encode("ascii"))


def permanent_flags(names: Iterable[str], *, more: bool) -> Code:
    """:param more: new keywords can be made: ``\\*``."""
    star = [r"\*"] if more else []
    words = " ".join([*sorted(names), *star])
    return Code("PERMANENTFLAGS", f"({words})".encode("ascii"))


def uid_validity(value: int) -> Code:
    """``UIDVALIDITY 3857529045``"""
    return Code("UIDVALIDITY", b"%d" % value)


def uid_next(value: int) -> Code:
    """``UIDNEXT 4392``"""
    return Code("UIDNEXT", b"%d" % value)


def unseen(number: int) -> Code:
    """The first message without ``\\Seen``; not sent by IMAP4rev2."""
    return Code("UNSEEN", b"%d" % number)


def highest_modseq(value: int) -> Code:
    """:rfc:`7162#section-3.1.2.1`"""
    return Code("HIGHESTMODSEQ", b"%d" % value)


def modified(ranges: UIDSet | Iterable[tuple[int, int]]) -> Code:
    """Not stored, as changed meanwhile (:rfc:`7162#section-3.1.3`)."""
    return Code("MODIFIED", atoms.number_set(ranges))


def append_uid(validity: int, uids: Iterable[int]) -> Code:
    """
    :rfc:`4315#section-3`; of several messages (:rfc:`3502`) the set is in their order, ascending.
    """
    return Code("APPENDUID", b"%d %s" % (validity, atoms.number_set(_runs(uids))))


def copy_uid(validity: int, pairs: Sequence[tuple[int, int]]) -> Code:
    """
    :rfc:`4315#section-3`: the two sets match number by number.

    :param pairs: of old and new UID, ascending; not empty.
    """
    old, new = _runs(pair[0] for pair in pairs), _runs(pair[1] for pair in pairs)
    return Code("COPYUID", b"%d %s %s" % (validity, atoms.number_set(old), atoms.number_set(new)))


def bad_charset(known: Iterable[str]) -> Code:
    """:rfc:`3501#section-7.1`"""
    return Code("BADCHARSET", atoms.parenthesised(name.encode("ascii") for name in known))


def bad_url(url: bytes) -> Code:
    """The part of CATENATE that could not be had (:rfc:`4469#section-5`)."""
    # "]" would end the code; a URL that holds one was none anyway.
    return Code("BADURL", re.sub(rb"[^!-\\^-~]", b"?", url))


def bad_event(known: Iterable[str]) -> Code:
    """Events that can be asked for (:rfc:`5465#section-5`)."""
    return Code("BADEVENT", atoms.parenthesised(name.encode("ascii") for name in known))


def no_update(tag: str) -> Code:
    """:rfc:`5267#section-4.3.2`"""
    return Code("NOUPDATE", atoms.quoted(tag.encode("ascii")))


def mailbox_id(value: str) -> Code:
    """:rfc:`8474#section-4.1`"""
    return Code("MAILBOXID", f"({value})".encode("ascii"))


def in_progress(tag: str, done: int | None = None, goal: int | None = None) -> Code:
    """
    How far a long command has come (RFC 9585 section 4).

    :param done: None where nobody knows; then there is no goal either.
    """
    come = atoms.NIL if done is None else b"%d" % done
    end = atoms.NIL if goal is None else b"%d" % goal
    return Code("INPROGRESS", b"(%s %s %s)" % (atoms.quoted(tag.encode("ascii")), come, end))


def message_limit(limit: int, last: int | None = None) -> Code:
    """
    So many messages at once, and no more (RFC 9738 section 3.1).

    :param last: the lowest UID that was not worked on any more.
    """
    return Code("MESSAGELIMIT", b"%d" % limit if last is None else b"%d %d" % (limit, last))


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
