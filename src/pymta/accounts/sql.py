"""
Accounts in the database.

Accounts change rarely: a batch does each change by itself, in one or two statements.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    select,
    union_all,
    update,
)
from sqlalchemy.engine import Row

from pymta.accounts.accounts import Accounts, MailStore
from pymta.accounts.passwords import Kept, Passwords
from pymta.accounts.records import Record, domain_of
from pymta.address import Address
from pymta.aio import Shared, sleep
from pymta.database import Database
from pymta.database.tables import METADATA
from pymta.errors import NoSuchAccount

__all__ = ["SQLRecords", "sql_accounts"]

accounts = Table(
    "pymta_accounts",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("domain", Text, nullable=False),
    Column("password", Text, nullable=False),
    Column("scram_sha_256", Text),
    Column("scram_sha_1", Text),
    Column("disabled", SmallInteger, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
)

others = Table(
    "pymta_account_addresses",
    METADATA,
    Column("address", Text, primary_key=True),
    Column("domain", Text, nullable=False),
    Column("account", Text, nullable=False),
)

account_keys = Table(
    "pymta_account_keys",
    METADATA,
    Column("purpose", Text, primary_key=True),
    Column("key", LargeBinary, nullable=False),
)

_OWNER = union_all(
    select(accounts.c.name).where(
        accounts.c.name == bindparam("address"), accounts.c.disabled == 0
    ),
    select(accounts.c.name)
    .join(others, others.c.account == accounts.c.name)
    .where(others.c.address == bindparam("address"), accounts.c.disabled == 0),
)
_DOMAIN = union_all(
    select(accounts.c.domain).where(accounts.c.domain == bindparam("domain")),
    select(others.c.domain).where(others.c.domain == bindparam("domain")),
).limit(1)

_DECOY = "decoy"

# Microseconds for which it is remembered that an address is somebody's, or that a domain has
# accounts: each message asks three times.  An account that another process removes may get mail
# for so long.
_REMEMBERED = 1_000_000
# And that a domain has none: the first account that another process makes there has to wait.
_NOT_YET = 100_000
_MOST_REMEMBERED = 10_000
# Seconds: that, and for a delivery that has just asked.
_GONE = 1.5

_Step = Callable[[Connection], Any]

T = TypeVar("T")


def sql_accounts(
    database: Database,
    mail: MailStore,
    *,
    passwords: Passwords,
    random: Callable[[int], bytes],
    separator: str = "+",
    senders: Callable[[str, Address], Awaitable[bool]] | None = None,
) -> Accounts:
    """
    :class:`~pymta.accounts.accounts.Accounts` in the database.

    :param database: opened, before ``start``, and closed by whoever made it.
    """
    return Accounts(
        SQLRecords(database),
        mail,
        passwords=passwords,
        random=random,
        separator=separator,
        senders=senders,
    )


class _Memory(Generic[T]):
    """
    Answers of a moment ago, not very many.

    :param absent: microseconds for which an answer is remembered that says that nothing is there.
    """

    def __init__(self, now: Callable[[], int], *, absent: int) -> None:
        self._now = now
        self._absent = absent
        self._finding: dict[str, Shared[T]] = {}
        self.known: dict[str, tuple[T, int]] = {}

    async def get(self, key: str, find: Callable[[str], Awaitable[T]]) -> T:
        answer = self.known.get(key)
        if answer is not None and 0 <= self._now() - answer[1] < self._lasts(answer[0]):
            return answer[0]
        finding = self._finding.get(key)
        if finding is None:
            # When an answer has become old, all who deliver there ask together.
            finding = Shared(self._find(key, find))
            if not finding.ended:
                self._finding[key] = finding
        return await finding.wait()

    async def _find(self, key: str, find: Callable[[str], Awaitable[T]]) -> T:
        finding, now = self._finding, self._now()
        try:
            found = await find(key)
        finally:
            finding.pop(key, None)
        # What was read while something was written may be what was before.
        if finding is self._finding and self._lasts(found):
            if len(self.known) >= _MOST_REMEMBERED:
                self.known.clear()
            self.known[key] = found, now
        return found

    def _lasts(self, answer: T) -> int:
        return _REMEMBERED if answer else self._absent

    def forget(self) -> None:
        """Something was written here."""
        self._finding = {}
        self.known.clear()


class SQLRecords:
    """:class:`~pymta.accounts.records.Records`, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._owners: _Memory[str | None] = _Memory(database.now, absent=0)
        self._domains: _Memory[bool] = _Memory(database.now, absent=_NOT_YET)

    # -- looking -----------------------------------------------------------------

    async def get(self, name: str) -> Record | None:
        found = select(accounts).where(accounts.c.name == name)
        return await self._database.read(lambda c: _record(c.execute(found).one_or_none()))

    async def owner(self, address: str) -> str | None:
        return await self._owners.get(address, self._find_owner)

    async def _find_owner(self, address: str) -> str | None:
        def find(connection: Connection) -> str | None:
            name: str | None = connection.execute(_OWNER, {"address": address}).scalar()
            return name

        return await self._database.read(find)

    async def taken(self, address: str) -> bool:
        return await self._database.read(lambda c: _is_taken(c, address))

    async def has_domain(self, domain: str) -> bool:
        return await self._domains.get(domain, self._find_domain)

    async def _find_domain(self, domain: str) -> bool:
        asked = {"domain": domain}
        return await self._database.read(lambda c: c.execute(_DOMAIN, asked).first() is not None)

    async def names(self, after: str, limit: int) -> Sequence[str]:
        page = (
            select(accounts.c.name)
            .where(accounts.c.name > after)
            .order_by(accounts.c.name)
            .limit(limit)
        )
        return await self._database.read(lambda c: list(c.execute(page).scalars()))

    async def addresses(self, name: str) -> Sequence[str]:
        of_it = select(others.c.address).where(others.c.account == name)

        def find(connection: Connection) -> Sequence[str]:
            _there(connection, name)
            return list(connection.execute(of_it.order_by(others.c.address)).scalars())

        return await self._database.read(find)

    # -- changing ------------------------------------------------------------------

    async def key(self, fresh: bytes) -> bytes:
        kept = select(account_keys.c.key).where(account_keys.c.purpose == _DECOY)

        def find_or_keep(connection: Connection) -> bytes:
            found: bytes | None = connection.execute(kept).scalar()
            if found is None:
                connection.execute(insert(account_keys).values(purpose=_DECOY, key=fresh))
            return found or fresh

        key = await self._write(find_or_keep)
        assert isinstance(key, bytes)
        return key

    async def add(self, record: Record) -> None:
        now = self._database.now()
        row = insert(accounts).values(
            name=record.name,
            domain=domain_of(record.name),
            disabled=int(record.disabled),
            made=now,
            changed=now,
            **_columns(record.kept),
        )

        def put(connection: Connection) -> None:
            _check_free(connection, record.name)
            connection.execute(row)

        await self._write(put)

    async def set_password(self, name: str, kept: Kept, was: str | None = None) -> None:
        change = update(accounts).where(accounts.c.name == name)
        if was is not None:
            change = change.where(accounts.c.password == was)
        await self._change(name, change.values(changed=self._database.now(), **_columns(kept)))

    async def set_disabled(self, name: str, *, disabled: bool) -> None:
        change = update(accounts).where(accounts.c.name == name)
        await self._change(
            name, change.values(changed=self._database.now(), disabled=int(disabled))
        )

    async def unremembered(self) -> None:
        await sleep(self._database.clock, _GONE)

    async def remove(self, name: str) -> None:
        await self._change(
            name,
            delete(others).where(others.c.account == name),
            delete(accounts).where(accounts.c.name == name),
        )

    async def add_address(self, address: str, name: str) -> None:
        row = insert(others).values(address=address, domain=domain_of(address), account=name)

        def put(connection: Connection) -> None:
            _there(connection, name)
            _check_free(connection, address)
            connection.execute(row)

        await self._write(put)

    async def remove_address(self, address: str) -> None:
        gone = delete(others).where(others.c.address == address)
        await self._write(lambda c: c.execute(gone) and None)

    async def _change(self, name: str, *changes: Any) -> None:
        def change(connection: Connection) -> None:
            _there(connection, name)
            for each in changes:
                connection.execute(each)

        await self._write(change)

    async def _write(self, step: _Step) -> Any:
        try:
            return await self._database.write(_batch, step)
        finally:
            self._owners.forget()
            self._domains.forget()


