"""
Tests for sending files, into a store and by SMTP, beside servers that run.
"""

from __future__ import annotations

import fcntl
import io
import json
import signal
import socket
import subprocess
import sys
import termios
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from pymta.address import Address
from pymta.cli import main
from pymta.cli.errors import Usage
from pymta.cli.main import parser
from pymta.cli.send import marks_of
from pymta.cli.send_smtp import destination_of, password_of, policy_of
from pymta.envelope import Notify, Return
from pymta.errors import Mistake
from pymta.interfaces.relay import TLSLevel, TLSPolicy
from tests.cli.clients import fetched
from tests.cli.processes import Server, interruptible, pymta, server

LETTER = (
    b"From: ann@example.test\nTo: Bob <bob@example.test>\nBcc: carol@example.test\n"
    b"Subject: hello\n\n.dot\nend"
)
SENT = (
    b"From: ann@example.test\r\nTo: Bob <bob@example.test>\r\nSubject: hello\r\n\r\n.dot\r\nend\r\n"
)


@pytest.fixture
def letter(tmp_path: Path) -> str:
    """A file that can be sent."""
    file = tmp_path / "letter.eml"
    file.write_bytes(LETTER)
    return str(file)


# -- into a store ----------------------------------------------------------------------


def test_into_the_queue_of_a_running_server(tmp_path: Path, letter: str) -> None:
    """
    What is put into its store is delivered by the server at once, complete, to everybody; a file
    that cannot be sent is told, and keeps none back.
    """
    store = ("--store", str(tmp_path / "mail"))
    broken = tmp_path / "broken.eml"
    broken.write_bytes(b"To: bob@example.test\n\n")
    with server(tmp_path, *store) as running:
        status, out, err = pymta("send", "nowhere.eml", str(broken), letter, *store, cwd=tmp_path)
        assert 1 == status
        assert out.startswith(f"{letter}: ")
        queue_id = out.split()[-1]
        assert (
            "pymta: nowhere.eml: No such file or directory\n"
            f"pymta: {broken}: neither Sender nor From has an address, and there is no --from\n"
        ) == err

        for name in ("bob", "carol"):
            (message,) = fetched(running.ports["pop3"], f"{name}@example.test")
            assert message.endswith(b"\r\n" + SENT)
            header = message.partition(b"\r\n\r\n")[0]
            for field in (b"\r\nDate: ", b"\r\nMessage-ID: <", b"Return-Path: <ann@example.test>"):
                assert field in header
            assert f" id {queue_id};".encode() in header
            assert b"carol" not in header.partition(b"Received:")[2]


def test_kept_until_a_server_runs(tmp_path: Path, letter: str) -> None:
    """
    Without a server it waits, and says so as JSON; standard input is a file as well.
    """
    store = ("--store", str(tmp_path / "mail"))
    assert 0 == pymta("account", "add", "bob@example.test", *store, given="x\n")[0]

    given = LETTER.decode()
    status, out, err = pymta(
        "send", "-", letter, "--to", "bob@example.test", "--json", *store, given=given
    )

    assert (0, "") == (status, err)
    told = json.loads(out)
    assert [("-", {}), (letter, {})] == [(each["file"], each["refused"]) for each in told]
    waiting = json.loads(pymta("queue", "list", "--json", *store)[1])
    assert [each["id"] for each in told] == [each["id"] for each in waiting]
    assert {"bob@example.test"} == {r["address"] for each in waiting for r in each["recipients"]}
    assert "waiting for its turn" in pymta("queue", "why", *store)[1]


def test_complete_messages_stay_as_they_are(tmp_path: Path) -> None:
    """
    What has a date and an id gets nothing but its trace.
    """
    store = ("--store", str(tmp_path / "mail"))
    assert 0 == pymta("account", "add", "bob@example.test", *store, given="x\n")[0]
    text = "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@a.test>\r\n\r\nhi\r\n"
    envelope = ("--from", "<>", "--to", "bob@example.test")
    out = pymta("send", "-", *envelope, *store, given=text)[1]

    shown = pymta("queue", "show", out.split()[-1], "--content", *store)[1]

    received, _, rest = shown.partition("\nDate:")
    assert received.startswith("Received: by ")
    assert "\n\tfor <bob@example.test>;\n\t" in received
    assert text.replace("\r\n", "\n") == f"Date:{rest}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_it_waits_for_input(tmp_path: Path, number: int) -> None:
    """
    Ctrl-C ends it also while nothing comes from standard input; half a message is not sent.
    """
    store = ("--store", str(tmp_path / "mail"))
    assert 0 == pymta("account", "add", "bob@example.test", *store, given="x\n")[0]
    process = subprocess.Popen(
        [sys.executable, "-m", "pymta", "send", "-", "nothing.eml", *store],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=interruptible,
    )
    assert process.stdin is not None
    process.stdin.write(LETTER)
    process.stdin.flush()
    _wait_until_read(process.stdin.fileno())
    process.send_signal(number)
    try:
        status = process.wait(5)
    finally:
        process.kill()
        out, err = process.communicate()

    assert (1, b"", b"pymta: -: interrupted\npymta: nothing.eml: interrupted\n") == (
        status,
        out,
        err,
    )
    assert "" == pymta("queue", "list", *store)[1]


