"""
The directory of accounts: its administration, and what deliveries and logins ask of it.

An account's name is its address, its local part in one case (:rfc:`5321#section-2.4` leaves that to
whoever owns the mailbox), its domain in A-labels.  It may have other addresses; sub-addresses
(``local+detail``), aliases and catch-alls are the router's affair.

An account's end: *there* -> *disabled* (no login, no mail) -> *mailboxes removed* -> *gone*.  A
crash between two of them leaves an account that is disabled, and can be removed again; never a
name that is free while somebody's mail is still under it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from zope.interface import implementer

from pymta.accounts.mail_account import MailAccount
from pymta.accounts.passwords import Passwords, from_rfc5803
from pymta.accounts.records import Record, Records, account_name
from pymta.address import Address
from pymta.edge.login_credentials import folded
from pymta.errors import AddressError, NoSuchAccount, TooManyWaiting
from pymta.interfaces.accounts import (
    IAccountAdministration,
    IAccountDirectory,
    IMailAccount,
    ISCRAMSecrets,
)
from pymta.interfaces.mailbox import IMailboxStore
from pymta.sasl import Decoy, SCRAMSecret

__all__ = ["Accounts", "MailStore"]


class MailStore(Protocol):
    """The mailboxes of all accounts."""

    def mailboxes(self, account: str) -> IMailboxStore:
        """Those of one; its INBOX exists as soon as anybody looks."""

    def remove(self, account: str) -> Awaitable[None]:
        """All of one account's mailboxes; nothing if there are none."""


