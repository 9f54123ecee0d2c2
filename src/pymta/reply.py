"""
A reply, as SMTP and LMTP give one to each command (:rfc:`5321#section-4.2`), with its
enhanced status code (:rfc:`3463`).

Every "no" that crosses a seam carries one, so that the peer hears the words of whoever
said no.  The text is public: what the peer must not learn is logged elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Reply"]

# RFC 3463 section 2: class "." subject "." detail, the last two of one to three digits without
# leading zeros.
_STATUS = re.compile(r"[245](?:\.(?:0|[1-9][0-9]{0,2})){2}")
_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Reply:
    """
    One answer: code, status and text.

    :param code: 200 to 599; the first digit tells success (2), "go on" (3), transient (4) or
        permanent (5) failure.
    :param status: the enhanced status code, ``"5.1.1"``, of the code's own class; empty for
        greetings, 3xx and other replies that carry none (:rfc:`2034#section-4`).
    :param text: printable; a reply of several lines has ``"\\n"`` between them.

    :raises ValueError: for a code, status or text that cannot be sent.
    """

    code: int
    status: str
    text: str

    def __post_init__(self) -> None:
        if not 200 <= self.code <= 599:
            raise ValueError(f"no reply code: {self.code}")
        if self.status and not _is_status(self.status, self.code // 100):
            raise ValueError(f"no status code for {self.code}: {self.status!r}")
        if _CONTROL.search(self.text):
            raise ValueError(f"control character in reply text: {self.text!r}")

    @property
    def positive(self) -> bool:
        """Whether this is a 2xx or 3xx."""
        return self.code < 400

    @property
    def transient(self) -> bool:
        """Whether this is a 4xx: the same again later may succeed."""
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        """Whether this is a 5xx: the same again would fail again."""
        return self.code >= 500

    @property
    def closing(self) -> bool:
        """Whether the connection ends with it (:rfc:`5321#section-3.8`)."""
        return self.code == 421

    @property
    def one_line(self) -> str:
        """The text, for protocols whose answers have one line."""
        return " ".join(self.text.split())

    @property
    def lines(self) -> tuple[str, ...]:
        """The text, line by line; at least one."""
        return tuple(self.text.split("\n"))

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.status, self.text.replace("\n", " "))))


@lru_cache(maxsize=256)
def _is_status(status: str, wanted: int) -> bool:
    return _STATUS.fullmatch(status) is not None and status[0] == str(wanted)
