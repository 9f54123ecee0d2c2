"""
Who has mailboxes here, and how they log in: kept accounts, an application's own checkers, or
accounts that spring into being.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.portal import Portal
from twisted.internet.interfaces import IReactorFromThreads

from pymta.accounts.accounts import Accounts
from pymta.accounts.cred import AccountRealm, portal_for
from pymta.accounts.passwords import Cost, Passwords
from pymta.accounts.springing import Springing
from pymta.address import Address
from pymta.aio import Pool
from pymta.components.parts import Job, Part
from pymta.components.stores import Stores
from pymta.interfaces.accounts import (
    IAccountAdministration,
    IAccountDirectory,
    ISCRAMSecrets,
)

__all__ = ["Ground", "MakePeople", "People", "checked_by", "kept", "springing"]

# Two check 40 passwords a second at the default cost, and leave a core to the reactor.
_THREADS = 2
_WAITING = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """
    What people stand on.

    :param domain: of login names without ``@``.
    :param senders: whether an account may send as an address that is none of its own.
    """

    reactor: IReactorFromThreads
    stores: Stores
    random: Callable[[int], bytes]
    domain: str | None
    separator: str
    senders: Callable[[str, Address], Awaitable[bool]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """
    :param portal: its realm opens the accounts of ``directory``.
    :param administration: makes and removes accounts; None where they are not kept.
    :param ensure: makes an account if it is not there; None likewise.
    :param secrets: for SCRAM; None where passwords are only checked.
    """

    directory: IAccountDirectory
    portal: Portal
    administration: IAccountAdministration | None = None
    ensure: Callable[[str], Awaitable[None]] | None = None
    secrets: ISCRAMSecrets | None = None
    parts: tuple[Part, ...] = ()


MakePeople: TypeAlias = Callable[[Ground], People]


def kept(cost: Cost | None = None) -> MakePeople:
    """Accounts with passwords, in the stores.  :param cost: of a guess."""

    def make(ground: Ground) -> People:
        pool = _pool(ground)
        accounts = _accounts(ground, pool, cost)
        return People(
            directory=accounts,
            portal=portal_for(accounts, domain=ground.domain),
            administration=accounts,
            ensure=accounts.ensure,
            secrets=accounts,
            parts=_parts(pool, accounts),
        )

    return make


def checked_by(checkers: Iterable[ICredentialsChecker]) -> MakePeople:
    """
    Kept accounts, whose logins an application checks.

    Checkers of ``IUsernamePassword`` make PLAIN, LOGIN and USER possible, and nothing else.
    """
    ours = tuple(checkers)

    def make(ground: Ground) -> People:
        pool = _pool(ground)
        accounts = _accounts(ground, pool, None)
        realm = AccountRealm(accounts, domain=ground.domain)
        return People(
            directory=accounts,
            portal=Portal(realm, ours),
            administration=accounts,
            ensure=accounts.ensure,
            parts=_parts(pool, accounts),
        )

    return make


def springing(domains: Iterable[str] | None = None) -> MakePeople:
    """
    Every address is an account, any password is right: for tests and demos.

    :param domains: in which; None for all there are.
    """
    where = None if domains is None else tuple(domains)

    def make(ground: Ground) -> People:
        people = Springing(ground.stores.mail, domains=where, separator=ground.separator)
        return People(directory=people, portal=portal_for(people, domain=ground.domain))

    return make


def _pool(ground: Ground) -> Pool:
    return Pool(ground.reactor, threads=_THREADS, limit=_WAITING, name="pymta-passwords")


def _accounts(ground: Ground, pool: Pool, cost: Cost | None) -> Accounts:
    return Accounts(
        ground.stores.records,
        ground.stores.mail,
        passwords=Passwords(random=ground.random, pool=pool, cost=cost),
        random=ground.random,
        separator=ground.separator,
        senders=ground.senders,
    )


def _parts(pool: Pool, accounts: Accounts) -> tuple[Part, ...]:
    async def begin() -> None:
        pool.start()

    return Job(begin, pool.stop), Job(accounts.start)
