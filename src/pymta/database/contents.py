"""
Contents: octets that queue and mailboxes share, counted by who refers to them.

==============  ==============================================  =================================
state           how it came here                                what a crash leaves
==============  ==============================================  =================================
on its way      ``place`` took an id, wrote and synced a file   an unlocked file: swept at open
named           ``link`` in a commit                            the row, and its file
let go          ``unlink`` of the last reference, in a commit   a file without a row: swept
==============  ==============================================  =================================

Up to 64 KiB are in the row, more in a file.  Whoever refers keeps a ``prefix`` of its own (trace
fields), so that local delivery and COPY add a reference and copy nothing.
"""

from __future__ import annotations

import os
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Integer, bindparam, func, select, update
from twisted.logger import Logger
from zope.interface import implementer

from pymta.aio import Pool
from pymta.database.filecontent import FileContent
from pymta.database.files import NewFile, read_file, unlink_file, unlocked
from pymta.database.numbers import Numbers
from pymta.database.readers import Readers
from pymta.database.rows import Removal, among, insert_rows, keys, through
from pymta.database.tables import contents as table
from pymta.database.writer import after_commit, after_telling
from pymta.errors import MessageGone, SpoolError
from pymta.interfaces.content import SLICE, IContent, Joined, Octets, octets_of

__all__ = ["MOST_IN_ROW", "MOST_PREFIX", "Contents", "Placed", "StoredContent"]

MOST_IN_ROW = SLICE
MOST_PREFIX = SLICE
"""A longer one makes a content of its own."""

_RECENT_OCTETS = 16 * 1024 * 1024
"""Of small contents kept in memory from the commit to the delivery that mostly follows at once."""

_SWEEP = 100
"""Files looked at together; as many descriptors are open."""

_log = Logger(namespace="pymta.database")

