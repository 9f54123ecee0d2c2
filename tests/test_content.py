"""Mail that a program makes itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pymta.address import Address
from pymta.content import own_mail
from pymta.envelope import Body
from pymta.interfaces.content import NewMail, Octets, QueueID
from pymta.session import Role

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANN = Address("ann", "example.test")
BOB = Address("bob", "example.test")
PLAIN = b"Subject: plain\r\n\r\nHello\r\n"


def made(octets: bytes, *recipients: Address, sender: Address | None = ANN) -> NewMail:
    return own_mail(octets, sender=sender, recipients=recipients, id=QueueID("Q1"), arrived=NOW)


def test_it_is_as_it_was_made() -> None:
    """Octets, addresses in their order with ids of their own, no lane yet, and no connection."""
    mail = made(PLAIN, BOB, ANN, BOB)

    assert Octets(PLAIN) == mail.content
    assert ANN == mail.envelope.sender.reverse_path
    assert [BOB, ANN, BOB] == [each.address for each in mail.envelope.recipients]
    assert 3 == len({each.id for each in mail.envelope.recipients})
    assert {} == mail.lanes
    assert ("Q1", NOW) == (mail.id, mail.arrived)
    assert Role.LOCAL is mail.origin.session.role
    assert mail.envelope.sender == mail.origin.sender


def test_nobody_is_told_of_failures() -> None:
    """Without a sender the reverse path is null."""
    assert made(PLAIN, BOB, sender=None).envelope.sender.reverse_path is None


@pytest.mark.parametrize(
    ("octets", "recipient", "body", "smtputf8"),
    [
        pytest.param(PLAIN, BOB, Body.SEVEN_BIT, False, id="ascii"),
        pytest.param(b"A: b\r\n\r\n\xc3\xa4\r\n", BOB, Body.EIGHT_BIT, False, id="body"),
        pytest.param(b"A: \xc3\xa4\r\n\r\nb\r\n", BOB, Body.EIGHT_BIT, True, id="header"),
        pytest.param(PLAIN, Address("bøb", "example.test"), Body.SEVEN_BIT, True, id="local part"),
        pytest.param(PLAIN, Address("bob", "exämple.test"), Body.SEVEN_BIT, True, id="domain"),
        pytest.param(b"A: \xe4", BOB, Body.EIGHT_BIT, True, id="no body"),
    ],
)
def test_what_servers_must_know(
    octets: bytes, recipient: Address, body: Body, smtputf8: bool
) -> None:
    """8BITMIME and SMTPUTF8 are asked for where they are needed, and there alone."""
    sender = made(octets, recipient).envelope.sender

    assert (body, smtputf8) == (sender.body, sender.smtputf8)


def test_refused() -> None:
    """What no mail is, is told at once."""
    with pytest.raises(ValueError, match="recipient"):
        made(PLAIN)
    with pytest.raises(ValueError, match="NUL"):
        made(b"A: b\r\n\r\n\0\r\n", BOB)
