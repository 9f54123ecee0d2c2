"""
What the tests of the IMAP client machine share: a client, and a server that says lines.
"""

from __future__ import annotations

from collections.abc import Iterable

from pymta.wire import NEED_DATA
from pymta.wire.imap.client import IMAPClient
from pymta.wire.imap.client_data import Data
from pymta.wire.imap.client_events import ClientEvent, Lost, Untagged
from pymta.wire.imap.client_lexer import ClientLimits


class Dialogue:
    """A client that was greeted, and what its server says."""

    def __init__(self, *capabilities: str, limits: ClientLimits | None = None) -> None:
        self.client = IMAPClient(limits=limits or ClientLimits())
        code = f"[CAPABILITY {' '.join(capabilities)}] " if capabilities else ""
        self.say(f"* OK {code}ready")

    def say(self, *lines: str | bytes, slices: int | None = None) -> list[ClientEvent]:
        """The server says these lines; what the client tells of it."""
        octets = b"".join(
            (line.encode() if isinstance(line, str) else line) + b"\r\n" for line in lines
        )
        return self.hear(octets, slices=slices)

    def hear(self, octets: bytes, *, slices: int | None = None) -> list[ClientEvent]:
        """The same, as it is on the wire, in slices of so many octets."""
        events = []
        size = slices or len(octets) or 1
        for at in range(0, len(octets), size):
            self.client.receive_data(octets[at : at + size])
            events += self.events()
        return events

    def events(self) -> list[ClientEvent]:
        """Everything there is to tell; what is lost is told once."""
        events: list[ClientEvent] = []
        while (event := self.client.next_event()) is not NEED_DATA:
            events.append(event)
            if isinstance(event, Lost):
                break
        return events

    def sent(self) -> list[str]:
        """What the client wrote, line by line."""
        return self.client.data_to_send().decode("latin-1").splitlines()


def data_of(events: Iterable[ClientEvent]) -> list[Data]:
    """The data, where there is nothing else."""
    found = []
    for event in events:
        assert isinstance(event, Untagged), event
        found.append(event.data)
    return found
