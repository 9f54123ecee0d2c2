"""
What is kept of a header for SORT, THREAD and SEARCH.
"""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import pytest

from pymta.message.casemap import Casemap
from pymta.message.header import parse_header
from pymta.message.index import (
    ID_OCTETS,
    MAX_REFERENCES,
    TEXTS,
    IndexEntry,
    index_entry,
    message_ids,
)


def entry(*lines: bytes) -> IndexEntry:
    """Of a header of these lines."""
    return index_entry(parse_header(b"".join(line + b"\r\n" for line in lines)), Casemap())


TABLE: list[tuple[str, list[bytes], dict[str, Any]]] = [
    (
        "nothing",
        [],
        {
            "sent": None,
            "sent_day": None,
            "from_": b"",
            "display_to": b"",
            "subject": b"",
            "cc": b"",
        },
    ),
    (
        "date in its zone",
        [b"Date: Sun, 31 Dec 2000 16:01:33 -0800"],
        {"sent": 978307293, "sent_day": date(2000, 12, 31).toordinal()},
    ),
    ("no date", [b"Date: yesterday"], {"sent": None, "sent_day": None}),
    ("before 1970", [b"Date: 31 Dec 1969 23:59:59 +0000"], {"sent": -1}),
    (
        "people",
        [
            b"From: Anna Bell <anna.bell@example.org>, b@example.org",
            b"To: carl@example.com, Dora <d@example.com>",
            b"Cc: (Emil) emil@example.com",
        ],
        {
            "from_": b"ANNA.BELL",
            "to": b"CARL",
            "cc": b"EMIL",
            "display_from": b"ANNA BELL",
            "display_to": b"CARL@EXAMPLE.COM",
        },
    ),
    (
        "encoded names",
        [b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>", b"To: =?utf-8?q?_?= <k@example.org>"],
        {"display_from": "JU\u0308RGEN".encode(), "display_to": b"K@EXAMPLE.ORG"},
    ),
    ("no host", [b"From: root"], {"from_": b"ROOT", "display_from": b"ROOT"}),
    (
        "group",
        [b"To: undisclosed-recipients:;"],
        {"to": b"UNDISCLOSED-RECIPIENTS", "display_to": b"UNDISCLOSED-RECIPIENTS"},
    ),
    ("reply", [b"Subject: Re: [list] hello"], {"subject": b"HELLO", "is_reply": True}),
    ("no reply", [b"Subject: hello"], {"subject": b"HELLO", "is_reply": False}),
    ("Eight-bit subject", ["Subject: Größe".encode()], {"subject": "GRO\u0308ßE".encode()}),
]


@pytest.mark.parametrize(("lines", "expected"), [t[1:] for t in TABLE], ids=[t[0] for t in TABLE])
def test_what_is_sorted_by(lines: list[bytes], expected: dict[str, Any]) -> None:
    """Each key is what RFC 5256 section 3 and RFC 5957 section 3 say."""
    made = entry(*lines)
    assert expected == {name: getattr(made, name) for name in expected}


IDS: list[tuple[bytes, list[bytes]]] = [
    (b"<a@b>", [b"a@b"]),
    (b'<"a"@b>', [b"a@b"]),
    (b'<"a\\"<>@"@b>', [b'a"<>@@b']),
    (b"<a@b><c@d> <e@f>", [b"a@b", b"c@d", b"e@f"]),
    (b"anna's message of today <a@b> (yes) x@y", [b"a@b"]),
    (b"< a@b >", [b"a@b"]),
    (b"<a@[127.0.0.1]>", [b"a@[127.0.0.1]"]),
    (b"<>", []),
    (b"<a>", []),
    (b"a@b", []),
    (b"<a@b", []),
    (b"<<a@b>>", [b"a@b"]),
    (b"<a b@c>", []),
]


@pytest.mark.parametrize(("value", "ids"), IDS, ids=[repr(v)[2:-1] for v, _ in IDS])
def test_message_ids(value: bytes, ids: list[bytes]) -> None:
    """The valid ones are found, whatever quotes they are in, and nothing else."""
    expected = [next(message_ids(_plainest(each))) for each in ids]
    assert expected == list(message_ids(value))


def _plainest(normal: bytes) -> bytes:
    local, _, host = normal.rpartition(b"@")
    if any(octet in b'"<>@' for octet in local):
        return b'<"' + local.replace(b'"', b'\\"') + b'"@' + host + b">"
    return b"<" + local + b"@" + host + b">"


def test_case_of_message_ids_counts() -> None:
    """RFC 5256: comparisons are case-sensitive."""
    assert [*message_ids(b"<a@b>")] != [*message_ids(b"<A@b>")]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b"References: <a@b> <c@d>", b"In-Reply-To: <e@f>"], b"<a@b> <c@d>"),
        ([b"References: nothing", b"In-Reply-To: <e@f> <g@h>"], b"<e@f>"),
        ([b"In-Reply-To: mail of <e@f> and <g@h>"], b"<e@f>"),
        ([b"In-Reply-To: yours"], b""),
        ([b"References: <a@b>", b"References:", b" <c@d>"], b"<a@b> <c@d>"),
        ([b"Message-ID: <x@y>"], b""),
    ],
    ids=["references", "none valid", "first of in-reply-to", "none", "two fields", "no field"],
)
def test_references(lines: list[bytes], expected: bytes) -> None:
    """References come first; without a valid one, the first of In-Reply-To."""
    assert [*message_ids(expected)] == [*entry(*lines).ancestors()]


