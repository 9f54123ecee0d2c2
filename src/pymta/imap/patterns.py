"""
Patterns of LIST (:rfc:`3501#section-6.3.8`): ``*`` is anything, ``%`` anything but a ``/``.

Names are matched in time linear in their length, whatever the pattern: all places that a match
may have come to are the bits of one integer.
"""

from __future__ import annotations

import re
from typing import Final

from pymta.mailbox import INBOX

__all__ = ["Pattern"]

_RUN: Final = re.compile(r"[%*]{2,}")
LONGEST: Final = 2000
"""No name has more octets than 1,000, and no pattern needs as many wildcards again."""


class Pattern:
    """
    One pattern, its reference in front of it.

    ``inbox`` in any case is INBOX, also as the first level of more (:rfc:`3501#section-5.1`).
    """

    __slots__ = ("_end", "_letters", "_star", "_wild")

    def __init__(self, text: str) -> None:
        text = _with_inbox(_RUN.sub(_one, text))[:LONGEST]
        self._letters: dict[str, int] = {}
        self._star = self._wild = 0
        for at, letter in enumerate(text):
            if letter == "*":
                self._star |= 1 << at
            if letter in "%*":
                self._wild |= 1 << at
            else:
                self._letters[letter] = self._letters.get(letter, 0) | 1 << at
        self._end = 1 << len(text)

    def matches(self, name: str) -> bool:
        """Whether the whole name is meant."""
        places = 1
        for letter in name:
            places |= (places & self._wild) << 1
            stays = self._star if letter == "/" else self._wild
            places = (places & self._letters.get(letter, 0)) << 1 | places & stays
        places |= (places & self._wild) << 1
        return bool(places & self._end)


def _one(run: re.Match[str]) -> str:
    return "*" if "*" in run[0] else "%"


def _with_inbox(text: str) -> str:
    first, behind = text[: len(INBOX)], text[len(INBOX) :]
    if first.upper() == INBOX and first.isascii() and behind[:1] in ("", "/", "*", "%"):
        return INBOX + behind
    return text
