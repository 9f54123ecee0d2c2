"""
Tests for what is kept of the DNS, and for how long.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from pymta.dns.cache import Cache, Lifetimes, Missing
from pymta.errors import NoRecords, NoSuchName
from pymta.interfaces.dns import AAAA, MX, TLSA, TXT, A, Answer


def answer(ttl: int, *records: Any) -> Answer[Any]:
    """One of a host."""
    return Answer(records=records or (A("1.0.0.1"),), canonical="host.test", ttl=ttl)


def test_until_its_ttl() -> None:
    """An answer is known for its TTL, of which less and less is left."""
    clock = Clock()
    cache = Cache(clock)
    assert answer(300) == cache.keep("host.test", A, answer(300))
    clock.advance(120.5)
    assert answer(179) == cache.find("host.test", A)
    clock.advance(179)
    assert answer(0) == cache.find("host.test", A)
    clock.advance(0.5)

    assert None is cache.find("host.test", A)
    assert 0 == len(cache)


CLAMPED = [
    pytest.param(answer(0), 5, id="shortest"),
    pytest.param(answer(4), 5, id="nearly"),
    pytest.param(answer(86_400), 86_400, id="a day"),
    pytest.param(answer(2**31 - 1), 86_400, id="68 years"),
    pytest.param(Missing(NoRecords, 0), 5, id="missing, shortest"),
    pytest.param(Missing(NoSuchName, 86_400), 3_600, id="missing, a day"),
]


@pytest.mark.parametrize(("known", "seconds"), CLAMPED)
def test_ttls_have_bounds(known: Answer[A] | Missing, seconds: int) -> None:
    """No longer and no shorter than may be; what is kept says so."""
    clock = Clock()
    cache = Cache(clock)

    assert seconds == cache.keep("host.test", A, known).ttl
    clock.advance(seconds - 0.1)
    assert cache.find("host.test", A) is not None
    clock.advance(0.1)
    assert None is cache.find("host.test", A)


def test_kinds_are_apart() -> None:
    """What one kind has, or has not, says nothing of another (RFC 2308 5)."""
    cache = Cache(Clock())
    cache.keep("host.test", MX, Missing(NoRecords, 60))
    cache.keep("host.test", A, answer(60))

    assert Missing(NoRecords, 60) == cache.find("host.test", MX)
    assert answer(60) == cache.find("host.test", A)
    assert None is cache.find("host.test", AAAA)
    assert None is cache.find("other.test", A)


def test_names_that_do_not_exist() -> None:
    """They have no records of any kind (RFC 2308 5); newer answers count before it."""
    clock = Clock()
    cache = Cache(clock)
    cache.keep("gone.test", MX, Missing(NoSuchName, 60))
    assert Missing(NoSuchName, 60) == cache.find("gone.test", A)
    cache.keep("gone.test", A, answer(60))

    assert answer(60) == cache.find("gone.test", A)
    assert Missing(NoSuchName, 60) == cache.find("gone.test", MX)


def test_a_new_answer_replaces_the_old_one() -> None:
    """With its own life."""
    clock = Clock()
    cache = Cache(clock)
    cache.keep("host.test", A, answer(10))
    clock.advance(9)
    cache.keep("host.test", A, answer(10, A("1.0.0.2")))
    clock.advance(9)

    assert answer(1, A("1.0.0.2")) == cache.find("host.test", A)
    assert 1 == len(cache)


def test_a_clock_that_is_set_back() -> None:
    """What was kept in the future is asked for again."""
    clock = Clock()
    clock.advance(1000)
    cache = Cache(clock)
    cache.keep("host.test", A, answer(60))
    clock.rightNow = 500

    assert None is cache.find("host.test", A)


def test_s30_the_size_is_bounded() -> None:
    """Those that nobody asked for longest make room; large answers take much of it."""
    cache = Cache(Clock(), size=100_000)
    cache.keep("first.test", A, answer(60))
    for n in range(2_000):
        cache.keep(f"h{n}.test", A, answer(60))
        assert cache.find("first.test", A) is not None
    assert len(cache) < 150
    assert None is cache.find("h0.test", A)
    assert cache.find("h1999.test", A) is not None
    cache.keep("large.test", TXT, answer(60, *(TXT((b"x" * 255,) * 16) for _ in range(20))))

    assert len(cache) < 20
    assert cache.find("large.test", TXT) is not None


def test_s30_what_is_larger_than_all_of_it() -> None:
    """It is given and not kept, and nothing else is either."""
    cache = Cache(Clock(), size=10_000)
    cache.keep("host.test", A, answer(60))
    huge = answer(60, TLSA(usage=3, selector=0, matching=0, data=b"x" * 60_000))

    assert huge == cache.keep("huge.test", TLSA, huge)
    assert None is cache.find("huge.test", TLSA)
    assert 0 == len(cache)
    cache.keep("host.test", A, answer(60))
    assert 1 == len(cache)


NAMES = st.sampled_from(["a.test", "b.test", "c.test"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("keep"), NAMES, st.integers(0, 20)),
        st.tuples(st.just("deny"), NAMES, st.integers(0, 20)),
        st.tuples(st.just("wait"), st.just(""), st.integers(0, 12)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_against_a_model(steps: list[tuple[str, str, int]]) -> None:
    """Whatever comes in whatever order, what is found is the last answer that lives."""
    clock = Clock()
    cache = Cache(clock, Lifetimes(shortest=2, longest=10, negative=6))
    model: dict[str, tuple[float, Any]] = {}
    for step, name, number in steps:
        if step == "wait":
            clock.advance(number)
        elif step == "keep":
            kept = cache.keep(name, A, answer(number, A(f"1.0.0.{number}")))
            model[name] = (clock.seconds() + min(max(number, 2), 10), kept)
        else:
            kept = cache.keep(name, A, Missing(NoRecords, number))
            model[name] = (clock.seconds() + min(max(number, 2), 6), kept)
        for each, (ends, known) in model.items():
            found = cache.find(each, A)
            assert (found is not None) == (clock.seconds() < ends)
            assert found is None or type(found) is type(known)
            assert found is None or ends - clock.seconds() == found.ttl