_SLICE = func.substr(
    table.c.octets,
    bindparam("start", type_=Integer) + 1,
    bindparam("stop", type_=Integer) - bindparam("start", type_=Integer),
)
_FIND = select(table.c.size, table.c.file, _SLICE.label("octets")).where(
    table.c.id == bindparam("id")
)
_NAMED = select(table.c.file).where(among(table.c.file, "names"))
_ADD = (
    update(table)
    .where(among(table.c.id, "ids"))
    .values(refs=table.c.refs + bindparam("by"))
    .returning(table.c.id)
)
_DROP = Removal(
    table,
    among(table.c.id, "ids"),
    table.c.refs <= bindparam("by"),
    told=[table.c.id, table.c.file],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """
    Content that the next commit may name.

    :param id: of the row, new or there already.
    :param prefix: octets in front of it, for the referring row.
    :param size: of all, the prefix included.
    :param octets: to be put into a new row.
    :param file: to be named by a new row, synced.
    :param copied: the file was written for this: nobody else will unlink it.
    """

    id: int
    prefix: bytes
    size: int
    octets: bytes | None = None
    file: FileContent | None = None
    copied: bool = False

    @property
    def weight(self) -> int:
        """Octets that the commit will write."""
        return len(self.prefix) + (0 if self.octets is None else len(self.octets))


class Contents:
    """
    The table of contents of one database, and its folder of files.

    ``place`` and ``stored`` are for the reactor's thread, ``link`` and ``unlink`` for batches.

    :param pool: threads for the files.
    """

    def __init__(self, folder: str, *, readers: Readers, pool: Pool, numbers: Numbers) -> None:
        self.folder = folder
        self.pool = pool
        self._readers = readers
        self._numbers = numbers
        self._recent = _Recent(_RECENT_OCTETS)

    def stored(self, number: int, size: int, prefix: bytes = b"") -> StoredContent:
        """A handle.  :param size: of all, the prefix included."""
        return StoredContent(self, number, size, prefix)

    # -- before the commit ----------------------------------------------------

    async def place(self, contents: Sequence[IContent]) -> list[Placed]:
        """
        Make them ready to be named: files are written and synced when it fires.

        Copies nothing that is here already.  What is placed and not named after all is given
        to :meth:`displace`.

        :raises pymta.errors.SpoolError: one cannot be read or kept; none is placed.
        """
        found: dict[int, Placed] = {}
        placed: list[Placed] = []
        try:
            for content in contents:
                each = found.get(id(content))
                if each is None:
                    each = found[id(content)] = await self._place(content)
                elif each.file is not None:
                    each.file.place()
                placed.append(each)
        except BaseException:
            self.displace(placed)
            raise
        return placed

    def displace(self, placed: Iterable[Placed]) -> None:
        """
        No commit of the caller's names them, for sure: each as often as it was placed.

        Files of a writer are its own again; copies are unlinked, as soon as there is a thread.
        """
        for each in placed:
            if each.file is None or each.file.named:
                continue
            if each.file.displace() and each.copied:
                _ = self.pool.run(each.file.file.unlink).addErrback(lambda _: None)

    async def _place(self, content: IContent) -> Placed:
        *front, last = _parts(content)
        prefix_size = sum(part.size for part in front)
        if prefix_size <= MOST_PREFIX and self._is_here(last):
            prefix = b"".join([await octets_of(part) for part in front])
            return await self._place_here(prefix, last)
        if content.size <= MOST_IN_ROW:
            octets = await octets_of(content)
            number = self._numbers.take()
            self._recent.put(number, octets)
            return Placed(id=number, prefix=b"", size=len(octets), octets=octets)
        return replace(await self._place_here(b"", await self._copied(content)), copied=True)

    def _is_here(self, content: IContent) -> bool:
        if isinstance(content, StoredContent):
            return content.contents is self
        return isinstance(content, FileContent) and content.file.folder == self.folder

    async def _place_here(self, prefix: bytes, content: IContent) -> Placed:
        size = len(prefix) + content.size
        if isinstance(content, StoredContent):
            return Placed(id=content.number, prefix=prefix, size=size)
        assert isinstance(content, FileContent)
        content.place()
        content.number = content.number or self._numbers.take()
        if not content.named:
            try:
                await self.pool.run(content.file.sync)
            except BaseException:
                content.displace()
                raise
        return Placed(id=content.number, prefix=prefix, size=size, file=content)

    async def _copied(self, content: IContent) -> FileContent:
        file = await self.pool.run(NewFile, self.folder)
        try:
            for start in range(0, content.size, SLICE):
                octets = await content.read(start, start + SLICE)
                await self.pool.run(file.append, octets)
        except BaseException:
            file.unlink()
            raise
        return FileContent(self.pool, file)

    # -- in the commit --------------------------------------------------------

    def link(self, connection: Connection, placed: Sequence[Placed]) -> list[SpoolError | None]:
        """
        One more reference for each; a content is given as often as it is referred to.

        :returns: for each, what is wrong: it has gone since it was placed.
        """
        fresh: Counter[int] = Counter()
        there: Counter[int] = Counter()
        by_id = {}
        for each in placed:
            by_id[each.id] = each
            known = each.octets is None and (each.file is None or each.file.named)
            (there if known else fresh)[each.id] += 1
        self._insert(connection, [(by_id[number], count) for number, count in fresh.items()])
        gone = _count(there, lambda ids, by: _added(connection, ids, by))
        wrong = SpoolError("the content is no longer kept")
        return [wrong if each.id in gone else None for each in placed]

    def _insert(self, connection: Connection, fresh: Sequence[tuple[Placed, int]]) -> None:
        rows = []
        for each, refs in fresh:
            name = None if each.file is None else each.file.file.name
            rows.append((each.id, each.size - len(each.prefix), each.octets, name, refs))
            if each.file is not None:
                after_commit(connection, _namer(each.file))
        insert_rows(through(connection), table, rows)

    def unlink(self, connection: Connection, numbers: Iterable[int]) -> None:
        """One reference less for each; an id is given as often as it is let go."""
        for count, ids in _by_count(Counter(numbers)):
            dropped = _DROP.run(connection, {"ids": keys(ids), "by": count})
            rest = ids.difference(row.id for row in dropped)
            if rest:
                connection.execute(_ADD, {"ids": keys(rest), "by": -count})
            for row in dropped:
                if row.file is not None:
                    after_telling(connection, _unlinker(self.folder, row.file))

    # -- reading --------------------------------------------------------------

    async def read(self, number: int, start: int, stop: int) -> bytes:
        """
        Octets of a content, without any prefix.

        :raises pymta.errors.MessageGone: nobody refers to it any more.
        """
        octets = self._recent.get(number)
        if octets is not None:
            return octets[start:stop]
        found = await self._readers.read(lambda c: _read(c, number, start, stop))
        size, name, part = found
        if name is not None:
            return await self.pool.run(read_file, self.folder, name, start, stop)
        if len(part) == size:
            self._recent.put(number, part)
        return part

    # -- at open --------------------------------------------------------------

    async def sweep(self) -> int:
        """Unlink files that no row names and nobody writes.  :returns: how many."""
        names = await self.pool.run(os.listdir, self.folder)
        swept = 0
        for start in range(0, len(names), _SWEEP):
            swept += await self.pool.run(self._sweep, names[start : start + _SWEEP])
        if swept:
            _log.info("{count} files without a message were removed", count=swept)
        return swept

    def _sweep(self, names: Sequence[str]) -> int:
        # The lock first, then the table: what its writer let go of meanwhile is either named
        # by a commit that this look sees, or nobody's.
        with ExitStack() as locks:
            idle = [n for n in names if locks.enter_context(unlocked(self.folder, n))]
            named = self._readers.read_here(
                lambda c: set(c.scalars(_NAMED, {"names": keys(idle)}).all())
            )
            orphans = [name for name in idle if name not in named]
            for name in orphans:
                unlink_file(self.folder, name)
        return len(orphans)


@implementer(IContent)
class StoredContent:
    """
    A content of the table, with what the referring row has in front of it.

    Holds nothing open.  Equal to one of the same row and prefix.
    """

    __slots__ = ("contents", "number", "prefix", "size")

    def __init__(self, contents: Contents, number: int, size: int, prefix: bytes) -> None:
        self.contents = contents
        self.number = number
        self.size = size
        self.prefix = prefix

    async def read(self, start: int, stop: int) -> bytes:
        stop = min(stop, self.size, start + SLICE)
        skip = len(self.prefix)
        front = self.prefix[start:stop]
        if stop <= skip:
            return front
        return front + await self.contents.read(self.number, max(start - skip, 0), stop - skip)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, StoredContent)
            and self.contents is other.contents
            and (self.number, self.prefix) == (other.number, other.prefix)
        )

    def __hash__(self) -> int:
        return hash((self.number, self.prefix))

    def __repr__(self) -> str:
        return f"<StoredContent {self.number} {self.size}>"


