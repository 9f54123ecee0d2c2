"""
What an IMAP server is asked to do, in the order in which it is asked.

Each task is timed from the command to its tagged answer; where several connections work at once,
to the last of them.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.benchmarks.imap_client import Client, Said
from tests.benchmarks.imap_mail import NEEDLE, messages
from tests.benchmarks.processes import octets

__all__ = ["TASKS", "House", "Task", "fill"]

USER, PASSWORD = "user@example.test", "secret"
_AT_ONCE = 100
_COPIED = 1000
_APPENDED = 200
_IDLING = 50
_FANNED = 20
_MIXED = 10
_MIXED_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """
    A server with a mailbox.

    :param count: messages in INBOX.
    """

    port: int
    pid: int
    count: int

    def client(self, mailbox: str = "INBOX") -> Client:
        """Logged in; with the mailbox selected, if one is named."""
        return Client(self.port).login(USER, PASSWORD, mailbox)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """
    :param unit: of the figure; more is better for what is counted by the second.
    """

    name: str
    unit: str
    run: Callable[[House], float]

    @property
    def more_is_better(self) -> bool:
        """Whether the figure is a rate."""
        return self.unit.endswith("/s")


def fill(house: House) -> None:
    """Put the messages there."""
    with house.client("") as client:
        batch: list[bytes] = []
        for message in messages(house.count):
            batch.append(message)
            if len(batch) == _AT_ONCE:
                client.append("INBOX", batch)
                batch = []
        if batch:
            client.append("INBOX", batch)


# -- one connection ------------------------------------------------------------


def _once(command: str) -> Callable[[House], float]:
    """Milliseconds of this command in a session of its own."""

    def run(house: House) -> float:
        with house.client() as client:
            return client.timed(command) * 1000

    return run


def _again(command: str) -> Callable[[House], float]:
    """The same, when the session has asked for it before: the least of three."""

    def run(house: House) -> float:
        with house.client() as client:
            client.command(command)
            return min(client.timed(command) for _ in range(3)) * 1000

    return run


def _login(house: House) -> float:
    times = []
    for _ in range(20):
        began = time.perf_counter()
        with Client(house.port) as client:
            client.login(USER, PASSWORD)
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def _select(house: House) -> float:
    with house.client("") as client:
        return statistics.median(client.timed("SELECT INBOX") for _ in range(10)) * 1000


def _append(house: House) -> float:
    made = list(messages(_APPENDED))
    with house.client("") as client:
        client.command("CREATE bench-append")
        began = time.perf_counter()
        for message in made:
            client.append("bench-append", [message])
        rate = _APPENDED / (time.perf_counter() - began)
        client.command("DELETE bench-append")
        return rate


def _copy(house: House) -> float:
    with house.client() as client:
        client.command("CREATE bench-copy")
        return client.timed(f"COPY 1:{_COPIED} bench-copy") * 1000


def _expunge(house: House) -> float:
    """All of what was copied."""
    with house.client("bench-copy") as client:
        client.command("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        took = client.timed("EXPUNGE") * 1000
        client.command("CLOSE")
        client.command("DELETE bench-copy")
        return took


# -- many connections -------------------------------------------------------------


def _fan_out(house: House) -> float:
    """From an APPEND's answer until all who idle have heard of it; the median."""
    message = next(messages(1))
    with house.client("") as writer:
        writer.command("CREATE bench-idle")
        readers = [house.client("bench-idle") for _ in range(_IDLING)]
        for reader in readers:
            reader.idle()
        times = []
        for _ in range(_FANNED):
            writer.append("bench-idle", [message])
            began = time.perf_counter()
            for reader in readers:
                reader.told(b" EXISTS")
            times.append(time.perf_counter() - began)
        for reader in readers:
            reader.done()
            reader.__exit__()
        writer.command("DELETE bench-idle")
    return statistics.median(times) * 1000


