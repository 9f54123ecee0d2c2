"""
Tests for address lists.
"""

from __future__ import annotations

import re
from email.utils import getaddresses
from time import process_time
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.errors import HeaderError
from pymta.message import addresses
from pymta.message.addresses import (
    GROUP_END,
    MAX_ADDRESSES,
    ListedAddress,
    originators,
    parse_addresses,
)
from pymta.message.encodedword import decode_words, encode_phrase
from pymta.message.header import parse_header


def one(
    mailbox: bytes, host: bytes = b"b.c", name: bytes | None = None, route: bytes | None = None
) -> ListedAddress:
    """An entry with an address."""
    return ListedAddress(name, route, mailbox, host)


def group(name: bytes) -> ListedAddress:
    """The entry that starts a group."""
    return ListedAddress(None, None, name, None)


LISTS = [
    pytest.param(b"", [], id="nothing"),
    pytest.param(b" , ,, ", [], id="null members"),
    pytest.param(b"a@b.c", [one(b"a")], id="bare"),
    pytest.param(b" a@b.c\r\n ", [one(b"a")], id="folded"),
    pytest.param(b"<a@b.c>", [one(b"a")], id="angle"),
    pytest.param(b"Ann Lee <a@b.c>", [one(b"a", name=b"Ann Lee")], id="phrase"),
    pytest.param(b"Ann  \r\n Lee <a@b.c>", [one(b"a", name=b"Ann Lee")], id="phrase, folded"),
    pytest.param(b'"Lee,  Ann" <a@b.c>', [one(b"a", name=b"Lee,  Ann")], id="quoted"),
    pytest.param(b'"A \\"B\\""<a@b.c>', [one(b"a", name=b'A "B"')], id="quoted pairs"),
    pytest.param(b'"Ann" "Lee"x <a@b.c>', [one(b"a", name=b"Ann Leex")], id="mixed words"),
    pytest.param(b"Ann B. Lee <a@b.c>", [one(b"a", name=b"Ann B. Lee")], id="dot in a phrase"),
    pytest.param(b"a@b.c (Ann Lee)", [one(b"a", name=b"Ann Lee")], id="name in a comment"),
    pytest.param(b"Ann (x) Lee (y)<a@b.c>", [one(b"a", name=b"Ann Lee")], id="comments"),
    pytest.param(b"<a@b.c> (Ann)", [one(b"a", name=b"Ann")], id="angle and comment"),
    pytest.param(
        b"=?utf-8?q?Zo=C3=AB?= <a@b.c>", [one(b"a", name=b"=?utf-8?q?Zo=C3=AB?=")], id="encoded"
    ),
    pytest.param("Zoë <é@b.c>".encode(), [one("é".encode(), name="Zoë".encode())], id="UTF-8"),
    pytest.param(b"a@b.c, d@e.f", [one(b"a"), one(b"d", b"e.f")], id="two"),
    pytest.param(b"a@b.c; d@e.f", [one(b"a"), one(b"d", b"e.f")], id="semicolon"),
    pytest.param(b"a . x @ b . c", [one(b"a.x")], id="white space around dots"),
    pytest.param(b'"a b"@b.c', [one(b"a b")], id="quoted local part"),
    pytest.param(b'"a".b@b.c', [one(b"a.b")], id="obsolete local part"),
    pytest.param(b"a@[1.2.3.4]", [one(b"a", b"[1.2.3.4]")], id="literal"),
    pytest.param(b"a@[IPv6:::1], d@b.c", [one(b"a", b"[IPv6:::1]"), one(b"d")], id="IPv6"),
    pytest.param(b"<@x,@y:a@b.c>", [one(b"a", route=b"@x,@y")], id="route"),
    pytest.param(b"< @x , @y,@z : a@b.c>", [one(b"a", route=b"@x,@y,@z")], id="long route"),
    pytest.param(b"N <@x:a@b.c>, d@b.c", [one(b"a", name=b"N", route=b"@x"), one(b"d")], id="r2"),
    pytest.param(b"G: a@b.c, d@b.c;", [group(b"G"), one(b"a"), one(b"d"), GROUP_END], id="group"),
    pytest.param(b'A "B" c:;', [group(b"A B c"), GROUP_END], id="empty group"),
    pytest.param(
        b"G:a@b.c;, H:;, d@b.c",
        [group(b"G"), one(b"a"), GROUP_END, group(b"H"), GROUP_END, one(b"d")],
        id="groups and another",
    ),
    pytest.param(b"G: a@b.c", [group(b"G"), one(b"a"), GROUP_END], id="group without end"),
    pytest.param(b"a", [one(b"a", b"")], id="no domain"),
    pytest.param(b"a b", [one(b"a b", b"")], id="words"),
    pytest.param(b"@b.c", [one(b"")], id="no local part"),
    pytest.param(b"a@", [one(b"a", b"")], id="empty domain"),
    pytest.param(b"<>", [one(b"", b"")], id="empty angle"),
    pytest.param(b"N <>", [one(b"", b"", name=b"N")], id="name and empty angle"),
    pytest.param(b"a@b@c.d", [one(b"a@b", b"c.d")], id="two at"),
    pytest.param(b"x@y <a@b.c>", [one(b"a", name=b"x@y")], id="address as a name"),
    pytest.param(b"Ann <a@b.c", [one(b"a", name=b"Ann")], id="angle without end"),
    pytest.param(b"Ann <a@b.c, d@b.c", [one(b"a", name=b"Ann"), one(b"d")], id="no end, another"),
    pytest.param(b"a@b.c>", [one(b"a", b"b.c>")], id="end without angle"),
    pytest.param(b'"Ann <a@b.c>', [one(b"Ann <a@b.c>", b"")], id="quote without end"),
    pytest.param(b"a@b.c (Ann", [one(b"a", name=b"Ann")], id="comment without end"),
    pytest.param(b"Lee, Ann <a@b.c>", [one(b"Lee", b""), one(b"a", name=b"Ann")], id="comma"),
    pytest.param(b"\\", [one(b"\\", b"")], id="backslash"),
    pytest.param(b"a@b.c <d@b.c> x", [one(b"d", name=b"a@b.c")], id="text behind"),
]


