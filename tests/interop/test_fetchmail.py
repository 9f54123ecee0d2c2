"""
fetchmail fetches: everything, once, in the clear, by STLS and with implicit TLS.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.fetched import letter_of
from tests.interop.programs import Program, program
from tests.interop.reading import Account
from tests.interop.servers import HOST, Server

# With plain text, "sslproto ''" keeps it from starting TLS that is offered.
WAYS = {
    "plain": ("pop3", "sslproto ''"),
    "STLS": ("pop3", "sslproto TLS1.2+ sslcertck sslcertfile {pem}"),
    "implicit": ("pop3s", "ssl sslcertck sslcertfile {pem}"),
}
NOTHING_NEW = 1


@pytest.fixture
def fetchmail(home: Path) -> Program:
    """The program."""
    return program("fetchmail", home)


def configure(
    fetchmail: Program, server: Server, account: Account, *, way: str, keep: str
) -> list[str]:
    """Write its file, and give its arguments: each message becomes a file in a folder."""
    service, tls = WAYS[way]
    folder = fetchmail.home / "mail"
    folder.mkdir()
    file = fetchmail.home / "rc"
    file.write_text(
        f"poll {HOST} protocol pop3 service {server.ports[service]} timeout 20 uidl\n"
        f"  user '{account.address}' password '{account.password}' is root here {keep}\n"
        f"  {tls.format(pem=server.pem)} no rewrite\n"
        f'  mda "cat > $(mktemp {folder}/XXXXXXXX)"\n'
    )
    file.chmod(0o600)
    return ["--fetchmailrc=rc", "--nosyslog", "--invisible", f"--pidfile={fetchmail.home}/pid"]


@pytest.mark.parametrize("keep", ["keep", "nokeep"])
@pytest.mark.parametrize("way", WAYS)
def test_fetches_all_once(server: Server, fetchmail: Program, way: str, keep: str) -> None:
    """
    Each letter comes once with its fields and its body; a second run finds nothing new, whether
    the first left the mail on the server or not.
    """
    account = server.account()
    sent = server.deliver(account)
    arguments = configure(fetchmail, server, account, way=way, keep=keep)

    fetchmail.succeed(*arguments)
    files = list((fetchmail.home / "mail").iterdir())
    again = fetchmail.run(*arguments)

    assert len(sent) == len(files)
    assert {letter_of(each) for each in sent} == {letter_of(file.read_bytes()) for file in files}
    assert NOTHING_NEW == again.returncode, again.stdout + again.stderr
    assert len(sent) == len(list((fetchmail.home / "mail").iterdir()))
    left = len(sent) if keep == "keep" else 0
    assert left == len(server.read_by(account, left))


def test_fetches_what_is_new(server: Server, fetchmail: Program) -> None:
    """
    Of a mailbox that it left as it was, it fetches later what came since.
    """
    account = server.account()
    sent = server.deliver(account)
    arguments = configure(fetchmail, server, account, way="STLS", keep="keep")
    fetchmail.succeed(*arguments)
    before = set((fetchmail.home / "mail").iterdir())

    (new,) = server.deliver(account, ["short"])
    server.read_by(account, len(sent) + 1)
    fetchmail.succeed(*arguments)
    (file,) = set((fetchmail.home / "mail").iterdir()) - before

    assert letter_of(new) == letter_of(file.read_bytes())


def test_wrong_password_is_told(server: Server, fetchmail: Program) -> None:
    """
    A mistyped password is an error of authentication.
    """
    account = Account(server.account().address, "mistyped")
    refused = fetchmail.run(*configure(fetchmail, server, account, way="STLS", keep="keep"))

    # PS_AUTHFAIL in its manual
    assert 3 == refused.returncode, refused.stdout + refused.stderr
