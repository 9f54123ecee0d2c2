"""
The beginning of what a message says, for a list of messages (:rfc:`8970`).

The first text that is no attachment counts, plain or HTML: without markup, quotes and signature,
and on one line.  It is read leniently, as people's programs do, and from no more than the first
64 KiB of a part.  Time is linear, whatever a stranger wrote.
"""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Iterator

from pymta.message.characters import characters_of
from pymta.message.source import Source
from pymta.message.structure import Part, Structure

__all__ = ["MAX_CHARACTERS", "MAX_OCTETS", "preview", "preview_text"]

MAX_CHARACTERS = 200
"""What a server should not exceed (:rfc:`8970#section-3.3`)."""

MAX_OCTETS = 64 * 1024
"""Of a part: what HTML mail has in front of its first word is rarely more."""

# Texts that are tried: an empty one goes before the real one in many newsletters.
_MOST_PARTS = 3
_SUBTYPES = frozenset(["plain", "html", "markdown"])

# Enough for 200 characters, however blank it is in between.
_ENOUGH = 2000
# Tags that are looked at: 5 ms.
_MOST_PIECES = 5000
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_SPLIT_ESCAPE = re.compile(rb"=[0-9A-Fa-f]?\Z")
_TAG = re.compile(r"/?[a-zA-Z][a-zA-Z0-9]*")
# What stands in them is not shown.
_HIDDEN = frozenset(["head", "script", "style", "title", "template", "svg"])
# They stand within words.
_INLINE = frozenset(["a", "abbr", "b", "em", "font", "i", "span", "strong", "u", "wbr"])
_JOINERS = "\u200c\u200d"


async def preview(source: Source, structure: Structure) -> str:
    """
    The text of a message, at most :data:`MAX_CHARACTERS`; empty if it has none.

    :param source: its octets; at most three reads of 64 KiB are asked for.
    """
    for part in _texts(structure):
        stop = min(part.stop, part.body + MAX_OCTETS)
        found = preview_text(part, await source.read(part.body, stop))
        if found:
            return found
    return ""


def preview_text(part: Part, octets: bytes) -> str:
    """
    The text of one part.

    :param octets: the beginning of its body, as it is encoded.
    """
    text = _characters(part, octets)
    if part.media.subtype == "html":
        return _shortened(_shown(text))
    return _shortened(_said(text)) or _shortened(iter([text]))


def _texts(structure: Structure) -> list[Part]:
    found = []
    for _numbers, part in structure.walk():
        media, attached = part.media, part.disposition and part.disposition[0] == "attachment"
        if media.type == "text" and media.subtype in _SUBTYPES and not attached:
            found.append(part)
            if len(found) == _MOST_PARTS:
                break
    return found


# -- characters ----------------------------------------------------------------


def _characters(part: Part, octets: bytes) -> str:
    if part.encoding == "base64":
        digits = _NOT_BASE64.sub(b"", octets)
        # Not the end, perhaps: one digit alone is nothing, two or three are an octet or two.
        digits = digits[: len(digits) - (len(digits) % 4 == 1)]
        octets = binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
    elif part.encoding == "quoted-printable":
        octets = binascii.a2b_qp(_SPLIT_ESCAPE.sub(b"", octets))
    # Not the end: a character that is cut in two is left out.
    return characters_of(part.media.parameters).decode(octets)


def _said(text: str) -> Iterator[str]:
    # Lines that the writer wrote: no quotes, and nothing behind the signature's mark.
    for line in text[: 8 * _ENOUGH].splitlines():
        if line == "-- ":
            return
        if not line.startswith(">"):
            yield line
            yield " "


def _shown(text: str) -> Iterator[str]:
    # Text between tags.  Each "<" is looked at once; what has no end ends with the text.
    at = 0
    lower = text.lower()
    if len(lower) != len(text):
        # Some capital became two letters; no place in it could be found again.
        text = lower
    while at < len(text):
        start = text.find("<", at)
        if start < 0:
            start = len(text)
        if start > at:
            yield html.unescape(text[at:start])
        at = _behind_tag(lower, start)
        if not _is_inline(lower, start):
            yield " "


def _behind_tag(text: str, start: int) -> int:
    if text.startswith("<!--", start):
        return _behind(text, "-->", start + 4)
    found = _TAG.match(text, start + 1)
    if found is None and not text.startswith(("<!", "<?"), start):
        # "a < b"
        return start + 1
    end = _behind(text, ">", start + 1)
    if found is not None and found[0] in _HIDDEN:
        return _behind(text, ">", _behind(text, f"</{found[0]}", end))
    return end


def _is_inline(text: str, start: int) -> bool:
    found = _TAG.match(text, start + 1)
    return found is not None and found[0].removeprefix("/") in _INLINE


def _behind(text: str, sought: str, start: int) -> int:
    found = text.find(sought, start)
    return len(text) if found < 0 else found + len(sought)


def _shortened(pieces: Iterator[str]) -> str:
    gathered, size = [], 0
    for piece in pieces:
        gathered.append(piece[:_ENOUGH])
        size += len(piece.strip())
        if size >= _ENOUGH or len(gathered) >= _MOST_PIECES:
            break
    text = " ".join("".join(gathered).split())
    if not text.isprintable():
        text = _visible(text)
    return text[:MAX_CHARACTERS].rstrip()


def _visible(text: str) -> str:
    shown = "".join(c for c in text if c.isprintable() or c in _JOINERS)
    # Words of nothing visible fill the space behind a short beginning.
    return " ".join(word for word in shown.split() if word.strip(_JOINERS))
