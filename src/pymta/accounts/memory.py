"""
Accounts in this process's memory.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from pymta.accounts.accounts import Accounts, MailStore
from pymta.accounts.passwords import Kept, Passwords
from pymta.accounts.records import Record, domain_of
from pymta.address import Address
from pymta.errors import NoSuchAccount

__all__ = ["MemoryRecords", "memory_accounts"]


def memory_accounts(
    mail: MailStore,
    *,
    passwords: Passwords,
    random: Callable[[int], bytes],
    separator: str = "+",
    senders: Callable[[str, Address], Awaitable[bool]] | None = None,
) -> Accounts:
    """:class:`~pymta.accounts.accounts.Accounts` that are gone with the process."""
    return Accounts(
        MemoryRecords(),
        mail,
        passwords=passwords,
        random=random,
        separator=separator,
        senders=senders,
    )


class MemoryRecords:
    """:class:`~pymta.accounts.records.Records`, as dictionaries."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._others: dict[str, str] = {}
        self._domains: Counter[str] = Counter()
        self._key: bytes | None = None

    async def key(self, fresh: bytes) -> bytes:
        self._key = self._key or fresh
        return self._key

    async def get(self, name: str) -> Record | None:
        return self._records.get(name)

    async def owner(self, address: str) -> str | None:
        record = self._records.get(self._others.get(address, address))
        return None if record is None or record.disabled else record.name

    async def taken(self, address: str) -> bool:
        return address in self._records or address in self._others

    async def has_domain(self, domain: str) -> bool:
        return self._domains[domain] > 0

    async def names(self, after: str, limit: int) -> Sequence[str]:
        names = sorted(self._records)
        start = bisect.bisect_right(names, after)
        return names[start : start + limit]

    async def add(self, record: Record) -> None:
        self._check_free(record.name)
        self._records[record.name] = record
        self._domains[domain_of(record.name)] += 1

    async def set_password(self, name: str, kept: Kept, was: str | None = None) -> None:
        record = self._there(name)
        if was is None or record.kept.argon2 == was:
            self._records[name] = replace(record, kept=kept)

    async def set_disabled(self, name: str, *, disabled: bool) -> None:
        self._records[name] = replace(self._there(name), disabled=disabled)

    async def unremembered(self) -> None:
        pass  # one process has it all

    async def remove(self, name: str) -> None:
        for address in await self.addresses(name):
            await self.remove_address(address)
        del self._records[name]
        self._domains[domain_of(name)] -= 1

    async def addresses(self, name: str) -> Sequence[str]:
        self._there(name)
        return sorted(a for a, account in self._others.items() if account == name)

    async def add_address(self, address: str, name: str) -> None:
        self._there(name)
        self._check_free(address)
        self._others[address] = name
        self._domains[domain_of(address)] += 1

    async def remove_address(self, address: str) -> None:
        if self._others.pop(address, None) is not None:
            self._domains[domain_of(address)] -= 1

    def _there(self, name: str) -> Record:
        try:
            return self._records[name]
        except KeyError:
            raise NoSuchAccount(name) from None

    def _check_free(self, address: str) -> None:
        if address in self._records or address in self._others:
            raise ValueError(f"an account has this address already: {address}")