class _Recent:
    """Small contents, the ones used last."""

    __slots__ = ("_most", "_octets", "_size")

    def __init__(self, most: int) -> None:
        self._most = most
        self._octets: OrderedDict[int, bytes] = OrderedDict()
        self._size = 0

    def get(self, number: int) -> bytes | None:
        octets = self._octets.get(number)
        if octets is not None:
            self._octets.move_to_end(number)
        return octets

    def put(self, number: int, octets: bytes) -> None:
        if number in self._octets:
            return
        self._octets[number] = octets
        self._size += len(octets)
        while self._size > self._most:
            self._size -= len(self._octets.popitem(last=False)[1])


def _parts(content: IContent) -> list[IContent]:
    """What it is joined from, the prefix of a stored one apart; never empty."""
    if isinstance(content, Joined) and content.parts:
        return [each for part in content.parts for each in _parts(part)]
    if isinstance(content, StoredContent) and content.prefix:
        bare = StoredContent(
            content.contents, content.number, content.size - len(content.prefix), b""
        )
        return [Octets(content.prefix), bare]
    return [content]


def _by_count(counts: Counter[int]) -> Iterable[tuple[int, set[int]]]:
    ids: dict[int, set[int]] = {}
    for number, count in counts.items():
        ids.setdefault(count, set()).add(number)
    return ids.items()


def _count(counts: Counter[int], add: Callable[[set[int], int], set[int]]) -> set[int]:
    """Add each count to its content.  :returns: the ids that are gone."""
    gone: set[int] = set()
    for count, ids in _by_count(counts):
        gone |= ids - add(ids, count)
    return gone


def _added(connection: Connection, ids: set[int], by: int) -> set[int]:
    return set(connection.scalars(_ADD, {"ids": keys(ids), "by": by}).all())


def _namer(file: FileContent) -> Callable[[], None]:
    def named() -> None:
        file.named = True

    return named


def _unlinker(folder: str, name: str) -> Callable[[], None]:
    return lambda: unlink_file(folder, name)


def _read(
    connection: Connection, number: int, start: int, stop: int
) -> tuple[int, str | None, bytes]:
    found = connection.execute(_FIND, {"id": number, "start": start, "stop": stop}).first()
    if found is None:
        raise MessageGone("the content is no longer kept")
    size, name, octets = found
    return size, name, octets or b""
