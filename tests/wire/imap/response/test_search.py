"""
SEARCH, SORT, ESEARCH and THREAD responses.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymta.mailbox import MailboxName, UIDSet
from pymta.wire.imap.command.fetch import Window
from pymta.wire.imap.response.esearch import (
    Correlator,
    Found,
    Update,
    esearch_line,
    runs,
    update_line,
)
from pymta.wire.imap.response.search import search_line, sort_line
from pymta.wire.imap.response.thread import thread_line


def test_search_and_sort() -> None:
    """As the RFCs have them."""
    assert b"* SEARCH 2 84 882\r\n" == search_line([2, 84, 882])
    assert b"* SEARCH\r\n" == search_line([])
    assert b"* SEARCH 2 5 (MODSEQ 917162500)\r\n" == search_line([2, 5], 917162500)
    assert b"* SORT 5 3 4 1 2\r\n" == sort_line([5, 3, 4, 1, 2])
    assert b"* SORT 2 1 (MODSEQ 7)\r\n" == sort_line(iter([2, 1]), 7)


ESEARCH: list[tuple[Correlator, Found, bool, bytes]] = [
    (Correlator("A282"), Found(min=2, count=3), False, b'(TAG "A282") MIN 2 COUNT 3'),
    (Correlator("A283"), Found(all=UIDSet([2, 10, 11])), False, b'(TAG "A283") ALL 2,10:11'),
    (Correlator("A284"), Found(all=UIDSet()), True, b'(TAG "A284") UID'),
    (Correlator("A285"), Found(min=7, max=3800), True, b'(TAG "A285") UID MIN 7 MAX 3800'),
    (Correlator("a4"), Found(count=0), False, b'(TAG "a4") COUNT 0'),
    (
        Correlator("a4"),
        Found(min=2, count=10, modseq=917162500),
        False,
        b'(TAG "a4") MIN 2 COUNT 10 MODSEQ 917162500',
    ),
    (
        Correlator("A04"),
        Found(window=(Window(24000, 24500), ())),
        True,
        b'(TAG "A04") UID PARTIAL (24000:24500 NIL)',
    ),
    (
        Correlator("A01"),
        Found(window=(Window(-1, -100), [(3, 9)])),
        True,
        b'(TAG "A01") UID PARTIAL (-1:-100 3:9)',
    ),
    (
        Correlator("C2"),
        Found(all=runs([5, 10, 1]), scores=[99, 42, 4]),
        False,
        b'(TAG "C2") ALL 5,10,1 RELEVANCY (99 42 4)',
    ),
    (
        Correlator("tag1", (MailboxName("folder 2/b\u00e4"), 503)),
        Found(all=UIDSet([3002, 4004])),
        True,
        b'(TAG "tag1" MAILBOX "folder 2/b&AOQ-" UIDVALIDITY 503) UID ALL 3002,4004',
    ),
]


@pytest.mark.parametrize(
    ("correlator", "found", "by_uid", "expected"), ESEARCH, ids=[e[3].decode() for e in ESEARCH]
)
def test_esearch(correlator: Correlator, found: Found, by_uid: bool, expected: bytes) -> None:
    """What is not asked for is not told, and nothing where nothing was found."""
    assert b"* ESEARCH " + expected + b"\r\n" == esearch_line(correlator, found, by_uid=by_uid)


def test_names_in_utf8() -> None:
    """For a client that takes them."""
    correlator = Correlator("t", (MailboxName("\u00e4"), 1))
    assert b'MAILBOX "\xc3\xa4" UIDVALIDITY' in esearch_line(
        correlator, Found(), by_uid=True, utf8=True
    )


def test_updates() -> None:
    """In their order (RFC 5267 section 4.3.3)."""
    assert b'* ESEARCH (TAG "B01") UID ADDTO (0 32768:32769)\r\n' == update_line(
        "B01", [Update(True, 0, UIDSet([32768, 32769]))], by_uid=True
    )
    assert b'* ESEARCH (TAG "C") REMOVEFROM (3 9) ADDTO (1 2,1)\r\n' == update_line(
        "C", [Update(False, 3, [(9, 9)]), Update(True, 1, [(2, 2), (1, 1)])], by_uid=False
    )


@given(st.lists(st.integers(1, 30), max_size=20))
def test_runs(numbers: list[int]) -> None:
    """Expanded again, they are the numbers in their order."""
    assert numbers == [n for first, last in runs(numbers) for n in range(first, last + 1)]


THREADS: list[tuple[bytes, list[tuple[int, int | None]]]] = [
    (b"", []),
    (b" (2)", [(0, 2)]),
    (b" (1)(2)", [(0, 1), (0, 2)]),
    (
        b" (2)(3 6 (4 23)(44 7 96))",
        [(0, 2), (0, 3), (1, 6), (2, 4), (3, 23), (2, 44), (3, 7), (4, 96)],
    ),
    (b" ((3)(5))", [(0, None), (1, 3), (1, 5)]),
    (b" ((3 4)(5 (6)(7)))(8)", [(0, None), (1, 3), (2, 4), (1, 5), (2, 6), (2, 7), (0, 8)]),
    (b" (1 (2)(3))(4)", [(0, 1), (1, 2), (1, 3), (0, 4)]),
    (b" (1 2 (3 (4)(5))(6))", [(0, 1), (1, 2), (2, 3), (3, 4), (3, 5), (2, 6)]),
]


@pytest.mark.parametrize(("text", "nodes"), THREADS, ids=[t.decode() or "none" for t, _ in THREADS])
def test_thread(text: bytes, nodes: list[tuple[int, int | None]]) -> None:
    """Only children follow behind a space; siblings are in parentheses."""
    assert b"* THREAD" + text + b"\r\n" == thread_line(nodes)


def test_deep_threads() -> None:
    """There is no limit to the nesting of threads (RFC 5256 section 4)."""
    line = thread_line([(n, n + 1) for n in range(100_000)])
    assert line.startswith(b"* THREAD (1 2 3 ")
    both = [(depth, 2 * depth + side + 1) for depth in range(1, 50_000) for side in (0, 1)]
    nested = thread_line([(0, 1), *both])
    assert nested.count(b"(") == nested.count(b")") == 99_999
