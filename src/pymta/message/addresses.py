"""
Address lists in header fields (:rfc:`5322#section-3.4`, obsolete forms of section 4.4, groups
in From of :rfc:`6854`): as IMAP shows them, and as submission must judge them.

:func:`parse_addresses` reads anything and finds what it can.  :func:`originators` answers
"who does this message claim to be from?" and refuses what different programs would read
differently (S25).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, NamedTuple, TypeAlias

from pymta.address import Address
from pymta.errors import AddressError, HeaderError
from pymta.message import _tokens
from pymta.message.header import Header

__all__ = [
    "GROUP_END",
    "MAX_ADDRESSES",
    "ListedAddress",
    "Tokens",
    "originators",
    "parse_addresses",
]

MAX_ADDRESSES = 10_000
"""Entries of one field; what follows is left out.  The largest lists people type have hundreds."""


class ListedAddress(NamedTuple):
    """
    One entry of a list, as IMAP's ENVELOPE has it (:rfc:`9051#section-7.5.2`).

    An address without a host has ``b""`` there: None would mean a group.  With ``host`` None,
    ``mailbox`` is the name of the group that starts here, or None where one ends.

    :param name: the display name, encoded-words as they were; of ``a@b (Ann)``, the comment.
    :param route: the obsolete source route, without its colon.
    :param mailbox: the local part, without quotes.
    """

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


GROUP_END: Final = ListedAddress(None, None, None, None)

# Ten an address: a field of angle brackets alone is not worth a second's work (S19).
_MAX_TOKENS = 10 * MAX_ADDRESSES
# Octets of a quoted string or comment that are worth a token.
_TOKEN = 64


class Tokens:
    """
    How much may be read of the fields of one message together: what follows is left out.

    Entries that are written as nearly all are cost nothing of it.

    :ivar left: of others; such an entry has ten or so.
    """

    __slots__ = ("left",)

    def __init__(self, left: int = _MAX_TOKENS) -> None:
        self.left = left


# What ends a run of ordinary octets.  A dot does not: it binds words more than it parts them.
_ATOM = re.compile(rb'[^ \t\r\n()<>:;@,"\[]+')
_LITERAL = re.compile(rb"\[[^\[\]<>\r\n]*\]?")
_BLANK = re.compile(rb"[ \t\r\n]+")
_DOT_STRING = re.compile(
    r'[^\x00-\x20()<>\[\]:;@\\,."\x7f]+(?:\.[^\x00-\x20()<>\[\]:;@\\,."\x7f]+)*'
)


# "Name" <local@host>, Name of Words <local@host>, local@host; and the comma behind it.
_WORD = rb'[^ \t\r\n()<>:;@,"\[\]\\]++'
_SIMPLE = re.compile(
    rb"[ \t\r\n]*+(?:"
    rb'(?:"([^"\\\r\n]*+)"[ \t\r\n]*+|('
    + _WORD
    + rb"(?:[ \t\r\n]++"
    + _WORD
    + rb")*+)[ \t\r\n]*+)?"
    rb"<(" + _WORD + rb")@(" + _WORD + rb")>|(" + _WORD + rb")@(" + _WORD + rb")"
    rb")[ \t\r\n]*+(?:,[ \t\r\n]*+|\Z)"
)


class _Kind(Enum):
    BLANK = auto()
    COMMENT = auto()
    QUOTED = auto()
    ATOM = auto()
    SPECIAL = auto()


_SPECIALS: Final = frozenset((b"<", b">", b"@", b",", b";", b":"))
_PATTERNS: Final = ((_Kind.ATOM, _ATOM), (_Kind.BLANK, _BLANK), (_Kind.ATOM, _LITERAL))

_Token: TypeAlias = tuple[_Kind, bytes]
_AT: Final = (_Kind.SPECIAL, b"@")
_OPEN: Final = (_Kind.SPECIAL, b"<")
_CLOSE: Final = (_Kind.SPECIAL, b">")
_COLON: Final = (_Kind.SPECIAL, b":")


def parse_addresses(
    value: bytes, most: int = MAX_ADDRESSES, *, tokens: Tokens | None = None
) -> tuple[ListedAddress, ...]:
    """
    Read the value of an address field, folded or not; never raises.

    :param most: entries; what follows is left out.  A group that is open at the end is closed.
    :param tokens: where several fields share them; used up.
    """
    simple = _read_simple(value, most)
    if simple is not None:
        return simple
    return tuple(_Reader(value, tokens or Tokens(), most=most).read())


def _read_simple(value: bytes, most: int) -> tuple[ListedAddress, ...] | None:
    # What nearly all fields hold, in a tenth of the time; None if anything in it is not so simple.
    found: list[ListedAddress] = []
    position = 0
    while position < len(value) and len(found) < most:
        entry = _SIMPLE.match(value, position)
        if entry is None:
            return None
        position = entry.end()
        found.append(_simple(entry))
    return tuple(found)


def _simple(entry: re.Match[bytes]) -> ListedAddress:
    quoted, words, mailbox, host, bare, bare_host = entry.groups()
    if bare is not None:
        return ListedAddress(None, None, bare, bare_host)
    name = quoted if words is None else b" ".join(words.split())
    return ListedAddress(name or None, None, mailbox, host)


def originators(header: Header, name: bytes = b"From") -> tuple[Address, ...]:
    """
    The addresses in all fields of that name, from the top: whom the message speaks for.

    In ``a@b <c@d>`` both count, since some programs show one and some the other.

    :returns: empty where there is no such field, or none of them holds an address.
    :raises HeaderError: where anything is left that readers might understand in two ways:
        something unfinished, an address without a domain, a source route, comments or white
        space inside an address.
    """
    found: list[Address] = []
    tokens = Tokens()
    for field in header.all(name):
        reader = _Reader(field.value, tokens)
        entries = list(reader.read())
        for entry in reader.claimed + entries:
            if entry.host is not None:
                found.append(_address(entry, field.offset))
        if reader.doubts:
            raise HeaderError(f"{name.decode()}: {reader.doubts[0]}", field.offset)
    return tuple(found)


def _address(entry: ListedAddress, position: int) -> Address:
    try:
        local, host = (entry.mailbox or b"").decode(), (entry.host or b"").decode()
        if not local:
            raise AddressError("no local part")
        if not _DOT_STRING.fullmatch(local):
            local = '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'
        return Address.parse(f"{local}@{host}")
    except (AddressError, UnicodeDecodeError):
        raise HeaderError("no address", position) from None


class _Reader:
    """
    One list, read once from left to right.

    :ivar doubts: what made an entry less than certain.
    :ivar claimed: addresses that stand where a display name should.
    """

    def __init__(self, octets: bytes, tokens: Tokens, *, most: int = MAX_ADDRESSES) -> None:
        self._octets = octets
        self._most = most
        self._position = 0
        self._tokens = tokens
        self.doubts: list[str] = []
        self.claimed: list[ListedAddress] = []

    def read(self) -> Iterator[ListedAddress]:
        item: list[_Token] = []
        in_group = False
        entries = 0
        while entries < self._most:
            simple = _SIMPLE.match(self._octets, self._position)
            if simple is not None and simple.end() < len(self._octets):
                # One odd entry among thousands does not make the others slow.
                self._position = simple.end()
                yield _simple(simple)
                entries += 1
                continue
            end = self._read_item(item, in_group)
            if end == b":":
                in_group = True
                yield ListedAddress(None, None, _phrase(item), None)
                entries += 1
            else:
                for entry in self._interpret(item):
                    yield entry
                    entries += 1
            item = []
            if in_group and end in (b";", b""):
                in_group = False
                self._note(end == b"", "group without end")
                yield GROUP_END
            if not end:
                return
        self.doubts.append("too many addresses")
        if in_group:
            yield GROUP_END

    def _note(self, doubtful: object, why: str) -> None:
        if doubtful:
            self.doubts.append(why)

    # -- tokens ----------------------------------------------------------------

    def _read_item(self, item: list[_Token], in_group: object) -> bytes:
        # Fill the item up to the "," ";" or ":" that ends it; b"" is the end of the list.
        # Commas part the hosts of a source route, which starts with "@" and ends with ":".
        angle, opened, route, at = False, False, False, False
        while (token := self._next()) is not None:
            item.append(token)
            kind, text = token
            if kind in (_Kind.BLANK, _Kind.COMMENT):
                continue
            if kind is _Kind.SPECIAL:
                ends = (
                    text == b";"
                    or (text == b"," and not route)
                    or (text == b":" and not (angle or in_group or at))
                )
                if ends:
                    item.pop()
                    return text
                angle = text == b"<" or (angle and text != b">")
                route = (route or (opened and text == b"@")) and text not in (b":", b">")
                at = at or text == b"@"
            opened = token == _OPEN
        return b""

    def _next(self) -> _Token | None:
        octets, position = self._octets, self._position
        if position >= len(octets):
            return None
        if self._tokens.left <= 0:
            self.doubts.append("too many addresses")
            self._position = len(octets)
            return None
        self._tokens.left -= 1
        first = octets[position : position + 1]
        if first == b'"':
            text, self._position, ended = _tokens.read_quoted(octets, position)
            self._tokens.left -= len(text) // _TOKEN
            self._note(not ended, "quoted string without end")
            return _Kind.QUOTED, text
        if first == b"(":
            text, self._position = _tokens.read_comment(octets, position)
            self._tokens.left -= len(text) // _TOKEN
            self._note(octets[self._position - 1 : self._position] != b")", "comment without end")
            return _Kind.COMMENT, text.strip()
        if first not in _SPECIALS:
            for kind, pattern in _PATTERNS:
                found = pattern.match(octets, position)
                if found is not None:
                    self._position = found.end()
                    return kind, found[0]
        self._position += 1
        return _Kind.SPECIAL, first

    # -- entries ---------------------------------------------------------------

    def _interpret(self, item: list[_Token]) -> Iterator[ListedAddress]:
        if all(kind in (_Kind.BLANK, _Kind.COMMENT) for kind, _text in item):
            return
        comment = next((text for kind, text in item if kind is _Kind.COMMENT), None)
        if _OPEN not in item:
            mailbox, host = self._addr_spec(item)
            yield ListedAddress(comment or None, None, mailbox, host)
            return
        start = item.index(_OPEN)
        stop = item.index(_CLOSE, start) if _CLOSE in item[start:] else len(item)
        self._note(stop == len(item), "'>' missing")
        self._note(_words(item[stop + 1 :]), "text behind the address")
        before, inside = item[:start], item[start + 1 : stop]
        route, inside = self._route(inside)
        mailbox, host = self._addr_spec(inside)
        if _AT in before:
            self.claimed.append(ListedAddress(None, None, *self._addr_spec(before)))
        yield ListedAddress(_phrase(before) or comment or None, route, mailbox, host)

    def _route(self, inside: list[_Token]) -> tuple[bytes | None, list[_Token]]:
        if _COLON not in inside or _words(inside)[:1] != [_AT]:
            return None, inside
        colon = inside.index(_COLON)
        self.doubts.append("source route")
        return _joined(inside[:colon]), inside[colon + 1 :]

    def _addr_spec(self, tokens: list[_Token]) -> tuple[bytes, bytes]:
        words = _words(tokens)
        self._note(len(words) != len(_trimmed(tokens)), "white space inside an address")
        if _AT not in words:
            self.doubts.append("an address without a domain")
            return _phrase(tokens), b""
        # The last "@" parts: no domain has one, and local parts of the ignorant do.
        at = len(words) - 1 - words[::-1].index(_AT)
        self._note(words.index(_AT) != at, "two '@' in an address")
        return _joined(words[:at]), _joined(words[at + 1 :])


def _words(tokens: list[_Token]) -> list[_Token]:
    return [token for token in tokens if token[0] not in (_Kind.BLANK, _Kind.COMMENT)]


def _trimmed(tokens: list[_Token]) -> list[_Token]:
    places = [n for n, (kind, _) in enumerate(tokens) if kind not in (_Kind.BLANK, _Kind.COMMENT)]
    return tokens[places[0] : places[-1] + 1] if places else []


def _joined(tokens: list[_Token]) -> bytes:
    return b"".join(text for _kind, text in _words(tokens))


def _phrase(tokens: list[_Token]) -> bytes:
    # One space where there was any; inside of quotes all of it.
    parts: list[bytes] = []
    blank = False
    for kind, text in tokens:
        if kind in (_Kind.BLANK, _Kind.COMMENT):
            blank = bool(parts)
            continue
        parts.append(b" " + text if blank else text)
        blank = False
    return b"".join(parts)
