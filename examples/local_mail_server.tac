"""
A mail server for one machine: SMTP, submission, POP3 and IMAP on loopback, kept in a folder.

Run ``twistd -ny examples/local_mail_server.tac``; ports and folder come from the environment.
"""

import os

from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString

from pymta import Listening, MailService, MailSystem
from pymta.components.people import springing

PORTS = {"smtp": "2525", "submission": "2587", "pop3": "2110", "imap": "2143"}

# Whoever is written to in example.test has a mailbox, and any password opens it.
system = MailSystem(
    reactor,
    hostname="localhost",
    domains=["example.test"],
    directory=os.environ.get("MAIL", "mail"),
    people=springing(["example.test"]),
)


def listening(name: str) -> Listening:
    port = os.environ.get(name.upper(), PORTS[name])
    endpoint = serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1")
    return Listening(name, endpoint, getattr(system, name)())


application = Application("mail")
service = MailService(reactor, system.parts, [listening(name) for name in PORTS])
service.setServiceParent(application)
