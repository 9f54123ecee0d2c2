"""
LMTP: each recipient has an answer of its own, given when the message is in the mailbox.
"""

from __future__ import annotations

import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pymta.wire.smtp.data import DataEncoder
from tests.interop.letters import LETTERS, letter
from tests.interop.programs import program
from tests.interop.reading import Account, Mailbox, is_behind_trace
from tests.interop.servers import DOMAIN, HOST, Server, serving

QUOTA = (sys.executable, "-m", "tests.interop.quota")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps all on disk, where quotas can be set from beside it."""
    folder = tmp_path_factory.mktemp("server")
    accounts = [Account(f"user{n}@{DOMAIN}", f"secret {n}") for n in range(30)]
    with serving(folder, accounts, store=folder / "store") as running:
        yield running


def fill(server: Server, account: Account, octets: int) -> None:
    """Give the account a quota."""
    done = subprocess.run(
        [*QUOTA, str(server.store), account.address, str(octets)],
        capture_output=True,
        check=False,
        timeout=30,
        cwd=Path(__file__).parents[2],
    )
    assert 0 == done.returncode, done.stderr.decode()


def mail_of(server: Server, account: Account) -> list[bytes]:
    """What is there now: LMTP's answer came behind the delivery, so nothing is waited for."""
    with Mailbox(server.ports["pop3"], account) as mailbox:
        return mailbox.messages()


class Dialogue:
    """A dialogue line by line, without a client's ideas of what may be said."""

    def __init__(self, server: Server) -> None:
        self._client = smtplib.LMTP("127.0.0.1", server.ports["lmtp"])
        self._client.timeout = 20
        self._client.ehlo()

    def say(self, line: str) -> str:
        """Say a line; give the answer."""
        code, text = self._client.docmd(line)
        return f"{code} {text.decode()}"

    def content(self, octets: bytes, answers: int) -> list[str]:
        """Send content behind 354; give so many answers."""
        encoder = DataEncoder()
        self._client.send(encoder.encode(octets) + encoder.end())
        replies = [self._client.getreply() for _ in range(answers)]
        return [f"{code} {text.decode()}" for code, text in replies]

    def close(self) -> None:
        """End."""
        assert self.say("QUIT").startswith("221 ")
        self._client.close()


def test_smtplib(server: Server) -> None:
    """
    Every letter is in the mailbox when the answer is read.
    """
    account = server.account()
    sent = [letter(name, "a@elsewhere.test", account.address) for name in LETTERS]
    for n, octets in enumerate(sent):
        with smtplib.LMTP(HOST, server.ports["lmtp"]) as client:
            assert {} == client.sendmail("a@elsewhere.test", [account.address], octets)
            got = mail_of(server, account)
            assert n + 1 == len(got)
            assert is_behind_trace(got[-1], octets)
            assert b" with LMTP " in got[-1][: -len(octets)]


def test_smtplib_recipients(server: Server) -> None:
    """
    Who is unknown is refused alone, and told.
    """
    account = server.account()
    octets = letter("short", "a@elsewhere.test", account.address)
    with smtplib.LMTP(HOST, server.ports["lmtp"]) as client:
        refused = client.sendmail("a@elsewhere.test", [account.address, f"nobody@{DOMAIN}"], octets)

    assert [f"nobody@{DOMAIN}"] == list(refused)
    code, text = refused[f"nobody@{DOMAIN}"]
    assert (550, b"5.1.1") == (code, text.split()[0])
    (message,) = mail_of(server, account)
    assert is_behind_trace(message, octets)


@pytest.mark.parametrize("tls", [(), ("--tls",)], ids=["plain", "STARTTLS"])
def test_swaks(server: Server, home: Path, tls: tuple[str, ...]) -> None:
    """
    swaks delivers to two accounts.
    """
    swaks = program("swaks", home)
    one, two = server.account(), server.account()
    octets = letter("dots", "a@elsewhere.test", one.address)
    (home / "letter").write_bytes(octets + b".\r\n")

    swaks.succeed(
        "--protocol=LMTP",
        *tls,
        f"--server={HOST}",
        f"--port={server.ports['lmtp']}",
        "--timeout=20",
        "--from=a@elsewhere.test",
        f"--to={one.address},{two.address}",
        "--data=@letter",
    )

    for account in (one, two):
        (message,) = mail_of(server, account)
        assert is_behind_trace(message, octets)


