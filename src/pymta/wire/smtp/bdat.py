"""
The BDAT command (:rfc:`3030#section-2`): content in chunks whose length is said beforehand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Chunk", "format_bdat", "parse_bdat"]

# No chunk is longer than 20 digits can say; more are not worth the arithmetic.
_ARGUMENT = re.compile(r"([0-9]{1,20})(?: +([Ll][Aa][Ss][Tt]))?")


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one BDAT says.  :param size: octets.  :param last: whether the content ends here."""

    size: int
    last: bool


# bdat-cmd ::= "BDAT" SP chunk-size [ SP end-marker ] CR LF
# chunk-size ::= 1*DIGIT ; end-marker ::= "LAST"
def parse_bdat(argument: str) -> Chunk:
    """
    Parse the argument of BDAT.

    :raises ValueError: where it is malformed: nobody can tell then which octets are content.
    """
    found = _ARGUMENT.fullmatch(argument)
    if found is None:
        raise ValueError("BDAT size [LAST] expected")
    return Chunk(int(found[1]), found[2] is not None)


def format_bdat(chunk: Chunk) -> str:
    """Write the command, without CRLF."""
    return f"BDAT {chunk.size} LAST" if chunk.last else f"BDAT {chunk.size}"
