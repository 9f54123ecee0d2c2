"""
LIST, as extended by :rfc:`5258`, :rfc:`5819`, :rfc:`6154` and :rfc:`8440`, and LSUB.

All names of the store are matched here: those of mailboxes, subscribed ones that no mailbox has,
and levels above a mailbox that is there without them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pymta.errors import MailboxError
from pymta.imap.commands.status import status_line
from pymta.imap.extension import Call
from pymta.imap.patterns import Pattern
from pymta.imap.session import IMAPSession
from pymta.interfaces.annotations import IMetadataStore
from pymta.interfaces.sharing import IACLStore
from pymta.mailbox import INBOX, MailboxInfo, MailboxName
from pymta.wire.imap.command.list import List, ListReturn, Lsub, Selection
from pymta.wire.imap.command.status import StatusItem
from pymta.wire.imap.response import atoms, codes
from pymta.wire.imap.response.acl import myrights_line
from pymta.wire.imap.response.metadata import metadata_line
from pymta.wire.imap.response.status import NO, OK, Ending

__all__ = ["CALLS"]

MOST_PATTERNS: Final = 100
"""Of one LIST; a client that knows what it wants has two."""

STRIDE: Final = 200
"""Names that are matched before others have their turn."""


@dataclass(slots=True)
class _Entry:
    """
    A name.

    :param info: None for a level that only has others below it.
    :param children: there are mailboxes below it; ``subscribed_below``: subscribed names.
    """

    name: MailboxName
    info: MailboxInfo | None = None
    children: bool = False
    subscribed_below: bool = False
    attributes: list[str] = field(default_factory=list)

    @property
    def exists(self) -> bool:
        return self.info is not None and self.info.exists

    @property
    def subscribed(self) -> bool:
        return self.info is not None and self.info.subscribed


async def _list(session: IMAPSession, command: List) -> Ending:
    if not command.extended and command.patterns == ("",):
        # RFC 3501 section 6.3.8: what parts the levels
        session.say(b'* LIST (\\Noselect) "/" ""\r\n')
        return OK("Listed")
    if StatusItem.HIGHESTMODSEQ in command.status:
        session.enable_condstore()
    if len(command.patterns) > MOST_PATTERNS:
        return NO("Too many patterns", codes.LIMIT)
    patterns = [Pattern(command.reference + pattern) for pattern in command.patterns]
    matching, others = await _parted(
        session, _entries(await session.asked(session.store.mailboxes())), patterns
    )
    beyond = {parent for each in others if each.subscribed for parent in _parents(each.name)}
    for n, entry in enumerate(matching, 1):
        if not n % STRIDE:
            await session.flush()
        chosen = _chosen(entry, command, beyond)
        if chosen is not None:
            session.say(_line(session, entry, command, chosen))
            await _more(session, entry, command)
    return OK("Listed")


async def _parted(
    session: IMAPSession, entries: Sequence[_Entry], patterns: Sequence[Pattern]
) -> tuple[list[_Entry], list[_Entry]]:
    """Those that are meant, and all others."""
    matching: list[_Entry] = []
    others: list[_Entry] = []
    stride = max(1, STRIDE // len(patterns))
    for n, entry in enumerate(entries, 1):
        if not n % stride:
            await session.flush()
        meant = any(pattern.matches(entry.name) for pattern in patterns)
        (matching if meant else others).append(entry)
    return matching, others


def _entries(infos: Sequence[MailboxInfo]) -> list[_Entry]:
    entries = {info.name: _Entry(info.name, info) for info in infos}
    for info in infos:
        for parent in _parents(info.name):
            above = entries.get(parent)
            if above is None:
                above = entries[parent] = _Entry(parent)
            above.children = above.children or info.exists
            above.subscribed_below = above.subscribed_below or info.subscribed
    return sorted(entries.values(), key=_order)


def _parents(name: MailboxName) -> Iterator[MailboxName]:
    at = name.find("/")
    while at >= 0:
        yield MailboxName(name[:at])
        at = name.find("/", at + 1)


def _order(entry: _Entry) -> tuple[bool, list[str]]:
    levels = entry.name.split("/")
    return levels[0] != INBOX, levels


def _chosen(
    entry: _Entry, command: List, beyond: Collection[MailboxName]
) -> tuple[str, ...] | None:
    """
    None if it is not told of.

    :param beyond: names that have subscribed ones below them which no pattern means.
    :returns: what CHILDINFO says: options that something below it fulfils
        (:rfc:`5258#section-3.5`).
    """
    select = command.select
    if Selection.SPECIAL_USE in select and not (entry.info and entry.info.special_use):
        return None
    if Selection.SUBSCRIBED not in select:
        # Names that are only subscribed, or have only such below them, are no mailboxes.
        return () if entry.exists or entry.children else None
    # RFC 5258 section 3.5: not for those below it that are told of themselves
    if Selection.RECURSIVEMATCH in select and entry.name in beyond:
        return ("SUBSCRIBED",)
    return () if entry.subscribed else None


def _line(session: IMAPSession, entry: _Entry, command: List, childinfo: tuple[str, ...]) -> bytes:
    words = _attributes(entry, command, rev2=session.rev2)
    name = atoms.mailbox(entry.name, utf8=session.utf8)
    said = b'* LIST (%s) "/" %s' % (" ".join(words).encode("ascii"), name)
    if childinfo:
        # RFC 5258 section 3.5
        said += b' ("CHILDINFO" %s)' % atoms.parenthesised(b'"%s"' % c.encode() for c in childinfo)
    return said + b"\r\n"


def _attributes(entry: _Entry, command: List, *, rev2: bool) -> Iterator[str]:
    if not entry.exists:
        # RFC 5258 section 3: it implies \Noselect, which older clients know
        yield "\\NonExistent" if command.extended or rev2 else "\\Noselect"
    # RFC 3348 section 3
    yield "\\HasChildren" if entry.children else "\\HasNoChildren"
    subscribed = Selection.SUBSCRIBED in command.select or ListReturn.SUBSCRIBED in command.returns
    if entry.subscribed and subscribed:
        yield "\\Subscribed"
    if entry.info is not None:
        yield from sorted(entry.info.special_use)


async def _more(session: IMAPSession, entry: _Entry, command: List) -> None:
    """What was asked for besides, of a mailbox that can be selected."""
    info = entry.info
    if info is None or not info.exists:
        return
    if ListReturn.MYRIGHTS in command.returns and session.provides(IACLStore):
        # RFC 8440 section 3
        session.say(myrights_line(info.name, info.rights, utf8=session.utf8))
    if "r" not in info.rights:
        # RFC 5819 section 2: nothing is told, and LIST goes on.
        return
    try:
        if command.status:
            session.say(await status_line(session, info, command.status))
        if command.metadata and session.provides(IMetadataStore):
            await _tell_annotations(session, info.name, command.metadata)
    except MailboxError:
        return  # it is gone meanwhile


async def _tell_annotations(
    session: IMAPSession, mailbox: MailboxName, names: tuple[str, ...]
) -> None:
    """Entries that were asked for, with NIL for those that are not there (RFC 9590 section 3)."""
    values = await session.asked(IMetadataStore(session.store).annotations(mailbox, names))
    told = {name: values.get(name.lower()) for name in names}
    session.say(metadata_line(mailbox, told, utf8=session.utf8))


async def _lsub(session: IMAPSession, command: Lsub) -> Ending:
    pattern = Pattern(command.reference + command.pattern)
    for entry in _entries(await session.asked(session.store.mailboxes())):
        if not pattern.matches(entry.name):
            continue
        name = atoms.mailbox(entry.name, utf8=session.utf8)
        if entry.subscribed:
            session.say(b'* LSUB () "/" %s\r\n' % name)
        elif entry.subscribed_below and command.pattern.endswith("%"):
            # RFC 3501 section 6.3.9: "foo" for "foo/bar", which "%" does not reach
            session.say(b'* LSUB (\\Noselect) "/" %s\r\n' % name)
    return OK("Listed")


CALLS: Final[Mapping[type, Call]] = {List: Call(_list), Lsub: Call(_lsub)}
