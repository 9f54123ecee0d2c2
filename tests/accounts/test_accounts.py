"""
Accounts in memory and in the database: the contract, and what is ours.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pymta.accounts.accounts import Accounts
from pymta.accounts.memory import MemoryRecords, memory_accounts
from pymta.accounts.passwords import CHEAPEST, Cost, Passwords
from pymta.accounts.records import Records
from pymta.accounts.sql import SQLRecords, sql_accounts
from pymta.address import Address
from pymta.aio import Pool, Shared, deferred, gather, start
from pymta.database import Database
from pymta.errors import NoSuchAccount, NoSuchMailbox, TooManyWaiting
from pymta.interfaces.accounts import (
    IAccountAdministration,
    IAccountDirectory,
    IMailAccount,
    ISCRAMSecrets,
)
from pymta.mailbox import MailboxName
from pymta.store.memory.mailboxes import MemoryMailStore
from pymta.testing.contracts.directory import AdministrationContract
from pymta.testing.contracts.provider_case import case

ALICE = "alice@example.test"
REACTOR: Any = reactor


class Seed:
    """Random octets: others each time, the same in each run."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, size: int) -> bytes:
        self.number += 1
        return self.number.to_bytes(size, "big")


class Reading:
    """A database, and how often it was read; what is found first is told behind the first write."""

    def __init__(self, database: Database) -> None:
        self.now = database.now
        self.reads = 0
        self._database = database
        self._found: Shared[None] = Shared()
        self._written: Shared[None] = Shared()

    async def read(self, query: Callable[[Any], Any]) -> Any:
        self.reads += 1
        found = await self._database.read(query)
        self._found.succeed(None)
        await self._written.wait()
        return found

    async def write(self, batch: Any, entry: Any) -> Any:
        await self._found.wait()
        result = await self._database.write(batch, entry)
        self._written.succeed(None)
        return result


