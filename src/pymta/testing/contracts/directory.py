"""
The contract kit of account directories: :class:`~pymta.interfaces.accounts.IAccountDirectory`, with
:class:`~pymta.interfaces.accounts.IAccountAdministration` where it is provided, too.

Subclass it, override what :class:`~pymta.testing.contracts.provider_case.ProviderCase` names, and
let pytest find it.  ``make`` gives a directory with the accounts ``alice@example.test`` and
``bob@example.test``, whose passwords are ``alice's`` and ``bob's``, and no other domain.
"""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from pymta.address import Address
from pymta.errors import NoSuchAccount
from pymta.interfaces.accounts import (
    IAccountAdministration,
    IAccountDirectory,
    IMailAccount,
    ISCRAMSecrets,
)
from pymta.interfaces.mailbox import IMailboxStore
from pymta.mailbox import INBOX
from pymta.testing.contracts.provider_case import ProviderCase, case

__all__ = ["AdministrationContract", "DirectoryContract"]

ALICE = "alice@example.test"


def _address(text: str) -> Address:
    return Address.parse(text)


class DirectoryContract(ProviderCase[IAccountDirectory]):
    """What every directory does."""

    @case
    async def test_provides(self, directory: IAccountDirectory) -> None:
        """It has the methods, with their arguments."""
        assert verifyObject(IAccountDirectory, directory)

    @pytest.mark.parametrize(
        "text",
        ["alice@example.test", "Alice@example.test", "alice@EXAMPLE.test", '"alice"@example.test'],
    )
    @case
    async def test_find(self, directory: IAccountDirectory, text: str) -> None:
        """An account is found in any case of both parts, quoted or not."""
        assert ALICE == await directory.find(_address(text))

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("carol@example.test", id="another user"),
            pytest.param("alice@example.org", id="another domain"),
            pytest.param("alice@sub.example.test", id="below the domain"),
            pytest.param("alice+detail@example.test", id="sub-address"),
            pytest.param("lice@example.test", id="the end of a name"),
            pytest.param("ali%@example.test", id="SQL pattern"),
            pytest.param('"alice@example.test"@example.test', id="a whole address, quoted"),
            pytest.param("alice%example.test@example.test", id="percent hack"),
            pytest.param("example.test!alice@example.test", id="bang path"),
            pytest.param("alice@[192.0.2.1]", id="address literal"),
        ],
    )
    @case
    async def test_find_nobody(self, directory: IAccountDirectory, text: str) -> None:
        """Exactly this address, and nothing that looks like it."""
        assert None is await directory.find(_address(text))

    @case
    async def test_domains(self, directory: IAccountDirectory) -> None:
        """A domain is one where an account is."""
        assert await directory.has_domain("example.test")
        assert not await directory.has_domain("example.org")
        assert not await directory.has_domain("sub.example.test")
        assert not await directory.has_domain("test")

    @case
    async def test_open(self, directory: IAccountDirectory) -> None:
        """An opened account has its name, and mailboxes with an inbox."""
        account = await directory.open(ALICE)

        assert verifyObject(IMailAccount, account)
        assert ALICE == account.name
        assert IMailboxStore.providedBy(account.mailboxes)
        (await account.mailboxes.open(INBOX)).close()

    @pytest.mark.parametrize("name", ["carol@example.test", "alice@example.org", "alice", "", "@"])
    @case
    async def test_open_nobody(self, directory: IAccountDirectory, name: str) -> None:
        """What is no account cannot be opened."""
        with pytest.raises(NoSuchAccount):
            await directory.open(name)

    @pytest.mark.parametrize(
        ("text", "owns"),
        [
            pytest.param("alice@example.test", True, id="its name"),
            pytest.param("ALICE@EXAMPLE.TEST", True, id="in another case"),
            pytest.param("alice+list@example.test", True, id="a sub-address"),
            pytest.param("bob@example.test", False, id="another account"),
            pytest.param("bob+alice@example.test", False, id="another one's sub-address"),
            pytest.param("alice@example.org", False, id="another domain"),
            pytest.param("alice%example.test@example.org", False, id="percent hack"),
        ],
    )
    @case
    async def test_s25_owns(self, directory: IAccountDirectory, text: str, owns: bool) -> None:
        """An account may send as itself and its sub-addresses, and as nobody else."""
        account = await directory.open(ALICE)

        assert owns is await account.owns(_address(text))


