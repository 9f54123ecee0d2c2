"""
Tests for a server of several processes: by its configuration, and the parent by itself.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.error import CannotListenError
from twisted.logger import capturedLogs, formatEvent

from pymta.aio import CancelledError, sleep
from pymta.workers import WorkerFailed, Workers
from tests.cli.clients import MESSAGE, fetched, send
from tests.cli.daemons import (
    SECONDS,
    free_ports,
    is_alive,
    twistd,
    wait_for_end,
    wait_for_lines,
)
from tests.cli.processes import interruptible, pymta

CONFIG = """\
hostname = "mail.example.test"
directory = "mail"
domains = ["example.test"]
workers = {workers}

[log]
addresses = "pseudonym"

[[listeners]]
protocol = "smtp"
endpoint = "tcp:{smtp}:interface=127.0.0.1"

[[listeners]]
protocol = "pop3"
endpoint = "tcp:{pop3}:interface=127.0.0.1"

[[listeners]]
protocol = "lmtp"
endpoint = "unix:lmtp"

[limits.logins]
address = 3
delay = 0

[accounts.cost]
passes = 1
memory = 8
iterations = 4096
"""


@dataclass(frozen=True, slots=True)
class Server:
    """``twistd -n pymta`` in a folder."""

    process: subprocess.Popen[bytes]
    folder: Path
    smtp: int
    pop3: int

    @property
    def log(self) -> str:
        """All that it wrote."""
        return (self.folder / "out").read_text()

    def workers(self) -> list[int]:
        """The processes of the workers."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(each) for each in path.read_text().split()]

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it: ``twistd`` ends by the signal that it got, when all has stopped."""
        self.process.send_signal(number)
        assert -number == self.process.wait(SECONDS)


@contextmanager
def serving(folder: Path, *, workers: int = 2) -> Iterator[Server]:
    """A server, once all of its workers are ready."""
    smtp, pop3 = free_ports()
    (folder / "mail.toml").write_text(CONFIG.format(smtp=smtp, pop3=pop3, workers=workers))
    made = pymta(
        *("account", "add", "bob@example.test", "--config", "mail.toml"), given="x\n", cwd=folder
    )
    assert (0, "", "") == made
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            twistd("-n", "--pidfile=", "pymta", "--config", "mail.toml"),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder,
            preexec_fn=interruptible,
        )
    server = Server(process, folder, smtp, pop3)
    try:
        wait_for_lines(folder / "out", f"{workers} workers are ready")
        yield server
    finally:
        left = server.workers() if process.poll() is None else []
        process.kill()
        process.wait(SECONDS)
        for pid in left:
            wait_for_end(pid)


def test_they_share_the_work(tmp_path: Path) -> None:
    """
    Connections are dealt out to both; what one has taken is read through either, an address has one
    pseudonym, and who fails to log in at one has failed at all: after three failures, at whichever
    worker, all of them turn the address away.  SIGTERM ends all of them.
    """
    with serving(tmp_path) as server:
        workers = server.workers()
        assert 2 == len(workers)
        for _ in range(20):
            send(server.smtp, "bob@example.test")
        messages = fetched(server.pop3, "bob", count=20, password="x")
        assert [True] * 20 == [each.endswith(MESSAGE) for each in messages]
        refused = [login(server.pop3, "wrong") for _ in range(3)]
        assert ["-ERR [AUTH]"] * 3 == [each[:11] for each in refused]
        for _ in range(8):
            assert login(server.pop3, "x").startswith("-ERR [SYS/TEMP] Too many failed logins")
        server.end()
        log = server.log

    assert {"smtp", "smtp.2"} == set(re.findall(r"(smtp[.\d]*)-[0-9a-f]+ .* connected", log))
    assert 1 == len(set(re.findall(r"from=<([^>]+)>", log)))
    assert [False, False] == [is_alive(pid) for pid in workers]
    assert "Traceback" not in log


def login(port: int, password: str) -> str:
    """What is said in the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        lines = client.makefile("rwb")
        said = lines.readline()
        for command in ("USER bob@example.test", f"PASS {password}"):
            if not said.startswith(b"+OK"):
                break
            lines.write(command.encode() + b"\r\n")
            lines.flush()
            said = lines.readline()
        return said.decode()


def test_killed_ones_are_started_again(tmp_path: Path) -> None:
    """
    Whoever comes meanwhile waits in a backlog, and is served: nobody is refused.  What the dead one
    had promised is there.
    """
    with serving(tmp_path) as server:
        before = server.workers()
        send(server.smtp, "bob@example.test")
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        for pid in before:
            wait_for_end(pid)
        for _ in range(6):
            send(server.smtp, "bob@example.test")
        after = server.workers()
        assert 2 == len(after)
        assert not {*before} & {*after}
        assert 7 == len(fetched(server.pop3, "bob", count=7, password="x"))
        assert 2 == server.log.count("has ended (signal 9): it is started again in 1 s")
        server.end(signal.SIGINT)