def _idle_memory(house: House) -> float:
    """KiB of the server for each session over TLS that idles on INBOX: of fifty beside fifty."""
    idling: list[Client] = []
    sizes = []
    for _ in range(2):
        for _ in range(_IDLING):
            client = Client(house.port, tls=True).login(USER, PASSWORD, "INBOX")
            client.idle()
            idling.append(client)
        time.sleep(1.0)
        sizes.append(octets(house.pid))
    for client in idling:
        client.__exit__()
    return (sizes[1] - sizes[0]) / _IDLING / 1024


_MIX = (
    "NOOP",
    "UID FETCH 100:120 (FLAGS ENVELOPE)",
    "UID STORE 50:55 +FLAGS (\\Flagged)",
    "UID SEARCH UNSEEN FROM p7",
    "UID FETCH 500 BODY.PEEK[]",
    "UID STORE 50:55 -FLAGS (\\Flagged)",
    "STATUS INBOX (MESSAGES UNSEEN)",
)


def _mixed(house: House) -> float:
    """Commands a second of ten clients on one mailbox."""
    counts = [0] * _MIXED
    failed: list[Exception] = []

    def work(number: int) -> None:
        try:
            with house.client() as client:
                until = time.monotonic() + _MIXED_SECONDS
                while time.monotonic() < until:
                    client.command(_MIX[(counts[number] + number) % len(_MIX)])
                    counts[number] += 1
        except (OSError, Said) as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(_MIXED)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise Said(f"a client failed: {failed[0]}")
    return sum(counts) / _MIXED_SECONDS


TASKS: Sequence[Task] = (
    # First: later, what others have let go of is taken instead of new memory.
    Task(name="idle session over TLS", unit="KiB", run=_idle_memory),
    Task(name="ENVELOPE of all, cold", unit="ms", run=_once("FETCH 1:* ENVELOPE")),
    Task(name="BODYSTRUCTURE of all, cold", unit="ms", run=_once("FETCH 1:* BODYSTRUCTURE")),
    Task(name="SORT DATE, cold", unit="ms", run=_once("SORT (DATE) US-ASCII ALL")),
    Task(name="THREAD, cold", unit="ms", run=_once("THREAD REFERENCES US-ASCII ALL")),
    Task(name="LOGIN", unit="ms", run=_login),
    Task(name="SELECT", unit="ms", run=_select),
    Task(name="FLAGS of all", unit="ms", run=_again("FETCH 1:* FLAGS")),
    Task(name="ENVELOPE of all", unit="ms", run=_again("FETCH 1:* ENVELOPE")),
    Task(name="BODYSTRUCTURE of all", unit="ms", run=_again("FETCH 1:* BODYSTRUCTURE")),
    Task(name="BODY.PEEK[] of all", unit="ms", run=_again("FETCH 1:* BODY.PEEK[]")),
    Task(name="SEARCH UNSEEN", unit="ms", run=_again("SEARCH UNSEEN")),
    Task(name="SEARCH SUBJECT", unit="ms", run=_again("SEARCH SUBJECT letters")),
    Task(name="SEARCH BODY", unit="ms", run=_again(f"SEARCH BODY {NEEDLE}")),
    Task(name="SORT DATE", unit="ms", run=_again("SORT (DATE) US-ASCII ALL")),
    Task(name="THREAD", unit="ms", run=_again("THREAD REFERENCES US-ASCII ALL")),
    Task(name="STORE on all", unit="ms", run=_once("STORE 1:* +FLAGS (\\Answered)")),
    Task(name="COPY of 1,000", unit="ms", run=_copy),
    Task(name="EXPUNGE of 1,000", unit="ms", run=_expunge),
    Task(name="APPEND, one by one", unit="/s", run=_append),
    Task(name=f"IDLE, {_IDLING} told", unit="ms", run=_fan_out),
    Task(name=f"{_MIXED} clients, mixed", unit="/s", run=_mixed),
)
