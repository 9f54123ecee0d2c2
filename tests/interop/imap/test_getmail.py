"""
getmail fetches by IMAP with implicit TLS: everything, once.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.fetched import letter_of
from tests.interop.imap_session import logged_in
from tests.interop.programs import Program, program
from tests.interop.servers import HOST, Server

_CONFIGURATION = """\
[retriever]
type = SimpleIMAPSSLRetriever
server = {host}
port = {port}
username = {account.address}
password = {account.password}
ca_certs = {pem}
mailboxes = ("INBOX", "a/b")
record_mailbox = false

[destination]
type = MDA_external
path = /bin/sh
allow_root_commands = true
arguments = ('-c', 'cat > $(mktemp {home}/mail/XXXXXXXX)')

[options]
read_all = false
delete = {delete}
received = false
delivered_to = false
"""


@pytest.fixture
def getmail(home: Path) -> Program:
    """The program."""
    (home / "mail").mkdir()
    return program("getmail", home, package="getmail6")


@pytest.mark.parametrize("delete", ["true", "false"])
def test_fetches_all_once(server: Server, getmail: Program, delete: str) -> None:
    """Each letter comes once, a second run finds nothing new, from two mailboxes."""
    account = server.account()
    sent = server.deliver(account)
    home = getmail.home
    with logged_in(server.ports["imap"], account) as session:
        session.done("CREATE", b"a/b")
        session.select()
        session.done("COPY", b"1 a/b")
    (home / "rc").write_text(
        _CONFIGURATION.format(
            host=HOST,
            port=server.ports["imaps"],
            account=account,
            pem=server.pem,
            home=home,
            delete=delete,
        )
    )
    run = (f"--getmaildir={home}", "--rcfile=rc")
    getmail.succeed(*run)
    getmail.succeed(*run)
    files = list((home / "mail").iterdir())
    assert len(sent) + 1 == len(files)
    assert {letter_of(each) for each in sent} == {letter_of(file.read_bytes()) for file in files}
    left = 0 if delete == "true" else len(sent)
    assert left == len(server.read_by(account, left))
