"""
curl lists, appends, searches and reads by IMAP: by STARTTLS and with implicit TLS.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.letters import LETTERS, LONG_LINES, letter
from tests.interop.programs import Program, program
from tests.interop.reading import Account, is_behind_trace
from tests.interop.servers import HOST, Server

WAYS = {"STARTTLS": ("imap", ("--ssl-reqd",)), "implicit": ("imaps", ())}
# "login denied", as curl numbers it
DENIED = 67


@pytest.fixture
def curl(home: Path) -> Program:
    """The program."""
    return program("curl", home)


def at(server: Server, way: str, account: Account, path: str) -> list[str]:
    """How to reach a path in this way."""
    scheme, options = WAYS[way]
    return [
        *("--silent", "--show-error"),
        *("--max-time", "30"),
        *("--cacert", str(server.pem)),
        *("--user", f"{account.address}:{account.password}"),
        *options,
        f"{scheme}://{HOST}:{server.ports[scheme]}/{path}",
    ]


@pytest.mark.parametrize("mechanism", ["AUTH=PLAIN", "AUTH=LOGIN", "*"])
@pytest.mark.parametrize("way", WAYS)
def test_reads(server: Server, curl: Program, way: str, mechanism: str) -> None:
    """Each letter that was delivered is read octet for octet, with every mechanism."""
    account = server.account()
    login = () if mechanism == "*" else ("--login-options", mechanism)
    sent = server.deliver(account, [*LETTERS[:2], *LONG_LINES])
    found = curl.succeed(*login, *at(server, way, account, "INBOX?ALL"))
    assert b"* SEARCH 1 2 3" == found.strip()
    paths = [f"INBOX;UID={n}" for n in (1, 2, 3)]
    got = [curl.succeed(*login, *at(server, way, account, path)) for path in paths]
    for octets in sent:
        assert 1 == sum(is_behind_trace(message, octets) for message in got)


def test_appends(server: Server, curl: Program) -> None:
    """What is appended is listed and read again; a section of it too."""
    account = server.account()
    octets = letter("8 bit", account.address, account.address)
    (curl.home / "letter").write_bytes(octets)
    curl.succeed("--request", "CREATE a/b", *at(server, "implicit", account, ""))
    curl.succeed("--upload-file", "letter", *at(server, "implicit", account, "a%2Fb"))

    listed = curl.succeed(*at(server, "implicit", account, ""))
    assert b'"/" a/b' in listed.replace(b'"a/b"', b"a/b")
    assert octets == curl.succeed(*at(server, "implicit", account, "a%2Fb;MAILINDEX=1"))
    text = curl.succeed(*at(server, "implicit", account, "a%2Fb;UID=1/;SECTION=TEXT"))
    assert octets.partition(b"\r\n\r\n")[2] == text


def test_refused(server: Server, curl: Program) -> None:
    """A wrong password and a mailbox that is not there end with an error."""
    account = server.account()
    wrong = Account(account.address, "mistyped")
    assert DENIED == curl.run(*at(server, "implicit", wrong, "INBOX?ALL")).returncode
    assert 0 != curl.run(*at(server, "implicit", account, "none;UID=1")).returncode
