"""
Tests for ``twistd pymta``: as a daemon, in the foreground, and with mistakes.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.clients import MESSAGE, fetched, send
from tests.cli.daemons import free_ports, is_alive
from tests.cli.daemons import twistd as command
from tests.cli.processes import pymta

CONFIG = """\
hostname = "mail.example.test"
directory = "mail"
domains = ["example.test"]

[[listeners]]
protocol = "smtp"
endpoint = "tcp:{smtp}:interface=127.0.0.1"

[[listeners]]
protocol = "pop3"
endpoint = "tcp:{pop3}:interface=127.0.0.1"

[accounts.cost]
passes = 1
memory = 8
iterations = 4096
"""


def twistd(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it until its end, or until it has become a daemon."""
    return subprocess.run(
        command(*arguments),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
    )


def wait_for(port: int) -> None:
    """Until somebody listens there."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
                assert client.recv(100)
                return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_daemon(tmp_path: Path) -> None:
    """
    Without ``-n`` it forks, writes its number, and exchanges mail: nothing that was made before
    the fork was opened there.  SIGTERM ends it, and takes the number away.
    """
    ports = dict(zip(("smtp", "pop3"), free_ports(), strict=True))
    (tmp_path / "mail.toml").write_text(CONFIG.format(**ports))
    made = pymta(
        "account",
        "add",
        "bob@example.test",
        "--config",
        "mail.toml",
        given="secret\n",
        cwd=tmp_path,
    )
    assert (0, "", "") == made

    started = twistd(
        tmp_path, "--pidfile=t.pid", "--logfile=t.log", "pymta", "--config", "mail.toml"
    )
    assert 0 == started.returncode, started.stderr
    pid = int((tmp_path / "t.pid").read_text())
    try:
        wait_for(ports["pop3"])
        send(ports["smtp"], "bob@example.test")
        (message,) = fetched(ports["pop3"], "bob", password="secret")
        assert message.endswith(MESSAGE)
    finally:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 30
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid), (tmp_path / "t.log").read_text()
    assert not (tmp_path / "t.pid").exists()


def test_mistakes(tmp_path: Path) -> None:
    """
    All of them are printed, with file and line; status 2, and no traceback.
    """
    (tmp_path / "mail.toml").write_text('hostnam = "x"\n[[listeners]]\nendpoint = "tcp:x"\n')

    ended = twistd(tmp_path, "-n", "pymta", "--config", "mail.toml")

    assert 2 == ended.returncode
    assert [
        "mail.toml:1: hostname is missing",
        "mail.toml:1: directory is missing",
        "mail.toml:1: hostnam: unknown key (did you mean hostname?)",
        "mail.toml:2: listeners[0]: protocol is missing",
        'mail.toml:3: listeners[0].endpoint: no port: "x" (0 to 65535)',
    ] == sorted(ended.stderr.splitlines(), key=lambda line: (line.split(":")[1], "unknown" in line))
    assert "Traceback" not in ended.stderr + ended.stdout


def test_port_is_taken(tmp_path: Path) -> None:
    """
    What shows only when it starts is told without a traceback, and ends it with status 1.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "mail.toml").write_text(CONFIG.format(smtp=port, pop3=0))
        ended = twistd(tmp_path, "-n", "pymta", "--config", "mail.toml")

    assert 1 == ended.returncode
    assert f"cannot start: cannot listen on 127.0.0.1:{port}: " in ended.stdout
    assert "Traceback" not in ended.stderr + ended.stdout
    assert not (tmp_path / "twistd.pid").exists()


def test_d06_a_second_server_does_not_start(tmp_path: Path) -> None:
    """
    Two of one name in one folder would deliver each other's mail twice; that their ports differ
    says nothing.  The first goes on.
    """
    ports = dict(zip(("smtp", "pop3"), free_ports(), strict=True))
    others = dict(zip(("smtp", "pop3"), free_ports(), strict=True))
    (tmp_path / "mail.toml").write_text(CONFIG.format(**ports))
    (tmp_path / "second.toml").write_text(CONFIG.format(**others))
    started = twistd(
        tmp_path, "--pidfile=t.pid", "--logfile=t.log", "pymta", "--config", "mail.toml"
    )
    assert 0 == started.returncode, started.stderr
    pid = int((tmp_path / "t.pid").read_text())
    try:
        wait_for(ports["pop3"])
        second = twistd(tmp_path, "-n", "--pidfile=", "pymta", "--config", "second.toml")

        assert 1 == second.returncode
        assert "another server is at work there" in second.stdout
        assert is_alive(pid)
    finally:
        os.kill(pid, signal.SIGTERM)


@pytest.mark.parametrize("arguments", [(), ("--config",), ("--confg", "x")], ids=str)
def test_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """
    Missing and unknown arguments are told.
    """
    ended = twistd(tmp_path, "-n", "pymta", *arguments)

    assert 1 == ended.returncode
    assert "Traceback" not in ended.stderr + ended.stdout


def test_help(tmp_path: Path) -> None:
    """
    It says what it wants.
    """
    ended = twistd(tmp_path, "pymta", "--help")

    assert 0 == ended.returncode
    assert "--config=" in ended.stdout


def test_the_terminal_has_gone(tmp_path: Path) -> None:
    """
    A server that was started at one ends with it, as with SIGTERM.
    """
    ports = dict(zip(("smtp", "pop3"), free_ports(), strict=True))
    (tmp_path / "mail.toml").write_text(CONFIG.format(**ports))
    ours, theirs = os.openpty()
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(
            command("-n", "--pidfile=", "pymta", "--config", "mail.toml"),
            stdin=theirs,
            stdout=out,
            stderr=out,
            cwd=tmp_path,
            start_new_session=True,
        )
    os.close(theirs)
    try:
        wait_for(ports["smtp"])
        process.send_signal(signal.SIGHUP)
        assert 0 == process.wait(30)
    finally:
        process.kill()
        process.wait(30)
        os.close(ours)
    assert "Server Shut Down." in (tmp_path / "out").read_text()
