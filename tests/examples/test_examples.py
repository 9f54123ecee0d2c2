"""
The examples, each as its reader runs it: a message goes in and comes out.
"""

from __future__ import annotations

import imaplib
import importlib.util
import json
import os
import poplib
import re
import smtplib
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import IO, Any, ClassVar

import pytest

from pymta.interfaces.mailbox import IMailboxStore
from pymta.interfaces.policy import IPolicy
from pymta.store.memory.mailboxes import MemoryMailStore
from pymta.testing.contracts.mailbox import MailboxContract
from pymta.testing.contracts.policy import PolicyContract
from tests.edge.certificates import make_pair, pem

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
PYMTA = (sys.executable, "-m", "pymta")
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
    The server that twistd starts takes a message by SMTP and gives it by IMAP and by POP3.
    """
    twistd = str(Path(sys.executable).parent / "twistd")
    smtp, pop3, imap = free_port(), free_port(), free_port()
    with running(
        twistd,
        "-ny",
        str(EXAMPLES / "local_mail_server.tac"),
        f"--pidfile={tmp_path / 'pid'}",
        MAIL=str(tmp_path / "mail"),
        SMTP=str(smtp),
        POP3=str(pop3),
        IMAP=str(imap),
        SUBMISSION="0",
    ):
        send(smtp)

        assert read(pop3).endswith(MESSAGE % b"hello")
        with imaplib.IMAP4("127.0.0.1", imap) as client:
            client.login("b@example.test", "anything")
            assert ("OK", [b"1"]) == client.select()


def test_workers(tmp_path: Path) -> None:
    """
    Two processes take mail at one port, and what they took is in the folder.
    """
    port = free_port()
    mail = tmp_path / "mail"
    with running(
        sys.executable,
        str(EXAMPLES / "workers.py"),
        DIRECTORY=str(mail),
        ENDPOINT=f"tcp:{port}:interface=127.0.0.1",
        WORKERS="2",
    ) as output:
        assert output.readline().startswith("2 workers at tcp:")
        for _ in range(8):
            send(port, to="postmaster@example.test")
    told = subprocess.run(
        [*PYMTA, "account", "quota", "postmaster@example.test", "--store", str(mail)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert re.search(r"^messages +8 ", told.stdout, re.MULTILINE)
    assert 2 == len([*mail.glob("owner-*.lock")])


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


def test_imap_extension() -> None:
    """
    A command of one's own is announced, and answered like the others.
    """
    with (
        running(sys.executable, str(EXAMPLES / "imap_extension.py"), "0") as output,
        imaplib.IMAP4("127.0.0.1", ports_of(output, 1)["imap"]) as imap,
    ):
        imap.login("b@example.test", "anything")
        imap.append("INBOX", "", "", MESSAGE % b"hello")
        assert "XTOTAL" in imap.capability()[1][0].decode().split()
        imap.send(b"x XTOTAL\r\n")
        size = len(MESSAGE % b"hello")
        assert b"* XTOTAL 1 %d\r\n" % size == imap.readline()
        assert b"x OK Counted\r\n" == imap.readline()


def test_custom_store(tmp_path: Path) -> None:
    """
    The store keeps a file of what it gave to the mailbox, in a folder that it makes.
    """
    folder = tmp_path / "kept"
    with running(
        sys.executable, str(EXAMPLES / "custom_store.py"), str(folder), "0", "0"
    ) as output:
        ports = ports_of(output, 2)
        send(ports["smtp"])
        octets = read(ports["pop3"])

        [file] = folder.iterdir()
        assert octets == file.read_bytes()
        assert file.name.startswith("b@example.test-")


# -- mail for elsewhere ------------------------------------------------------------------


class FarServer(socketserver.StreamRequestHandler):
    """A next hop that does what its recipients are called, and remembers what it was told."""

    heard: ClassVar[list[bytes]]

    def handle(self) -> None:
        self.say(b"220 far.example")
        try:
            while line := self.rfile.readline():
                self.heard.append(line)
                self.answer(line)
        except ConnectionError:
            self.heard.append(b"(gone)")

    def answer(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"EHLO":
            self.say(b"250-far.example\r\n250-XFORWARD ADDR\r\n250 8BITMIME")
        elif verb == b"DATA":
            self.say(b"354 go on")
            while (line := self.rfile.readline()) != b".\r\n":
                if not line:
                    return
                self.heard.append(line)
            self.heard.append(b"(kept)")
            self.say(b"250 2.6.0 kept as 4711")
        elif b"<no" in line:
            self.say(b"550 5.1.1 nobody of this name")
        elif b"<later" in line:
            self.say(b"451 4.7.1 later")
        else:
            self.say(b"250 2.1.0 fine")

    def say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


@contextmanager
def far_server() -> Iterator[tuple[int, list[bytes]]]:
    """Its port, and the lines that it hears."""
    heard: list[bytes] = []
    kind = type("Far", (FarServer,), {"heard": heard})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), kind) as far:
        far.daemon_threads = True
        threading.Thread(target=far.serve_forever, daemon=True).start()
        try:
            yield far.server_address[1], heard
        finally:
            far.shutdown()


def test_relay_with_queue(tmp_path: Path) -> None:
    """
    What was acknowledged is carried to the next hop, also by the next process; who is put off
    waits in the queue, with the next hop's words.
    """
    twistd = str(Path(sys.executable).parent / "twistd")
    smtp = free_port()

    def relay(port: int) -> Any:
        return running(
            twistd,
            "-ny",
            str(EXAMPLES / "relay_with_queue.tac"),
            f"--pidfile={tmp_path / 'pid'}",
            QUEUE=str(tmp_path / "queue"),
            SMTP=str(smtp),
            NEXT_HOP=f"127.0.0.1:{port}",
        )

    with far_server() as (port, heard):
        with relay(port):
            send(smtp, to="b@elsewhere.test")
            assert patiently(lambda: b"QUIT\r\n" in heard or None)
            assert b"RCPT TO:<b@elsewhere.test>\r\n" in heard
            assert b"..dot\r\n" in heard
            send(smtp, to="later@elsewhere.test")
            assert patiently(lambda: b"RCPT TO:<later@elsewhere.test>\r\n" in heard or None)
        command = [sys.executable, "-m", "pymta", "queue"]
        store = ["--store", str(tmp_path / "queue")]
        listed = subprocess.run(
            [*command, "list", "--json", *store], capture_output=True, check=True, text=True
        )
        (entry,) = json.loads(listed.stdout)
        assert ["451 4.7.1 later"] == [each["reply"] for each in entry["recipients"]]

        heard.clear()
        subprocess.run([*command, "retry", "ALL", *store], stdout=subprocess.DEVNULL, check=True)
        with relay(port):
            assert patiently(lambda: b"RCPT TO:<later@elsewhere.test>\r\n" in heard or None)


def test_smarthost_client(tmp_path: Path) -> None:
    """
    The application's message comes out of a mailbox behind a smarthost that wants a login, and
    that proves who it is; a stranger in its place gets no password.
    """
    smarthost = [sys.executable, str(Path(__file__).parent / "smarthost.py")]
    with running(*smarthost, str(pem()), str(pem())) as output:
        ports = ports_of(output, 2)

        def client(authorities: str, name: str) -> Any:
            return running(
                sys.executable,
                str(EXAMPLES / "smarthost_client.py"),
                f"127.0.0.1:{ports['submission']}",
                *("ann@example.test", "ann@example.test", "b@example.test"),
                PASSWORD="anything",
                AUTHORITIES=authorities,
                QUEUE=str(tmp_path / name),
            )

        with client(str(pem()), "queue") as said:
            lines = read_aside(said)
            assert patiently(lambda: lines == ["kept\n", "gone\n"] or None), lines
        message = read(ports["pop3"])
        assert b"Sent by an application." in message
        assert b"with ESMTPSA" in message

        with client(make_pair(tmp_path, "other").certificate, "other") as said:
            lines = read_aside(said)
            assert patiently(lambda: lines or None)
            reply = patiently(lambda: reply_of(tmp_path / "other"))
            assert reply.startswith("454 4.7.5 TLS with"), reply
            assert ["kept\n"] == lines


def read_aside(output: IO[str]) -> list[str]:
    """The lines of an output, as they come: whoever waits for one may give up."""
    lines: list[str] = []

    def follow() -> None:
        for line in output:
            lines.append(line)

    threading.Thread(target=follow, daemon=True).start()
    return lines


def reply_of(store: Path) -> str | None:
    """The last "not now" of the only recipient in a queue."""
    listed = subprocess.run(
        [sys.executable, "-m", "pymta", "queue", "list", "--json", "--store", str(store)],
        capture_output=True,
        check=True,
        text=True,
    )
    reply: str | None = json.loads(listed.stdout)[0]["recipients"][0]["reply"]
    return reply


def test_content_filter() -> None:
    """
    The answers are the next hop's own, and the octets ours but for one field; what is refused does
    not get there.
    """
    with (
        far_server() as (port, heard),
        running(sys.executable, str(EXAMPLES / "content_filter.py"), str(port), "0") as output,
        smtplib.SMTP("127.0.0.1", ports_of(output, 1)["listening"], timeout=10) as smtp,
    ):
        smtp.ehlo()
        assert not {"chunking", "binarymime"} & set(smtp.esmtp_features)
        assert 250 == smtp.mail("a@example.org", ["BODY=8BITMIME"])[0]
        assert (550, b"5.1.1 nobody of this name") == smtp.rcpt("no@example.test")
        assert (250, b"2.1.0 fine") == smtp.rcpt("b@example.test")
        assert (250, b"2.6.0 kept as 4711") == smtp.data(MESSAGE % b"hello")
        content = b"X-Filter: passed\r\n" + (MESSAGE % b"hello").replace(b"\r\n.", b"\r\n..")
        assert [
            b"EHLO filter.example\r\n",
            b"XFORWARD ADDR=127.0.0.1\r\n",
            b"MAIL FROM:<a@example.org> BODY=8BITMIME\r\n",
            b"RCPT TO:<no@example.test>\r\n",
            b"RCPT TO:<b@example.test>\r\n",
            b"DATA\r\n",
            *content.splitlines(keepends=True),
            b"(kept)",
        ] == [line for line in heard if line != b"QUIT\r\n"]

        heard.clear()
        with pytest.raises(smtplib.SMTPDataError, match="We do not play"):
            smtp.sendmail("a@example.org", ["b@example.test"], MESSAGE % b"lottery")
        assert not [line for line in heard if b"lottery" in line]
        smtp.sendmail("a@example.org", ["b@example.test"], MESSAGE % (b"x" * 200_000))
        with pytest.raises(smtplib.SMTPSenderRefused, match="nobody of this name"):
            smtp.sendmail("no@example.org", ["b@example.test"], MESSAGE % b"hello")


def test_s03_content_filter_passes_nothing_else() -> None:
    """
    An end of the data that is none is refused here, and nobody behind us could take it for one.
    """
    with (
        far_server() as (port, heard),
        running(sys.executable, str(EXAMPLES / "content_filter.py"), str(port), "0") as output,
        smtplib.SMTP("127.0.0.1", ports_of(output, 1)["listening"], timeout=10) as smtp,
    ):
        smtp.ehlo()
        smtp.mail("a@example.org")
        smtp.rcpt("b@example.test")
        smtp.docmd("DATA")
        smtp.send(b"Subject: x\r\n\r\nhello\n.\nMAIL FROM:<c@example.org>\r\n")
        smtp.send(b"more of it\r\n" * 20_000 + b".\r\n")
        assert 5 == smtp.getreply()[0] // 100
        assert patiently(lambda: heard[-1] == b"(gone)" or None)
        assert b"(kept)" not in heard
        assert [] == [line for line in heard[:-1] if not line.endswith(b"\r\n")]


def test_content_filter_without_next_hop() -> None:
    """
    While nobody is behind it, everybody is asked to come again.
    """
    with (
        running(
            sys.executable, str(EXAMPLES / "content_filter.py"), str(free_port()), "0"
        ) as output,
        smtplib.SMTP("127.0.0.1", ports_of(output, 1)["listening"], timeout=10) as smtp,
    ):
        smtp.ehlo()
        assert 451 == smtp.mail("a@example.org")[0]


# -- contracts ---------------------------------------------------------------------------


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
