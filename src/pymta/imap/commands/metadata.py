"""
GETMETADATA and SETMETADATA (:rfc:`5464#section-4`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pymta.errors import AnnotationTooLarge, TooManyAnnotations
from pymta.imap.extension import Call, Offered
from pymta.imap.session import IMAPSession
from pymta.interfaces.annotations import Depth, IMetadataStore
from pymta.wire.imap.command import metadata
from pymta.wire.imap.command.metadata import GetMetadata, SetMetadata
from pymta.wire.imap.command.search import parse_filter
from pymta.wire.imap.cursor import BadSyntax, Cursor
from pymta.wire.imap.response.metadata import TOO_MANY, long_entries, max_size, metadata_line
from pymta.wire.imap.response.status import BAD, NO, OK, Ending

__all__ = ["CALLS", "OFFERED"]

_ANY: Final = 2**63
_FILTER: Final = re.compile(r"/(private|shared)/filters/values/", re.IGNORECASE)
_NO_NAME: Final = BAD("No entry can be called that")


async def _getmetadata(session: IMAPSession, command: GetMetadata) -> Ending:
    store, depth = IMetadataStore(session.store), Depth(command.depth)
    try:
        found = await session.asked(store.annotations(command.mailbox, command.entries, depth))
    except ValueError:
        return _NO_NAME
    told, longest = _told(command, found)
    # RFC 5464 section 4.2: a response is required
    if told:
        session.say(metadata_line(command.mailbox, told, utf8=session.utf8))
    if longest:
        return OK("Told, but for long ones", long_entries(longest))
    return OK("Told")


def _told(command: GetMetadata, found: Mapping[str, bytes]) -> tuple[dict[str, bytes | None], int]:
    """
    What is told, entries that were asked for as they were written, and the size of the largest
    value that is not, or 0.
    """
    limit = _ANY if command.max_size is None else command.max_size
    long = [len(value) for value in found.values() if len(value) > limit]
    below = command.depth != Depth.ZERO.value and bool(found)
    told: dict[str, bytes | None] = {}
    for written in command.entries:
        value = found.get(written.lower())
        if value is None and not below:
            told[written] = None
        elif value is not None and len(value) <= limit:
            told[written] = value
    asked = {written.lower() for written in command.entries}
    for entry, value in found.items():
        if entry not in asked and len(value) <= limit:
            told[entry] = value
    return told, max(long, default=0)


async def _setmetadata(session: IMAPSession, command: SetMetadata) -> Ending:
    store = IMetadataStore(session.store)
    if command.mailbox is None and not all(map(_can_be_sought, command.values.items())):
        return NO("That is no search")
    try:
        await session.changed(store.annotate(command.mailbox, command.values))
    except ValueError:
        return _NO_NAME
    except AnnotationTooLarge as error:
        return NO("That is too long for an annotation", max_size(error.limit))
    except TooManyAnnotations:
        return NO("There are as many annotations as can be", TOO_MANY)
    return OK("Set")


def _can_be_sought(entry: tuple[str, bytes | None]) -> bool:
    """Whether a filter is a whole search, where it is one (:rfc:`5466#section-3.2`)."""
    name, value = entry
    if value is None or not _FILTER.match(name):
        return True
    try:
        parse_filter(Cursor([value], utf8=True))
    except BadSyntax:
        return False
    return True


CALLS: Final[Mapping[type, Call]] = {
    GetMetadata: Call(_getmetadata),
    SetMetadata: Call(_setmetadata),
}

OFFERED: Final = (
    Offered(words=("METADATA",), verbs=metadata.VERBS, needs=(IMetadataStore,)),
    Offered(
        words=("LIST-METADATA",), needs=(IMetadataStore,), builds_on=("METADATA", "LIST-EXTENDED")
    ),
)
