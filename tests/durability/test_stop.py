"""
``SIGTERM`` under load: it ends in time, loses nothing, and its next life has its leases at once.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from tests.durability.audit import check_database, check_mail, queued, read_mail, until
from tests.durability.child import Child, child
from tests.durability.load import Books, Clients, Sent, message
from tests.durability.talk import Talk

STOP_SECONDS = 15.0
"""Ten for sessions, three for attempts, and a busy machine; all of it is limited to thirty."""


async def _stop_under_load(server: Child, books: Books) -> float:
    clients = Clients(books, seed=7)
    clients.begin()
    clients.serve(server.ports)
    await asyncio.sleep(1.5)
    clients.gone()
    took = await asyncio.to_thread(server.terminate)
    await clients.end()
    return took


def test_sigterm_under_load_ends_in_time_and_loses_nothing(tmp_path: Path) -> None:
    """Sessions end at a command boundary; what was being committed is committed and told."""
    directory, books = tmp_path / "store", Books()
    with child(directory) as server:
        took = asyncio.run(_stop_under_load(server, books))
    assert len(books.acknowledged) > 20
    assert took < STOP_SECONDS
    claimed = queued(directory)
    with child(directory) as server:
        began = time.monotonic()
        until(lambda: not queued(directory), 10, "the queue is not worked off")
        flowed = time.monotonic() - began
        delivered = read_mail(server.ports["pop3"], books)
        server.terminate()
    print(f"\nstopped in {took:.2f} s; {claimed} were queued, worked off in {flowed:.2f} s")
    check_mail(books, delivered)
    check_database(directory)


def test_restart_after_a_kill_takes_its_leases_back_at_once(tmp_path: Path) -> None:
    """The lease is five minutes; the same owner does not wait for its end."""
    directory, books = tmp_path / "store", Books()
    with child(directory, pause=30) as server:
        with Talk(server.ports["smtp"]) as talk:
            for number in range(20):
                name = f"m{number}"
                books.sent[name] = Sent(("box0",), 1_500, "smtp")
                assert "250" == talk.send(message(name, 1_500), "box0")[:3]
                books.acknowledged.add((name, "box0"))
        server.kill()
    assert 20 == queued(directory)
    with child(directory) as server:
        until(lambda: not queued(directory), 10, "its own leases are its own")
        delivered = read_mail(server.ports["pop3"], books, ["box0"])
        server.terminate()
    check_mail(books, delivered)
