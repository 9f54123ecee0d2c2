"""
smtplib sends: in the clear, by STARTTLS, with implicit TLS; with a login and without.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.interop.letters import LETTERS, LONG_LINES, letter
from tests.interop.reading import Account, is_behind_trace
from tests.interop.servers import DOMAIN, HOST, Server

WAYS = ("plain", "STARTTLS", "implicit")
MECHANISMS = ("PLAIN", "LOGIN")


@contextmanager
def submitting(server: Server, way: str) -> Iterator[smtplib.SMTP]:
    """A client of the submission service, before its login."""
    made: smtplib.SMTP
    if way == "implicit":
        made = smtplib.SMTP_SSL(
            HOST, server.ports["submissions"], timeout=20, context=server.trusting()
        )
    else:
        made = smtplib.SMTP(HOST, server.ports["submission"], timeout=20)
    with made as client:
        if way == "STARTTLS":
            client.starttls(context=server.trusting())
        yield client


def log_in(client: smtplib.SMTP, mechanism: str, account: Account) -> None:
    """Log in by one mechanism."""
    client.user, client.password = account.address, account.password
    calls = {"PLAIN": client.auth_plain, "LOGIN": client.auth_login}
    code, text = client.auth(mechanism, calls[mechanism])
    assert (235, b"2.7.0") == (code, text.split()[0])


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("way", WAYS)
def test_submission(server: Server, way: str, mechanism: str) -> None:
    """
    Every letter arrives octet for octet behind the trace fields, which say how it came.
    """
    account = server.account()
    sent = [letter(name, account.address, account.address) for name in LETTERS + LONG_LINES]
    with submitting(server, way) as client:
        client.ehlo_or_helo_if_needed()
        assert (way == "plain") == client.has_extn("starttls")
        log_in(client, mechanism, account)
        for octets in sent:
            assert {} == client.sendmail(account.address, [account.address], octets)

    got = server.read_by(account, len(sent))
    assert len(sent) == len(got)
    for octets in sent:
        (message,) = [each for each in got if is_behind_trace(each, octets)]
        protocol = b"ESMTPA" if way == "plain" else b"ESMTPSA"
        assert b" with " + protocol + b" " in message[: -len(octets)]


@pytest.mark.parametrize("way", ["plain", "STARTTLS"])
def test_mail_from_elsewhere(server: Server, way: str) -> None:
    """
    Nobody logs in to hand over mail for an account; to two recipients goes the same.
    """
    one, two = server.account(), server.account()
    sent = letter("dots", "somebody@elsewhere.test", one.address)
    with smtplib.SMTP(HOST, server.ports["smtp"], timeout=20) as client:
        if way == "STARTTLS":
            client.starttls(context=server.trusting())
            client.ehlo()
        assert {} == client.sendmail(
            "somebody@elsewhere.test", [one.address, two.address.upper()], sent
        )

    for account in (one, two):
        (message,) = server.read_by(account, 1)
        assert is_behind_trace(message, sent)


def test_login_by_name_alone(server: Server) -> None:
    """
    A login name without a domain is in the server's first.
    """
    account = server.account()
    with submitting(server, "STARTTLS") as client:
        assert account.address.endswith(f"@{DOMAIN}")
        client.login(account.address.removesuffix(f"@{DOMAIN}"), account.password)
        octets = letter("short", account.address, account.address)
        assert {} == client.sendmail(account.address, [account.address], octets)

    (message,) = server.read_by(account, 1)
    assert is_behind_trace(message, octets)
