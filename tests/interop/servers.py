"""
A server of its own for a module of tests: a process, told to end and waited for.

Its ports are read from the one line that it prints; what it logs is shown where it does not
start or end as it should.  Clients trust the certificate that it shows, and check its name.
"""

from __future__ import annotations

import json
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

from tests.interop.letters import LETTERS, letter
from tests.interop.reading import Account

__all__ = ["DOMAIN", "HOST", "Server", "serving"]

DOMAIN = "example.test"
HOST = "localhost"
"""The name in the certificate."""

START_SECONDS = 30.0
STOP_SECONDS = 10.0

COMMAND = (sys.executable, "-m", "pymta", "testserver")


@dataclass(slots=True, kw_only=True)
class Server:
    """
    One that listens.

    :param ports: by name.
    :param pem: a file with its certificate.
    :param accounts: those that it has, and that no test has taken yet.
    :param store: its folder; None keeps all in memory.
    """

    ports: dict[str, int]
    pem: Path
    accounts: list[Account] = field(repr=False)
    store: Path | None

    def account(self) -> Account:
        """One that no other test uses."""
        return self.accounts.pop()

    def trusting(self) -> ssl.SSLContext:
        """A client's context that knows the certificate and checks its name."""
        return ssl.create_default_context(cafile=str(self.pem))

    def deliver(self, account: Account, names: Sequence[str] = LETTERS) -> list[bytes]:
        """Put letters into a mailbox, and give them as they were sent."""
        sent = [letter(name, "a@elsewhere.test", account.address) for name in names]
        with smtplib.SMTP(HOST, self.ports["smtp"], timeout=20) as client:
            for octets in sent:
                client.sendmail("a@elsewhere.test", [account.address], octets)
        self.read_by(account, len(sent))
        return sent

    def read_by(self, account: Account, count: int) -> list[bytes]:
        """All messages of an account, as soon as there are so many."""
        return account.wait_for(self.ports["pop3"], count)


@contextmanager
def serving(
    folder: Path, accounts: Sequence[Account], *, store: Path | None = None
) -> Iterator[Server]:
    """
    A server with these accounts, until the end of the block.

    :param folder: for its log and its certificate.
    """
    command = [*COMMAND, "--domain", DOMAIN]
    command += [f"--account={each.address}:{each.password}" for each in accounts]
    command += [] if store is None else [f"--store={store}"]
    with (
        (folder / "log").open("w+b") as log,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=Path(__file__).parents[2],
        ) as process,
    ):
        try:
            ports = _ports(process, folder / "log")
            pem = folder / "server.pem"
            pem.write_text(ssl.get_server_certificate(("127.0.0.1", ports["pop3s"]), timeout=10))
            yield Server(ports=ports, pem=pem, accounts=list(accounts), store=store)
            _end(process, folder / "log")
        finally:
            process.kill()


def _ports(process: subprocess.Popen[bytes], log: Path) -> dict[str, int]:
    assert process.stdout is not None
    timer = Timer(START_SECONDS, process.kill)
    timer.start()
    try:
        line = process.stdout.readline()
    finally:
        timer.cancel()
    assert line, f"the server did not start:\n{log.read_text(errors='replace')}"
    ports: dict[str, int] = json.loads(line)
    return ports


def _end(process: subprocess.Popen[bytes], log: Path) -> None:
    """Close its standard input: it ends by itself, without complaints."""
    assert process.stdin is not None
    process.stdin.close()
    code = process.wait(STOP_SECONDS)
    text = log.read_text(errors="replace")
    assert 0 == code, text
    assert "Traceback" not in text, text
