"""
``pymta account``: who has mailboxes.
"""

from __future__ import annotations

import getpass
import re
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable
from typing import Any

from pymta.address import Address
from pymta.cli.errors import DONE, NOT_DONE, Usage
from pymta.cli.output import Listing, complain, say, say_json
from pymta.cli.store import Place, between, on_store, people_of
from pymta.components.people import People
from pymta.components.stores import Stores
from pymta.errors import AddressError, NoSuchAccount
from pymta.interfaces.accounts import IAccountAdministration
from pymta.interfaces.mailbox import IQuotaRootStore
from pymta.mailbox import ACCOUNT_ROOT, Resource

__all__ = ["add", "list_all", "passwd", "password_of", "quota", "remove", "size_of"]

PAGE = 1000
NO_LIMIT = "none"

_RESOURCES = {
    Resource.STORAGE: "octets",
    Resource.MESSAGE: "messages",
    Resource.MAILBOX: "mailboxes",
}

_SIZE = re.compile(r"([0-9]{1,12})([KMGT]?)")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

Work = Callable[[IAccountAdministration], Awaitable[int]]


def add(arguments: Namespace) -> int:
    """
    Make an account; the store is made, too, if it is not there.

    :raises Usage: it has no address.
    """
    try:
        Address.parse(arguments.address)
    except AddressError as error:
        raise Usage(f"{arguments.address}: {error}") from None
    password = password_of(arguments)

    async def work(accounts: IAccountAdministration) -> int:
        await accounts.add(arguments.address, password)
        return DONE

    return _on_accounts(arguments, work, make=lambda place: None)


def passwd(arguments: Namespace) -> int:
    """Set an account's password."""
    password = password_of(arguments)

    async def work(accounts: IAccountAdministration) -> int:
        await accounts.set_password(arguments.address, password)
        return DONE

    return _on_accounts(arguments, work)


def remove(arguments: Namespace) -> int:
    """Remove an account with its mailboxes."""

    async def work(accounts: IAccountAdministration) -> int:
        await accounts.remove(arguments.address)
        return DONE

    return _on_accounts(arguments, work)


def list_all(arguments: Namespace) -> int:
    """Write all names, sorted."""

    async def work(accounts: IAccountAdministration) -> int:
        with Listing(as_json=arguments.json) as listing:
            page = await accounts.accounts(None, PAGE)
            while page:
                for name in page:
                    listing.add(name, name)
                page = await accounts.accounts(page[-1], PAGE)
        return DONE

    return _on_accounts(arguments, work)


def quota(arguments: Namespace) -> int:
    """How much an account's mailboxes may hold; without figures, how it is."""
    if arguments.size is None:
        if arguments.messages is not None or arguments.mailboxes is not None:
            # All limits are set at once, and octets by far the most often.
            raise Usage(f'a size is missing, as in "500M", or "{NO_LIMIT}"')
        return _on_quota(arguments, lambda store: _show(store, as_json=arguments.json))
    asked = {
        Resource.STORAGE: size_of(arguments.size),
        Resource.MESSAGE: _number("--messages", arguments.messages),
        Resource.MAILBOX: _number("--mailboxes", arguments.mailboxes),
    }
    limits = {resource: limit for resource, limit in asked.items() if limit is not None}

    async def limit(store: IQuotaRootStore) -> None:
        await store.set_limits(ACCOUNT_ROOT, limits)

    return _on_quota(arguments, limit)


def _on_quota(arguments: Namespace, do: Callable[[IQuotaRootStore], Awaitable[None]]) -> int:
    async def work(people: People) -> int:
        account = await people.directory.open(arguments.address)
        if not IQuotaRootStore.providedBy(account.mailboxes):
            complain("these mailboxes have no limits")
            return NOT_DONE
        await do(account.mailboxes)
        return DONE

    return _on_people(arguments, work)


async def _show(store: IQuotaRootStore, *, as_json: bool) -> None:
    root = await store.quota(ACCOUNT_ROOT)
    if as_json:
        say_json(
            {
                name: {"used": root.usage.get(resource, 0), "limit": root.limits.get(resource)}
                for resource, name in _RESOURCES.items()
            }
        )
        return
    for resource, name in _RESOURCES.items():
        limit = root.limits.get(resource)
        most = "no limit" if limit is None else f"limit {limit}"
        say(f"{name:<10}{root.usage.get(resource, 0)} ({most})")


def _number(option: str, number: int | None) -> int | None:
    if number is not None and number < 0:
        raise Usage(f"{option}: a number below 0")
    return number


def size_of(text: str) -> int | None:
    """
    ``500M``, ``2G``: octets, in powers of 1,024; ``none`` is no limit.

    :raises Usage: it is neither.
    """
    if text == NO_LIMIT:
        return None
    found = _SIZE.fullmatch(text)
    if found is None:
        raise Usage(f'{text}: no size; "500M", "2G" or "{NO_LIMIT}"')
    return int(found[1]) * _UNITS[found[2]]


def password_of(arguments: Namespace) -> str:
    """
    As given; else asked for, twice, of a person; else the first line of standard input.

    :raises Usage: there is none, or the two differ.
    """
    if arguments.password is not None:
        password = str(arguments.password)
    elif sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            raise Usage("the passwords differ")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise Usage("a password is missing")
    return password


def _on_accounts(
    arguments: Namespace, work: Work, *, make: Callable[[Place], None] = Place.check
) -> int:
    async def on_people(people: People) -> int:
        assert people.administration is not None
        return await work(people.administration)

    return _on_people(arguments, on_people, make=make)


def _on_people(
    arguments: Namespace,
    work: Callable[[People], Awaitable[int]],
    *,
    make: Callable[[Place], None] = Place.check,
) -> int:
    async def on_open(stores: Stores, place: Place, reactor: Any) -> int:
        people = people_of(stores, place, reactor)
        try:
            return await between(people.parts, lambda: work(people))
        except NoSuchAccount as error:
            complain(f"there is no account {error}")
        except ValueError as error:
            complain(str(error))
        return NOT_DONE

    return on_store(arguments, on_open, make=make)
