"""
The far side of our connections: a listener of our own on real sockets, and diallers for it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from twisted.cred.portal import Portal

from pymta.accounts.cred import AccountRealm, PasswordChecker, VerifiedChecker
from pymta.address import Address
from pymta.edge.client_tls import ClientTLS
from pymta.edge.login import Login
from pymta.envelope import Recipient, RecipientID, Sender
from pymta.interfaces.relay import Host, TLSLevel, TLSPolicy
from pymta.session import Role
from pymta.smtp.client_dialler import Dialler
from pymta.smtp.client_settings import ClientSettings
from pymta.smtp.listener import smtp_listener
from pymta.smtp.settings import Settings
from pymta.store.memory.mailboxes import MemoryMailStore
from tests.edge.certificates import certificates, pem
from tests.edge.home import Directory
from tests.sasl.accounts import counting
from tests.smtp.receivers import Collector, Mail

NONE = TLSPolicy(level=TLSLevel.NONE)
SENDER = Sender(reverse_path=Address.parse("ann@example.org"))


def recipients(*addresses: str) -> tuple[Recipient, ...]:
    """Recipients with ids from 1."""
    return tuple(
        Recipient(id=RecipientID(number), address=Address.parse(address))
        for number, address in enumerate(addresses, 1)
    )


BOB, EVE = recipients("bob@example.test", "eve@example.test")


class Far:
    """
    A server; what it takes is in :attr:`collector`.

    :param settings: of the listener, over the usual ones.
    """

    def __init__(self, reactor: Any, **settings: Any) -> None:
        self.reactor = reactor
        self.collector = Collector()
        made = Settings(
            receiver=self.collector,
            hostname="mx.example.test",
            role=Role.SMTP,
            clock=reactor,
            now=lambda: datetime.now(UTC),
        )
        self.settings = replace(made, **settings)
        self.listener = smtp_listener(self.settings)
        self.ports: list[Any] = []

    def listen(self, interface: str = "127.0.0.1") -> Host:
        """Listen on a free port; where that is."""
        port = self.reactor.listenTCP(0, self.listener, interface=interface)
        self.ports.append(port)
        return Host(name="localhost", addresses=(interface,), port=port.getHost().port)

    def listen_unix(self, path: str) -> Host:
        """Listen on a UNIX socket."""
        self.ports.append(self.reactor.listenUNIX(path, self.listener))
        return Host(name=path, addresses=(path,), port=0)

    def dialler(self, *, trusting: bool = True, **settings: Any) -> Dialler:
        """A dialler for it.  :param trusting: its certificate."""
        made = ClientSettings(helo="client.example.org", role=self.settings.role)
        return Dialler(
            self.reactor,
            self.reactor,
            replace(made, **settings),
            random=counting,
            tls=ClientTLS(authorities=str(pem())) if trusting else ClientTLS(),
        )

    @property
    def mail(self) -> Mail:
        """The last mail."""
        return self.collector.mails[-1]

    async def stop(self) -> None:
        """Close all."""
        for port in self.ports:
            await port.stopListening()
        await self.listener.stop(5)


def logins(reactor: Any) -> dict[str, Any]:
    """Settings with TLS, and with logins, which loopback may use without it."""
    directory = Directory(MemoryMailStore())
    return {
        "certificates": certificates(reactor),
        "login": Login(
            Portal(
                AccountRealm(directory, domain="example.test"),
                [PasswordChecker(directory), VerifiedChecker(directory)],
            ),
            clock=reactor,
            hostname="mx.example.test",
            random=counting,
            secrets=directory,
            domain="example.test",
        ),
    }