@implementer(IAccountDirectory, IAccountAdministration, ISCRAMSecrets)
class Accounts:
    """
    :param random: so many octets, unpredictable.
    :param separator: between an address and its detail, for ``owns``; empty for none.
    :param senders: whether an account may send as an address that is none of its own.
    """

    def __init__(
        self,
        records: Records,
        mail: MailStore,
        *,
        passwords: Passwords,
        random: Callable[[int], bytes],
        separator: str = "+",
        senders: Callable[[str, Address], Awaitable[bool]] | None = None,
    ) -> None:
        self._records = records
        self._mail = mail
        self._passwords = passwords
        self._random = random
        self._separator = separator
        self._senders = senders
        self._decoy: Decoy | None = None

    async def start(self) -> None:
        """Read, or make, what stands in for accounts that there are not; before any login."""
        await self._passwords.start()
        key = await self._records.key(self._random(32))
        self._decoy = Decoy(key=key, iterations=self._passwords.cost.iterations)

    # -- directory -----------------------------------------------------------------

    async def find(self, address: Address) -> str | None:
        """The account with exactly this address, in any case of its local part."""
        return await self._records.owner(folded(str(address)))

    async def has_domain(self, domain: str) -> bool:
        """Whether an account has its name or an address in there."""
        return await self._records.has_domain(domain)

    async def open(self, account: str) -> IMailAccount:
        """The account.  :raises pymta.errors.NoSuchAccount: unknown, or disabled."""
        name = _name(account)
        if await self._records.owner(name) != name:
            raise NoSuchAccount(account)
        return MailAccount(
            name, self._mail.mailboxes(name), separator=self._separator, others=self._owns
        )

    async def _owns(self, account: str, address: Address) -> bool:
        if await self.find(address) == account:
            return True
        return self._senders is not None and await self._senders(account, address)

    # -- administration --------------------------------------------------------------

    async def add(self, account: str, password: str) -> None:
        """
        Make an account.

        :raises ValueError: it exists, is another's address, or is no address; or nobody can log
            in with such a password.
        :raises pymta.errors.TooManyWaiting: later.
        """
        name = account_name(account)
        await self._records.add(Record(name=name, kept=await self._passwords.keep(password)))

    async def ensure(self, account: str) -> None:
        """
        Make it if it is not there, with a password that nobody knows: for the postmaster.

        :raises ValueError: as :meth:`add`; not if it exists, under this name or as an address.
        """
        name = account_name(account)
        if await self._records.taken(name):
            return
        try:
            await self.add(name, self._random(32).hex())
        except ValueError:
            if not await self._records.taken(name):
                raise  # otherwise another process has made it meanwhile

    async def set_password(self, account: str, password: str) -> None:
        """Another password; sessions go on.  :raises: as :meth:`add`, and NoSuchAccount."""
        await self._records.set_password(_name(account), await self._passwords.keep(password))

    async def disable(self, account: str) -> None:
        """No logins and no mail from now on.  :raises pymta.errors.NoSuchAccount: unknown."""
        await self._records.set_disabled(_name(account), disabled=True)

    async def enable(self, account: str) -> None:
        """As before.  :raises pymta.errors.NoSuchAccount: unknown."""
        await self._records.set_disabled(_name(account), disabled=False)

    async def remove(self, account: str) -> None:
        """
        Remove it with its mailboxes: disabled at once, gone when nobody delivers to it any more,
        which may take two seconds.

        :raises pymta.errors.NoSuchAccount: unknown.
        """
        name = _name(account)
        await self._records.set_disabled(name, disabled=True)
        # What is delivered meanwhile would make mailboxes again, for whoever has the name next.
        await self._records.unremembered()
        await self._mail.remove(name)
        await self._records.remove(name)

    async def accounts(self, after: str | None = None, limit: int = 1000) -> list[str]:
        """Names, sorted, behind ``after``; disabled ones, too."""
        return list(await self._records.names("" if after is None else folded(after), limit))

    async def addresses(self, account: str) -> Sequence[str]:
        """Its other addresses.  :raises pymta.errors.NoSuchAccount: unknown."""
        return await self._records.addresses(_name(account))

    async def add_address(self, account: str, address: str) -> None:
        """
        Give it one more address.

        :raises ValueError: it is no address, or belongs to an account already.
        :raises pymta.errors.NoSuchAccount: unknown.
        """
        await self._records.add_address(account_name(address), _name(account))

    async def remove_address(self, address: str) -> None:
        """Take an address away; nothing if it is no other address of an account."""
        await self._records.remove_address(account_name(address))

    # -- logins --------------------------------------------------------------------

    @property
    def decoy(self) -> Decoy:
        """See :class:`~pymta.interfaces.accounts.ISCRAMSecrets`."""
        assert self._decoy is not None, "start() comes first"
        return self._decoy

    async def scram_secret(self, username: str, hash_name: str) -> SCRAMSecret | None:
        """See :class:`~pymta.interfaces.accounts.ISCRAMSecrets`; None for disabled accounts."""
        record = await self._record(username)
        text = None if record is None else record.kept.scram.get(hash_name)
        if record is None or text is None or record.disabled:
            return None
        return from_rfc5803(text)

    async def check_password(self, username: str, password: str) -> str | None:
        """
        The account that they are right for; takes as long for any other.

        :raises pymta.errors.TooManyWaiting: nobody can tell now.
        """
        record = await self._record(username)
        kept = None if record is None else record.kept.argon2
        verdict = await self._passwords.verify(kept, password)
        if record is None or not verdict.right or record.disabled:
            return None
        if verdict.stale:
            await self._upgrade(record, password)
        return record.name

    async def check_identity(self, username: str) -> str | None:
        """The account, not disabled, of somebody who was verified otherwise."""
        record = await self._record(username)
        return None if record is None or record.disabled else record.name

    async def _record(self, username: str) -> Record | None:
        try:
            return await self._records.get(account_name(username))
        except AddressError:
            return None

    async def _upgrade(self, record: Record, password: str) -> None:
        try:
            kept = await self._passwords.keep(password)
            await self._records.set_password(record.name, kept, was=record.kept.argon2)
        except (TooManyWaiting, NoSuchAccount):
            pass  # next time, if there is one


def _name(account: str) -> str:
    try:
        return account_name(account)
    except AddressError:
        raise NoSuchAccount(account) from None
