"""
A whole server on a reactor of its own, in a thread, while the global one raises at every touch.

``python -m tests.interop.private_reactor REACTOR FOLDER``: its class, and where to keep mail.
"""

from __future__ import annotations

import poplib
import smtplib
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from typing import Any

import twisted.internet

SECONDS = 20.0

touched: list[str] = []


class Poison:
    """In place of the global reactor."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python's own questions
            raise AttributeError(name)
        touched.append(name)
        raise AssertionError(f"the global reactor was asked for {name}")


# Before anything is imported that might want the real one.
sys.modules["twisted.internet.reactor"] = twisted.internet.reactor = Poison()  # type: ignore[assignment]

from cryptography.hazmat.primitives.serialization import Encoding  # noqa: E402
from twisted.internet.endpoints import TCP4ServerEndpoint  # noqa: E402
from twisted.internet.epollreactor import EPollReactor  # noqa: E402
from twisted.internet.selectreactor import SelectReactor  # noqa: E402
from twisted.internet.threads import blockingCallFromThread  # noqa: E402

from pymta.accounts.passwords import CHEAPEST  # noqa: E402
from pymta.aio import start  # noqa: E402
from pymta.components.people import kept  # noqa: E402
from pymta.components.selfsigned import SelfSigned  # noqa: E402
from pymta.components.system import MailSystem  # noqa: E402
from pymta.pop3.settings import Timeouts as POP3Timeouts  # noqa: E402
from pymta.service import Job, Listening, MailService  # noqa: E402
from pymta.smtp.settings import Timeouts as SMTPTimeouts  # noqa: E402

REACTORS = {"select": SelectReactor, "epoll": EPollReactor}
ALICE = "alice@example.test"
CONTENT = f"From: {ALICE}\r\nTo: {ALICE}\r\nSubject: hello\r\n\r\nby a private reactor\r\n".encode()
SHORT = 0.3


class Serving:
    """The server, its thread and its ports."""

    def __init__(self, reactor: Any, folder: str) -> None:
        self.reactor = reactor
        self.certificates = SelfSigned(["localhost"])
        self.system = MailSystem(
            reactor,
            domains=["example.test"],
            directory=folder,
            people=kept(CHEAPEST),
            certificates=self.certificates,
        )
        system = self.system
        listeners = {
            "submission": system.submission(),
            "pop3": system.pop3(),
            "impatient smtp": system.smtp(timeouts=SMTPTimeouts(command=SHORT)),
            "impatient pop3": system.pop3(timeouts=POP3Timeouts(unknown=SHORT)),
        }
        self.service = MailService(
            reactor,
            [*system.parts, Job(self._make_account)],
            [
                Listening(name, TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1"), listener)
                for name, listener in listeners.items()
            ],
        )
        self.thread = threading.Thread(target=reactor.run, args=(False,), daemon=True)

    async def _make_account(self) -> None:
        assert self.system.people.administration is not None
        await self.system.people.administration.add(ALICE, "secret")

    def start(self) -> dict[str, int]:
        """Give the ports, as soon as it listens."""

        async def begin() -> None:
            self.service.startService()
            await self.service.ready

        self.thread.start()
        self._in_reactor(lambda: start(begin()))
        return {each.name: each.address.port for each in self.service.listening}

    def stop(self) -> None:
        """Wait for its orderly end."""
        self._in_reactor(self.service.stopService)
        self.reactor.callFromThread(self.reactor.stop)
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()

    def _in_reactor(self, call: Callable[[], Any]) -> None:
        blockingCallFromThread(self.reactor, call)


def send(port: int, context: ssl.SSLContext) -> None:
    """Submit a message by STARTTLS."""
    with smtplib.SMTP("localhost", port, timeout=SECONDS) as client:
        client.starttls(context=context)
        client.login(ALICE, "secret")
        assert {} == client.sendmail(ALICE, [ALICE], CONTENT)


def read(port: int, context: ssl.SSLContext) -> list[bytes]:
    """Read the mailbox by STLS."""
    client = poplib.POP3("localhost", port, timeout=SECONDS)
    client.stls(context=context)
    client.user(ALICE)
    client.pass_("secret")
    count = client.stat()[0]
    messages = [b"\r\n".join([*client.retr(n)[1], b""]) for n in range(1, count + 1)]
    client.quit()
    return messages


def hear(port: int) -> bytes:
    """All that the server says to somebody who says nothing."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        heard = b""
        while data := client.recv(4096):
            heard += data
    return heard


def main(name: str, folder: str) -> None:
    """Send, read, wait; and see that nothing global was used."""
    serving = Serving(REACTORS[name](), folder)
    ports = serving.start()
    pem = serving.certificates.certificate.public_bytes(Encoding.PEM).decode()
    context = ssl.create_default_context(cadata=pem)

    send(ports["submission"], context)
    for _ in range(200):
        if messages := read(ports["pop3"], context):
            break
    assert 1 == len(messages), messages
    # The submission's Date and Message-ID stand between header and body.
    assert messages[0].endswith(b"\r\n\r\nby a private reactor\r\n"), messages
    assert b"with ESMTPSA" in messages[0], messages

    assert b"\r\n421 " in hear(ports["impatient smtp"])
    assert hear(ports["impatient pop3"]).startswith(b"+OK")
    serving.stop()
    assert [] == touched, touched


if __name__ == "__main__":
    main(*sys.argv[1:])
