"""
Every command in every state, as one table.
"""

from __future__ import annotations

import pytest

from pymta.errors import LocalProtocolError
from pymta.wire.pop3.events import Answered, Closed
from pymta.wire.pop3.state import Move, Phase, next_phase
from tests.wire.pop3.drop import Drop, log_in, server, talk

# The line; the answer in AUTHORIZATION, after USER, and in TRANSACTION.
COMMANDS = [
    ("CAPA", "+OK", "+OK", "+OK"),
    ("USER mrose", "+OK", "+OK", "-ERR"),
    ("PASS tanstaaf", "-ERR", "+OK", "-ERR"),
    ("APOP mrose c4c9334bac560ecc979e58001b3e22fb", "+OK", "+OK", "-ERR"),
    ("APOP mrose C4C9334BAC560ECC979E58001B3E22FB", "+OK", "+OK", "-ERR"),
    ("AUTH", "+OK", "+OK", "-ERR"),
    ("AUTH LOGIN", "+", "+", "-ERR"),
    ("AUTH PLAIN", "-ERR", "-ERR", "-ERR"),
    ("STLS", "+OK", "+OK", "-ERR"),
    ("UTF8", "+OK", "+OK", "-ERR"),
    ("LANG", "+OK", "+OK", "+OK"),
    ("LANG en", "+OK", "+OK", "+OK"),
    ("STAT", "-ERR", "-ERR", "+OK"),
    ("LIST", "-ERR", "-ERR", "+OK"),
    ("LIST 1", "-ERR", "-ERR", "+OK"),
    ("UIDL", "-ERR", "-ERR", "+OK"),
    ("UIDL 1", "-ERR", "-ERR", "+OK"),
    ("RETR 1", "-ERR", "-ERR", "+OK"),
    ("TOP 1 0", "-ERR", "-ERR", "+OK"),
    ("TOP 1 4294967295", "-ERR", "-ERR", "+OK"),
    ("DELE 1", "-ERR", "-ERR", "+OK"),
    ("NOOP", "-ERR", "-ERR", "+OK"),
    ("RSET", "-ERR", "-ERR", "+OK"),
    ("QUIT", "+OK", "+OK", "+OK"),
]
STATES = {"AUTHORIZATION": 1, "after USER": 2, "TRANSACTION": 3}

# Refused in every state.
WRONG = [
    "",
    " ",
    " STAT",
    "XYZZY",
    "RETRIEVE 1",
    "CAPA x",
    "QUIT now",
    "USER",
    "USER  ",
    "USER a\tb",
    "PASS",
    "PASS ",
    "PASS a\x7fb",
    "APOP mrose",
    "APOP mrose 0123",
    "APOP c4c9334bac560ecc979e58001b3e22fb",
    "APOP mrose g4c9334bac560ecc979e58001b3e22fb",
    "AUTH NO SUCH",
    "AUTH LOGIN bXJvc2U= x",
    "AUTH LOGIN *",
    "AUTH LÖGIN",
    "STLS now",
    "UTF8 USER",
    "LANG en de",
    "LANG -",
    "LANG **",
    "LANG toolonglanguage",
    "STAT 1",
    "LIST 0",
    "LIST -1",
    "LIST +1",
    "LIST 1 2",
    "LIST  1",
    "LIST 1_0",
    "LIST ١",
    "LIST 4294967296",
    "LIST 99999999999999999999999999",
    "UIDL x",
    "RETR",
    "RETR x",
    "RETR 0",
    "TOP",
    "TOP 1",
    "TOP 1 ",
    "TOP 1 -1",
    "TOP 1 2 3",
    "TOP 0 1",
    "DELE",
    "DELE 1,2",
    "NOOP x",
    "RSET 1",
    "NOOP\x00",
    "NOOP\r",
]


def answer_of(line: str, state: str) -> tuple[str, Drop]:
    """The status that a line gets in a state."""
    machine, drop = server(), Drop()
    if state == "TRANSACTION":
        log_in(machine, drop)
    else:
        machine.greet("ready")
    if state == "after USER":
        talk(machine, drop, b"USER mrose\r\n")
    machine.data_to_send()
    drop.events.clear()
    reply = talk(machine, drop, line.encode() + b"\r\n")
    return reply.split(b"\r\n")[0].split(b" ")[0].decode(), drop


@pytest.mark.parametrize(("state", "column"), STATES.items(), ids=STATES)
@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row[0])
def test_command_in_state(row: tuple[str, str, str, str], state: str, column: int) -> None:
    """A command is answered where it is allowed, and refused elsewhere."""
    assert row[column] == answer_of(row[0], state)[0]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("line", WRONG, ids=repr)
def test_wrong_lines(line: str, state: str) -> None:
    """What is no command, or has the wrong arguments, gets -ERR and nobody is asked."""
    status, drop = answer_of(line, state)

    assert "-ERR" == status
    assert [] == [e for e in drop.events if not isinstance(e, Answered | Closed)]


@pytest.mark.parametrize("move", Move)
@pytest.mark.parametrize("phase", Phase)
def test_closing_is_possible_everywhere_and_final(phase: Phase, move: Move) -> None:
    """From each phase leads a way to the end, and from there none."""
    assert Phase.CLOSED is next_phase(phase, Move.CLOSE)
    if move is not Move.CLOSE:
        with pytest.raises(LocalProtocolError):
            next_phase(Phase.CLOSED, move)
