"""
What is around any listener in tests: people with mailboxes, an observer, a clock, players.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import pytest
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import directlyProvides, implementer, providedBy

from pymta.accounts.cleartext import ClearTextPasswords
from pymta.accounts.cred import AccountRealm, PasswordChecker, VerifiedChecker
from pymta.accounts.mail_account import MailAccount
from pymta.address import Address
from pymta.aio import start
from pymta.edge.listener import Listener
from pymta.edge.login import Login
from pymta.edge.peers import Peers
from pymta.errors import NoSuchAccount
from pymta.interfaces.accounts import IAccountDirectory, ISCRAMSecrets
from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import IMailbox, IMailboxStore, NewMessage
from pymta.mailbox import INBOX, MailboxName
from pymta.sasl.scram.secret import Decoy
from pymta.sasl.steps import SCRAMSecret
from pymta.store.memory.mailboxes import TOMBSTONES, MemoryMailStore
from tests.edge.certificates import certificates
from tests.edge.player import PEER, Player
from tests.observing import Observer
from tests.sasl.accounts import counting, secret

H = TypeVar("H", bound="Home")

ALICE, BOB = "alice@example.test", "bob@example.test"
PASSWORDS = {ALICE: "sesame", BOB: "mushroom", "zoë@example.test": "påss"}
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STRANGER = "203.0.113.9"
"""Who may not log in without TLS."""


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


HOMES: list[Home] = []


@pytest.fixture(autouse=True)
def nobody_stays() -> Iterator[None]:
    """No connection outlives its test, and none leaves a timer behind."""
    yield
    while HOMES:
        home = HOMES.pop()
        for player in home.players:
            player.hang_up()
        assert 0 == home.listener.connections
        assert [] == home.clock.getDelayedCalls()


class Home(ABC):
    """
    All but the listener.

    :param apop: whether clear text passwords are kept.
    :param domain: of login names without one.
    """

    listener: Listener

    def __init__(
        self,
        hostname: str,
        *,
        apop: bool = False,
        clock: Clock | None = None,
        domain: str | None = None,
        tombstones: int = TOMBSTONES,
    ) -> None:
        self.players: list[Player] = []
        self.clock = Clock() if clock is None else clock
        self.now = NOW
        self.observer = Observer()
        self.mail = MemoryMailStore(now=lambda: self.now, tombstones=tombstones)
        self.directory = Directory(self.mail)
        checkers = [PasswordChecker(self.directory), VerifiedChecker(self.directory)]
        self.login = Login(
            Portal(AccountRealm(self.directory, domain=domain), checkers),
            clock=self.clock,
            hostname=hostname,
            random=counting,
            secrets=self.directory,
            passwords=ClearTextPasswords(PASSWORDS) if apop else None,
            plaintext=Peers((PEER,)),
            domain=domain,
            observer=self.observer,
        )

    @abstractmethod
    def logged_in(self) -> Player:
        """Alice, behind her login."""

    def player(self, peer: str = PEER) -> Player:
        """Somebody who has just connected."""
        if not self.players:
            HOMES.append(self)
        self.players.append(Player(self.listener, self.clock, peer=peer))
        return self.players[-1]

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


def with_tls(house: Callable[..., H], **settings: Any) -> H:
    """One with certificates."""
    clock = Clock()
    return house(clock=clock, certificates=certificates(clock), **settings)


def result(coroutine: Any) -> Any:
    """What a coroutine that does not wait returns."""
    ended: list[Any] = []
    running = start(coroutine).addCallback(ended.append)
    assert running.called
    [value] = ended
    return value
