"""
What the tests of the SMTP client machine share: a client, and a server that says lines.
"""

from __future__ import annotations

from typing import (
    Any,
)

from pymta.address import (
    Address,
)
from pymta.envelope import (
    Recipient,
    RecipientID,
    Sender,
)
from pymta.reply import (
    Reply,
)
from pymta.wire import (
    NEED_DATA,
)
from pymta.wire.smtp.client import (
    Phase,
    SMTPClient,
)
from pymta.wire.smtp.client_events import (
    ClientEvent,
    RecipientAnswered,
)

SENDER = Sender(reverse_path=Address("from", "a.example"))
ANN, BOB, CAT = (
    Recipient(id=RecipientID(n), address=Address(local, "b.example"))
    for n, local in enumerate(("ann", "bob", "cat"))
)
UTF8 = Recipient(id=RecipientID(9), address=Address("grüße", "b.example"))
OK = Reply(250, "", "ok")
NO = Reply(550, "", "no")


class Dialogue:
    """A client and what its server says."""

    def __init__(self, *keywords: str, **options: Any) -> None:
        """Connect, and be greeted by a server that announces ``keywords``."""
        self.client = SMTPClient(**options)
        if keywords or options:
            self.say("220 mx.example")
            self.client.hello("c.example")
            self.say("\r\n".join(f"250-{line}" for line in ("mx.example", *keywords)) + "\r\n250 X")
            self.sent()

    def say(self, *lines: str) -> list[ClientEvent]:
        """The server says this; what the client tells of it."""
        self.client.receive_data("".join(f"{line}\r\n" for line in lines).encode())
        return self.events()

    def events(self) -> list[ClientEvent]:
        """Everything there is to tell."""
        events = []
        while (event := self.client.next_event()) is not NEED_DATA:
            events.append(event)
        return events

    def phase(self) -> Phase:
        """Where the client stands."""
        return self.client.phase

    def sent(self) -> list[str]:
        """What the client wrote, line by line."""
        return self.client.data_to_send().decode().splitlines()


def accepted(recipient: Recipient, reply: Reply = OK) -> RecipientAnswered:
    """The event of a recipient's answer."""
    return RecipientAnswered(recipient=recipient, reply=reply)
