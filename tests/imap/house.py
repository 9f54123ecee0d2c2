"""
An IMAP listener and all that is around it in these tests: accounts, mailboxes, a clock, players.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import directlyProvides, implementer, providedBy

from pymta.accounts.cred import AccountRealm, PasswordChecker, VerifiedChecker
from pymta.accounts.mail_account import MailAccount
from pymta.address import Address
from pymta.aio import start
from pymta.edge.listener import Listener
from pymta.edge.login import Login
from pymta.edge.peers import Peers
from pymta.errors import NoSuchAccount
from pymta.events import Event
from pymta.imap.listener import imap_listener
from pymta.imap.settings import Settings
from pymta.interfaces.accounts import IAccountDirectory, ISCRAMSecrets
from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import IMailbox, IMailboxStore, NewMessage
from pymta.interfaces.observe import IObserver
from pymta.mailbox import INBOX, MailboxName
from pymta.queue.memory import MemoryQueueStore
from pymta.sasl.scram.secret import Decoy
from pymta.sasl.steps import SCRAMSecret
from pymta.store.memory.mailboxes import TOMBSTONES, MemoryMailboxes, MemoryMailStore
from tests.edge.player import PEER, Player
from tests.sasl.accounts import counting, secret

ALICE, BOB = "alice@example.test", "bob@example.test"
PASSWORDS = {ALICE: "sesame", BOB: "mushroom", "zoë@example.test": "påss"}
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ONE = b"Subject: one\r\nFrom: a@example.test\r\n\r\nfirst\r\n"
TWO = b"Subject: two\r\n\r\n1\r\n2\r\n"
STRANGER = "203.0.113.9"
"""Who may not log in without TLS."""


@implementer(IObserver)
class Observer:
    """Remembers the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def observe(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@implementer(IAccountDirectory, ISCRAMSecrets)
class Directory:
    """Three accounts, and what logins need of them."""

    decoy = Decoy(key=b"k" * 32, iterations=4096)

    def __init__(self, mail: MemoryMailStore) -> None:
        self._mail = mail
        self.stores: dict[str, Stumbling] = {}

    async def find(self, address: Address) -> str | None:
        return str(address) if str(address) in PASSWORDS else None

    async def has_domain(self, domain: str) -> bool:
        return domain == "example.test"

    async def open(self, account: str) -> MailAccount:
        if account not in PASSWORDS:
            raise NoSuchAccount(account)
        return MailAccount(account, cast("IMailboxStore", self.store(account)))

    def store(self, account: str) -> Stumbling:
        if account not in self.stores:
            self.stores[account] = Stumbling(self._mail.mailboxes(account))
        return self.stores[account]

    async def check_password(self, username: str, password: str) -> str | None:
        return username if PASSWORDS.get(username) == password else None

    async def check_identity(self, username: str) -> str | None:
        return username if username in PASSWORDS else None

    async def scram_secret(self, username: str, hash_name: str) -> SCRAMSecret | None:
        return secret(PASSWORDS[username], hash_name) if username in PASSWORDS else None


class Stumbling:
    """
    A store, and mailboxes, that fail or wait where ``stones`` says so; all else is the memory
    store's, and they provide what it provides.

    :ivar stones: by the name of a method: raised, or waited for before the call.
    """

    def __init__(
        self, inner: Any, stones: dict[str, Exception | Deferred[None]] | None = None
    ) -> None:
        self._inner = inner
        self.stones = {} if stones is None else stones
        directlyProvides(self, providedBy(inner))

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._inner, name)
        if name in ("name", "read_only", "close", "watch"):
            return inner

        async def call(*args: Any, **kwargs: Any) -> Any:
            stone = self.stones.get(name)
            if isinstance(stone, Exception):
                raise stone
            if stone is not None:
                await stone
            made = await inner(*args, **kwargs)
            return Stumbling(made, self.stones) if name == "open" else made

        return call


HOUSES: list[House] = []


def close_all() -> None:
    """No connection outlives its test, and none leaves a timer behind."""
    while HOUSES:
        house = HOUSES.pop()
        for player in house.players:
            player.hang_up()
        assert 0 == house.listener.connections
        assert [] == house.clock.getDelayedCalls()


class House:
    """Everything; what is given replaces fields of the settings."""

    def __init__(
        self, *, clock: Clock | None = None, tombstones: int = TOMBSTONES, **given: object
    ) -> None:
        self.players: list[Player] = []
        self.clock = Clock() if clock is None else clock
        self.now = NOW
        self.observer = Observer()
        self.mail = MemoryMailStore(now=lambda: self.now, tombstones=tombstones)
        self.directory = Directory(self.mail)
        checkers = [PasswordChecker(self.directory), VerifiedChecker(self.directory)]
        login = Login(
            Portal(AccountRealm(self.directory), checkers),
            clock=self.clock,
            hostname="imap.example.test",
            random=counting,
            secrets=self.directory,
            plaintext=Peers((PEER,)),
            observer=self.observer,
        )
        made = Settings(
            hostname="imap.example.test",
            clock=self.clock,
            now=lambda: self.now,
            login=login,
            create=MemoryQueueStore(lambda: self.now).create,
            provided=tuple(implemented(MemoryMailboxes)),
            observer=self.observer,
        )
        self.settings = replace(made, **given)  # type: ignore[arg-type]
        self.listener: Listener = imap_listener(self.settings)
        HOUSES.append(self)

    def player(self, peer: str = PEER) -> Player:
        """Somebody who has just connected."""
        self.players.append(Player(self.listener, self.clock, peer=peer))
        return self.players[-1]

    def logged_in(self, account: str = ALICE) -> Player:
        """Behind a login."""
        player = self.player()
        player.play(
            f"""
            S: * OK [CAPABILITY ...
            C: l LOGIN {account} {PASSWORDS[account]}
            S: l OK [CAPABILITY ...
            """
        )
        return player

    def selected(self, account: str = ALICE) -> Player:
        """With INBOX open."""
        player = self.logged_in(account)
        assert "s OK [READ-WRITE]" in player.line("s SELECT INBOX")
        return player

    def stones(self, account: str = ALICE) -> dict[str, Exception | Deferred[None]]:
        """Where the account's store stumbles."""
        return self.directory.store(account).stones

    def store(self, account: str = ALICE) -> IMailboxStore:
        """The account's mailboxes, as somebody else sees them."""
        store: IMailboxStore = self.mail.mailboxes(account)
        return store

    def mailbox(self, name: str = INBOX, account: str = ALICE) -> IMailbox:
        """A mailbox, as another session opens it."""
        opened: IMailbox = result(self.store(account).open(MailboxName(name)))
        return opened

    def put(self, *messages: bytes, account: str = ALICE, flags: Sequence[str] = ()) -> None:
        """Deliver messages."""
        new = [NewMessage(content=Octets(message), flags=frozenset(flags)) for message in messages]
        result(self.mailbox(account=account).append(new))

    def elapse(self, seconds: float) -> None:
        """Let time go by, on the clock and on the wall."""
        self.now += timedelta(seconds=seconds)
        self.clock.advance(seconds)


def implemented(kind: type) -> list[Any]:
    """The interfaces of a class."""
    from zope.interface import implementedBy

    return list(implementedBy(kind))


def result(coroutine: Any) -> Any:
    """What a coroutine that does not wait returns."""
    ended: list[Any] = []
    running = start(coroutine).addCallback(ended.append)
    assert running.called
    [value] = ended
    return value
