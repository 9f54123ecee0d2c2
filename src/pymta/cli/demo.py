"""
``pymta demo``: a mail system to play with.  Every domain is local, every address an account,
nothing leaves the machine and nothing is kept.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory, IStreamServerEndpoint
from twisted.logger import LogLevel
from zope.interface import implementer

from pymta.address import Address
from pymta.aio import start
from pymta.cli.output import say
from pymta.cli.process import STOP_SECONDS, begin_log, own_reactor, serve
from pymta.cli.testserver import QUICK
from pymta.components.people import springing
from pymta.components.selfsigned import SelfSigned
from pymta.components.system import MailSystem
from pymta.envelope import Recipient, RecipientID, Sender
from pymta.message.trace import date_field, message_id, message_id_field
from pymta.service import Listening, MailService
from pymta.session import Endpoint, Role, Session

__all__ = ["run_demo", "welcome"]

HOST = "127.0.0.1"
YOU = Address("you", "example.test")
_SESSIONS = 0.3

WELCOME = f"""\
From: "pymta demo" <demo@example.test>
To: {YOU}
Subject: Welcome
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

This message went the whole way: it was routed and taken into the queue,
delivered to your mailbox, and you fetched it by POP3 or IMAP.

Write to any address of any domain: it has a mailbox here, and any password opens it.
"""

TEXT = """\
A whole mail system, in memory. Every domain is local, every address has a mailbox, any
password is right, and nothing leaves this machine.

{ports}

Send a message, and read it:
  printf 'Subject: hello\\n\\nhow are you?\\n' | curl --crlf -T - smtp://{smtp} \\
      --mail-from you@example.test --mail-rcpt bob@example.com
  curl -u bob@example.com:anything pop3://{pop3}/1

There is a message for you, too:
  curl -u {you}:anything pop3://{pop3}/1
  curl -u {you}:anything 'imap://{imap}/INBOX;UID=1'

Ctrl-C ends it.
"""


@implementer(IStreamServerEndpoint)
class FirstFree:
    """
    An endpoint at a port that everybody can remember, or at any if that one is taken.

    :param port: the one that is wanted.
    """

    def __init__(self, reactor: Any, port: int) -> None:
        self.wanted = port
        self._reactor = reactor

    async def _listen(self, factory: IProtocolFactory) -> Any:
        try:
            return await self._at(self.wanted).listen(factory)
        except CannotListenError:
            return await self._at(0).listen(factory)

    def _at(self, port: int) -> Any:
        return TCP4ServerEndpoint(self._reactor, port, interface=HOST)

    def listen(self, protocolFactory: IProtocolFactory) -> Any:
        """See ``IStreamServerEndpoint``."""
        return start(self._listen(protocolFactory))


def run_demo(arguments: Namespace) -> int:
    """Serve until Ctrl-C."""
    reactor = own_reactor()
    begin_log(sys.stderr, LogLevel.info if arguments.verbose else LogLevel.warn)
    system = MailSystem(
        reactor,
        hostname="localhost",
        domains=[YOU.domain],
        people=springing(),
        certificates=SelfSigned(["localhost", HOST]),
        limit_logins=None,
        connections=None,
        account_sessions=None,
        runner_limits=QUICK,
    )
    listening = [
        Listening("SMTP", FirstFree(reactor, 1025), system.smtp(), seconds=_SESSIONS),
        Listening("Submission", FirstFree(reactor, 1587), system.submission(), seconds=_SESSIONS),
        Listening("POP3", FirstFree(reactor, 1110), system.pop3(), seconds=_SESSIONS),
        Listening("IMAP", FirstFree(reactor, 1143), system.imap(), seconds=_SESSIONS),
    ]
    wanted = (1025, 1587, 1110, 1143)

    async def ready() -> None:
        await welcome(system)
        say(_text(listening, wanted))

    service = MailService(system.clock, system.parts, listening, seconds=STOP_SECONDS)
    return serve(reactor, service, ready)


async def welcome(system: MailSystem) -> None:
    """Send the first message, the way that all others go."""
    here = Endpoint(HOST)
    now = system.now()
    session = Session(id="welcome", role=Role.LOCAL, peer=here, local=here, started=now)
    mail_session = await system.receiver.connected(session)
    transaction = await mail_session.begin(Sender(reverse_path=Address("demo", YOU.domain)))
    await transaction.add_recipient(Recipient(id=RecipientID(1), address=YOU))
    await transaction.begin_content()
    name = message_id(YOU.domain, now=now, token=system.chance.octets(12))
    await transaction.write(date_field(now) + message_id_field(name))
    await transaction.write(WELCOME.replace("\n", "\r\n").encode())
    await transaction.commit()
    mail_session.closed()


def _text(listening: Sequence[Listening], wanted: Sequence[int]) -> str:
    lines = []
    for each, port in zip(listening, wanted, strict=True):
        taken = "" if each.address.port == port else f"  (port {port} is taken)"
        lines.append(f"  {each.name:<12}{each.address}{taken}")
    smtp, _, pop3, imap = (str(each.address) for each in listening)
    return TEXT.format(ports="\n".join(lines), smtp=smtp, pop3=pop3, imap=imap, you=YOU)
