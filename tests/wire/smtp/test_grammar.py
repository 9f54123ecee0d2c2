"""
Tests for the grammar of SMTP commands.
"""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.address import Address
from pymta.errors import RemoteProtocolError
from pymta.wire.smtp.grammar import (
    decode_attributes,
    decode_xtext,
    encode_attributes,
    encode_xtext,
    format_path,
    parse_hello,
    parse_local_rcpt,
    parse_mail,
    parse_rcpt,
    split_command,
)

A = Address("a", "b.example")


def status(error: RemoteProtocolError) -> str:
    """Code and status of the answer."""
    assert error.reply is not None
    return f"{error.reply.code} {error.reply.status}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b"NOOP", ("NOOP", ""), id="bare"),
        pytest.param(b"nOOp", ("NOOP", ""), id="any case"),
        pytest.param(b"NOOP \t ", ("NOOP", ""), id="white space at the end"),
        pytest.param(b"MAIL FROM:<> X", ("MAIL", "FROM:<> X"), id="argument"),
        pytest.param(b"EHLO   a", ("EHLO", "a"), id="spaces"),
        pytest.param(b"", ("", ""), id="empty"),
        pytest.param("R\u017fET".encode(), ("R\u017fET", ""), id="long s is no S"),
        pytest.param("RCPT TO:<\u00fc@x>".encode(), ("RCPT", "TO:<\u00fc@x>"), id="UTF-8"),
    ],
)
def test_split_command(line: bytes, expected: tuple[str, str]) -> None:
    """A verb is in any case; white space before the end is not part of the argument."""
    assert expected == split_command(line)


@pytest.mark.parametrize("octet", [b"\0", b"\r", b"\n", b"\x1b", b"\x7f", b"\xff", b"\xc2\x85"])
def test_s12_control_characters_are_refused(octet: bytes) -> None:
    """NUL, bare CR, other controls and what is not UTF-8 get no further than here."""
    with pytest.raises(RemoteProtocolError) as caught:
        split_command(b"VRFY a" + octet + b"b")

    assert "500 5.5.2" == status(caught.value)


@pytest.mark.parametrize(
    "domain",
    [
        "a",
        "a.example",
        "xn--bcher-kva.example",
        "[192.0.2.1]",
        "[IPv6:2001:db8::1]",
        "my_pc",
        "_a",
        "192.0.2.1",
    ],
)
def test_hello_takes(domain: str) -> None:
    """A domain, an address literal, and the names of Windows machines pass."""
    assert domain == parse_hello(domain)


@pytest.mark.parametrize(
    "domain",
    [
        "",
        "a b",
        "-a",
        "a..b",
        "a.",
        ".",
        "[192.0.2.256]",
        "[192.0.2.1",
        "a@b",
        "bücher.example",
        "[IPv6:::1%eth0]",
        "<a>",
        "a" * 64,
        "a." * 127 + "aa",
    ],
)
def test_hello_refuses(domain: str) -> None:
    """What is neither is answered 501; a domain in UTF-8 comes as A-labels (RFC 6531)."""
    with pytest.raises(RemoteProtocolError) as caught:
        parse_hello(domain)

    assert "501 5.5.4" == status(caught.value)


