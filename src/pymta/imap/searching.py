"""
What SEARCH, ESEARCH, SORT and THREAD have in common: criteria become a query that the store
understands, and what it finds becomes what was asked for.

Message numbers, ``$`` and ``\\Recent`` are looked up in the client's view, filters among the
user's annotations (:rfc:`5466`); a store knows none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from pymta.errors import PymtaError
from pymta.imap.numbering import Numbering
from pymta.imap.selected import NumbersForbidden
from pymta.imap.session import IMAPSession
from pymta.imap.view import SelectedView
from pymta.interfaces.annotations import IMetadataStore
from pymta.mailbox import UIDSet
from pymta.search import And, Fuzzy, ModifiedSince, Not, Or, Query, UIDIn
from pymta.wire.imap.command.search import (
    AnyOf,
    Criteria,
    Every,
    Key,
    NamedFilter,
    NotThose,
    Numbered,
    RecentOnes,
    Roughly,
    parse_filter,
)
from pymta.wire.imap.cursor import BadSyntax, Cursor
from pymta.wire.imap.numset import HIGHEST, Numbers, Saved
from pymta.wire.imap.response import codes
from pymta.wire.imap.response.codes import Code
from pymta.wire.imap.response.status import BAD, NO, Ending

__all__ = [
    "Elsewhere",
    "Here",
    "Scope",
    "Undefined",
    "has_modseq",
    "query_of",
    "refusal",
    "undefined",
    "unfiltered",
    "within",
]

CHARSETS: Final = ("US-ASCII", "UTF-8")
"""Those that every client knows; all that mail uses are understood."""

PASSES: Final = 5
"""Filters within filters; :rfc:`5466#section-3.1` wants three."""

MOST_FILTERS: Final = 100
"""Of one search, all passes together: each can name two others."""


class Undefined(PymtaError):
    """There is no filter of this name, or it is none that can be used."""


class Scope(Protocol):
    """What numbers mean in the mailbox that is searched."""

    def numbered(self, numbers: Numbers, *, by_uid: bool) -> UIDSet:
        """Messages of these numbers; what nobody has is passed over."""

    @property
    def recent(self) -> UIDSet:
        """Those with ``\\Recent``."""


class Here:
    """The selected mailbox."""

    def __init__(self, view: SelectedView) -> None:
        self._view = view

    def numbered(self, numbers: Numbers, *, by_uid: bool) -> UIDSet:
        """:raises NumbersForbidden: sequence numbers under UIDONLY."""
        view = self._view
        if isinstance(numbers, Saved):
            return view.saved
        if by_uid:
            # What arrives while a search is kept up to date can be of "7:*" too.
            open_ended = ((first, min(last, HIGHEST)) for first, last in numbers.ranges)
            return UIDSet.of_ranges(
                [*numbers.within(view.largest), *(r for r in open_ended if r[0] <= HIGHEST)]
            )
        if view.by_uid_only:
            raise NumbersForbidden("sequence numbers under UIDONLY")
        # RFC 7377 section 2: in a search it is no error that a range ends behind the last.
        return view.of_numbers(numbers.within(view.count))

    @property
    def recent(self) -> UIDSet:
        """Those with ``\\Recent``."""
        return self._view.recent_uids


class Elsewhere:
    """Another mailbox: numbered as if it were selected now."""

    recent = UIDSet()

    def __init__(self, uids: UIDSet) -> None:
        self._numbering = Numbering(uids)

    def numbered(self, numbers: Numbers, *, by_uid: bool) -> UIDSet:
        """``$`` is none of its messages."""
        numbering = self._numbering
        if isinstance(numbers, Saved):
            return UIDSet()
        if by_uid:
            ranges = numbers.within(numbering.largest)
            return UIDSet.of_ranges(run for a, b in ranges for run in numbering.between(a, b))
        ranges = numbers.within(numbering.count)
        return UIDSet.of_ranges(run for a, b in ranges for run in numbering.numbered(a, b))


# -- criteria --------------------------------------------------------------------------


def refusal(session: IMAPSession, criteria: Criteria, *, by_uid: bool) -> Ending | None:
    """What is wrong with the charset, or with being told numbers, if anything is."""
    if not by_uid and session.enabled("UIDONLY"):
        # RFC 9586 section 3
        return BAD("Sequence numbers are not used any more", codes.UIDREQUIRED)
    if criteria.charset is None:
        return None
    if session.enabled("UTF8=ACCEPT"):
        # RFC 6855 section 3: all is UTF-8 now, and saying so is an error.
        return BAD("No charset behind ENABLE UTF8=ACCEPT")
    if not criteria.known:
        return NO("That charset is not known here", codes.bad_charset(CHARSETS))
    if criteria.charset.upper() not in CHARSETS and _names_filter(criteria.key):
        # RFC 5466 section 3.1
        return BAD("Filters are in UTF-8", codes.bad_charset(CHARSETS))
    return None


def _names_filter(key: Key) -> bool:
    match key:
        case NamedFilter():
            return True
        case Every(keys):
            return any(map(_names_filter, keys))
        case AnyOf(left, right):
            return _names_filter(left) or _names_filter(right)
        case NotThose(inner) | Roughly(inner):
            return _names_filter(inner)
        case _:
            return False


def has_modseq(key: Key) -> bool:
    """Whether MODSEQ is told of what is found (:rfc:`7162#section-3.1.5`)."""
    match key:
        case ModifiedSince():
            return True
        case Every(keys):
            return any(map(has_modseq, keys))
        case AnyOf(left, right):
            return has_modseq(left) or has_modseq(right)
        case NotThose(inner) | Roughly(inner):
            return has_modseq(inner)
        case _:
            return False


async def unfiltered(session: IMAPSession, key: Key) -> Key:
    """
    The key with filters in the place of their names.

    :raises Undefined: one that there is not, or that names others without an end.
    """
    if not _names_filter(key):
        return key
    return await _Filters(session).resolve(key, PASSES)


class _Filters:
    """What names stand for, for one search."""

    def __init__(self, session: IMAPSession) -> None:
        self._session = session
        self._left = MOST_FILTERS

    async def resolve(self, key: Key, passes: int) -> Key:
        match key:
            case NamedFilter(name):
                self._left -= 1
                if not passes or self._left < 0:
                    raise Undefined(name)
                return await self.resolve(await self._read(name), passes - 1)
            case Every(keys):
                return Every(tuple([await self.resolve(each, passes) for each in keys]))
            case AnyOf(left, right):
                return AnyOf(await self.resolve(left, passes), await self.resolve(right, passes))
            case NotThose(inner):
                return NotThose(await self.resolve(inner, passes))
            case Roughly(inner):
                return Roughly(await self.resolve(inner, passes))
            case _:
                return key

    async def _read(self, name: str) -> Key:
        session = self._session
        if not session.provides(IMetadataStore):
            raise Undefined(name)
        # RFC 5466 section 3.1: the private one, if there are both.
        entries = [f"/{whose}/filters/values/{name.lower()}" for whose in ("private", "shared")]
        try:
            found: Mapping[str, bytes] = await session.asked(
                IMetadataStore(session.store).annotations(None, entries)
            )
            value = next(found[entry] for entry in entries if entry in found)
            return parse_filter(Cursor([value], utf8=session.utf8))
        except (ValueError, StopIteration, BadSyntax):
            raise Undefined(name) from None


def undefined(fault: Undefined) -> Ending:
    """:rfc:`5466#section-3.1`"""
    return NO("There is no such filter", Code("UNDEFINED-FILTER", str(fault).encode("ascii")))


def query_of(key: Key, scope: Scope) -> Query:
    """For the store.  :param key: without names of filters."""
    match key:
        case Every(keys):
            return And(tuple(query_of(each, scope) for each in keys))
        case AnyOf(left, right):
            return Or(query_of(left, scope), query_of(right, scope))
        case NotThose(inner):
            return Not(query_of(inner, scope))
        case Roughly(inner):
            return Fuzzy(query_of(inner, scope))
        case Numbered(numbers, by_uid):
            return UIDIn(scope.numbered(numbers, by_uid=by_uid))
        case RecentOnes():
            return UIDIn(scope.recent)
        case NamedFilter(name):
            raise Undefined(name)
        case _:
            return key


def within(view: SelectedView, query: Query) -> Query:
    """Among the messages that the client knows of: others have no number."""
    return And((UIDIn(view.uids), query))
