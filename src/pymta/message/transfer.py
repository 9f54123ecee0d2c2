"""
Transfer encodings, undone to the letter (:rfc:`2045#section-6`), slice by slice.

What is broken raises: octets that were guessed have no place where sizes and signatures are taken
from them.  Whoever reads for people (:mod:`pymta.store._text`) is more generous.

Line ends within decoded text stay as the sender made them: a CR put before each bare LF would
ruin a text in UTF-16 as surely as a picture.
"""

from __future__ import annotations

import binascii
import re
from typing import Protocol

from pymta.errors import EncodingError

__all__ = ["IDENTITY", "Base64", "Identity", "QuotedPrintable", "Transfer", "transfer_of"]

IDENTITY = frozenset(["7bit", "8bit", "binary"])
"""Encodings that encode nothing."""

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BLANK = b" \t\r\n"

# RFC 2045 section 6.7 (1) and (5); lower-case digits are no good form and no ambiguity.
_WRONG = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n)")
# Section 6.7 (3): white space at the end of a line was added on the way.  Possessive, so that a
# megabyte of it is looked at once.
_TRAILING = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n)")
# More of it in a row is no line of 76 characters, and would be held without end.
_MOST_BLANKS = 1000
_BLANKS = b" " * _MOST_BLANKS
_NO_TABS = bytes.maketrans(b"\t", b" ")
_HEX_DIGITS = b"0123456789ABCDEFabcdef"


class Transfer(Protocol):
    """A transfer encoding: ``decode`` each slice, then ``finish``."""

    def decode(self, octets: bytes) -> bytes:
        """
        What is known now.

        :raises EncodingError: it is broken; the decoder is of no use any more.
        """

    def count(self, octets: bytes) -> int:
        """How many octets ``decode`` would give: in place of it, never between two of it."""

    def finish(self, cut: int = 0) -> bytes:
        """
        The rest.

        :param cut: so many octets at the end, of one line end, were not part of it.
        :raises EncodingError: as above.
        """


class Identity:
    """7bit, 8bit and binary."""

    def decode(self, octets: bytes) -> bytes:
        return octets

    def count(self, octets: bytes) -> int:
        return len(octets)

    def finish(self, cut: int = 0) -> bytes:
        return b""


class Base64:
    """:rfc:`2045#section-6.8`: white space is passed over, and no other octet."""

    def __init__(self) -> None:
        self._held = b""
        self._ended = False

    def decode(self, octets: bytes) -> bytes:
        return binascii.a2b_base64(self._groups(octets))

    def count(self, octets: bytes) -> int:
        # Twice as fast as decoding, and every attachment is counted.
        groups = self._groups(octets)
        return len(groups) // 4 * 3 - groups.count(b"=", -2)

    def _groups(self, octets: bytes) -> bytes:
        # Of four digits each, in which nothing is wrong.
        digits = octets.translate(None, _BLANK)
        if not digits:
            return b""
        if self._ended:
            raise EncodingError("base64 goes on behind its end")
        digits = self._held + digits
        rest = digits.translate(None, _ALPHABET)
        if rest:
            self._check_padding(digits, rest)
        whole = len(digits) & ~3
        self._held = digits[whole:]
        return digits[:whole]

    def _check_padding(self, digits: bytes, rest: bytes) -> None:
        if rest not in (b"=", b"==") or not digits.endswith(rest) or len(digits) % 4 == 1:
            # "=" of two that a slice parts is taken up with its digits, by the next one.
            raise EncodingError("no base64")
        if len(digits) % 4 == 0:
            self._ended = True
        elif len(rest) == 2 or len(digits) % 4 != 3:
            raise EncodingError("base64 with wrong padding")

    def finish(self, cut: int = 0) -> bytes:
        if self._held:
            raise EncodingError("base64 without its last digits")
        return b""


class QuotedPrintable:
    """:rfc:`2045#section-6.7`; octets that should have been encoded are taken as they are."""

    def __init__(self) -> None:
        self._held = b""

    def decode(self, octets: bytes) -> bytes:
        octets = self._held + octets
        if _BLANKS in (octets.translate(_NO_TABS) if b"\t" in octets else octets):
            raise EncodingError("a line of quoted-printable without end")
        stop = _stop(octets)
        self._held = octets[stop:]
        return _unquoted(octets[:stop])

    def count(self, octets: bytes) -> int:
        return len(self.decode(octets))

    def finish(self, cut: int = 0) -> bytes:
        octets = self._held[: len(self._held) - cut] if cut else self._held
        # Section 6.7, note (3) on robustness: an "=" at the very end is a soft line break.
        octets = octets.rstrip(b" \t")
        return _unquoted(octets[:-1] if octets.endswith(b"=") else octets)


def _stop(octets: bytes) -> int:
    """Of what can be decoded whatever follows: half an escape, or of a line end, waits for it."""
    if octets[-2:-1] == b"=" and octets[-1:] in _HEX_DIGITS:
        return len(octets) - 2
    # Not by a pattern: searching for its start would take longer than all else.
    whole = octets.removesuffix(b"\n").removesuffix(b"\r").rstrip(b" \t")
    return len(whole.removesuffix(b"="))


def _unquoted(octets: bytes) -> bytes:
    if b"=\r " in octets or b"=\r\t" in octets:
        # Not a soft line break that was parted: in slices its beginning is seen alone.
        raise EncodingError("no quoted-printable")
    if b" \r\n" in octets or b"\t\r\n" in octets or b" \n" in octets or b"\t\n" in octets:
        octets = _TRAILING.sub(b"", octets)
    if b"=" not in octets:
        return octets
    if _WRONG.search(octets) is not None:
        raise EncodingError("no quoted-printable")
    return binascii.a2b_qp(octets)


def transfer_of(encoding: str) -> Transfer:
    """
    A new decoder for the encoding, whose name is in lower case.

    :raises EncodingError: nobody knows it (:rfc:`3516#section-4.3`).
    """
    if encoding == "base64":
        return Base64()
    if encoding == "quoted-printable":
        return QuotedPrintable()
    if encoding in IDENTITY:
        return Identity()
    raise EncodingError(f"unknown transfer encoding {encoding[:40]!r}")