def _batch(connection: Connection, steps: Sequence[_Step]) -> Sequence[Any]:
    """Each step looks before it writes: one that says no has changed nothing."""
    results: list[Any] = []
    for step in steps:
        try:
            results.append(step(connection))
        except (NoSuchAccount, ValueError) as no:
            results.append(no)
    return results


def _there(connection: Connection, name: str) -> None:
    if connection.execute(select(accounts.c.name).where(accounts.c.name == name)).first() is None:
        raise NoSuchAccount(name)


def _is_taken(connection: Connection, address: str) -> bool:
    taken = union_all(
        select(accounts.c.name).where(accounts.c.name == address),
        select(others.c.address).where(others.c.address == address),
    )
    return connection.execute(taken).first() is not None


def _check_free(connection: Connection, address: str) -> None:
    if _is_taken(connection, address):
        raise ValueError(f"an account has this address already: {address}")


def _columns(kept: Kept) -> dict[str, str | None]:
    return {
        "password": kept.argon2,
        "scram_sha_256": kept.scram.get("SHA-256"),
        "scram_sha_1": kept.scram.get("SHA-1"),
    }


def _record(row: Row[Any] | None) -> Record | None:
    if row is None:
        return None
    scram = {"SHA-256": row.scram_sha_256, "SHA-1": row.scram_sha_1}
    return Record(
        name=row.name,
        kept=Kept(
            argon2=row.password,
            scram={hash_name: text for hash_name, text in scram.items() if text is not None},
        ),
        disabled=bool(row.disabled),
    )