@pytest.mark.parametrize(("value", "expected"), LISTS)
def test_parse(value: bytes, expected: list[ListedAddress]) -> None:
    """
    The entries of the table are read, wrong forms as they were most likely meant.
    """
    assert expected == list(parse_addresses(value))


@pytest.mark.parametrize(("value", "expected"), LISTS)
def test_parse_with_another_behind(value: bytes, expected: list[ListedAddress]) -> None:
    """
    What stands behind a comma is an entry of its own, unless something was left open.
    """
    left_open = value.startswith((b'"Ann <', b"\\")) or value.endswith((b"(Ann", b"G: a@b.c"))
    if not left_open:
        assert [*expected, one(b"z")] == list(parse_addresses(value + b",z@b.c"))


def test_s09_addresses() -> None:
    """
    There are at most so many entries, and a group is closed all the same.
    """
    assert MAX_ADDRESSES == len(parse_addresses(b"a@b," * (MAX_ADDRESSES + 5)))
    entries = parse_addresses(b"g:" + b"a@b," * (MAX_ADDRESSES + 5))
    assert MAX_ADDRESSES + 1 == len(entries)
    assert GROUP_END == entries[-1]


PIECES = [b"a", b"@", b"<", b">", b",", b";", b":", b'"', b"(", b")", b"\\", b".", b"[", b"]", b" "]


@settings(max_examples=200)
@given(value=st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join))
def test_any_octets_give_a_list(value: bytes) -> None:
    """
    Nothing raises, groups are closed and not nested, and no entry is half a group.
    """
    inside = False
    for entry in parse_addresses(value):
        if entry.host is None:
            assert entry.name is None
            assert inside is (entry == GROUP_END)
            inside = not inside
        else:
            assert entry.mailbox is not None
    assert not inside


