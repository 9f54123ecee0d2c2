"""
Tests for local delivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pytest

from pymta.accounts.springing import Springing
from pymta.address import Address
from pymta.delivery.local import LocalAgent
from pymta.errors import NoSuchMailbox, Refused
from pymta.interfaces.accounts import IMailAccount
from pymta.interfaces.content import NewMail, octets_of
from pymta.interfaces.delivery import Attempt, IDeliveryAgent, Result
from pymta.interfaces.mailbox import NewMessage
from pymta.mailbox import INBOX, MailboxName
from pymta.outcome import Delivered, Failed, Scope
from pymta.reply import Reply
from pymta.store.memory.mailboxes import MemoryMailStore
from pymta.testing.contracts.delivery import DeliveryAgentContract
from pymta.testing.contracts.provider_case import case

BOB = "bob@example.test"
KIT = b"Subject: kit\r\n\r\n.\r\n..\r\nFrom the kit\r\n"


class TestLocalAgent(DeliveryAgentContract):
    """The kit, and what local delivery says beyond it."""

    idempotent: ClassVar[bool] = True
    next_hop: ClassVar[str] = BOB
    unknown: ClassVar[str | None] = "bob@elsewhere.test"

    async def make(self) -> IDeliveryAgent:
        """With a house of mailboxes of its own."""
        self.mail = MemoryMailStore()
        self.directory = Springing(self.mail, domains=["example.test"])
        return LocalAgent(self.directory)

    async def delivered(self, agent: IDeliveryAgent) -> Sequence[bytes]:
        """All that is in bob's inbox."""
        return await self.inbox()

    async def inbox(self, name: MailboxName = INBOX) -> list[bytes]:
        """All that is in a mailbox of bob."""
        mailbox = await self.mail.mailboxes(BOB).open(name)
        sizes = await mailbox.sizes()
        return [await octets_of(await mailbox.content(uid)) for uid, _ in sizes]

    @case
    async def test_the_prefix(self, agent: IDeliveryAgent) -> None:
        """Return-Path is the first line (RFC 5321 section 4.4), Delivered-To the second."""
        await agent.deliver(self.attempt())
        assert [
            b"Return-Path: <alice@example.test>\r\nDelivered-To: bob@example.test\r\n" + KIT
        ] == await self.inbox()

    @case
    async def test_the_null_reverse_path(self, agent: IDeliveryAgent) -> None:
        """It is kept as such."""
        await agent.deliver(self.attempt(sender=None))
        [message] = await self.inbox()
        assert message.startswith(b"Return-Path: <>\r\n")

    @case
    async def test_s23_a_loop_is_a_failure(self, agent: IDeliveryAgent) -> None:
        """What was delivered to bob is not delivered to bob again, however it came back."""
        await agent.deliver(self.attempt())
        [message] = await self.inbox()
        results = await agent.deliver(self.attempt(message, queue_id="Q2"))
        assert [("554 5.4.6", Scope.RECIPIENT)] == [
            (f"{no.reply.code} {no.reply.status}", no.scope) for no in failures(results)
        ]
        assert 1 == len(await self.inbox())

    @case
    async def test_another_address_is_no_loop(self, agent: IDeliveryAgent) -> None:
        """A list puts its address there, and its member gets the mail all the same."""
        octets = b"Delivered-To: list@example.test\r\n" + KIT
        assert [] == failures(await agent.deliver(self.attempt(octets)))
        assert 1 == len(await self.inbox())

    @case
    async def test_no_such_account(self, agent: IDeliveryAgent) -> None:
        """Removed since the mail was taken: permanent, in the sender's words."""
        [no] = failures(await agent.deliver(self.attempt(next_hop="eve@elsewhere.test")))
        assert Reply(550, "5.1.1", "No such user here") == no.reply

    @pytest.mark.parametrize(
        ("quota", "code", "status"),
        [
            pytest.param(300, 452, "4.2.2", id="full for now"),
            pytest.param(50, 552, "5.2.2", id="larger than all of it"),
        ],
    )
    @case
    async def test_over_quota(
        self, agent: IDeliveryAgent, quota: int, code: int, status: str
    ) -> None:
        """Waiting helps, unless the message alone is larger than the quota."""
        await self.mail.mailboxes(BOB).set_quota(quota)
        found: list[Failed] = []
        for number in range(5):
            found += failures(await agent.deliver(self.attempt(queue_id=f"Q{number}")))
        assert {(code, status)} == {(no.reply.code, no.reply.status) for no in found}

    @case
    async def test_a_full_mailbox_does_not_refuse_what_it_has(self, agent: IDeliveryAgent) -> None:
        """The result of the first attempt was lost: the second one is a yes."""
        await agent.deliver(self.attempt())
        await self.mail.mailboxes(BOB).set_quota(1)
        assert [] == failures(await agent.deliver(self.attempt(number=2)))

    @case
    async def test_a_filing_files(self, agent: IDeliveryAgent) -> None:
        """A filter puts it elsewhere, and what follows is in the result."""
        work = MailboxName("Work")
        await self.mail.mailboxes(BOB).create(work)

        async def file(
            account: IMailAccount, attempt: Attempt, message: NewMessage
        ) -> tuple[NewMail, ...]:
            mailbox = await account.mailboxes.open(work)
            await mailbox.append([message])
            return ()

        filing = LocalAgent(self.directory, file)
        for number in (1, 2):
            [result] = await filing.deliver(self.attempt(number=number))
            assert isinstance(result.outcome, Delivered)
        assert (1, 0) == (len(await self.inbox(work)), len(await self.inbox()))

    @pytest.mark.parametrize(
        ("error", "reply"),
        [
            pytest.param(
                Refused(Reply(550, "5.7.1", "Not wanted"), "rule 3"),
                Reply(550, "5.7.1", "Not wanted"),
                id="refused",
            ),
            pytest.param(
                NoSuchMailbox("INBOX"),
                Reply(450, "4.2.0", "The mailbox cannot take mail now"),
                id="no mailbox",
            ),
        ],
    )
    @case
    async def test_a_filing_says_no(
        self, agent: IDeliveryAgent, error: Exception, reply: Reply
    ) -> None:
        """In its own words; the reason is for the log."""

        async def file(
            account: IMailAccount, attempt: Attempt, message: NewMessage
        ) -> tuple[NewMail, ...]:
            raise error

        [no] = failures(await LocalAgent(self.directory, file).deliver(self.attempt()))
        assert (reply, str(error)) == (no.reply, no.diagnostic)

    @case
    async def test_a_surprise_is_not_hidden(self, agent: IDeliveryAgent) -> None:
        """It is the queue's to catch: the directory being down is no "no"."""

        class Down(Springing):
            async def open(self, account: str) -> IMailAccount:
                raise OSError("directory")

        down = LocalAgent(Down(self.mail, domains=None))
        with pytest.raises(OSError, match="directory"):
            await down.deliver(self.attempt())

    @case
    async def test_addresses_of_any_kind(self, agent: IDeliveryAgent) -> None:
        """Quoted and international ones are written as they are (RFC 6532)."""
        attempt = self.attempt(sender=Address("jürgen", "münchen.example"))
        await agent.deliver(attempt)
        [message] = await self.inbox()
        assert message.startswith("Return-Path: <jürgen@münchen.example>\r\n".encode())


def failures(results: Sequence[Result]) -> list[Failed]:
    """Those that failed."""
    return [result.outcome for result in results if isinstance(result.outcome, Failed)]