class Ours(AdministrationContract):
    """What accounts do beyond the contract, wherever they are kept."""

    mail: MemoryMailStore

    def passwords(self, cost: Cost = CHEAPEST) -> Passwords:
        return Passwords(random=Seed(), pool=None, cost=cost)

    def records(self) -> Records:
        raise NotImplementedError

    def accounts(self, cost: Cost = CHEAPEST, **options: Any) -> Accounts:
        """Others, of the same records and the same mail."""
        return Accounts(
            self.records(), self.mail, passwords=self.passwords(cost), random=Seed(), **options
        )

    async def filled(self, accounts: Accounts) -> Accounts:
        await accounts.start()
        await accounts.add(ALICE, "alice's")
        await accounts.add("bob@example.test", "bob's")
        return accounts

    def ours(self, directory: IAccountDirectory) -> Accounts:
        assert isinstance(directory, Accounts)
        return directory

    @case
    async def test_provides_secrets(self, directory: IAccountDirectory) -> None:
        """It has what SCRAM asks."""
        assert verifyObject(ISCRAMSecrets, directory)

    @pytest.mark.parametrize(
        ("username", "password", "right"),
        [
            pytest.param("alice@example.test", "alice's", True, id="right"),
            pytest.param("ALICE@EXAMPLE.test", "alice's", True, id="name in another case"),
            pytest.param("alice@example.test", "Alice's", False, id="password in another case"),
            pytest.param("alice@example.test", "bob's", False, id="another's"),
            pytest.param("alice@example.test", "", False, id="empty"),
            pytest.param("alice@example.test", "alice's ", False, id="and a space"),
            pytest.param("alice@example.test", "alice's\0", False, id="and a NUL"),
            pytest.param("alice@example.test", "\x07", False, id="a control character"),
            pytest.param("alice@example.test", "x" * 100_000, False, id="long"),
            pytest.param("alice", "alice's", False, id="no domain"),
            pytest.param("carol@example.test", "alice's", False, id="nobody"),
            pytest.param("", "", False, id="nothing"),
        ],
    )
    @case
    async def test_check_password(
        self, directory: IAccountDirectory, username: str, password: str, right: bool
    ) -> None:
        """The account's name, or nothing."""
        found = await self.ours(directory).check_password(username, password)

        assert (ALICE if right else None) == found

    @case
    async def test_set_password(self, directory: IAccountDirectory) -> None:
        """The new one is right, the old one is not, for SCRAM either."""
        accounts = self.ours(directory)
        before = await accounts.scram_secret(ALICE, "SHA-256")
        await accounts.set_password("Alice@example.test", "another")

        assert ALICE == await accounts.check_password(ALICE, "another")
        assert None is await accounts.check_password(ALICE, "alice's")
        assert before != await accounts.scram_secret(ALICE, "SHA-256")

    @pytest.mark.parametrize(
        "password",
        [
            pytest.param("", id="empty"),
            pytest.param("a\0b", id="NUL"),
            pytest.param("a\nb", id="newline"),
            pytest.param("x" * 1025, id="too long"),
            pytest.param("\u00e9" * 513, id="too long as it is sent"),
            pytest.param("\udc80", id="no text"),
        ],
    )
    @case
    async def test_no_password(self, directory: IAccountDirectory, password: str) -> None:
        """With some passwords nobody could log in: they are refused, and nothing changes."""
        accounts = self.ours(directory)
        with pytest.raises(ValueError):
            await accounts.add("carol@example.test", password)
        with pytest.raises(ValueError):
            await accounts.set_password(ALICE, password)

        assert None is await accounts.find(Address.parse("carol@example.test"))
        assert ALICE == await accounts.check_password(ALICE, "alice's")

    @case
    async def test_a_password_that_scram_cannot_use(self, directory: IAccountDirectory) -> None:
        """An emoji is newer than SASLprep: PLAIN takes it, SCRAM has no secret."""
        accounts = self.ours(directory)
        await accounts.set_password(ALICE, "\U0001f511")

        assert ALICE == await accounts.check_password(ALICE, "\U0001f511")
        assert None is await accounts.scram_secret(ALICE, "SHA-256")

    @case
    async def test_disabled(self, directory: IAccountDirectory) -> None:
        """No mail, no login, no secret, until it is enabled; it keeps its name and password."""
        accounts = self.ours(directory)
        await accounts.disable("ALICE@example.test")

        assert None is await accounts.find(Address.parse(ALICE))
        assert None is await accounts.check_password(ALICE, "alice's")
        assert None is await accounts.check_identity(ALICE)
        assert None is await accounts.scram_secret(ALICE, "SHA-256")
        assert ALICE in await accounts.accounts()
        with pytest.raises(NoSuchAccount):
            await accounts.open(ALICE)
        with pytest.raises(ValueError):
            await accounts.add(ALICE, "password")
        await accounts.enable(ALICE)
        assert ALICE == await accounts.check_password(ALICE, "alice's")
        assert ALICE == await accounts.check_identity("Alice@example.test")

    @case
    async def test_addresses(self, directory: IAccountDirectory) -> None:
        """An account may have several addresses, in other domains too; each is one account's."""
        accounts = self.ours(directory)
        await accounts.add_address(ALICE, "Info@Other.test")
        await accounts.add_address(ALICE, "al@example.test")

        assert ALICE == await accounts.find(Address.parse("INFO@other.test"))
        assert await accounts.has_domain("other.test")
        assert ["al@example.test", "info@other.test"] == list(await accounts.addresses(ALICE))
        account = await accounts.open(ALICE)
        assert await account.owns(Address.parse("info+x@other.test"))
        assert not await account.owns(Address.parse("sales@other.test"))
        assert None is await accounts.check_password("info@other.test", "alice's")
        for taken in ("info@other.test", "bob@example.test", ALICE):
            with pytest.raises(ValueError):
                await accounts.add_address("bob@example.test", taken)
        with pytest.raises(ValueError):
            await accounts.add("INFO@other.test", "password")
        with pytest.raises(NoSuchAccount):
            await accounts.add_address("carol@example.test", "c@example.test")
        with pytest.raises(NoSuchAccount):
            await accounts.addresses("carol@example.test")

    @case
    async def test_addresses_go(self, directory: IAccountDirectory) -> None:
        """With the account, or one by one; disabled, they are nobody's for a while."""
        accounts = self.ours(directory)
        for text in ("a@other.test", "b@other.test"):
            await accounts.add_address(ALICE, text)
        await accounts.remove_address("A@other.test")
        await accounts.remove_address("a@other.test")
        assert None is await accounts.find(Address.parse("a@other.test"))
        await accounts.disable(ALICE)
        assert None is await accounts.find(Address.parse("b@other.test"))
        await accounts.remove(ALICE)

        assert not await accounts.has_domain("other.test")
        await accounts.add("b@other.test", "password")

    @case
    async def test_remove_takes_the_mail(self, directory: IAccountDirectory) -> None:
        """Whoever gets the name next does not get the mail."""
        accounts = self.ours(directory)
        account = await accounts.open(ALICE)
        await account.mailboxes.create(MailboxName("Private"))
        await accounts.remove(ALICE)
        await accounts.add(ALICE, "password")
        account = await accounts.open(ALICE)

        with pytest.raises(NoSuchMailbox):
            await account.mailboxes.open(MailboxName("Private"))

    @case
    async def test_a_crash_between_removal_steps(self, directory: IAccountDirectory) -> None:
        """Wherever it ends, nobody can take the name over its mail; it can be done again."""
        accounts = self.ours(directory)
        inner = self.mail.remove

        async def crash(account: str) -> None:
            raise OSError("crash")

        self.mail.remove = crash  # type: ignore[method-assign]  # to fail
        with pytest.raises(OSError, match="crash"):
            await accounts.remove(ALICE)
        assert None is await accounts.find(Address.parse(ALICE))
        with pytest.raises(ValueError):
            await accounts.add(ALICE, "password")
        self.mail.remove = inner  # type: ignore[method-assign]  # works again
        await accounts.remove(ALICE)
        await accounts.add(ALICE, "password")

    @case
    async def test_another_cost(self, directory: IAccountDirectory) -> None:
        """A hash of another cost is replaced when its password is known: at a login."""
        dearer = self.accounts(Cost(passes=2, memory=16, lanes=1, iterations=5000))
        await dearer.start()
        assert ALICE == await dearer.check_password(ALICE, "alice's")

        kept = await self.records().get(ALICE)
        assert kept is not None
        assert kept.kept.argon2.startswith("$argon2id$v=19$m=16,t=2,p=1$")
        secret = await dearer.scram_secret(ALICE, "SHA-1")
        assert secret is not None
        assert 5000 == secret.iterations
        assert ALICE == await dearer.check_password(ALICE, "alice's")
        bob = await self.records().get("bob@example.test")
        assert bob is not None
        assert bob.kept.argon2.startswith("$argon2id$v=19$m=8,t=1,p=1$")

    @case
    async def test_a_password_changed_meanwhile_stays(self, directory: IAccountDirectory) -> None:
        """A new hash of the old password never takes the place of a new password."""
        records = self.records()
        before = await records.get(ALICE)
        assert before is not None
        await self.ours(directory).set_password(ALICE, "new")
        old = await self.passwords().keep("alice's")
        await records.set_password(ALICE, old, was=before.kept.argon2)

        assert ALICE == await self.ours(directory).check_password(ALICE, "new")

    @case
    async def test_ensure(self, directory: IAccountDirectory) -> None:
        """The postmaster is made once; an address or a disabled account is there already."""
        accounts = self.ours(directory)
        await accounts.add_address(ALICE, "info@example.test")
        await accounts.disable("bob@example.test")
        for name in ("Postmaster@example.test", "postmaster@example.test", "info@example.test"):
            await accounts.ensure(name)
        await accounts.ensure("bob@example.test")
        await accounts.add_address("bob@example.test", "office@example.test")
        await accounts.ensure("office@example.test")

        expected = [ALICE, "bob@example.test", "postmaster@example.test"]
        assert expected == await accounts.accounts()
        assert None is await accounts.find(Address.parse("bob@example.test"))
        assert None is await accounts.check_password("postmaster@example.test", "")

    @case
    async def test_senders(self, directory: IAccountDirectory) -> None:
        """Others may know of more addresses that an account may send as."""

        async def senders(account: str, address: Address) -> bool:
            return (account, str(address)) == (ALICE, "team@example.test")

        account = await self.accounts(senders=senders).open(ALICE)

        assert await account.owns(Address.parse("team@example.test"))
        assert await account.owns(Address.parse("team+x@example.test"))
        assert not await account.owns(Address.parse("other@example.test"))

    @case
    async def test_at_one_time(self, directory: IAccountDirectory) -> None:
        """Of many that make one account at one time, one does."""
        accounts = self.ours(directory)

        async def add(number: int) -> bool:
            try:
                await accounts.add("carol@example.test", f"password {number}")
            except ValueError:
                return False
            return True

        assert 1 == sum(await gather([deferred(add(n)) for n in range(10)]))

    @case
    async def test_a_name_that_grows_too_long(self, directory: IAccountDirectory) -> None:
        """A name that is no address in the case in which it is kept is refused: nobody finds it."""
        accounts = self.ours(directory)
        with pytest.raises(ValueError):
            await accounts.add("\u0149" * 32 + "@example.test", "password")

        assert [ALICE, "bob@example.test"] == await accounts.accounts()

    @case
    async def test_ensured_at_one_time(self, directory: IAccountDirectory) -> None:
        """Servers that begin together on one store make one postmaster, and none of them fails."""
        accounts = self.ours(directory)
        await gather([deferred(accounts.ensure("postmaster@example.test")) for _ in range(5)])

        assert "postmaster@example.test" in await accounts.accounts()


