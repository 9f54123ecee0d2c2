"""
The same random commands go to our server and to a Dovecot that holds the same messages.

What they tell must agree, but for the kinds of difference in :mod:`tests.interop.imap_explained`.
``PYMTA_DIFFERENTIAL`` says how many seeds are tried; each is a hundred commands.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from pymta.wire.imap.client_data import Searched
from pymta.wire.imap.client_events import Request
from pymta.wire.imap.cursor import Literal
from tests.interop.dovecot import dovecot
from tests.interop.imap_comparing import Facts, facts_of
from tests.interop.imap_explained import EXPLAINED, MISSING, Difference, explained
from tests.interop.imap_letters import MADE, vectors
from tests.interop.imap_session import Session, logged_in
from tests.interop.imap_streams import MADE_BOXES, WORDS, Commands, Place
from tests.interop.reading import Account
from tests.interop.servers import DOMAIN, Server, serving

SEEDS = int(os.environ.get("PYMTA_DIFFERENTIAL", "5"))
LENGTH = 100
FURNISHED = ("Archive", "Drafts", "Junk", "Sent", "Trash")
"""What a new account of ours has, and is subscribed to, beside its inbox."""
OPENING = ("SELECT", "EXAMINE")


class Accounts:
    """
    New accounts for ever.

    :param server: the first of them are here; then a server is started for each hundred, by turns
        with SQLite and in memory.
    """

    def __init__(self, folder: Path, server: Server) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._left = [(server.ports["imap"], server.account()) for _ in range(min(SEEDS, 20))]
        self._servers = 0

    def take(self) -> tuple[int, Account]:
        """A port, and an account there that nobody has used."""
        if not self._left:
            self.close()
            self._servers += 1
            folder = self._folder / str(self._servers)
            folder.mkdir()
            accounts = [Account(f"user{n}@{DOMAIN}", "secret") for n in range(100)]
            store = folder / "mail" if self._servers % 2 else None
            server = self._stack.enter_context(serving(folder, accounts, store=store))
            self._left = [(server.ports["imap"], account) for account in accounts]
        return self._left.pop()

    def close(self) -> None:
        """End the server."""
        self._stack.close()


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Iterator[Accounts]:
    """Where they come from."""
    with closing(Accounts(tmp_path_factory.mktemp("servers"), server)) as made:
        yield made


def follow(place: Place, request: Request, session: Session, *, done: bool) -> None:
    """Where a session is, once a command has ended."""
    if request.name in OPENING:
        (box,) = request.arguments
        assert isinstance(box, bytes)
        place.box = box.strip(b'"').decode() if done else None
        place.read_only = request.name == "EXAMINE"
    elif request.name in ("CLOSE", "UNSELECT") and done:
        place.box = session.mailbox = None
    known = session.mailbox
    place.uids = [] if known is None else [uid for uid in known.uids if uid is not None]


def ask(session: Session, request: Request) -> Facts:
    """Ask one server; a selected mailbox is always known by its UIDs."""
    if request.name in OPENING:
        answer = session.open(request)
    else:
        answer = session.ask(request.name, *request.arguments)
    facts = facts_of(answer)
    if session.mailbox is not None and None in session.mailbox.uids:
        session.done("UID FETCH", b"1:* (UID)")
    return facts


def written(request: Request) -> str:
    """A command, for people."""
    texts = [each.decode() if isinstance(each, bytes) else "{...}" for each in request.arguments]
    return f"{request.name} {''.join(texts)}"


def differences(request: Request, ours: Facts, theirs: Facts) -> list[Difference]:
    """What one tells otherwise than the other, and nothing explains."""
    found = [
        Difference(
            request=request,
            name=name,
            ours=ours.get(name, MISSING),
            theirs=theirs.get(name, MISSING),
        )
        for name in sorted({*ours, *theirs})
    ]
    return [each for each in found if each.ours != each.theirs and explained(each) is None]


def unlike(ours: Session, theirs: Session) -> set[int]:
    """The messages that the two do not read alike, or find other words in."""
    items = b"(ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[1.MIME] BODY.PEEK[2.MIME])"
    request = Request("FETCH", (b"1:* " + items,))
    found = differences(request, ask(ours, request), ask(theirs, request))
    numbers = {int(each.name.split()[0]) for each in found}
    for key in ("SUBJECT", "BODY", "TEXT"):
        for word in WORDS:
            search = f'{key} "{word}"'.encode()
            numbers |= hits(ours, search) ^ hits(theirs, search)
    return numbers


def hits(session: Session, search: bytes) -> set[int]:
    """What is found."""
    (found,) = session.done("SEARCH", search)
    assert isinstance(found, Searched)
    return set(found.numbers)


def fill(messages: list[bytes], ours: Session, theirs: Session) -> list[bytes]:
    """
    Make mailboxes, and put all messages in the inbox, a day apart; give those that stay.

    Vectors that both do not read alike go (:mod:`test_vectors` says why).
    """
    for session in (ours, theirs):
        for name in FURNISHED:
            session.ask("CREATE", name.encode())
        for name in ("INBOX", *FURNISHED):
            session.ask("SUBSCRIBE", name.encode())
        for name in MADE_BOXES:
            session.done("CREATE", name.encode())
        for number, message in enumerate(messages):
            date = f'"{1 + number % 28:2}-Jun-2020 12:00:{number % 60:02} +0200" '
            session.done("APPEND", f"INBOX {date}".encode(), Literal(message))
        session.select()
    numbers = unlike(ours, theirs)
    assert len(MADE) < min(numbers, default=len(messages) + 1), numbers
    for session in (ours, theirs):
        if numbers:
            session.done("STORE", f"{','.join(map(str, numbers))} +FLAGS (\\Deleted)".encode())
        session.done("EXPUNGE")
        session.done("UNSELECT")
        session.mailbox = None
    return [each for number, each in enumerate(messages, 1) if number not in numbers]


def compare(seed: int, ours: Session, theirs: Session) -> None:
    """Run one seed."""
    pool = vectors()
    messages = [*MADE, *(pool[(seed * 7 + n) % len(pool)] for n in range(7 if pool else 0))]
    messages = fill(messages, ours, theirs)
    if seed % 3 == 2:
        for session in (ours, theirs):
            session.done("ENABLE", b"QRESYNC")
    commands, place, log = Commands(seed, messages), Place(), []
    for _ in range(LENGTH):
        request = commands.next(place)
        log.append(written(request))
        ours_said = ask(ours, request)
        try:
            theirs_said = ask(theirs, request)
        except ConnectionError:
            return  # a Dovecot that has ended itself has no more to say
        assert [] == differences(request, ours_said, theirs_said), "\n".join(log[-12:])
        follow(place, request, ours, done=ours_said["status"] == "OK")
        if place.box is None:
            theirs.mailbox = None


@pytest.mark.parametrize("seed", range(SEEDS))
def test_agrees_with_dovecot(accounts: Accounts, seed: int) -> None:
    """What we tell is what a Dovecot tells, or its difference is explained."""
    with dovecot() as peer, peer.connect() as connection:
        theirs = Session(connection).greeted()
        with logged_in(*accounts.take()) as ours:
            compare(seed, ours, theirs)


def test_two_dovecots_agree() -> None:
    """Two Dovecots agree, so what is compared can be."""
    with ExitStack() as stack:
        sessions = [
            Session(stack.enter_context(stack.enter_context(dovecot()).connect())).greeted()
            for _ in range(2)
        ]
        compare(0, *sessions)


def test_explanations_are_few() -> None:
    """There are at most twenty kinds, with a name and a sentence each."""
    assert len(EXPLAINED) <= 20
    assert len(EXPLAINED) == len({each.name for each in EXPLAINED})
    assert all("RFC" in each.why for each in EXPLAINED)
