"""
Tests for previews.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from pymta.interfaces.content import Octets
from pymta.message.parameters import MediaType
from pymta.message.preview import MAX_CHARACTERS, MAX_OCTETS, preview, preview_text
from pymta.message.structure import Part
from tests.message.structures import read

VECTORS = os.environ.get("PYMTA_VECTORS")


def part(subtype: str = "plain", charset: bytes = b"utf-8", encoding: str = "7bit") -> Part:
    """A text."""
    media = MediaType("text", subtype, (("charset", charset),))
    return Part(start=0, body=0, stop=0, lines=0, media=media, encoding=encoding)


def of_message(octets: bytes) -> str:
    """The preview of a message, whose content is in memory."""
    waiting: Any = preview(Octets(octets), read([octets])).__await__()
    with pytest.raises(StopIteration) as ended:
        next(waiting)
    found: str = ended.value.value
    return found


PLAIN = [
    pytest.param(b"", "", id="nothing"),
    pytest.param(b" \r\n\t\r\n", "", id="nothing but white space"),
    pytest.param(b"Hello,\r\n\r\n  you\tthere.\r\n", "Hello, you there.", id="one line"),
    pytest.param(b"> said\r\n> he\r\nI say\r\n>>no\r\n", "I say", id="no quotes"),
    pytest.param(b"> said\r\n", "> said", id="but where there is nothing else"),
    pytest.param(b"Yes.\r\n-- \r\nMe\r\n", "Yes.", id="no signature"),
    pytest.param(b"a\0b\x1b[1mc\x7f", "ab[1mc", id="no control characters"),
    pytest.param("a\u202eb\u2066c".encode(), "abc", id="no marks that turn the text"),
    pytest.param(
        "\u0645\u06cc\u200c\u062e".encode(), "\u0645\u06cc\u200c\u062e", id="joiners stay"
    ),
    pytest.param("a \u200c \u200d\u200c \ufeffb".encode(), "a b", id="words of nothing"),
    pytest.param(b"x" * 300, "x" * MAX_CHARACTERS, id="no more than 200"),
    pytest.param("é".encode() * 300, "é" * MAX_CHARACTERS, id="characters, not octets"),
    pytest.param("é".encode()[:1], "", id="half a character"),
    pytest.param(b"a\xe9b", "a\ufffdb", id="no UTF-8"),
    pytest.param(b"x " * 99 + b"ab \r\n" + b"y", "x " * 99 + "ab", id="no space at the end"),
]


@pytest.mark.parametrize(("octets", "expected"), PLAIN)
def test_plain(octets: bytes, expected: str) -> None:
    """What the writer wrote, on one line."""
    assert expected == preview_text(part(), octets)


HTML = [
    pytest.param("a<br>b", "a b", id="a line break"),
    pytest.param("<p>a</p><p>b</p>", "a b", id="paragraphs"),
    pytest.param("a<b>b</b>c<A href='x'>d</a>", "abcd", id="within words"),
    pytest.param("a &amp; b&nbsp;c &eacute;&#233;", "a & b c éé", id="entities"),
    pytest.param("<HEAD><title>t</title>x</head>a", "a", id="no head"),
    pytest.param("<style>p > a { x: '</p>' }</STYLE>a", "a", id="no style"),
    pytest.param("<script>if (a < b) {}</script>a", "a", id="no script"),
    pytest.param("a<!-- > <b> -->b", "a b", id="no comment"),
    pytest.param("<!DOCTYPE html><?xml?>a", "a", id="no declarations"),
    pytest.param("1 < 2", "1 2", id="no tag"),
    pytest.param("a<b", "a", id="a tag without end"),
    pytest.param("a<!-- b", "a", id="a comment without end"),
    pytest.param("a<style>b", "a", id="a style without end"),
    pytest.param("a<", "a", id="one octet of a tag"),
    pytest.param("İ<b>x</b>", "i̇x", id="capitals that become two letters"),
]


@pytest.mark.parametrize(("text", "expected"), HTML)
def test_html(text: str, expected: str) -> None:
    """What is shown of HTML, without its markup."""
    assert expected == preview_text(part("html"), text.encode())


ENCODED = [
    pytest.param("base64", b"utf-8", base64.encodebytes("é!".encode()), "é!", id="base64"),
    pytest.param("base64", b"utf-8", b"YWJ-jZA=", "abcd", id="base64 with a stray octet"),
    pytest.param("base64", b"utf-8", b"YWJj\r\nZGU=\r\n", "abcde", id="base64 to its end"),
    pytest.param("base64", b"utf-8", b"YWJjZ", "abc", id="base64 that is cut"),
    pytest.param("quoted-printable", b"utf-8", b"=C3=A9=\r\n!", "é!", id="quoted-printable"),
    pytest.param("quoted-printable", b"utf-8", b"a=C3=A", "a", id="quoted-printable that is cut"),
    pytest.param("quoted-printable", b"utf-8", b"a=zz", "a=zz", id="quoted-printable, broken"),
    pytest.param("7bit", b"iso-8859-1", b"\xe9", "é", id="ISO 8859-1"),
    pytest.param("7bit", b"us-ascii", "é".encode(), "é", id="US-ASCII with more"),
    pytest.param("7bit", b"unheard-of", "é".encode(), "é", id="an unknown character set"),
    pytest.param("7bit", b"utf-16", "é".encode("utf-16"), "é", id="UTF-16"),
    pytest.param("7bit", b"utf-16", "é".encode("utf-16-be"), "é", id="UTF-16 without its mark"),
    pytest.param("7bit", b"utf-16", b"\xff", "", id="half a mark of UTF-16"),
    pytest.param("x-uuencode", b"utf-8", b"abc", "abc", id="an unknown encoding"),
]


@pytest.mark.parametrize(("encoding", "charset", "octets", "expected"), ENCODED)
def test_encoded(encoding: str, charset: bytes, octets: bytes, expected: str) -> None:
    """Encoding and character set are undone, as well as they can be."""
    assert expected == preview_text(part(charset=charset, encoding=encoding), octets)


def multipart(*parts: bytes) -> bytes:
    """A message of these."""
    header = b"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
    return header + b"".join(b"--b\r\n" + each + b"\r\n" for each in parts) + b"--b--\r\n"


TEXT = b"\r\ntext"
EMPTY = b"\r\n \r\n"
PAGE = b"Content-Type: text/html\r\n\r\n<p>page</p>"
PICTURE = b"Content-Type: image/png\r\n\r\npicture"
ATTACHED = b"Content-Disposition: attachment\r\n\r\nattached"
CALENDAR = b"Content-Type: text/calendar\r\n\r\nBEGIN"
ENCLOSED = b"Content-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nenclosed"
PARTS = [
    pytest.param([TEXT, PAGE], "text", id="the first"),
    pytest.param([PAGE, TEXT], "page", id="HTML, if it is the first"),
    pytest.param([EMPTY, PAGE], "page", id="the next, if the first is empty"),
    pytest.param([EMPTY, EMPTY, EMPTY, PAGE], "", id="three are tried"),
    pytest.param([PICTURE, TEXT], "text", id="no picture"),
    pytest.param([ATTACHED, TEXT], "text", id="no attachment"),
    pytest.param([CALENDAR, ATTACHED, PICTURE], "", id="nothing to show"),
    pytest.param([ENCLOSED], "enclosed", id="of an enclosed message"),
]


@pytest.mark.parametrize(("parts", "expected"), PARTS)
def test_choice(parts: list[bytes], expected: str) -> None:
    """The first text that is no attachment is shown."""
    assert expected == of_message(multipart(*parts))


@pytest.mark.parametrize("octets", [b"<", b"<!--", b"<style>", b"<a ", b"&", b"&#1", b"> ", b" "])
@pytest.mark.parametrize("subtype", ["html", "plain"])
def test_s19_as_much_as_is_read(octets: bytes, subtype: str) -> None:
    """Whatever is repeated for 64 KiB, it is a matter of milliseconds, and short."""
    text = octets * (MAX_OCTETS // len(octets))

    assert len(preview_text(part(subtype), text)) <= MAX_CHARACTERS


@pytest.mark.skipif(VECTORS is None, reason="PYMTA_VECTORS is not set")
def test_vectors() -> None:
    """Whatever the message: one line of at most 200 characters that UTF-8 can hold."""
    paths = [path for path in Path(VECTORS or "", "mime").rglob("*") if path.is_file()]
    for path in paths:
        found = of_message(path.read_bytes())
        assert len(found) <= MAX_CHARACTERS
        assert found == " ".join(found.split())
        assert found == found.encode().decode()
    assert len(paths) > 195
