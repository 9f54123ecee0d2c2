"""
Two processes on one store, one of which stops for longer than its lease (D06).
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

from tests.durability.audit import check_database, check_mail, queued, read_mail, until
from tests.durability.child import child
from tests.durability.load import Books, Sent, message
from tests.durability.talk import Talk

LEASE = 2.0
MESSAGES = 12


def test_d06_who_slept_beyond_his_lease_settles_nothing(tmp_path: Path) -> None:
    """The other one delivers; the sleeper's settlements are stale, and told; nothing is doubled."""
    directory, books = tmp_path / "store", Books()
    with (
        child(directory, owner="sleeper", lease=LEASE, pause=1.5) as sleeper,
        child(directory, owner="waker", lease=LEASE, visitor=True) as waker,
    ):
        with Talk(sleeper.ports["smtp"]) as talk:
            for number in range(MESSAGES):
                name = f"m{number}"
                books.sent[name] = Sent(("box0",), 1_500, "smtp")
                assert "250" == talk.send(message(name, 1_500), "box0")[:3]
                books.acknowledged.add((name, "box0"))
        time.sleep(0.1)
        assert MESSAGES == queued(directory)
        sleeper.signal(signal.SIGSTOP)
        until(lambda: not queued(directory), 30, "the other one delivers")
        assert MESSAGES == len(waker.events("Attempted"))
        sleeper.signal(signal.SIGCONT)
        until(lambda: sleeper.events("Stale"), 30, "it hears that it was late")
        time.sleep(1)
        delivered = read_mail(waker.ports["pop3"], books, ["box0"])
        final = [e for e in sleeper.events("Attempted") if e["final"] == "True"]
        stale = {e["queue_id"] for e in sleeper.events("Stale")}
        waker.terminate()
        sleeper.terminate()
    assert [] == final
    assert 1 <= len(stale) <= MESSAGES
    check_mail(books, delivered)
    assert MESSAGES == sum(delivered.times.values())
    check_database(directory)