@pytest.mark.parametrize(
    ("argument", "address", "parameters"),
    [
        pytest.param("FROM:<a@b.example>", A, [], id="plain"),
        pytest.param("from:<a@b.example>", A, [], id="lower case"),
        pytest.param("FROM: <a@b.example>", A, [], id="space that nobody refuses"),
        pytest.param("FROM:<>", None, [], id="null"),
        pytest.param("FROM:<> SIZE=1", None, [("SIZE", "1")], id="null and parameter"),
        pytest.param("FROM:<@x.example:a@b.example>", A, [], id="source route ignored"),
        pytest.param("FROM:<@x.example,@y:a@b.example>", A, [], id="long source route"),
        pytest.param('FROM:<"a"@b.example>', A, [], id="quoted"),
        pytest.param('FROM:<"a>b"@b.example>', Address("a>b", "b.example"), [], id="> in quotes"),
        pytest.param('FROM:<"a\\" b"@b.example>', Address('a" b', "b.example"), [], id="escaped"),
        pytest.param('FROM:<@x:"a> b"@b.example>', Address("a> b", "b.example"), [], id="both"),
        pytest.param("FROM:<a@[192.0.2.1]>", Address("a", "[192.0.2.1]"), [], id="literal"),
        pytest.param(
            "FROM:<a@b.example>  body=8bitmime  X",
            A,
            [("BODY", "8bitmime"), ("X", None)],
            id="parameters",
        ),
        pytest.param("FROM:<a@b.example> A=\u00fc", A, [("A", "\u00fc")], id="UTF-8 value"),
    ],
)
def test_mail(
    argument: str, address: Address | None, parameters: list[tuple[str, str | None]]
) -> None:
    """MAIL's argument is a reverse path and parameters, in the order that they came."""
    assert (address, parameters) == (parse_mail(argument)[0], list(parse_mail(argument)[1]))


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        pytest.param("", "501 5.5.4", id="nothing"),
        pytest.param("<a@b.example>", "501 5.5.4", id="no FROM"),
        pytest.param("TO:<a@b.example>", "501 5.5.4", id="TO"),
        pytest.param("FROM:a@b.example", "501 5.1.7", id="no brackets"),
        pytest.param("FROM:<a@b.example", "501 5.1.7", id="unclosed"),
        pytest.param('FROM:<"a@b.example>', "501 5.1.7", id="quote unclosed"),
        pytest.param("FROM:<a@b.example>X", "501 5.5.4", id="no space"),
        pytest.param("FROM:<a@b.example> =1", "501 5.5.4", id="no keyword"),
        pytest.param("FROM:<a@b.example> X=", "501 5.5.4", id="no value"),
        pytest.param("FROM:<a@b.example> X=a=b", "501 5.5.4", id="= in a value"),
        pytest.param("FROM:<a@b.example> X x=1", "501 5.5.4", id="twice"),
        pytest.param("FROM:<a>", "501 5.1.7", id="no domain"),
        pytest.param("FROM:<postmaster>", "501 5.1.7", id="bare postmaster sends nothing"),
        pytest.param("FROM:<a@b@c>", "501 5.1.7", id="two @"),
        pytest.param("FROM:<@x.example>", "501 5.1.7", id="route only"),
        pytest.param("FROM:<@x.example,y:a@b>", "501 5.1.7", id="route without @"),
        pytest.param("FROM:<@-:a@b>", "501 5.1.7", id="route over no domain"),
        pytest.param("FROM:< >", "501 5.1.7", id="space"),
    ],
)
def test_mail_refuses(argument: str, expected: str) -> None:
    """What does not parse is answered 501 with the status of what was wrong."""
    with pytest.raises(RemoteProtocolError) as caught:
        parse_mail(argument)

    assert expected == status(caught.value)


@pytest.mark.parametrize("name", ["postmaster", "Postmaster", "POSTMASTER", "pOsTmAsTeR"])
def test_bare_postmaster(name: str) -> None:
    """RCPT takes postmaster without a domain, in any case (RFC 5321 section 4.1.1.3)."""
    assert (Address(name, ""), ()) == parse_rcpt(f"TO:<{name}>")


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("<root>", Address("root", "")),
        ("<Postmaster>", Address("Postmaster", "")),
        ("<a.b+c>", Address("a.b+c", "")),
        ('<"a@b">', Address("a@b", "")),
        ('<"a > b">', Address("a > b", "")),
        ("<a@b.example>", A),
        ('<"a b"@c>', Address("a b", "c")),
        ("<@x.example,@y.example:a@b.example>", A),
    ],
)
def test_local_rcpt(path: str, address: Address) -> None:
    """LMTP's RCPT takes a local part alone, beside addresses."""
    assert (address, ()) == parse_local_rcpt(f"TO:{path}")
    assert (address, (("NOTIFY", "NEVER"),)) == parse_local_rcpt(f"TO:{path} NOTIFY=NEVER")


@pytest.mark.parametrize(
    "argument",
    [
        "TO:<>",
        "TO:<a b>",
        "TO:<a@>",
        "TO:<a..b>",
        'TO:<"a>',
        "TO:root",
        "TO:<@x>",
        f"TO:<{'a' * 65}>",
    ],
)
def test_local_rcpt_refuses(argument: str) -> None:
    """What is neither is refused."""
    with pytest.raises(RemoteProtocolError) as caught:
        parse_local_rcpt(argument)

    assert "501 5.1.3" == status(caught.value)