class TestMemory(Ours):
    """In memory."""

    async def make(self) -> IAccountDirectory:
        self.mail = MemoryMailStore()
        self.kept = MemoryRecords()
        return await self.filled(self.accounts())

    def records(self) -> Records:
        return self.kept

    async def reopen(self, provider: IAccountDirectory) -> IAccountDirectory:
        """The same memory, asked again."""
        accounts = self.accounts()
        await accounts.start()
        return accounts


class TestSQL(Ours):
    """In the database."""

    empty: bytes | None = None

    async def make(self) -> IAccountDirectory:
        self.mail = MemoryMailStore()
        self.folder = tempfile.TemporaryDirectory()
        if TestSQL.empty is not None:  # migrating takes longer than most of these tests
            self.file().write_bytes(TestSQL.empty)
            await self.open()
        else:
            await self.open()
            await self.database.close()
            TestSQL.empty = self.file().read_bytes()
            await self.open()
        return await self.filled(self.accounts())

    def file(self) -> Path:
        return Path(self.folder.name, "pymta.db")

    async def open(self) -> None:
        self.database = Database(REACTOR, self.folder.name)
        await self.database.open()

    def records(self) -> Records:
        return SQLRecords(self.database)

    async def reopen(self, provider: IAccountDirectory) -> IAccountDirectory:
        """The file closed and opened; other randomness."""
        await self.database.close()
        await self.open()
        accounts = sql_accounts(
            self.database, self.mail, passwords=self.passwords(), random=lambda n: b"x" * n
        )
        await accounts.start()
        return accounts

    async def close(self, provider: IAccountDirectory) -> None:
        await self.database.close()
        self.folder.cleanup()

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> object:
        return start(test())

    @case
    async def test_another_process(self, directory: IAccountDirectory) -> None:
        """What a command adds is there at once, what it removes is gone within a second."""
        time = [1_700_000_000_000_000]
        ours = Database(REACTOR, self.folder.name, daemon=False, now=lambda: time[0])
        await ours.open()
        try:
            records = SQLRecords(ours)
            command = self.ours(directory)
            assert None is await records.owner("carol@example.test")
            await command.add("carol@example.test", "password")
            assert "carol@example.test" == await records.owner("carol@example.test")
            await command.remove("carol@example.test")
            time[0] += 1_000_000
            assert None is await records.owner("carol@example.test")
        finally:
            await ours.close()

    @case
    async def test_mail_goes_when_nobody_delivers(self, directory: IAccountDirectory) -> None:
        """
        Another process may remember whose an address is; when the mailboxes of an account are
        removed, it does no more: no delivery makes them again for whoever has the name next.
        """
        other = Database(REACTOR, self.folder.name, daemon=False)
        await other.open()
        inner, seen = self.mail.remove, []

        async def look(account: str) -> None:
            seen.append(await records.owner(account))
            await inner(account)

        self.mail.remove = look  # type: ignore[method-assign]  # to look
        try:
            records = SQLRecords(other)
            assert ALICE == await records.owner(ALICE)
            await self.ours(directory).remove(ALICE)
            assert [None] == seen
        finally:
            self.mail.remove = inner  # type: ignore[method-assign]  # as it was
            await other.close()

    @case
    async def test_domains_are_remembered(self, directory: IAccountDirectory) -> None:
        """What a command makes is there within a tenth of a second, what we make at once."""
        time = [1_700_000_000_000_000]
        ours = Database(REACTOR, self.folder.name, daemon=False, now=lambda: time[0])
        await ours.open()
        try:
            records = SQLRecords(ours)
            command = self.ours(directory)
            assert not await records.has_domain("new.test")
            await command.add("carol@new.test", "password")
            time[0] += 100_000
            assert await records.has_domain("new.test")
            assert not await records.has_domain("other.test")
            await records.add_address("dave@other.test", "carol@new.test")
            assert await records.has_domain("other.test")
            await command.remove("carol@new.test")
            time[0] += 1_000_000
            assert not await records.has_domain("new.test")
        finally:
            await ours.close()

    @case
    async def test_remembered_domains_are_few(self, directory: IAccountDirectory) -> None:
        """What is remembered is bounded."""
        records = SQLRecords(self.database)
        records._domains.known = {f"{n}.test": (False, 0) for n in range(10_000)}
        assert await records.has_domain("example.test")

        assert ["example.test"] == list(records._domains.known)

    @case
    async def test_who_asks_together_is_one_read(self, directory: IAccountDirectory) -> None:
        """Twenty who deliver to a domain at once; not whoever asks behind a change."""
        reading = Reading(self.database)
        records = SQLRecords(reading)  # type: ignore[arg-type]  # as far as it is asked here
        asked = [start(records.has_domain("new.test")) for _ in range(20)]
        assert 1 == reading.reads
        await records.add_address("dave@new.test", ALICE)
        assert await records.has_domain("new.test")
        assert [False] * 20 == await gather(asked)
        assert await records.has_domain("new.test")

        assert 2 == reading.reads

    @case
    async def test_remembered_owners_are_few(self, directory: IAccountDirectory) -> None:
        """What is remembered is bounded, and forgotten when anything changes here."""
        records = SQLRecords(self.database)
        records._owners.known = {f"x{n}@example.test": ("x", 0) for n in range(10_000)}
        assert ALICE == await records.owner(ALICE)
        assert [ALICE] == list(records._owners.known)
        await records.set_disabled(ALICE, disabled=True)

        assert None is await records.owner(ALICE)


