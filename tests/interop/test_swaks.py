"""
swaks sends: in the clear, by STARTTLS, with implicit TLS, with a login.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.letters import LETTERS, letter
from tests.interop.programs import Program, program
from tests.interop.reading import Account, is_behind_trace
from tests.interop.servers import HOST, Server

WAYS = {"plain": (), "STARTTLS": ("--tls",), "implicit": ("--tls-on-connect",)}


@pytest.fixture
def swaks(home: Path) -> Program:
    """The program."""
    return program("swaks", home)


def write_letter(swaks: Program, octets: bytes) -> None:
    """Put a letter where swaks takes it from, with the end of data, which it knows as such."""
    (swaks.home / "letter").write_bytes(octets + b".\r\n")


def submission(server: Server, way: str, account: Account) -> list[str]:
    """How to submit in this way, as this account, to itself."""
    arguments = [
        f"--server={HOST}",
        f"--port={server.ports['submissions' if way == 'implicit' else 'submission']}",
        *WAYS[way],
        "--timeout=20",
        f"--from={account.address}",
        f"--to={account.address}",
        f"--auth-user={account.address}",
        f"--auth-password={account.password}",
    ]
    if way != "plain":
        arguments += ["--tls-verify", f"--tls-ca-path={server.pem}"]
    return arguments


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("way", WAYS)
def test_submission(server: Server, swaks: Program, way: str, mechanism: str) -> None:
    """
    A letter arrives octet for octet; the queue id is in the answer.
    """
    account = server.account()
    octets = letter("dots", account.address, account.address)
    write_letter(swaks, octets)

    said = swaks.succeed(*submission(server, way, account), f"--auth={mechanism}", "--data=@letter")
    (message,) = server.read_by(account, 1)

    assert is_behind_trace(message, octets)
    # "~>" is what swaks prints before what it sends in TLS, "<~" before what it hears there.
    assert (way == "plain") == (b"<~" not in said)
    (queued,) = [line for line in said.splitlines() if b"queued" in line.lower()]
    assert any(word.strip(b".") in message for word in queued.split() if len(word) > 8)


@pytest.mark.parametrize("name", LETTERS)
def test_pipelined(server: Server, swaks: Program, name: str) -> None:
    """
    Every letter arrives octet for octet where commands are sent together (RFC 2920).
    """
    account = server.account()
    octets = letter(name, "a@elsewhere.test", account.address)
    write_letter(swaks, octets)

    swaks.succeed(
        f"--server={HOST}",
        f"--port={server.ports['smtp']}",
        "--pipeline",
        "--timeout=20",
        "--from=a@elsewhere.test",
        f"--to={account.address}",
        "--data=@letter",
    )
    (message,) = server.read_by(account, 1)

    assert is_behind_trace(message, octets)


def test_a_no_is_told(server: Server, swaks: Program) -> None:
    """
    Who mistypes the password, or the recipient, reads why nothing was sent.
    """
    account = server.account()
    wrong = submission(server, "STARTTLS", Account(account.address, "mistyped"))
    right = submission(server, "STARTTLS", account)

    refused = swaks.run(*wrong, "--auth=PLAIN")
    unknown = swaks.run(*right, "--auth=PLAIN", "--to=nobody@example.test")

    assert (28, 24) == (refused.returncode, unknown.returncode)
    assert b"<~* 535 5.7.8 " in refused.stdout
    assert b"<~* 550 5.1.1 " in unknown.stdout
