"""
Threads (RFC 5256 section 3).
"""

from __future__ import annotations

import time
from collections.abc import Coroutine, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.mailbox import UID
from pymta.message.threading import Threadable, sorted_in_turns, thread
from pymta.search import ThreadAlgorithm, ThreadNode

T = TypeVar("T")

_ORDERED, _REFERENCES, _REFS = ThreadAlgorithm


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run what never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waited")


async def breathe() -> None:
    """Nobody else is there."""


def message(
    uid: int, subject: str = "", *, ident: str = "", refs: str = "", sent: int | None = None
) -> Threadable:
    """``refs`` are ids of one letter; a subject with "Re:" is a reply's."""
    is_reply = subject.startswith("Re: ")
    return Threadable(
        uid=UID(uid),
        sent=uid if sent is None else sent,
        subject=subject.removeprefix("Re: ").encode(),
        is_reply=is_reply,
        message_id=ident.encode(),
        references=[letter.encode() for letter in refs],
    )


def shown(nodes: Sequence[ThreadNode]) -> str:
    """``1(2(3)4)5``: children in parentheses, ``-`` where there is no message."""
    text, depth = "", 0
    for node in nodes:
        text += "(" * (node.depth - depth) + ")" * (depth - node.depth)
        separator = " " if text and text[-1] not in "()" else ""
        text += separator + ("-" if node.uid is None else str(node.uid))
        depth = node.depth
    return text + ")" * depth


def threaded(algorithm: ThreadAlgorithm, *messages: Threadable) -> str:
    """As :func:`shown` writes it."""
    return shown(run(thread(messages, algorithm, breathe)))


ORDERED: list[tuple[str, list[Threadable], str]] = [
    ("nothing", [], ""),
    ("one", [message(1, "a")], "1"),
    ("two subjects", [message(1, "a"), message(2, "b")], "1 2"),
    ("no grandchildren", [message(1, "a"), message(2, "Re: a"), message(3, "a")], "1(2 3)"),
    (
        "threads by the date of their first",
        [message(1, "a", sent=9), message(2, "b", sent=5), message(3, "a", sent=4)],
        "3(1)2",
    ),
    ("equal dates", [message(1, "a", sent=5), message(2, "b", sent=5)], "1 2"),
    ("empty subjects are one subject", [message(1, ""), message(2, "")], "1(2)"),
]