class TestThreads(TestMemory):
    """With the passwords in threads, as in production."""

    async def make(self) -> IAccountDirectory:
        self.pool = Pool(REACTOR, threads=2, limit=20, name="passwords")
        self.pool.start()
        return await super().make()

    def passwords(self, cost: Cost = CHEAPEST) -> Passwords:
        return Passwords(random=Seed(), pool=self.pool, cost=cost)

    async def close(self, provider: IAccountDirectory) -> None:
        await self.pool.stop()

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> object:
        return start(test())

    @case
    async def test_too_many(self, directory: IAccountDirectory) -> None:
        """A flood is turned away at once, and what was let in is answered."""
        accounts = self.ours(directory)
        await accounts.check_password("nobody@example.test", "x")  # the dummy is made by this

        async def check(number: int) -> str | None:
            name = ALICE if number % 2 else "nobody@example.test"
            try:
                return await accounts.check_password(name, "alice's")
            except TooManyWaiting:
                return "later"

        answers = await gather([deferred(check(n)) for n in range(60)])
        assert {ALICE, None, "later"} == set(answers)
        assert 38 == answers.count("later")
        assert ALICE == await accounts.check_password(ALICE, "alice's")

    @case
    async def test_a_full_pool_is_nobodys_fault(self, directory: IAccountDirectory) -> None:
        """The dummy hash that could not be made is made with the next login."""
        full = [deferred(self.passwords().keep("x")) for _ in range(22)]
        with pytest.raises(TooManyWaiting):
            await self.ours(directory).check_password("nobody@example.test", "x")
        await gather(full)

        found = await self.ours(directory).check_password("nobody@example.test", "x")
        assert None is found


