"""
Tests for canonical line ends.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.message.newlines import CanonicalLines, is_canonical
from tests.message.cuts import CUTS, Cutter, random_cuts

LINES = [
    pytest.param(b"", b"", id="nothing"),
    pytest.param(b"a\r\nb\r\n", b"a\r\nb\r\n", id="canonical"),
    pytest.param(b"a\nb\n", b"a\r\nb\r\n", id="LF"),
    pytest.param(b"a\rb\r", b"a\r\nb\r\n", id="CR"),
    pytest.param(b"a\r\r\nb", b"a\r\n\r\nb", id="CR CR LF"),
    pytest.param(b"a\n\rb", b"a\r\n\r\nb", id="LF CR"),
    pytest.param(b"\r\n\n\r\n\r", b"\r\n\r\n\r\n\r\n", id="all kinds"),
    pytest.param(b"a", b"a", id="no line end"),
]


def convert(slices: list[bytes]) -> tuple[bytes, bool]:
    """What comes out, and whether anything was changed."""
    lines = CanonicalLines()
    out = b"".join(lines.feed(data) for data in slices)
    return out + lines.finish(), lines.changed


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(("octets", "expected"), LINES)
def test_convert(octets: bytes, expected: bytes, cut: Cutter) -> None:
    """
    Every bare CR and LF becomes a CRLF, wherever the octets are cut, and only they do.
    """
    assert (expected, octets != expected) == convert(list(cut(octets)))


@settings(max_examples=100)
@given(octets=st.lists(st.sampled_from([b"\r", b"\n", b"a"])).map(b"".join), seed=st.integers(0, 9))
def test_result_is_canonical(octets: bytes, seed: int) -> None:
    """
    What comes out is canonical, loses no character of a line, and converts to itself.
    """
    out, changed = convert(list(random_cuts(seed)(octets)))

    assert is_canonical(out)
    assert changed is not is_canonical(octets)
    assert octets.replace(b"\r", b"").replace(b"\n", b"") == out.replace(b"\r\n", b"")
    assert (out, False) == convert([out])


@pytest.mark.parametrize("octets", [b"\r", b"\n", b"a\r\r\n", b"\n\r\n", b"\n\r"])
def test_not_canonical(octets: bytes) -> None:
    """
    A bare CR or LF is noticed, at any place.
    """
    assert not is_canonical(octets)
