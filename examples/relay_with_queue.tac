"""
A relay for the programs of this machine: what they send is kept in a queue, and carried to the MX
hosts of each domain, or all of it to one next hop.

Run ``twistd -ny examples/relay_with_queue.tac``, with ``NEXT_HOP=smarthost.example:25`` if it is
to be one, and send to port 2525.  ``pymta queue why --store queue`` says what waits, and why.
"""

import os

from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString

from pymta import Listening, MailService, MailSystem
from pymta.components.relay import next_hop, with_peers
from pymta.components.routes import Routes
from pymta.edge.peers import LOOPBACK

NEXT_HOP = os.environ.get("NEXT_HOP")
SMTP = os.environ.get("SMTP", "2525")

system = MailSystem(
    reactor,
    hostname=os.environ.get("HOST_NAME", "localhost"),
    directory=os.environ.get("QUEUE", "queue"),
    routes=Routes(next_hop=next_hop(NEXT_HOP)) if NEXT_HOP else Routes(mx=True),
    relay=with_peers(LOOPBACK),
)
endpoint = serverFromString(reactor, f"tcp:{SMTP}:interface=127.0.0.1")

application = Application("relay")
service = MailService(reactor, system.parts, [Listening("smtp", endpoint, system.smtp())])
service.setServiceParent(application)