# -- the kit itself ---------------------------------------------------------------------


@implementer(IAccountDirectory, IAccountAdministration, IMailAccount)
class Mutant:
    """Accounts of which one method is another; an opened account of which ``owns`` is."""

    def __init__(self, inner: Any, **methods: Any) -> None:
        self._inner = inner
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        method = self._methods.get(name)
        if method is None:
            return getattr(self._inner, name)
        return lambda *args, **kwargs: method(self._inner, *args, **kwargs)


async def local_part_alone(inner: Any, address: Address) -> Any:
    return await inner.find(Address(address.local, "example.test"))


async def exact_case(inner: Any, address: Address) -> Any:
    found = await inner.find(address)
    return found if found == str(address) else None


async def strips_detail(inner: Any, address: Address) -> Any:
    return await inner.find(Address(address.local.partition("+")[0], address.domain))


async def every_domain(inner: Any, domain: str) -> bool:
    return True


async def opens_anybody(inner: Any, account: str) -> Any:
    return await inner.open(ALICE)


async def owns_everything(inner: Any, account: str) -> Any:
    async def yes(account: Any, address: Address) -> bool:
        return True

    return Mutant(await inner.open(account), owns=yes)


async def forgets(inner: Any, account: str) -> None: ...


async def unsorted(inner: Any, after: str | None = None, limit: int = 1000) -> Any:
    return list(reversed(await inner.accounts(after, limit)))


