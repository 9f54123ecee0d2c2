"""
FETCH (:rfc:`3501#section-6.4.5`): rows of the store become lines, slice by slice.

No more than a thousand messages are asked for at once, and no more than one message's slice is
held while the client lags behind.  What sets ``\\Seen`` sets it for a slice in one commit, before
its octets are told, and tells the new flags with them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymta.aio import TimeLimit
from pymta.edge.connection import Lost
from pymta.errors import MailboxError, MessageGone, SpoolError, StoreClosed
from pymta.imap.extension import Call, Numbering
from pymta.imap.items import COLUMNS, Writer, writer_of
from pymta.imap.octets import Cutting, Piece, cut, cutting_of
from pymta.imap.session import IMAPSession
from pymta.imap.telling import Style, flags_text, vanished
from pymta.imap.view import SelectedView, slices
from pymta.interfaces.content import SLICE, IContent, Octets
from pymta.mailbox import SEEN, UID, FlagChange, FlagMode, ModSeq, UIDSet, Wanted
from pymta.message.structure_codec import from_bytes
from pymta.wire.imap.command.fetch import Attribute, Fetch, Window
from pymta.wire.imap.numset import SeqSet
from pymta.wire.imap.response import atoms, codes
from pymta.wire.imap.response.status import BAD, NO, OK, Ending
from pymta.wire.imap.sections import Section

__all__ = ["CALLS"]

ENOUGH: Final = 32 * 1024
"""Octets that are gathered before they are written."""

_NONE: Final = UIDSet()
_SEEN: Final = FlagChange(FlagMode.ADD, frozenset({SEEN}))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """
    How a FETCH is answered.

    :param columns: what is read of each message; ``row[n + 1]`` is the nth.
    :param writers: places in a row, and how what is there is written.
    :param flags: the place of the flags; 0 if they are not read.
    :param tells_flags: whether they are asked for, of each message.
    :param cuttings: the items that are octets.
    :param structure: the place of the structure, where a cutting needs it.
    :param content: the place of the octets.
    :param always: items that are the same for each message.
    """

    columns: tuple[Wanted, ...]
    writers: tuple[tuple[int, Writer], ...]
    flags: int
    tells_flags: bool
    cuttings: tuple[Cutting, ...]
    structure: int
    content: int
    always: tuple[bytes, ...]
    style: Style

    def items(self, view: SelectedView, row: Sequence[Any], marked: UIDSet) -> Sequence[bytes]:
        """What is known from the row alone, with the UID."""
        items = [write(row[at]) for at, write in self.writers]
        if self.tells_flags or row[0] in marked:
            items.append(b"FLAGS " + flags_text(row[self.flags], view.is_recent(row[0])))
        return self.style.items(row[0], [*items, *self.always])


async def _fetch(session: IMAPSession, command: Fetch) -> Ending:
    if command.vanished and not session.enabled("QRESYNC"):
        return BAD("QRESYNC is not enabled")
    if command.changed_since is not None or Attribute.MODSEQ in command.items:
        # RFC 7162 section 3.1: commands that enable CONDSTORE
        session.enable_condstore()
    uids = session.resolve(command.numbers, by_uid=command.by_uid)
    if command.vanished:
        await _tell_vanished(session, command)
    if command.window is not None:
        uids = await _windowed(session, command, uids, command.window)
    answering = _Answering(session, command)
    for part in slices(uids):
        await answering.answer(part)
    return answering.ending()


async def _tell_vanished(session: IMAPSession, command: Fetch) -> None:
    """:rfc:`7162#section-3.2.6`: in front of all FETCH responses."""
    here = session.here
    assert command.changed_since is not None  # its parser sees to that
    asked = UIDSet()
    if isinstance(command.numbers, SeqSet):
        largest = (await session.asked(here.mailbox.snapshot())).uid_next - 1
        asked = UIDSet.of_ranges(command.numbers.within(max(largest, 1)))
    since = ModSeq(command.changed_since)
    gone = (await session.asked(here.mailbox.changes(since, asked))).vanished & asked
    # What the client has yet to be told of is told in its turn.
    gone = gone - here.view.uids
    if gone:
        session.say(vanished(gone, earlier=True))


async def _windowed(session: IMAPSession, command: Fetch, uids: UIDSet, window: Window) -> UIDSet:
    """The page that PARTIAL asks for (:rfc:`9394#section-3.3`), of what would be told."""
    found: list[UID] = []
    since = None if command.changed_since is None else ModSeq(command.changed_since)
    for part in slices(uids):
        rows = await session.asked(session.here.mailbox.records(part, (), since))
        found += [row[0] for row in rows]
        await session.flush()
    return UIDSet(_page(window, found))


def _page(window: Window, found: Sequence[UID]) -> Sequence[UID]:
    if window.first > 0:
        return found[window.first - 1 : window.last]
    # -1 is the last one
    return found[max(len(found) + window.last, 0) : len(found) + window.first + 1]


class _Answering:
    """One FETCH on its way: what is asked for, and what could not be had."""

    def __init__(self, session: IMAPSession, command: Fetch) -> None:
        self._session = session
        self._command = command
        self._here = session.here
        self._since = None if command.changed_since is None else ModSeq(command.changed_since)
        cuttings = [cutting_of(item) for item in command.items]
        self._cuttings = tuple(cutting for cutting in cuttings if cutting is not None)
        self._sees = not self._here.read_only and any(each.seen for each in self._cuttings)
        self._missing = False
        self._unknown = False
        self._plan = self._planned(marking=False)
        self._marking = self._planned(marking=True) if self._sees else self._plan

    def _planned(self, *, marking: bool) -> _Plan:
        """:param marking: for messages whose ``\\Seen`` is set by this."""
        session, command = self._session, self._command
        style = session.style(by_uid=command.by_uid or Attribute.UID in command.items)
        columns: list[Wanted] = []

        def place(column: Wanted) -> int:
            if column not in columns:
                columns.append(column)
            return columns.index(column) + 1

        asked = [item for item in command.items if isinstance(item, Attribute)]
        changes = self._since is not None or (marking and style.modseq)
        if changes and Attribute.MODSEQ not in asked:
            asked.append(Attribute.MODSEQ)
        writers = [
            (place(COLUMNS[item]), writer_of(item, utf8=session.utf8))
            for item in asked
            if item in COLUMNS and item is not Attribute.FLAGS
        ]
        flags = Attribute.FLAGS in asked
        return _Plan(
            writers=tuple(writers),
            flags=place(Wanted.FLAGS) if flags or marking else 0,
            tells_flags=flags,
            cuttings=self._cuttings,
            structure=place(Wanted.STRUCTURE) if any(map(_maps, self._cuttings)) else 0,
            content=place(Wanted.CONTENT) if self._cuttings else 0,
            always=(b"THREADID NIL",) if Attribute.THREADID in asked else (),
            style=style,
            columns=tuple(columns),
        )

    async def answer(self, uids: UIDSet) -> None:
        """Tell a slice."""
        marked = await self._mark(uids) if self._sees else _NONE
        await self._tell(self._marking if marked else self._plan, uids, marked)

    async def _mark(self, uids: UIDSet) -> UIDSet:
        """Set ``\\Seen`` (:rfc:`3501#section-6.4.5`).  :returns: where it was not set before."""
        session, mailbox = self._session, self._here.mailbox
        rows = await session.asked(mailbox.records(uids, [Wanted.FLAGS], self._since))
        unseen = UIDSet(uid for uid, flags in rows if SEEN not in flags)
        if unseen:
            await session.changed(mailbox.change_flags(unseen, _SEEN))
            # What is read from here on is newer than what is asked for by this.
            await session.refresh()
        return unseen

    async def _tell(self, plan: _Plan, uids: UIDSet, marked: UIDSet) -> None:
        session, here = self._session, self._here
        rows = await session.asked(here.mailbox.records(uids, plan.columns, self._since))
        self._missing = self._missing or (self._since is None and len(rows) < len(uids))
        if plan.cuttings:
            await self._tell_octets(plan, rows, marked)
        else:
            self._session.say(b"".join(self._lines(plan, rows)))
            await session.flush()
        here.view.told(uids if plan.tells_flags else marked)
        if Wanted.MODSEQ in plan.columns:
            session.owes_highest |= here.view.holding

    def _lines(self, plan: _Plan, rows: Sequence[tuple[Any, ...]]) -> Iterator[bytes]:
        view, beginning, items = self._here.view, plan.style.beginning, plan.items
        numbers = view.numbers([row[0] for row in rows])
        for number, row in zip(numbers, rows, strict=True):
            yield beginning(number, row[0]) + b" ".join(items(view, row, _NONE)) + b")\r\n"

    # -- octets ------------------------------------------------------------------------

    async def _tell_octets(
        self, plan: _Plan, rows: Sequence[tuple[Any, ...]], marked: UIDSet
    ) -> None:
        gathered = _Gathered(self._session)
        view = self._here.view
        for row in rows:
            try:
                pieces = [piece async for piece in self._pieces(plan, row)]
            except MessageGone:
                self._missing = True
                continue
            uid = row[0]
            items = plan.items(view, row, marked)
            gathered.add(plan.style.beginning(view.number(uid), uid) + b" ".join(items))
            between = b" " if items else b""
            for piece in pieces:
                gathered.add(between)
                await gathered.add_piece(piece)
                between = b" "
            gathered.add(b")\r\n")
            await gathered.flush_if_full()
        await gathered.flush()

    async def _pieces(self, plan: _Plan, row: Sequence[Any]) -> AsyncIterator[Piece]:
        session, octets = self._session, row[plan.content]
        if octets is None:
            content = await session.asked(self._here.mailbox.content(row[0]))
        else:
            content = Octets(octets)
        structure = from_bytes(row[plan.structure]) if plan.structure else None
        for cutting in plan.cuttings:
            yield await session.asked(cut(cutting, content, structure))

    def ending(self) -> Ending:
        """How it ends."""
        if self._missing and not self._command.by_uid:
            # RFC 2180 section 4.1.3: all that is there was told
            return NO("Some of them were removed by others", codes.EXPUNGEISSUED)
        return OK("Fetched")


def _maps(cutting: Cutting) -> bool:
    return cutting.section != Section()


class _Gathered:
    """
    Octets to be written, gathered until it is worth it: a message a write is slow, all of them
    at once would not fit.
    """

    def __init__(self, session: IMAPSession) -> None:
        self._session = session
        self._size = 0

    def add(self, octets: bytes) -> None:
        """Say it."""
        self._session.say(octets)
        self._size += len(octets)

    async def add_piece(self, piece: Piece) -> None:
        """
        Say an item, its octets slice by slice.

        :raises pymta.edge.connection.Lost: they could not be read to the end; the client must
            not take a part for the whole, so it is cut off.
        """
        content = piece.content
        if content is None:
            self.add(piece.label + b" NIL")
            return
        if isinstance(content, Octets):
            self.add(piece.label + b" " + atoms.literal(content.octets))
            return
        self.add(b"%s {%d}\r\n" % (piece.label, content.size))
        for start in range(0, content.size, SLICE):
            self.add(await self._read(content, start))
            await self.flush_if_full()

    async def _read(self, content: IContent, start: int) -> bytes:
        try:
            return await self._session.asked(content.read(start, start + SLICE))
        except (MailboxError, SpoolError, StoreClosed, TimeLimit) as fault:
            self._session.cut_off(fault)
            raise Lost from fault

    async def flush_if_full(self) -> None:
        """Write if there is enough."""
        if self._size >= ENOUGH:
            await self.flush()

    async def flush(self) -> None:
        """Write it."""
        self._size = 0
        await self._session.flush()


CALLS: Final[Mapping[type, Call]] = {Fetch: Call(_fetch, numbering=Numbering.STAYS)}
