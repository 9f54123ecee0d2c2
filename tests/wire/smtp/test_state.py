"""
Every command in every state of the SMTP server machine, as a table.
"""

from __future__ import annotations

import pytest

from pymta.errors import LocalProtocolError
from pymta.reply import Reply
from pymta.wire.smtp.events import Auth, Closed
from pymta.wire.smtp.server import EarlyTalkers, SMTPServer
from pymta.wire.smtp.state import TRANSITIONS, Dialogue, State, Step
from tests.wire.smtp.serving import EVERYTHING, Server, always, talk

LEAD: dict[State, list[bytes]] = {
    State.FRESH: [],
    State.READY: [b"EHLO a"],
    State.SENDER: [b"EHLO a", b"MAIL FROM:<>"],
    State.RECIPIENTS: [b"EHLO a", b"MAIL FROM:<>", b"RCPT TO:<a@b>"],
    State.BETWEEN: [b"EHLO a", b"MAIL FROM:<>", b"RCPT TO:<a@b>", b"BDAT 2\r\n"],
    State.FAILED: [b"EHLO a", b"MAIL FROM:<>", b"RCPT TO:<a@b>", b"BDAT 2\r\n", b"DATA"],
}
"""
The commands that lead to each state in which commands are read.  A chunk here is the CRLF that
is sent behind each line.
"""

F, R, S, N, B, X = (
    State.FRESH,
    State.READY,
    State.SENDER,
    State.RECIPIENTS,
    State.BETWEEN,
    State.FAILED,
)
T, H, C, A = State.TEXT, State.HANDSHAKE, State.CLOSED, State.SASL

# The reply code, and the state behind it, of a command in the states F R S N B X in turn.
TABLE: list[tuple[bytes, list[tuple[int, State]]]] = [
    (b"EHLO b", [(250, R)] * 6),
    (b"HELO b", [(250, R)] * 6),
    (b"LHLO b", [(500, F), (500, R), (500, S), (500, N), (500, B), (500, X)]),
    (b"MAIL FROM:<>", [(503, F), (250, S), (503, S), (503, N), (503, B), (503, X)]),
    (b"RCPT TO:<a@b>", [(503, F), (503, R), (250, N), (250, N), (503, B), (503, X)]),
    (b"DATA", [(503, F), (503, R), (503, S), (354, T), (503, X), (503, X)]),
    (b"BDAT 2\r\n", [(503, F), (503, R), (503, S), (250, B), (250, B), (503, X)]),
    (b"BDAT 2 LAST\r\n", [(503, F), (503, R), (503, S), (250, R), (250, R), (503, R)]),
    (b"RSET", [(250, F), (250, R), (250, R), (250, R), (250, R), (250, R)]),
    (b"NOOP", [(250, F), (250, R), (250, S), (250, N), (250, B), (250, X)]),
    (b"HELP", [(214, F), (214, R), (214, S), (214, N), (214, B), (214, X)]),
    (b"VRFY a", [(252, F), (252, R), (252, S), (252, N), (252, B), (252, X)]),
    (b"EXPN a", [(252, F), (252, R), (252, S), (252, N), (252, B), (252, X)]),
    (b"STARTTLS", [(503, F), (220, H), (220, H), (220, H), (220, H), (220, H)]),
    (b"AUTH SCRAM-SHA-256", [(503, F), (334, A), (503, S), (503, N), (503, B), (503, X)]),
    (b"XCLIENT NAME=a", [(250, F), (250, R), (503, S), (503, N), (503, B), (503, X)]),
    (b"XFORWARD NAME=a", [(250, F), (250, R), (503, S), (503, N), (503, B), (503, X)]),
    (b"TURN", [(502, F), (502, R), (502, S), (502, N), (502, B), (502, X)]),
    (b"FOO", [(500, F), (500, R), (500, S), (500, N), (500, B), (500, X)]),
    (b"", [(500, F), (500, R), (500, S), (500, N), (500, B), (500, X)]),
    (b"GET / HTTP/1.1", [(421, C)] * 6),
    (b"QUIT", [(221, C)] * 6),
]


@pytest.mark.parametrize("state", LEAD, ids=lambda state: state.name)
@pytest.mark.parametrize(
    ("command", "expected"), TABLE, ids=lambda value: value[:8] if isinstance(value, bytes) else ""
)
def test_every_command_in_every_state(
    command: bytes, expected: list[tuple[int, State]], state: State
) -> None:
    """Each command has one answer in each state, and leads to one state."""
    server = Server(SMTPServer(hostname="mx.example", extensions=EVERYTHING))
    server.says[Auth] = always(b"")
    server.machine.greet()
    for line in LEAD[state]:
        talk(server, line)
    assert state is server.machine.state
    server.machine.data_to_send()

    said = talk(server, command)

    code, after = expected[list(LEAD).index(state)]
    assert (str(code), after) == (said[-1][:3], server.machine.state)


@pytest.mark.parametrize("step", Step, ids=lambda step: step.name)
@pytest.mark.parametrize("state", State, ids=lambda state: state.name)
def test_transitions(step: Step, state: State) -> None:
    """A step leads where the table says, and nowhere from a state that it does not list."""
    dialogue = Dialogue()
    dialogue.state = state
    after = TRANSITIONS[step].get(state)
    if after is None:
        with pytest.raises(LocalProtocolError):
            dialogue.step(step)
        assert state is dialogue.state
    else:
        dialogue.step(step)
        assert after is dialogue.state


def test_every_state_is_left() -> None:
    """There is a way into each state but the first, and out of each but the last."""
    ways = {(a, b) for steps in TRANSITIONS.values() for a, b in steps.items() if a is not b}

    assert set(State) - {State.START} == {after for _, after in ways}
    assert set(State) - {State.CLOSED} == {before for before, _ in ways}


def test_closed_is_the_end() -> None:
    """A closed machine reads nothing, says nothing and tells nothing."""
    server = Server(SMTPServer(hostname="mx.example", early_talkers=EarlyTalkers.ALLOW))
    server.machine.greet(Reply(421, "4.3.2", "Later"))
    server.serve()
    server.machine.data_to_send()
    events = list(server.events)

    assert [] == talk(server, b"EHLO a", b"QUIT")
    assert events == server.events
    assert 1 == len(server.seen(Closed))
