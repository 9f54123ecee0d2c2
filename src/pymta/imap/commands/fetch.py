"""
FETCH (:rfc:`3501#section-6.4.5`): rows of the store become lines, slice by slice.

No more than two thousand messages are asked for at once, or 4 MiB of them, and no more than one
message's slice is held while the client lags behind.  What sets ``\\Seen`` sets it for a slice
in one commit, before its octets are told, and tells the new flags with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from pymta.aio import TimeLimit
from pymta.edge.connection import Lost
from pymta.errors import (
    EncodingError,
    MailboxError,
    MessageGone,
    NotPermitted,
    SpoolError,
    StoreClosed,
)
from pymta.imap.extension import Call, Numbering
from pymta.imap.items import MODSEQ, Item, flags_item, item_of, uid_item
from pymta.imap.octets import Cutting, Letter, Stream, cut, cut_slowly, cutting_of
from pymta.imap.session import IMAPSession
from pymta.imap.view import SelectedView, slices
from pymta.interfaces.content import SLICE, IContent
from pymta.mailbox import SEEN, UID, FlagChange, FlagMode, ModSeq, UIDSet, Wanted
from pymta.message.preview import preview
from pymta.message.structure_codec import from_bytes, to_bytes
from pymta.message.structure_reader import StructureReader
from pymta.wire.imap.command.fetch import Attribute, Fetch, Preview, Window
from pymta.wire.imap.numset import SeqSet
from pymta.wire.imap.response import codes
from pymta.wire.imap.response.fetch import Form, flags_value
from pymta.wire.imap.response.mailbox import vanished_line
from pymta.wire.imap.response.status import BAD, NO, OK, Ending
from pymta.wire.imap.sections import Section

__all__ = ["CALLS"]

ROWS: Final = 2000
"""Messages that are read at once, at most: each question is a way to a thread and back."""

ENOUGH: Final = 32 * 1024
"""Octets that are gathered before they are written."""

WITH_OCTETS: Final = 200
"""Messages that are read at once with their octets, at most."""

FIRST: Final = 50
"""
Messages that are read at first where records may be long: what they are like is not known yet.
Each is 64 KiB at most.
"""

_AT_ONCE: Final = 4 * 1024 * 1024
"""Octets of records that are read at once, as far as can be foreseen."""

_COPIED: Final = 512 * 1024
"""Octets of records that are written in one turn."""

_MADE: Final = 32 * 1024
"""The same, where what is written has to be made of them: some 50 messages."""

_NONE: Final = UIDSet()
_SEEN: Final = FlagChange(FlagMode.ADD, frozenset({SEEN}))
_MARKS: Final = (Wanted.FLAGS, Wanted.MODSEQ)

_OCTETS: Final = frozenset({Wanted.STRUCTURE, Wanted.CONTENT})
_LONG: Final = frozenset(
    {Wanted.IMAP_ENVELOPE, Wanted.IMAP_STRUCTURE, Wanted.ENVELOPE, Wanted.STRUCTURE, Wanted.CONTENT}
)

Row = Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """
    How a FETCH is answered.

    :param columns: what is read of each message; ``row[n + 1]`` is the nth.
    :param items: with a value each, and where in a row their columns are.
    :param form: of the responses.
    :param cuttings: the items that are octets.
    :param lazy: previews are told only as far as they are there.
    :param turn: octets of records that are written in one turn; 0 if records are short.
    """

    columns: tuple[Wanted, ...]
    items: tuple[tuple[Item, tuple[int, ...]], ...]
    form: Form
    bare: bool
    cuttings: tuple[Cutting, ...]
    lazy: bool
    turn: int

    def place(self, column: Wanted) -> int:
        """Where in a row it is; 0 if it is not read."""
        return self.columns.index(column) + 1 if column in self.columns else 0

    def values(self, rows: Sequence[Row]) -> list[Any]:
        """The columns that go into the form."""
        read = list(zip(*rows, strict=True))
        return [
            item.write(read[0], *(read[place] for place in places))
            for item, places in self.items
            if item.write is not None
        ]


def _planned(session: IMAPSession, command: Fetch) -> _Plan:
    style = session.style(by_uid=command.by_uid or Attribute.UID in command.items)
    cuttings = tuple(c for c in map(cutting_of, command.items) if c is not None)
    items = [item for each in command.items if (item := _item(session, each)) is not None]
    if command.changed_since is not None and MODSEQ not in items:
        # RFC 7162 section 3.1.4.1: MODSEQ is implied
        items.append(MODSEQ)
    if style.uid and not style.uid_only:
        items.insert(0, uid_item())
    elif style.uid_only and not items and not cuttings:
        # RFC 9586 section 3.3: it stands in front; but something has to be in the list.
        items.append(uid_item())
    columns = dict.fromkeys(column for item in items for column in item.wanted)
    if any(cutting.section != Section() or cutting.sized for cutting in cuttings):
        columns[Wanted.STRUCTURE] = None
    if not all(cutting.sized for cutting in cuttings):
        columns[Wanted.CONTENT] = None
    places = {column: n for n, column in enumerate(columns, 1)}
    return _Plan(
        columns=tuple(columns),
        items=tuple((item, tuple(places[c] for c in item.wanted)) for item in items),
        form=Form([item.form for item in items], word=b"UIDFETCH" if style.uid_only else b"FETCH"),
        bare=not items,
        cuttings=cuttings,
        lazy=Preview(lazy=False) not in command.items,
        turn=_turn(items, columns),
    )


def _turn(items: Sequence[Item], columns: Iterable[Wanted]) -> int:
    if any(item.slow for item in items):
        return _MADE
    return 0 if _LONG.isdisjoint(columns) else _COPIED


def _item(session: IMAPSession, item: Any) -> Item | None:
    if item is Attribute.FLAGS:
        return flags_item(session.here.view)
    return item_of(item, utf8=session.utf8)


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
    uids, code = session.bounded(uids)
    answering = _Answering(session, command)
    while uids:
        part = next(slices(uids, answering.at_once))
        uids = uids - part
        await answering.answer(part)
        if uids:
            # What is said last leaves together with the tagged response.
            await session.flush()
    return session.with_code(answering.ending(), code)


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
        session.say(vanished_line(gone, earlier=True))


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
        self._style = session.style()
        self._plan = _planned(session, command)
        self._sees = not self._here.read_only and any(each.seen for each in self._plan.cuttings)
        self._missing = False
        self._broken = False
        self._most = WITH_OCTETS if self._plan.cuttings else ROWS
        self.at_once = min(self._most, FIRST) if self._plan.turn else self._most
        """How many messages are read at once, now."""

    async def answer(self, uids: UIDSet) -> None:
        """Tell a slice."""
        session, plan, here = self._session, self._plan, self._here
        marked = await self._mark(uids) if self._sees else _NONE
        columns = plan.columns
        if marked:
            columns = tuple(dict.fromkeys((*columns, *_MARKS)))
        rows: Sequence[Row] = await session.asked(here.mailbox.records(uids, columns, self._since))
        if self._since is None and len(rows) < len(uids):
            rows = await self._with_gone(uids, columns, rows)
        if plan.turn and rows:
            average = sum(map(_octets, rows)) // len(rows) + 1
            self.at_once = max(10, min(self._most, _AT_ONCE // average))
        if not plan.lazy:
            rows = await self._with_previews(rows)
        if plan.cuttings:
            marks = _Marks(here.view, columns, marked, modseq=self._style.modseq)
            await self._tell_octets(rows, marks.beside(plan.columns))
        else:
            await self._tell(rows)
        here.view.told(uids if Wanted.FLAGS in plan.columns else marked)
        if Wanted.MODSEQ in columns:
            session.owes_highest |= here.view.holding

    async def _with_gone(
        self, uids: UIDSet, columns: Sequence[Wanted], rows: Sequence[Row]
    ) -> Sequence[Row]:
        """
        With messages that others have removed, and the client was not told of.

        Their octets are kept for a while (:rfc:`2180#section-4.1.1`); all else is not.
        """
        gone = uids - UIDSet(row[0] for row in rows)
        if not (self._plan.cuttings and _OCTETS.issuperset(self._plan.columns)):
            self._missing = True
            return rows
        kept = [*rows]
        for uid in gone:
            try:
                kept.append(await self._gone(uid, columns))
            except MessageGone:
                self._missing = True
        return sorted(kept, key=itemgetter(0))

    async def _gone(self, uid: UID, columns: Sequence[Wanted]) -> Row:
        """A row of one that has no row any more."""
        session = self._session
        content = await session.asked(self._here.mailbox.content(uid))
        structure = None
        if Wanted.STRUCTURE in columns:
            reader = StructureReader()
            for start in range(0, content.size, SLICE):
                reader.feed(await session.asked(content.read(start, start + SLICE)))
                await session.flush()
            structure = to_bytes(reader.finish())
        return (uid, *(structure if each is Wanted.STRUCTURE else None for each in columns))

    async def _mark(self, uids: UIDSet) -> UIDSet:
        """Set ``\\Seen`` (:rfc:`3501#section-6.4.5`).  :returns: where it was not set before."""
        session, mailbox = self._session, self._here.mailbox
        rows = await session.asked(mailbox.records(uids, [Wanted.FLAGS], self._since))
        unseen = UIDSet(uid for uid, flags in rows if SEEN not in flags)
        if unseen:
            try:
                await session.changed(mailbox.change_flags(unseen, _SEEN))
            except NotPermitted:
                # RFC 4314 section 4: it is not set then, and the FETCH goes on.
                return UIDSet()
            # What is read from here on is newer than what is asked for by this.
            await session.refresh()
        return unseen

    async def _tell(self, rows: Sequence[Row]) -> None:
        plan = self._plan
        if not rows:
            return
        for n, part in enumerate(_turns(rows, plan.turn) if plan.turn else [rows]):
            if n:
                await self._session.flush()
            self._session.say(plan.form.lines(self._numbers(part), plan.values(part)))

    def _numbers(self, rows: Sequence[Row]) -> Sequence[int]:
        uids = [row[0] for row in rows]
        return uids if self._style.uid_only else self._here.view.numbers(uids)

    async def _with_previews(self, rows: Sequence[Row]) -> Sequence[Row]:
        """With those made that an earlier release did not make (:rfc:`8970#section-3.2`)."""
        place = self._plan.place(Wanted.PREVIEW)
        if all(row[place] is not None for row in rows):
            return rows
        return [
            row
            if row[place] is not None
            else (*row[:place], await self._preview(row[0]), *row[place + 1 :])
            for row in rows
        ]

    async def _preview(self, uid: UID) -> str:
        session, mailbox = self._session, self._here.mailbox
        await session.flush()
        try:
            content = await session.asked(mailbox.content(uid))
        except MessageGone:
            return ""
        for _, structure in await session.asked(mailbox.records(UIDSet([uid]), [Wanted.STRUCTURE])):
            return await session.asked(preview(content, from_bytes(structure)))
        return ""

    # -- octets ------------------------------------------------------------------------

    async def _tell_octets(self, rows: Sequence[Row], marks: _Marks) -> None:
        if not rows:
            return
        plan, written = self._plan, _Written(self._session)
        structure, read = plan.place(Wanted.STRUCTURE), 0
        beginnings = plan.form.beginnings(self._numbers(rows), plan.values(rows))
        for beginning, row in zip(beginnings, rows, strict=True):
            try:
                pieces = marks.items(row) + await self._pieces(row)
            except MessageGone:
                self._missing = True
                continue
            if pieces or not plan.bare:
                written.add(beginning)
                await written.add_all(pieces, b"" if plan.bare else b" ")
                written.add(b")\r\n")
            await written.flush_if_full()
            read += len(row[structure]) if structure else 0
            if read >= _MADE:
                read = 0
                await written.flush()
        written.say()

    async def _pieces(self, row: Row) -> list[bytes | Stream]:
        session, plan, mailbox = self._session, self._plan, self._here.mailbox
        structure, octets = plan.place(Wanted.STRUCTURE), plan.place(Wanted.CONTENT)
        letter = Letter(
            row[structure] if structure else None,
            row[octets] if octets else None,
            lambda: session.asked(mailbox.content(row[0])),
        )
        pieces: list[bytes | Stream] = []
        for cutting in plan.cuttings:
            try:
                piece = cut(cutting, letter)
                if piece is None:
                    pieces.append(await cut_slowly(cutting, letter, session.flush))
                else:
                    pieces.append(piece)
            except EncodingError:
                # RFC 3516 section 4.3: told at the end, and nothing in its place
                self._broken = True
        return pieces

    def ending(self) -> Ending:
        """How it ends."""
        if self._broken:
            return NO("A part cannot be decoded", codes.UNKNOWN_CTE)
        if self._missing and not self._command.by_uid:
            # RFC 2180 section 4.1.3: all that is there was told
            return NO("Some of them were removed by others", codes.EXPUNGEISSUED)
        return OK("Fetched")


def _octets(row: Row) -> int:
    return sum(len(value) for value in row if type(value) is bytes)


def _turns(rows: Sequence[Row], most: int) -> Iterator[Sequence[Row]]:
    # What a stranger sent decides how long a record is.
    first = size = 0
    for n, row in enumerate(rows):
        size += _octets(row)
        if size > most and n > first:
            yield rows[first:n]
            first, size = n, 0
    yield rows[first:]


class _Marks:
    """
    The flags of messages that were marked as seen: told, though nobody asked for them.

    :param columns: of the rows.
    """

    def __init__(
        self, view: SelectedView, columns: Sequence[Wanted], marked: UIDSet, *, modseq: bool
    ) -> None:
        self._view = view
        self._marked = marked
        self._flags = columns.index(Wanted.FLAGS) + 1 if marked else 0
        self._modseq = columns.index(Wanted.MODSEQ) + 1 if marked and modseq else 0

    def beside(self, columns: Sequence[Wanted]) -> _Marks:
        """Without what was asked for: nothing is told twice in one response."""
        self._flags = 0 if Wanted.FLAGS in columns else self._flags
        self._modseq = 0 if Wanted.MODSEQ in columns else self._modseq
        return self

    def items(self, row: Row) -> list[bytes | Stream]:
        """What goes in front of the octets."""
        items: list[bytes | Stream] = []
        if row[0] not in self._marked:
            return items
        if self._flags:
            flags = flags_value(row[self._flags], self._view.is_recent(row[0]))
            items.append(b"FLAGS " + flags)
        if self._modseq:
            items.append(b"MODSEQ (%d)" % row[self._modseq])
        return items


class _Written:
    """
    Octets to be written, gathered until it is worth it: a message a write is slow, all of them
    at once would not fit.
    """

    def __init__(self, session: IMAPSession) -> None:
        self._session = session
        self._gathered: list[bytes] = []
        self._size = 0

    def add(self, octets: bytes) -> None:
        """Say it."""
        self._gathered.append(octets)
        self._size += len(octets)

    async def add_all(self, pieces: Sequence[bytes | Stream], between: bytes) -> None:
        """
        Say items, the octets of large ones slice by slice.

        :param between: what is in front of the first.
        :raises pymta.edge.connection.Lost: they could not be read to the end; the client must
            not take a part for the whole, so it is cut off.
        """
        for piece in pieces:
            self.add(between)
            between = b" "
            if isinstance(piece, bytes):
                self.add(piece)
                continue
            self.add(piece.beginning)
            for start in range(0, piece.content.size, SLICE):
                self.add(await self._read(piece.content, start))
                await self.flush_if_full()

    async def _read(self, content: IContent, start: int) -> bytes:
        try:
            return await self._session.asked(content.read(start, start + SLICE))
        except (EncodingError, MailboxError, SpoolError, StoreClosed, TimeLimit) as fault:
            self._session.cut_off(fault)
            raise Lost from fault

    async def flush_if_full(self) -> None:
        """Write if there is enough."""
        if self._size >= ENOUGH:
            await self.flush()

    def say(self) -> None:
        """Leave it to be written."""
        if self._gathered:
            self._session.say(b"".join(self._gathered))
            self._gathered, self._size = [], 0

    async def flush(self) -> None:
        """Write it."""
        self.say()
        await self._session.flush()


CALLS: Final[Mapping[type, Call]] = {Fetch: Call(_fetch, numbering=Numbering.STAYS)}