REFERENCES: list[tuple[str, list[Threadable], str]] = [
    ("nothing", [], ""),
    ("no references", [message(1, "a"), message(2, "b")], "1 2"),
    ("a reply", [message(1, ident="a"), message(2, refs="a")], "1(2)"),
    ("a reply that came first", [message(1, refs="a"), message(2, ident="a")], "2(1)"),
    (
        "a chain",
        [message(1, ident="a"), message(2, ident="b", refs="a"), message(3, ident="c", refs="ab")],
        "1(2(3))",
    ),
    (
        "ancestry by what another one names",
        [message(1, ident="a"), message(2, ident="b"), message(3, ident="c", refs="ab")],
        "1(2(3))",
    ),
    (
        "siblings of one that is not there",
        [message(1, ident="a", refs="x"), message(2, ident="b", refs="x")],
        "-(1 2)",
    ),
    ("the only child of one that is not there", [message(1, ident="a", refs="x")], "1"),
    (
        "one that is not there, in between",
        [message(1, ident="a"), message(2, refs="ax"), message(3, refs="ax")],
        "1(2 3)",
    ),
    (
        "several that are not there, one above the other",
        [message(1, refs="xy"), message(2, refs="xz"), message(3, refs="xyw")],
        "-(1 2 3)",
    ),
    (
        "a single child below two that are not there",
        [message(1, ident="a", refs="xy"), message(2, refs="xya")],
        "1(2)",
    ),
    ("itself", [message(1, ident="a", refs="a")], "1"),
    ("each other", [message(1, ident="a", refs="b"), message(2, ident="b", refs="a")], "2(1)"),
    (
        "a loop of three",
        [
            message(1, ident="a", refs="c"),
            message(2, ident="b", refs="a"),
            message(3, ident="c", refs="b"),
        ],
        "3(1(2))",
    ),
    (
        "one id twice: the first has it",
        [message(1, ident="a"), message(2, ident="a"), message(3, refs="a")],
        "1(3)2",
    ),
    (
        "its own references count more than those of others",
        [
            message(1, ident="a"),
            message(2, ident="b"),
            message(3, refs="ac"),
            message(4, ident="c", refs="b"),
        ],
        "1 2(4(3))",
    ),
    (
        "siblings by date",
        [
            message(1, ident="a"),
            message(2, refs="a", sent=9),
            message(3, refs="a", sent=7),
            message(4, refs="a", sent=7),
        ],
        "1(3 4 2)",
    ),
    (
        "threads by date, that of one that is not there by its first child",
        [message(1, refs="x", sent=5), message(2, refs="x", sent=3), message(3, sent=4)],
        "-(2 1)3",
    ),
    ("same subject: two that are no replies", [message(1, "a"), message(2, "a")], "-(1 2)"),
    ("same subject: a reply", [message(1, "a"), message(2, "Re: a")], "1(2)"),
    ("same subject: a reply from before", [message(1, "Re: a"), message(2, "a")], "2(1)"),
    ("same subject: two replies", [message(1, "Re: a"), message(2, "Re: a")], "-(1 2)"),
    (
        "same subject: three that are no replies",
        [message(1, "a"), message(2, "a"), message(3, "a")],
        "-(1 2 3)",
    ),
    (
        "same subject: the reply's own replies go with it",
        [message(1, "a"), message(2, "Re: a", ident="b"), message(3, "Re: a", refs="b")],
        "1(2(3))",
    ),
    (
        "same subject: siblings of one that is not there, and another",
        [message(1, "a"), message(2, "Re: a", refs="x"), message(3, "Re: a", refs="x")],
        "-(1 2 3)",
    ),
    (
        "same subject: two that are not there",
        [
            message(1, "Re: a", refs="x"),
            message(2, "Re: a", refs="y"),
            message(3, "Re: a", refs="x"),
            message(4, "Re: a", refs="y"),
        ],
        "-(1 2 3 4)",
    ),
    ("empty subjects are none", [message(1, ""), message(2, "Re: ")], "1 2"),
    (
        "subjects of children do not count",
        [message(1, "a", ident="a"), message(2, "b", refs="a")],
        "1(2)",
    ),
]

REFS: list[tuple[str, list[Threadable], str]] = [
    ("subjects do not count", [message(1, "a"), message(2, "Re: a")], "1 2"),
    (
        "by what came last",
        [message(1, ident="a"), message(2, ident="b"), message(3, refs="a")],
        "2 1(3)",
    ),
    ("siblings by date", [message(1, refs="x", sent=5), message(2, refs="x", sent=3)], "-(2 1)"),
]

TABLE = [
    (algorithm, what, messages, expected)
    for algorithm, cases in [(_ORDERED, ORDERED), (_REFERENCES, REFERENCES), (_REFS, REFS)]
    for what, messages, expected in cases
]


@pytest.mark.parametrize(
    ("algorithm", "messages", "expected"),
    [(algorithm, messages, expected) for algorithm, _, messages, expected in TABLE],
    ids=[f"{algorithm.value}: {what}" for algorithm, what, *_ in TABLE],
)
def test_threads(algorithm: ThreadAlgorithm, messages: list[Threadable], expected: str) -> None:
    """Every step of the RFC, alone."""
    assert expected == threaded(algorithm, *messages)


_MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(["", "a", "Re: a", "b", "Re: b"]),
        st.sampled_from(["", *"abcdef"]),
        st.text("abcdefxyz", max_size=4),
        st.integers(0, 5),
    ),
    max_size=12,
).map(
    lambda rows: [
        message(n, subject, ident=ident, refs=refs, sent=sent)
        for n, (subject, ident, refs, sent) in enumerate(rows, 1)
    ]
)


