"""
``dovecot-keywords``: which letter of file names stands for which keyword, ``0`` for ``a``.

It is written under the lock of the UID list, and has none of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["FILE", "LETTERS", "parse", "with_letters", "written"]

FILE = "dovecot-keywords"
LETTERS = "abcdefghijklmnopqrstuvwxyz"

_LINE = re.compile(r"([0-9]{1,2}) ([!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]{1,255})")


def parse(octets: bytes) -> dict[str, str]:
    """Keywords by their letters; lines that are none are passed over."""
    found: dict[str, str] = {}
    for line in octets.decode("ascii", "replace").split("\n"):
        match = _LINE.fullmatch(line)
        if match and int(match[1]) < len(LETTERS):
            found.setdefault(LETTERS[int(match[1])], match[2])
    return found


def written(keywords: Mapping[str, str]) -> bytes:
    """The file that says so."""
    ordered = sorted(keywords.items())
    return "".join(f"{LETTERS.index(letter)} {name}\n" for letter, name in ordered).encode()


def with_letters(keywords: Mapping[str, str], more: list[str]) -> dict[str, str]:
    """``keywords`` with letters for ``more``, as far as there are letters."""
    free = [letter for letter in LETTERS if letter not in keywords]
    return {**keywords, **dict(zip(free, more, strict=False))}
