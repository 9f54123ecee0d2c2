"""
What is refused, and what smtplib's users see of it: a code, a status and a few plain words.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage

import pytest

from tests.interop.conftest import UMLAUT
from tests.interop.letters import letter
from tests.interop.reading import is_behind_trace
from tests.interop.servers import DOMAIN, HOST, Server

ELSEWHERE = "a@elsewhere.test"
MIB = 1024 * 1024


@contextmanager
def session(server: Server, service: str = "smtp") -> Iterator[smtplib.SMTP]:
    """A session of somebody who said EHLO, in TLS."""
    with smtplib.SMTP(HOST, server.ports[service], timeout=30) as client:
        client.starttls(context=server.trusting())
        client.ehlo()
        yield client


def told(error: smtplib.SMTPResponseException) -> tuple[int, str]:
    """Code and status of an answer."""
    text = error.smtp_error
    return error.smtp_code, (text if isinstance(text, str) else text.decode()).split()[0]


def test_wrong_password(server: Server) -> None:
    """
    535 5.7.8; the right one is taken on the same connection.
    """
    account = server.account()
    with session(server, "submission") as client:
        with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
            client.login(account.address, "mistyped")
        assert (535, "5.7.8") == told(caught.value)
        client.login(account.address, account.password)


def test_unknown_account_is_a_wrong_password(server: Server) -> None:
    """
    Nobody learns from a login which accounts there are.
    """
    answers = []
    for address in (server.account().address, f"nobody@{DOMAIN}"):
        with session(server, "submission") as client:
            with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
                client.login(address, "mistyped")
            answers.append((caught.value.smtp_code, caught.value.smtp_error))

    assert answers[0] == answers[1]


def test_no_login(server: Server) -> None:
    """
    Nothing is submitted before a login: 530 5.7.0.
    """
    account = server.account()
    with (
        session(server, "submission") as client,
        pytest.raises(smtplib.SMTPSenderRefused) as caught,
    ):
        client.sendmail(account.address, [account.address], b"\r\n")

    assert (530, "5.7.0") == told(caught.value)


def test_somebody_elses_address(server: Server) -> None:
    """
    Who logged in sends as himself: 553 5.7.1 for the envelope, 550 5.7.1 for From.
    """
    account, other = server.account(), server.account()
    with session(server, "submission") as client:
        client.login(account.address, account.password)
        with pytest.raises(smtplib.SMTPRecipientsRefused) as sender:
            client.sendmail(other.address, [other.address], b"\r\n")
        forged = letter("short", other.address, other.address)
        with pytest.raises(smtplib.SMTPDataError) as content:
            client.sendmail(account.address, [other.address], forged)

    code, text = sender.value.recipients[other.address]
    assert (553, b"5.7.1") == (code, text.split()[0])
    assert (550, "5.7.1") == told(content.value)


def test_unknown_recipient(server: Server) -> None:
    """
    550 5.1.1 at RCPT, for that recipient alone.
    """
    account = server.account()
    octets = letter("short", ELSEWHERE, account.address)
    with session(server) as client:
        refused = client.sendmail(ELSEWHERE, [account.address, f"nobody@{DOMAIN}"], octets)

    assert [f"nobody@{DOMAIN}"] == list(refused)
    code, text = refused[f"nobody@{DOMAIN}"]
    assert (550, b"5.1.1") == (code, text.split()[0])
    (message,) = server.read_by(account, 1)
    assert is_behind_trace(message, octets)


@pytest.mark.parametrize(
    "recipient",
    [
        "b@other.test",
        f"b%other.test@other.{DOMAIN}",
        f"@{DOMAIN}:b@other.test",
        "b@[192.0.2.1]",
        "b@sub.example.test",
    ],
)
@pytest.mark.parametrize("service", ["smtp", "submission", "lmtp"])
def test_s21_relay_is_closed(server: Server, service: str, recipient: str) -> None:
    """
    550 5.7.1 for whoever is elsewhere, also after a login.
    """
    account = server.account()
    kind = smtplib.LMTP if service == "lmtp" else smtplib.SMTP
    with kind(HOST, server.ports[service]) as client:
        client.ehlo()
        if service == "submission":
            client.login(account.address, account.password)
        assert 250 == client.mail(account.address)[0]
        code, text = client.docmd(f"RCPT TO:<{recipient}>")

    assert 550 == code
    assert text.split()[0] in (b"5.7.1", b"5.1.2")


def test_postmaster(server: Server) -> None:
    """
    The postmaster is never refused, without a domain and in any case, though nobody made an
    account of that name.
    """
    with session(server) as client:
        client.mail(ELSEWHERE)
        for name in ("postmaster", "Postmaster", f"POSTMASTER@{DOMAIN}"):
            assert (250, b"2.1.5") == (
                (answer := client.docmd(f"RCPT TO:<{name}>"))[0],
                answer[1].split()[0],
            )


def test_declared_too_large(server: Server) -> None:
    """
    What says that it is larger than SIZE allows is refused before it is sent: 552 5.3.4.
    """
    account = server.account()
    with session(server) as client:
        limit = int(client.esmtp_features["size"])
        code, text = client.mail(ELSEWHERE, [f"SIZE={limit + 1}"])
        assert (552, b"5.3.4") == (code, text.split()[0])
        assert 250 == client.mail(ELSEWHERE, [f"SIZE={limit}"])[0]
        assert 250 == client.rcpt(account.address)[0]


def test_found_too_large(server: Server) -> None:
    """
    So is what does not say so, when it has been read; the session goes on.
    """
    account = server.account()
    with session(server) as client:
        limit = int(client.esmtp_features.pop("size"))
        line = b"x" * 998 + b"\r\n"
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail(ELSEWHERE, [account.address], line * (limit // len(line) + 1))
        assert (552, "5.3.4") == told(caught.value)
        small = letter("short", ELSEWHERE, account.address)
        assert {} == client.sendmail(ELSEWHERE, [account.address], small)

    (message,) = server.read_by(account, 1)
    assert is_behind_trace(message, small)


def test_8bit(server: Server) -> None:
    """
    8-bit content arrives as it is, declared or not.
    """
    account = server.account()
    octets = letter("8 bit", ELSEWHERE, account.address)
    assert not octets.isascii()
    with session(server) as client:
        for options in (["BODY=8BITMIME"], []):
            assert {} == client.sendmail(ELSEWHERE, [account.address], octets, options)

    got = server.read_by(account, 2)
    assert [True, True] == [is_behind_trace(message, octets) for message in got]


def test_smtputf8(server: Server) -> None:
    """
    Addresses in UTF-8 are told and kept with SMTPUTF8, and read in POP3's UTF-8 mode (RFC 6856).
    """
    written = EmailMessage()
    written["From"] = Mailbox("Žofie", "žofie", "elsewhere.test")
    written["To"] = Mailbox("Jürgen", UMLAUT.address.partition("@")[0], DOMAIN)
    written["Subject"] = "Grüße"
    written.set_content("Grüße\n")
    with session(server) as client:
        assert {} == client.send_message(written)
    (message,) = server.read_by(UMLAUT, 1)

    assert b"with UTF8SMTPS" in message
    assert f"Return-Path: <žofie@elsewhere.test>\r\nDelivered-To: {UMLAUT.address}\r\n" in (
        message.decode()
    )
    assert message.decode().endswith("\r\n\r\nGrüße\r\n")


def test_utf8_without_smtputf8(server: Server) -> None:
    """
    Without SMTPUTF8 an address that is not ASCII is refused.
    """
    with session(server) as client:
        client.mail(ELSEWHERE)
        client.command_encoding = "utf-8"
        code, text = client.docmd(f"RCPT TO:<{UMLAUT.address}>")

    assert (553, b"5.6.7") == (code, text.split()[0])
