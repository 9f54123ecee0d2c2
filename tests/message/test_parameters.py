"""
Tests for values with parameters.
"""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.message.parameters import (
    MAX_PARAMETERS,
    MediaType,
    Parameters,
    parameter,
    parameter_text,
    parse_disposition,
    parse_media_type,
)

MEDIA = [
    pytest.param(b" text/plain", MediaType("text", "plain"), id="plain"),
    pytest.param(b"TEXT/Plain", MediaType("text", "plain"), id="case"),
    pytest.param(b" (a) text (b) / (c) plain (d)", MediaType("text", "plain"), id="comments"),
    pytest.param(b"\r\n\ttext/plain\r\n ", MediaType("text", "plain"), id="folded"),
    pytest.param(b"application/vnd.x+y", MediaType("application", "vnd.x+y"), id="signs"),
    pytest.param(b"text/plain;", MediaType("text", "plain"), id="semicolon"),
    pytest.param(b"text/plain junk", MediaType("text", "plain"), id="text behind"),
    pytest.param(b"text", None, id="no subtype"),
    pytest.param(b"text/", None, id="empty subtype"),
    pytest.param(b"/plain", None, id="no type"),
    pytest.param(b"", None, id="nothing"),
    pytest.param(b"t\xc3\xa9xt/plain", None, id="not ASCII"),
    pytest.param(b'"text"/plain', None, id="quoted"),
]

PARAMETERS: list[object] = [
    pytest.param(b"; a=b", (("a", b"b"),), id="one"),
    pytest.param(b";a=b;c=d", (("a", b"b"), ("c", b"d")), id="two"),
    pytest.param(b" ; A = B ", (("a", b"B"),), id="spaces; only names have no case"),
    pytest.param(b'; a="b c"', (("a", b"b c"),), id="quoted"),
    pytest.param(b'; a="b\\"c;d"', (("a", b'b"c;d'),), id="quoted pair"),
    pytest.param(b'; a="b; c=d', (("a", b"b; c=d"),), id="quote without end"),
    pytest.param(b'; a="b" junk; c=d', (("a", b"b"), ("c", b"d")), id="text behind"),
    pytest.param(b'; a="b\r\n c"', (("a", b"b c"),), id="folded within quotes"),
    pytest.param(b"; a=b (c; d=e)", (("a", b"b"),), id="comment"),
    pytest.param(b"; (x) a (y)", (), id="comment and no value"),
    pytest.param(b"; a=", (("a", b""),), id="empty value"),
    pytest.param(b"; a=; c=d", (("a", b""), ("c", b"d")), id="empty value, then another"),
    pytest.param(b"; a=b c (1).txt; d=e", (("a", b"b c (1).txt"), ("d", b"e")), id="no quotes"),
    pytest.param(b"; a=b:c/d=e", (("a", b"b:c/d=e"),), id="tspecials without quotes"),
    pytest.param(b"; a=b; a=c", (("a", b"b"),), id="twice: the first"),
    pytest.param(b"; ; a=b;;", (("a", b"b"),), id="semicolons"),
    pytest.param(b"; a; b c=d; e=f", (("e", b"f"),), id="no parameters between"),
    pytest.param(b' "x;y=z"; a=b', (("a", b"b"),), id="quoted string before"),
    pytest.param("; a=é".encode(), (("a", "é".encode()),), id="raw UTF-8"),
    pytest.param(b"; a*0=b; a*1=c", (("a", b"bc"),), id="continuation"),
    pytest.param(b'; a*1="d"; a*0=c', (("a", b"cd"),), id="in any order"),
    pytest.param(b"; a*0=b; a*2=c", (("a", b"b"),), id="gap"),
    pytest.param(b"; a*1=b", (), id="no beginning"),
    pytest.param(b"; a*00=b", (("a*00", b"b"),), id="leading zero is no section"),
    pytest.param(b"; a*=utf-8''%c3%A9", (("a*", "é".encode()),), id="character set"),
    pytest.param(b"; a*=iso-8859-1'de'%e9", (("a*", "é".encode()),), id="is made UTF-8"),
    pytest.param(b"; a*=''b%20c", (("a*", b"b c"),), id="no character set"),
    pytest.param(b"; a*=klingon''%41", (("a*", b"klingon''%41"),), id="unknown: as written"),
    pytest.param(b"; a*=b", (("a*", b"b"),), id="no quotes in it"),
    pytest.param(b"; a*=utf-7''+2AA-b", (("a*", "\ufffdb".encode()),), id="half of one in UTF-7"),
    pytest.param(b"; a*=utf-8''%C3", (("a*", "\ufffd".encode()),), id="half a character"),
    pytest.param(b"; a*=utf-8''%zz%4", (("a*", b"%zz%4"),), id="no escapes"),
    pytest.param(
        b"; t*0*=us-ascii'en'This%20is%20even%20more%20; t*1*=%2A%2A%2Afun%2A%2A%2A%20; "
        b't*2="isn\'t it!"',
        (("t*", b"This is even more ***fun*** isn't it!"),),
        id="RFC 2231 section 4.1",
    ),
    pytest.param(
        b"; a*0*=utf-8''%C3; a*1*=%A9", (("a*", "é".encode()),), id="character cut in two"
    ),
    pytest.param(b"; a=b; a*=utf-8''c", (("a", b"b"), ("a*", b"c")), id="both forms are kept"),
]