@settings(max_examples=150, deadline=None)
@given(_MESSAGES, st.sampled_from(list(ThreadAlgorithm)))
def test_threads_hold_every_message_once(
    messages: list[Threadable], algorithm: ThreadAlgorithm
) -> None:
    """Whatever references say; depths have no gaps; what is not there has two children."""
    nodes = run(thread(messages, algorithm, breathe))
    assert [m.uid for m in messages] == sorted(node.uid for node in nodes if node.uid is not None)
    before = -1
    for node in nodes:
        assert 0 <= node.depth <= before + 1
        before = node.depth
    for at, node in enumerate(nodes):
        if node.uid is None:
            assert 0 == node.depth
            assert [1, 1] <= [n.depth for n in nodes[at + 1 : at + 3]]


def _naive(messages: list[Threadable]) -> dict[int, int | None]:
    """Parents as step 1 says, looked up the slow way; ids that are nobody's are dummies."""
    parents: dict[Any, Any] = {}
    names: dict[bytes, Any] = {}
    for m in messages:
        if m.message_id:
            names.setdefault(m.message_id, m.uid)

    def descends(node: Any, other: Any) -> bool:
        while node is not None:
            if node == other:
                return True
            node = parents.get(node)
        return False

    for m in messages:
        nodes = [names.get(ref, ref) for ref in m.references]
        for one, two in pairwise(nodes):
            if parents.get(two) is None and not descends(one, two):
                parents[two] = one
        parents[m.uid] = None
        if nodes and not descends(nodes[-1], m.uid):
            parents[m.uid] = nodes[-1]
    found: dict[int, int | None] = {}
    for m in messages:
        above = parents.get(m.uid)
        while above is not None and not isinstance(above, int):
            above = parents.get(above)
        found[m.uid] = above
    return found


@settings(max_examples=150, deadline=None)
@given(_MESSAGES)
def test_parents_are_those_of_the_slow_way(messages: list[Threadable]) -> None:
    """REFS keeps all links of step 1 and makes no others."""
    parents: dict[int, int | None] = {}
    path: list[int | None] = []
    for node in run(thread(messages, _REFS, breathe)):
        del path[node.depth :]
        if node.uid is not None:
            parents[node.uid] = path[-1] if path else None
        path.append(node.uid)
    assert _naive(messages) == parents


def _chain(count: int) -> list[Threadable]:
    return [
        Threadable(UID(n), n, b"s", n > 1, b"%d" % n, [b"%d" % (n - 1)])
        for n in range(1, count + 1)
    ]


def _pairs(count: int) -> list[Threadable]:
    """Every second message answers; then the pairs are hung below each other."""
    made = [
        Threadable(UID(n), n, b"s", False, b"%d" % n, [b"%d" % (n - 1)] if n % 2 == 0 else [])
        for n in range(1, count + 1)
    ]
    made += [
        Threadable(UID(count + n), n, b"s", False, b"", [b"%d" % (2 * n), b"%d" % (2 * n + 1)])
        for n in range(1, count // 2)
    ]
    return made


@pytest.mark.parametrize("algorithm", list(ThreadAlgorithm), ids=lambda a: a.value)
@pytest.mark.parametrize(
    "messages",
    [_chain(10_000), _chain(10_000)[::-1], _pairs(6000)],
    ids=["chain", "chain from its end", "pairs below each other"],
)
def test_ten_thousand(messages: list[Threadable], algorithm: ThreadAlgorithm) -> None:
    """Threads as deep as the mailbox take no stack and little time, and give way."""
    turns = 0
    longest = 0.0
    last = began = time.process_time()

    async def breathing() -> None:
        nonlocal turns, longest, last
        turns += 1
        longest = max(longest, time.process_time() - last)
        last = time.process_time()

    nodes = run(thread(messages, algorithm, breathing))
    assert len(messages) == sum(node.uid is not None for node in nodes)
    assert time.process_time() - began < 3
    assert turns > 10
    assert longest < 1  # gross: of 10,000 messages at once it would be 3 s


@given(st.lists(st.integers(0, 50), max_size=60))
def test_sorting_in_turns_is_sorting(numbers: list[int]) -> None:
    """Stable, as ``sorted`` is."""
    items = [(number, n) for n, number in enumerate(numbers * 40)]
    assert sorted(items, key=lambda i: i[0]) == run(sorted_in_turns(items, lambda i: i[0], breathe))
