"""
Tests for encoded-words.
"""

from __future__ import annotations

import re
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.message.encodedword import codec_of, decode_words, encode_phrase, encode_words

# The examples of RFC 2047 section 8 first; comments are not looked for here.
DECODED = [
    pytest.param(b"", "", id="nothing"),
    pytest.param(b"plain  text", "plain  text", id="plain"),
    pytest.param(b"=?ISO-8859-1?Q?a?=", "a", id="Q"),
    pytest.param(b"=?ISO-8859-1?Q?a?= b", "a b", id="word and text"),
    pytest.param(b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab", id="adjacent"),
    pytest.param(b"=?ISO-8859-1?Q?a?=  \r\n\t=?ISO-8859-1?Q?b?=", "ab", id="adjacent, folded"),
    pytest.param(b"=?ISO-8859-1?Q?a_b?=", "a b", id="underscore"),
    pytest.param(b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b", id="two character sets"),
    pytest.param(b"=?US-ASCII?Q?Keith_Moore?= <m@x>", "Keith Moore <m@x>", id="mailbox"),
    pytest.param(b"=?US-ASCII*EN?Q?Keith?=", "Keith", id="language (RFC 2231)"),
    pytest.param(b"=?iso-8859-1?q?Andr=E9?= x", "André x", id="escape"),
    pytest.param(b"=?iso-8859-1?q?=e9=E9=?=", "éé=", id="lower case, incomplete escape"),
    pytest.param(b"=?iso-8859-1?q?=zz?=", "=zz", id="no escape"),
    pytest.param(b"=?utf-8?B?w6k=?=", "é", id="B"),
    pytest.param(b"=?utf-8?b?w6k?=", "é", id="padding forgotten"),
    pytest.param(b"=?utf-8?b?w6 k=?=", "é", id="space in B"),
    pytest.param(b"=?utf-8?b?w6kA?= =?utf-8?b?Q?=", "é\0", id="a digit too many"),
    pytest.param(b"=?utf-8?b??=", "", id="empty word"),
    pytest.param(b"=?utf-7?q?+2D3eAA-?=", "\U0001f600", id="UTF-7"),
    pytest.param(b"=?utf-7?q?+2AA-b?=", "\ufffdb", id="half a character in UTF-7"),
    pytest.param(b"=?utf-8?b?w6?= =?utf-8?b?k=?=", "\ufffd", id="half octets do not add up"),
    pytest.param(b"=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é", id="character cut in two"),
    pytest.param(b"=?utf-8?q?=C3?=", "\ufffd", id="half a character"),
    pytest.param(b"=?utf-8?q?a b?=", "a b", id="space in Q"),
    pytest.param(b"  =?utf-8?q?a?=  ", "  a  ", id="space around"),
    pytest.param(b"x=?utf-8?q?a?=y", "xay", id="within a word"),
    pytest.param(b"=?nonsense?q?a?=", "=?nonsense?q?a?=", id="unknown character set"),
    pytest.param(
        b"=?nonsense?q?a?= =?utf-8?q?b?=", "=?nonsense?q?a?= b", id="unknown beside known"
    ),
    pytest.param(b"=?utf-8?x?a?=", "=?utf-8?x?a?=", id="unknown encoding"),
    pytest.param(b"=?utf-8?q?a", "=?utf-8?q?a", id="no end"),
    pytest.param(b"=?utf-8?q?=?=", "=", id="escape at the end"),
    pytest.param(b"=?zlib?b?eJxLBAAAYgBi?=", "=?zlib?b?eJxLBAAAYgBi?=", id="no text codec"),
    pytest.param(b"=?gb2312?b?1tDOxA==?=", "中文", id="gb2312"),
    pytest.param(b"=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "日本", id="iso-2022-jp"),
    pytest.param(b"=?windows-1251?q?=CF?=", "П", id="windows"),
    pytest.param(b"=?ks_c_5601-1987?b?x9E=?=", "한", id="ks_c_5601-1987"),
    pytest.param("é ü".encode(), "é ü", id="raw UTF-8"),
    pytest.param(b"\xe9", "é", id="raw ISO 8859-1"),
    pytest.param("é =?utf-8?q?=C3=A9?= é".encode(), "é é é", id="raw and encoded"),
]

CHARSETS = [
    (b"UTF-8", "utf_8"),
    (b"utf8", "utf_8"),
    (b"us-ascii", "ascii"),
    (b"ISO-8859-15", "iso8859_15"),
    (b"ISO_8859-1", "latin_1"),
    (b"latin1", "latin_1"),
    (b"iso-8859-8-i", "iso8859_8"),
    (b"windows-1252", "cp1252"),
    (b"CP1252", "cp1252"),
    (b"IBM850", "cp850"),
    (b"koi8-r", "koi8_r"),
    (b"shift_jis", "cp932"),
    (b"Big5", "big5"),
    (b"EUC-KR", "cp949"),
    (b"x-gbk", "gb18030"),
    (b"x-mac-roman", "mac_roman"),
    (b"", None),
    (b"base64", None),
    (b"idna", None),
    (b"punycode", None),
    (b"unicode_escape", None),
    (b"rot13", None),
    (b"../../etc/passwd", None),
    (b"\xff\xfe", None),
]


@pytest.mark.parametrize(("octets", "text"), DECODED)
def test_decode(octets: bytes, text: str) -> None:
    """
    What can be decoded is, and what cannot stays as it was written.
    """
    assert text == decode_words(octets)


@pytest.mark.parametrize(("charset", "codec"), CHARSETS)
def test_codec(charset: bytes, codec: str | None) -> None:
    """
    Mail's character sets are known by their usual names; no other codec can be reached.
    """
    assert codec == codec_of(charset)


ENCODED = [
    pytest.param("", "", id="nothing"),
    pytest.param("plain text", "plain text", id="ASCII as it is"),
    pytest.param("André Müller", "=?utf-8?q?Andr=C3=A9_M=C3=BCller?=", id="mostly ASCII: Q"),
    pytest.param("日本", "=?utf-8?b?5pel5pys?=", id="others: B"),
    pytest.param("a =?utf-8?q?b?=", "=?utf-8?q?a_=3D=3Futf-8=3Fq=3Fb=3F=3D?=", id="looks encoded"),
]

PHRASES = [
    pytest.param("Ann Lee", "Ann Lee", id="atoms"),
    pytest.param("Ann B. Lee", '"Ann B. Lee"', id="dot"),
    pytest.param("Lee, Ann", '"Lee, Ann"', id="comma"),
    pytest.param('A "B" \\', '"A \\"B\\" \\\\"', id="quotes"),
    pytest.param("", '""', id="empty"),
    pytest.param(" a", '" a"', id="space at the start"),
    pytest.param("a  b", '"a  b"', id="two spaces"),
    pytest.param("Zoë", "=?utf-8?q?Zo=C3=AB?=", id="not ASCII"),
    pytest.param("a\r\nBcc: x\0\x7f\x85", '"aBcc: x"', id="S12: control characters"),
    pytest.param("a@b", '"a@b"', id="at"),
]


@pytest.mark.parametrize(("text", "expected"), ENCODED)
def test_encode(text: str, expected: str) -> None:
    """
    ASCII stays, mostly ASCII text stays legible, other text takes B.
    """
    assert expected == encode_words(text)


@pytest.mark.parametrize(("text", "expected"), PHRASES)
def test_phrase(text: str, expected: str) -> None:
    """
    A display name is written in the simplest form that holds it.
    """
    assert expected == encode_phrase(text)


@settings(max_examples=150)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_decode_what_was_encoded(text: str) -> None:
    """
    Encoded text decodes to itself, in ASCII words of at most 75 characters.
    """
    encoded = encode_words(text)

    assert text == decode_words(encoded.encode("ascii"))
    if encoded != text:
        for word in encoded.split(" "):
            assert re.fullmatch(r"=\?utf-8\?[bq]\?[!->@-~]*\?=", word)
            assert len(word) <= 75
            # RFC 2047 section 5: each word stands for whole characters.
            assert "\ufffd" not in decode_words(word.encode()) or "\ufffd" in text


@settings(max_examples=100)
@given(
    octets=st.lists(
        st.sampled_from([b"=?", b"?=", b"?", b"utf-8", b"q", b"b", b"a", b" ", b"=", b"*", b"\xe9"])
    ).map(b"".join)
)
def test_decoding_never_raises(octets: bytes) -> None:
    """
    Anything decodes to something.
    """
    decode_words(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"=?" * 500_000,
        b"=?a" * 333_333,
        b"=?a?q?" * 166_666,
        b"=?utf-8?q?a?= " * 70_000,
        b"=?utf-8?q?=C3?=" * 70_000,
        b"=?utf-8?q?" + b"=" * 1_000_000,
    ],
    ids=["starts", "charsets", "texts", "words", "halves", "one"],
)
def test_s19_one_megabyte_of_it(octets: bytes) -> None:
    """
    The worst that fits is decoded in linear time.
    """
    started = process_time()
    decode_words(octets)

    assert process_time() - started < 5
