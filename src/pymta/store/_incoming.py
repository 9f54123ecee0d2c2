"""
What is asked of a message before it is read: its flags can be set, its date has a zone.
"""

from __future__ import annotations

from pymta.interfaces.mailbox import NewMessage
from pymta.store._flags import Parted, part

__all__ = ["checked_flags"]


def checked_flags(message: NewMessage) -> Parted:
    """
    The flags of a message that may be appended.

    :raises ValueError: flags that cannot be set, or a date without a zone.
    """
    if message.internal_date is not None and message.internal_date.utcoffset() is None:
        raise ValueError(f"internal date without a zone: {message.internal_date!r}")
    return part(message.flags)
