"""
SEARCH (:rfc:`3501#section-6.4.4`, :rfc:`9051#section-6.4.4`), with return options (:rfc:`4731`,
:rfc:`5182`, :rfc:`5267`, :rfc:`9394`), and CANCELUPDATE.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Final

from pymta.imap.contexts import contexts_of
from pymta.imap.extension import Call, Numbering, Offered
from pymta.imap.results import numbers_of, saved, told
from pymta.imap.searching import (
    Here,
    Undefined,
    has_modseq,
    query_of,
    refusal,
    undefined,
    unfiltered,
    within,
)
from pymta.imap.session import IMAPSession
from pymta.imap.sorting import sorted_by
from pymta.interfaces.annotations import IMetadataStore
from pymta.mailbox import UIDSet
from pymta.search import And, Query, UIDIn
from pymta.wire.imap import verbs
from pymta.wire.imap.command.notify import CancelUpdate
from pymta.wire.imap.command.search import Key, Return, Returns, Search
from pymta.wire.imap.command.sort import Sort
from pymta.wire.imap.response.codes import Code
from pymta.wire.imap.response.esearch import Correlator, esearch_line
from pymta.wire.imap.response.search import search_line, sort_line
from pymta.wire.imap.response.status import BAD, NO, OK, Ending

__all__ = ["CALLS", "OFFERED", "answered", "bounded", "saving", "searched"]

_ALL: Final = Returns(frozenset({Return.ALL}))
_DONE: Final = OK("That is all")


async def _search(session: IMAPSession, command: Search) -> Ending:
    returns = command.returns
    if returns is None and session.rev2:
        # RFC 9051 section 6.4.4: an ESEARCH response answers every search.
        returns = _ALL
    return await answered(session, command, returns)


async def answered(session: IMAPSession, command: Search | Sort, returns: Returns | None) -> Ending:
    """SEARCH and SORT, which differ in the order of what they find."""
    return await saving(session, returns, _answered(session, command, returns))


async def _answered(
    session: IMAPSession, command: Search | Sort, returns: Returns | None
) -> Ending:
    refused = _refusal(session, command, returns)
    if refused is not None:
        return refused
    try:
        key = await unfiltered(session, command.criteria.key)
    except Undefined as fault:
        return undefined(fault)
    return await _find(session, command, key, returns)


async def saving(
    session: IMAPSession, returns: Returns | None, searching: Awaitable[Ending]
) -> Ending:
    """What a search that ends with NO was to save is nothing (:rfc:`5182#section-2.1`)."""
    ending: Ending | None = None  # what the store raises ends with NO
    try:
        ending = await searching
    finally:
        wanted = returns is not None and Return.SAVE in returns.options
        if wanted and session.selected is not None and (ending is None or isinstance(ending, NO)):
            session.selected.view.save(UIDSet())
    return ending


def _refusal(
    session: IMAPSession, command: Search | Sort, returns: Returns | None
) -> Ending | None:
    updating = returns is not None and Return.UPDATE in returns.options
    if updating and contexts_of(session).knows(session.tag):
        # RFC 5267 section 4.3
        return BAD("The tag is in use")
    return refusal(session, command.criteria, by_uid=command.by_uid)


async def _find(
    session: IMAPSession, command: Search | Sort, key: Key, returns: Returns | None
) -> Ending:
    here, by_uid = session.here, command.by_uid
    query = searched(session, key)
    keys = command.keys if isinstance(command, Sort) else ()
    among, code = bounded(session, query)
    if keys and code is not None:
        # RFC 9738 section 3: an order of some of them says nothing.
        return NO("Too many messages at once", code)
    if keys:
        found = await sorted_by(session, here.mailbox, among, keys)
    else:
        found = await session.found(here.mailbox.search(among))
    numbers = numbers_of(here.view, found, by_uid=by_uid)
    if returns is None:
        line = sort_line if keys else search_line
        session.say(line(numbers, found.modseq if has_modseq(key) else None))
        return session.with_code(_DONE, code)
    if Return.SAVE in returns.options:
        here.view.save(saved(returns, found))
    # RFC 5182 section 2.2: with SAVE alone, nothing is told.
    if returns.options != {Return.SAVE} or returns.window is not None:
        items = await told(
            session, returns, found, mailbox=here.mailbox, numbers=numbers, modseq=has_modseq(key)
        )
        session.say(esearch_line(Correlator(session.tag), items, by_uid=by_uid))
    if Return.UPDATE in returns.options:
        contexts_of(session).add(
            session, found, query=query, keys=keys, by_uid=by_uid, items=returns.items
        )
    return session.with_code(_DONE, code)


def bounded(session: IMAPSession, query: Query) -> tuple[Query, Code | None]:
    """
    The query among the messages that the client knows of, and no more of them than it may ask for
    at once (RFC 9738 section 3): what stands at its top narrows them.
    """
    view = session.here.view
    if session.settings.message_limit is None:
        return within(view, query), None
    keys = query.keys if isinstance(query, And) else (query,)
    uids = view.uids
    for key in keys:
        if isinstance(key, UIDIn):
            uids = uids & key.uids
    uids, code = session.bounded(uids)
    return And((UIDIn(uids), query)), code


def searched(session: IMAPSession, key: Key) -> Query:
    """
    For the store.

    MODSEQ is a command that enables CONDSTORE (:rfc:`7162#section-3.1`).
    """
    if has_modseq(key):
        session.enable_condstore()
    return query_of(key, Here(session.here.view))


async def _cancel_update(session: IMAPSession, command: CancelUpdate) -> Ending:
    contexts = contexts_of(session)
    for tag in command.tags:
        contexts.cancel(tag)
    return OK("No further updates")


CALLS: Final[Mapping[type, Call]] = {
    Search: Call(_search, numbering=Numbering.STAYS, slow=True),
    CancelUpdate: Call(_cancel_update),
}

OFFERED: Final = (
    Offered(words=("ESEARCH",)),
    # RFC 5182 section 1; RFC 5267 section 4; RFC 9394 section 3.1: return options
    Offered(words=("SEARCHRES",), builds_on=("ESEARCH",)),
    Offered(words=("WITHIN",)),
    # RFC 5255 section 4.3: i;unicode-casemap compares in SEARCH, SORT and THREAD
    Offered(words=("I18NLEVEL=1",)),
    Offered(words=("PARTIAL",), builds_on=("ESEARCH",)),
    Offered(words=("CONTEXT=SEARCH",), verbs=(verbs.CANCELUPDATE,), builds_on=("ESEARCH",)),
    Offered(words=("SEARCH=FUZZY",)),
    # RFC 5466 section 3.2
    Offered(words=("FILTERS",), needs=(IMetadataStore,), builds_on=("METADATA",)),
)
