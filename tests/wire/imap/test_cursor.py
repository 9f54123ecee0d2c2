"""
Tests for reading a command: each element alone, with more behind it, and where it is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from pymta.wire.imap.cursor import DEPTH, BadSyntax, Cursor, Literal
from pymta.wire.imap.numset import SAVED, SeqSet

GOOD: dict[str, tuple[Callable[[Cursor], Any], list[bytes | Literal], Any]] = {
    "atom": (Cursor.atom, [b"aB1+-/=?^_`{"[:-1]], "aB1+-/=?^_`"),
    "atom with [": (Cursor.atom, [b"BODY["], "BODY["),
    "word": (Cursor.word, [b"noOp"], "NOOP"),
    "keyword": (lambda c: c.keyword("A", "B"), [b"b"], "B"),
    "quoted": (Cursor.string, [b'"a \\"b\\\\"'], b'a "b\\'),
    "empty": (Cursor.string, [b'""'], b""),
    "quoted, 8 bits": (Cursor.string, [b'"\xff"'], b"\xff"),
    "literal": (Cursor.string, [b"", Literal(b'a\r\n"')], b'a\r\n"'),
    "empty literal": (Cursor.string, [b"", Literal(b"")], b""),
    "astring, atom": (Cursor.astring, [b"a]b"], b"a]b"),
    "astring, NIL": (Cursor.astring, [b"NIL"], b"NIL"),
    "astring, quoted": (Cursor.astring, [b'"a b"'], b"a b"),
    "astring, literal": (Cursor.astring, [b"", Literal(b"a b")], b"a b"),
    "nstring, NIL": (Cursor.nstring, [b"nIl"], None),
    "nstring": (Cursor.nstring, [b'"NIL"'], b"NIL"),
    "nstring8": (Cursor.nstring8, [b"", Literal(b"\0", binary=True)], b"\0"),
    "nstring8, NIL": (Cursor.nstring8, [b"NIL"], None),
    "literal8": (Cursor.literal8, [b"", Literal(b"\0", binary=True)], b"\0"),
    "text": (Cursor.text, ['"ü"'.encode()], "ü"),
    "number": (Cursor.number, [b"0"], 0),
    "largest number": (Cursor.number, [b"4294967295"], 2**32 - 1),
    "number, leading zeros": (Cursor.number, [b"007"], 7),
    "nz_number": (Cursor.nz_number, [b"1"], 1),
    "number64": (Cursor.number64, [b"9223372036854775807"], 2**63 - 1),
    "sequence set": (Cursor.sequence_set, [b"1,2:*"], SeqSet.parse(b"1,2:*")),
    "saved": (Cursor.sequence_set, [b"$"], SAVED),
    "inbox": (Cursor.mailbox, [b"iNbOx"], "INBOX"),
    "inbox, quoted": (Cursor.mailbox, [b'"inbox"'], "INBOX"),
    "mailbox": (Cursor.mailbox, [b"Entw&APw-rfe"], "Entwürfe"),
    "mailbox, NFD becomes NFC": (Cursor.mailbox, [b"Entwu&Awg-rfe"], "Entwürfe"),
    "mailbox, literal": (Cursor.mailbox, [b"", Literal(b"a b")], "a b"),
    "pattern": (Cursor.list_mailbox, [b"a/%*"], "a/%*"),
    "pattern, empty": (Cursor.list_mailbox, [b'""'], ""),
    "pattern, UTF-7": (Cursor.list_mailbox, [b"&APw-%"], "ü%"),
    "pattern, no UTF-7": (Cursor.list_mailbox, [b"&%"], "&%"),
    "system flag": (Cursor.flag, [b"\\sEEN"], "\\Seen"),
    "keyword as flag": (Cursor.flag, [b"$Forwarded"], "$Forwarded"),
    "flags": (Cursor.flags, [b"(\\seen a)"], frozenset({"\\Seen", "a"})),
    "no flags": (Cursor.flags, [b"()"], frozenset()),
    "bare flags": (Cursor.flag_list_or_bare, [b"\\seen a"], frozenset({"\\Seen", "a"})),
    "date": (Cursor.date, [b"1-Feb-1994"], date(1994, 2, 1)),
    "quoted date": (Cursor.date, [b'"01-Feb-1994"'], date(1994, 2, 1)),
    "date and time": (
        Cursor.date_time,
        [b'" 1-Feb-1994 22:04:05 +0000"'],
        datetime(1994, 2, 1, 22, 4, 5, tzinfo=UTC),
    ),
    "list": (lambda c: c.listed(Cursor.word), [b"(a b)"], ("A", "B")),
    "list of literals": (
        lambda c: c.listed(Cursor.string),
        [b"(", Literal(b"a"), b" ", Literal(b"b"), b")"],
        (b"a", b"b"),
    ),
    "empty list": (lambda c: c.listed_or_none(Cursor.word), [b"()"], ()),
}


@pytest.mark.parametrize(("take", "pieces", "expected"), GOOD.values(), ids=GOOD)
def test_takes(
    take: Callable[[Cursor], Any], pieces: list[bytes | Literal], expected: object
) -> None:
    """An element is taken whole, and nothing behind it."""
    alone = Cursor(pieces)
    assert (expected, True) == (take(alone), alone.at_end)
    last = pieces[-1]
    more = [*pieces[:-1], last + b") more"] if isinstance(last, bytes) else [*pieces, b") more"]
    cursor = Cursor(more)
    assert (expected, b") more") == (take(cursor), cursor.rest())


WRONG: dict[str, tuple[Callable[[Cursor], Any], list[bytes | Literal]]] = {
    "no atom": (Cursor.atom, [b""]),
    "atom of a quote": (Cursor.atom, [b'"a"']),
    "atom of a literal": (Cursor.atom, [b"", Literal(b"a")]),
    "8 bits in an atom": (Cursor.atom, [b"\xfc"]),
    "control in an atom": (Cursor.atom, [b"\x07"]),
    "other keyword": (lambda c: c.keyword("A", "B"), [b"AB"]),
    "open quote": (Cursor.string, [b'"abc']),
    "quote ends in a backslash": (Cursor.string, [b'"abc\\"']),
    "other escape": (Cursor.string, [b'"\\n"']),
    "CR in a quote": (Cursor.string, [b'"a\rb"']),
    "NUL in a quote": (Cursor.string, [b'"a\0b"']),
    "atom for a string": (Cursor.string, [b"abc"]),
    "literal in a quote": (Cursor.string, [b'"', Literal(b"a"), b'"']),
    "binary literal": (Cursor.string, [b"", Literal(b"a", binary=True)]),
    "NUL in a literal": (Cursor.string, [b"", Literal(b"\0")]),
    "NIL-like": (Cursor.nstring, [b"NILS"]),
    "no literal8": (Cursor.literal8, [b'"a"']),
    "no UTF-8": (Cursor.text, [b'"\xff"']),
    "number too large": (Cursor.number, [b"4294967296"]),
    "number far too large": (Cursor.number, [b"9" * 30]),
    "number64 too large": (Cursor.number64, [b"9223372036854775808"]),
    "negative": (Cursor.number, [b"-1"]),
    "zero": (Cursor.nz_number, [b"0"]),
    "set with zero": (Cursor.sequence_set, [b"1:0"]),
    "saved in a set": (Cursor.number_set, [b"$"]),
    "mailbox of 8 bits": (Cursor.mailbox, ['"ü"'.encode()]),
    "mailbox, no UTF-7": (Cursor.mailbox, [b"&"]),
    "empty mailbox": (Cursor.mailbox, [b'""']),
    "control in a mailbox": (Cursor.mailbox, [b"&AAo-"]),
    "quoted control in a mailbox": (Cursor.mailbox, [b'"a\tb"']),
    "line separator in a mailbox": (Cursor.mailbox, [b"&ICg-"]),
    "mailbox with a wildcard": (Cursor.mailbox, [b"*"]),
    "Recent": (Cursor.flag, [b"\\Recent"]),
    "unknown system flag": (Cursor.flag, [b"\\Foo"]),
    "star": (Cursor.flag, [b"\\*"]),
    "8 bits in a flag": (Cursor.flag, [b"\xfc"]),
    "no bare flag": (Cursor.flag_list_or_bare, [b""]),
    "half-quoted date": (Cursor.date, [b'"1-Feb-1994']),
    "no such day": (Cursor.date, [b"30-Feb-1994"]),
    "time without zone": (Cursor.date_time, [b'" 1-Feb-1994 22:04:05"']),
    "no such time": (Cursor.date_time, [b'" 1-Feb-1994 25:04:05 +0000"']),
    "empty list": (lambda c: c.listed(Cursor.word), [b"()"]),
    "two spaces in a list": (lambda c: c.listed(Cursor.word), [b"(a  b)"]),
    "space before the end of a list": (lambda c: c.listed(Cursor.word), [b"(a )"]),
    "open list": (lambda c: c.listed(Cursor.word), [b"(a"]),
    "no space": (Cursor.space, [b"a"]),
    "literal for a space": (Cursor.space, [b"", Literal(b" ")]),
    "not the end": (Cursor.end, [b"  a"]),
    "literal at the end": (Cursor.end, [b"", Literal(b"a")]),
}


@pytest.mark.parametrize(("take", "pieces"), WRONG.values(), ids=WRONG)
def test_refuses(take: Callable[[Cursor], Any], pieces: list[bytes | Literal]) -> None:
    """What is not of the grammar is said to be wrong."""
    with pytest.raises(BadSyntax) as caught:
        take(Cursor(pieces))
    assert caught.value.text


def test_mailboxes_in_utf8() -> None:
    """With UTF-8 on, names are UTF-8, and an ampersand is one."""
    cursor = Cursor(['"Entwürfe" &APw- "u\u0308"'.encode()], utf8=True)
    names = [cursor.mailbox()]
    for _ in range(2):
        cursor.space()
        names.append(cursor.mailbox())
    assert ["Entwürfe", "&APw-", "ü"] == names


def test_no_utf8_name() -> None:
    """With UTF-8 on, other octets are no name."""
    with pytest.raises(BadSyntax, match="encoding"):
        Cursor([b'"\xff"'], utf8=True).mailbox()


def test_nesting_is_limited() -> None:
    """A list in a list in a list … ends somewhere; a hundred levels are allowed."""

    def parse(cursor: Cursor) -> object:
        return cursor.listed(parse) if cursor.peek() == b"(" else cursor.word()

    deep = Cursor([b"(" * DEPTH + b"A" + b")" * DEPTH])
    parse(deep)
    assert deep.at_end
    with pytest.raises(BadSyntax, match="levels"):
        parse(Cursor([b"(" * 60_000]))


def test_nesting_is_given_back() -> None:
    """What was left does not count any more."""
    cursor = Cursor([b"(A)" * 1_000])
    for _ in range(1_000):
        cursor.listed(Cursor.word)
    assert cursor.at_end


def test_position_counts_literals() -> None:
    """An error says where it is, in octets from the verb's end."""
    cursor = Cursor([b" ", Literal(b"12345"), b" ("])
    cursor.space()
    cursor.astring()
    cursor.space()
    with pytest.raises(BadSyntax) as caught:
        cursor.atom()
    assert 7 == caught.value.position


