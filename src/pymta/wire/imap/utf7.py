"""
Mailbox names on the wire of IMAP4rev1: modified UTF-7 (:rfc:`3501#section-5.1.3`).

``&`` begins Base64 of UTF-16 (with ``,`` for ``/``, without padding), ``-`` ends it, ``&-`` is
an ampersand.  Reading is strict: one name has one spelling, or two sessions could disagree about
which mailbox is meant.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from typing import Final

__all__ = ["decode", "encode"]

_PRINTABLE: Final = re.compile(rb"[ -~]*")
_SHIFTED: Final = re.compile(rb"&([^-]*)-")
_UNPRINTABLE: Final = re.compile(r"[^ -~]+|&")


def decode(octets: bytes) -> str:
    """
    The text of a name.

    :raises ValueError: it is no modified UTF-7, or not its one right spelling.
    """
    if not _PRINTABLE.fullmatch(octets):
        raise ValueError("a name with octets beyond printable ASCII")
    if b"&" not in octets:
        return octets.decode("ascii")
    parts = []
    at = 0
    while (shift := octets.find(b"&", at)) >= 0:
        parts.append(octets[at:shift].decode("ascii"))
        match = _SHIFTED.match(octets, shift)
        if match is None:
            raise ValueError("a shift without its end")
        parts.append(_unshifted(match[1]))
        at = match.end()
    parts.append(octets[at:].decode("ascii"))
    text = "".join(parts)
    # Also what could stand for itself, and two shifts in a row: RFC 3501 section 5.1.3.
    if encode(text) != octets:
        raise ValueError("not the one spelling of this name")
    return text


def encode(text: str) -> bytes:
    """
    A name as octets.

    :raises ValueError: a lone surrogate, which no text holds.
    """
    if text.isascii() and "&" not in text and text.isprintable():
        return text.encode("ascii")
    return _UNPRINTABLE.sub(_shifted, text).encode("ascii")


def _unshifted(base64: bytes) -> str:
    if not base64:
        return "&"
    try:
        octets = a2b_base64(
            base64.replace(b",", b"/") + b"=" * (-len(base64) % 4), strict_mode=True
        )
    except Base64Error:
        raise ValueError("no Base64 in a name") from None
    return octets.decode("utf-16-be")  # UnicodeDecodeError is a ValueError


def _shifted(match: re.Match[str]) -> str:
    if match[0] == "&":
        return "&-"
    base64 = b2a_base64(match[0].encode("utf-16-be"), newline=False).rstrip(b"=")
    return f"&{base64.replace(b'/', b',').decode('ascii')}-"