def _wait_until_read(descriptor: int) -> None:
    """Until nothing is in the pipe: then its reader waits for more."""
    for _ in range(1000):
        left = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
        if not any(left):
            break
        time.sleep(0.02)
    time.sleep(0.2)


def test_no_store(tmp_path: Path, letter: str, capsys: pytest.CaptureFixture[str]) -> None:
    """
    A folder that is none is said so, and not made.
    """
    assert 2 == main(["send", letter, "--store", str(tmp_path / "nowhere")])
    assert "there is no store" in capsys.readouterr().err


# -- by SMTP ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that is sent to."""
    with server(tmp_path_factory.mktemp("far"), "--account", "ann:secret") as running:
        yield running


def test_to_a_server(far: Server, letter: str) -> None:
    """
    The file comes out of the mailbox octet for octet, but for its trace; who is refused is told.
    """
    to = ("--to", "ann@example.test", "--to", "eve@elsewhere.test")
    where = ("--server", f"localhost:{far.ports['smtp']}")

    status, out, err = pymta("send", letter, *to, *where)

    assert 1 == status
    assert out.startswith(f"{letter}: 250 2.0.0 queued as ")
    assert f"pymta: {letter}: <eve@elsewhere.test>: 550 5.7.1 Relaying denied\n" == err
    message = fetched(far.ports["pop3"], "ann@example.test", password="secret")[-1]
    assert message.endswith(b"\r\n" + SENT)
    assert b"Date:" not in message


def test_several_files_in_one_session(far: Server, letter: str) -> None:
    """
    As JSON, refusals are there with the answers.
    """
    to = ("--to", "ann@example.test", "--to", "eve@elsewhere.test")
    where = ("--server", f"127.0.0.1:{far.ports['smtp']}", "--tls", "none")
    before = far.log.read_text().count("] connected")

    status, out, err = pymta("send", letter, "nowhere", letter, *to, *where, "--json")

    assert (1, "") == (status, err)
    one, none, two = json.loads(out)
    assert {"file": "nowhere", "error": "No such file or directory"} == none
    for each in (one, two):
        assert each["reply"].startswith("250 2.0.0")
        assert {"eve@elsewhere.test": "550 5.7.1 Relaying denied"} == each["refused"]
    assert before + 1 == far.log.read_text().count("] connected")


def test_login(far: Server, letter: str, tmp_path: Path) -> None:
    """
    With a password, from a file, on a connection that is as safe as it was asked to be.
    """
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("secret\n")
    wrong.write_text("guess\n")
    to = ("--to", "ann@example.test", "--user", "ann")
    where = ("--server", f"localhost:{far.ports['submission']}")

    sent = pymta("send", letter, *to, *where, "--tls", "encrypt", "--password-file", str(right))
    assert (0, "") == (sent[0], sent[2])
    refused = pymta("send", letter, *to, *where, "--tls", "encrypt", "--password-file", str(wrong))
    assert (1, "") == refused[:2]
    assert "535" in refused[2]


def test_s26_no_password_for_strangers(far: Server, letter: str, tmp_path: Path) -> None:
    """
    By default a password is for servers alone that prove who they are.
    """
    file = tmp_path / "password"
    file.write_text("secret\n")
    login = ("--user", "ann", "--password-file", str(file), "--to", "ann@example.test")

    for port, more in (("submission", ()), ("submissions", ("--tls", "implicit"))):
        where = ("--server", f"localhost:{far.ports[port]}")
        status, out, err = pymta("send", letter, *login, *where, *more)
        assert (1, "") == (status, out)
        assert "454 4.7.5 TLS with localhost" in err


