"""
The audit behind the kills of a relay: where each recipient is, and why some are there twice.

Three books are compared: the clients', of what they were promised; the sink's, of what it has
kept; and the server's log, of each life, which says what it has heard and what was settled.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from pymta.message.dsn import Action
from pymta.message.dsn_reading import parse_dsn
from tests.durability.audit import POP3
from tests.durability.load import BOXES, DOMAIN, Books, Sent, message
from tests.durability.relaying import GATEWAY, REMOTE

__all__ = [
    "AUTHORS",
    "Journeys",
    "Kept",
    "Life",
    "Met",
    "Reported",
    "draw",
    "hostname",
    "of_ours",
    "read_kept",
    "read_lives",
    "read_reports",
]

AUTHORS = tuple(f"author{number}" for number in range(6))

_KINDS = ("yes", "no", "later", "never", "spam")
_WEIGHTS = (60, 16, 8, 8, 8)
_STATUS = {"no": "5.1.1", "spam": "5.7.1"}


def draw(chance: random.Random, listener: str, name: str) -> tuple[str, tuple[str, ...]]:
    """Mail of local authors, to boxes, to elsewhere or to both: each address there is used once."""
    sender = f"{chance.choice(AUTHORS)}@{DOMAIN}"
    boxes = tuple(chance.sample([f"box{i}" for i in range(BOXES)], chance.randint(1, 2)))
    if listener == "lmtp" or chance.random() < 0.25:
        return sender, boxes
    kinds = chance.choices(_KINDS, _WEIGHTS, k=chance.randint(1, 3))
    if "spam" in kinds:
        # By SMTP one answer is for all.
        kinds = ["spam"]
    to = [
        f"{kind}{number}.{name}@{chance.choice((REMOTE, REMOTE, GATEWAY))}"
        for number, kind in enumerate(kinds)
    ]
    return sender, (*to, *boxes[: chance.randint(0, 1)])


# -- what the sink has ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """
    One copy.

    :param by: how the server called itself: which life of it.
    :param sink: which life of the sink.
    """

    name: str
    to: str
    by: str
    sink: int


def read_kept(book: Path, books: Books) -> list[Kept]:
    """In the order of keeping.  :raises AssertionError: something is not what was sent."""
    kept: list[Kept] = []
    for line in book.read_text().splitlines():
        told = json.loads(line)
        name = told["name"]
        assert _digest(name, books.sent) == told["sha256"], f"{name} is not what was sent"
        assert set(told["to"]) <= set(books.sent[name].boxes), told
        kept += [Kept(name, to, told["client"], told["sink"]) for to in told["to"]]
    return kept


def _digest(name: str, sent: dict[str, Sent]) -> str:
    assert name in sent, f"nobody sent {name!r}"
    return hashlib.sha256(message(name, sent[name].size)).hexdigest()


# -- what the authors have -------------------------------------------------------------


@dataclass(slots=True)
class Reported:
    """:param times: how often, by id and address.  :param status: how often, by status."""

    mails: int = 0
    times: Counter[tuple[str, str]] = field(default_factory=Counter)
    status: Counter[str] = field(default_factory=Counter)


def read_reports(port: int, books: Books) -> Reported:
    """Read the authors' mailboxes, in which there is nothing but reports of failures."""
    reported = Reported()
    for author in AUTHORS:
        with closing(POP3(port, author)) as pop3:
            for octets in pop3.messages():
                _note(reported, books, author, octets)
    return reported


def _note(reported: Reported, books: Books, author: str, octets: bytes) -> None:
    reported.mails += 1
    for each in parse_dsn(octets).recipients:
        to = each.final.text
        name = to.partition("@")[0].partition(".")[2]
        assert (Action.FAILED, True) == (each.action, to in books.sent[name].boxes), to
        assert f"{author}@{DOMAIN}" == books.sent[name].sender
        assert f"X-Id: {name}\r\n".encode() in octets
        # What the sink said for good, or for so long that patience came to its end.
        assert each.status in ("4.4.7", _STATUS.get(to.partition(".")[0][:-1])), to
        reported.times[name, to] += 1
        reported.status[each.status] += 1


# -- what the server said ----------------------------------------------------------------


@dataclass(slots=True)
class Life:
    """
    What one life of the server has told.

    :param point: where it was killed, and empty for a moment of chance; None if it was not.
    :param victims: whom that was about.
    :param answered: whose content a sink has answered yes to, as was read.
    :param settled: who has left the queue, as was committed.
    :param taken: those of them who were not given up.
    :param doubtful: whose content was sent, and never answered.
    """

    number: int
    point: str | None
    victims: tuple[str, ...] = ()
    answered: set[str] = field(default_factory=set)
    settled: Counter[str] = field(default_factory=Counter)
    taken: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)


def hostname(number: int) -> str:
    """What a life is called."""
    return f"life{number}.{DOMAIN}"


