"""
Names of message files: ``TIME.UNIQUE.HOST,S=SIZE,W=SIZE:2,FLAGS``.

What is in front of the colon names the message as long as it lives; behind it are its flags, so
that a change of flags is a rename.  ``S=`` is the size of the file, ``W=`` that with each line
ended by CRLF.  Letters of the unique part that only we give: ``B`` ends it if the octets are served
as they are, ``R`` has the key of a delivery in front.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pymta.mailbox import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN
from pymta.store._flags import Flags, part

__all__ = [
    "FORWARDED",
    "Lettering",
    "Sizes",
    "base_of",
    "delivery_of",
    "flags_of",
    "is_as_is",
    "letters_of",
    "named",
    "sized",
    "sizes_of",
    "unique",
]

FORWARDED = "$Forwarded"
"""What ``P``, "passed", says of messages that other programs marked so."""

_SYSTEM = {"D": DRAFT, "F": FLAGGED, "R": ANSWERED, "S": SEEN, "T": DELETED}
_BITS = {letter: part([flag]).bits for letter, flag in _SYSTEM.items()}
_INFO = re.compile(r"2,[!-~]*")
_UNIQUE = re.compile(r"[0-9]+\.M[0-9]+P[0-9]+Q[0-9]+(?:R([0-9a-f]{32}))?B?")
_SIZE = re.compile(r",([SW])=([0-9]{1,15})(?=[,:]|\Z)")


def base_of(name: str) -> str:
    """What names the message: the part in front of the colon."""
    return name.partition(":")[0]


def letters_of(name: str) -> str:
    """Flags as letters; none, where there are none or in a way of which nobody knows."""
    info = name.partition(":")[2]
    return info[2:] if _INFO.fullmatch(info) else ""


def named(base: str, letters: str) -> str:
    """The name of a file in ``cur``."""
    return f"{base}:2,{''.join(sorted(set(letters)))}"


def flags_of(name: str, keywords: Mapping[str, str], more: Sequence[str] = ()) -> Flags:
    """
    The flags that a name tells.

    :param keywords: their letters.
    :param more: keywords that have no letter: 26 of a mailbox have.
    """
    bits, found = 0, set(more)
    for letter in letters_of(name):
        bits |= _BITS.get(letter, 0)
        if letter in keywords:
            found.add(keywords[letter])
        elif letter == "P":
            found.add(FORWARDED)
    return Flags(bits, tuple(sorted(found)))


class Lettering:
    """
    Names with other flags.  Letters of which we do not know stay.

    :param letters: of keywords.
    """

    def __init__(self, letters: Mapping[str, str]) -> None:
        self._letters = letters
        # Ten thousand messages have a few different sets of flags.
        self._known: dict[tuple[str, Flags], str] = {}

    def name(self, before: str, flags: Flags) -> str:
        """The name of the file with these flags."""
        base, _, info = before.partition(":")
        key = info, flags
        after = self._known.get(key)
        if after is None:
            after = self._known[key] = self._info(letters_of(before), flags)
        return base + after

    def _info(self, before: str, flags: Flags) -> str:
        letters = self._letters
        known = set(_BITS) | set(letters.values())
        if FORWARDED not in flags.keywords:
            known.add("P")
        kept = {letter for letter in before if letter not in known}
        system = {letter for letter, bit in _BITS.items() if flags.bits & bit}
        ours = {letters[keyword] for keyword in flags.keywords if keyword in letters}
        return named("", "".join(kept | system | ours))


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a name says; None is nothing."""

    octets: int | None
    lined: int | None


def sizes_of(base: str) -> Sizes:
    """Both sizes."""
    found = {key: int(value) for key, value in _SIZE.findall(base)}
    return Sizes(found.get("S"), found.get("W"))


def sized(stem: str, octets: int, lined: int) -> str:
    """The name of a message of this size."""
    return f"{stem},S={octets},W={lined}"


def unique(now: int, process: int, number: int, *, host: str, mark: str) -> str:
    """
    A name that nobody else gives.

    :param now: microseconds; :param number: of this process, never given twice by it.
    :param mark: of :func:`is_as_is` and :func:`delivery_of`.
    """
    seconds, rest = divmod(now, 1_000_000)
    return f"{seconds}.M{rest}P{process}Q{number}{mark}.{host}"


def is_as_is(base: str) -> bool:
    """Whether its octets are what was appended: bare line feeds in it are meant."""
    match = _UNIQUE.match(base)
    return match is not None and match[0].endswith("B")


def delivery_of(base: str) -> str | None:
    """The key of the delivery that brought it."""
    match = _UNIQUE.match(base)
    return match[1] if match else None
