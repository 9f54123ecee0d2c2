"""
An application that sends: what it has put into its own queue is its own worry no more.  The queue
logs in to a smarthost, over TLS with a certificate that is good, and tries until it is taken.

``PASSWORD=… python examples/smarthost_client.py HOST:PORT USER SENDER RECIPIENT…`` sends a message
and ends when the message has left the queue: taken, or refused and reported to the sender.  Stop it
before: the next start sends another one, and goes on with this when it is due again.
"""

import os
import sys
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from twisted.internet import defer, task

from pymta import MailService, MailSystem
from pymta.components.relay import Relaying, next_hop
from pymta.components.routes import Routes
from pymta.delivery.tls_policy import TLSPolicies
from pymta.interfaces.queue import QueueQuery
from pymta.interfaces.relay import TLSLevel, TLSPolicy
from pymta.sasl import Credentials


async def main(reactor: Any, smarthost: str, user: str, sender: str, *recipients: str) -> None:
    hop = next_hop(smarthost)
    system = MailSystem(
        reactor,
        directory=os.environ.get("QUEUE", "queue"),
        routes=Routes(next_hop=hop),
        credentials={hop: Credentials(username=user, password=os.environ["PASSWORD"])}.get,
        tls=TLSPolicies(default=TLSPolicy(level=TLSLevel.VERIFY)),
        relaying=Relaying(authorities=os.environ.get("AUTHORITIES")),
    )
    service = MailService(reactor, system.parts, [])
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    service.startService()
    await service.ready

    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, ", ".join(recipients), "hello"
    message.set_content("Sent by an application.")
    queue_id = await system.send(message.as_bytes(policy=SMTP), sender=sender, to=recipients)
    print("kept", flush=True)  # on the disk: from here on, nothing loses it
    ours = QueueQuery(ids=(queue_id,))
    while service.running and (await system.queue.select(ours)).entries:
        await task.deferLater(reactor, 0.05)
    print("gone", flush=True)


if __name__ == "__main__":
    task.react(lambda reactor: defer.ensureDeferred(main(reactor, *sys.argv[1:])))
