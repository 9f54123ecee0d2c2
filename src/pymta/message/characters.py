"""
The characters of a part's text, slice by slice, in the character set that it names.

Strangers write both the name and the octets: an unknown set is read as UTF-8, what is no
character becomes U+FFFD, and nothing raises.
"""

from __future__ import annotations

import codecs
from typing import Protocol

from pymta.message.encodedword import codec_of, whole
from pymta.message.parameters import Parameters, parameter

__all__ = ["Characters", "characters_of"]


class Characters(Protocol):
    """Octets become text."""

    def decode(self, input: bytes, final: bool = False) -> str:  # noqa: A002 - as codecs has it
        """What is known now; with ``final`` also a character that was cut."""


def characters_of(parameters: Parameters) -> Characters:
    """:param parameters: of the part's media type."""
    codec = codec_of(parameter(parameters, "charset") or b"") or "utf_8"
    if codec == "utf_16":
        return _UTF16()
    if codec == "utf_7":
        return _UTF7()
    # What says "us-ascii" and has more is UTF-8 more often than anything else.
    return codecs.getincrementaldecoder("utf_8" if codec == "ascii" else codec)("replace")


class _UTF16:
    """UTF-16 whose first octets may tell their order; Python's own decoder raises without them."""

    def __init__(self) -> None:
        self._held = b""
        self._decoder: codecs.IncrementalDecoder | None = None

    def decode(self, input: bytes, final: bool = False) -> str:  # noqa: A002 - as codecs has it
        if self._decoder is not None:
            return self._decoder.decode(input, final)
        octets = self._held = self._held + input
        if len(octets) < 2 and not final:
            return ""
        # Without a mark the order is that of networks, as Unicode has it.
        little = octets.startswith(codecs.BOM_UTF16_LE)
        marked = little or octets.startswith(codecs.BOM_UTF16_BE)
        codec = "utf_16_le" if little else "utf_16_be"
        self._decoder = codecs.getincrementaldecoder(codec)("replace")
        return self._decoder.decode(octets[2:] if marked else octets, final)


class _UTF7:
    """UTF-7 without the halves of characters that it can spell."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf_7")("replace")

    def decode(self, input: bytes, final: bool = False) -> str:  # noqa: A002 - as codecs has it
        return whole(self._decoder.decode(input, final))
