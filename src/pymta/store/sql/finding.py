"""
Searching, sorting and threading a mailbox in SQL: rows first, then the index, and the octets of
those messages that neither has decided on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from pymta.database.times import from_microseconds
from pymta.errors import MessageGone
from pymta.interfaces.content import IContent, Octets
from pymta.mailbox import UID, Found, UIDSet
from pymta.message.casemap import Casemap
from pymta.message.header import Header, parse_header
from pymta.message.index import index_entry
from pymta.message.sorting import Sortable, distinct, sort
from pymta.message.threading import thread
from pymta.search import Query, SortBy, SortKey, ThreadAlgorithm, ThreadNode, is_fuzzy
from pymta.store._fuzzy import settled, stretched
from pymta.store._judging import Judge, Row
from pymta.store._search import Doubts, search
from pymta.store._text import header_of
from pymta.store.sql import judging, lookups, reading
from pymta.store.sql.arranged import key_of
from pymta.store.sql.judging import Condition, Doubtful, Judged, TooMuch
from pymta.store.sql.reading import Letter
from pymta.store.sql.resources import Resources

__all__ = ["Finder"]

T = TypeVar("T")

ROWS_AT_ONCE = 1000
"""Messages of which something is compared: 5 ms, with a few references each."""

AT_ONCE = 64
"""Messages that are read together: a megabyte comes with their rows, at most."""


class Finder:
    """Of one mailbox.  :param number: of its row."""

    def __init__(self, resources: Resources, number: int) -> None:
        self._resources = resources
        self._number = number

    # -- searching -----------------------------------------------------------------

    async def search(self, query: Query) -> Found:
        """See :meth:`~pymta.interfaces.mailbox.IMailbox.search`."""
        now = self._resources.context.now()
        wanted = settled(query)
        try:
            where = judging.condition(wanted, zone=self._resources.zone, now=now)
        except TooMuch:
            return await self._search_rows(query, now)
        told = await self._judged(where)
        if not told.doubtful and not is_fuzzy(query):
            return Found(told.found, told.modseq)
        return await self._settle(wanted, told, now, fuzzy=is_fuzzy(query))

    async def _judged(self, where: Condition) -> Judged:
        told = await self._read(lambda c: judging.judged(c, self._number, where))
        ranges, doubtful, modseq = [*told.found.ranges], [*told.doubtful], told.modseq
        while (after := told.upto) is not None:
            told = await self._read(partial(self._more, where, after))
            ranges += told.found.ranges
            doubtful += told.doubtful
            modseq = max(filter(None, (modseq, told.modseq)), default=None)
        return Judged(UIDSet.of_ranges(ranges), modseq, doubtful, None)

    def _more(self, where: Condition, after: int, connection: Connection) -> Judged:
        return judging.judged(connection, self._number, where, after)

    async def _settle(self, query: Query, told: Judged, now: int, *, fuzzy: bool) -> Found:
        """Read those that the rows have not decided on."""
        judge = Judge(self._resources.zone, from_microseconds(now))
        doubts = Doubts(judge, self._resources.breathe)
        uids: list[UID] = []
        scores = dict.fromkeys(told.found if fuzzy else (), 100)
        modseqs = [] if told.modseq is None else [told.modseq]
        for start in range(0, len(told.doubtful), AT_ONCE):
            some = told.doubtful[start : start + AT_ONCE]
            for row, letter, octets in await self._doubtful(some):
                content = self._resources.stored(letter)
                if octets is not None:
                    content = Octets(octets)
                if await doubts.settle(query, row, content, letter.structure):
                    uids.append(row.uid)
                    modseqs.append(row.modseq)
                    scores[row.uid] = doubts.take_score()
        return Found(
            told.found | UIDSet(uids),
            max(modseqs, default=None),
            scores=stretched([score for _, score in sorted(scores.items())]) if fuzzy else (),
        )

    async def _search_rows(self, query: Query, now: int) -> Found:
        """Row by row: for what is too large for a statement."""

        async def page(first: int, last: int) -> list[Row]:
            return await self._read(lambda c: reading.page(c, self._number, first, last))

        async def load(uid: UID) -> tuple[IContent, bytes] | None:
            try:
                letter = await self._read(lambda c: reading.letter(c, self._number, uid, now))
            except MessageGone:
                return None
            return self._resources.stored(letter), letter.structure

        return await search(
            query,
            page,
            load,
            zone=self._resources.zone,
            now=from_microseconds(now),
            breathe=self._resources.breathe,
        )

    # -- sorting, threading ----------------------------------------------------------

    async def sort(self, found: Found, keys: Sequence[SortKey]) -> Found:
        """What was found, in this order."""
        if any(key.by is SortBy.RELEVANCY for key in keys):
            rows = await self._rows(found.uids, lookups.sortables, lookups.read_sortables)
            scores = dict(zip(found.uids, found.scores, strict=False))
            order = await sort(_scored(rows, scores), keys, self._resources.breathe)
        else:
            order = await self._order(found.uids, distinct(keys))
        return Found(found.uids, found.modseq, tuple(order), found.scores)

    async def _order(self, uids: UIDSet, keys: tuple[SortKey, ...]) -> list[UID]:
        arranged, key = self._resources.arranged, key_of(self._number, uids, keys)
        order = arranged.order(key)
        if order is None:
            order = await self._indexed(lambda c: lookups.order(c, self._number, uids, keys))
            arranged.put_order(key, order)
        return order

    async def thread(self, found: Found, algorithm: ThreadAlgorithm) -> list[ThreadNode]:
        """The threads of what was found."""
        arranged, key = self._resources.arranged, key_of(self._number, found.uids, algorithm)
        nodes = arranged.threads(key)
        if nodes is None:
            nodes = await self._thread(found, algorithm)
            arranged.put_threads(key, nodes)
        return nodes

    async def _thread(self, found: Found, algorithm: ThreadAlgorithm) -> list[ThreadNode]:
        rows = await self._rows(found.uids, lookups.threadables, lookups.read_threadables)
        return await thread(rows, algorithm, self._resources.breathe)

    async def _rows(
        self,
        uids: UIDSet,
        query: Callable[[Connection, int, UIDSet], str],
        read: Callable[[str], list[T]],
    ) -> list[T]:
        rows: list[T] = []
        for part in _slices(uids, ROWS_AT_ONCE):
            rows += read(await self._indexed(partial(_of_part, query, self._number, part)))
            await self._resources.breathe()
        return rows

    async def _indexed(self, query: Callable[[Connection], T]) -> T:
        """Ask the index, and fill it where it lacks something."""
        try:
            return await self._read(query)
        except lookups.Unindexed:
            await self._fill()
            return await self._read(query)

    async def _fill(self) -> None:
        casemap = Casemap()
        while letters := await self._read(lambda c: lookups.unindexed(c, self._number, AT_ONCE)):
            rows: list[tuple[Any, ...]] = []
            for number, letter in letters:
                header = await self._header(letter)
                rows.append(lookups.index_row(number, index_entry(header, casemap)))
                await self._resources.breathe()
            await self._resources.write(lookups.fill, rows, size=sum(len(row[8]) for row in rows))

    async def _header(self, letter: Letter) -> Header:
        try:
            return await header_of(self._resources.stored(letter))
        except MessageGone:
            # Its octets are lost; the others can be sorted all the same.
            return parse_header(b"")

    # -- inside ------------------------------------------------------------------------

    async def _read(self, query: Callable[[Connection], T]) -> T:
        return await self._resources.read(query)

    async def _doubtful(self, uids: Sequence[UID]) -> list[Doubtful]:
        return await self._read(lambda c: judging.doubtful(c, self._number, uids))


def _of_part(
    query: Callable[[Connection, int, UIDSet], str],
    mailbox: int,
    part: UIDSet,
    connection: Connection,
) -> str:
    return query(connection, mailbox, part)


def _scored(rows: Iterable[Sortable], scores: dict[UID, int]) -> list[Sortable]:
    return [row._replace(score=scores.get(row.uid, 0)) for row in rows]


def _slices(uids: UIDSet, size: int) -> Iterator[UIDSet]:
    """Parts of at most so many UIDs."""
    part: list[tuple[int, int]] = []
    room = size
    for first, last in uids.ranges:
        start: int = first
        while start <= last:
            stop = min(last, start + room - 1)
            part.append((start, stop))
            room -= stop - start + 1
            start = stop + 1
            if not room:
                yield UIDSet.of_ranges(part)
                part, room = [], size
    if part:
        yield UIDSet.of_ranges(part)
