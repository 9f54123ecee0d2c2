"""
Threads (:rfc:`5256#section-3`): which message answers which, by subjects (ORDEREDSUBJECT), by
references and subjects (REFERENCES), or by references alone (REFS).

Messages are numbers here, and trees are lists of parents: nothing calls itself, however long a
thread is.  References are what strangers write.  Whether a link would close a loop is looked up
along the tree; who writes references so that this takes ever longer uses up the steps that all
messages have together, and what is left is not linked.
"""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar, assert_never

from pymta.mailbox import UID
from pymta.search import ThreadAlgorithm, ThreadNode

__all__ = ["Threadable", "sorted_in_turns", "thread"]

T = TypeVar("T")

Breathe = Callable[[], Awaitable[None]]
"""Lets others have their turn."""

_A_TURN = 1000
"""Messages that are looked at within 5 ms."""

_WORK_A_TURN = 4000
"""References and steps, the same."""

_STEPS = 200
"""Steps up a tree that a reference may take, on the average of all: honest ones take one or two."""


class Threadable(NamedTuple):
    """
    What is asked of a message.

    :param sent: any number that grows with time.
    :param subject: the casemapped base subject.
    :param references: ids, the oldest first.
    """

    uid: UID
    sent: int
    subject: bytes
    is_reply: bool
    message_id: bytes
    references: Sequence[bytes]


async def thread(
    messages: Sequence[Threadable], algorithm: ThreadAlgorithm, breathe: Breathe
) -> list[ThreadNode]:
    """:param messages: in the order of the mailbox."""
    match algorithm:
        case ThreadAlgorithm.ORDEREDSUBJECT:
            forest = await _by_subject(messages, breathe)
        case ThreadAlgorithm.REFERENCES:
            forest = await _by_references(messages, breathe)
        case ThreadAlgorithm.REFS:
            forest = await _by_references_alone(messages, breathe)
        case _:
            assert_never(algorithm)
    return await _flattened(forest, messages, breathe)


async def sorted_in_turns(
    items: Sequence[T], key: Callable[[T], object], breathe: Breathe
) -> list[T]:
    """As ``sorted`` does it, and others have their turn meanwhile."""
    pieces: list[list[T]] = []
    for start in range(0, len(items), _A_TURN):
        pieces.append(sorted(items[start : start + _A_TURN], key=key))  # type: ignore[arg-type]  # as sorted has it
        await breathe()
    if len(pieces) < 2:
        return pieces[0] if pieces else []
    merged: list[T] = []
    for n, item in enumerate(heapq.merge(*pieces, key=key), 1):  # type: ignore[arg-type]  # the same
        merged.append(item)
        if n % _A_TURN == 0:
            await breathe()
    return merged