def test_accept_and_peek() -> None:
    """Octets are taken case apart, or left alone."""
    cursor = Cursor([b"Body.Peek[x", Literal(b"y"), b""])
    assert not cursor.accept(b"BODY[")
    assert cursor.accept(b"BODY.PEEK[")
    assert b"x" == cursor.peek(5)
    assert b"x" == cursor.rest()
    assert cursor.at_literal
    assert not cursor.at_end
    assert b"" == cursor.peek()


def test_expect() -> None:
    """What has to come is named, if it does not."""
    with pytest.raises(BadSyntax, match=r"\( expected"):
        Cursor([b")"]).expect(b"(")


@pytest.mark.parametrize(
    ("take", "octets"),
    [
        (Cursor.string, b'"' + b"a" * 1_000_000),
        (Cursor.string, b'"' + b"\\\\" * 500_000),
        (Cursor.sequence_set, b"1," * 500_000),
        (lambda c: c.listed(Cursor.atom), b"(" + b"a " * 100_000),
        (Cursor.number, b"9" * 1_000_000),
    ],
    ids=["quote", "backslashes", "set", "list", "number"],
)
def test_a_megabyte_of_nonsense(take: Callable[[Cursor], Any], octets: bytes) -> None:
    """Long wrong input is refused in time linear to its length."""
    with pytest.raises(BadSyntax):
        take(Cursor([octets]))
