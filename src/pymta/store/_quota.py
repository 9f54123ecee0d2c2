"""
Limits of an account: how much it holds, and how much it may.
"""

from __future__ import annotations

from dataclasses import dataclass

from pymta.errors import OverQuota

__all__ = ["Quota"]


@dataclass(slots=True)
class Quota:
    """
    What an account holds, and its limits.

    :param max_octets: :param max_messages: None is no limit.
    """

    octets: int = 0
    messages: int = 0
    max_octets: int | None = None
    max_messages: int | None = None

    def fits(self, octets: int, messages: int) -> bool:
        """Whether that many more would fit.  What makes it smaller always does."""
        return (octets <= 0 or _within(self.octets + octets, self.max_octets)) and (
            messages <= 0 or _within(self.messages + messages, self.max_messages)
        )

    def check(self, octets: int, messages: int) -> None:
        """:raises OverQuota: permanent, if it would not fit into an empty account either."""
        if not self.fits(octets, messages):
            alone = _within(octets, self.max_octets) and _within(messages, self.max_messages)
            raise OverQuota(
                f"{self.octets} + {octets} octets, {self.messages} + {messages} messages",
                permanent=not alone,
            )


def _within(value: int, limit: int | None) -> bool:
    return limit is None or value <= limit
