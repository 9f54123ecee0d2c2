"""
Orders and threads that are remembered.
"""

from __future__ import annotations

from pymta.mailbox import UID, UIDSet
from pymta.search import ThreadNode
from pymta.store.sql.arranged import ENTRY, Arrangements, Key, key_of

UIDS = UIDSet([1, 2, 2**32 - 1])


def key(how: str) -> Key:
    """Of a mailbox's."""
    return key_of(1, UIDS, how)


def test_they_come_back_as_they_were() -> None:
    """By their key, and no others."""
    arranged = Arrangements()
    order = [UID(3), UID(1), UID(2**32 - 1)]
    nodes = [ThreadNode(0, None), ThreadNode(1, UID(1)), ThreadNode(1, UID(2))]
    arranged.put_order(key("a"), order)
    arranged.put_threads(key("b"), nodes)
    assert order == arranged.order(key("a"))
    assert nodes == arranged.threads(key("b"))
    assert arranged.order(key("c")) is None
    assert arranged.threads(key("c")) is None
    assert arranged.order(key_of(2, UIDS, "a")) is None
    assert arranged.order(key_of(1, UIDSet([1, 2]), "a")) is None


def test_the_oldest_go() -> None:
    """Those that were asked for last stay; what is too large alone is not kept."""
    room = ENTRY + 2 * 8 + 2 * 4
    arranged = Arrangements(most=3 * room)
    two = [UID(1), UID(2)]
    for how in "abc":
        arranged.put_order(key(how), two)
    arranged.order(key("a"))
    arranged.put_order(key("d"), two)
    assert [None, two, two] == [arranged.order(key(how)) for how in "bcd"]
    arranged.put_order(key("c"), [UID(n) for n in (1, 2, 3, 4)])
    assert [None, two] == [arranged.order(key(how)) for how in "ad"]
    arranged.put_order(key("e"), [UID(n) for n in range(room)])
    assert [None] * 5 == [arranged.order(key(how)) for how in "abcde"]


def test_orders_of_nothing_take_room() -> None:
    """However little there is to be arranged, and however scattered it is."""
    arranged = Arrangements(most=10 * ENTRY)
    for n in range(100):
        arranged.put_order(key_of(n, UIDSet(), "a"), [])
    assert 10 == sum(arranged.order(key_of(n, UIDSet(), "a")) is not None for n in range(100))
    scattered = key_of(1, UIDSet(range(1, 4 * ENTRY, 2)), "b")
    arranged.put_order(scattered, [])
    assert arranged.order(scattered) is None
