"""
Searching, sorting and threading (:rfc:`5256`): what is in the index decides, and what it cannot is
read from the files.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from pymta.errors import MessageGone
from pymta.interfaces.content import IContent
from pymta.mailbox import UID, Found, ModSeq, UIDSet
from pymta.message.sorting import Sortable, sort, threadable
from pymta.message.threading import thread
from pymta.search import Query, SortKey, ThreadAlgorithm, ThreadNode
from pymta.store._flags import Flags
from pymta.store._search import Glance, Row, search
from pymta.store.maildir.account import Account
from pymta.store.maildir.digests import ENTRY, entry_of
from pymta.store.maildir.letters import ReadAhead
from pymta.store.maildir.looking import date_of, email_id
from pymta.store.maildir.reading import Letter, letters
from pymta.store.maildir.work import Work

__all__ = ["Finder"]

_PAGE = 1000

Open = Callable[[UID, Letter], Awaitable[tuple[IContent, bytes | None]]]


class Finder:
    """
    Of one mailbox, whose messages have all been looked through.

    :param opened: content and structure of a letter.
    """

    def __init__(self, account: Account, guid: str, opened: Open) -> None:
        self._account = account
        self._guid = guid
        self._opened = opened
        self._ahead = ReadAhead(self._letters)

    async def search(self, query: Query) -> Found:
        """What is found, ascending."""
        resources = self._account.resources
        return await search(
            query,
            self._page,
            self._load,
            zone=resources.zone,
            now=date_of(resources.rules.now()),
            breathe=resources.breathe,
        )

    async def sort(self, found: Found, keys: Sequence[SortKey]) -> Found:
        """The same, in its order too."""
        messages = await self._sortables(found)
        order = await sort(messages, keys, self._account.resources.breathe)
        return Found(found.uids, found.modseq, tuple(order), found.scores)

    async def thread(self, found: Found, algorithm: ThreadAlgorithm) -> list[ThreadNode]:
        """Its threads."""
        messages = [threadable(each) for each in await self._sortables(found)]
        return await thread(messages, algorithm, self._account.resources.breathe)

    # -- inside ----------------------------------------------------------------

    async def _page(self, first: int, last: int) -> list[Row]:
        rows = await self._account.look(lambda work: _page(work, self._guid, first, last))
        self._ahead.turn([row.uid for row in rows])
        return rows

    async def _load(self, uid: UID) -> tuple[IContent, bytes] | None:
        letter = await self._ahead.letter(uid)
        if letter is None:
            return None
        try:
            content, structure = await self._opened(uid, letter)
        except MessageGone:
            return None
        return None if structure is None else (content, structure)

    async def _letters(self, uids: Sequence[UID]) -> dict[UID, Letter]:
        return await self._account.look(lambda work: letters(work, self._guid, uids))

    async def _sortables(self, found: Found) -> list[Sortable]:
        scores = dict(zip(found.uids, found.scores, strict=False))
        made: list[Sortable] = []
        uids = found.uids
        while uids:
            first, last = uids.ranges[0][0], uids.ranges[-1][1]
            rows = await self._account.look(
                partial(_headers, guid=self._guid, first=first, last=last)
            )
            made += [
                Sortable(uid, internal, size, entry_of(entry), scores.get(uid, 0))
                for uid, internal, size, *entry in rows
                if uid in uids
            ]
            if len(rows) < _PAGE:
                break
            uids -= UIDSet.of_ranges([(1, rows[-1][0])])
            await self._account.resources.breathe()
        return made


def _page(work: Work, guid: str, first: int, last: int) -> list[Row]:
    box = work.box(guid)
    rows = work.connection.execute(_ROWS, (box.id, first, last, _PAGE))
    return [
        Row(
            UID(uid),
            Flags(bits, tuple(text.split())),
            ModSeq(modseq),
            size,
            date_of(internal),
            date_of(saved),
            email_id(name),
            None if entry[_SUBJECT] is None else Glance.of(entry_of(entry)),
        )
        for uid, bits, text, modseq, size, internal, saved, name, *entry in rows
    ]


_SUBJECT = 7
"""Where in :data:`ENTRY` what is never NULL is, unless nobody has looked through a message."""

_JOINED = "FROM messages m LEFT JOIN digests d ON d.box = m.box AND d.uid = m.uid"
_WHERE = "WHERE m.box = ? AND m.uid BETWEEN ? AND ? ORDER BY m.uid LIMIT ?"
_ROWS = (
    "SELECT m.uid, m.flags, m.keywords, m.modseq, m.size, m.internal, m.saved,"
    f" coalesce(m.guid, m.file), {ENTRY} {_JOINED} {_WHERE}"
)
_HEADERS = f"SELECT m.uid, m.internal, m.size, {ENTRY} {_JOINED} {_WHERE}"


def _headers(work: Work, guid: str, first: int, last: int) -> list[tuple[Any, ...]]:
    rows = work.connection.execute(_HEADERS, (work.box(guid).id, first, last, _PAGE))
    return [row for row in rows if row[3 + _SUBJECT] is not None]
