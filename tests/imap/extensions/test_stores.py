"""
Each capability over mailboxes that are kept: in SQLite, and in Maildirs.

The same dialogues as in memory, over sockets, with a server on a reactor of its own in a thread.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.endpoints import serverFromString
from twisted.internet.selectreactor import SelectReactor

from pymta.components.people import springing
from pymta.components.stores import Mailboxes
from pymta.components.system import MailSystem
from pymta.service import Listening, MailService
from tests.imap.dialogue import OverSocket, play
from tests.imap.extensions.names import ROWS, Row
from tests.imap.extensions.test_systems import SHARING
from tests.imap.house import ONE

SECONDS = 20

#: What these need, no client can do: a limit, a clock, a store that waits.
IN_MEMORY = {"QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE", "QUOTA=RES-MAILBOX", "INPROGRESS"}


#: No store has much to do with these.
OF_SESSIONS = {
    *("COMPRESS=DEFLATE", "ENABLE", "ESEARCH", "ESORT", "I18NLEVEL=1", "ID", "LITERAL+"),
    *("NAMESPACE", "SEARCHRES", "UIDONLY", "UNAUTHENTICATE", "UNSELECT", "WITHIN"),
}


@contextmanager
def served(directory: Path, maildirs: bool, owner: str = "pymta") -> Iterator[int]:
    """
    A mail system in which every address is an account.

    :param owner: another for each server on one folder.  :returns: the port of IMAP.
    """
    reactor = SelectReactor()
    folder = str(directory / "maildirs") if maildirs else None
    kept = Mailboxes(maildirs=folder, furnished={})
    system = MailSystem(
        reactor,
        domains=["example.test"],
        directory=str(directory),
        mailboxes=kept,
        people=springing(),
        owner=owner,
    )
    endpoint = serverFromString(reactor, "tcp:0:interface=127.0.0.1")
    listening = [Listening("imap", endpoint, system.imap())]
    service = MailService(system.clock, system.parts, listening)
    ready = threading.Event()

    def begin() -> None:
        service.startService()
        _ = service.ready.addBoth(lambda _: ready.set())

    reactor.callWhenRunning(begin)
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    thread = threading.Thread(target=reactor.run, kwargs={"installSignalHandlers": False})
    thread.start()
    try:
        assert ready.wait(SECONDS)
        address: Any = listening[0].address
        yield address.port
    finally:
        reactor.callFromThread(reactor.stop)
        thread.join(SECONDS)


@pytest.fixture(scope="module", params=[False, True], ids=["SQLite", "Maildirs"])
def stored(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, bool]]:
    """Its port, and whether it has Maildirs."""
    with served(tmp_path_factory.mktemp("kept"), request.param) as port:
        yield port, request.param


def connected(port: int, account: str) -> OverSocket:
    made = OverSocket(socket.create_connection(("127.0.0.1", port), SECONDS))
    play(f"S: * OK ...\nC: l LOGIN {account} any\nS: l OK ...", made)
    return made


def brought(peer: OverSocket, *messages: bytes) -> None:
    """All of them in one commit."""
    literals = b"".join(b" {%d+}\r\n%s" % (len(message), message) for message in messages)
    peer.send(b"p APPEND INBOX" + literals + b"\r\n")
    line = peer.line()
    assert line is not None
    assert line.startswith(b"p OK ")


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row.name)
        for row in ROWS
        if row.name not in IN_MEMORY | OF_SESSIONS and not row.settings and row.selected
    ],
)
def test_it_is_true(row: Row, stored: tuple[int, bool]) -> None:
    """What is said is what memory says, to the word; what Maildirs lack is refused."""
    port, maildirs = stored
    lacking = maildirs and row.name in SHARING
    account = f"user{ROWS.index(row)}@example.test"
    peers = [connected(port, account)]
    values = {"me": account, "today": datetime.now(UTC).strftime("%d-%b-%Y")}
    brought(peers[0], *row.messages)
    play("C: s SELECT INBOX\nS: ...\nS: s OK ...", peers[0])

    def deliver() -> None:
        peers.append(connected(port, account))
        brought(peers[-1], ONE)

    try:
        with pytest.raises(AssertionError) if lacking else nullcontext():
            play(row.script, peers[0], actions={"deliver": deliver}, values=values)
    finally:
        for each in peers:
            each.socket.close()


@pytest.mark.parametrize("maildirs", [False, True], ids=["SQLite", "Maildirs"])
def test_what_another_server_did_is_told(tmp_path: Path, maildirs: bool) -> None:
    """
    Two servers on one folder: NOTIFY tells of what the other's clients did, 100 ms later or before,
    where the machine has time.
    """
    with served(tmp_path, maildirs) as here, served(tmp_path, maildirs, "there") as there:
        other, peer = (connected(port, "ann@example.test") for port in (here, there))
        play(
            "C: a NOTIFY SET (PERSONAL (MessageNew MessageExpunge MailboxName))\nS: a OK ...", peer
        )
        late = []
        for script, told in (
            ("C: a APPEND INBOX {1+}\nC: x\nS: a OK ...", b"* STATUS INBOX (UIDNEXT 2 MESSAGES 1)"),
            ("C: b CREATE box\nS: b OK ...", b'* LIST (\\HasNoChildren) "/" box'),
        ):
            play(script, other)
            done = time.monotonic()
            assert told == peer.line()
            late.append(time.monotonic() - done)
        for each in (other, peer):
            each.socket.close()
    assert max(late) < 1  # 0.01 to 0.05 where nothing else runs
