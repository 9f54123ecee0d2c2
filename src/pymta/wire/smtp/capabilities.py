"""
What a server said it can do, as its answer to EHLO or LHLO lists it
(:rfc:`5321#section-4.1.1.1`).

A peer's word: limits are read with care, and what is malformed is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from pymta.reply import Reply
from pymta.wire.smtp.extensions import parse_limits

__all__ = ["NO_CAPABILITIES", "Capabilities"]

_KEYWORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """
    Keywords and what stands behind each.

    :param domain: what the server calls itself.
    :param keywords: keyword in upper case -> its parameters as they were written; those of a
        keyword that is listed twice are joined by a space.
    """

    domain: str = ""
    keywords: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def parse(cls, reply: Reply) -> Capabilities:
        """Read the positive answer to EHLO, LHLO or HELO."""
        keywords: dict[str, str] = {}
        first, *lines = reply.lines
        for line in lines:
            # ehlo-line = ehlo-keyword *( SP ehlo-param ); keywords are in any case.
            keyword, _, parameters = line.strip().partition(" ")
            if _KEYWORD.fullmatch(keyword):
                keyword = keyword.upper()
                keywords[keyword] = f"{keywords.get(keyword, '')} {parameters}".strip()
        return cls(first.strip().partition(" ")[0], MappingProxyType(keywords))

    def __contains__(self, keyword: object) -> bool:
        return keyword in self.keywords

    @property
    def size_limit(self) -> int | None:
        """Octets of the largest message taken (:rfc:`1870#section-4`); None if not told."""
        text = self.keywords.get("SIZE", "")
        known = text.isascii() and text.isdigit() and len(text) <= 20
        return int(text) or None if known else None

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The SASL mechanisms of AUTH, in upper case and in the server's order."""
        return tuple(dict.fromkeys(self.keywords.get("AUTH", "").upper().split()))

    @property
    def limits(self) -> Mapping[str, int]:
        """``RCPTMAX``, ``MAILMAX`` and others that are numbers (:rfc:`9422#section-3`)."""
        return parse_limits(self.keywords.get("LIMITS", ""))


NO_CAPABILITIES: Final = Capabilities()
"""Before EHLO, behind STARTTLS, and of a server that knows HELO only."""
