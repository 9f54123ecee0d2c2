"""
The examples, each as its reader runs it: a message goes in and comes out.
"""

from __future__ import annotations

import importlib.util
import os
import poplib
import re
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import pytest

from pymta.interfaces.mailbox import IMailboxStore
from pymta.interfaces.policy import IPolicy
from pymta.store.memory.mailboxes import MemoryMailStore
from pymta.testing.contracts.mailbox import MailboxContract
from pymta.testing.contracts.policy import PolicyContract

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
MESSAGE = b"From: a@example.org\r\nTo: b@example.test\r\nSubject: %s\r\n\r\n.dot\r\n"


def load(name: str) -> ModuleType:
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port: int = made.getsockname()[1]
        return port


@contextmanager
def running(*command: str, **environment: str) -> Iterator[IO[str]]:
    """A process, ended when the test is over; its output."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, **environment},
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.terminate()
        process.communicate(timeout=20)


def patiently(attempt: Callable[[], Any]) -> Any:
    """Its result, as soon as it has one; for ten seconds."""
    until = time.monotonic() + 10
    while True:
        try:
            result = attempt()
        except OSError:
            if time.monotonic() > until:
                raise
            result = None
        if result is not None or time.monotonic() > until:
            return result
        time.sleep(0.05)


def ports_of(output: IO[str], count: int) -> dict[str, int]:
    """What the example says of where it listens."""
    ports = {}
    for line in output:
        found = re.search(r"^(\w+).*127\.0\.0\.1:(\d+)$", line.strip())
        if found:
            ports[found[1]] = int(found[2])
        if len(ports) == count:
            break
    return ports


def send(port: int, subject: bytes = b"hello", to: str = "b@example.test") -> None:
    def attempt() -> bool:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as smtp:
            smtp.sendmail("a@example.org", [to], MESSAGE % subject)
        return True

    assert patiently(attempt)


def read(port: int, user: str = "b@example.test") -> bytes:
    """The first message in the mailbox, when it is there."""

    def attempt() -> bytes | None:
        pop = poplib.POP3("127.0.0.1", port, timeout=10)
        pop.user(user)
        pop.pass_("anything")
        octets = b"\r\n".join(pop.retr(1)[1]) + b"\r\n" if pop.stat()[0] else None
        pop.quit()
        return octets

    octets: bytes = patiently(attempt)
    return octets


def test_minimal_receiver() -> None:
    """
    Fifteen lines take a message.
    """
    source = (EXAMPLES / "minimal_receiver.py").read_text()
    assert len([line for line in source.splitlines() if line.strip()]) <= 15
    with running(sys.executable, str(EXAMPLES / "minimal_receiver.py"), "0") as output:
        send(ports_of(output, 1)["listening"])

        size = len(MESSAGE % b"hello")
        assert f"a@example.org -> b@example.test: {size} octets\n" == output.readline()


def test_local_mail_server(tmp_path: Path) -> None:
    """
    The server that twistd starts takes a message by SMTP and gives it by POP3.
    """
    twistd = str(Path(sys.executable).parent / "twistd")
    smtp, pop3 = free_port(), free_port()
    with running(
        twistd,
        "-ny",
        str(EXAMPLES / "local_mail_server.tac"),
        f"--pidfile={tmp_path / 'pid'}",
        MAIL=str(tmp_path / "mail"),
        SMTP=str(smtp),
        POP3=str(pop3),
        SUBMISSION="0",
    ):
        send(smtp)

        assert read(pop3).endswith(MESSAGE % b"hello")


def test_lmtp_store(tmp_path: Path) -> None:
    """
    Another MTA gives it mail by LMTP: when it is answered the message is in the mailbox.
    """
    twistd = str(Path(sys.executable).parent / "twistd")
    path, pop3 = tmp_path / "lmtp", free_port()
    with running(
        twistd,
        "-ny",
        str(EXAMPLES / "lmtp_store.tac"),
        f"--pidfile={tmp_path / 'pid'}",
        MAIL=str(tmp_path / "mail"),
        LMTP=str(path),
        POP3=str(pop3),
    ):

        def attempt() -> dict[str, Any]:
            with smtplib.LMTP(str(path)) as lmtp:
                return lmtp.sendmail("a@example.org", ["b@example.test"], MESSAGE % b"hello")

        assert {} == patiently(attempt)
        assert read(pop3).endswith(MESSAGE % b"hello")


def test_custom_policy() -> None:
    """
    The policy refuses what it was told to refuse, and marks the rest.
    """
    with running(sys.executable, str(EXAMPLES / "custom_policy.py"), "0", "0") as output:
        ports = ports_of(output, 2)
        with pytest.raises(smtplib.SMTPDataError, match="do not talk about that"):
            send(ports["smtp"], b"you won the LOTTERY")
        send(ports["smtp"])

        assert b"\r\nX-Words: none found\r\n" in read(ports["pop3"])


def test_custom_store(tmp_path: Path) -> None:
    """
    The store keeps a file of what it gave to the mailbox.
    """
    with running(
        sys.executable, str(EXAMPLES / "custom_store.py"), str(tmp_path), "0", "0"
    ) as output:
        ports = ports_of(output, 2)
        send(ports["smtp"])
        octets = read(ports["pop3"])

        [file] = tmp_path.iterdir()
        assert octets == file.read_bytes()
        assert file.name.startswith("b@example.test-")


class TestCustomPolicy(PolicyContract):
    """The policy of the example keeps the contract."""

    async def make(self) -> IPolicy:
        policy: IPolicy = load("custom_policy").Words(["lottery"])
        return policy

    async def reopen(self, provider: IPolicy) -> IPolicy:
        return await self.make()


class TestCustomStore(MailboxContract):
    """The store of the example keeps the contract."""

    tombstones = 50
    test_lock_ends_with_its_process = None  # type: ignore[assignment]  # it is in one process

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.archive = tmp_path

    async def make(self) -> IMailboxStore:
        self.now = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
        inner = MemoryMailStore(now=lambda: self.now, tombstones=self.tombstones)
        self.store = load("custom_store").Archiving(inner, self.archive)
        return await self.reopen(inner.mailboxes("anna"))

    async def reopen(self, store: IMailboxStore) -> IMailboxStore:
        made: IMailboxStore = self.store.mailboxes("anna")
        return made

    async def another(self, store: IMailboxStore) -> IMailboxStore:
        return await self.reopen(store)

    async def elapse(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
