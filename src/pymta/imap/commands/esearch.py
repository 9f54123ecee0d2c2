"""
ESEARCH: a search of several mailboxes (:rfc:`7377`).

Each mailbox is answered by itself, where anything was found; those that the user may not read are
passed over, as if they were not there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from pymta.errors import MailboxError
from pymta.imap.commands.search import saving
from pymta.imap.contexts import contexts_of
from pymta.imap.extension import Call, Offered
from pymta.imap.results import saved, told
from pymta.imap.searching import (
    Elsewhere,
    Here,
    Scope,
    Undefined,
    has_modseq,
    query_of,
    refusal,
    undefined,
    unfiltered,
    within,
)
from pymta.imap.session import IMAPSession
from pymta.interfaces.mailbox import IMailbox
from pymta.interfaces.sharing import IACLStore
from pymta.mailbox import INBOX, Found, MailboxInfo, MailboxName, Namespaces
from pymta.wire.imap.command.search import (
    ESEARCH,
    ESearch,
    Key,
    Return,
    Returns,
    Source,
    SourceKind,
)
from pymta.wire.imap.response.esearch import Correlator, esearch_line
from pymta.wire.imap.response.status import BAD, OK, Ending

__all__ = ["CALLS", "OFFERED"]

# RFC 7377 section 2.1: without a result option, ALL.
_ALL: Final = Returns(frozenset({Return.ALL}))
_SELECTED: Final = (Source(SourceKind.SELECTED),)


async def _esearch(session: IMAPSession, command: ESearch) -> Ending:
    sources, returns = command.sources or _SELECTED, command.returns or _ALL
    return await saving(session, returns, _search(session, command, sources, returns))


async def _search(
    session: IMAPSession, command: ESearch, sources: Sequence[Source], returns: Returns
) -> Ending:
    refused = _refusal(session, sources, returns) or refusal(session, command.criteria, by_uid=True)
    if refused is not None:
        return refused
    try:
        key = await unfiltered(session, command.criteria.key)
    except Undefined as fault:
        return undefined(fault)
    if has_modseq(key):
        session.enable_condstore()
    for name in await _names(session, sources):
        selected = session.selected
        if selected is not None and selected.mailbox.name == name:
            await _search_here(session, key, returns)
        else:
            await _search_elsewhere(session, name, key, returns)
        await session.flush()
    return OK("That is all")


def _refusal(session: IMAPSession, sources: Sequence[Source], returns: Returns) -> Ending | None:
    # RFC 7377 section 2.2
    here = any(source.kind is SourceKind.SELECTED for source in sources)
    alone = all(source.kind is SourceKind.SELECTED for source in sources)
    if session.selected is None and (here or Return.UPDATE in returns.options):
        return BAD("No mailbox is selected")
    if Return.SAVE in returns.options and not alone:
        return BAD("SAVE is for the selected mailbox alone")
    if Return.UPDATE in returns.options and contexts_of(session).knows(session.tag):
        # RFC 5267 section 4.3
        return BAD("The tag is in use")
    return None


# -- which mailboxes -------------------------------------------------------------------


async def _names(session: IMAPSession, sources: Sequence[Source]) -> list[MailboxName]:
    """Each of them once."""
    infos: Sequence[MailboxInfo] = ()
    spaces = Namespaces()
    if any(source.kind not in (SourceKind.SELECTED, SourceKind.MAILBOXES) for source in sources):
        infos = await session.asked(session.store.mailboxes())
        if session.provides(IACLStore):
            spaces = await session.asked(IACLStore(session.store).namespaces())
    names: dict[MailboxName, None] = {}
    for source in sources:
        if source.kind is SourceKind.SELECTED:
            names[session.here.mailbox.name] = None
        elif source.kind is SourceKind.MAILBOXES:
            names.update(dict.fromkeys(source.mailboxes))
        else:
            found = (info for info in infos if info.exists and _is_meant(info, source, spaces))
            # RFC 7377 section 2.2: those that nobody named need "l" as well.
            names.update((info.name, None) for info in found if {"l", "r"} <= info.rights)
    return list(names)


def _is_meant(info: MailboxInfo, source: Source, spaces: Namespaces) -> bool:
    match source.kind:
        case SourceKind.INBOXES:
            return info.name == INBOX
        case SourceKind.PERSONAL:
            return not info.name.startswith((*spaces.others, *spaces.shared))
        case SourceKind.SUBSCRIBED:
            return info.subscribed
        case SourceKind.SUBTREE:
            return any(_depth(info.name, top) >= 0 for top in source.mailboxes)
        case SourceKind.SUBTREE_ONE:
            return any(_depth(info.name, top) in (0, 1) for top in source.mailboxes)
        case _:
            return False


def _depth(name: MailboxName, top: MailboxName) -> int:
    """Levels below it; -1: it is not."""
    if name == top:
        return 0
    return name.count("/", len(top)) if name.startswith(f"{top}/") else -1


# -- searching one ---------------------------------------------------------------------


async def _search_here(session: IMAPSession, key: Key, returns: Returns) -> None:
    here = session.here
    query = query_of(key, Here(here.view))
    found = await session.found(here.mailbox.search(within(here.view, query)))
    if Return.SAVE in returns.options:
        here.view.save(saved(returns, found))
    await _tell(session, key, returns, found, mailbox=here.mailbox, validity=here.view.uid_validity)
    if Return.UPDATE in returns.options:
        contexts_of(session).add(
            session, found, query=query, keys=(), by_uid=True, items=returns.items
        )


async def _search_elsewhere(
    session: IMAPSession, name: MailboxName, key: Key, returns: Returns
) -> None:
    try:
        async with _opened(session, name) as mailbox:
            snapshot = await session.asked(mailbox.snapshot())
            scope: Scope = Elsewhere(snapshot.uids)
            found = await session.found(mailbox.search(query_of(key, scope)))
            await _tell(
                session, key, returns, found, mailbox=mailbox, validity=snapshot.uid_validity
            )
    except MailboxError:
        # RFC 7377 section 2.2: those that are not there, or may not be read, are ignored.
        return


@asynccontextmanager
async def _opened(session: IMAPSession, name: MailboxName) -> AsyncIterator[IMailbox]:
    mailbox = await session.asked(session.store.open(name, True))
    try:
        yield mailbox
    finally:
        mailbox.close()


async def _tell(
    session: IMAPSession,
    key: Key,
    returns: Returns,
    found: Found,
    *,
    mailbox: IMailbox,
    validity: int,
) -> None:
    # RFC 7377 section 2.1: nothing is said of a mailbox where nothing is found.
    if not found.uids:
        return
    items = await told(
        session,
        returns,
        found,
        mailbox=mailbox,
        numbers=found.uids,
        modseq=has_modseq(key),
    )
    correlator = Correlator(session.tag, (mailbox.name, validity))
    session.say(esearch_line(correlator, items, by_uid=True, utf8=session.utf8))


CALLS: Final[Mapping[type, Call]] = {ESearch: Call(_esearch, slow=True)}

OFFERED: Final = (Offered(words=("MULTISEARCH",), verbs=(ESEARCH,)),)
