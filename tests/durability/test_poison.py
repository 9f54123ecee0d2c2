"""
A message that is the end of every process that delivers it (D05): three strikes, and it is held.
"""

from __future__ import annotations

from pathlib import Path

from tests.durability.audit import check_database, check_mail, held, queued, read_mail, until
from tests.durability.child import child, start_child
from tests.durability.load import Books, Sent, message
from tests.durability.talk import Talk

OTHERS = 30
"""Claimed along with the poison, each time."""


def _dies(directory: Path) -> bool:
    """Another life.  :returns: whether it ended before the queue was worked off."""
    server = start_child(directory)
    try:
        server.wait_for_ports()
        until(lambda: not server.alive or _idle(directory), 60, "neither dead nor done")
        return not server.alive
    finally:
        server.close()


def _idle(directory: Path) -> bool:
    return queued(directory) == held(directory)


def test_d05_poison_is_held_after_three_strikes_and_the_queue_flows(tmp_path: Path) -> None:
    """
    The strike is on the disk before the work: the fourth life does not try it again.  Whoever was
    claimed along with it has two strikes, is tried alone, and delivered.
    """
    directory, books = tmp_path / "store", Books()
    with child(directory, pause=5) as server:
        with Talk(server.ports["smtp"]) as talk:
            for number in range(OTHERS):
                name = f"good{number}"
                books.sent[name] = Sent(("box0",), 1_500, "smtp")
                assert "250" == talk.send(message(name, 1_500), "box0")[:3]
                books.acknowledged.add((name, "box0"))
            # It may die of it before it has said so.
            assert talk.send(message("bad", 1_500), "poison")[:3] in ("250", "")
        server.wait_for_end(20)
        assert not server.alive
    deaths = 1
    while deaths <= 6 and _dies(directory):
        deaths += 1
    assert 3 == deaths

    with child(directory) as server:
        until(lambda: _idle(directory), 20, "the queue flows")
        with Talk(server.ports["smtp"]) as talk:
            books.sent["later"] = Sent(("box0",), 1_500, "smtp")
            assert "250" == talk.send(message("later", 1_500), "box0")[:3]
            books.acknowledged.add(("later", "box0"))
        until(lambda: _idle(directory), 20, "it still does")
        delivered = read_mail(server.ports["pop3"], books, ["box0"])
        server.terminate()
    assert 1 == held(directory)
    check_mail(books, delivered)
    check_database(directory)
