"""
getmail fetches: everything, once, in the clear, by STLS and with implicit TLS.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.fetched import letter_of
from tests.interop.programs import Program, program
from tests.interop.reading import Account
from tests.interop.servers import HOST, Server

WAYS = {
    "plain": ("SimplePOP3Retriever", "pop3", ""),
    "STLS": ("SimplePOP3Retriever", "pop3", "use_stls = true\nca_certs = {pem}\n"),
    "implicit": ("SimplePOP3SSLRetriever", "pop3s", "ca_certs = {pem}\n"),
}


@pytest.fixture
def getmail(home: Path) -> Program:
    """The program."""
    return program("getmail", home, package="getmail6")


def configure(
    getmail: Program, server: Server, account: Account, *, way: str, delete: str
) -> list[str]:
    """Write its file, and give its arguments: each message becomes a file in a folder."""
    retriever, service, tls = WAYS[way]
    folder = getmail.home / "mail"
    folder.mkdir()
    (getmail.home / "rc").write_text(
        f"[retriever]\ntype = {retriever}\nserver = {HOST}\nport = {server.ports[service]}\n"
        f"username = {account.address}\npassword = {account.password}\ntimeout = 20\n"
        f"{tls.format(pem=server.pem)}\n"
        # Root may have it run a command, and may not have it write to a Maildir.
        f"[destination]\ntype = MDA_external\npath = /bin/sh\nallow_root_commands = true\n"
        f"arguments = ('-c', 'cat > $(mktemp {folder}/XXXXXXXX)')\n"
        f"[options]\nread_all = false\ndelete = {delete}\nreceived = false\n"
        f"delivered_to = false\n"
    )
    return [f"--getmaildir={getmail.home}", "--rcfile=rc"]


@pytest.mark.parametrize("delete", ["false", "true"])
@pytest.mark.parametrize("way", WAYS)
def test_fetches_all_once(server: Server, getmail: Program, way: str, delete: str) -> None:
    """
    Each letter comes once with its fields and its body; a second run fetches nothing, whether
    the first left the mail on the server or not.
    """
    account = server.account()
    sent = server.deliver(account)
    arguments = configure(getmail, server, account, way=way, delete=delete)

    getmail.succeed(*arguments)
    files = list((getmail.home / "mail").iterdir())
    getmail.succeed(*arguments)

    assert len(sent) == len(files)
    assert {letter_of(each) for each in sent} == {letter_of(file.read_bytes()) for file in files}
    assert files == list((getmail.home / "mail").iterdir())
    left = 0 if delete == "true" else len(sent)
    assert left == len(server.read_by(account, left))


def test_wrong_password_is_told(server: Server, getmail: Program) -> None:
    """
    A mistyped password is told in the server's words.
    """
    account = Account(server.account().address, "mistyped")
    refused = getmail.run(*configure(getmail, server, account, way="implicit", delete="false"))

    assert b"[AUTH]" in refused.stdout + refused.stderr
