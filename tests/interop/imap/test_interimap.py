"""
interimap keeps two servers the same by QRESYNC: ours and another account, ours and a Dovecot.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pymta.wire.imap.cursor import Literal
from tests.interop.dovecot import dovecot
from tests.interop.imap_remote import OnDovecot, OnOurs, Remote, state_of
from tests.interop.programs import Program, program
from tests.interop.servers import Server

_CONFIGURATION = """\
database = {home}/interimap.db
list-mailbox = INBOX a a/*

[local]
{near}
[remote]
{far}
"""


@pytest.fixture
def interimap(home: Path) -> Program:
    """The program."""
    return program("interimap", home)


@pytest.fixture(params=["ours", "dovecot"])
def near(request: pytest.FixtureRequest, server: Server) -> Iterator[Remote]:
    """The other side."""
    if request.param == "ours":
        yield OnOurs(server, server.account())
    else:
        with dovecot() as peer:
            yield OnDovecot(peer)


def letter(subject: str) -> Literal:
    """One that is different from others."""
    return Literal(f"Subject: {subject}\r\n\r\n{subject}\r\n".encode())


def test_both_sides_change(server: Server, near: Remote, interimap: Program) -> None:
    """
    New messages, flags, expunges and mailboxes of both sides reach the other; the run behind it
    does nothing.
    """
    far = OnOurs(server, server.account())
    rc = interimap.home / "rc"
    rc.write_text(
        _CONFIGURATION.format(home=interimap.home, near=near.interimap, far=far.interimap)
    )
    run = ("--config", str(rc))
    with far.session() as session:
        session.ask("CREATE", b"a/b")
        for n in range(4):
            session.done("APPEND", b"INBOX ", letter(f"m{n}"))
        session.done("APPEND", b"a/b (\\Flagged $Work) ", letter("deep"))
    with near.session() as session:
        session.done("APPEND", b"INBOX (\\Seen) ", letter("near"))
    interimap.succeed(*run)
    assert state_of(far) == state_of(near)
    assert {"m0", "m1", "m2", "m3", "near"} == set(state_of(far))
    assert {"deep"} == set(state_of(near, "a/b"))

    with far.session() as session:
        session.select()
        session.done("STORE", b"1 +FLAGS (\\Seen)")
        session.done("STORE", b"2 +FLAGS (\\Deleted)")
        session.done("EXPUNGE")
    with near.session() as session:
        session.select()
        session.done("UID STORE", b"1:* +FLAGS (\\Flagged)")
        session.done("APPEND", b"INBOX ", letter("last"))
    interimap.succeed(*run)
    state = state_of(far)
    assert state == state_of(near)
    assert {"m0", "m2", "m3", "near", "last"} == set(state)
    assert frozenset({"\\Seen", "\\Flagged"}) == state["m0"][0]

    interimap.succeed(*run)
    assert state == state_of(far) == state_of(near)