@pytest.mark.parametrize(
    ("full", "answer"), [(True, "452 4.2.2 "), (False, "552 5.2.2 ")], ids=["full", "too small"]
)
def test_over_quota(server: Server, full: bool, answer: str) -> None:
    """
    In one transaction one recipient is over quota, and the others have the message: a full
    mailbox may have room later, one that is too small for the message never has.
    """
    before, over, after = server.account(), server.account(), server.account()
    octets = letter("dots", "a@elsewhere.test", over.address)
    dialogue = Dialogue(server)
    if full:
        dialogue.say("MAIL FROM:<>")
        dialogue.say(f"RCPT TO:<{over.address}>")
        dialogue.say("DATA")
        (first,) = dialogue.content(octets, 1)
        assert first.startswith("250 2.")
    fill(server, over, len(octets) + 600 if full else 100)

    assert dialogue.say("MAIL FROM:<a@elsewhere.test>").startswith("250 2.1.0 ")
    for account in (before, over, after):
        assert dialogue.say(f"RCPT TO:<{account.address}>").startswith("250 2.1.5 ")
    assert dialogue.say("DATA").startswith("354 ")
    answers = dialogue.content(octets, 3)
    dialogue.close()

    assert ["250 2.", answer, "250 2."] == [
        answers[0][:6],
        answers[1][: len(answer)],
        answers[2][:6],
    ]
    assert [1, int(full), 1] == [len(mail_of(server, each)) for each in (before, over, after)]


def test_over_quota_with_swaks(server: Server, home: Path) -> None:
    """
    swaks tells of the recipient who was over quota, and the other one has the message.
    """
    swaks = program("swaks", home)
    good, over = server.account(), server.account()
    fill(server, over, 100)

    done = swaks.run(
        "--protocol=LMTP",
        f"--server={HOST}",
        f"--port={server.ports['lmtp']}",
        "--timeout=20",
        "--from=a@elsewhere.test",
        f"--to={good.address},{over.address}",
    )

    heard = [line for line in done.stdout.splitlines() if line.startswith(b"<")]
    stored, refused = heard[-3:-1]  # the last answers QUIT
    assert stored.startswith(b"<-  250 2.1.5 ")
    assert refused.startswith(b"<** 552 5.2.2 ")
    assert [1, 0] == [len(mail_of(server, each)) for each in (good, over)]


def test_one_address_twice(server: Server) -> None:
    """
    One address given twice has two answers (RFC 2033 section 4.2).
    """
    account = server.account()
    octets = letter("short", "a@elsewhere.test", account.address)
    dialogue = Dialogue(server)

    dialogue.say("MAIL FROM:<a@elsewhere.test>")
    taken = [dialogue.say(f"RCPT TO:<{account.address}>") for _ in range(2)]
    dialogue.say("DATA")
    answers = dialogue.content(octets, 2)
    # Had there been one answer or three, these would be answered wrong.
    assert dialogue.say("NOOP").startswith("250 2.0.0 ")
    dialogue.close()

    assert ["250 2."] * 4 == [each[:6] for each in taken + answers]
    got = mail_of(server, account)
    assert all(is_behind_trace(message, octets) for message in got)
    assert 2 == len(got)


def test_name_alone(server: Server) -> None:
    """
    A recipient without a domain is in the server's first.
    """
    account = server.account()
    name = account.address.removesuffix(f"@{DOMAIN}")
    octets = letter("short", "a@elsewhere.test", account.address)
    dialogue = Dialogue(server)

    dialogue.say("MAIL FROM:<a@elsewhere.test>")
    assert dialogue.say(f"RCPT TO:<{name}>").startswith("250 2.1.5 ")
    dialogue.say("DATA")
    (answer,) = dialogue.content(octets, 1)
    dialogue.close()

    assert answer.startswith("250 2.")
    (message,) = mail_of(server, account)
    assert is_behind_trace(message, octets)