@pytest.mark.parametrize("argument", ["TO:<>", "TO:<root>", "TO:a@b", "TO:<a@b", "FROM:<a@b>"])
def test_rcpt_refuses(argument: str) -> None:
    """RCPT needs an address."""
    with pytest.raises(RemoteProtocolError) as caught:
        parse_rcpt(argument)

    assert status(caught.value) in ("501 5.1.3", "501 5.5.4")


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (None, "<>"),
        (A, "<a@b.example>"),
        (Address("a b", "c"), '<"a b"@c>'),
        (Address("Postmaster", ""), "<Postmaster>"),
    ],
)
def test_format_path(address: Address | None, path: str) -> None:
    """A path is written as RCPT reads it."""
    assert path == format_path(address)
    if address is not None:
        assert address == parse_rcpt(f"TO:{path}")[0]


@pytest.mark.parametrize(
    ("text", "xtext"),
    [("", ""), ("abc", "abc"), ("a+b=c", "a+2Bb+3Dc"), ("a b", "a+20b"), ("\u00fc", "+C3+BC")],
)
def test_xtext(text: str, xtext: str) -> None:
    """xtext writes +, = and what is not printable in hexadecimal."""
    assert xtext == encode_xtext(text)
    assert text == decode_xtext(xtext)


@pytest.mark.parametrize("xtext", ["+", "+4", "+4g", "+2b", "=", " ", "a b", "\u00fc", "+FF", "a+"])
def test_xtext_refuses(xtext: str) -> None:
    """What is no xtext, or not UTF-8 behind it, is refused."""
    with pytest.raises(ValueError, match=r".*"):
        decode_xtext(xtext)


@pytest.mark.parametrize("xtext", ["+00", "a+0D+0Ab", "+1B", "+7F", "+C2+85", "+E2+80+A8"])
def test_s12_xtext_holds_no_control_characters(xtext: str) -> None:
    """No encoding smuggles a line end, or a NUL, into headers and logs."""
    with pytest.raises(ValueError, match="control"):
        decode_xtext(xtext)


@given(st.text(st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"])))
@settings(max_examples=100)
def test_xtext_round_trip(text: str) -> None:
    """Decoding what was encoded gives any printable text back."""
    assert text == decode_xtext(encode_xtext(text))


def test_attributes() -> None:
    """XCLIENT's attributes have names in any case and values in xtext."""
    attributes = decode_attributes("name=a.example ADDR=192.0.2.1 LOGIN=a+20b X=[UNAVAILABLE]")

    expected = {"NAME": "a.example", "ADDR": "192.0.2.1", "LOGIN": "a b", "X": "[UNAVAILABLE]"}
    assert expected == attributes
    assert attributes == decode_attributes(encode_attributes(list(attributes.items())))


@pytest.mark.parametrize("argument", ["", "NAME", "=x", "NAME=a NAME=b", "NAME=+0A", "1=a"])
def test_attributes_refuse(argument: str) -> None:
    """A malformed attribute, or one given twice, is answered 501."""
    with pytest.raises(RemoteProtocolError) as caught:
        decode_attributes(argument)

    assert "501 5.5.4" == status(caught.value)


@pytest.mark.parametrize(
    "argument",
    [
        'FROM:<"' + "\\a" * 300000,
        "FROM:<@" + "a," * 300000,
        "FROM:<a@b>" + " a=b" * 200000,
        "FROM:<" + "a." * 300000 + ">",
        'FROM:<@a:"' + '"' * 500000,
        "FROM:<@" + ":" * 500000,
    ],
)
def test_s19_linear(argument: str) -> None:
    """A megabyte of the worst is looked through in a moment."""
    before = process_time()
    with pytest.raises(RemoteProtocolError):
        parse_mail(argument)

    assert process_time() - before < 1.0


@given(st.text(max_size=60))
@settings(max_examples=200)
def test_total(text: str) -> None:
    """Whatever comes parses, or is refused with an answer."""
    refused: list[RemoteProtocolError] = []
    for parse in (parse_hello, parse_mail, parse_rcpt, parse_local_rcpt, decode_attributes):
        for prefix in ("", "FROM:<", "TO:<", "NAME="):
            try:
                parse(prefix + text)
            except RemoteProtocolError as error:
                refused.append(error)
    assert all(error.reply is not None for error in refused)
