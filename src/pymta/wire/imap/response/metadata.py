"""
Lines and codes about annotations (:rfc:`5464#section-4.4`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pymta.mailbox import MailboxName
from pymta.wire.imap.response import atoms
from pymta.wire.imap.response.codes import Code

__all__ = [
    "NO_PRIVATE",
    "TOO_MANY",
    "long_entries",
    "max_size",
    "metadata_changed_line",
    "metadata_line",
]

TOO_MANY: Final = Code("METADATA", b"TOOMANY")
NO_PRIVATE: Final = Code("METADATA", b"NOPRIVATE")


def long_entries(size: int) -> Code:
    """So many octets has the longest value that was not told (:rfc:`5464#section-4.2.1`)."""
    return Code("METADATA", b"LONGENTRIES %d" % size)


def max_size(limit: int) -> Code:
    """So many octets may a value have (:rfc:`5464#section-4.3`)."""
    return Code("METADATA", b"MAXSIZE %d" % limit)


def metadata_line(
    name: MailboxName | None, values: Mapping[str, bytes | None], *, utf8: bool
) -> bytes:
    """
    ``* METADATA INBOX (/shared/comment "…")``

    :param name: None is the server; :param values: at least one; None for what is not there.
    """
    pairs = (
        b"%s %s" % (atoms.astring(entry.encode("utf-8")), _value(value))
        for entry, value in values.items()
    )
    return b"* METADATA %s %s\r\n" % (_name(name, utf8=utf8), atoms.parenthesised(pairs))


def metadata_changed_line(name: MailboxName | None, entries: Iterable[str], *, utf8: bool) -> bytes:
    """``* METADATA INBOX /shared/comment /private/comment``: somebody changed these."""
    names = b" ".join(atoms.astring(entry.encode("utf-8")) for entry in sorted(entries))
    return b"* METADATA %s %s\r\n" % (_name(name, utf8=utf8), names)


def _name(name: MailboxName | None, *, utf8: bool) -> bytes:
    return b'""' if name is None else atoms.mailbox(name, utf8=utf8)


def _value(value: bytes | None) -> bytes:
    # RFC 5464 section 5: nstring or literal8, which alone can hold NUL
    if value is not None and b"\0" in value:
        return atoms.literal8(value)
    return atoms.nstring(value)