def test_without_a_parent_they_stop(tmp_path: Path) -> None:
    """
    It was killed: its workers see that nobody is there any more, and end in peace.  SIGHUP to all
    of them, without a terminal, is told, and changes nothing.
    """
    with serving(tmp_path) as server:
        workers = server.workers()
        for pid in (*workers, server.process.pid):
            os.kill(pid, signal.SIGHUP)
        wait_for_lines(tmp_path / "out", "SIGHUP: certificates and aliases are read")
        send(server.smtp, "bob@example.test")
        server.end(signal.SIGKILL)
        for pid in workers:
            wait_for_end(pid)
        assert 2 == server.log.count("Main loop terminated")


def test_a_second_server_does_not_start(tmp_path: Path) -> None:
    """Neither at the same ports, nor on the same folder; it is told why, with status 1."""
    with serving(tmp_path) as server:
        said = started_badly(tmp_path)
        assert f"cannot listen on 127.0.0.1:{server.smtp}: Address already in use" in said
        smtp, pop3 = free_ports()
        again = CONFIG.format(smtp=smtp, pop3=pop3, workers=2).replace("unix:lmtp", "unix:lmtp2")
        (tmp_path / "mail.toml").write_text(again)
        said = started_badly(tmp_path)
        assert "another server is at work there as 'pymta'" in said
        assert "cannot start: worker 1 has not started (status 1)" in said
        (tmp_path / "mail.toml").write_text(again.replace("workers = 2", "workers = 1"))
        assert "another server is at work there as 'pymta'" in started_badly(tmp_path)
        send(server.smtp, "bob@example.test")
        server.end()


def started_badly(folder: Path) -> str:
    """What a server says that must not start."""
    done = subprocess.run(
        twistd("-n", "--pidfile=", "pymta", "--config", "mail.toml"),
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=folder,
    )
    assert 1 == done.returncode
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def test_daemon(tmp_path: Path) -> None:
    """What workers write is in the log file of the daemon, each line with who wrote it."""
    smtp, pop3 = free_ports()
    (tmp_path / "mail.toml").write_text(CONFIG.format(smtp=smtp, pop3=pop3, workers=2))
    command = twistd("--pidfile=t.pid", "--logfile=t.log", "pymta", "--config", "mail.toml")
    subprocess.run(command, check=True, timeout=SECONDS, cwd=tmp_path)
    pid = int((tmp_path / "t.pid").read_text())
    log = tmp_path / "t.log"
    try:
        wait_for_lines(log, r"\[pymta\.edge#info\] smtp: listening on", times=2)
        wait_for_lines(log, "2 workers are ready")
        send(smtp, "postmaster@example.test")
        wait_for_lines(log, r"\n\S+ \[pymta\.mail#info\] smtp\S* \[.*connected\n")
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for_end(pid)
    assert not (tmp_path / "t.pid").exists()


@pytest.mark.parametrize("workers", ["0", "65", '"two"'])
def test_no_number_of_workers(tmp_path: Path, workers: str) -> None:
    """Is a mistake in the file, with its line."""
    (tmp_path / "mail.toml").write_text(CONFIG.format(smtp=1, pop3=2, workers=workers))
    status, _, said = pymta("check", "mail.toml", cwd=tmp_path)
    assert 2 == status
    assert said.startswith("mail.toml:4: workers: ")


