"""
What has changed of a search since it was made (:rfc:`5267#section-4.3`): ADDTO and REMOVEFROM.

A context remembers its results as the client knows them.  Behind news of the mailbox, messages that
came or changed are searched again, and those alone; a sorted one is sorted anew.  What is gone is
told before the EXPUNGE that moves numbers, and while that is held back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pymta.imap.commands import fetch
from pymta.imap.selected import Selected
from pymta.imap.session import IMAPSession
from pymta.imap.sorting import sorted_by
from pymta.mailbox import UID, Found, ModSeq, UIDSet
from pymta.search import And, Query, SortBy, SortKey, UIDIn
from pymta.wire.imap.command.fetch import Fetch, FetchItem
from pymta.wire.imap.numset import SeqSet
from pymta.wire.imap.response import codes
from pymta.wire.imap.response.esearch import Update, runs, update_line
from pymta.wire.imap.response.status import NO, untagged

__all__ = ["MOST_CONTEXTS", "Contexts", "contexts_of"]

MOST_CONTEXTS: Final = 10
"""Searches of one session that are kept up to date; :rfc:`5267#section-4.3.1` wants one."""

_KEY: Final = "contexts"


@dataclass(slots=True, kw_only=True)
class _Context:
    """
    :param keys: of a SORT; empty for a SEARCH, whose order is that of the mailbox.
    :param items: what is fetched of new messages.
    :param results: as the client knows them, in order.
    :param until: what happened up to here is in them.
    """

    tag: str
    query: Query
    keys: Sequence[SortKey]
    items: tuple[FetchItem, ...]
    by_uid: bool
    results: list[UID]
    until: ModSeq


class Contexts:
    """Those of the selected mailbox; a :class:`~pymta.imap.session.Follower`."""

    def __init__(self, selected: Selected) -> None:
        self.selected = selected
        self._contexts: dict[str, _Context] = {}

    def knows(self, tag: str) -> bool:
        """Whether a search of this tag is kept up to date (:rfc:`5267#section-4.3`)."""
        return tag in self._contexts

    def add(
        self,
        session: IMAPSession,
        found: Found,
        *,
        query: Query,
        keys: Sequence[SortKey],
        by_uid: bool,
        items: tuple[FetchItem, ...] = (),
    ) -> None:
        """Keep a search up to date, or say that it is not (:rfc:`5267#section-4.3.1`)."""
        if len(self._contexts) >= MOST_CONTEXTS:
            session.say(untagged(NO("Too many searches", codes.no_update(session.tag))))
            return
        if any(key.by is SortBy.RELEVANCY for key in keys):
            # Scores are of all results together: one more may move all the others.
            session.say(untagged(NO("Not by relevancy", codes.no_update(session.tag))))
            return
        self._contexts[session.tag] = _Context(
            tag=session.tag,
            query=query,
            keys=keys,
            items=items,
            by_uid=by_uid,
            results=list(found.order or found.uids),
            until=self.selected.view.asked,
        )

    def cancel(self, tag: str) -> None:
        """No more of it; idempotent."""
        self._contexts.pop(tag, None)

    # -- as a follower -----------------------------------------------------------------

    async def foretell(self, session: IMAPSession) -> None:
        """Results that are gone, by the numbers that they still have."""
        gone = self.selected.view.gone
        if not gone or session.selected is not self.selected:
            return
        for context in self._contexts.values():
            if any(uid in gone for uid in context.results):
                left = [uid for uid in context.results if uid not in gone]
                self._tell(session, context, left)
        await session.flush()

    async def follow(self, session: IMAPSession) -> None:
        """Results that came, or are none any more."""
        if session.selected is not self.selected:
            return
        view = self.selected.view
        for context in list(self._contexts.values()):
            if context.until < view.asked:
                await self._renew(session, context)
                await session.flush()

    async def _renew(self, session: IMAPSession, context: _Context) -> None:
        selected, view = self.selected, self.selected.view
        until = view.asked
        changes = await session.asked(selected.mailbox.changes(context.until))
        moved = changes.arrived | UIDSet(uid for uid, _ in changes.changed)
        moved = moved & view.uids
        context.until = until
        if not moved:
            return
        query = And((UIDIn(moved), context.query))
        found = await session.found(selected.mailbox.search(query))
        await self._fetch(session, context, found.uids & changes.arrived)
        uids = (UIDSet(context.results) - moved) | found.uids
        if context.keys:
            order = await sorted_by(session, selected.mailbox, UIDIn(uids), context.keys)
            self._tell(session, context, list(order.order))
        else:
            self._tell(session, context, list(uids))

    async def _fetch(self, session: IMAPSession, context: _Context, arrived: UIDSet) -> None:
        """What was asked for of new messages, in front of ADDTO (:rfc:`5465#section-7`)."""
        watcher = session.watcher
        known = () if watcher is None else watcher.fetched
        items = tuple(item for item in context.items if item not in known)
        if items and arrived:
            await fetch.CALLS[Fetch].run(
                session, Fetch(numbers=SeqSet.of(arrived), items=items, by_uid=True)
            )

    def _tell(self, session: IMAPSession, context: _Context, results: list[UID]) -> None:
        """Say what makes the client's results these."""
        updates = _sorted_updates if context.keys else _updates
        number = (lambda uid: int(uid)) if context.by_uid else self.selected.view.number
        made = [
            Update(added, position, runs(map(number, uids)))
            for added, position, uids in updates(context.results, results)
        ]
        context.results = results
        if made:
            session.say(update_line(context.tag, made, by_uid=context.by_uid))


_Step = tuple[bool, int, Sequence[UID]]


def _updates(before: Sequence[UID], after: Sequence[UID]) -> Iterator[_Step]:
    # RFC 5267 section 4.3.3: where the order is that of the mailbox, positions may be zero.
    old, new = UIDSet(before), UIDSet(after)
    if old - new:
        yield False, 0, list(old - new)
    if new - old:
        yield True, 0, list(new - old)


def _sorted_updates(before: Sequence[UID], after: Sequence[UID]) -> Iterator[_Step]:
    """One by one: removed from the end on, so that positions stay; then added from the first."""
    kept = _in_order(before, after)
    for position in range(len(before), 0, -1):
        if before[position - 1] not in kept:
            yield False, position, [before[position - 1]]
    for position, uid in enumerate(after, 1):
        if uid not in kept:
            yield True, position, [uid]


def _in_order(before: Sequence[UID], after: Sequence[UID]) -> set[UID]:
    """Those of both that have one order in both; what was moved is removed and added again."""
    places = {uid: place for place, uid in enumerate(before)}
    kept: set[UID] = set()
    last = -1
    for uid in after:
        place = places.get(uid, -1)
        if place > last:
            kept.add(uid)
            last = place
    return kept


def contexts_of(session: IMAPSession) -> Contexts:
    """Those of what is selected now: a search of another mailbox is over."""
    known = session.shelf.get(_KEY)
    if isinstance(known, Contexts):
        if known.selected is session.selected:
            return known
        session.followers.remove(known)
    made = Contexts(session.here)
    session.shelf[_KEY] = made
    session.followers.append(made)
    return made
