"""
fetchmail fetches by IMAP: by STARTTLS, with implicit TLS, and as it comes while it idles.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.interop.fetched import letter_of
from tests.interop.programs import Program, program
from tests.interop.reading import Account
from tests.interop.servers import HOST, Server

WAYS = {
    "STARTTLS": ("imap", "sslproto TLS1.2+ sslcertck sslcertfile {pem}"),
    "implicit": ("imaps", "ssl sslcertck sslcertfile {pem}"),
}
NOTHING_NEW = 1
SECONDS = 20.0


@pytest.fixture
def fetchmail(home: Path) -> Program:
    """The program."""
    return program("fetchmail", home)


def configure(
    fetchmail: Program, server: Server, account: Account, *, way: str, more: str
) -> list[str]:
    """Write its file, and give its arguments: each message becomes a file in a folder."""
    service, tls = WAYS[way]
    folder = fetchmail.home / "mail"
    folder.mkdir()
    file = fetchmail.home / "rc"
    file.write_text(
        f"poll {HOST} protocol imap service {server.ports[service]} timeout 20\n"
        f"  user '{account.address}' password '{account.password}' is root here {more}\n"
        f"  {tls.format(pem=server.pem)} no rewrite\n"
        f'  mda "cat > $(mktemp {folder}/XXXXXXXX)"\n'
    )
    file.chmod(0o600)
    return ["--fetchmailrc=rc", "--nosyslog", "--invisible", f"--pidfile={fetchmail.home}/pid"]


@pytest.mark.parametrize("way", WAYS)
def test_fetches_all_once(server: Server, fetchmail: Program, way: str) -> None:
    """Each letter comes once with its fields and its body, and is gone from the server."""
    account = server.account()
    sent = server.deliver(account)
    arguments = configure(fetchmail, server, account, way=way, more="nokeep")

    fetchmail.succeed(*arguments)
    files = list((fetchmail.home / "mail").iterdir())
    again = fetchmail.run(*arguments)

    assert len(sent) == len(files)
    assert {letter_of(each) for each in sent} == {letter_of(file.read_bytes()) for file in files}
    assert NOTHING_NEW == again.returncode, again.stdout + again.stderr
    assert [] == server.read_by(account, 0)


def test_idles(server: Server, fetchmail: Program) -> None:
    """What is delivered while it idles is fetched at once."""
    account = server.account()
    arguments = configure(fetchmail, server, account, way="implicit", more="keep idle")
    folder = fetchmail.home / "mail"
    server.deliver(account, ["short"])
    with subprocess.Popen(
        [fetchmail.path, "--nodetach", *arguments],
        cwd=fetchmail.home,
        env={"HOME": str(fetchmail.home), "LC_ALL": "C.UTF-8"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            for count in (1, 2):
                if count > 1:
                    server.deliver(account, ["dots"])
                end = time.monotonic() + SECONDS
                while len([f for f in folder.iterdir() if f.stat().st_size]) < count:
                    assert time.monotonic() < end, "it did not fetch"
                    time.sleep(0.02)
        finally:
            process.kill()
