"""
A client that believes what it is told, and nothing else: its model of a mailbox is compared with
the mailbox.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random

from tests.edge.player import Player

__all__ = ["Client", "Known"]

_NUMBER = re.compile(r"\* (\d+) (EXISTS|EXPUNGE|RECENT)")
_FETCH = re.compile(r"\* (\d+) FETCH \((.*)\)")
_VANISHED = re.compile(r"\* VANISHED ([0-9:,]+)")
_UID = re.compile(r"\bUID (\d+)")
_FLAGS = re.compile(r"\bFLAGS \(([^)]*)\)")
_MODSEQ = re.compile(r"\bMODSEQ \((\d+)\)")
_HIGHEST = re.compile(r"\[HIGHESTMODSEQ (\d+)\]")

FLAGS = ("\\Seen", "\\Deleted", "\\Flagged", "work")


@dataclass(slots=True)
class Known:
    """A message, as far as the client knows it."""

    uid: int | None = None
    flags: frozenset[str] | None = None


@dataclass(slots=True)
class Client:
    """
    One that has a mailbox open.

    :param vanishes: it has enabled QRESYNC.
    """

    player: Player
    vanishes: bool
    known: list[Known] = field(default_factory=list)
    highest: int = 0
    idling: bool = False
    tags: int = 0

    def ask(self, command: str, *, moves: bool) -> str:
        """
        Say a command and believe the answer.

        :param moves: numbers may move by it.
        """
        self.tags += 1
        heard = self.player.line(f"{self.tags} {command}")
        while f"\r\n{self.tags} " not in f"\r\n{heard}":
            more = self.player.heard().decode()
            assert more, f"no end of {command}: {heard!r}"
            heard += more
        self.believe(heard, moves=moves)
        assert re.search(rf"(?m)^{self.tags} (OK|NO \[EXPUNGEISSUED\])", heard), heard
        return heard

    def idle(self) -> None:
        """Begin to idle."""
        self.believe(self.player.line("i IDLE").replace("+ idling\r\n", ""), moves=True)
        self.idling = True

    def done(self) -> None:
        """End it."""
        self.believe(self.player.line("DONE").replace("i OK Done idling\r\n", ""), moves=True)
        self.idling = False

    def believe(self, heard: str, *, moves: bool) -> None:
        """Take untagged responses."""
        for line in heard.splitlines():
            if match := _NUMBER.fullmatch(line):
                self._count(int(match[1]), match[2], moves=moves)
            elif match := _VANISHED.fullmatch(line):
                assert (True, True) == (moves, self.vanishes)
                self._vanished(_uids(match[1]))
            elif match := _FETCH.fullmatch(line):
                self._fetched(int(match[1]), match[2])
            if match := _HIGHEST.search(line):
                self.highest = int(match[1])

    def _count(self, number: int, word: str, *, moves: bool) -> None:
        if word == "EXPUNGE":
            assert (True, False) == (moves, self.vanishes)
            del self.known[number - 1]
        elif word == "EXISTS":
            assert number >= len(self.known)
            self.known += [Known() for _ in range(number - len(self.known))]

    def _vanished(self, gone: set[int]) -> None:
        uids = {each.uid for each in self.known}
        stay = [each for each in self.known if each.uid not in gone]
        for uid in sorted(gone - uids):
            # It arrived and went before the client could learn its UID: one of those without,
            # between its neighbours.
            larger = [n for n, each in enumerate(stay) if each.uid is not None and each.uid > uid]
            stop = larger[0] if larger else len(stay)
            at = max(n for n in range(stop) if stay[n].uid is None)
            assert all(each.uid is None or each.uid < uid for each in stay[:at])
            del stay[at]
        self.known = stay

    def learn(self) -> None:
        """A client that is told UIDs has to know them."""
        unknown = [n for n, each in enumerate(self.known, 1) if each.uid is None]
        if self.vanishes and unknown:
            largest = max((each.uid or 0 for each in self.known), default=0)
            self.ask(f"UID FETCH {largest + 1}:* (FLAGS)", moves=True)

    def _fetched(self, number: int, items: str) -> None:
        message = self.known[number - 1]
        if match := _UID.search(items):
            assert message.uid in (None, int(match[1]))
            message.uid = int(match[1])
        if match := _FLAGS.search(items):
            message.flags = frozenset(match[1].split()) - {"\\Recent"}

    # -- what it does ---------------------------------------------------------------------

    def act(self, random: Random) -> None:
        """Do something."""
        if self.idling:
            self.done()
            self.learn()
            return
        actions = [
            self._store,
            self._store,
            self._store,
            self._fetch,
            self._noop,
            self._expunge,
            self._append,
            self._copy,
            self._idle,
        ]
        random.choice(actions)(random)
        if not self.idling:
            self.learn()

    def _store(self, random: Random) -> None:
        if not self.known:
            return
        numbers = sorted(random.sample(range(len(self.known)), min(3, len(self.known))))
        by_uid = random.random() < 0.4 and all(self.known[n].uid for n in numbers)
        named = [self.known[n].uid if by_uid else n + 1 for n in numbers]
        sign, silent = random.choice(["", "+", "-"]), random.random() < 0.5
        flags = frozenset(random.sample(FLAGS, random.randint(0, 2)))
        if silent:
            # What the client knows of a message it is not told of; first, as it counts on it.
            for n in numbers:
                self._stored(self.known[n], sign, flags)
        self.ask(
            f"{'UID ' if by_uid else ''}STORE {','.join(map(str, named))} "
            f"{sign}FLAGS{'.SILENT' if silent else ''} ({' '.join(flags)})",
            moves=by_uid,
        )

    def _stored(self, message: Known, sign: str, flags: frozenset[str]) -> None:
        if not sign:
            message.flags = flags
        elif message.flags is not None:
            message.flags = message.flags | flags if sign == "+" else message.flags - flags

    def _fetch(self, random: Random) -> None:
        if self.known:
            first = random.randint(1, len(self.known))
            self.ask(f"FETCH {first}:* (UID FLAGS)", moves=False)

    def _noop(self, _random: Random) -> None:
        self.ask("NOOP", moves=True)

    def _expunge(self, random: Random) -> None:
        uids = [each.uid for each in self.known if each.uid]
        if uids and random.random() < 0.5:
            self.ask(f"UID EXPUNGE {random.choice(uids)}", moves=True)
        else:
            self.ask("EXPUNGE", moves=True)

    def _append(self, random: Random) -> None:
        self.ask(f"APPEND INBOX ({random.choice(FLAGS)}) {{1+}}\r\nx", moves=True)

    def _copy(self, random: Random) -> None:
        uids = [each.uid for each in self.known if each.uid]
        if uids:
            verb = random.choice(["COPY", "COPY", "MOVE"])
            self.ask(f"UID {verb} {random.choice(uids)} INBOX", moves=True)

    def _idle(self, _random: Random) -> None:
        self.idle()

    # -- comparing -----------------------------------------------------------------------

    def settle(self) -> None:
        """Learn all there is to be told without asking for any message."""
        if self.idling:
            self.done()
        self.ask("NOOP", moves=True)
        self.learn()


def _uids(text: str) -> set[int]:
    found: set[int] = set()
    for run in text.split(","):
        first, _, last = run.partition(":")
        found.update(range(int(first), int(last or first) + 1))
    return found
