"""
Encoded-words: text in other characters than ASCII, in header fields (:rfc:`2047`, with
:rfc:`2231#section-5` for languages).

Decoding is for search, Sieve and display; what is stored keeps its octets.  It never raises
and never looks up a codec by a name from the network: character sets are found in a table.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator
from encodings.aliases import aliases

__all__ = ["codec_of", "decode_words", "decoded", "encode_phrase", "encode_words", "whole"]

_ALLOWED = frozenset(
    ["ascii", "utf_8", "utf_16", "utf_16_be", "utf_16_le", "utf_7", "latin_1", "mac_roman"]
    + [f"iso8859_{n}" for n in range(1, 17)]
    + [f"cp{n}" for n in (437, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865)]
    + [f"cp{n}" for n in (866, 869, 874, 932, 949, 950, *range(1250, 1259))]
    + ["koi8_r", "koi8_u", "tis_620", "gb2312", "gbk", "gb18030", "hz", "big5", "big5hkscs"]
    + ["euc_jp", "euc_kr", "shift_jis", "johab", "iso2022_kr", "euc_jis_2004", "shift_jis_2004"]
    + ["iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_ext"]
)
# Every program that sends the first means the second, which has all its characters and more.
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949"}
_CODECS = {
    **{alias: codec for alias, codec in aliases.items() if codec in _ALLOWED},
    **{codec: codec for codec in _ALLOWED},
    "cp_850": "cp850",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "ks_c_5601_1987": "cp949",
    "unknown_8bit": "latin_1",
    "x_sjis": "cp932",
    "x_gbk": "gb18030",
}

# Spaces in the text are against section 2 and are sent all the same.  No part can run past a
# "?", so that each octet is looked at three times at most.
_WORD = re.compile(rb"=\?([^?\s*]+)(?:\*[^?\s]*)?\?([BbQq])\?([^?]*)\?=")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_SURROGATE = re.compile("[\ud800-\udfff]")

# Section 2: 75 characters a word, of which "=?utf-8?b?" and "?=" take twelve; 45 octets are 60
# digits, the most that fit in whole groups of four.
_Q_ROOM = 63
_B_ROOM = 45
# Section 5 (3): what is written as it is in a phrase.
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~ ]*")


def codec_of(charset: bytes) -> str | None:
    """The name of Python's codec for a character set; None if it is none that mail uses."""
    name = charset.decode("latin-1").strip().lower()
    name = re.sub(r"[^a-z0-9]+", "_", name[:40])
    codec = _CODECS.get(name)
    if codec is None and name.startswith(("windows_", "ibm", "x_")):
        codec = _CODECS.get(name.replace("windows_", "cp").replace("ibm", "cp").removeprefix("x_"))
    return None if codec is None else _WIDER.get(codec, codec)


def decoded(octets: bytes | bytearray, codec: str) -> str:
    """Text in one of these codecs; what is no character is U+FFFD."""
    return whole(octets.decode(codec, "replace"))


def whole(text: str) -> str:
    """Without the halves of characters that UTF-7 can spell, and nothing can encode again."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


# -- decoding ----------------------------------------------------------------


def decode_words(octets: bytes) -> str:
    """
    Decode an unfolded value for people to read.

    White space between two encoded-words is dropped (:rfc:`2047#section-6.2`), and words that
    cut a character in two are joined first.  A word that is malformed or whose character set
    is unknown is left as it was written.  Octets outside of words are UTF-8
    (:rfc:`6532#section-3.1`) or else ISO 8859-1.
    """
    text: list[str] = []
    pending, codec = bytearray(), ""
    position = 0
    for found in _WORD.finditer(octets):
        word = _decoded(found)
        if word is None:
            continue
        between = octets[position : found.start()]
        if codec and not between.strip(b" \t\r\n"):
            between = b""
        if between or word[1] != codec:
            text.append(_text(pending, codec))
            text.append(_raw(between))
            pending, codec = bytearray(), word[1]
        pending += word[0]
        position = found.end()
    text.append(_text(pending, codec))
    text.append(_raw(octets[position:]))
    return "".join(text)


def _decoded(found: re.Match[bytes]) -> tuple[bytes, str] | None:
    codec = codec_of(found[1])
    if codec is None:
        return None
    if found[2] in b"Qq":
        unescaped = found[3].replace(b"_", b" ")
        return _HEX.sub(lambda escape: bytes.fromhex(escape[1].decode()), unescaped), codec
    digits = _NOT_BASE64.sub(b"", found[3])
    # One digit too many carries nothing; padding is put where it was forgotten.
    digits = digits[:-1] if len(digits) % 4 == 1 else digits
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4)), codec


def _text(octets: bytearray, codec: str) -> str:
    return decoded(octets, codec) if octets else ""


def _raw(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


# -- encoding ----------------------------------------------------------------


def encode_words(text: str) -> str:
    """
    Write unstructured text in ASCII: as it is where it is ASCII, else as encoded-words.

    The words have a space between, where the field is folded.

    :raises UnicodeEncodeError: for surrogates.
    """
    if text.isascii() and "=?" not in text:
        return text
    return " ".join(_encoded(text))


def encode_phrase(text: str) -> str:
    """
    Write a display name in ASCII: atoms, a quoted string, or encoded-words.

    Control characters are dropped: none can stand in a phrase.

    :raises UnicodeEncodeError: for surrogates.
    """
    text = "".join(c for c in text if c >= " " and not "\x7f" <= c < "\xa0")
    if not text.isascii() or "=?" in text:
        return " ".join(_encoded(text))
    if text.strip() == text and text and _ATOMS.fullmatch(text) and "  " not in text:
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _encoded(text: str) -> Iterator[str]:
    octets = text.encode()
    # Whoever reads the raw field can read Q; it is taken up to half as long again as B.
    if _q_length(octets) <= 2 * len(octets):
        for piece in _pieces(text, _Q_ROOM, _q_length):
            yield f"=?utf-8?q?{_q(piece)}?="
    else:
        for piece in _pieces(text, _B_ROOM, len):
            yield f"=?utf-8?b?{binascii.b2a_base64(piece, newline=False).decode()}?="


def _pieces(text: str, room: int, cost: Callable[[bytes], int]) -> Iterator[bytes]:
    # RFC 2047 section 5: each word is decoded by itself, so no character is cut in two.
    piece, used = bytearray(), 0
    for character in text:
        octets = character.encode()
        if piece and used + cost(octets) > room:
            yield bytes(piece)
            piece, used = bytearray(), 0
        piece += octets
        used += cost(octets)
    yield bytes(piece)


def _q_length(octets: bytes) -> int:
    return sum(1 if octet in _SAFE or octet == 0x20 else 3 for octet in octets)


def _q(octets: bytes) -> str:
    return "".join(chr(o) if o in _SAFE else "_" if o == 0x20 else f"={o:02X}" for o in octets)
