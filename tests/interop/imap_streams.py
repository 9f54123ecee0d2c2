"""
Random IMAP commands, from a seed, that make sense to a server whose mailboxes are known.

What is drawn is legal, or wrong in a way that clients are: numbers and UIDs that are not there,
mailboxes that do not exist, sections that a message does not have.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from pymta.wire.imap.client_events import Request
from pymta.wire.imap.cursor import Literal

__all__ = ["MADE_BOXES", "Commands", "Place"]

MADE_BOXES = ("a", "a/b", "Entw&APw-rfe")
"""Those that are made for a stream."""
BOXES = ("INBOX", *MADE_BOXES, "Sent", "a/b/c", "with space", "no/such")
PARENTS = (b'"a"', b'"a/b"')
KEYWORDS = ("$Forwarded", "Work", "NonJunk", "k1")
SYSTEM = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")
FIELDS = ("Subject", "From", "To", "Date", "Message-ID", "X-None", "Content-Type", "received")
WORDS = ("test", "Content", "the", "a", "multipart", "zzqq", "@", "Re", "hello")
SECTIONS = (
    *("", "HEADER", "TEXT", "1", "2", "3", "1.1", "1.2", "2.1", "1.MIME", "2.MIME", "1.HEADER"),
    *("2.HEADER", "1.TEXT", "2.TEXT", "2.1.MIME", "1.1.1", "4", "3.HEADER", "9.9"),
)
PEOPLE = ("test", "ann", "bob", "jdoe", "Jürgen", "zzqq", "list", "b.test")
DAYS = ("1-Feb-2020", "15-Jun-2020", "3-Jun-2020", "30-Dec-2019", "1-Jan-1999")
MACROS = ("ALL", "FAST", "FULL")
ATTRIBUTES = ("UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE", "ENVELOPE", "BODY", "BODYSTRUCTURE")
OCTETS = ("RFC822", "RFC822.HEADER", "RFC822.TEXT")
SORTING = ("ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO")
THREADING = ("ORDEREDSUBJECT", "REFERENCES", "REFS")
_RETURNED = (
    *("", "", " RETURN (CHILDREN)", " RETURN (SUBSCRIBED)"),
    " RETURN (STATUS (MESSAGES UIDNEXT))",
)
_SEARCH_RETURNED = (
    *("", "", "", "RETURN () ", "RETURN (MIN) ", "RETURN (ALL) ", "RETURN (MIN MAX COUNT) "),
    *("RETURN (SAVE) ", "RETURN (SAVE COUNT) "),
)
_FLAG_KEY = re.compile(r"SEEN|DELETED|FLAGGED|ANSWERED|DRAFT|KEYWORD")
COUNTS = ("MESSAGES", "UIDNEXT", "UNSEEN", "SIZE")


@dataclass(slots=True)
class Place:
    """Where a session is: the selected mailbox, how many messages, and their UIDs."""

    box: str | None = None
    read_only: bool = False
    uids: list[int] = field(default_factory=list)


class Commands:
    """
    Commands for one seed.

    :param messages: what is appended.
    """

    def __init__(self, seed: int, messages: list[bytes]) -> None:
        self._random = Random(seed)
        self._messages = messages
        self._appended = 0

    def next(self, place: Place) -> Request:
        """The next one."""
        if place.box is None or (not place.uids and self._chance(0.5)):
            makers, weights = zip((Commands.select, 20), *_ANYWHERE, strict=True)
        else:
            makers, weights = zip(*_ANYWHERE, *_SELECTED, strict=True)
        (make,) = self._random.choices(makers, weights)
        request: Request = make(self, place)
        return request

    # -- pieces ----------------------------------------------------------------

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _box(self) -> bytes:
        (name,) = self._random.choices(BOXES, (8, 3, 2, 2, 1, 1, 1, 1))
        return b'"%s"' % name.encode()

    def _some(self, choices: tuple[str, ...], most: int = 3) -> list[str]:
        return self._random.sample(choices, self._random.randint(1, min(most, len(choices))))

    def _numbers(self, place: Place, *, by_uid: bool) -> str:
        if self._chance(0.04):
            return "$"  # RFC 5182
        known = place.uids if by_uid else list(range(1, len(place.uids) + 1))
        pieces = []
        for _ in range(self._random.choice((1, 1, 1, 2, 3))):
            first, last = self._number(known, by_uid=by_uid), self._number(known, by_uid=by_uid)
            pieces.append(self._random.choice((first, first, f"{first}:{last}", "1:*")))
        return ",".join(pieces)

    def _number(self, known: list[int], *, by_uid: bool) -> str:
        if not known or self._chance(0.05):
            return "*"
        if by_uid and self._chance(0.1):
            return str(self._random.randint(1, known[-1] + 5))
        return str(self._random.choice(known))

    def _verb(self, name: str) -> tuple[str, bool]:
        by_uid = self._chance(0.5)
        return (f"UID {name}" if by_uid else name), by_uid

    def _on_numbers(self, name: str, place: Place, rest: str) -> Request:
        verb, by_uid = self._verb(name)
        return Request(verb, (f"{self._numbers(place, by_uid=by_uid)} {rest}".encode(),))

    # -- commands --------------------------------------------------------------

    def select(self, _: Place) -> Request:
        return Request("SELECT" if self._chance(0.8) else "EXAMINE", (self._box(),))

    def create(self, _: Place) -> Request:
        return Request("CREATE", (self._box(),))

    def delete(self, place: Place) -> Request:
        box = self._box()
        # What becomes of a session on a deleted mailbox is everybody's own affair, and what is
        # left of a name with inferiors is too (RFC 3501 section 6.3.4).
        if _is_in(place, box) or box in PARENTS:
            return Request("NOOP")
        return Request("DELETE", (box,))

    def rename(self, place: Place) -> Request:
        old, new = self._box(), self._box()
        if _is_in(place, old) or old in PARENTS or b"INBOX" in old or old.strip(b'"') in new:
            return Request("NOOP")
        return Request("RENAME", (old, b" ", new))

    def subscribe(self, _: Place) -> Request:
        return Request("SUBSCRIBE" if self._chance(0.7) else "UNSUBSCRIBE", (self._box(),))

    def list_boxes(self, _: Place) -> Request:
        pattern = self._random.choice(("*", "%", "a/%", "a*", "INBOX", "%/%", "", "*b*", "Sent"))
        reference = self._random.choice(('""', '""', "a/"))
        returned = self._random.choice(_RETURNED)
        selection = self._random.choice(("", "", "", "(SUBSCRIBED) "))
        return Request("LIST", (f'{selection}{reference} "{pattern}"{returned}'.encode(),))

    def lsub(self, _: Place) -> Request:
        pattern = self._random.choice(("*", "%", "a/%"))
        return Request("LSUB", (f'"" "{pattern}"'.encode(),))

    def status(self, place: Place) -> Request:
        box = self._box()
        if _is_in(place, box):
            return Request("NOOP")
        return Request("STATUS", (box, b" (%s)" % " ".join(self._some(COUNTS, 4)).encode()))

    def append(self, _: Place) -> Request:
        message = self._messages[self._random.randrange(len(self._messages))]
        flags = f"({' '.join(self._flags())}) " if self._chance(0.6) else ""
        self._appended += 1
        date = f'"{1 + self._appended % 28:2}-Jun-2020 12:00:{self._appended % 60:02} +0200" '
        head = b" %s" % (flags + date).encode()
        return Request("APPEND", (self._box(), head, Literal(message)))

    def noop(self, _: Place) -> Request:
        return Request(self._random.choice(("NOOP", "CHECK", "NOOP")))

    def leave(self, _: Place) -> Request:
        return Request("UNSELECT" if self._chance(0.7) else "CLOSE")

    def expunge(self, place: Place) -> Request:
        if place.read_only:
            # A Dovecot removes and moves messages in spite of EXAMINE: behind that, the two
            # would not hold the same.
            return Request("NOOP")
        if self._chance(0.5):
            return Request("EXPUNGE")
        return Request("UID EXPUNGE", (self._numbers(place, by_uid=True).encode(),))

    def copy(self, place: Place) -> Request:
        return self._on_numbers("COPY", place, self._box().decode())

    def move(self, place: Place) -> Request:
        box = self._box()
        if place.read_only or _is_in(place, box):
            return Request("NOOP")
        return self._on_numbers("MOVE", place, box.decode())

    def _flags(self) -> list[str]:
        return self._some(SYSTEM + KEYWORDS)

    def store(self, place: Place) -> Request:
        sign = self._random.choice(("+", "+", "-", ""))
        silent = ".SILENT" if self._chance(0.3) else ""
        return self._on_numbers("STORE", place, f"{sign}FLAGS{silent} ({' '.join(self._flags())})")

    def fetch(self, place: Place) -> Request:
        if self._chance(0.1):
            return self._on_numbers("FETCH", place, self._random.choice(MACROS))
        items = self._some(ATTRIBUTES, 4)
        if self._chance(0.5):
            items += [self._section() for _ in range(self._random.choice((1, 1, 2)))]
        if self._chance(0.1):
            items.append(self._random.choice(OCTETS))
        return self._on_numbers("FETCH", place, f"({' '.join(dict.fromkeys(items))})")

    def _section(self) -> str:
        if self._chance(0.08):
            # RFC 3516
            return self._random.choice(("BINARY.PEEK[1]", "BINARY[2]", "BINARY.SIZE[1]"))
        section = self._random.choice(SECTIONS)
        if section.endswith("HEADER") and self._chance(0.6):
            names = " ".join(self._some(FIELDS))
            section += f".FIELDS{self._random.choice(('', '.NOT'))} ({names})"
        partial = f"<{self._random.choice((0, 1, 10, 500))}.{self._random.choice((1, 40, 5000))}>"
        peek = ".PEEK" if self._chance(0.8) else ""
        return f"BODY{peek}[{section}]{partial if self._chance(0.3) else ''}"

    def search(self, place: Place) -> Request:
        verb, _ = self._verb("SEARCH")
        returned = self._random.choice(_SEARCH_RETURNED)
        keys = " ".join(self._key(place, 2) for _ in range(self._random.choice((1, 1, 2))))
        return Request(verb, (f"{returned}{keys}".encode(),))

    def _key(self, place: Place, depth: int) -> str:
        if depth and self._chance(0.3):
            left, right = self._key(place, depth - 1), self._key(place, depth - 1)
            both = f"({left} {right})"
            return self._random.choice((self._not(left), self._or(left, right), both))
        return self._random.choice(_KEYS)(self, place)

    def _not(self, key: str) -> str:
        # In an OR, a Dovecot takes NOT of several keys for something else.
        return key if key.startswith("(") else f"NOT {key}"

    def _or(self, left: str, right: str) -> str:
        # OR UNSEEN UNFLAGGED is to a Dovecot what is both.
        both = _FLAG_KEY.search(left) and _FLAG_KEY.search(right)
        return f"({left} {right})" if both else f"OR {left} {right}"

    def sort(self, place: Place) -> Request:
        verb, _ = self._verb("SORT")
        criteria = " ".join(
            ("REVERSE " if self._chance(0.3) else "") + each for each in self._some(SORTING)
        )
        return Request(verb, (f"({criteria}) UTF-8 {self._key(place, 1)}".encode(),))

    def thread(self, place: Place) -> Request:
        verb, _ = self._verb("THREAD")
        algorithm = self._random.choice(THREADING)
        return Request(verb, (f"{algorithm} UTF-8 {self._key(place, 1)}".encode(),))


def _is_in(place: Place, box: bytes) -> bool:
    return place.box is not None and place.box.encode() == box.strip(b'"')


def _word(key: str, choices: tuple[str, ...]) -> Callable[[Commands, Place], str]:
    return lambda commands, _: f'{key} "{commands._random.choice(choices)}"'


def _bare(*choices: str) -> Callable[[Commands, Place], str]:
    return lambda commands, _: commands._random.choice(choices)


_KEYS: tuple[Callable[[Commands, Place], str], ...] = (
    _bare("ALL", "SEEN", "UNSEEN", "DELETED", "UNDELETED", "FLAGGED", "UNFLAGGED", "ANSWERED"),
    _bare("DRAFT", "UNDRAFT", "UNANSWERED", "KEYWORD Work", "UNKEYWORD $Forwarded", "KEYWORD k9"),
    lambda commands, place: commands._numbers(place, by_uid=False),
    lambda commands, place: f"UID {commands._numbers(place, by_uid=True)}",
    _word("SUBJECT", WORDS),
    # Dovecot writes MISSING_MAILBOX@MISSING_DOMAIN, and finds it too.
    _word("FROM", PEOPLE),
    _word("TO", PEOPLE),
    _word("BODY", WORDS),
    _word("TEXT", WORDS),
    lambda commands, _: (
        f'HEADER {commands._random.choice(FIELDS)} "{commands._random.choice(WORDS)}"'
    ),
    lambda commands, _: f'HEADER {commands._random.choice(FIELDS)} ""',
    lambda commands, _: (
        f"{commands._random.choice(('BEFORE', 'ON', 'SINCE'))} " + commands._random.choice(DAYS)
    ),
    # Of messages without a date nothing is said; to Dovecot they are very old.
    lambda commands, _: (
        '(HEADER Date "20" '
        + commands._random.choice(("SENTBEFORE", "SENTON", "SENTSINCE"))
        + f" {commands._random.choice(DAYS)})"
    ),
    lambda commands, _: (
        f"{commands._random.choice(('LARGER', 'SMALLER'))} "
        + str(commands._random.choice((0, 100, 1000, 5000)))
    ),
)

_ANYWHERE: tuple[tuple[Callable[[Commands, Place], Request], int], ...] = (
    (Commands.select, 5),
    (Commands.create, 4),
    (Commands.delete, 2),
    (Commands.rename, 2),
    (Commands.subscribe, 2),
    (Commands.list_boxes, 3),
    (Commands.lsub, 1),
    (Commands.status, 4),
    (Commands.append, 8),
    (Commands.noop, 1),
)
_SELECTED: tuple[tuple[Callable[[Commands, Place], Request], int], ...] = (
    (Commands.fetch, 30),
    (Commands.store, 14),
    (Commands.search, 20),
    (Commands.sort, 6),
    (Commands.thread, 3),
    (Commands.copy, 6),
    (Commands.move, 4),
    (Commands.expunge, 5),
    (Commands.leave, 2),
)
