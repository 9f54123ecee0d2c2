"""
Base subjects (RFC 5256 section 2.1).
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.message.subject import BaseSubject, base_subject

TABLE: list[tuple[bytes, str, bool]] = [
    (b"", "", False),
    (b"hello", "hello", False),
    (b"  hello \t there\r\n  you ", "hello there you", False),
    (b"Re: hello", "hello", True),
    (b"RE:hello", "hello", True),
    (b"re :  hello", "hello", True),
    (b"Fw: hello", "hello", True),
    (b"FWD: hello", "hello", True),
    (b"Fwdd: hello", "Fwdd: hello", False),
    (b"Aw: hello", "Aw: hello", False),
    (b"Re: Re: re: Fwd: hello", "hello", True),
    (b"Re[2]: hello", "hello", True),
    (b"Re [2] : hello", "hello", True),
    (b"Re[2 : hello", "Re[2 : hello", False),
    (b"[list] hello", "hello", False),
    (b"[list] [other] hello", "hello", False),
    (b"[list] Re: hello", "hello", True),
    (b"[a] [b] Re: [c] hello", "hello", True),
    (b"[list]", "[list]", False),
    (b"[a] [b]", "[b]", False),
    (b"Re: [list]", "[list]", True),
    (b"[a [b] hello", "[a [b] hello", False),
    (b"[unfinished hello", "[unfinished hello", False),
    (b"hello (fwd)", "hello", True),
    (b"hello (FWD) (fwd) ", "hello", True),
    (b"hello(fwd)", "hello", True),
    (b"(fwd)", "", True),
    (b"(fwd) hello", "(fwd) hello", False),
    (b"[Fwd: hello]", "hello", True),
    (b"[fwd: Re: hello (fwd)]", "hello", True),
    (b"[fwd: [fwd: [list] hello]]", "hello", True),
    (b"[fwd: a] b", "b", False),
    (b"[fwd:]", "", True),
    (b"Re:", "", True),
    (b"Re: (fwd)", "", True),
    (b"Re", "Re", False),
    (b"reply: x", "reply: x", False),
    (b"=?utf-8?q?Re=3A_gr=C3=BC=C3=9Fe?=", "grüße", True),
    (b"=?utf-8?b?W0xpc3RdIMSwc3RhbmJ1bA==?= (fwd)", "İstanbul", True),
    (b"[\xc4\xb0] Re: \xc4\xb0 (fwd)", "İ", True),
]


@pytest.mark.parametrize(
    ("subject", "text", "is_reply"), TABLE, ids=[repr(s)[2:-1] or "empty" for s, *_ in TABLE]
)
def test_base_subject(subject: bytes, text: str, is_reply: bool) -> None:
    """What is an artefact of replying, forwarding and lists goes, and nothing else."""
    assert BaseSubject(text, is_reply) == base_subject(subject)


_PIECES = st.lists(
    st.sampled_from(
        [b"re", b"fwd", b":", b"[", b"]", b"(fwd)", b" ", b"[fwd:", b"a", b"[b]", b"\t", b"Re: "]
    ),
    max_size=12,
)


@settings(max_examples=200)
@given(_PIECES)
def test_a_base_subject_has_no_ends_to_strip(pieces: list[bytes]) -> None:
    """It is its own base subject, and as such no reply."""
    text, _ = base_subject(b"".join(pieces))
    assert BaseSubject(text, False) == base_subject(text.encode())


@pytest.mark.parametrize(
    "subject",
    [
        b"[a]" * 300_000,
        b"[" * 1_000_000,
        b"re:" * 300_000,
        b"[fwd:" * 100_000 + b"]" * 100_000,
        b"(fwd)" * 200_000,
        b" [a] re" * 100_000,
        b"=?utf-8?q?[a]?= " * 60_000,
    ],
    ids=["blobs", "brackets", "replies", "forwards", "trailers", "almost", "words"],
)
def test_hostile_subjects(subject: bytes) -> None:
    """A megabyte of anything takes no time."""
    began = time.process_time()
    base_subject(subject)
    assert time.process_time() - began < 1
