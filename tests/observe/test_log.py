"""
Tests for the log: the line of each event, its fields, and what must not be in it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, formatEvent
from zope.interface import implementer
from zope.interface.verify import verifyClass

from pymta.address import Address
from pymta.envelope import Recipient, RecipientID, Sender
from pymta.events import (
    AnswerLost,
    Attempted,
    Connected,
    Delays,
    Discarded,
    Disconnected,
    Event,
    Faulted,
    HeldBack,
    LoggedIn,
    LoginFailed,
    Queued,
    Rejected,
    Stale,
    TLSFailed,
    Unanswered,
)
from pymta.interfaces.observe import IObserver
from pymta.observe.log import LogObserver
from pymta.observe.redaction import Redaction, domain_only, plain
from pymta.outcome import Delivered, Dropped, Expanded, Failed, Outcome, Relayed, Scope
from pymta.reply import Reply
from pymta.session import Endpoint, Role, Session

SESSION = Session(
    id="smtp-1",
    role=Role.SMTP,
    peer=Endpoint("192.0.2.1", 4711),
    local=Endpoint("192.0.2.2", 25),
    started=datetime(2026, 1, 1, tzinfo=UTC),
)
KNOWN = replace(SESSION, identity="eve@example.org", mechanism="PLAIN")
SENDER = Sender(reverse_path=Address("eve", "example.org"))
BOB = Recipient(id=RecipientID(1), address=Address("bob", "example.com"))
ANN = Recipient(id=RecipientID(2), address=Address("ann", "example.com"))
DELAYS = Delays(
    before_queue=timedelta(seconds=0.01),
    in_queue=timedelta(seconds=1),
    connection=timedelta(0),
    transmission=timedelta(seconds=0.25),
)
NO_SUCH = Reply(550, "5.1.1", "<bob@example.com>: no such user")


def attempted(outcome: Outcome, *, final: bool = True) -> Attempted:
    """An attempt with this end."""
    return Attempted(
        queue_id="Q1",
        number=2,
        sender=SENDER,
        recipient=BOB,
        agent="local",
        next_hop="",
        outcome=outcome,
        final=final,
        delays=DELAYS,
    )


ATTEMPT = (
    "Q1: from=<eve@example.org> to=<bob@example.com> agent=local next_hop=- relay=- attempt=2"
    " delay=1.26 delays=0.01/1/0/0.25 "
)

LINES = [
    pytest.param(Connected(SESSION), "smtp-1 [192.0.2.1:4711] connected", id="connected"),
    pytest.param(
        Disconnected(SESSION, "quit"),
        "smtp-1 [192.0.2.1:4711] disconnected: quit",
        id="disconnected",
    ),
    pytest.param(
        TLSFailed(SESSION, "no shared cipher"),
        "smtp-1 [192.0.2.1:4711] TLS handshake failed: no shared cipher",
        id="TLS failed",
    ),
    pytest.param(
        LoggedIn(KNOWN),
        "smtp-1 [192.0.2.1:4711] logged in as eve@example.org by PLAIN",
        id="logged in",
    ),
    pytest.param(
        LoginFailed(session=SESSION, mechanism="LOGIN", username="eve\n", reason="unknown"),
        "smtp-1 [192.0.2.1:4711] login by LOGIN as eve\\n failed: unknown",
        id="login failed",
    ),
    pytest.param(
        Rejected(session=SESSION, stage="rcpt", reply=NO_SUCH, sender=SENDER, recipient=BOB),
        "smtp-1 [192.0.2.1:4711] rcpt from=<eve@example.org> to=<bob@example.com> refused:"
        " 550 5.1.1 <bob@example.com>: no such user",
        id="rejected",
    ),
    pytest.param(
        Rejected(
            session=SESSION, stage="helo", reply=Reply(501, "5.5.4", "no"), reason="a\r\nforgery"
        ),
        "smtp-1 [192.0.2.1:4711] helo from=<> to=<> refused: 501 5.5.4 no (a\\r\\nforgery)",
        id="rejected with a reason",
    ),
    pytest.param(
        Rejected(
            session=SESSION,
            stage="rcpt",
            reply=NO_SUCH,
            sender=SENDER,
            recipient=BOB,
            reason=str(NO_SUCH),
        ),
        "smtp-1 [192.0.2.1:4711] rcpt from=<eve@example.org> to=<bob@example.com> refused:"
        " 550 5.1.1 <bob@example.com>: no such user",
        id="rejected for the reason that the peer hears",
    ),
    pytest.param(
        Queued(
            queue_id="Q1",
            session=SESSION,
            sender=SENDER,
            recipients=(BOB, ANN),
            size=100,
            took=timedelta(seconds=0.5),
        ),
        "Q1: from=<eve@example.org> to=<bob@example.com>,<ann@example.com> size=100 took=0.5"
        " by smtp-1 [192.0.2.1:4711]",
        id="queued",
    ),
    pytest.param(
        Discarded(queue_id="Q1", session=SESSION, sender=SENDER, reason="by policy"),
        "Q1: from=<eve@example.org> discarded: by policy",
        id="discarded",
    ),
    pytest.param(
        AnswerLost(SESSION, ("Q1", "Q2")),
        "smtp-1 [192.0.2.1:4711] left before it was told of Q1, Q2, and may send again",
        id="answer lost",
    ),
    pytest.param(
        attempted(Delivered()), ATTEMPT + "status=2.0.0 delivered: -", id="delivered, no words"
    ),
    pytest.param(
        attempted(Delivered(Reply(250, "2.1.5", "Delivered"))),
        ATTEMPT + "status=2.1.5 delivered: 250 2.1.5 Delivered",
        id="delivered",
    ),
    pytest.param(
        attempted(Relayed(Reply(250, "", "ok"), dsn=True)),
        ATTEMPT + "status=2.0.0 relayed: 250 ok",
        id="relayed",
    ),
    pytest.param(
        attempted(Dropped(Reply(250, "2.0.0", "Discarded"))),
        ATTEMPT + "status=2.0.0 dropped: 250 2.0.0 Discarded",
        id="dropped",
    ),
    pytest.param(attempted(Expanded(3)), ATTEMPT + "status=2.6.0 expanded to 3: -", id="expanded"),
    pytest.param(
        attempted(Failed(reply=NO_SUCH, scope=Scope.RECIPIENT)),
        ATTEMPT + "status=5.1.1 failed: 550 5.1.1 <bob@example.com>: no such user",
        id="failed",
    ),
    pytest.param(
        attempted(Failed(reply=Reply(451, "", "later\nplease"), scope=Scope.MESSAGE), final=False),
        ATTEMPT + "status=4.0.0 deferred: 451 later please",
        id="deferred",
    ),
    pytest.param(
        HeldBack("Q1", BOB, "three strikes"),
        "Q1: to=<bob@example.com> held: three strikes",
        id="held",
    ),
    pytest.param(
        Stale("Q1", (BOB,)), "Q1: to=<bob@example.com> may come twice: a lease ran out", id="stale"
    ),
    pytest.param(
        Unanswered("Q1", (BOB,), "mx.test"),
        "Q1: to=<bob@example.com> may come twice: mx.test has not answered",
        id="unanswered",
    ),
    pytest.param(
        attempted(
            Failed(
                reply=Reply(451, "4.4.1", "mx.test cannot be reached"),
                scope=Scope.DESTINATION,
                remote="mx.test",
                diagnostic="mx.test: Connection refused",
            ),
            final=False,
        ),
        ATTEMPT.replace("relay=-", "relay=mx.test") + "status=4.4.1 deferred:"
        " 451 4.4.1 mx.test cannot be reached (mx.test: Connection refused)",
        id="a cause",
    ),
    pytest.param(Faulted("F1", "routing"), "fault F1 in routing", id="fault"),
]


@implementer(ILogObserver)
class Kept(list[LogEvent]):
    """A log in memory."""

    def __call__(self, event: LogEvent) -> None:
        self.append(event)


def logged(event: Event, redaction: Redaction = plain) -> LogEvent:
    """What is written of an event."""
    kept = Kept()
    LogObserver(log=Logger(namespace="test", observer=kept), redaction=redaction).observe(event)
    (one,) = kept
    return one


def test_provides_its_interface() -> None:
    """
    The log is an observer.
    """
    assert verifyClass(IObserver, LogObserver)


@pytest.mark.parametrize(("event", "line"), LINES)
def test_line(event: Event, line: str) -> None:
    """
    Each event is one line that a person can read.
    """
    assert line == formatEvent(logged(event))


def test_each_event_has_a_line() -> None:
    """
    The table above has every event that there is.
    """
    assert set(get_args(Event)) == {type(param.values[0]) for param in LINES}


def test_attempt_has_structured_fields() -> None:
    """
    A recipient's line can be read by a program, field by field.
    """
    failed = Failed(reply=NO_SUCH, scope=Scope.RECIPIENT, remote="mx.example.com")
    event = logged(attempted(failed))

    assert ("Q1", "eve@example.org", "bob@example.com", "local", 2) == tuple(
        event[name] for name in ("queue_id", "sender", "recipient", "agent", "number")
    )
    assert ("5.1.1", "failed", "mx.example.com") == tuple(
        event[name] for name in ("status", "result", "remote")
    )
    assert "0.01/1/0/0.25" == event["delays"]
    assert 1.26 == event["delay"]


def test_session_has_structured_fields() -> None:
    """
    So can a connection's.
    """
    event = logged(LoggedIn(KNOWN))

    assert ("smtp-1", "smtp", "192.0.2.1:4711", "eve@example.org") == tuple(
        event[name] for name in ("session_id", "role", "peer", "identity")
    )


@pytest.mark.parametrize(
    ("name", "field"), [("", "smtp"), ("from outside", "from outside"), ("a\nb", "a\\nb")]
)
def test_the_listener_is_a_field(name: str, field: str) -> None:
    """
    By its name, or by its role where it has none; and no name makes two lines of one.
    """
    assert field == logged(Connected(replace(SESSION, listener=name)))["listener"]


@pytest.mark.parametrize("event", [param.values[0] for param in LINES])
def test_redaction_names_nobody(event: Event) -> None:
    """
    With a redaction, no address is in the line or in any field, whoever repeats it.
    """
    written = logged(event, domain_only)
    fields = {name: value for name, value in written.items() if not name.startswith("log_")}

    assert not any(
        name in f"{formatEvent(written)} {fields}" for name in ("bob@", "eve@", "ann@", "eve\\n")
    )


@pytest.mark.parametrize("event", [param.values[0] for param in LINES])
def test_s12_one_event_is_one_line(event: Event) -> None:
    """
    Nothing that a peer sent breaks a line.
    """
    assert formatEvent(logged(event)).isprintable()


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (Connected(SESSION), LogLevel.info),
        (HeldBack("Q1", BOB, "poison"), LogLevel.warn),
        (Faulted("F1", "routing"), LogLevel.error),
    ],
)
def test_level(event: Event, level: LogLevel) -> None:
    """
    What needs a person is above what is ordinary.
    """
    assert level is logged(event)["log_level"]


def test_global_log_by_default() -> None:
    """
    Without a logger of its own it writes to Twisted's.
    """
    LogObserver().observe(Faulted("F1", "nowhere"))