def test_many_references() -> None:
    """The first and the last ones are kept."""
    ids = [b"<%d@b>" % n for n in range(1000)]
    kept = entry(b"References: " + b"\r\n ".join(ids)).ancestors()
    wanted = [ids[0], *ids[1 - MAX_REFERENCES :]]
    assert [*message_ids(b"".join(wanted))] == [*kept]
    assert {ID_OCTETS} == {len(each) for each in kept}
    ids = [b"<%030d@b>" % n for n in range(20_000)]
    kept = entry(b"References: " + b" ".join(ids)).ancestors()
    wanted = [ids[0], *ids[1 - MAX_REFERENCES :]]
    assert [*message_ids(b"".join(wanted))] == [*kept]


def test_texts() -> None:
    """Every field of a name, casemapped, with its end; absent is empty; too long is None."""
    made = entry(
        b"Subject: one",
        b"subject: =?utf-8?q?tw=C3=B6?=\t\r\n more",
        b"To: " + b"a@example.org,\r\n " * 400,
        b"Cc:",
    )
    assert dict(zip(TEXTS, made.texts, strict=True)) == {
        "subject": "ONE\nTWO\u0308\t MORE\n".encode(),
        "from": b"",
        "to": None,
        "cc": b"\n",
        "bcc": b"",
    }


@pytest.mark.parametrize(
    "piece", [b"<a", b'<"a', b"<a@b", b'<"\\"', b"<a@b>", b'""', b"<" + b"a." * 50 + b" "]
)
def test_hostile_references(piece: bytes) -> None:
    """A megabyte of anything takes no time."""
    header = parse_header(b"References: " + piece * (1_000_000 // len(piece)) + b"\r\n")
    began = time.process_time()
    index_entry(header, Casemap())
    assert time.process_time() - began < 1


def test_s19_references_of_all_fields_together() -> None:
    """A thousand fields of references are looked at no longer than one that long."""
    first, last = b"References: <a@b>\r\n", b"References: <c@d>\r\n"
    header = parse_header(first + (b"References: " + b"<e@f>" * 200 + b"\r\n") * 950 + last)
    started = time.process_time()
    kept = index_entry(header, Casemap()).ancestors()

    assert time.process_time() - started < 0.2
    assert [*message_ids(b"<a@b>"), *message_ids(b"<c@d>")] == [kept[0], kept[-1]]
