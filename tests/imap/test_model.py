"""
Clients with random commands on one mailbox: the model of each stays equal to the mailbox.
"""

from __future__ import annotations

from random import Random

import pytest

from pymta.imap.conversation import COALESCE
from pymta.mailbox import Wanted
from tests.edge.home import result
from tests.imap.house import ONE, House
from tests.imap.model import Client

STEPS = 250


def clients(house: House, count: int) -> list[Client]:
    """Half of them with QRESYNC; each knows all there is."""
    made = []
    for n in range(count):
        player = house.logged_in()
        vanishes = n % 2 == 1
        if vanishes:
            player.line("q ENABLE QRESYNC")
        client = Client(player, vanishes)
        client.believe(player.line("s SELECT INBOX"), moves=True)
        client.ask("FETCH 1:* (UID FLAGS)", moves=False)
        made.append(client)
    return made


def compare(house: House, client: Client) -> None:
    """Behind a NOOP nothing is known wrongly, and nothing is missing."""
    client.settle()
    box = house.mailbox()
    rows = result(box.records(result(box.snapshot()).uids, [Wanted.FLAGS]))
    assert len(rows) == len(client.known)
    for (uid, flags), known in zip(rows, client.known, strict=True):
        assert known.uid in (None, uid)
        assert known.flags in (None, flags)
    if client.vanishes:
        assert client.highest <= result(box.snapshot()).modseq


@pytest.mark.parametrize("seed", range(6))
def test_models_stay_equal(seed: int) -> None:
    """Whatever ten clients do, and whatever is delivered meanwhile."""
    random = Random(seed)
    house = House()
    house.put(*[ONE] * 5)
    everybody = clients(house, 10)
    for step in range(STEPS):
        client = random.choice(everybody)
        client.act(random)
        if random.random() < 0.05:
            house.put(ONE)
        if random.random() < 0.2:
            house.elapse(COALESCE)
        for idler in everybody:
            if idler.idling:
                idler.believe(idler.player.heard().decode(), moves=True)
        if step % 50 == 49:
            for each in everybody:
                compare(house, each)
