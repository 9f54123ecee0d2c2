"""
Mailboxes behind another MTA: LMTP on a UNIX socket, POP3 for reading.

Postfix delivers here with ``mailbox_transport = lmtp:unix:/path/to/lmtp``: each recipient is
answered when the message is in his mailbox.  Run ``twistd -ny examples/lmtp_store.tac``.
"""

import os

from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString

from pymta import Listening, MailService, MailSystem
from pymta.components.people import springing

SOCKET = os.environ.get("LMTP", "lmtp")
POP3 = os.environ.get("POP3", "2110")

system = MailSystem(
    reactor,
    domains=["example.test"],
    directory=os.environ.get("MAIL", "mail"),
    people=springing(["example.test"]),
)
ports = [
    Listening("lmtp", serverFromString(reactor, f"unix:{SOCKET}:mode=660"), system.lmtp()),
    Listening(
        "pop3", serverFromString(reactor, f"tcp:{POP3}:interface=127.0.0.1"), system.pop3()
    ),
]

application = Application("mailboxes")
MailService(reactor, system.parts, ports).setServiceParent(application)