class _Forest:
    """
    Roots and children by number.

    A number of :attr:`count` or more is a dummy: a message that is not there.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.roots: list[int] = []
        self.children: dict[int, list[int]] = {}


async def _flattened(
    forest: _Forest, messages: Sequence[Threadable], breathe: Breathe
) -> list[ThreadNode]:
    nodes: list[ThreadNode] = []
    waiting = [(0, node) for node in reversed(forest.roots)]
    while waiting:
        depth, node = waiting.pop()
        nodes.append(ThreadNode(depth, messages[node].uid if node < forest.count else None))
        children = forest.children.get(node, ())
        waiting.extend((depth + 1, child) for child in reversed(children))
        if len(nodes) % _A_TURN == 0:
            await breathe()
    return nodes


async def _ranks(values: Sequence[int], breathe: Breathe) -> list[int]:
    """Which place each has among all; of equal ones, the first in the mailbox comes first."""
    # RFC 5256 section 2.2: the sequence number breaks a tie, and sorting is stable.
    ranks = [0] * len(values)
    order = await sorted_in_turns(range(len(values)), values.__getitem__, breathe)
    for rank, number in enumerate(order):
        ranks[number] = rank
    return ranks


# -- ORDEREDSUBJECT --------------------------------------------------------------


async def _by_subject(messages: Sequence[Threadable], breathe: Breathe) -> _Forest:
    forest = _Forest(len(messages))
    sent = [message.sent for message in messages]
    heads: dict[bytes, int] = {}
    # In the order of sent dates the first of a subject is the head of its thread, and the heads
    # come in the order that is asked for.
    for n, number in enumerate(
        await sorted_in_turns(range(len(messages)), sent.__getitem__, breathe), 1
    ):
        head = heads.setdefault(messages[number].subject, number)
        if head == number:
            forest.roots.append(number)
        else:
            forest.children.setdefault(head, []).append(number)
        if n % _A_TURN == 0:
            await breathe()
    return forest


# -- REFERENCES --------------------------------------------------------------------


async def _by_references(messages: Sequence[Threadable], breathe: Breathe) -> _Forest:
    ranks = await _ranks([message.sent for message in messages], breathe)
    forest = await _linked(messages, breathe)
    threads = _Threads(forest, ranks)
    # Step 4.
    for dummy in [root for root in forest.roots if root >= forest.count]:
        forest.children[dummy].sort(key=ranks.__getitem__)
    forest.roots = await sorted_in_turns(forest.roots, threads.rank, breathe)
    await _Gathering(forest, messages).run(breathe)
    await threads.sort(breathe)
    return forest


async def _by_references_alone(messages: Sequence[Threadable], breathe: Breathe) -> _Forest:
    ranks = await _ranks([message.sent for message in messages], breathe)
    forest = await _linked(messages, breathe)
    await _Threads(forest, ranks).sort(breathe)
    latest: dict[int, int] = {}
    looked = 0
    for root in forest.roots:
        members = [n for n in _members(forest, root) if n < forest.count]
        latest[root] = max(ranks[n] for n in members)
        looked += len(members)
        if looked > _WORK_A_TURN:
            looked = 0
            await breathe()
    forest.roots = await sorted_in_turns(forest.roots, latest.__getitem__, breathe)
    return forest


def _members(forest: _Forest, root: int) -> Iterator[int]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(forest.children.get(node, ()))


class _Threads:
    """Sorting siblings.  :param ranks: of messages."""

    def __init__(self, forest: _Forest, ranks: Sequence[int]) -> None:
        self._forest = forest
        self._ranks = ranks

    def rank(self, node: int) -> int:
        """A dummy's is that of its first child."""
        if node < self._forest.count:
            return self._ranks[node]
        return self._ranks[self._forest.children[node][0]]

    async def sort(self, breathe: Breathe) -> None:
        """Step 6: every set of siblings, and the threads."""
        forest = self._forest
        # Dummies are among the roots only, so that those come last.
        for n, siblings in enumerate(forest.children.values(), 1):
            siblings.sort(key=self._ranks.__getitem__)
            if n % _A_TURN == 0:
                await breathe()
        forest.roots = await sorted_in_turns(forest.roots, self.rank, breathe)


# -- steps 1 to 3: by references ------------------------------------------------------


async def _linked(messages: Sequence[Threadable], breathe: Breathe) -> _Forest:
    """Trees of messages; a dummy stands at the top of some, with two children or more."""
    linking = _Linking(messages)
    for number in range(len(messages)):
        linking.enter(number)
        if number % _WORK_A_TURN == 0:
            await breathe()
    breathed = 0
    for number in range(len(messages)):
        linking.link(number)
        if linking.work - breathed > _WORK_A_TURN:
            breathed = linking.work
            await breathe()
    return await _pruned(linking.parents, len(messages), breathe)


class _Linking:
    """Step 1."""

    def __init__(self, messages: Sequence[Threadable]) -> None:
        self._messages = messages
        self._numbers: dict[bytes, int] = {}
        self.parents: list[int | None] = [None] * len(messages)
        self._counts = [0] * len(messages)
        """How many children."""
        self._allowed = 0
        self._walked = 0
        self._linked = 0

    @property
    def work(self) -> int:
        """What was done so far, in steps."""
        return self._linked + self._walked

    def enter(self, number: int) -> None:
        """Have a message found by its id; of equal ones, the first in the mailbox has it."""
        message_id = self._messages[number].message_id
        if message_id:
            self._numbers.setdefault(message_id, number)

    def link(self, number: int) -> None:
        """Put a message and its references into their places."""
        last: int | None = None
        references = self._messages[number].references
        self._linked += 1 + len(references)
        self._allowed += _STEPS * (1 + len(references))
        # Step 1.A.
        for reference in references:
            node = self._number(reference)
            if last is not None and self.parents[node] is None:
                self._connect(last, node)
            last = node
        # Step 1.B.
        before = self.parents[number]
        if before is not None:
            self.parents[number] = None
            self._counts[before] -= 1
        if last is not None:
            self._connect(last, number)

    def _number(self, reference: bytes) -> int:
        number = self._numbers.get(reference)
        if number is None:
            number = self._numbers[reference] = len(self.parents)
            self.parents.append(None)
            self._counts.append(0)
        return number

    def _connect(self, parent: int, child: int) -> None:
        if parent == child or self._closes_loop(parent, child):
            return
        self.parents[child] = parent
        self._counts[parent] += 1

    def _closes_loop(self, parent: int, child: int) -> bool:
        # Nobody descends from a leaf: most links need no look up the tree.
        if not self._counts[child]:
            return False
        above = self.parents[parent]
        while above is not None:
            self._walked += 1
            if above == child or self._walked > self._allowed:
                return True
            above = self.parents[above]
        return False


