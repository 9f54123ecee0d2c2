"""
What both providers refuse (:class:`~pymta.interfaces.shared.ISharedState`).
"""

from __future__ import annotations

__all__ = ["check_key", "check_step", "check_ttl", "check_value", "counted"]

MAX_KEY = 255
MAX_VALUE = 4_096
MAX_TTL = 31_622_400
# Sums stay far from the 64 bits that databases have.
MAX_STEP = 2**31


def check_key(key: str) -> None:
    """:raises ValueError: empty, too long, or with a NUL, at which some databases end a text."""
    if not 0 < len(key.encode()) <= MAX_KEY or "\0" in key:
        raise ValueError(f"a key has 1 to {MAX_KEY} octets and no NUL")


def check_value(value: bytes) -> None:
    """:raises ValueError: too long."""
    if len(value) > MAX_VALUE:
        raise ValueError(f"a value has at most {MAX_VALUE} octets")


def check_ttl(ttl: float) -> None:
    """:raises ValueError: shorter than a second, longer than a year, or no number."""
    if not 1 <= ttl <= MAX_TTL:
        raise ValueError(f"a life is 1 to {MAX_TTL} seconds")


def check_step(by: int) -> None:
    """:raises ValueError: no counter counts in such steps."""
    if not -MAX_STEP <= by <= MAX_STEP:
        raise ValueError(f"a step is at most {MAX_STEP}")


def counted(value: bytes, by: int) -> bytes:
    """A counter's next value.  :raises ValueError: what is there is no counter."""
    try:
        return b"%d" % (int(value) + by)
    except ValueError:
        raise ValueError("the key holds a value that is no counter") from None
