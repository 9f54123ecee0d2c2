"""Take mail on a port and print it: ``python examples/minimal_receiver.py [PORT]``."""

import sys

from twisted.internet import defer, task

from pymta import ReceivedMail, receive


async def take(mail: ReceivedMail) -> None:
    print(f"{mail.envelope.sender} -> {mail.envelope.recipients[0]}: {len(mail.octets)} octets")


async def main(reactor: object, port: str = "2525") -> None:
    listening = await receive(reactor, f"tcp:{port}:interface=127.0.0.1", take)
    print(f"listening on {listening.address}", flush=True)
    await defer.Deferred()


task.react(lambda reactor: defer.ensureDeferred(main(reactor, *sys.argv[1:])))
