"""
Tests for changes to a header as cuts.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.message.header import parse_header
from pymta.message.splice import Cut, Delete, Edit, Insert, Replace, apply_cuts, plan_cuts

HEADER = b"A: 1\r\nB: 2\r\n b\r\na : 3\r\nnonsense\r\nC: 4\r\n\r\n"
BODY = b"A: no field\r\n"
NEW = b"X: x\r\n"

EDITS: list[object] = [
    pytest.param([], HEADER, id="none"),
    pytest.param([Insert(0, NEW)], NEW + HEADER, id="insert first"),
    pytest.param([Insert(-3, NEW)], NEW + HEADER, id="insert before the first"),
    pytest.param([Insert(2, NEW)], HEADER[:16] + NEW + HEADER[16:], id="insert behind a fold"),
    pytest.param([Insert(5, NEW)], HEADER[:-2] + NEW + b"\r\n", id="insert last"),
    pytest.param([Insert(99, NEW)], HEADER[:-2] + NEW + b"\r\n", id="insert beyond"),
    pytest.param(
        [Insert(0, b"X: 1\r\n"), Insert(0, b"X: 2\r\n")],
        b"X: 1\r\nX: 2\r\n" + HEADER,
        id="insert two, in order",
    ),
    pytest.param([Delete(b"B", 1)], HEADER[:6] + HEADER[16:], id="delete with its fold"),
    pytest.param([Delete(b"a", 2)], HEADER[:16] + HEADER[23:], id="delete the second"),
    pytest.param([Delete(b"a", 3)], HEADER, id="delete none"),
    pytest.param([Delete(b"a", 0)], HEADER, id="the first is 1"),
    pytest.param([Delete(b"", 1)], HEADER, id="nonsense has no name"),
    pytest.param([Replace(b"A", 1, NEW)], NEW + HEADER[6:], id="replace"),
    pytest.param([Replace(b"Z", 1, NEW)], HEADER[:-2] + NEW + b"\r\n", id="replace none: added"),
    pytest.param(
        [Delete(b"A", 1), Delete(b"A", 2)],
        HEADER[6:16] + HEADER[23:],
        id="all edits count in the header as it was",
    ),
    pytest.param([Delete(b"A", 1), Replace(b"A", 1, NEW)], NEW + HEADER[6:], id="the later wins"),
    pytest.param(
        [Replace(b"A", 1, NEW), Insert(0, b"Y: y\r\n"), Insert(1, b"Z: z\r\n")],
        b"Y: y\r\n" + NEW + b"Z: z\r\n" + HEADER[6:],
        id="insert before and behind a replaced one",
    ),
]


@pytest.mark.parametrize(("edits", "expected"), EDITS)
def test_edits(edits: list[Edit], expected: bytes) -> None:
    """
    The edits make the header of the table, and leave the body alone.
    """
    cuts = plan_cuts(parse_header(HEADER), edits)

    assert expected + BODY == apply_cuts(HEADER + BODY, cuts)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", NEW, id="nothing"),
        pytest.param(b"\r\nbody", NEW + b"\r\nbody", id="empty header"),
        pytest.param(b"A: 1", b"A: 1\r\n" + NEW, id="ends within its last field"),
        pytest.param(b"A: 1\r\n", b"A: 1\r\n" + NEW, id="ends behind its last field"),
        pytest.param(b"A: 1\n\nbody", b"A: 1\n" + NEW + b"\nbody", id="LF"),
    ],
)
def test_add_to_odd_headers(content: bytes, expected: bytes) -> None:
    """
    A field that is added never runs into another, nor into the body.
    """
    assert expected == apply_cuts(content, plan_cuts(parse_header(content), [Insert(99, NEW)]))


def test_cuts_name_only_what_changes() -> None:
    """
    A cut replaces the field's own octets and no others.
    """
    cuts = plan_cuts(parse_header(HEADER), [Replace(b"C", 1, NEW), Delete(b"B", 1)])

    assert (Cut(6, 16, b""), Cut(33, 39, NEW)) == cuts


NAMES = st.sampled_from([b"A", b"B", b"C", b"Z"])
EDIT = st.one_of(
    st.builds(Insert, st.integers(-1, 7), st.just(NEW)),
    st.builds(Replace, NAMES, st.integers(0, 3), st.just(NEW)),
    st.builds(Delete, NAMES, st.integers(0, 3)),
)


@settings(max_examples=100)
@given(edits=st.lists(EDIT, max_size=6))
def test_every_octet_that_is_not_named_stays(edits: list[Edit]) -> None:
    """
    Cuts ascend without overlap, and fields that no edit names come out as they went in.
    """
    header = parse_header(HEADER)
    cuts = plan_cuts(header, edits)
    edges = [edge for cut in cuts for edge in (cut.start, cut.stop)]
    assert sorted(edges) == edges

    after = parse_header(apply_cuts(HEADER, cuts))
    kept = [f for f in header.fields if all(c.stop <= f.offset or c.start >= f.stop for c in cuts)]
    texts = [HEADER[field.offset : field.stop] for field in kept]
    left = [after.octets[field.offset : field.stop] for field in after.fields]
    assert texts == [text for text in left if text != NEW]
