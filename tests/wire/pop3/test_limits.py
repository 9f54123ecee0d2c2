"""
Tests for the limits: what a hostile client can make a server do.
"""

from __future__ import annotations

import pytest

from pymta.errors import LocalProtocolError
from pymta.wire import NEED_DATA
from pymta.wire.pop3 import capability
from pymta.wire.pop3.events import Answered, AuthCancelled, Closed, ClosedReason, User
from pymta.wire.pop3.limits import Limits
from pymta.wire.pop3.server import POP3Server
from tests.wire.pop3.drop import CAPABILITIES, Drop, log_in, server, settle, talk


def fresh(limits: Limits) -> tuple[POP3Server, Drop]:
    """A greeted machine with limits."""
    machine = POP3Server(capabilities=CAPABILITIES, limits=limits)
    machine.greet("ready")
    machine.data_to_send()
    return machine, Drop()


@pytest.mark.parametrize(
    ("length", "answer"), [(255, b"+OK\r\n"), (256, b"-ERR line too long\r\n")]
)
def test_s09_command_line(length: int, answer: bytes) -> None:
    """255 octets with the end are a command, 256 are none (RFC 2449 §4)."""
    machine, drop = fresh(Limits())
    line = b"USER ".ljust(length - 2, b"x") + b"\r\n"

    assert answer == talk(machine, drop, line)


@pytest.mark.parametrize("size", [1 << 20, 1], ids=["whole", "octets"])
def test_s09_a_line_without_end_is_not_kept(size: int) -> None:
    """Of a line too long one answer is given, when it ends; the next command is taken."""
    machine, drop = fresh(Limits())
    assert b"" == talk(machine, drop, b"USER " + b"x" * 50_000, size)
    assert len(machine._input) <= Limits().auth_line

    assert b"-ERR line too long\r\n+OK goodbye\r\n" == talk(machine, drop, b"x\r\nQUIT\r\n", size)


@pytest.mark.parametrize(
    ("length", "cancelled"), [(12_290, None), (12_291, "line too long")], ids=["longest", "longer"]
)
def test_s09_auth_response_line(length: int, cancelled: str | None) -> None:
    """A response has 12,288 octets of base64 and its end at most."""
    machine, drop = fresh(Limits(auth_line=12_290, failed_logins=9))
    talk(machine, drop, b"AUTH LOGIN\r\n")
    talk(machine, drop, b"A" * (12_288 if cancelled is None else length - 2) + b"\r\n")

    last = drop.events[-1]
    assert cancelled == (last.text if isinstance(last, AuthCancelled) else None)


def test_auth_with_a_long_initial_response() -> None:
    """The AUTH command may be as long as a response."""
    machine, drop = fresh(Limits())
    machine.receive_data(b"AUTH LOGIN " + b"A" * 4000 + b"\r\n")

    assert b"+ UGFzc3dvcmQ6\r\n" == settle(machine, drop)


def test_s09_errors() -> None:
    """At the twentieth error the machine says so and closes; what follows is not obeyed."""
    machine, drop = fresh(Limits())
    output = talk(machine, drop, b"GET / HTTP/1.1\r\n" * 25 + b"USER mrose\r\n")

    assert b"-ERR unknown command\r\n" * 19 + b"-ERR too many errors\r\n" == output
    assert Closed(ClosedReason.TOO_MANY_ERRORS) == machine.next_event()
    assert User("mrose") not in drop.events


def test_s09_probing_is_no_error() -> None:
    """That messages do not exist may be learnt as often as wanted."""
    machine, drop = server(), Drop()
    log_in(machine, drop)
    machine.data_to_send()

    assert b"-ERR no such message\r\n" * 500 == talk(machine, drop, b"DELE 9\r\n" * 500)
    assert not machine.closing


def test_s09_commands_before_login() -> None:
    """Who does not log in gets a hundred lines."""
    machine, drop = fresh(Limits())
    output = talk(machine, drop, b"USER mrose\r\n" * 101)

    assert b"+OK\r\n" * 100 + b"-ERR too many commands without a login\r\n" == output
    assert Closed(ClosedReason.TOO_MANY_COMMANDS) == machine.next_event()


def test_after_login_commands_are_not_counted() -> None:
    """Who reads a large mailbox needs as many as it has messages."""
    machine, drop = server(), Drop()
    log_in(machine, drop)
    machine.data_to_send()

    assert b"+OK\r\n" * 1000 == talk(machine, drop, b"NOOP\r\n" * 1000)


@pytest.mark.parametrize(
    "attempt",
    [b"USER mrose\r\nPASS wrong\r\n", b"AUTH LOGIN\r\n*\r\n", b"AUTH LOGIN\r\n!\r\n"],
    ids=["PASS", "cancelled", "no base64"],
)
def test_s09_failed_logins(attempt: bytes) -> None:
    """The third failure is answered, then the connection is closed."""
    machine, drop = fresh(Limits())
    talk(machine, drop, attempt * 2)
    assert not machine.closing
    output = talk(machine, drop, attempt)

    assert output.splitlines()[-1].startswith(b"-ERR")
    assert Closed(ClosedReason.TOO_MANY_LOGINS) == machine.next_event()


def test_s09_output_grows_by_one_answer_an_event() -> None:
    """A driver that stops asking stops the output, whatever is pipelined."""
    machine, drop = server(), Drop()
    log_in(machine, drop)
    machine.data_to_send()
    machine.receive_data(b"CAPA\r\n" * 10_000)
    machine.next_event()
    one = machine.data_to_send()

    assert one.endswith(b"\r\n.\r\n")
    assert 1 == one.count(b"+OK")
    assert Answered("CAPA") == machine.next_event()


def test_s09_a_megabyte_of_garbage_is_linear() -> None:
    """Octets without a line end, and line ends without octets, are disposed of."""
    machine, drop = fresh(Limits())
    machine.receive_data(b"\0" * (1 << 20))
    assert NEED_DATA is machine.next_event()
    machine.receive_data(b"\n" * (1 << 20))
    settle(machine, drop)

    assert machine.closing


def test_s09_nothing_is_kept_behind_quit() -> None:
    """While QUIT is being answered, what comes is dropped: it will not be obeyed."""
    machine, drop = server(), Drop()
    log_in(machine, drop)
    machine.data_to_send()
    machine.receive_data(b"QUIT\r\nDELE 1\r\n")
    machine.next_event()
    machine.receive_data(b"DELE 1\r\n" * 10_000)
    assert 0 == len(machine._input)
    machine.ok("signing off")

    assert b"+OK signing off\r\n" == machine.data_to_send()


@pytest.mark.parametrize(
    "limits",
    [{"command_line": 254}, {"auth_line": 100}, {"errors": 0}, {"failed_logins": 0}],
    ids=repr,
)
def test_limits_that_no_server_may_have(limits: dict[str, int]) -> None:
    """A limit below what the RFC demands is a mistake of ours."""
    with pytest.raises(ValueError):
        Limits(**limits)


def test_a_capability_too_long_is_ours_to_mend() -> None:
    """512 octets is the most that a line of CAPA may have."""
    machine = POP3Server(capabilities=[capability.implementation("x" * 500)])
    machine.greet("ready")
    machine.receive_data(b"CAPA\r\n")
    with pytest.raises(LocalProtocolError):
        machine.next_event()
