"""
curl sends by SMTP and reads by POP3: in the clear, by STARTTLS or STLS, with implicit TLS.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.letters import LETTERS, LONG_LINES, letter
from tests.interop.programs import Program, program
from tests.interop.reading import Account, is_behind_trace
from tests.interop.servers import DOMAIN, HOST, Server

SUBMISSION = {
    "plain": ("smtp", "submission", ()),
    "STARTTLS": ("smtp", "submission", ("--ssl-reqd",)),
    "implicit": ("smtps", "submissions", ()),
}
POP3 = {
    "plain": ("pop3", ()),
    "STLS": ("pop3", ("--ssl-reqd",)),
    "implicit": ("pop3s", ()),
}
MECHANISMS = ("PLAIN", "LOGIN")


@pytest.fixture
def curl(home: Path) -> Program:
    """The program."""
    return program("curl", home)


def submission(server: Server, way: str, account: Account) -> list[str]:
    """How to submit in this way, as this account."""
    scheme, service, options = SUBMISSION[way]
    return [
        "--silent",
        "--show-error",
        *("--max-time", "30"),
        *("--cacert", str(server.pem)),
        *("--user", f"{account.address}:{account.password}"),
        *("--mail-from", account.address),
        *options,
        f"{scheme}://{HOST}:{server.ports[service]}",
    ]


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("way", SUBMISSION)
def test_two_recipients(server: Server, curl: Program, way: str, mechanism: str) -> None:
    """
    A letter arrives octet for octet, for each of two recipients.
    """
    account, other = server.account(), server.account()
    octets = letter("dots", account.address, account.address)

    curl.succeed(
        *submission(server, way, account),
        *("--login-options", f"AUTH={mechanism}"),
        *("--mail-rcpt", account.address),
        *("--mail-rcpt", other.address),
        *("--upload-file", "-"),
        given=octets,
    )

    for reader in (account, other):
        (message,) = server.read_by(reader, 1)
        assert is_behind_trace(message, octets)


@pytest.mark.parametrize("name", LETTERS + LONG_LINES)
def test_sends(server: Server, curl: Program, name: str) -> None:
    """
    Every letter arrives octet for octet; curl says how large it is before it sends it.
    """
    account = server.account()
    octets = letter(name, account.address, account.address)
    (curl.home / "letter").write_bytes(octets)

    curl.succeed(
        *submission(server, "STARTTLS", account),
        *("--mail-rcpt", account.address),
        *("--upload-file", "letter"),
    )
    (message,) = server.read_by(account, 1)

    assert is_behind_trace(message, octets)


def test_submission_is_refused(server: Server, curl: Program) -> None:
    """
    A wrong password and an unknown recipient end with an error of their own.
    """
    account = server.account()
    octets = letter("short", account.address, account.address)
    wrong = submission(server, "implicit", Account(account.address, "mistyped"))
    right = submission(server, "implicit", account)

    refused = curl.run(
        "--verbose",
        *wrong,
        *("--mail-rcpt", account.address),
        *("--upload-file", "-"),
        given=octets,
    )
    unknown = curl.run(
        "--verbose",
        *right,
        *("--mail-rcpt", f"nobody@{DOMAIN}"),
        *("--upload-file", "-"),
        given=octets,
    )

    # "login denied", and "failed sending", as curl numbers them
    assert (67, 55) == (refused.returncode, unknown.returncode)
    assert b"< 535 5.7.8 " in refused.stderr
    assert b"< 550 5.1.1 " in unknown.stderr


def reading(server: Server, way: str, account: Account, path: str = "") -> list[str]:
    """How to read a path in this way."""
    scheme, options = POP3[way]
    return [
        *("--silent", "--show-error"),
        *("--max-time", "30"),
        *("--cacert", str(server.pem)),
        *("--user", f"{account.address}:{account.password}"),
        *options,
        f"{scheme}://{HOST}:{server.ports[scheme]}/{path}",
    ]


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("way", POP3)
def test_reads(server: Server, curl: Program, way: str, mechanism: str) -> None:
    """
    Every letter is read octet for octet, and is as long as LIST says.
    """
    account = server.account()
    login = ("--login-options", f"AUTH={mechanism}")
    sent = server.deliver(account, LETTERS + LONG_LINES)

    listed = curl.succeed(*login, *reading(server, way, account)).split(b"\r\n")
    assert len(sent) == len([line for line in listed if line])
    got = [
        curl.succeed(*login, *reading(server, way, account, line.split()[0].decode()))
        for line in listed
        if line
    ]

    assert [len(message) for message in got] == [int(line.split()[1]) for line in listed if line]
    for octets in sent:
        assert 1 == len([message for message in got if is_behind_trace(message, octets)])


def test_reading_is_refused(server: Server, curl: Program) -> None:
    """
    A mistyped password ends with an error of its own.
    """
    account = Account(server.account().address, "mistyped")

    refused = curl.run("--verbose", *reading(server, "STLS", account, "1"))

    # "login denied", as curl numbers it
    assert 67 == refused.returncode
    assert b"< -ERR [AUTH] " in refused.stderr


def test_no_such_message(server: Server, curl: Program) -> None:
    """
    So does a message that is not there.
    """
    absent = curl.run(*reading(server, "implicit", server.account(), "1"))

    assert 0 != absent.returncode
    assert b"" == absent.stdout
