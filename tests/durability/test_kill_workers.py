"""
``kill -9`` of workers under load: the others go on, and whatever was acknowledged is there, once.

Twenty clients send by SMTP and LMTP to a server of three processes; one of them at a time is
killed at a moment of chance and started again by the parent, and sometimes it is the parent that
is killed.  ``PYMTA_KILLS=60`` is the long form.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
from pathlib import Path

from tests.cli.daemons import SECONDS, free_ports, is_alive, twistd, wait_for_end, wait_for_lines
from tests.durability.audit import (
    check_database,
    check_mail,
    held,
    queued,
    read_mail,
    retry_all,
    until,
)
from tests.durability.child import child
from tests.durability.load import Books, Clients

KILLS = int(os.environ.get("PYMTA_KILLS", "6"))
SEED = int(os.environ.get("PYMTA_SEED", "2026"))

WORKERS = 3
_A_LIFE = 6
"""Kills until the parent is killed: a worker that ends often is started again ever later."""

CONFIG = """\
hostname = "mx.example.test"
directory = "store"
domains = ["example.test"]
workers = {workers}

[[listeners]]
protocol = "smtp"
endpoint = "tcp:{smtp}:interface=127.0.0.1"

[[listeners]]
protocol = "lmtp"
endpoint = "tcp:{lmtp}:interface=127.0.0.1"

[accounts]
spring = true
"""


class Server:
    """One life of a parent and its workers."""

    def __init__(self, folder: Path) -> None:
        log = folder / "log"
        log.write_bytes(b"")
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                twistd("-n", "--pidfile=", "pymta", "--config", "mail.toml"),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=folder,
            )
        self._log = log

    def wait(self) -> None:
        """Until all are ready."""
        wait_for_lines(self._log, f"{WORKERS} workers are ready")

    def workers(self) -> list[int]:
        """Those that run now."""
        pid = self._process.pid
        path = Path(f"/proc/{pid}/task/{pid}/children")
        return [each for each in map(int, path.read_text().split()) if is_alive(each)]

    def end(self, number: int) -> None:
        """End it, and wait until its workers have gone as well."""
        workers = self.workers()
        self._process.send_signal(number)
        assert -number == self._process.wait(SECONDS)
        for pid in workers:
            wait_for_end(pid)
        assert "Traceback" not in self._log.read_text()


async def _kill_often(folder: Path, books: Books, ports: dict[str, int]) -> int:
    """:returns: how many workers were killed."""
    chance = random.Random(SEED)
    clients = Clients(books, seed=SEED)
    clients.begin()
    killed = 0
    try:
        while killed < KILLS:
            server = Server(folder)
            await asyncio.to_thread(server.wait)
            clients.serve(ports)
            for _ in range(min(_A_LIFE, KILLS - killed)):
                await asyncio.sleep(chance.uniform(0.2, 1.2))
                if workers := server.workers():
                    os.kill(chance.choice(workers), signal.SIGKILL)
                    killed += 1
            await asyncio.sleep(1)
            clients.gone()
            last = killed == KILLS
            await asyncio.to_thread(server.end, signal.SIGTERM if last else signal.SIGKILL)
    finally:
        await clients.end()
    return killed


def test_d02_kill_of_workers_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """Acknowledged by any of them is delivered, once; the rest go on meanwhile."""
    smtp, lmtp = free_ports()
    config = CONFIG.format(smtp=smtp, lmtp=lmtp, workers=WORKERS)
    (tmp_path / "mail.toml").write_text(config)
    books = Books()
    killed = asyncio.run(_kill_often(tmp_path, books, {"smtp": smtp, "lmtp": lmtp}))
    directory = tmp_path / "store"
    again = Server(tmp_path)  # each takes back what it had claimed
    again.wait()
    until(lambda: queued(directory) == held(directory), 60, "the queue is not worked off")
    again.end(signal.SIGTERM)
    struck = held(directory)
    retry_all(directory)
    with child(directory) as server:
        until(lambda: not queued(directory), 60, "what was held is not delivered")
        delivered = read_mail(server.ports["pop3"], books)
        server.terminate()
    print(
        f"\n{killed} workers killed; {len(books.sent)} sent, "
        f"{len(books.acknowledged)} acknowledged, {sum(delivered.times.values())} delivered, "
        f"{struck} had been held; {dict(books.answers)}"
    )
    check_mail(books, delivered)
    check_database(directory)
    assert len(books.acknowledged) >= 5 * killed
