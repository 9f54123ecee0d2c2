"""
A policy of one's own: mail whose subject holds a word from a list is refused, other mail is
marked as seen.

``python examples/custom_policy.py [PORT]`` runs a server that asks it.
"""

import sys
from collections.abc import Collection
from typing import Any

from twisted.internet import defer, task
from twisted.internet.endpoints import serverFromString
from zope.interface import implementer

from pymta import Envelope, Listening, MailService, MailSystem, Recipient, Reply, Sender, Session
from pymta.components.people import springing
from pymta.content import header_of
from pymta.facts import Facts
from pymta.interfaces.content import IContent
from pymta.interfaces.policy import IPolicy, IPolicyConnection, IPolicyTransaction
from pymta.message.encodedword import decode_words
from pymta.verdict import PROCEED, InsertField, MessageVerdict, Proceed, Refuse, Verdict


@implementer(IPolicy, IPolicyConnection, IPolicyTransaction)
class Words:
    """It keeps nothing, so one object serves all connections and transactions."""

    name = "words"

    def __init__(self, words: Collection[str]) -> None:
        self._words = {word.casefold() for word in words}

    async def connect(self, session: Session) -> IPolicyConnection:
        return self

    async def changed(self, session: Session) -> Verdict:
        return PROCEED

    async def begin(self, sender: Sender) -> IPolicyTransaction:
        return self

    async def sender(self) -> Verdict:
        return PROCEED

    async def recipient(self, recipient: Recipient) -> Verdict:
        return PROCEED

    async def data(self) -> Verdict:
        return PROCEED

    async def message(self, envelope: Envelope, content: IContent, facts: Facts) -> MessageVerdict:
        header = await header_of(content)
        for field in header.all(b"Subject"):
            if self._words & set(decode_words(field.unfolded).casefold().split()):
                return MessageVerdict(Refuse(Reply(550, "5.7.1", "We do not talk about that")))
        seen = InsertField(0, "X-Words", b"none found")
        return MessageVerdict(Proceed(changes=(seen,)))

    def closed(self) -> None: ...


async def main(reactor: Any, smtp: str = "2525", pop3: str = "2110") -> None:
    system = MailSystem(reactor, policies=[Words(["lottery", "viagra"])], people=springing())
    ports = {"smtp": (smtp, system.smtp()), "pop3": (pop3, system.pop3())}
    listening = [
        Listening(name, serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1"), listener)
        for name, (port, listener) in ports.items()
    ]
    service = MailService(reactor, system.parts, listening)
    service.startService()
    await service.ready
    for each in listening:
        print(f"{each.name} {each.address}", flush=True)
    await defer.Deferred()


if __name__ == "__main__":
    task.react(lambda reactor: defer.ensureDeferred(main(reactor, *sys.argv[1:])))
