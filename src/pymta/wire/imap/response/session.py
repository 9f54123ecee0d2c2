"""
Lines about the session: CAPABILITY, ENABLED, ID (:rfc:`3501#section-7.2.1`, :rfc:`5161`,
:rfc:`2971`), and "go on".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pymta.wire.imap.response import atoms

__all__ = ["GO_ON", "capability_line", "continuation", "enabled_line", "id_line"]

#: Consent to a literal (RFC 3501 section 7.5).
GO_ON: Final = b"+ go on\r\n"


def capability_line(words: Iterable[str]) -> bytes:
    """``* CAPABILITY IMAP4rev1 …``"""
    return b"* CAPABILITY " + " ".join(words).encode("ascii") + b"\r\n"


def enabled_line(names: Iterable[str]) -> bytes:
    """``* ENABLED CONDSTORE``; of no names too (:rfc:`5161#section-3.2`)."""
    return " ".join(["* ENABLED", *names]).encode("ascii") + b"\r\n"


def id_line(fields: Mapping[str, str]) -> bytes:
    """``* ID ("name" "pymta")``, or NIL."""
    if not fields:
        return b"* ID NIL\r\n"
    pairs = (atoms.string(word.encode("utf-8")) for pair in fields.items() for word in pair)
    return b"* ID " + atoms.parenthesised(pairs) + b"\r\n"


def continuation(text: str) -> bytes:
    """``+ text``: the client may go on."""
    return b"+ " + text.encode("ascii") + b"\r\n"
