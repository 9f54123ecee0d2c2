"""
mutt, driven by keys through a terminal of its own: reads, flags, files away, sends a copy.
"""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest

from pymta.wire.imap.cursor import Literal
from tests.interop.imap_remote import OnOurs, state_of
from tests.interop.programs import Program, program
from tests.interop.servers import HOST, Server

SECONDS = 20.0

_CONFIGURATION = """\
set folder = "imaps://{host}:{port}/"
set spoolfile = "+INBOX"
set record = "+Sent"
set imap_user = "{account.address}"
set imap_pass = "{account.password}"
set certificate_file = "{pem}"
set header_cache = "{home}/cache"
set move = no
set delete = yes
set quit = yes
set resolve = no
set sleep_time = 0
set copy = yes
set confirmappend = no
set confirmcreate = no
set imap_check_subscribed = no
set sendmail = "/bin/true"
set from = "{account.address}"
set imap_condstore = yes
set imap_qresync = yes
"""


@pytest.fixture
def mutt(home: Path) -> Program:
    """The program."""
    return program("mutt", home)


def drive(mutt: Program, *arguments: str) -> bytes:
    """Run it in a terminal to its end; what it wrote there."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [mutt.path, "-F", "rc", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=mutt.home,
        start_new_session=True,
        env={"HOME": str(mutt.home), "TERM": "xterm", "LC_ALL": "C.UTF-8"},
    ) as process:
        os.close(theirs)
        wrote, end = b"", time.monotonic() + SECONDS
        try:
            while process.poll() is None and time.monotonic() < end:
                if select.select([ours], [], [], 0.05)[0]:
                    try:
                        wrote += os.read(ours, 1 << 16)
                    except OSError:  # the terminal is closed when the program has ended
                        process.wait(SECONDS)
            assert 0 == process.poll(), wrote[-2000:].decode(errors="replace")
        finally:
            process.kill()
            os.close(ours)
    return wrote


def test_reads_and_files(server: Server, mutt: Program) -> None:
    """
    One message is flagged, one saved to another mailbox, one deleted; a mail that is sent is
    filed; the second start, with its cache, sees the same.
    """
    remote = OnOurs(server, server.account())
    (mutt.home / "rc").write_text(
        _CONFIGURATION.format(
            host=HOST,
            port=server.ports["imaps"],
            account=remote.account,
            pem=server.pem,
            home=mutt.home,
        )
    )
    with remote.session() as session:
        for n in range(4):
            octets = f"Subject: m{n}\r\nFrom: a@b.test\r\n\r\ntext {n}\r\n".encode()
            session.done("APPEND", b"INBOX ", Literal(octets))
    keys = (
        "<first-entry><flag-message><next-entry><delete-message><next-entry>"
        "<save-message>=Archive<enter><sync-mailbox><quit>"
    )
    drive(mutt, "-e", f"push '{keys}'")
    state = state_of(remote)
    assert {"m0", "m3"} == set(state)
    assert "\\Flagged" in state["m0"][0]
    assert {"m2"} == set(state_of(remote, "Archive"))

    drive(mutt, "-e", "push '<last-entry><display-message><exit><sync-mailbox><quit>'")
    assert "\\Seen" in state_of(remote)["m3"][0]

    mutt.succeed("-F", "rc", "-s", "sent", "someone@b.test", given=b"hello\n")
    ((flags, octets),) = state_of(remote, "Sent").values()
    assert frozenset({"\\Seen"}) == flags
    assert octets.endswith(b"\r\n\r\nhello\r\n")
