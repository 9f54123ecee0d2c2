"""
FETCH responses: what is told of a message (:rfc:`9051#section-7.5.2`).

Many messages are written by one form, ``* %d FETCH (FLAGS %b UID %d)``, into which their columns
go: a third of the time that joining item after item takes.  Octets of a message are literals,
which may be written in slices: what is in front, the octets, and what is behind.

A literal holds what the message holds.  NUL should not be in one, and a client that counts
octets bears it; to put something in its place would tell another message than was signed, and a
``~{n}`` outside of BINARY is understood by nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from pymta.wire.imap.response import atoms
from pymta.wire.imap.response.envelope import utf8_string

__all__ = [
    "RECENT",
    "Form",
    "binary_item",
    "date_value",
    "dates",
    "email_ids",
    "fetch_line",
    "flags_value",
    "literal8_beginning",
    "literal_beginning",
    "preview_value",
    "section_item",
    "uid_fetch_line",
]

RECENT: Final = "\\Recent"


def fetch_line(number: int, items: Iterable[bytes]) -> bytes:
    """One response; at least one item."""
    return b"* %d FETCH (%b)\r\n" % (number, b" ".join(items))


def uid_fetch_line(uid: int, items: Iterable[bytes]) -> bytes:
    """For a client that enabled UIDONLY (RFC 9586 section 3.3)."""
    return b"* %d UIDFETCH (%b)\r\n" % (uid, b" ".join(items))


class Form:
    """
    The form of responses that have the same items.

    :param items: each with a place for its value, if it has one: ``RFC822.SIZE %d``.
    """

    __slots__ = ("_form",)

    def __init__(self, items: Sequence[bytes], *, word: bytes = b"FETCH") -> None:
        self._form = b"* %d " + word + b" (" + b" ".join(items)

    def lines(self, numbers: Sequence[int], columns: Sequence[Iterable[Any]]) -> bytes:
        """
        Whole responses.

        :param numbers: of the messages, or their UIDs.
        :param columns: the values of each item that has one, for all messages.
        """
        form = self._form + b")\r\n"
        return b"".join([form % values for values in zip(numbers, *columns, strict=True)])

    def beginnings(self, numbers: Sequence[int], columns: Sequence[Iterable[Any]]) -> list[bytes]:
        """The same, one by one and up to the last item: more may follow, then the end."""
        form = self._form
        return [form % values for values in zip(numbers, *columns, strict=True)]


# -- values -----------------------------------------------------------------------


# A mailbox has few combinations: 0.1 us in place of 2.  Clients may make others, of a thousand
# flags each: 512 of those are 30 MB.
@lru_cache(maxsize=512)
def flags_value(flags: frozenset[str], recent: bool = False) -> bytes:
    """``(\\Answered \\Seen)``.  :param recent: with ``\\Recent``, which no store knows."""
    return atoms.flags({*flags, RECENT} if recent else flags)


@lru_cache(maxsize=4096)  # many messages come in one second, and mailboxes are listed again
def date_value(moment: datetime | None) -> bytes:
    """``"17-Jul-1996 02:44:25 -0700"``; NIL where it is not known (:rfc:`8514#section-4.2`)."""
    return atoms.NIL if moment is None else atoms.date_time(moment)


def dates(moments: Sequence[datetime | None]) -> Iterable[bytes]:
    """A column of :func:`date_value`."""
    return map(date_value, moments)


def email_ids(ids: Sequence[str]) -> Iterable[bytes]:
    """A column of what stands in ``EMAILID (…)`` (:rfc:`8474#section-5.1`)."""
    return [each.encode("ascii") for each in ids]


def preview_value(text: str | None, *, utf8: bool) -> bytes:
    """
    A preview; NIL for one that costs too much now (:rfc:`8970#section-3.2`).

    :param utf8: for a client that takes UTF-8 in quoted strings.
    """
    if text is None:
        return atoms.NIL
    return utf8_string(text.encode()) if utf8 else atoms.string(text.encode())


# -- octets -----------------------------------------------------------------------


def section_item(label: bytes, octets: bytes | None) -> bytes:
    """``BODY[1] {3}…``; NIL for a section that is not there."""
    return label + b" NIL" if octets is None else b"%b {%d}\r\n%b" % (label, len(octets), octets)


def binary_item(label: bytes, octets: bytes | None) -> bytes:
    """
    ``BINARY[1] ~{3}…`` (:rfc:`3516#section-4.3`).

    Without NUL it is a string, so that nobody has to look for one.
    """
    if octets is None or b"\0" not in octets:
        return section_item(label, octets)
    return b"%b ~{%d}\r\n%b" % (label, len(octets), octets)


def literal_beginning(label: bytes, size: int) -> bytes:
    """What is in front of octets that follow in slices; nothing is behind them."""
    return b"%b {%d}\r\n" % (label, size)


def literal8_beginning(label: bytes, size: int) -> bytes:
    """The same, for octets that may hold NUL."""
    return b"%b ~{%d}\r\n" % (label, size)
