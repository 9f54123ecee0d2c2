"""
Postfix's reports, read by us: it sends where we refuse, and tells our user, by our own server.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import Message
from typing import cast

import pytest

from pymta.message.dsn import Action, RecipientStatus, Typed
from pymta.message.dsn_reading import parse_dsn
from tests.interop.postfix import Postfix, postfix
from tests.interop.reading import Account
from tests.interop.servers import DOMAIN, HOST, Server

LETTER = "Subject: Lunch?\r\nMessage-ID: <1@pc.test>\r\n\r\nToday?\r\n"

# All it does not deliver itself goes to us; we get no NOTIFY, so that it reports successes itself.
MORE = """\
default_transport = smtp:[127.0.0.1]:{ours}
smtp_discard_ehlo_keywords = dsn, starttls
"""


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Iterator[Postfix]:
    """A Postfix that sends to us."""
    home = tmp_path_factory.mktemp("postfix")
    more = MORE.format(ours=server.ports["smtp"])
    with postfix(home, lambda _recipient: "OK", more=more) as running:
        yield running


def reported(
    server: Server, neighbour: Postfix, recipient: str, send: Callable[[smtplib.SMTP, str], None]
) -> tuple[RecipientStatus, bytes]:
    """What Postfix tells about this recipient."""
    account: Account = server.account()
    with smtplib.SMTP("127.0.0.1", neighbour.port, timeout=20) as client:
        client.ehlo_or_helo_if_needed()
        send(client, account.address)
    [report] = server.read_by(account, 1)
    [told] = parse_dsn(report).recipients
    assert recipient == told.final.text
    return told, report


def test_what_we_refuse(server: Server, neighbour: Postfix) -> None:
    """
    In our own words, with our status, and who said so.
    """
    recipient = f"nobody-here@{DOMAIN}"
    told, report = reported(
        server,
        neighbour,
        recipient,
        lambda client, sender: _done(client.sendmail(sender, [recipient], LETTER)),
    )

    assert (Action.FAILED, "5.1.1") == (told.action, told.status)
    assert told.diagnostic is not None
    assert "smtp" == told.diagnostic.type
    assert told.diagnostic.text.startswith("550 5.1.1 ")
    assert told.remote_mta is not None
    assert told.remote_mta.type == "dns"
    read = parse_dsn(report)
    assert Typed("dns", "mx.postfix.test") == read.reporting_mta
    assert read.arrival is not None


def test_envelope_id_and_original_recipient(server: Server, neighbour: Postfix) -> None:
    """
    ENVID and ORCPT come back, decoded.
    """
    recipient = "bob@gone.test"
    told, report = reported(
        server,
        neighbour,
        recipient,
        lambda client, sender: _done(
            client.sendmail(
                sender,
                [recipient],
                LETTER,
                mail_options=["ENVID=QQ+2B314", "RET=HDRS"],
                rcpt_options=["ORCPT=rfc822;info+2Bx@gone.test", "NOTIFY=FAILURE"],
            )
        ),
    )

    assert (Action.FAILED, "5.7.1") == (told.action, told.status)
    assert Typed("rfc822", "info+x@gone.test") == told.original
    assert "QQ+314" == parse_dsn(report).envelope_id


def test_success(server: Server, neighbour: Postfix) -> None:
    """
    "relayed", where the next hop is not asked to report itself.
    """
    other = server.account()
    told, _report = reported(
        server,
        neighbour,
        other.address,
        lambda client, sender: _done(
            client.sendmail(sender, [other.address], LETTER, rcpt_options=["NOTIFY=SUCCESS"])
        ),
    )

    assert (Action.RELAYED, "2") == (told.action, told.status[0])


def test_in_utf_8(server: Server, neighbour: Postfix) -> None:
    """
    A ``message/global-delivery-status``, for an address that is not ASCII (RFC 6533).
    """
    recipient = "jörg@gone.test"

    def send(client: smtplib.SMTP, sender: str) -> None:
        client.command_encoding = "utf-8"
        client.sendmail(
            sender, [recipient], LETTER.encode(), mail_options=["SMTPUTF8", "BODY=8BITMIME"]
        )

    told, report = reported(server, neighbour, recipient, send)

    assert b"message/global-delivery-status" in report
    assert ("utf-8", Action.FAILED, "5.7.1") == (told.final.type, told.action, told.status)


def test_our_own_report(server: Server) -> None:
    """
    To a client that asks for it: "delivered", for us and for the stdlib.
    """
    sender, recipient = server.account(), server.account()
    with smtplib.SMTP(HOST, server.ports["smtp"], timeout=20) as client:
        client.ehlo()
        client.sendmail(
            sender.address, [recipient.address], LETTER, rcpt_options=["NOTIFY=SUCCESS"]
        )
    [report] = server.read_by(sender, 1)
    [told] = parse_dsn(report).recipients

    assert (recipient.address, Action.DELIVERED) == (told.final.text, told.action)
    status = cast("list[Message]", message_from_bytes(report).get_payload())[1]
    assert "delivered" == cast("list[Message]", status.get_payload())[1]["Action"]


def _done(refused: object) -> None:
    assert not refused
