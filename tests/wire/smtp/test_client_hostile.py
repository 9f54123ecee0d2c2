"""
Properties of the SMTP client machine against servers that send anything at all.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.envelope import Body
from pymta.errors import RemoteProtocolError
from pymta.session import Role
from pymta.wire import NEED_DATA
from pymta.wire.smtp.client import Phase, SMTPClient
from pymta.wire.smtp.client_events import ClientEvent, Closed
from tests.wire.smtp.client_dialogue import ANN, BOB, SENDER

WORDS = [
    "220 mx",
    "250 ok",
    "250-mx\r\n250-PIPELINING\r\n250 CHUNKING",
    "250-mx\r\n250-STARTTLS\r\n250-AUTH LOGIN\r\n250-ENHANCEDSTATUSCODES\r\n250 LIMITS RCPTMAX=1",
    "250-mx\r\n250-PIPELINING\r\n250 SIZE",
    "250-mx\r\n250-CHUNKING\r\n250 BINARYMIME",
    "250 2.1.0 ok",
    "250-half",
    "334 ",
    "334 VXNlcg==",
    "354 go",
    "421 bye",
    "450 later",
    "550 no",
    "550 5.1.1 no",
    "235 in",
    "999 what",
    "nonsense",
]


class Driver:
    """
    Does the next thing that the phase allows, always in the same way, and notes what it hears.
    """

    def __init__(self, role: Role, body: Body) -> None:
        self.client = SMTPClient(role)
        self.sender = replace(SENDER, body=body)
        self.events: list[ClientEvent] = []
        self.error: str | None = None
        self.written = b""
        self.steps = 0
        self.slices = 0

    def feed(self, data: bytes) -> None:
        """The network brings these octets."""
        self.client.receive_data(data)
        try:
            self.pull()
            while self.step():
                self.pull()
        except RemoteProtocolError as error:
            self.error = str(error)
        self.written += self.client.data_to_send()

    def pull(self) -> None:
        """Take all events."""
        while (event := self.client.next_event()) is not NEED_DATA:
            self.events.append(event)

    def step(self) -> bool:
        """Do one thing; whether there was one to do."""
        client = self.client
        if self.steps == 40:
            return False
        self.steps += 1
        match client.phase:
            case Phase.GREETED:
                client.hello("c.example")
            case Phase.REFUSED:
                client.quit()
            case Phase.READY:
                self.ready()
            case Phase.CHALLENGED:
                client.respond(b"ann")
            case Phase.HANDSHAKE:
                client.tls_started()
            case Phase.CONTENT:
                self.slices += 1
                client.content(b"a\n.\r\n" * 10000)
                if self.slices % 3 == 0:
                    client.end_content()
            case _:
                self.steps -= 1
                return False
        return True

    def ready(self) -> None:
        """Start with TLS and AUTH where they are offered, then transactions."""
        client = self.client
        if self.steps == 2 and "STARTTLS" in client.capabilities:
            client.start_tls()
        elif self.steps in (2, 3) and "LOGIN" in client.capabilities.mechanisms:
            client.authenticate("LOGIN", None)
        elif client.transactions_left == 0 or self.steps > 30:
            client.quit()
        else:
            client.begin(self.sender, [ANN, BOB])


ROLES = st.sampled_from([Role.SMTP, Role.LMTP])
BODIES = st.sampled_from([Body.SEVEN_BIT, Body.BINARY])
SAID = st.one_of(
    st.sampled_from(WORDS).map(lambda word: f"{word}\r\n".encode()),
    st.sampled_from(WORDS[:6]).map(lambda word: f"{word}\r\n".encode()),
    st.binary(max_size=6),
)


@settings(max_examples=300, deadline=None)
@given(ROLES, BODIES, st.lists(SAID, max_size=25))
def test_s11_total(role: Role, body: Body, said: list[bytes]) -> None:
    """
    Whatever a server says, the machine tells events or raises RemoteProtocolError, and after the
    connection ended it has told so exactly once.
    """
    driver = Driver(role, body)
    for data in said:
        driver.feed(data)
    driver.feed(b"")

    assert driver.client.closing
    closed = [event for event in driver.events if isinstance(event, Closed)]
    assert (0 if driver.error else 1) == len(closed)
    assert closed == driver.events[len(driver.events) - len(closed) :]
    assert b"" == driver.client.data_to_send()


@settings(max_examples=200, deadline=None)
@given(ROLES, BODIES, st.lists(SAID, max_size=20), st.data())
def test_independent_of_cuts(
    role: Role, body: Body, said: list[bytes], data: st.DataObject
) -> None:
    """Where the network cuts a reply changes nothing of what is told and written."""
    whole, cut = Driver(role, body), Driver(role, body)
    for octets in said:
        where = data.draw(st.integers(0, len(octets)))
        whole.feed(octets or b" ")
        for part in (octets[:where], octets[where:]) if octets else (b" ",):
            if part:
                cut.feed(part)

    assert whole.events == cut.events
    assert (whole.error is None) == (cut.error is None)
    assert whole.written == cut.written


def test_s11_the_machine_stays_small() -> None:
    """A flood of replies to one pipelined group is refused at the first one too many."""
    driver = Driver(Role.SMTP, Body.SEVEN_BIT)
    driver.feed(b"220 mx\r\n")
    driver.feed(b"250-mx\r\n250 PIPELINING\r\n")
    driver.feed(b"250 ok\r\n" * 100000)

    assert driver.error is not None
    assert len(driver.events) < 10


@pytest.mark.parametrize("role", [Role.SMTP, Role.LMTP])
def test_a_thousand_recipients_are_linear(role: Role) -> None:
    """A large group is one write, and each of its answers one event."""
    client = SMTPClient(role)
    client.receive_data(b"220 mx\r\n")
    client.next_event()
    client.hello("c.example")
    client.receive_data(b"250-mx\r\n250 PIPELINING\r\n")
    client.next_event()
    client.data_to_send()
    recipients = [replace(ANN, id=type(ANN.id)(n)) for n in range(1000)]
    client.begin(SENDER, recipients)

    assert 1002 == client.data_to_send().count(b"\r\n")
    client.receive_data(b"250 ok\r\n" * 1001 + b"354 go\r\n")
    events = 0
    while client.next_event() is not NEED_DATA:
        events += 1
    assert 1002 == events
