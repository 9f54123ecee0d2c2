"""
SORT and UID SORT (:rfc:`5256#section-3`), with return options (:rfc:`5267#section-3`) and the
criteria of :rfc:`5957` and :rfc:`6203`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pymta.search import SortBy, SortKey
from pymta.wire.imap.capability import Verb
from pymta.wire.imap.command.search import (
    Criteria,
    Return,
    Returns,
    has_fuzzy,
    parse_charset,
    parse_returns,
)
from pymta.wire.imap.cursor import Cursor
from pymta.wire.imap.state import WITH_MAILBOX

__all__ = ["SORT", "Sort", "parse_sort"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """
    SORT.

    :param keys: at least one, the most important first.
    :param returns: None: the answer is a SORT response.
    """

    keys: tuple[SortKey, ...]
    criteria: Criteria
    returns: Returns | None = None
    by_uid: bool = False


_KEYS: Final = {by.value: by for by in SortBy}


def parse_sort(cursor: Cursor) -> Sort:
    """Return options, criteria in parentheses, a charset, keys."""
    returns = parse_returns(cursor)
    cursor.space()
    keys = cursor.listed(_sort_key)
    cursor.space()
    criteria = parse_charset(cursor)
    relevancy = any(key.by is SortBy.RELEVANCY for key in keys)
    if returns is not None and Return.RELEVANCY in returns.options:
        relevancy = True
    # RFC 6203 section 6
    if relevancy and not has_fuzzy(criteria.key):
        raise cursor.bad("RELEVANCY needs FUZZY")
    return Sort(keys=keys, criteria=criteria, returns=returns, by_uid=cursor.by_uid)


def _sort_key(cursor: Cursor) -> SortKey:
    word = cursor.word()
    descending = word == "REVERSE"
    if descending:
        cursor.space()
        word = cursor.word()
    if word not in _KEYS:
        raise cursor.bad("no such sort criterion")
    return SortKey(_KEYS[word], descending)


SORT: Final = Verb(name="SORT", parse=parse_sort, states=WITH_MAILBOX, by_uid=True)
