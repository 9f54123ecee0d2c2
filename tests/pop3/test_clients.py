"""
Real clients over real sockets: poplib and curl, in the clear, by STLS and with implicit TLS.
"""

from __future__ import annotations

import poplib
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import pytest_twisted
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from pymta.accounts.cred import AccountRealm, PasswordChecker, VerifiedChecker
from pymta.aio import deferred
from pymta.edge.listener import Listener
from pymta.edge.login import Login
from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import NewMessage
from pymta.mailbox import INBOX
from pymta.pop3.listener import pop3_listener
from pymta.pop3.settings import Settings
from pymta.store.memory.mailboxes import MemoryMailStore
from tests.edge.certificates import certificates, pem
from tests.edge.home import ALICE, PASSWORDS, Directory
from tests.pop3.house import LARGE, ONE
from tests.sasl.accounts import counting

PASSWORD = PASSWORDS[ALICE]
MESSAGES = [
    ONE,
    b".\r\n..\r\n.\r\n\r\n",
    b"Subject: 8 bit\r\n\r\n\xff\xfe\xc3\xa9\r\n",
    b"Subject: long\r\n\r\n" + b"z" * 2000 + b"\r\n",
    LARGE,
]
WAYS = ["plain", "STLS", "implicit"]


class Server:
    """Listeners on free loopback ports, over one store with messages in it."""

    def __init__(self, reactor: Any) -> None:
        self.mail = MemoryMailStore()
        directory = Directory(self.mail)
        checkers = [PasswordChecker(directory), VerifiedChecker(directory)]
        settings = {
            "hostname": "localhost",
            "clock": reactor,
            "now": lambda: datetime.now(UTC),
            "random": counting,
            "login": Login(
                Portal(AccountRealm(directory), checkers),
                clock=reactor,
                hostname="localhost",
                random=counting,
                secrets=directory,
            ),
            "certificates": certificates(reactor),
        }
        self._listeners: list[Listener] = [
            pop3_listener(Settings(**settings)),
            pop3_listener(Settings(**settings, implicit_tls=True)),
        ]
        self._ports = [
            reactor.listenTCP(0, each, interface="127.0.0.1") for each in self._listeners
        ]

    def port(self, way: str) -> int:
        """Where clients of this way connect."""
        number: int = self._ports[way == "implicit"].getHost().port
        return number

    async def put(self, messages: list[bytes]) -> None:
        """Deliver messages."""
        inbox = await self.mail.mailboxes(ALICE).open(INBOX)
        await inbox.append([NewMessage(content=Octets(message)) for message in messages])

    async def stop(self) -> None:
        """Close all."""
        for port in self._ports:
            await port.stopListening()
        for listener in self._listeners:
            await listener.stop(5)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server with messages."""
    from twisted.internet import reactor

    made = Server(reactor)
    pytest_twisted.blockon(deferred(made.put(MESSAGES)))
    yield made
    pytest_twisted.blockon(deferred(made.stop()))


def trusting() -> ssl.SSLContext:
    """A client's context that knows the server's certificate, and checks its name."""
    return ssl.create_default_context(cafile=str(pem()))


def connect(way: str, port: int) -> poplib.POP3:
    """A client of poplib, in this way."""
    if way == "implicit":
        return poplib.POP3_SSL("localhost", port, timeout=10, context=trusting())
    client = poplib.POP3("127.0.0.1" if way == "plain" else "localhost", port, timeout=10)
    if way == "STLS":
        client.stls(context=trusting())
    return client


def in_a_thread(call: Callable[[], Any]) -> Deferred[Any]:
    """Run a client that blocks, while the reactor serves it."""
    return deferToThread(call)


@pytest.mark.parametrize("way", WAYS)
@pytest_twisted.ensureDeferred
async def test_poplib(server: Server, way: str) -> None:
    """It reads every octet back, finds its way by UIDL, and what it deletes is gone."""

    def session() -> list[bytes]:
        client = connect(way, server.port(way))
        capabilities = client.capa()
        assert ("STLS" in capabilities) == (way == "plain")
        assert "PIPELINING" in capabilities
        client.utf8()
        client.user(ALICE)
        client.pass_(PASSWORD)
        count, octets = client.stat()
        assert (len(MESSAGES), sum(map(len, MESSAGES))) == (count, octets)
        assert count == len({line.split()[1] for line in client.uidl()[1]})
        assert client.top(1, 1)[1] == [b"Subject: one", b"", b"first"]
        got = []
        for number in range(1, count + 1):
            lines = client.retr(number)[1]
            got.append(b"".join(line + b"\r\n" for line in lines))
            assert f"{number} {len(MESSAGES[number - 1])}".encode() in client.list(number)
            client.dele(number)
        client.quit()
        return got

    assert MESSAGES == await in_a_thread(session)
    inbox = await server.mail.mailboxes(ALICE).open(INBOX)
    assert [] == await inbox.sizes()


@pytest_twisted.ensureDeferred
async def test_two_clients(server: Server) -> None:
    """The second is refused until the first has quit."""

    def session() -> list[str]:
        first, second = (connect("plain", server.port("plain")) for _ in range(2))
        seen = []
        for client in (first, second):
            client.user(ALICE)
            try:
                seen.append(client.pass_(PASSWORD).decode()[:3])
            except poplib.error_proto as error:
                seen.append(str(error)[:15])
        first.quit()
        second.user(ALICE)
        seen.append(second.pass_(PASSWORD).decode()[:3])
        second.quit()
        return seen

    assert ["+OK", "b'-ERR [IN-USE]", "+OK"] == await in_a_thread(session)


def curl(way: str, port: int, *arguments: str) -> bytes:
    """What curl says on standard output."""
    scheme = "pop3s" if way == "implicit" else "pop3"
    host = "127.0.0.1" if way == "plain" else "localhost"
    secure = [] if way == "plain" else ["--ssl-reqd", "--cacert", str(pem())]
    *options, path = arguments
    command = ["curl", "-sS", "-m", "20", *secure, "--user", f"{ALICE}:{PASSWORD}", *options]
    done = subprocess.run(
        [*command, f"{scheme}://{host}:{port}/{path}"], capture_output=True, check=False
    )
    assert (0, b"") == (done.returncode, done.stderr)
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("way", WAYS)
@pytest_twisted.ensureDeferred
async def test_curl(server: Server, way: str) -> None:
    """It lists the maildrop, and reads every octet back."""
    port = server.port(way)
    listed = await in_a_thread(partial(curl, way, port, ""))
    expected = [f"{n} {len(m)}" for n, m in enumerate(MESSAGES, 1)]

    assert expected == listed.decode().split("\r\n")[:-1]
    for number, message in enumerate(MESSAGES, 1):
        assert message == await in_a_thread(partial(curl, way, port, str(number)))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest_twisted.ensureDeferred
async def test_curl_by_sasl(server: Server, mechanism: str) -> None:
    """It logs in by the mechanisms that it knows."""
    options = ("--login-options", f"AUTH={mechanism}")

    port = server.port("STLS")
    assert MESSAGES[0] == await in_a_thread(partial(curl, "STLS", port, *options, "1"))
