"""
Tests for reading what comes back: whatever it is, it is an answer or nothing.
"""

from __future__ import annotations

import pytest
from dns import message
from dns.message import Message
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pymta.dns.exchange import _read
from pymta.interfaces.dns import MX, TLSA, A, Record
from pymta.testing.dns import CNAME, Records
from tests.dns.resolvers import Zone

SHORT = TLSA(usage=3, selector=1, matching=1, data=b"")
ZONES: dict[str, Records] = {
    "host.test": [A("1.0.0.1"), MX(10, "mx.test"), SHORT],
    "alias.test": [CNAME("host.test")],
}


def asked(kind: type[Record], name: str = "host.test") -> tuple[Message, bytes]:
    """A question and its answer."""
    question = message.make_query(f"{name}.", kind.__name__, use_edns=0)
    return question, Zone(ZONES).answer(question).to_wire()


@pytest.mark.parametrize("name", ["host.test", "alias.test"])
@pytest.mark.parametrize("kind", [A, MX, TLSA])
def test_whole(kind: type[Record], name: str) -> None:
    """The answer itself is one; another question's is none."""
    question, octets = asked(kind, name)
    other = message.make_query("other.test.", kind.__name__, id=question.id)

    assert _read(octets, question) is not None
    assert None is _read(octets, other)


@pytest.mark.parametrize("kind", [A, MX, TLSA])
def test_cut_anywhere(kind: type[Record]) -> None:
    """A part of it is none, but for a TLSA record that is whole already."""
    question, octets = asked(kind)
    read = [_read(octets[:end], question) for end in range(len(octets))]

    for response in filter(None, read):
        assert kind is TLSA
        assert response.answer


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([A, MX, TLSA]),
    st.lists(st.tuples(st.integers(2, 120), st.integers(0, 255)), max_size=6),
    st.binary(max_size=5),
)
@example(TLSA, [(6, 255)], b"")
@example(TLSA, [(7, 255)], b"")
def test_changed_anywhere(
    kind: type[Record], changes: list[tuple[int, int]], behind: bytes
) -> None:
    """Whatever octets are changed or added: it is an answer to the question or it is nothing."""
    question, octets = asked(kind)
    changed = bytearray(octets)
    for at, octet in changes:
        if at < len(changed):
            changed[at] = octet
    response = _read(bytes(changed) + behind, question)

    assert response is None or question.is_response(response)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_anything(octets: bytes) -> None:
    """Octets that have the right id are nothing, or a failure that does not say of what."""
    question, _ = asked(TLSA)
    response = _read(question.id.to_bytes(2) + octets, question)

    assert response is None or (response.rcode() and not response.answer)
