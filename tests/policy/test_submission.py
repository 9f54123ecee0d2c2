"""
Tests for binding senders to accounts, and for completing what is submitted.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from zope.interface import implementer

from pymta.address import Address
from pymta.envelope import Sender
from pymta.errors import NoSuchAccount, Refused
from pymta.interfaces.accounts import IAccountDirectory, IMailAccount
from pymta.interfaces.content import octets_of
from pymta.interfaces.mailbox import IMailboxStore
from pymta.interfaces.policy import IPolicy
from pymta.modify.submission import SubmissionFields
from pymta.policy.submission import SenderBinding
from pymta.session import Role, Session
from pymta.testing.contracts.policy import PolicyContract
from tests.awaiting import now_done
from tests.inbound.house import NOW, SESSION, House, give, recipient

SUBMITTED = replace(SESSION, role=Role.SUBMISSION, identity="a@example.test", mechanism="PLAIN")
MINE = Sender(reverse_path=Address("a", "example.test"))


@implementer(IAccountDirectory)
class Directory:
    """One account, with one alias."""

    async def find(self, address: Address) -> str | None:
        return "a@example.test" if str(address) == "a@example.test" else None

    async def has_domain(self, domain: str) -> bool:
        return domain == "example.test"

    async def open(self, account: str) -> IMailAccount:
        if account != "a@example.test":
            raise NoSuchAccount(account)
        return Account()


@implementer(IMailAccount)
class Account:
    name = "a@example.test"
    mailboxes: IMailboxStore

    async def owns(self, address: Address) -> bool:
        return str(address) in {"a@example.test", "alias@example.test"}


class TestSenderBinding(PolicyContract):
    """The policy keeps the contract."""

    async def make(self) -> IPolicy:
        return SenderBinding(Directory())

    async def reopen(self, provider: IPolicy) -> IPolicy:
        return SenderBinding(Directory())

    sender = MINE


def house() -> House:
    return House(SenderBinding(Directory()))


@pytest.mark.parametrize("local", ["a", "alias"])
def test_s25_own_addresses(local: str) -> None:
    """
    The account's own addresses are its to send from, in envelope and From.
    """
    transaction = house().begin(
        replace(MINE, reverse_path=Address(local, "example.test")), SUBMITTED
    )
    give(
        transaction, "b@example.test", octets=b"From: A <%s@example.test>\r\n\r\n" % local.encode()
    )

    assert now_done(transaction.commit()).queue_ids


def test_s25_null_reverse_path() -> None:
    """
    The null reverse path is everybody's, for receipts.
    """
    transaction = house().begin(Sender(reverse_path=None), SUBMITTED)
    give(transaction, "b@example.test", octets=b"From: a@example.test\r\n\r\n")

    assert now_done(transaction.commit()).queue_ids


def test_s25_another_sender() -> None:
    """
    Another's address in the envelope is refused.
    """
    transaction = house().begin(Sender(reverse_path=Address("x", "example.test")), SUBMITTED)

    with pytest.raises(Refused) as no:
        now_done(transaction.add_recipient(recipient("b@example.test")))

    assert "553 5.7.1" == str(no.value.reply)[:9]


def test_s25_bound_also_behind_a_look_up_that_failed() -> None:
    """
    A directory that fails at a second EHLO sets nobody free: the session goes on as it was.
    """

    class Flaky(Directory):
        down = False

        async def open(self, account: str) -> IMailAccount:
            if self.down:
                raise TimeoutError
            return await super().open(account)

    directory = Flaky()
    session = House(SenderBinding(directory)).session(SUBMITTED)
    directory.down = True
    with pytest.raises(TimeoutError):
        now_done(session.changed(replace(SUBMITTED, helo="again.example")))
    transaction = now_done(session.begin(Sender(reverse_path=Address("x", "example.test"))))

    with pytest.raises(Refused):
        now_done(transaction.add_recipient(recipient("b@example.test")))


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"From: x@example.test", id="another"),
        pytest.param(b"From: a@example.test, x@example.test", id="among others"),
        pytest.param(b"From: a@example.test\r\nFrom: x@example.test", id="a second field"),
        pytest.param(b"From: x@example.test <a@example.test>", id="as display name"),
        pytest.param(b"From: a@example.test (comment", id="unfinished"),
        pytest.param(b"From: @x,@y:a@example.test", id="a route"),
        pytest.param(b"FROM : x@example.test", id="space before the colon"),
    ],
)
def test_s25_another_from(header: bytes) -> None:
    """
    Another's address in any From field, or one that can be read in two ways, is refused.
    """
    transaction = house().begin(MINE, SUBMITTED)
    give(transaction, "b@example.test", octets=header + b"\r\n\r\n")

    with pytest.raises(Refused) as no:
        now_done(transaction.commit())

    assert "550 5.7.1" == str(no.value.reply)[:9]


def test_others_are_not_bound() -> None:
    """
    A session without a login is none of its business.
    """
    transaction = house().begin()
    give(transaction, "b@example.test", octets=b"From: x@example.org\r\n\r\n")

    assert now_done(transaction.commit()).queue_ids


@pytest.mark.parametrize("written", ["a@example.test", "A@Example.TEST"])
@pytest.mark.parametrize("path", [None, Address("x", "example.org")], ids=["null", "anybody"])
def test_s25_other_servers_are_not_bound(path: Address | None, written: str) -> None:
    """
    An account that is another mail server's sends for that one's people, reports included, in
    whatever case an operator has written its name.
    """
    relaying = House(SenderBinding(Directory(), servers=[written]))
    transaction = relaying.begin(Sender(reverse_path=path), SUBMITTED)
    give(transaction, "b@example.test", octets=b"From: MAILER-DAEMON@example.org\r\n\r\n")

    assert now_done(transaction.commit()).queue_ids


def test_account_gone_is_no_yes() -> None:
    """
    A login whose account cannot be opened any more raises: the listener says 451.
    """
    with pytest.raises(NoSuchAccount):
        house().session(replace(SUBMITTED, identity="gone@example.test"))


# -- Date and Message-ID ----------------------------------------------------------------

DATE = b"Date: Fri, 2 Jan 2026 03:04:05 +0000\r\n"
ID = b"Message-ID: <20260102030405.000000000000000000000000@example.test>\r\n"


@pytest.mark.parametrize(
    ("octets", "made"),
    [
        pytest.param(b"A: b\r\n\r\nx", b"A: b\r\n" + DATE + ID + b"\r\nx", id="both"),
        pytest.param(
            b"date: x\r\n\r\nx", b"date: x\r\n" + ID + b"\r\nx", id="a date is there already"
        ),
        pytest.param(
            b"MESSAGE-ID: x\r\n\r\nx", b"MESSAGE-ID: x\r\n" + DATE + b"\r\nx", id="an id is"
        ),
        pytest.param(b"Date: x\r\nMessage-ID: x\r\n\r\nx", None, id="nothing is missing"),
    ],
)
def test_missing_fields_are_added(octets: bytes, made: bytes | None) -> None:
    """
    Date and Message-ID are added at the end of the header where they are missing.
    """
    fields = SubmissionFields("example.test", now=lambda: NOW, random=bytes)
    home = House(modifiers=[fields])
    transaction = home.begin(MINE, SUBMITTED)
    give(transaction, "b@example.test", octets=octets)
    now_done(transaction.commit())

    kept = now_done(octets_of(home.entries()[0].content))
    assert kept.endswith(made or octets)
    assert kept.startswith(b"Received: ")


def test_relayed_mail_is_not_touched() -> None:
    """
    What comes from another server stays as it is.
    """

    def sessions(role: Role) -> Session:
        return replace(SESSION, role=role)

    for role in (Role.SMTP, Role.LMTP):
        fields = SubmissionFields("example.test", now=lambda: NOW, random=bytes)
        home = House(modifiers=[fields])
        transaction = home.begin(MINE, sessions(role))
        give(transaction, "b@example.test", octets=b"A: b\r\n\r\nx")
        now_done(transaction.commit())

        kept = now_done(octets_of(home.entries()[0].content))
        assert b"Message-ID" not in kept