class AdministrationContract(DirectoryContract):
    """What directories that can be changed do, as well."""

    def admin(self, directory: IAccountDirectory) -> IAccountAdministration:
        """The same object."""
        return IAccountAdministration(directory)

    @case
    async def test_provides_administration(self, directory: IAccountDirectory) -> None:
        """It has the methods, with their arguments."""
        assert verifyObject(IAccountAdministration, directory)

    @case
    async def test_add(self, directory: IAccountDirectory) -> None:
        """A new account is found and opened, by its name in one case."""
        await self.admin(directory).add("Carol@Example.TEST", "carol's")

        assert "carol@example.test" == await directory.find(_address("carol@example.test"))
        assert "carol@example.test" == (await directory.open("CAROL@example.test")).name

    @pytest.mark.parametrize(
        "name",
        ["alice@example.test", "ALICE@example.test", "dave", "dave@", "@example.test", "", "a b@c"],
    )
    @case
    async def test_add_what_cannot_be(self, directory: IAccountDirectory, name: str) -> None:
        """No account twice, and none without an address."""
        with pytest.raises(ValueError):
            await self.admin(directory).add(name, "password")
        assert [ALICE, "bob@example.test"] == await self.admin(directory).accounts()

    @case
    async def test_add_internationalised(self, directory: IAccountDirectory) -> None:
        """A U-label is its A-label; a local part may be UTF-8."""
        await self.admin(directory).add("jörg@bücher.example", "password")

        assert await directory.has_domain("xn--bcher-kva.example")
        found = await directory.find(_address("JÖRG@xn--bcher-kva.example"))
        assert "jörg@xn--bcher-kva.example" == found

    @case
    async def test_remove(self, directory: IAccountDirectory) -> None:
        """What is removed gets no mail and cannot be opened; its name is free, its mail gone."""
        account = await directory.open(ALICE)
        await account.mailboxes.subscribe(INBOX)
        await self.admin(directory).remove(ALICE)

        assert None is await directory.find(_address(ALICE))
        with pytest.raises(NoSuchAccount):
            await directory.open(ALICE)
        await self.admin(directory).add(ALICE, "another")
        assert ALICE == await directory.find(_address(ALICE))

    @case
    async def test_change_nobody(self, directory: IAccountDirectory) -> None:
        """What is no account can be neither removed nor given a password."""
        with pytest.raises(NoSuchAccount):
            await self.admin(directory).remove("carol@example.test")
        with pytest.raises(NoSuchAccount):
            await self.admin(directory).set_password("carol@example.test", "password")

    @case
    async def test_accounts(self, directory: IAccountDirectory) -> None:
        """Names come sorted, a page at a time, each once."""
        for name in ("dave", "carol", "zoe"):
            await self.admin(directory).add(f"{name}@example.test", "password")
        accounts = self.admin(directory).accounts

        names = [f"{name}@example.test" for name in ("alice", "bob", "carol", "dave", "zoe")]
        assert names == await accounts()
        assert names[:2] == await accounts(limit=2)
        assert names[2:4] == await accounts(names[1], 2)
        assert [] == await accounts(names[4], 2)
        assert names[3:] == await accounts("cz@example.test")

    @case
    async def test_scram(self, directory: IAccountDirectory) -> None:
        """Where SCRAM is served, each account has secrets of its own, and nobody has none."""
        if not ISCRAMSecrets.providedBy(directory):
            pytest.skip("the directory has no secrets for SCRAM")
        secrets = ISCRAMSecrets(directory)
        alice = await secrets.scram_secret("ALICE@example.test", "SHA-256")
        bob = await secrets.scram_secret("bob@example.test", "SHA-256")
        decoy = secrets.decoy.secret("carol@example.test", "SHA-256")

        assert alice is not None
        assert bob is not None
        assert None is await secrets.scram_secret("carol@example.test", "SHA-256")
        assert None is await secrets.scram_secret(ALICE, "SHA-512")
        assert alice.salt != bob.salt
        assert (alice.iterations, len(alice.salt), len(alice.stored_key)) == (
            decoy.iterations,
            len(decoy.salt),
            len(decoy.stored_key),
        )

    @case
    async def test_restart(self, directory: IAccountDirectory) -> None:
        """A directory that keeps anything keeps accounts, secrets, and decoys."""
        await self.admin(directory).add("carol@example.test", "carol's")
        before = None
        if ISCRAMSecrets.providedBy(directory):
            before = ISCRAMSecrets(directory).decoy
        directory = await self.reopen(directory)

        assert "carol@example.test" == await directory.find(_address("carol@example.test"))
        if before is not None:
            assert before == ISCRAMSecrets(directory).decoy