def test_by_hand() -> None:
    """A worker that nobody has started as one says so."""
    done = subprocess.run(
        [sys.executable, "-m", "pymta.cli.worker", "mail.toml"],
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (2, "a worker is started by its server: twistd pymta --config FILE\n") == (
        done.returncode,
        done.stderr,
    )


# -- the parent by itself ----------------------------------------------------------

CHILD = """
import json, os, sys, time, signal
told = json.loads(os.read(0, 65536))
def ready():
    os.write(3, b"ready\\n")
def wait():
    while os.read(0, 65536): pass
"""


def workers_of(child: str, *, relogs: bool = False, seconds: float = 20.0) -> Workers:
    """Two of them, each running this."""
    clock: Any = reactor
    command = [sys.executable, "-c", CHILD + child]
    return Workers(
        clock,
        command,
        ["tcp:0:interface=127.0.0.1"],
        number=2,
        relogs=relogs,
        seconds=seconds,
    )


@ensureDeferred
async def test_what_they_are_told(tmp_path: Path) -> None:
    """Their number, how many there are, one secret for all, and a socket that listens."""
    workers = workers_of(
        "import socket\n"
        "fd, family, backlog = told['sockets'][0]\n"
        "told['port'] = socket.socket(family, fileno=fd).getsockname()[1]\n"
        f"open({str(tmp_path)!r} + '/%d' % told['number'], 'w').write(json.dumps(told))\n"
        "ready(); wait()"
    )
    workers.startService()
    await workers.ready
    bound = workers.bound[0]
    assert bound is not None
    told = [json.loads((tmp_path / name).read_text()) for name in ("1", "2")]
    assert {1: 2, 2: 2} == {each["number"]: each["of"] for each in told}
    assert [bound.of(1).getsockname()[1]] * 2 == [each["port"] for each in told]
    assert 1 == len({each["secret"] for each in told})
    assert 64 == len(told[0]["secret"])
    pids = list(workers.pids.values())
    await workers.stopService()
    assert [False, False] == [is_alive(pid) for pid in pids]
    with pytest.raises(RuntimeError):
        workers.bound  # noqa: B018


@ensureDeferred
async def test_one_that_does_not_start() -> None:
    """Ends the start of all, with its status; nobody is left."""
    workers = workers_of("if told['number'] == 2: sys.exit(3)\nready(); wait()")
    workers.startService()
    with pytest.raises(WorkerFailed, match=r"^worker 2 has not started \(status 3\)$"):
        await workers.ready
    assert not any(workers.pids.values())
    await workers.stopService()


@ensureDeferred
async def test_a_port_that_is_taken() -> None:
    """Nobody is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        clock: Any = reactor
        endpoints = ["tcp:0:interface=127.0.0.1", f"tcp:{taken.getsockname()[1]}"]
        workers = Workers(clock, ["/bin/false"], endpoints, number=2)
        workers.privilegedStartService()
        workers.startService()
        with pytest.raises(CannotListenError):
            await workers.ready
    assert {} == workers.pids
    await workers.stopService()


@ensureDeferred
async def test_stopped_before_they_are_ready() -> None:
    """They are not left behind, and ``ready`` says that nobody wanted it any more."""
    workers = workers_of("time.sleep(60)")
    workers.startService()
    [pid] = workers.pids.values()
    await workers.stopService()
    with pytest.raises(CancelledError):
        await workers.ready
    assert not is_alive(pid)


@ensureDeferred
async def test_who_does_not_listen_is_killed() -> None:
    """After its time; the others have ended in peace."""
    workers = workers_of(
        "if told['number'] == 1: signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "ready()\n"
        "if told['number'] == 1: time.sleep(60)\n"
        "wait()",
        seconds=0.5,
    )
    workers.startService()
    await workers.ready
    pids = list(workers.pids.values())
    await workers.stopService()
    assert [False, False] == [is_alive(pid) for pid in pids]


@ensureDeferred
async def test_started_again_and_again(tmp_path: Path) -> None:
    """
    After one second, then after two: what ends at once is not started as fast as it can end.
    """
    workers = workers_of(
        f"with open({str(tmp_path / 'lives')!r}, 'a') as lives:\n"
        "    if told['number'] == 2: lives.write('%f\\n' % time.time())\n"
        "ready()\n"
        "if told['number'] == 2: sys.exit(1)\n"
        "wait()"
    )
    workers.startService()
    await workers.ready
    clock: Any = reactor
    while len(lives := (tmp_path / "lives").read_text().split()) < 3:
        await sleep(clock, 0.1)
    await workers.stopService()
    first, second, third = map(float, lives)
    assert second - first >= 1
    assert third - second >= 2


@ensureDeferred
async def test_what_they_write_is_logged_here() -> None:
    """
    Line by line, each with the level and the name that it had there; what is no line of a log
    has ours, also one without an end.
    """
    workers = workers_of(
        "print('2026-11-24T19:00:00+0000 [pymta.mail#warn] smtp-1 {curly} [127.0.0.1:1] says')\n"
        "print('Traceback:'); print('    no \\xff line', end='', flush=True)\n"
        "ready(); wait()",
        relogs=True,
    )
    with capturedLogs() as events:
        workers.startService()
        await workers.ready
        await workers.stopService()
    lines = [
        (e["log_namespace"], e["log_level"].name, formatEvent(e)) for e in events if "line" in e
    ]
    expected = [
        ("pymta.mail", "warn", "smtp-1 {curly} [127.0.0.1:1] says"),
        ("pymta.workers", "info", "Traceback:"),
        ("pymta.workers", "info", "    no ÿ line"),
    ]
    assert sorted(expected * 2) == sorted(lines)
