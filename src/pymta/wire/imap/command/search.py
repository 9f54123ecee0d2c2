"""
SEARCH and ESEARCH: what is looked for, and what is told of it (:rfc:`3501#section-6.4.4`,
:rfc:`9051#section-6.4.4`).

With the keys of :rfc:`5032`, :rfc:`5466`, :rfc:`6203`, :rfc:`7162`, :rfc:`8474` and :rfc:`8514`,
the return options of :rfc:`4731`, :rfc:`5182`, :rfc:`5267`, :rfc:`6203` and :rfc:`9394`, and the
sources of :rfc:`7377`.  Keys become the values that stores know, but for what only a session can
answer: message numbers, ``\\Recent``, and filters that have a name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from pymta.mailbox import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, MailboxName, ModSeq
from pymta.message.encodedword import codec_of
from pymta.search import (
    All,
    Before,
    BodyText,
    DateOf,
    HasEmailID,
    HasFlag,
    HasThreadID,
    HeaderText,
    Larger,
    ModifiedSince,
    Older,
    On,
    Query,
    Since,
    Smaller,
    WholeText,
    Younger,
)
from pymta.wire.imap.capability import Verb
from pymta.wire.imap.command.fetch import FetchItem, Window, parse_items, parse_window
from pymta.wire.imap.cursor import Cursor
from pymta.wire.imap.numset import HIGHEST, Numbers, SeqSet
from pymta.wire.imap.state import WITH_MAILBOX

__all__ = [
    "ESEARCH",
    "SEARCH",
    "AnyOf",
    "Criteria",
    "ESearch",
    "Every",
    "Key",
    "NamedFilter",
    "NotThose",
    "Numbered",
    "RecentOnes",
    "Return",
    "Returns",
    "Roughly",
    "Search",
    "Source",
    "SourceKind",
    "has_fuzzy",
    "parse_charset",
    "parse_criteria",
    "parse_esearch",
    "parse_filter",
    "parse_returns",
    "parse_search",
]

_OBJECT_ID: Final = 255
"""Octets of an object id (:rfc:`8474#section-4`)."""


@dataclass(frozen=True, slots=True)
class Every:
    """All of these; never none."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """OR: either of these."""

    left: Key
    right: Key


@dataclass(frozen=True, slots=True)
class NotThose:
    """NOT, and UNSEEN and its like."""

    key: Key


@dataclass(frozen=True, slots=True)
class Roughly:
    """FUZZY (:rfc:`6203`)."""

    key: Key


@dataclass(frozen=True, slots=True)
class Numbered:
    """Messages of these sequence numbers, or UIDs; for ``$`` it does not matter which."""

    numbers: Numbers
    by_uid: bool = False


@dataclass(frozen=True, slots=True)
class RecentOnes:
    """RECENT: those with ``\\Recent`` for this session."""


@dataclass(frozen=True, slots=True)
class NamedFilter:
    """FILTER: what the user has stored under this name (:rfc:`5466`)."""

    name: str


Key: TypeAlias = Query | Every | AnyOf | NotThose | Roughly | Numbered | RecentOnes | NamedFilter
"""A search key; of :data:`~pymta.search.Query`, those that hold no others."""


class Return(Enum):
    """What is told of the messages that were found, or done with them."""

    MIN = "MIN"
    MAX = "MAX"
    ALL = "ALL"
    COUNT = "COUNT"
    SAVE = "SAVE"
    """As ``$`` (:rfc:`5182`)."""
    UPDATE = "UPDATE"
    """And what of it changes (:rfc:`5267#section-4.3`)."""
    CONTEXT = "CONTEXT"
    """A hint that this will be asked again."""
    RELEVANCY = "RELEVANCY"


@dataclass(frozen=True, slots=True)
class Returns:
    """
    Return options.

    :param options: empty means ALL (:rfc:`4731#section-3.1`), as does UPDATE or CONTEXT alone.
    :param window: PARTIAL (:rfc:`9394`), never together with ALL.
    :param items: with UPDATE: what is fetched of new messages (:rfc:`5465#section-7`).
    """

    options: frozenset[Return] = frozenset()
    window: Window | None = None
    items: tuple[FetchItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Criteria:
    """
    :param charset: as given; None where there was none.
    :param known: whether it is one that we can read; where it is not, texts in ``key`` are empty.
    """

    key: Key
    charset: str | None = None
    known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """
    SEARCH.

    :param returns: None: a SEARCH response answers (:rfc:`3501`), or ALL under IMAP4rev2.
    """

    criteria: Criteria
    returns: Returns | None = None
    by_uid: bool = False


class SourceKind(Enum):
    """Which mailboxes ESEARCH looks into (:rfc:`7377#section-2.2`)."""

    SELECTED = "SELECTED"
    INBOXES = "INBOXES"
    PERSONAL = "PERSONAL"
    SUBSCRIBED = "SUBSCRIBED"
    SUBTREE = "SUBTREE"
    SUBTREE_ONE = "SUBTREE-ONE"
    MAILBOXES = "MAILBOXES"


@dataclass(frozen=True, slots=True)
class Source:
    """:param mailboxes: for SUBTREE, SUBTREE-ONE and MAILBOXES."""

    kind: SourceKind
    mailboxes: tuple[MailboxName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ESearch:
    """ESEARCH (:rfc:`7377`).  :param sources: empty: the selected mailbox."""

    criteria: Criteria
    sources: tuple[Source, ...] = ()
    returns: Returns | None = None


# -- commands -------------------------------------------------------------------


def parse_search(cursor: Cursor) -> Search:
    """Return options, a charset, keys."""
    returns = parse_returns(cursor)
    criteria = parse_criteria(cursor)
    _check_relevancy(cursor, returns, criteria)
    return Search(criteria=criteria, returns=returns, by_uid=cursor.by_uid)


def parse_esearch(cursor: Cursor) -> ESearch:
    """Sources, return options, a charset, keys."""
    sources: tuple[Source, ...] = ()
    if cursor.accept(b" IN "):
        # RFC 7377 section 4 has a list of scope options behind them, and defines none.
        sources = cursor.listed(_source)
    returns = parse_returns(cursor)
    criteria = parse_criteria(cursor)
    _check_relevancy(cursor, returns, criteria)
    return ESearch(criteria=criteria, sources=sources, returns=returns)


def parse_criteria(cursor: Cursor) -> Criteria:
    """`` CHARSET x`` perhaps, and keys, each behind a space."""
    if cursor.accept(b" CHARSET "):
        return parse_charset(cursor)
    return Criteria(_keys(cursor, _utf8))


def parse_charset(cursor: Cursor) -> Criteria:
    """A charset, and keys: what SORT and THREAD have."""
    name = cursor.astring()
    codec = codec_of(name)
    key = _keys(cursor, _unread if codec is None else _decoder(codec))
    return Criteria(key, name.decode("ascii", "replace"), known=codec is not None)


def parse_filter(cursor: Cursor) -> Key:
    """Keys as a filter stores them: in UTF-8, with no space in front (:rfc:`5466#section-3.2`)."""
    key = _joined([_key(cursor, _utf8)], cursor, _utf8)
    cursor.end()
    return key


# -- return options, sources ------------------------------------------------------

_RETURNS: Final = {option.value: option for option in Return}


def parse_returns(cursor: Cursor) -> Returns | None:
    """`` RETURN (…)``, if that is next."""
    if not cursor.accept(b" RETURN "):
        return None
    options: list[Return | Window | _Updates] = list(cursor.listed_or_none(_return_option))
    windows = [option for option in options if isinstance(option, Window)]
    flags = frozenset(option for option in options if isinstance(option, Return))
    items = [item for option in options if isinstance(option, _Updates) for item in option.items]
    if items:
        flags |= {Return.UPDATE}
    # RFC 9394 section 3.1
    if len(windows) > 1 or (windows and Return.ALL in flags):
        raise cursor.bad("more than one of ALL and PARTIAL")
    return Returns(flags, windows[0] if windows else None, tuple(dict.fromkeys(items)))


@dataclass(frozen=True, slots=True)
class _Updates:
    """UPDATE, with what is fetched."""

    items: tuple[FetchItem, ...]


def _return_option(cursor: Cursor) -> Return | Window | _Updates:
    word = cursor.word()
    # RFC 5465 section 8 has no space in front of the items, its example in section 7 has one
    if word == "UPDATE" and (cursor.accept(b" (") or cursor.accept(b"(")):
        items = [*parse_items(cursor)]
        while not cursor.accept(b")"):
            cursor.space()
            items += parse_items(cursor)
        return _Updates(tuple(items))
    if word == "PARTIAL":
        cursor.space()
        return parse_window(cursor)
    if word not in _RETURNS:
        raise cursor.bad("no such return option")
    return _RETURNS[word]


def _check_relevancy(cursor: Cursor, returns: Returns | None, criteria: Criteria) -> None:
    # RFC 6203 section 4
    if returns is not None and Return.RELEVANCY in returns.options and not has_fuzzy(criteria.key):
        raise cursor.bad("RELEVANCY needs FUZZY")


def has_fuzzy(key: Key) -> bool:
    """Whether anything is, or may be, to be found more or less."""
    match key:
        case Roughly() | NamedFilter():
            return True
        case Every(keys):
            return any(map(has_fuzzy, keys))
        case AnyOf(left, right):
            return has_fuzzy(left) or has_fuzzy(right)
        case NotThose(inner):
            return has_fuzzy(inner)
        case _:
            return False


_SOURCES: Final = {kind.value: kind for kind in SourceKind}
_WITH_NAMES: Final = (SourceKind.SUBTREE, SourceKind.SUBTREE_ONE, SourceKind.MAILBOXES)


def _source(cursor: Cursor) -> Source:
    kind = _SOURCES.get(cursor.word())
    if kind is None:
        raise cursor.bad("no such source")
    if kind not in _WITH_NAMES:
        return Source(kind)
    cursor.space()
    several = cursor.peek() == b"("
    return Source(kind, cursor.listed(Cursor.mailbox) if several else (cursor.mailbox(),))


# -- keys --------------------------------------------------------------------------

_Decode: TypeAlias = Callable[[bytes], str]
_Parse: TypeAlias = Callable[[Cursor, _Decode], Key]


def _utf8(octets: bytes) -> str:
    # RFC 3501 says US-ASCII where no charset is named, RFC 9051 UTF-8; who sends more than ASCII
    # means UTF-8.
    return octets.decode("utf-8")


def _decoder(codec: str) -> _Decode:
    return lambda octets: octets.decode(codec)


def _unread(octets: bytes) -> str:
    return ""


def _keys(cursor: Cursor, decode: _Decode) -> Key:
    cursor.space()
    return _joined([_key(cursor, decode)], cursor, decode)


def _joined(keys: list[Key], cursor: Cursor, decode: _Decode) -> Key:
    # Spaces at the very end are forgiven, as everywhere.
    while cursor.peek() == b" " and cursor.peek(2) not in (b" ", b"  "):
        cursor.space()
        keys.append(_key(cursor, decode))
    return keys[0] if len(keys) == 1 else Every(tuple(keys))


def _key(cursor: Cursor, decode: _Decode) -> Key:
    first = cursor.peek()
    if first == b"(":
        keys = cursor.listed(lambda inner: _key(inner, decode))
        return keys[0] if len(keys) == 1 else Every(keys)
    if first.isdigit() or first in (b"*", b"$"):
        return Numbered(cursor.sequence_set())
    word = cursor.word()
    if word in _BARE:
        return _BARE[word]
    parse = _WITH_ARGUMENTS.get(word)
    if parse is None:
        raise cursor.bad("no such search key")
    cursor.space()
    return parse(cursor, decode)


def _text(cursor: Cursor, decode: _Decode) -> str:
    octets = cursor.astring()
    try:
        return decode(octets)
    except UnicodeDecodeError:
        raise cursor.bad("not of the charset") from None


def _header(name: str) -> _Parse:
    return lambda cursor, decode: HeaderText(name, _text(cursor, decode))


def _any_header(cursor: Cursor, decode: _Decode) -> Key:
    name = cursor.astring()
    # No field has another name: "optional-field" of RFC 5322 section 3.6.8.
    if not name or not name.isascii():
        raise cursor.bad("name of a field expected")
    cursor.space()
    return HeaderText(name.decode("ascii"), _text(cursor, decode))


def _body(cursor: Cursor, decode: _Decode) -> Key:
    text = _text(cursor, decode)
    # Everything contains nothing.
    return BodyText(text) if text else All()


def _whole(cursor: Cursor, decode: _Decode) -> Key:
    text = _text(cursor, decode)
    return WholeText(text) if text else All()


def _day(key: type[Before | On | Since], of: DateOf) -> _Parse:
    return lambda cursor, _: key(of, cursor.date())


def _not(cursor: Cursor, decode: _Decode) -> Key:
    with cursor.nested():
        return NotThose(_key(cursor, decode))


def _or(cursor: Cursor, decode: _Decode) -> Key:
    with cursor.nested():
        left = _key(cursor, decode)
        cursor.space()
        return AnyOf(left, _key(cursor, decode))


def _roughly(cursor: Cursor, decode: _Decode) -> Key:
    with cursor.nested():
        return Roughly(_key(cursor, decode))


def _modseq(cursor: Cursor, _: _Decode) -> Key:
    # RFC 7162 section 3.1.5: who keeps one modseq a message ignores the name and the type.
    if cursor.peek() == b'"' or cursor.at_literal:
        cursor.string()
        cursor.space()
        cursor.keyword("PRIV", "SHARED", "ALL")
        cursor.space()
    return ModifiedSince(ModSeq(cursor.number64()))


def _filter(cursor: Cursor, _: _Decode) -> Key:
    name = cursor.atom()
    # RFC 5466 section 4
    if "/" in name:
        raise cursor.bad("name of a filter expected")
    return NamedFilter(name)


def _object_id(cursor: Cursor) -> str:
    name = cursor.atom()
    if len(name) > _OBJECT_ID:
        raise cursor.bad("object id expected")
    return name


_BARE: Final[dict[str, Key]] = {
    "ALL": All(),
    "ANSWERED": HasFlag(ANSWERED),
    "DELETED": HasFlag(DELETED),
    "DRAFT": HasFlag(DRAFT),
    "FLAGGED": HasFlag(FLAGGED),
    "SEEN": HasFlag(SEEN),
    "UNANSWERED": NotThose(HasFlag(ANSWERED)),
    "UNDELETED": NotThose(HasFlag(DELETED)),
    "UNDRAFT": NotThose(HasFlag(DRAFT)),
    "UNFLAGGED": NotThose(HasFlag(FLAGGED)),
    "UNSEEN": NotThose(HasFlag(SEEN)),
    "RECENT": RecentOnes(),
    "OLD": NotThose(RecentOnes()),
    "NEW": Every((RecentOnes(), NotThose(HasFlag(SEEN)))),
    # RFC 8514 section 4.3: every mailbox here has save dates.
    "SAVEDATESUPPORTED": All(),
}

_INTERNAL, _SENT, _SAVED = DateOf


def _between(first: int, last: int) -> SeqSet:
    return SeqSet(((first, last),) if first <= last else ())


_WITH_ARGUMENTS: Final[dict[str, _Parse]] = {
    "BCC": _header("Bcc"),
    "CC": _header("Cc"),
    "FROM": _header("From"),
    "SUBJECT": _header("Subject"),
    "TO": _header("To"),
    "HEADER": _any_header,
    "BODY": _body,
    "TEXT": _whole,
    "BEFORE": _day(Before, _INTERNAL),
    "ON": _day(On, _INTERNAL),
    "SINCE": _day(Since, _INTERNAL),
    "SENTBEFORE": _day(Before, _SENT),
    "SENTON": _day(On, _SENT),
    "SENTSINCE": _day(Since, _SENT),
    "SAVEDBEFORE": _day(Before, _SAVED),
    "SAVEDON": _day(On, _SAVED),
    "SAVEDSINCE": _day(Since, _SAVED),
    "OLDER": lambda cursor, _: Older(cursor.nz_number()),
    "YOUNGER": lambda cursor, _: Younger(cursor.nz_number()),
    "LARGER": lambda cursor, _: Larger(cursor.number64()),
    "SMALLER": lambda cursor, _: Smaller(cursor.number64()),
    "KEYWORD": lambda cursor, _: HasFlag(cursor.atom()),
    "UNKEYWORD": lambda cursor, _: NotThose(HasFlag(cursor.atom())),
    "UID": lambda cursor, _: Numbered(cursor.sequence_set(), by_uid=True),
    # RFC 9738 section 3.2
    "UIDAFTER": lambda cursor, _: Numbered(_between(cursor.nz_number() + 1, HIGHEST), by_uid=True),
    "UIDBEFORE": lambda cursor, _: Numbered(_between(1, cursor.nz_number() - 1), by_uid=True),
    "MODSEQ": _modseq,
    "EMAILID": lambda cursor, _: HasEmailID(_object_id(cursor)),
    "THREADID": lambda cursor, _: HasThreadID(_object_id(cursor)),
    "FILTER": _filter,
    "FUZZY": _roughly,
    "NOT": _not,
    "OR": _or,
}

SEARCH: Final = Verb(name="SEARCH", parse=parse_search, states=WITH_MAILBOX, by_uid=True)
# RFC 7377 section 2.2: also without a mailbox, if it says where to look.
ESEARCH: Final = Verb(name="ESEARCH", parse=parse_esearch)