def test_nobody_there(letter: str) -> None:
    """
    Two in a row that reach nobody end it: the reason is told of each file, and no more is tried.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{free.getsockname()[1]}"
        status, out, err = pymta("send", *[letter] * 4, "--server", where)

    assert (1, "") == (status, out)
    lines = err.splitlines()
    assert 4 == len(lines)
    assert all(line.startswith(f"pymta: {letter}: ") and "refused" in line for line in lines)


# -- arguments -------------------------------------------------------------------------


def parsed(*arguments: str) -> Namespace:
    """Arguments, as ``main`` has them."""
    return parser().parse_args(["send", "file", "--server", "a.test", *arguments])


def test_marks() -> None:
    """
    Everything that may be said of all messages.
    """
    marks = marks_of(
        parsed(
            *("--from", "<ann@a.test>", "--to", "b@b.test", "--to", "<c@c.test>"),
            *("--notify", "success,delay", "--ret", "hdrs", "--envid", "id 1"),
        )
    )

    assert marks.sender is not None
    assert Address("ann", "a.test") == marks.sender.reverse_path
    assert (Address("b", "b.test"), Address("c", "c.test")) == marks.recipients
    assert (Notify.SUCCESS | Notify.DELAY, Return.HEADERS, "id 1") == (
        marks.notify,
        marks.ret,
        marks.envid,
    )


@pytest.mark.parametrize("text", ["", "<>"])
def test_null_reverse_path(text: str) -> None:
    """
    From nobody.
    """
    marks = marks_of(parsed("--from", text))

    assert marks.sender is not None
    assert marks.sender.reverse_path is None


NO_ARGUMENTS = [
    pytest.param(("--from", "ann"), "--from ann: '@' expected", id="no sender"),
    pytest.param(("--to", "a@b@c"), "--to a@b@c: ", id="no recipient"),
    pytest.param(("--to", ""), "--to : local part", id="empty recipient"),
    pytest.param(("--notify", "never,delay"), "--notify", id="never and something"),
    pytest.param(("--notify", "often"), "--notify", id="no notification"),
    pytest.param(("--notify", ""), "--notify", id="empty notification"),
    pytest.param(("--envid", "a\nb"), "--envid", id="two lines of envid"),
    pytest.param(("--envid", "x" * 34), "--envid", id="long envid"),
    pytest.param(("--server", "a b"), "--server a b: ", id="no server"),
    pytest.param(("--server", "a.test:0"), "--server a.test:0: ", id="no port"),
    pytest.param(("--user", "ann"), "--user without a password", id="no password"),
    pytest.param(("--password-file", "x"), "--password-file goes with --user", id="no user"),
]


@pytest.mark.parametrize(("arguments", "told"), NO_ARGUMENTS)
def test_arguments_refused(
    arguments: tuple[str, ...],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    A mistake is a sentence and status 2, before anything is sent.
    """
    monkeypatch.delenv("PYMTA_PASSWORD", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert 2 == main(["send", "file", "--server", "127.0.0.1:9", *arguments])
    assert f"pymta: {told}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-", "-"), "standard input is one message"),
        (("file", "--user", "ann"), "--user goes with --server"),
        (("file", "--password-file", "x"), "--password-file goes with --server"),
        (("file", "--tls", "may"), "--tls goes with --server"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ",
)
def test_arguments_that_do_not_go_together(
    arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    What has no meaning is not passed over.
    """
    assert 2 == main(["send", *arguments, "--store", "x"])
    assert f"pymta: {told}\n" == capsys.readouterr().err


SERVERS = [
    pytest.param(("127.0.0.1",), "127.0.0.1", 25, id="address"),
    pytest.param(("127.0.0.1:26",), "127.0.0.1", 26, id="address and port"),
    pytest.param(("[127.0.0.1]:26",), "127.0.0.1", 26, id="address in brackets"),
    pytest.param(("::1",), "::1", 25, id="IPv6"),
    pytest.param(("[::1]:26",), "::1", 26, id="IPv6 and port"),
    pytest.param(("127.0.0.1", "--user", "ann"), "127.0.0.1", 587, id="submission"),
    pytest.param(("127.0.0.1", "--tls", "implicit"), "127.0.0.1", 465, id="implicit TLS"),
    pytest.param(("unix:/run/lmtp",), "/run/lmtp", 0, id="socket"),
]


@pytest.mark.parametrize(("arguments", "address", "port"), SERVERS)
def test_destination(arguments: tuple[str, ...], address: str, port: int) -> None:
    """
    A host and a port, by default that of what is wanted.
    """
    (host,) = destination_of(parsed("--server", *arguments)).hosts

    assert ((address,), port) == (host.addresses, host.port)


def test_host_that_nobody_knows() -> None:
    """
    A name without an address is told so.
    """
    with pytest.raises(Mistake, match=r"nowhere\.invalid: "):
        destination_of(parsed("--server", "nowhere.invalid"))


POLICIES = [
    pytest.param((), 25, TLSPolicy(level=TLSLevel.MAY), id="default"),
    pytest.param((), 0, TLSPolicy(level=TLSLevel.NONE), id="socket"),
    pytest.param((), 465, TLSPolicy(level=TLSLevel.VERIFY, implicit=True), id="port 465"),
    pytest.param(("--user", "a"), 587, TLSPolicy(level=TLSLevel.VERIFY), id="with a password"),
    pytest.param(("--user", "a", "--tls", "may"), 1, TLSPolicy(level=TLSLevel.MAY), id="as said"),
    pytest.param(
        ("--tls", "implicit"), 1, TLSPolicy(level=TLSLevel.VERIFY, implicit=True), id="implicit"
    ),
]


@pytest.mark.parametrize(("arguments", "port", "policy"), POLICIES)
def test_policy(arguments: tuple[str, ...], port: int, policy: TLSPolicy) -> None:
    """
    Opportunistic, but for passwords.
    """
    assert policy == policy_of(parsed(*arguments), port)


def test_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The file goes before the environment; an empty one is none.
    """
    monkeypatch.setenv("PYMTA_PASSWORD", " of the environment")
    file = tmp_path / "password"
    file.write_text("of the file \nand more\n")
    arguments = parsed("--user", "ann", "--password-file", str(file))

    assert "of the file " == password_of(arguments)
    assert " of the environment" == password_of(parsed("--user", "ann"))
    file.write_text("\n")
    with pytest.raises(Usage, match="empty"):
        password_of(arguments)
