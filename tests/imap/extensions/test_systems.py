"""
What whole mail systems announce, by where their mailboxes are.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pymta.components.people import springing
from pymta.components.stores import Mailboxes
from pymta.components.system import MailSystem
from tests.components.test_system import system
from tests.edge.player import Player
from tests.imap.extensions.test_names import ALWAYS, MECHANISMS, words

SHARING = frozenset({"ACL", "RIGHTS=kxte", "LIST-MYRIGHTS"})


def connected(made: MailSystem) -> Player:
    """Somebody on this machine."""
    clock: Any = made.clock
    return Player(made.imap(), clock, peer="127.0.0.1")


def test_a_plain_one() -> None:
    """In memory, as the test server: everything, before a login and behind it."""
    made = system(people=springing())
    player = connected(made)
    before = set(words(player.heard()))
    after = set(words(player.say(b"a LOGIN ann@example.test any\r\n")))
    player.hang_up()
    assert ALWAYS | {"LITERAL-"} | {"AUTH=PLAIN", "AUTH=LOGIN"} == before
    assert ALWAYS | {"LITERAL+"} == after


@pytest.mark.parametrize(
    ("maildirs", "lacking"),
    [pytest.param(False, frozenset(), id="SQLite"), pytest.param(True, SHARING, id="Maildirs")],
)
def test_durable_ones(tmp_path: Path, maildirs: bool, lacking: frozenset[str]) -> None:
    """SQLite provides every add-on; Maildirs are nobody else's to see, and say so."""
    kept: dict[str, Any] = {"directory": str(tmp_path)}
    if maildirs:
        kept["mailboxes"] = Mailboxes(maildirs=str(tmp_path / "maildirs"))
    made = system(**kept)
    player = connected(made)
    announced = set(words(player.heard()))
    player.hang_up()
    assert (ALWAYS - lacking) | {"LITERAL-"} | MECHANISMS == announced


def test_the_manual_names_them_all() -> None:
    """Nothing is announced that it does not name, nor the other way round."""
    manual = Path(__file__).parents[3] / "docs" / "imap.md"
    table = re.search(r"\| for \| names \|\n(.*?)\n\n", manual.read_text(), re.DOTALL)
    assert table is not None
    named = set(re.findall(r"`([^`]+)`", table[1]))
    sometimes = {"STARTTLS", "LOGINDISABLED", "AUTH=\u2026", "LITERAL-", "LITERAL+"}
    limits = {"MESSAGELIMIT", "SAVELIMIT"}
    assert {word.partition("=52")[0] for word in ALWAYS} | sometimes | limits == named
