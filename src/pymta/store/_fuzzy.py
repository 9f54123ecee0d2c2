"""
Finding texts more or less (:rfc:`6203`): all words of what is sought, in any order, accents apart,
each with one slip of the pen; and how well that fits.

RFC 6203 leaves to servers what fuzzy means.  This is what people expect who do not remember the
words exactly; it needs no index, and costs as much as reading the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from pymta.message.casemap import Casemap
from pymta.search import And, BodyText, Fuzzy, HeaderText, Not, Or, Query, WholeText
from pymta.store._text import Text, TooLong

__all__ = ["FuzzyLeaf", "score", "settled", "stretched"]

FuzzyLeaf = HeaderText | BodyText | WholeText

LONGEST = 1024 * 1024
"""Characters of a message that are looked through; in a longer one words are sought exactly."""

_LEAST = 4
"""Characters of a word that may have a slip: one of three is another word."""

_MOST = 100
"""And of what is longer nobody asks where the slip is; thousands of pairs are remembered."""

_ACCENTS = re.compile("[\u0300-\u036f]+")
_WORDS = re.compile(r"\w+")


def settled(query: Query) -> Query:
    """The same, with :class:`~pymta.search.Fuzzy` around texts and nothing else."""
    match query:
        case Fuzzy(key):
            return _around(key)
        case And(keys):
            return And(tuple(settled(key) for key in keys))
        case Or(left, right):
            return Or(settled(left), settled(right))
        case Not(key):
            return Not(settled(key))
        case _:
            return query


def _around(query: Query) -> Query:
    match query:
        case Fuzzy(key):
            return _around(key)
        case And(keys):
            return And(tuple(_around(key) for key in keys))
        case Or(left, right):
            return Or(_around(left), _around(right))
        case Not(key):
            # What is left out more or less is not there for reasons that nobody sees.
            return Not(settled(key))
        case HeaderText() | BodyText() | WholeText() if query.text.strip():
            return Fuzzy(query)
        case _:
            # RFC 6203 section 5: for others exact matching makes sense.
            return query


async def score(key: FuzzyLeaf, text: Text, casemap: Casemap) -> int:
    """From 1 to 100; 0: not found."""
    phrase = casemap.map(key.text).strip()
    if isinstance(key, HeaderText):
        return _fit(phrase, "\n".join(await text.values(key.name)))
    try:
        head, body = await text.whole(LONGEST)
    except TooLong:
        return await _plain_score(key, text)
    if isinstance(key, BodyText):
        return _fit(phrase, body)
    # Words of a header say more of what a message is about.
    in_head, in_body = _fit(phrase, head), _fit(phrase, body) * 7 // 10
    return max(in_head, in_body) or _fit(phrase, f"{head}\n{body}") // 2


async def _plain_score(key: BodyText | WholeText, text: Text) -> int:
    for word in key.text.split():
        found = isinstance(key, WholeText) and await text.header_contains(word)
        if not found and not await text.body_contains(word):
            return 0
    return 50


def _fit(phrase: str, text: str) -> int:
    if phrase in text:
        return 100
    phrase, text = _ACCENTS.sub("", phrase), _ACCENTS.sub("", text)
    if phrase in text:
        return 90
    words = phrase.split()
    known = frozenset(_WORDS.findall(text))
    slips = 0
    for word in words:
        if word not in text:
            if not _is_near_any(word, known):
                return 0
            slips += 1
    return 80 - 60 * slips // len(words)


def _is_near_any(word: str, known: frozenset[str]) -> bool:
    if not _LEAST <= len(word) <= _MOST:
        return False
    return any(abs(len(other) - len(word)) <= 1 and _is_near(word, other) for other in known)


@lru_cache(maxsize=4096)
def _is_near(word: str, other: str) -> bool:
    """Whether one character too many, missing, another, or two in the wrong order parts them."""
    start = 0
    while start < min(len(word), len(other)) and word[start] == other[start]:
        start += 1
    one, two = word[start:], other[start:]
    return (
        one[1:] == two
        or one == two[1:]
        or one[1:] == two[1:]
        or (one[2:] == two[2:] and one[:2] == two[1::-1])
    )


def stretched(scores: Sequence[int]) -> tuple[int, ...]:
    """Over all of 1 to 100, as :rfc:`6203#section-4` wants it."""
    if not scores:
        return ()
    low, high = min(scores), max(scores)
    if low == high:
        return tuple(100 for _ in scores)
    return tuple(1 + 99 * (score - low) // (high - low) for score in scores)
