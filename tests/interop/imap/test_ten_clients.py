"""
Ten clients with random commands on one mailbox: what each believes is what the server has.

Each has extensions of its own: none, CONDSTORE, QRESYNC, UIDONLY, IMAP4rev2, COMPRESS.  A model
(:mod:`pymta.wire.imap.client_mailbox`) follows each, and fails where the server breaks a rule.
``PYMTA_TEN_CLIENTS`` says how many seconds it goes on, with each store.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from random import Random

import pytest

from pymta.wire.imap.client_data import Fetched
from pymta.wire.imap.cursor import Literal
from tests.interop.imap_session import Session, logged_in
from tests.interop.reading import Account
from tests.interop.servers import DOMAIN, Server, serving

SECONDS = float(os.environ.get("PYMTA_TEN_CLIENTS", "1"))
ROUNDS = 15
ENABLED = (
    *((), (), (), ("CONDSTORE",), ("QRESYNC",), ("QRESYNC",)),
    *(("UIDONLY",), ("IMAP4REV2",), ("IMAP4REV2", "QRESYNC"), ("UIDONLY", "QRESYNC")),
)
FLAGS = ("\\Seen", "\\Deleted", "\\Flagged", "$Work", "$Junk", "k")
MESSAGE = b"Subject: x\r\n\r\nsomething to read\r\n"


Place = tuple[int, Account]
"""A port, and whose mailbox it is."""


@pytest.fixture(params=["memory", "sql"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server: Server
) -> Iterator[Place]:
    """With each store."""
    if request.param == "memory":
        yield server.ports["imap"], server.account()
        return
    folder, account = tmp_path_factory.mktemp("sql"), Account(f"ann@{DOMAIN}", "secret")
    with serving(folder, [account], store=folder / "mail") as own:
        yield own.ports["imap"], account


class Player:
    """
    One client.

    :param by_uid: it has no sequence numbers (:rfc:`9586`).
    """

    def __init__(self, session: Session, random: Random, *, by_uid: bool) -> None:
        self.session = session
        self._random = random
        self._by_uid = by_uid

    def open(self) -> None:
        """Select, and learn all that is there."""
        assert self.session.select().ok
        self.learn()

    def learn(self) -> None:
        """Ask for what is not known of messages; until nothing is."""
        model = self.session.mailbox
        assert model is not None
        for _ in range(5):
            unknown = [n for n, each in enumerate(model.messages, 1) if each.flags is None]
            if not unknown:
                return
            first = max((uid for uid in model.uids if uid is not None), default=0) + 1
            if self._by_uid:
                self.session.ask("UID FETCH", f"{first}:* (FLAGS)".encode())
            else:
                numbers = f"{unknown[0]}:{unknown[-1]}"
                # What is expunged already is told with NOOP, and not with FETCH.
                self.session.ask("FETCH", f"{numbers} (UID FLAGS)".encode())
                self.session.ask("NOOP")
        raise AssertionError(f"{unknown} are not told, of {model.messages}")

    def begin(self) -> None:
        """Ask for something at random."""
        self.session.begin(*self._command())

    def end(self) -> None:
        """Hear the answer, whatever it is, and learn what is new."""
        self.session.answer()
        self.learn()

    def believes(self) -> list[tuple[int | None, frozenset[str] | None]]:
        """UIDs and flags, once all is told."""
        for _ in range(2):
            self.session.done("NOOP")
            self.learn()
        model = self.session.mailbox
        assert model is not None
        return [(each.uid, (each.flags or frozenset()) - {"\\Recent"}) for each in model.messages]

    def _command(self) -> tuple[str, bytes | Literal] | tuple[str, bytes, Literal] | tuple[str]:
        model = self.session.mailbox
        assert model is not None
        if not model.messages or self._random.random() < 0.15:
            flags = " ".join(self._random.sample(FLAGS, 2))
            return "APPEND", f"INBOX ({flags}) ".encode(), Literal(MESSAGE)
        name, rest = self._random.choice(_COMMANDS)
        if name in ("EXPUNGE", "NOOP", "CHECK"):
            return (name,)
        sample = " ".join(self._random.sample(FLAGS, 2))
        by_uid = self._by_uid or name == "EXPUNGE BY UID" or self._random.random() < 0.5
        numbers = self._numbers(model.uids if by_uid else range(1, len(model.messages) + 1))
        verb = name.removesuffix(" BY UID")
        if verb == "SEARCH":
            numbers = "RETURN (ALL) " if self._random.random() < 0.5 else ""
        return (f"UID {verb}" if by_uid else verb), f"{numbers}{rest}".format(sample).encode()

    def _numbers(self, known: object) -> str:
        assert isinstance(known, tuple | range)
        first, last = self._random.choice(known), self._random.choice(known)
        return self._random.choice((f"{first}", f"{first},{last}", f"{first}:{last}"))


_COMMANDS = (
    ("STORE", " +FLAGS ({})"),
    ("STORE", " -FLAGS ({})"),
    ("STORE", " FLAGS ({})"),
    ("STORE", " +FLAGS (\\Deleted)"),
    ("FETCH", " (FLAGS BODY[TEXT])"),
    ("FETCH", " (RFC822.SIZE)"),
    ("SEARCH", "UNSEEN"),
    ("SEARCH", "NOT DELETED KEYWORD k"),
    ("COPY", " INBOX"),
    ("EXPUNGE", ""),
    ("EXPUNGE BY UID", ""),
    ("NOOP", ""),
    ("CHECK", ""),
)


def truth(session: Session) -> list[tuple[int | None, frozenset[str] | None]]:
    """UIDs and flags as somebody sees them who has just come."""
    session.select()
    found = []
    for data in session.done("UID FETCH", b"1:* (FLAGS)"):
        assert isinstance(data, Fetched)
        uid, flags = data.items["UID"], data.items["FLAGS"]
        assert isinstance(uid, int)
        assert isinstance(flags, frozenset)
        found.append((uid, flags - {"\\Recent"}))
    return list(found)


def shrink(session: Session) -> None:
    """Keep the mailbox small, so that many things happen to few messages."""
    session.select()
    model = session.mailbox
    assert model is not None
    if len(model.messages) > 60:
        session.done("STORE", f"1:{len(model.messages) - 30} +FLAGS (\\Deleted)".encode())
        session.done("EXPUNGE")


def test_models_stay_equal(place: Place) -> None:
    """After each few rounds of commands, asked by all at once, everybody believes the same."""
    random = Random(int(SECONDS * 1000))
    with ExitStack() as stack:
        judge = stack.enter_context(logged_in(*place))
        judge.select()
        players = []
        for enabled in ENABLED:
            session = stack.enter_context(logged_in(*place, enabled))
            if random.random() < 0.3:
                session.done("COMPRESS", b"DEFLATE")
            players.append(Player(session, random, by_uid="UIDONLY" in enabled))
        for player in players:
            player.open()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for _ in range(ROUNDS):
                busy = random.sample(players, random.randint(1, len(players)))
                for player in busy:
                    player.begin()
                for player in busy:
                    player.end()
            shrink(judge)
            expected = truth(judge)
            for player in players:
                assert expected == player.believes()


def test_idle_is_told_at_once(server: Server) -> None:
    """Each of ten that idle is told of an arrival, a flag and an expunge, within a second."""
    account = server.account()
    with ExitStack() as stack:
        sessions = [
            stack.enter_context(logged_in(server.ports["imap"], account)) for _ in range(10)
        ]
        actor = stack.enter_context(logged_in(server.ports["imap"], account))
        actor.select()
        for session in sessions:
            session.select()
            stack.enter_context(session.idle())
        for command in (
            ("APPEND", b"INBOX ", Literal(MESSAGE)),
            ("UID STORE", b"1:* +FLAGS (\\Deleted k)"),
            ("EXPUNGE",),
        ):
            actor.done(*command)
            for session in sessions:
                session.hear(1.0)
        for session in sessions:
            model = session.mailbox
            assert model is not None
            while model.messages:
                session.hear(1.0)
