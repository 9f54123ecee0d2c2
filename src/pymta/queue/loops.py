"""
Seeing a loop: has this message been delivered to this address before?

Whoever delivers or expands adds a Delivered-To field; a message that has one already goes round.
Works on any content, a slice at a time, and reads no further than the header.
"""

from __future__ import annotations

import re

from pymta.address import Address
from pymta.errors import HeaderError
from pymta.interfaces.content import SLICE, IContent
from pymta.message.header import HeaderReader
from pymta.message.trace import has_delivered_to

__all__ = ["goes_round"]

_END = re.compile(rb"\n\r?\n")
_FIELD = b"delivered-to"


async def goes_round(content: IContent, address: Address) -> bool:
    """
    Whether the header has a Delivered-To field with that address.

    A header beyond the limits of :mod:`pymta.message.header` counts as one without: no listener
    of ours lets it in, and Received fields are counted there.
    """
    start = await content.read(0, SLICE)
    end = _END.search(start)
    # Most messages have no such field; not parsing them is 20 times faster.
    if (end is not None or content.size <= SLICE) and _FIELD not in start.lower():
        return False
    reader = HeaderReader()
    try:
        for at in range(0, content.size, SLICE):
            reader.feed(start if at == 0 else await content.read(at, at + SLICE))
            if reader.header is not None:
                break
        header = reader.finish()
    except HeaderError:
        return False
    return has_delivered_to(header, address)
