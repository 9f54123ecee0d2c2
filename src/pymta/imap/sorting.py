"""
SORT and THREAD (:rfc:`5256`): by the mailbox itself where it can, else by its records and the
headers of its messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pymta.aio import breathe
from pymta.errors import MessageGone
from pymta.imap.session import IMAPSession
from pymta.imap.view import slices
from pymta.interfaces.content import SLICE
from pymta.interfaces.mailbox import IMailbox
from pymta.interfaces.sorting import ISortingMailbox
from pymta.mailbox import UID, Found, UIDSet, Wanted
from pymta.message import sorting
from pymta.message.casemap import Casemap
from pymta.message.header import Header, parse_header
from pymta.message.index import index_entry
from pymta.message.sorting import Sortable, threadable
from pymta.message.structure_codec import from_bytes
from pymta.message.threading import thread
from pymta.search import Query, SortKey, ThreadAlgorithm, ThreadNode

__all__ = ["sorted_by", "threads_of"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_STRIDE: Final = 100
"""Messages that are looked at before others have their turn."""


async def sorted_by(
    session: IMAPSession, mailbox: IMailbox, query: Query, keys: Sequence[SortKey]
) -> Found:
    """What is found, in order."""
    if ISortingMailbox.providedBy(mailbox):
        return await session.found(ISortingMailbox(mailbox).sort(query, keys))
    found = await session.found(mailbox.search(query))
    rows = await _Reading(session, mailbox).of_envelopes(found)
    order = await sorting.sort(rows, keys, lambda: breathe(session.settings.clock))
    return Found(found.uids, found.modseq, tuple(order), found.scores)


async def threads_of(
    session: IMAPSession, mailbox: IMailbox, query: Query, algorithm: ThreadAlgorithm
) -> tuple[Found, Sequence[ThreadNode]]:
    """What is found, and its threads."""
    if ISortingMailbox.providedBy(mailbox):
        return await session.found(ISortingMailbox(mailbox).thread(query, algorithm))
    found = await session.found(mailbox.search(query))
    rows = await _Reading(session, mailbox).of_headers(found)
    nodes = await thread(
        [threadable(row) for row in rows], algorithm, lambda: breathe(session.settings.clock)
    )
    return found, nodes


class _Reading:
    """What is compared, made of what every mailbox has."""

    def __init__(self, session: IMAPSession, mailbox: IMailbox) -> None:
        self._session = session
        self._mailbox = mailbox
        self._casemap = Casemap()

    async def of_envelopes(self, found: Found) -> list[Sortable]:
        """All but references."""
        scores = dict(zip(found.uids, found.scores, strict=False))
        wanted = (Wanted.INTERNAL_DATE, Wanted.SIZE, Wanted.ENVELOPE)
        rows: list[Sortable] = []
        for uid, arrived, size, envelope in await self._records(found.uids, wanted):
            entry = index_entry(
                Header(b"", ()), self._casemap, envelope=from_bytes(envelope).root.envelope
            )
            moment = (arrived - _EPOCH) // _MICROSECOND
            rows.append(Sortable(uid, moment, size, entry, scores.get(uid, 0)))
            await self._breathe(len(rows))
        return rows

    async def of_headers(self, found: Found) -> list[Sortable]:
        """References too."""
        rows: list[Sortable] = []
        wanted = (Wanted.INTERNAL_DATE, Wanted.SIZE)
        for uid, arrived, size in await self._records(found.uids, wanted):
            header = await self._header(uid)
            if header is not None:
                entry = index_entry(header, self._casemap)
                rows.append(Sortable(uid, (arrived - _EPOCH) // _MICROSECOND, size, entry))
            await self._breathe(len(rows))
        return rows

    async def _records(self, uids: UIDSet, wanted: Sequence[Wanted]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for part in slices(uids):
            rows += await self._session.asked(self._mailbox.records(part, wanted))
        return rows

    async def _header(self, uid: UID) -> Header | None:
        try:
            content = await self._session.asked(self._mailbox.content(uid))
            # References beyond the first 64 KiB of a header are nobody's.
            return parse_header(await self._session.asked(content.read(0, SLICE)))
        except MessageGone:
            return None

    async def _breathe(self, count: int) -> None:
        if count % _STRIDE == 0:
            await breathe(self._session.settings.clock)