async def _pruned(parents: Sequence[int | None], count: int, breathe: Breathe) -> _Forest:
    """Steps 2 and 3: without dummies, but for those at the top that have children to hold."""
    forest = _Forest(count)
    tops = await _tops(parents, count, breathe)
    for number in range(count):
        if number % _WORK_A_TURN == 0:
            await breathe()
        above = tops[number]
        if above is None:
            forest.roots.append(number)
        else:
            forest.children.setdefault(above, []).append(number)
    for dummy in sorted(node for node in forest.children if node >= count):
        if len(forest.children[dummy]) == 1:
            forest.roots += forest.children.pop(dummy)
        else:
            forest.roots.append(dummy)
    return forest


async def _tops(parents: Sequence[int | None], count: int, breathe: Breathe) -> list[int | None]:
    """
    What is above each node once dummies are gone: a message, or the topmost of the dummies.
    """
    tops: list[int | None] = list(parents)
    settled = bytearray(len(parents))
    for node in range(len(parents)):
        if node % _WORK_A_TURN == 0:
            await breathe()
        path = []
        while not settled[node]:
            settled[node] = 1
            above = parents[node]
            if above is None or above < count:
                break
            path.append(node)
            node = above
        # Above "node" is None or a message, or it was settled before.
        for below in reversed(path):
            above = parents[below]
            assert above is not None
            top = tops[above]
            tops[below] = above if top is None else top
    return tops


# -- step 5: by subjects ----------------------------------------------------------------


class _Gathering:
    """Threads with one subject become one."""

    def __init__(self, forest: _Forest, messages: Sequence[Threadable]) -> None:
        self._forest = forest
        self._messages = messages
        self._table: dict[bytes, int] = {}
        """Which of the roots stands for a subject."""
        self._next = max([forest.count - 1, *forest.children]) + 1

    async def run(self, breathe: Breathe) -> None:
        """Steps 5.B and 5.C."""
        roots = self._forest.roots
        for n, root in enumerate(roots, 1):
            self._enter(root)
            if n % _A_TURN == 0:
                await breathe()
        gone: set[int] = set()
        made: list[int] = []
        for n, root in enumerate(roots, 1):
            self._merge(root, gone, made)
            if n % _A_TURN == 0:
                await breathe()
        self._forest.roots = [root for root in (*roots, *made) if root not in gone]

    def _enter(self, root: int) -> None:
        subject = self._subject(root)
        if not subject:
            return
        known = self._table.setdefault(subject, root)
        if self._is_dummy(known):
            return
        if self._is_dummy(root) or (self._is_reply(known) and not self._is_reply(root)):
            self._table[subject] = root

    def _merge(self, root: int, gone: set[int], made: list[int]) -> None:
        subject = self._subject(root)
        known = self._table.get(subject, root) if subject else root
        if known == root:
            return
        children = self._forest.children
        gone.add(root)
        if self._is_dummy(known):
            children[known] += children.pop(root) if self._is_dummy(root) else [root]
        elif self._is_reply(root) and not self._is_reply(known):
            children.setdefault(known, []).append(root)
        else:
            gone.add(known)
            self._table[subject] = dummy = self._next
            self._next += 1
            children[dummy] = [known, root]
            made.append(dummy)

    def _is_dummy(self, node: int) -> bool:
        return node >= self._forest.count

    def _first(self, node: int) -> Threadable:
        return self._messages[self._forest.children[node][0] if self._is_dummy(node) else node]

    def _subject(self, root: int) -> bytes:
        return self._first(root).subject

    def _is_reply(self, node: int) -> bool:
        return not self._is_dummy(node) and self._messages[node].is_reply