async def all_at_once(inner: Any, after: str | None = None, limit: int = 1000) -> Any:
    return await inner.accounts(after)


async def takes_anything(inner: Any, account: str, password: str) -> None:
    try:
        await inner.add(account, password)
    except ValueError:
        pass


ACCOUNT = {"text": "alice@example.org"}
MUTANTS = [
    ("find", local_part_alone, "test_find_nobody", ACCOUNT),
    ("find", exact_case, "test_find", {"text": "Alice@example.test"}),
    ("find", strips_detail, "test_find_nobody", {"text": "alice+detail@example.test"}),
    ("has_domain", every_domain, "test_domains", {}),
    ("open", opens_anybody, "test_open_nobody", {"name": "carol@example.test"}),
    ("open", owns_everything, "test_s25_owns", {"text": "bob@example.test", "owns": False}),
    ("remove", forgets, "test_remove", {}),
    ("remove", forgets, "test_change_nobody", {}),
    ("accounts", unsorted, "test_accounts", {}),
    ("accounts", all_at_once, "test_accounts", {}),
    ("add", takes_anything, "test_add_what_cannot_be", {"name": ALICE}),
]


@pytest.mark.parametrize(
    ("method", "broken", "test", "arguments"), MUTANTS, ids=[m[1].__name__ for m in MUTANTS]
)
def test_mutants_fail(method: str, broken: Any, test: str, arguments: dict[str, object]) -> None:
    """What is broken is found, and what is not passes the same test."""

    class Case(AdministrationContract):
        methods: dict[str, Any] = {}  # noqa: RUF012  of a test

        async def make(self) -> IAccountDirectory:
            passwords = Passwords(random=Seed(), pool=None, cost=CHEAPEST)
            inner = memory_accounts(MemoryMailStore(), passwords=passwords, random=Seed())
            await inner.start()
            await inner.add(ALICE, "alice's")
            await inner.add("bob@example.test", "bob's")
            return Mutant(inner, **self.methods)

    class Broken(Case):
        methods = {method: broken}  # noqa: RUF012  of a test

    getattr(Case(), test)(**arguments)
    with pytest.raises((Exception, pytest.fail.Exception)):
        getattr(Broken(), test)(**arguments)