def read_lives(log: Path) -> dict[str, Life]:
    """By what each was called."""
    lives: dict[str, Life] = {}
    life = Life(-1, None)
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("killed: "):
            fault, _, victims = line.removeprefix("killed: ").partition(" | ")
            _, when, place, _ = fault.split()
            life.point, life.victims = f"{place}/{when}", tuple(victims.split())
        elif line.startswith('{"event"'):
            told = json.loads(line)
            if told["event"] == "Life":
                life = Life(told["number"], told["point"])
                lives[hostname(life.number)] = life
            else:
                _hear(life, told)
    return lives


def _hear(life: Life, told: dict[str, str]) -> None:
    match told["event"]:
        case "Answered":
            life.answered.update(told["recipients"])
        case "Attempted" if told["final"] == "True":
            life.settled[told["to"]] += 1
            if told["failed"] == "False":
                life.taken.add(told["to"])
        case "Unanswered":
            life.doubtful.update(told["to"].split())


# -- compared --------------------------------------------------------------------------


@dataclass(slots=True)
class Met:
    """
    Recipients that kills at one point were about.

    :param kept: those whom the sink had by then.
    :param doubled: those of them whom it got in a later life once more.
    """

    met: int = 0
    kept: int = 0
    doubled: int = 0


@dataclass(slots=True)
class Journeys:
    """
    :param waiting: addresses that are in the queue still.
    :ivar doubled: copies that were followed by another attempt, by the place of the kill and by
        what it has cut off.
    :ivar relayed: recipients whom the sink has.
    :ivar both: those of them who are reported as well.
    :ivar wrong: what is not explained.
    """

    books: Books
    kept: list[Kept]
    reported: Reported
    lives: dict[str, Life]
    waiting: frozenset[str] = frozenset()
    doubled: Counter[tuple[str, str]] = field(default_factory=Counter)
    relayed: int = 0
    both: int = 0
    wrong: list[str] = field(default_factory=list)

    def compare(self) -> None:
        """Look at every recipient elsewhere that was promised, refused or kept."""
        copies: dict[tuple[str, str], list[Kept]] = {}
        for each in self.kept:
            copies.setdefault((each.name, each.to), []).append(each)
        elsewhere = {(name, to) for name, to in self.books.acknowledged if "@" in to}
        for name, to in sorted(elsewhere | copies.keys() | self.reported.times.keys()):
            found = copies.get((name, to), [])
            self._compare(name, to, found, promised=(name, to) in elsewhere)

    def _compare(self, name: str, to: str, copies: list[Kept], *, promised: bool) -> None:
        reports = self.reported.times[name, to]
        self.relayed += bool(copies)
        if promised and not copies and not reports and to not in self.waiting:
            self.wrong.append(f"lost: {to}")
        if reports > 1:
            self.wrong.append(f"reported {reports} times: {to}")
        if (name, to) in self.books.refused and (copies or reports):
            self.wrong.append(f"refused, and kept or reported: {to}")
        for first, later in pairwise(copies):
            self._explain(first, later)
        if copies and (reports or to in self.waiting):
            self._explain(copies[-1], None)
        self.both += bool(copies and reports)
        if sum(life.settled[to] for life in self.lives.values()) > 1:
            self.wrong.append(f"settled more than once: {to}")
        if copies and to.startswith(("no", "never", "spam")):
            self.wrong.append(f"nobody took it: {to}")

    def _explain(self, copy: Kept, later: Kept | None) -> None:
        """Why there was another attempt, though the sink had kept this copy."""
        life = self.lives[copy.by]
        in_one_life = later is not None and later.by == copy.by
        sink_died = later is None or later.sink != copy.sink
        if copy.to in life.taken and not in_one_life:
            self.wrong.append(f"settled in life {life.number}, and tried again: {copy}, {later}")
        elif copy.to in life.doubtful and sink_died:
            self.doubled["the sink's", "unanswered"] += 1
        elif life.point is None or in_one_life:
            self.wrong.append(f"life {life.number} was not killed between {copy} and {later}")
        else:
            why = "answered, not settled" if copy.to in life.answered else "unanswered"
            self.doubled[life.point or "chance", why] += 1

    def victims(self) -> dict[str, Met]:
        """By point: whom the kills there have met, and what became of their copies."""
        copies = {(each.by, each.to) for each in self.kept}
        last = {each.to: self.lives[each.by].number for each in self.kept}
        met: dict[str, Met] = {}
        for name, life in self.lives.items():
            own = [to for to in life.victims if to not in life.doubtful and "@" in to]
            if life.point and own:
                here = met.setdefault(life.point, Met())
                kept = [to for to in own if (name, to) in copies]
                here.met += len(own)
                here.kept += len(kept)
                here.doubled += sum(last[to] > life.number for to in kept)
        return met


def of_ours(books: Books) -> Books:
    """The same books, of local recipients alone."""
    return Books(
        sent=books.sent,
        acknowledged=_local(books.acknowledged),
        refused=_local(books.refused),
    )


def _local(pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(name, box) for name, box in pairs if "@" not in box}
