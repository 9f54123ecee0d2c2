"""
Orders and threads that are remembered.
"""

from __future__ import annotations

from pymta.mailbox import UID
from pymta.search import ThreadNode
from pymta.store.sql.arranged import Arrangements


def test_they_come_back_as_they_were() -> None:
    """By their key, and no others."""
    arranged = Arrangements()
    order = [UID(3), UID(1), UID(2**32 - 1)]
    nodes = [ThreadNode(0, None), ThreadNode(1, UID(1)), ThreadNode(1, UID(2))]
    arranged.put_order("a", order)
    arranged.put_threads("b", nodes)
    assert order == arranged.order("a")
    assert nodes == arranged.threads("b")
    assert arranged.order("c") is None
    assert arranged.threads("c") is None


def test_the_oldest_go() -> None:
    """Those that were asked for last stay; what is too large alone is not kept."""
    arranged = Arrangements(most=6)
    two = [UID(1), UID(2)]
    for key in "abc":
        arranged.put_order(key, two)
    arranged.order("a")
    arranged.put_order("d", two)
    assert [None, two, two] == [arranged.order(key) for key in "bcd"]
    arranged.put_order("c", [UID(n) for n in (1, 2, 3, 4)])
    assert [None, two] == [arranged.order(key) for key in "ad"]
    arranged.put_order("e", [UID(n) for n in range(7)])
    assert [None] * 5 == [arranged.order(key) for key in "abcde"]
