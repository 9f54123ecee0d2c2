"""
Filling the index of texts behind the appends, and narrowing searches by it.

Text is taken out of messages on the reactor, slice by slice, as a search would; what the writer
is given at once is so little that nobody who waits for a commit notices.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

from pymta.interfaces.content import IContent
from pymta.mailbox import UIDSet
from pymta.message.casemap import Casemap
from pymta.search import And, BodyText, HeaderText, Not, Or, Query, UIDIn, WholeText
from pymta.store._text import Text, TooLong
from pymta.store.sql import texts
from pymta.store.sql.reading import Letter
from pymta.store.sql.resources import Resources
from pymta.store.sql.texts import Sought, Texts

__all__ = ["Indexer", "Propose", "narrowed"]

LONGEST = 1024 * 1024
"""Characters of a letter's text, beyond which it is read for each search."""

AT_ONCE = 50
TOGETHER = 64 * 1024
"""Letters, and characters, of one commit: some 10 ms of the writer."""

MUCH = 5_000
"""Letters that are not left waiting for a quiet moment."""


class Indexer:
    """:param stored: gives the octets of a letter."""

    def __init__(self, resources: Resources, stored: Callable[[Letter], IContent]) -> None:
        self._resources = resources
        self._stored = stored
        self._casemap = Casemap()
        self._newest = 0

    async def keep_up(self) -> None:
        """
        Catch up when nothing has come since the last call, or when there is much to do: who
        appends has the machine for himself meanwhile.
        """
        newest, count = await self._resources.read(texts.behind)
        before, self._newest = self._newest, newest
        if count >= MUCH or (count and newest == before):
            await self.catch_up()

    async def catch_up(self) -> None:
        """Index what is not indexed yet; nothing, where there can be no index."""
        read, write = self._resources.read, self._resources.write
        if not (await read(texts.behind))[1] or not await write(texts.begin, None):
            return
        await write(texts.renew, None)
        while found := await read(lambda connection: texts.waiting(connection, AT_ONCE)):
            for some in _together([await self._texts(*each) for each in found]):
                await write(texts.index, some, size=sum(map(_size, some)))

    async def _texts(self, number: int, letter: Letter) -> Texts:
        content, breathe = self._stored(letter), self._resources.breathe
        try:
            text = Text(content, letter.structure, self._casemap, breathe)
            head, body = await text.whole(LONGEST)
        except TooLong:
            return Texts(number, None)
        return Texts(number, _storable(head), _storable(body))


def _storable(text: str) -> str:
    """Without what no column can hold, and what the tokenizer would stop at."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\0", " ")


def _together(made: Iterable[Texts]) -> Iterator[list[Texts]]:
    some: list[Texts] = []
    size = 0
    for each in made:
        some.append(each)
        size += _size(each)
        if size >= TOGETHER:
            yield some
            some, size = [], 0
    if some:
        yield some


def _size(texts: Texts) -> int:
    return len(texts.head or "") + len(texts.body)


# -- searching -----------------------------------------------------------------

Propose = Callable[[Sequence[Sought]], Awaitable[Sequence[UIDSet | None]]]
"""Candidates for each; None for those of which nobody can tell."""

_Leaf = HeaderText | BodyText | WholeText


async def narrowed(query: Query, propose: Propose) -> Query:
    """The same query, with each text sought among its candidates alone."""
    leaves = list(_leaves(query))
    if not leaves:
        return query
    casemap = Casemap()
    found = await propose([_sought(leaf, casemap) for leaf in leaves])
    return _within(query, dict(zip(leaves, found, strict=True)))


def _leaves(query: Query) -> Iterator[_Leaf]:
    match query:
        case HeaderText() | BodyText() | WholeText():
            yield query
        case And(keys):
            for key in keys:
                yield from _leaves(key)
        case Or(left, right):
            yield from _leaves(left)
            yield from _leaves(right)
        case Not(key):
            yield from _leaves(key)
        case _:
            pass


def _sought(leaf: _Leaf, casemap: Casemap) -> Sought:
    match leaf:
        case HeaderText(_, text):
            return Sought("head", casemap.map(text))
        case BodyText(text):
            return Sought("body", casemap.map(text))
        case WholeText(text):
            return Sought("head body", casemap.map(text))


def _within(query: Query, candidates: dict[_Leaf, UIDSet | None]) -> Query:
    match query:
        case HeaderText() | BodyText() | WholeText():
            uids = candidates[query]
            return query if uids is None else And((UIDIn(uids), query))
        case And(keys):
            return And(tuple(_within(key, candidates) for key in keys))
        case Or(left, right):
            return Or(_within(left, candidates), _within(right, candidates))
        case Not(key):
            return Not(_within(key, candidates))
        case _:
            return query
