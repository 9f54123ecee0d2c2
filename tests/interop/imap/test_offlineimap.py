"""
offlineimap keeps a Maildir and the server the same, both ways.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pymta.wire.imap.cursor import Literal
from tests.interop.imap_remote import OnOurs, state_of
from tests.interop.programs import Program, program
from tests.interop.servers import Server

_CONFIGURATION = """\
[general]
accounts = one
ui = quiet
fsync = False

[Account one]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = {home}/mail
sep = /

[Repository far]
type = IMAP
{far}
"""


@pytest.fixture
def offlineimap(home: Path) -> Program:
    """The program."""
    return program("offlineimap", home, package="offlineimap3")


def letter(subject: str) -> bytes:
    """One that is different from others."""
    return f"Subject: {subject}\r\nMessage-ID: <{subject}@a.test>\r\n\r\n{subject}\r\n".encode()


def files(home: Path) -> dict[str, Path]:
    """What is in the inbox's Maildir, by subject."""
    found = (home / "mail" / "INBOX").glob("[cn]*/*")
    return {file.read_text().split("Subject: ")[1].split("\n")[0]: file for file in found}


def test_both_sides_change(server: Server, offlineimap: Program) -> None:
    """What changes on one side reaches the other; the run behind it changes nothing."""
    remote = OnOurs(server, server.account())
    home = offlineimap.home
    (home / "rc").write_text(_CONFIGURATION.format(home=home, far=remote.offlineimap))
    run = ("-c", "rc", "-o")
    with remote.session() as session:
        session.ask("CREATE", b"a")
        for n in range(3):
            session.done("APPEND", b"INBOX ", Literal(letter(f"m{n}")))
    offlineimap.succeed(*run)
    assert {"m0", "m1", "m2"} == set(files(home))
    assert (home / "mail" / "a" / "cur").is_dir()

    with remote.session() as session:
        session.select()
        session.done("STORE", b"1 +FLAGS (\\Deleted)")
        session.done("EXPUNGE")
    file = files(home)["m1"]
    file.rename(home / "mail/INBOX/cur" / f"{file.name.partition(':')[0]}:2,S")
    (home / "mail/INBOX/new/1.near").write_bytes(letter("near").replace(b"\r\n", b"\n"))
    offlineimap.succeed(*run)
    state = state_of(remote)
    assert {"m1": frozenset({"\\Seen"}), "m2": frozenset(), "near": frozenset()} == {
        subject: flags for subject, (flags, _) in state.items()
    }
    assert set(state) == set(files(home))

    offlineimap.succeed(*run)
    assert state == state_of(remote)
    assert set(state) == set(files(home))
