"""
Speak the dialogue of a row, and let happen what it says.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from pymta.imap.conversation import COALESCE, PROGRESS
from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import IAppendLimitStore, IQuotaRootStore, NewMessage
from pymta.mailbox import ACCOUNT_ROOT, INBOX, UID, Resource, UIDSet
from tests.edge.home import ALICE, result
from tests.imap.dialogue import Played, play
from tests.imap.extensions.names import Row
from tests.imap.house import ONE, House

__all__ = ["spoken"]

LONG = ("change_flags", "copy", "search", "sort", "thread")
"""What is held up until it may go on."""
VALUES = {"me": ALICE, "today": "02-Jan-2026"}
LIMITS = {Resource.STORAGE: 5 * 1024, Resource.MESSAGE: 3, Resource.MAILBOX: 1}


def spoken(row: Row, house: House) -> None:
    """The dialogue of a row."""
    house.put(*row.messages)
    waiting: Deferred[None] = Deferred()

    def deliver() -> None:
        house.put(ONE)
        house.elapse(COALESCE)

    def elsewhere() -> None:
        result(house.mailbox("box").append([NewMessage(content=Octets(ONE))]))
        house.elapse(COALESCE)

    def remove() -> None:
        result(house.mailbox().remove(UIDSet([UID(1)])))
        house.elapse(COALESCE)

    def go() -> None:
        house.stones().clear()
        waiting.callback(None)

    actions: dict[str, Callable[[], object]] = {
        "deliver": deliver,
        "hold": lambda: house.stones().update(dict.fromkeys(LONG, waiting)),
        "wait": lambda: house.elapse(PROGRESS),
        "go": go,
        "remove": remove,
        "idle": lambda: house.elapse(COALESCE),
        "elsewhere": elsewhere,
        "narrow": lambda: result(IAppendLimitStore(house.store()).set_append_limit(INBOX, 30)),
        "limit": lambda: result(IQuotaRootStore(house.store()).set_limits(ACCOUNT_ROOT, LIMITS)),
    }
    player = house.selected() if row.selected else house.player()
    if not row.selected:
        player.heard()
    try:
        play(row.script, Played(player), actions=actions, values=VALUES)
    finally:
        if not waiting.called:
            waiting.callback(None)
            player.heard()
