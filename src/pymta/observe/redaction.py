"""
How mail addresses look in a log: as they are, or so that nobody is named.

Replies of other servers repeat addresses; those are found and redacted as well.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Redaction", "domain_only", "plain", "printable", "pseudonyms", "redacted"]

Redaction: TypeAlias = Callable[[str], str]
"""What is written in place of an address, or of a login name."""

# Linear: what an address cannot hold parts the words.
_WORDS = re.compile(r"[^\s<>()\[\],;:\"]+")


def plain(address: str) -> str:
    """The address itself."""
    return address


def domain_only(address: str) -> str:
    """``…@example.org``; of a name without a domain nothing is left."""
    _, at, domain = address.rpartition("@")
    return f"…@{domain}" if at else "…"


def pseudonyms(key: bytes) -> Redaction:
    """
    ``3f0c91d2@example.org``: the same address always looks the same, as long as the key is.

    :param key: secret, at most 64 octets; whoever has it can try addresses.
    """

    def pseudonym(address: str) -> str:
        local, at, domain = address.rpartition("@")
        name = (local if at else domain).casefold()
        text = f"{name}@{domain.casefold()}" if at else name
        digest = hashlib.blake2b(text.encode(errors="replace"), key=key, digest_size=4)
        return digest.hexdigest() + at + (domain if at else "")

    return pseudonym


def redacted(text: str, redaction: Redaction) -> str:
    """The text with each word that holds an ``@`` redacted."""
    if redaction is plain or "@" not in text:
        return text
    return _WORDS.sub(lambda word: redaction(word[0]) if "@" in word[0] else word[0], text)


def printable(text: str) -> str:
    """One line: what a peer sent makes no lines of its own in a log (S12)."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
