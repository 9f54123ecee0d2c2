"""
Tests for the test server, as a real process with real clients.
"""

from __future__ import annotations

import poplib
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pymta.cli.errors import Usage
from pymta.cli.testserver import account
from tests.cli.clients import MESSAGE, fetched, send, untrusting
from tests.cli.processes import Server, pymta, server

PORTS = ["smtp", "submission", "submissions", "lmtp", "pop3", "pop3s", "imap", "imaps"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One without any option, for all tests that do not end it."""
    with server(tmp_path_factory.mktemp("plain")) as running:
        yield running


def test_tells_its_ports(plain: Server) -> None:
    """
    One line of JSON: a port, of this machine alone, for each listener.
    """
    assert PORTS == list(plain.ports)
    assert all(isinstance(port, int) for port in plain.ports.values())
    for port in plain.ports.values():
        with socket.create_connection(("127.0.0.1", port), timeout=10):
            pass


def test_any_address_of_its_domain_springs_into_being(plain: Server) -> None:
    """
    What is sent to anybody there comes out of his mailbox, octet for octet, with any password.
    """
    send(plain.ports["smtp"], "bob@example.test")

    (message,) = fetched(plain.ports["pop3"], "bob@example.test")

    assert message.endswith(b"\r\n" + MESSAGE)
    assert message.startswith(b"Return-Path: <ann@example.test>\r\nDelivered-To: bob@example.test")


def test_login_name_without_domain(plain: Server) -> None:
    """
    A login name without @ is in the domain, on either side.
    """
    with smtplib.SMTP("127.0.0.1", plain.ports["submission"], timeout=30) as smtp:
        smtp.login("carol", "any")
        smtp.sendmail(
            "carol@example.test", ["carol@example.test"], MESSAGE.replace(b"ann", b"carol")
        )

    assert 1 == len(fetched(plain.ports["pop3"], "carol"))


def test_other_domains_are_refused(plain: Server) -> None:
    """
    Also after AUTH.
    """
    with smtplib.SMTP("127.0.0.1", plain.ports["submission"], timeout=30) as smtp:
        smtp.login("ann@example.test", "any")
        smtp.mail("ann@example.test")
        code, text = smtp.rcpt("bob@elsewhere.test")

    assert (550, b"5.7.1") == (code, text[:5])


def test_submission_wants_a_login(plain: Server) -> None:
    """
    Who has not logged in submits nothing.
    """
    with smtplib.SMTP("127.0.0.1", plain.ports["submission"], timeout=30) as smtp:
        smtp.ehlo()
        assert 530 == smtp.mail("ann@example.test")[0]


def test_scram_is_not_announced(plain: Server) -> None:
    """
    Where any password is right, nothing that hides it can work.
    """
    with smtplib.SMTP("127.0.0.1", plain.ports["submission"], timeout=30) as smtp:
        smtp.ehlo()
        assert "PLAIN" in smtp.esmtp_features["auth"]
        assert "SCRAM" not in smtp.esmtp_features["auth"]


@pytest.mark.parametrize("name", ["smtp", "submission", "lmtp"])
def test_starttls_everywhere(plain: Server, name: str) -> None:
    """
    STARTTLS is offered, and works.
    """
    client = smtplib.LMTP if name == "lmtp" else smtplib.SMTP
    with client("127.0.0.1", plain.ports[name], timeout=30) as smtp:
        assert 220 == smtp.starttls(context=untrusting())[0]
        assert 250 == smtp.ehlo()[0]


def test_stls(plain: Server) -> None:
    """
    STLS is POP3's.
    """
    pop = poplib.POP3("127.0.0.1", plain.ports["pop3"], timeout=30)
    pop.stls(untrusting())
    pop.user("frank")
    pop.pass_("any")
    assert (0, 0) == pop.stat()
    pop.quit()


def test_implicit_tls(plain: Server) -> None:
    """
    On their own ports, submission and POP3 begin with TLS.
    """
    context = untrusting()
    with smtplib.SMTP_SSL(
        "127.0.0.1", plain.ports["submissions"], timeout=30, context=context
    ) as smtp:
        smtp.login("dora", "any")
        smtp.sendmail("dora@example.test", ["dora@example.test"], MESSAGE.replace(b"ann", b"dora"))
    pop = poplib.POP3_SSL("127.0.0.1", plain.ports["pop3s"], timeout=30, context=context)
    pop.user("dora")
    pop.pass_("any")
    pop.quit()


def test_lmtp_delivers_before_it_answers(plain: Server) -> None:
    """
    When LMTP says yes, the message is in the mailbox; a recipient without @ is in the domain.
    """
    with smtplib.LMTP("127.0.0.1", plain.ports["lmtp"], timeout=30) as lmtp:
        lmtp.ehlo()
        assert 250 == lmtp.mail("ann@example.test")[0]
        assert 250 == lmtp.rcpt("erna")[0]
        lmtp.putcmd("data")
        assert 354 == lmtp.getreply()[0]
        lmtp.send(b"Subject: x\r\n\r\nhi\r\n.\r\n")
        assert 250 == lmtp.getreply()[0]
    pop = poplib.POP3("127.0.0.1", plain.ports["pop3"], timeout=30)
    pop.user("erna@example.test")
    pop.pass_("any")
    assert 1 == pop.stat()[0]
    pop.quit()


def test_nothing_else_on_standard_output(tmp_path: Path) -> None:
    """
    After the line of JSON nothing comes, whatever happens; the log is on standard error.
    """
    with server(tmp_path) as running:
        send(running.ports["smtp"], "bob@example.test")
        _ = fetched(running.ports["pop3"], "bob")
        running.end()
        assert running.process.stdout is not None
        assert b"" == running.process.stdout.read()
        assert "to=<bob@example.test>" in running.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_within_a_second(tmp_path: Path, number: int) -> None:
    """
    Also with a client that is connected and says nothing; in peace, with status 0.
    """
    with server(tmp_path, "--store", "mail") as running:
        with socket.create_connection(("127.0.0.1", running.ports["smtp"]), timeout=10):
            assert running.end(number) < 1.5  # a busy machine's half second included
        assert 0 == running.process.returncode


def test_ends_while_it_starts(tmp_path: Path) -> None:
    """
    A server whose starter is gone before it listens tells nothing, and fails at nothing.
    """
    ended = subprocess.run(
        [sys.executable, "-m", "pymta", "testserver", "--store", "mail", "--account", "a:b"],
        check=False,
        input=b"",
        capture_output=True,
        timeout=60,
        cwd=tmp_path,
    )

    assert 0 == ended.returncode
    assert b"Traceback" not in ended.stderr
    assert ended.stdout.count(b"\n") <= 1


def test_ends_with_its_starter(tmp_path: Path) -> None:
    """
    When standard input, a pipe, closes; what is written there before is thrown away.
    """
    with server(tmp_path) as running:
        assert running.process.stdin is not None
        running.process.stdin.write(b"hello\n")
        running.process.stdin.flush()
        send(running.ports["smtp"], "bob@example.test")
        running.process.stdin.close()
        assert 0 == running.process.wait(5)


def test_lives_on_without_input(tmp_path: Path) -> None:
    """
    Standard input that is no pipe, closed or at its end, ends nothing.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "pymta", "testserver"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    with process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith(b"{")
            time.sleep(0.5)
            assert process.poll() is None
        finally:
            process.terminate()


def test_store_survives(tmp_path: Path) -> None:
    """
    With a store, mail is there after ``kill -9``; an account's password is set anew.
    """
    where = ("--store", "mail", "--account", "bob@example.test:first")
    with server(tmp_path, *where) as running:
        send(running.ports["smtp"], "bob@example.test")
        running.end(signal.SIGKILL)
    with server(tmp_path, "--store", "mail", "--account", "bob:second") as running:
        (message,) = fetched(running.ports["pop3"], "bob", password="second")
        assert message.endswith(MESSAGE)
        pop = poplib.POP3("127.0.0.1", running.ports["pop3"], timeout=30)
        pop.user("bob")
        with pytest.raises(poplib.error_proto):
            pop.pass_("first")
        pop.close()


def test_accounts(tmp_path: Path) -> None:
    """
    With accounts, others are unknown, wrong passwords wrong, and SCRAM is announced.
    """
    with (
        server(tmp_path, "--account", "a@x.test:p:w", "--domain", "x.test") as running,
        smtplib.SMTP("127.0.0.1", running.ports["submission"], timeout=30) as smtp,
    ):
        smtp.ehlo()
        assert "SCRAM-SHA-256" in smtp.esmtp_features["auth"]
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login("a@x.test", "wrong")
        smtp.login("a@x.test", "p:w")
        smtp.mail("a@x.test")
        assert 550 == smtp.rcpt("nobody@x.test")[0]
        assert 250 == smtp.rcpt("a@x.test")[0]
        assert 250 == smtp.rcpt("Postmaster")[0]


def test_relay_is_queued(tmp_path: Path) -> None:
    """
    With a next hop, mail for elsewhere is taken from loopback without AUTH, and kept while nobody
    answers there: a look at the queue says why it waits, and every command works while the server
    runs.
    """
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with server(tmp_path, "--store", "mail", "--relay", f"127.0.0.1:{port}") as running:
        send(running.ports["smtp"], "bob@elsewhere.test")
        send(running.ports["smtp"], "eve@elsewhere.test")

        store = ("--store", str(tmp_path / "mail"))
        lines = _reasons(store)
        assert 2 == len(lines)
        assert all("backing off until" in line for line in lines), lines

        status, out, err = pymta("queue", "hold", "--recipient", "bob@elsewhere.test", *store)
        assert (0, "1 recipient\n") == (status, out), err
        status, out, _ = pymta("queue", "list", "--state", "held", *store)
        assert ["(held)"] == [out.split()[-1]]
        queue_id = out.split()[0]

        assert (2, "") == pymta("queue", "remove", *store)[:2]
        assert (0, "1 recipient\n") == pymta("queue", "remove", queue_id, *store)[:2]
        assert (0, "1 recipient\n") == pymta("queue", "retry", "ALL", *store)[:2]
        assert (1, "") == pymta("queue", "show", queue_id, *store)[:2]


def _reasons(store: tuple[str, ...]) -> list[str]:
    """Why each recipient waits, as soon as all have been tried."""
    for _ in range(10):
        status, out, err = pymta("queue", "why", *store)
        assert (0, "") == (status, err)
        if out.count("backing off") == out.count("\n"):
            break
    return out.splitlines()


def test_relay_delivers(tmp_path: Path) -> None:
    """
    What is for elsewhere arrives at the next hop, octet for octet, once.
    """
    (tmp_path / "next").mkdir()
    with (
        server(tmp_path / "next", "--domain", "elsewhere.test") as other,
        server(tmp_path, "--relay", f"127.0.0.1:{other.ports['smtp']}") as running,
    ):
        for _ in range(3):
            send(running.ports["smtp"], "bob@elsewhere.test")
        messages = fetched(other.ports["pop3"], "bob@elsewhere.test", count=3)

    assert [MESSAGE.partition(b"\r\n\r\n")[2]] * 3 == [
        message.partition(b"\r\n\r\n")[2] for message in messages
    ]


ACCOUNTS = [
    pytest.param("a@d.test:b", ("a@d.test", "b"), id="plain"),
    pytest.param("a:b", ("a@d.test", "b"), id="no domain"),
    pytest.param("a@d.test:b:c", ("a@d.test", "b:c"), id="colon in the password"),
    pytest.param('"a:b@c"@d.test:p', ('"a:b@c"@d.test', "p"), id="colon and @ in the local part"),
    pytest.param("a@d.test:b@c", ("a@d.test", "b@c"), id="@ in the password"),
    pytest.param("a@d.test:b@e.test:c", ("a@d.test", "b@e.test:c"), id="both in the password"),
    pytest.param("a:b@d.test:c", ("a@d.test", "b@d.test:c"), id="both, and no domain"),
    pytest.param("a@D.test: b ", ("a@D.test", " b "), id="spaces are the password's"),
]


@pytest.mark.parametrize(("text", "expected"), ACCOUNTS)
def test_account_argument(text: str, expected: tuple[str, str]) -> None:
    """
    Split at the first colon with an address before it.
    """
    assert expected == account(text, "d.test")


@pytest.mark.parametrize(
    "text", ["", "a", "a@d.test", "a@d.test:", "@d.test:b", "a@e.test:b", ":b"]
)
def test_account_argument_refused(text: str) -> None:
    """
    What is none, and what is of another domain, is said at once.
    """
    with pytest.raises(Usage):
        account(text, "d.test")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--relay", "nowhere"), "no next hop"),
        (("--relay", ""), "no next hop"),
        (("--domain", "a b"), "--domain a b"),
        (("--account", "a@elsewhere.test:b"), "only local domain"),
    ],
    ids=str,
)
def test_arguments_refused(arguments: tuple[str, ...], told: str) -> None:
    """
    A mistake is a sentence and status 2, never a traceback.
    """
    status, out, err = pymta("testserver", *arguments)

    assert (2, "") == (status, out)
    assert told in err
    assert "Traceback" not in err
