"""
A capability of one's own for IMAP: the command XTOTAL tells how much an account keeps.

``python examples/imap_extension.py [PORT]`` runs a server that offers it.
"""

import sys
from dataclasses import dataclass
from typing import Any

from twisted.internet import defer, task
from twisted.internet.endpoints import serverFromString

from pymta import Listening, MailService, MailSystem
from pymta.components.people import springing
from pymta.imap.extension import Call, Extension, Offered
from pymta.imap.session import IMAPSession
from pymta.wire.imap.capability import Verb
from pymta.wire.imap.response.status import OK, Ending


@dataclass(frozen=True)
class Total:
    """What the parser of XTOTAL makes; arguments would be its fields."""


async def total(session: IMAPSession, command: Total) -> Ending:
    mailboxes = await session.asked(session.store.mailboxes())
    messages = sum(each.messages for each in mailboxes)
    session.say(b"* XTOTAL %d %d\r\n" % (messages, sum(each.size for each in mailboxes)))
    return OK("Counted")


XTOTAL = Extension(
    offered=Offered(words=("XTOTAL",), verbs=(Verb(name="XTOTAL", parse=lambda _: Total()),)),
    calls={Total: Call(total)},
)


async def main(reactor: Any, port: str = "2143") -> None:
    system = MailSystem(reactor, people=springing())
    endpoint = serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1")
    listening = Listening("imap", endpoint, system.imap(extensions=(XTOTAL,)))
    service = MailService(reactor, system.parts, [listening])
    service.startService()
    await service.ready
    print(f"imap {listening.address}", flush=True)
    await defer.Deferred()


if __name__ == "__main__":
    task.react(lambda reactor: defer.ensureDeferred(main(reactor, *sys.argv[1:])))
