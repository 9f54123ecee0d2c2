"""
Tests for mail addresses.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymta.address import Address, ascii_domain, parse_domain
from pymta.errors import AddressError

GOOD = [
    pytest.param("a@example.org", "a", "example.org", id="plain"),
    pytest.param("a.b+c@EXAMPLE.org", "a.b+c", "EXAMPLE.org", id="case is kept"),
    pytest.param('"a b"@example.org', "a b", "example.org", id="quoted"),
    pytest.param(r'"a\"b\\"@example.org', 'a"b\\', "example.org", id="quoted pairs"),
    pytest.param('""@example.org', "", "example.org", id="empty quoted"),
    pytest.param('"ab"@example.org', "ab", "example.org", id="quotes without need"),
    pytest.param("a@[192.0.2.1]", "a", "[192.0.2.1]", id="IPv4 literal"),
    pytest.param("a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]", id="IPv6 literal"),
    pytest.param("a@[IPv6:::]", "a", "[IPv6:::]", id="IPv6 literal of zeros"),
    pytest.param("a@[IPv6:::ffff:192.0.2.1]", "a", "[IPv6:::ffff:192.0.2.1]", id="IPv4 in IPv6"),
    pytest.param("a@localhost", "a", "localhost", id="one label"),
    pytest.param("dörte@sörensen.example", "dörte", "sörensen.example", id="SMTPUTF8"),
    pytest.param("a@xn--srensen-90a.example", "a", "xn--srensen-90a.example", id="A-label"),
    pytest.param("!#$%&'*+-/=?^_`{|}~@x.y", "!#$%&'*+-/=?^_`{|}~", "x.y", id="all of atext"),
]

BAD = [
    pytest.param("", 0, id="nothing"),
    pytest.param("a", 1, id="no at"),
    pytest.param("@example.org", 0, id="no local part"),
    pytest.param("a@", 2, id="no domain"),
    pytest.param(".a@example.org", 0, id="leading dot"),
    pytest.param("a.@example.org", 1, id="trailing dot"),
    pytest.param("a..b@example.org", 1, id="two dots"),
    pytest.param("a b@example.org", 1, id="space"),
    pytest.param("a@b@example.org", 3, id="two ats"),
    pytest.param('"a@example.org', 0, id="unclosed quote"),
    pytest.param('"a"b@example.org', 3, id="behind a quote"),
    pytest.param('"a\r\nb"@example.org', 0, id="CRLF in quotes"),
    pytest.param('"a\0"@example.org', 0, id="NUL in quotes"),
    pytest.param("a@example.org\r\nRCPT TO:<b@c>", 13, id="CRLF behind"),
    pytest.param("a\u0085@example.org", 1, id="C1 control"),
    pytest.param("a\u2028@example.org", 1, id="line separator"),
    pytest.param("a@-example.org", 2, id="leading hyphen"),
    pytest.param("a@example-.org", 9, id="trailing hyphen"),
    pytest.param("a@example.org.", 13, id="root dot"),
    pytest.param("a@exa_mple.org", 5, id="underscore"),
    pytest.param("a@[192.0.2.256]", 2, id="IPv4 octet"),
    pytest.param("a@[192.0.2.1", 2, id="unclosed literal"),
    pytest.param("a@[IPv6:fe80::1%eth0]", 2, id="IPv6 zone"),
    pytest.param("a@[IPv6:zz]", 2, id="no IPv6"),
    pytest.param("a@[IPv6:1:2:3:4:5:6::8]", 2, id="IPv6 one group by two colons"),
    pytest.param("a@[x-tag:anything]", 2, id="tag that nobody registered"),
    pytest.param("a@" + "x" * 64 + ".org", 2, id="long label"),
    pytest.param("a@" + "x." * 130 + "org", 2, id="long domain"),
    pytest.param("a" * 65 + "@example.org", 0, id="long local part"),
    pytest.param("a" * 60 + "@" + ("x" * 63 + ".") * 3 + "org", 0, id="long altogether"),
    pytest.param("a@\u2488.example", 2, id="no IDNA"),
]


@pytest.mark.parametrize(("text", "local", "domain"), GOOD)
def test_parse(text: str, local: str, domain: str) -> None:
    """
    An address is parsed into its parts, without quotes.
    """
    assert Address(local, domain) == Address.parse(text)


@pytest.mark.parametrize(("text", "local", "domain"), GOOD)
def test_written_address_parses_to_the_same(text: str, local: str, domain: str) -> None:
    """
    What is written can be read again, with quotes where they are needed.
    """
    assert Address(local, domain) == Address.parse(str(Address(local, domain)))


@pytest.mark.parametrize(("text", "position"), BAD)
def test_s12_refused(text: str, position: int) -> None:
    """
    What is no address is refused, and the error says where.
    """
    with pytest.raises(AddressError) as caught:
        Address.parse(text)

    assert position == caught.value.position


@given(st.text(max_size=80))
def test_s12_never_holds_a_line_end(text: str) -> None:
    """
    Whatever is parsed either fails or gives a value without control characters.
    """
    try:
        address = Address.parse(text)
    except AddressError:
        return
    assert not any(c < " " or "\x7f" <= c < "\xa0" for c in address.local + address.domain)
    assert address == Address.parse(str(address))


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=31))
def test_any_printable_local_part_can_be_written(local: str) -> None:
    """
    Quoting makes every printable local part an address that reads back.
    """
    assert local == Address.parse(str(Address(local, "example.org"))).local


def test_domains_compare_as_a_labels() -> None:
    """
    U-labels and A-labels, in any case, are one domain.
    """
    assert ascii_domain("SÖRENSEN.example") == ascii_domain("xn--srensen-90a.EXAMPLE")
    assert Address.parse("A@B.Example").key == Address.parse("a@b.example").key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a@bücher.example", "a@xn--bcher-kva.example", id="U-label"),
        pytest.param("A@B.example", "A@B.example", id="ASCII stays"),
        pytest.param("ä@bücher.example", "ä@bücher.example", id="needs SMTPUTF8 anyway"),
    ],
)
def test_simplest(text: str, expected: str) -> None:
    """
    An address that needs SMTPUTF8 for its domain alone does without.
    """
    assert expected == str(Address.parse(text).simplest)


def test_bare_postmaster() -> None:
    """
    The bare postmaster is written without an at.
    """
    assert "postmaster" == str(Address("postmaster", ""))


def test_position_in_a_larger_text() -> None:
    """
    A domain inside a larger text reports where the text has it.
    """
    with pytest.raises(AddressError) as caught:
        parse_domain("a b", 10)

    assert 11 == caught.value.position


def test_s19_linear() -> None:
    """
    A megabyte of hostile text is refused at once.
    """
    for text in ("a." * 500_000, '"' + "\\a" * 500_000, "a@" + "a-" * 500_000):
        with pytest.raises(AddressError):
            Address.parse(text)


def vectors() -> Iterator[tuple[str, str, bool]]:
    folder = os.environ.get("PYMTA_VECTORS")
    if folder is None:
        return
    # Control characters stand as their pictures, U+2400 and up.
    pictures = {0x2400 + n: n for n in range(0x21)}
    tree = ElementTree.parse(Path(folder, "addr/isemail/tests.xml"))
    for test in tree.getroot().iter("test"):
        text = (test.findtext("address") or "").translate(pictures)
        category = test.findtext("category") or ""
        valid = category in {"ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN", "ISEMAIL_RFC5321"}
        yield test.attrib["id"], text, valid


@pytest.mark.skipif("PYMTA_VECTORS" not in os.environ, reason="PYMTA_VECTORS")
def test_isemail_vectors() -> None:
    """
    Every address of the collection is judged as it says, for use in an envelope.
    """
    cases = list(vectors())
    wrong = []
    for number, text, valid in cases:
        try:
            Address.parse(text)
            ours = True
        except AddressError:
            ours = False
        if ours != valid:
            wrong.append((number, text, valid))

    assert len(cases) > 150
    assert [] == wrong