@pytest.mark.parametrize(("value", "media"), MEDIA)
def test_media_type(value: bytes, media: MediaType | None) -> None:
    """
    Type and subtype are read, or there is none.
    """
    assert media == parse_media_type(value)


@pytest.mark.parametrize(("value", "parameters"), PARAMETERS)
def test_parameters(value: bytes, parameters: Parameters) -> None:
    """
    Parameters are read as they were meant, behind a media type and behind a disposition.
    """
    assert MediaType("x", "y", parameters) == parse_media_type(b"x/y" + value)
    assert ("attachment", parameters) == parse_disposition(b"Attachment" + value)


def test_no_disposition() -> None:
    """
    A value without a word is no disposition.
    """
    assert parse_disposition(b"") is None
    assert parse_disposition(b" ; filename=x") is None


def test_parameter_prefers_the_character_set() -> None:
    """
    Of both forms the one that can say more counts.
    """
    both = (("filename", b"x"), ("filename*", "é".encode()))

    assert "é".encode() == parameter(both, "filename")
    assert "é" == parameter_text(both, "filename")
    assert parameter(both, "name") is None
    assert parameter_text(both, "name") is None
    assert "é" == parameter_text((("name", b"=?utf-8?q?=C3=A9?="),), "name")


def test_s09_parameters() -> None:
    """
    There are at most so many, whatever they are.
    """
    many = b"".join(b"; a%d=b" % n for n in range(1000))
    media = parse_media_type(b"x/y" + many)

    assert media is not None
    assert MAX_PARAMETERS == len(media.parameters)


@settings(max_examples=150)
@given(
    value=st.lists(
        st.sampled_from(
            [
                b"a",
                b"*",
                b"0",
                b"1",
                b"=",
                b";",
                b'"',
                b"\\",
                b"(",
                b")",
                b" ",
                b"'",
                b"%",
                b"utf-8",
            ]
        )
    ).map(b"".join)
)
def test_never_raises(value: bytes) -> None:
    """
    Anything gives some parameters, each name once.
    """
    media = parse_media_type(b"x/y;" + value)

    assert media is not None
    names = [name for name, _text in media.parameters]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "value", [b";", b'"', b"(", b"\\", b";a=", b';a="', b"; a*1=b", b"a=b ", b";a=b (", b" "]
)
def test_s19_one_megabyte_of_it(value: bytes) -> None:
    """
    The worst that fits is read in linear time.
    """
    started = process_time()
    parse_media_type(b"x/y" + value * (1_000_000 // len(value)))

    assert process_time() - started < 5
