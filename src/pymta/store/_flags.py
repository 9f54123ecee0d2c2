"""
Flags of messages (:rfc:`3501#section-2.3.2`): the five system flags as bits, keywords by name.

Case does not count in either; a keyword keeps the spelling with which its mailbox first saw it.
``\\Recent`` is nobody's to set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pymta.mailbox import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, FlagMode

__all__ = [
    "BIT_DELETED",
    "BIT_SEEN",
    "FIRST_UNSEEN",
    "NO_FLAGS",
    "Flags",
    "Keywords",
    "Parted",
    "changed",
    "has_flag",
    "names_of",
    "part",
    "spelled",
]

_SYSTEM = (SEEN, ANSWERED, FLAGGED, DELETED, DRAFT)
_BITS = {flag.lower(): 1 << n for n, flag in enumerate(_SYSTEM)}

BIT_SEEN = _BITS[SEEN.lower()]
BIT_DELETED = _BITS[DELETED.lower()]

FIRST_UNSEEN = 2000
"""Messages among which the first unseen one is looked for: telling it is optional."""

# RFC 3501 section 9: flag-keyword is an atom.
_KEYWORD = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")
MAX_KEYWORD = 255
"""Octets of one keyword: what mail clients show on one line, with a wide margin."""


@dataclass(frozen=True, slots=True)
class Flags:
    """
    The flags of one message as they are kept.

    :param bits: one a system flag.
    :param keywords: spellings as the mailbox knows them, sorted.
    """

    bits: int = 0
    keywords: tuple[str, ...] = ()


NO_FLAGS = Flags()


@dataclass(frozen=True, slots=True)
class Parted:
    """Flags as somebody asks for them: bits, and keywords by their folded names."""

    bits: int
    keywords: dict[str, str]


Keywords = dict[str, str]
"""What keywords a mailbox has seen: folded name to first spelling."""


def part(flags: Iterable[str]) -> Parted:
    """
    Part system flags from keywords.

    :raises ValueError: for ``\\Recent`` and what is no flag.
    """
    bits = 0
    keywords: dict[str, str] = {}
    for flag in sorted(flags):
        # Only ASCII has cases here: the Kelvin sign is no "k".
        folded = flag.lower() if flag.isascii() else flag
        if folded in _BITS:
            bits |= _BITS[folded]
        elif _KEYWORD.fullmatch(flag) and len(flag) <= MAX_KEYWORD:
            keywords.setdefault(folded, flag)
        else:
            raise ValueError(f"no flag that can be set: {flag!r}")
    return Parted(bits, keywords)


def spelled(parted: Parted, known: Keywords) -> Flags:
    """As the mailbox spells them; keywords that are new to it are added to ``known``."""
    return Flags(
        parted.bits,
        tuple(sorted(known.setdefault(k, spelling) for k, spelling in parted.keywords.items())),
    )


def changed(flags: Flags, mode: FlagMode, asked: Flags) -> Flags:
    """What ``flags`` become."""
    match mode:
        case FlagMode.REPLACE:
            return asked
        case FlagMode.ADD:
            keywords = {*flags.keywords, *asked.keywords}
            return Flags(flags.bits | asked.bits, tuple(sorted(keywords)))
        case FlagMode.REMOVE:
            keywords = {*flags.keywords} - {*asked.keywords}
            return Flags(flags.bits & ~asked.bits, tuple(sorted(keywords)))


# Messages have one of a few sets of flags: 0.1 us in place of 2.  Clients may make others, of a
# thousand keywords each: 512 of those are 30 MB.
@lru_cache(maxsize=512)
def names_of(flags: Flags) -> frozenset[str]:
    """All of them by name."""
    system = [name for n, name in enumerate(_SYSTEM) if flags.bits & 1 << n]
    return frozenset((*system, *flags.keywords))


def has_flag(flags: Flags, flag: str) -> bool:
    """Whether it is among them; case does not count."""
    folded = flag.lower()
    bit = _BITS.get(folded)
    if bit is not None:
        return bool(flags.bits & bit)
    return any(keyword.lower() == folded for keyword in flags.keywords)