@pytest.mark.parametrize("value", [b"@", b":", b"[", b"(", b'"\\', b"a,", b"<@x,"], ids=repr)
def test_s19_one_megabyte_of_it(value: bytes) -> None:
    """
    The worst that fits is read in linear time.
    """
    started = process_time()
    parse_addresses(b"<@:a " + value * (1_000_000 // len(value)))

    assert process_time() - started < 5


def test_s19_all_fields_of_a_name_together() -> None:
    """
    Whom a message is from is found in bounded time too, however many fields say so.
    """
    header = parse_header((b"From: " + b"()" * 50_000 + b"\r\n") * 10)
    started = process_time()
    with pytest.raises(HeaderError, match="too many addresses"):
        originators(header)

    assert process_time() - started < 5


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], max_codepoint=0x3000), max_size=20)
LOCAL = st.from_regex(r"[a-z!#$*+/=?^_`{|}~-]{1,8}(\.[a-z0-9]{1,5})?", fullmatch=True)


@settings(max_examples=100)
@given(
    people=st.lists(st.tuples(NAMES, LOCAL), max_size=5),
    between=st.sampled_from([", ", ",", " ,\r\n\t"]),
)
def test_parse_what_was_written(people: list[tuple[str, str]], between: str) -> None:
    """
    A list that is written by the grammar reads as it was meant, here and elsewhere.
    """
    value = between.join(f"{encode_phrase(name)} <{local}@b.example>" for name, local in people)
    parsed = parse_addresses(value.encode("ascii"))

    assert [local.encode() for _name, local in people] == [entry.mailbox for entry in parsed]
    assert [visible(name) for name, _local in people] == [
        decode_words(entry.name or b"") for entry in parsed
    ]
    assert [f"{local}@b.example" for _name, local in people] == [
        address for _name, address in getaddresses([value.replace("\r\n", "")])
    ]
    header = parse_header(b"From: " + value.encode() + b"\r\n\r\n")
    assert [local for _name, local in people] == [address.local for address in originators(header)]


def visible(name: str) -> str:
    """The name without the characters that no phrase can hold."""
    return "".join(c for c in name if not "\x7f" <= c < "\xa0")


# -- whom a message speaks for (S25) -------------------------------------------

CLAIMS = [
    pytest.param("a@b.c", ["a@b.c"], id="bare"),
    pytest.param("Ann Lee <a@b.c>", ["a@b.c"], id="angle"),
    pytest.param('"x@y.z" <a@b.c>', ["a@b.c"], id="quoted name"),
    pytest.param("a@b.c (x@y.z)", ["a@b.c"], id="comment"),
    pytest.param("a@b.c, D <d@e.f>", ["a@b.c", "d@e.f"], id="two"),
    pytest.param("x@y.z <a@b.c>", ["x@y.z", "a@b.c"], id="unquoted name counts"),
    pytest.param("G: a@b.c, d@e.f;", ["a@b.c", "d@e.f"], id="group (RFC 6854)"),
    pytest.param("G:;", [], id="empty group"),
    pytest.param("", [], id="empty"),
    pytest.param('"a b"@b.c', ['"a b"@b.c'], id="quoted local part"),
    pytest.param("é@é.example", ["é@é.example"], id="UTF-8"),
    pytest.param("a@[1.2.3.4]", ["a@[1.2.3.4]"], id="literal"),
]

