"""
mbsync keeps a Maildir and the server the same, whoever changes what; as with a Dovecot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pymta.wire.imap.cursor import Literal
from tests.interop.dovecot import dovecot
from tests.interop.imap_remote import OnDovecot, OnOurs, Remote, state_of
from tests.interop.programs import Program, program
from tests.interop.servers import Server

_CONFIGURATION = """\
FSync no

IMAPAccount far
{account}
IMAPStore far
Account far

MaildirStore near
Path {home}/mail/
Inbox {home}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns INBOX a a/* Drafts
Create Both
Expunge Both
SyncState *
"""


@pytest.fixture
def mbsync(home: Path) -> Program:
    """The program."""
    (home / "mail").mkdir()
    return program("mbsync", home, package="isync")


@pytest.fixture(params=["ours", "dovecot"])
def remote(request: pytest.FixtureRequest, server: Server) -> Iterator[Remote]:
    """Ours, and another to see that the test asks for what is usual."""
    if request.param == "ours":
        yield OnOurs(server, server.account())
    else:
        with dovecot() as peer:
            yield OnDovecot(peer)


def letter(subject: str) -> bytes:
    """One that is different from others."""
    lines = ("From: a@b.test", f"Subject: {subject}", f"Message-ID: <{subject}>", "", subject, "")
    return "\r\n".join(lines).encode()


def near(home: Path, box: str = "INBOX") -> dict[str, str]:
    """Flags by subject of what is in the Maildir."""
    found = {}
    for file in [
        *(home / "mail" / box / "cur").iterdir(),
        *(home / "mail" / box / "new").iterdir(),
    ]:
        subject = file.read_text().split("Subject: ")[1].split("\n")[0]
        found[subject] = file.name.partition(":2,")[2]
    return found


def file_of(home: Path, subject: str) -> Path:
    """The file of a message."""
    (file,) = [
        each for each in (home / "mail" / "INBOX").glob("*/*") if f"<{subject}>" in each.read_text()
    ]
    return file


def test_both_sides_change(remote: Remote, mbsync: Program) -> None:
    """
    New messages, flags, expunges and mailboxes of both sides reach the other in one run; the run
    behind it changes nothing on either side.
    """
    home = mbsync.home
    (home / "rc").write_text(_CONFIGURATION.format(account=remote.mbsync, home=home))
    run = ("-c", "rc", "-a")
    with remote.session() as session:
        session.ask("CREATE", b"a")
        session.ask("CREATE", b"a/b")
        for number in range(6):
            session.done("APPEND", b"INBOX ", Literal(letter(f"m{number}")))
        session.done("APPEND", b"a/b (\\Flagged) ", Literal(letter("deep")))
    mbsync.succeed(*run)
    assert {f"m{number}": "" for number in range(6)} == near(home)
    assert {"deep": "F"} == near(home, "a/b")

    with remote.session() as session:
        session.select()
        session.done("STORE", b"1 +FLAGS (\\Seen \\Answered)")
        session.done("STORE", b"2 +FLAGS (\\Deleted)")
        session.done("EXPUNGE")
        session.done("APPEND", b"INBOX (\\Draft) ", Literal(letter("far")))
    for subject, flags in (("m3", "S"), ("m4", "T")):
        file = file_of(home, subject)
        file.rename(home / "mail/INBOX/cur" / f"{file.name.partition(':')[0]}:2,{flags}")
    (home / "mail/INBOX/cur/1.near:2,FS").write_bytes(letter("near").replace(b"\r\n", b"\n"))
    mbsync.succeed(*run)

    expected = {"m0": "RS", "m2": "", "m3": "S", "m5": "", "far": "D", "near": "FS"}
    names = {"R": "\\Answered", "S": "\\Seen", "D": "\\Draft", "F": "\\Flagged"}
    assert expected == near(home)
    state = state_of(remote)
    assert {
        subject: frozenset(names[each] for each in flags) for subject, flags in expected.items()
    } == {subject: flags for subject, (flags, _) in state.items()}
    assert letter("near") == re.sub(rb"X-TUID: .*\r\n", b"", state["near"][1])

    before = sorted(str(file) for file in (home / "mail").rglob("*"))
    mbsync.succeed(*run)
    assert before == sorted(str(file) for file in (home / "mail").rglob("*"))
    assert state == state_of(remote)
