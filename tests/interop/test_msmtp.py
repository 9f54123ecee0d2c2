"""
msmtp sends, as a command in sendmail's place: with SCRAM-SHA-256 and with PLAIN.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.letters import LETTERS, letter
from tests.interop.programs import Program, program
from tests.interop.reading import Account, is_behind_trace
from tests.interop.servers import HOST, Server

WAYS = {
    "plain": ("submission", "tls off"),
    "STARTTLS": ("submission", "tls on\ntls_starttls on"),
    "implicit": ("submissions", "tls on\ntls_starttls off"),
}


@pytest.fixture
def msmtp(home: Path) -> Program:
    """The program."""
    return program("msmtp", home)


def configure(msmtp: Program, server: Server, account: Account, *, way: str, auth: str) -> None:
    """Write its file."""
    service, tls = WAYS[way]
    file = msmtp.home / ".msmtprc"
    file.write_text(
        f"account default\nhost {HOST}\nport {server.ports[service]}\ntimeout 20\n{tls}\n"
        f"tls_trust_file {server.pem}\nauth {auth}\n"
        f"user {account.address}\npassword {account.password}\nfrom {account.address}\n"
        f"set_from_header off\nset_date_header off\nset_msgid_header off\n"
    )
    file.chmod(0o600)


@pytest.mark.parametrize("auth", ["scram-sha-256", "scram-sha-1", "plain"])
@pytest.mark.parametrize("way", WAYS)
def test_submission(server: Server, msmtp: Program, way: str, auth: str) -> None:
    """
    A letter arrives octet for octet, once its line ends are CRLF again.
    """
    account = server.account()
    octets = letter("dots", account.address, account.address)
    configure(msmtp, server, account, way=way, auth=auth)

    said = msmtp.succeed("--debug", account.address, given=octets.replace(b"\r\n", b"\n"))
    (message,) = server.read_by(account, 1)

    assert b"AUTH " + auth.upper().encode() in said
    assert is_behind_trace(message, octets)


@pytest.mark.parametrize("name", LETTERS)
def test_letters(server: Server, msmtp: Program, name: str) -> None:
    """
    Every letter arrives, to recipients that are read from its header.
    """
    account = server.account()
    octets = letter(name, account.address, account.address)
    configure(msmtp, server, account, way="STARTTLS", auth="scram-sha-256")

    msmtp.succeed("--read-recipients", given=octets.replace(b"\r\n", b"\n"))
    (message,) = server.read_by(account, 1)

    assert is_behind_trace(message, octets)


@pytest.mark.parametrize("auth", ["scram-sha-256", "plain"])
def test_wrong_password_is_told(server: Server, msmtp: Program, auth: str) -> None:
    """
    Who mistypes the password reads the server's answer.
    """
    account = server.account()
    configure(msmtp, server, Account(account.address, "mistyped"), way="STARTTLS", auth=auth)

    refused = msmtp.run(account.address, given=b"Subject: no\n\nno\n")

    # EX_NOPERM of sysexits.h
    assert 77 == refused.returncode
    assert b"535 5.7.8 " in refused.stderr


def test_unknown_recipient_is_told(server: Server, msmtp: Program) -> None:
    """
    So does who mistypes an address.
    """
    account = server.account()
    configure(msmtp, server, account, way="implicit", auth="scram-sha-256")

    refused = msmtp.run("nobody@example.test", given=b"Subject: no\n\nno\n")

    # EX_DATAERR
    assert 65 == refused.returncode
    assert b"550 5.1.1 " in refused.stderr