REFUSED = [
    pytest.param(b"Ann", id="no domain"),
    pytest.param(b"a@", id="empty domain"),
    pytest.param(b"@b.c", id="no local part"),
    pytest.param(b"<>", id="empty"),
    pytest.param(b"Lee, Ann <a@b.c>", id="comma in a name"),
    pytest.param(b"a@b@c.d", id="two at"),
    pytest.param(b"a@b.c <d@e.f", id="angle without end"),
    pytest.param(b'"Ann <a@b.c>', id="quote without end"),
    pytest.param(b"a@b.c (x", id="comment without end"),
    pytest.param(b"<a@b.c> d@e.f", id="text behind"),
    pytest.param(b"<a@b.c> <d@e.f>", id="two angles"),
    pytest.param(b"<@x.y:a@b.c>", id="route"),
    pytest.param(b"a@b.c d@e.f", id="no comma"),
    pytest.param(b"a (x) .b@b.c", id="comment in an address"),
    pytest.param(b"a @b.c", id="space in an address"),
    pytest.param(b"x a@b.c <d@e.f>", id="more than an address as a name"),
    pytest.param(b"a@b..c", id="no domain at all"),
    pytest.param(b"\xff@b.c", id="no UTF-8"),
    pytest.param(b"a\0@b.c", id="NUL"),
    pytest.param(b"G: a@b.c", id="group without end"),
    pytest.param(b"a@b.c," * (MAX_ADDRESSES + 1), id="too many"),
]


@pytest.mark.parametrize(("value", "expected"), CLAIMS)
def test_s25_originators(value: str, expected: list[str]) -> None:
    """
    Every address that some program could show as the sender is found.
    """
    header = parse_header(b"Subject: x@y\r\nFrom: " + value.encode() + b"\r\n\r\n")

    assert expected == [str(address) for address in originators(header)]


@pytest.mark.parametrize("value", REFUSED)
def test_s25_originators_in_doubt(value: bytes) -> None:
    """
    What programs read differently is refused, with the place of its field.
    """
    with pytest.raises(HeaderError) as caught:
        originators(parse_header(b"To: x@y\r\nFrom: " + value + b"\r\n\r\n"))
    assert 9 == caught.value.position


def test_s25_originators_of_all_fields() -> None:
    """
    A second From, in any case, counts like the first; other fields on request.
    """
    header = parse_header(b"From: a@b.c\r\nSender: s@b.c\r\nFROM : d@e.f\r\n\r\n")

    assert ["a@b.c", "d@e.f"] == [str(address) for address in originators(header)]
    assert ["s@b.c"] == [str(address) for address in originators(header, b"Sender")]
    assert () == originators(parse_header(b"To: a@b.c\r\n\r\n"))


_PIECES = (
    b"a",
    b"b.c",
    b"@",
    b",",
    b"<",
    b">",
    b" ",
    b'"',
    b'"x  y"',
    b"(c)",
    b";",
    b":",
    b"\r\n ",
    b"\\",
    b"[1]",
    b"]",
    b"\xe9",
    b"a@b",
    b"<a@b>",
    b"Ann ",
    b"\0",
    b"\t",
)


@settings(max_examples=150)
@given(st.lists(st.sampled_from(_PIECES), max_size=9), st.integers(1, 4))
def test_what_is_read_at_once_is_read_the_same(pieces: list[bytes], most: int) -> None:
    """
    The short way of simple lists finds what the long way finds, in whatever is beside them.
    """
    value = b"".join(pieces)

    def read() -> tuple[object, ...]:
        reader = addresses._Reader(value, addresses.Tokens(), most=most)
        return tuple(reader.read()), reader.claimed, reader.doubts

    with patch.object(addresses, "_SIMPLE", re.compile(rb"(?!)")):
        slowly = read()

    assert slowly == read()
    assert slowly[0] == parse_addresses(value, most)


SIMPLE = b'Ann  B. <a@b>, "C, \xc3\xa9" <c@d> ,e@f,\r\n\tG\r\n H <g@h>,'


def test_what_is_simple() -> None:
    """
    Names of words or in quotes, bare addresses, folds and a comma too many are read at once.
    """
    assert addresses._read_simple(SIMPLE, 9) == (
        one(b"a", b"b", b"Ann B."),
        one(b"c", b"d", b"C, \xc3\xa9"),
        one(b"e", b"f"),
        one(b"g", b"h", b"G H"),
    )
    for value in (b"a", b"a@b (c)", b'"a\\"b" <c@d>', b"g: a@b;", b"<@a:b@c>", b"a@b,,c@d"):
        assert addresses._read_simple(value, 9) is None
