"""
Tests for STLS: nothing said in the clear survives it, on either side (CVE-2011-0411).
"""

from __future__ import annotations

import pytest

from pymta.errors import LocalProtocolError
from pymta.wire.pop3 import events
from pymta.wire.pop3.client import POP3Client
from pymta.wire.pop3.events import Closed, ClosedReason
from pymta.wire.pop3.responses import Greeting, Reply
from tests.wire.pop3.drop import Drop, server, settle, talk


@pytest.mark.parametrize("behind", [b"U", b"\r", b"USER mrose\r\n", b"\x16\x03\x01"])
def test_s04_octets_behind_stls_end_the_session(behind: bytes) -> None:
    """They are not obeyed, no TLS follows, and nobody is asked."""
    machine, drop = server(), Drop()
    machine.greet("ready")
    machine.data_to_send()

    assert b"-ERR nothing may follow STLS\r\n" == talk(machine, drop, b"STLS\r\n" + behind)
    assert [Closed(ClosedReason.PIPELINED_TLS)] == drop.events
    assert not machine.starting_tls


def test_s04_octets_that_come_while_the_answer_is_thought_out() -> None:
    """The same holds for what comes between the question and the answer."""
    machine = server()
    machine.greet("ready")
    machine.data_to_send()
    machine.receive_data(b"STLS\r\n")
    assert events.StartTLS() == machine.next_event()
    machine.receive_data(b"USER mrose\r\n")
    machine.start_tls()

    assert b"-ERR nothing may follow STLS\r\n" == machine.data_to_send()
    assert not machine.starting_tls
    assert Closed(ClosedReason.PIPELINED_TLS) == machine.next_event()


def test_s04_octets_in_the_clear_behind_the_answer() -> None:
    """And for what comes before the transport has changed."""
    machine = server()
    machine.greet("ready")
    machine.receive_data(b"STLS\r\n")
    machine.next_event()
    machine.start_tls()
    machine.receive_data(b"USER mrose\r\n")

    assert Closed(ClosedReason.PIPELINED_TLS) == machine.next_event()
    with pytest.raises(LocalProtocolError):
        machine.tls_started()


def test_s04_nothing_said_before_is_remembered() -> None:
    """A name given in the clear is forgotten, and a language chosen there."""
    machine, drop = server(), Drop()
    machine.greet("ready")
    talk(machine, drop, b"LANG de\r\n")
    talk(machine, drop, b"USER mrose\r\n")
    talk(machine, drop, b"STLS\r\n")
    assert machine.status.tls

    assert b"-ERR USER comes first\r\n" == talk(machine, drop, b"PASS tanstaaf\r\n")
    assert b"-ERR unknown command\r\n" == talk(machine, drop, b"HELO\r\n")


def test_user_before_and_pass_after_stls() -> None:
    """USER is no longer accepted when PASS comes behind TLS at once."""
    machine, drop = server(), Drop()
    machine.greet("ready")
    talk(machine, drop, b"USER mrose\r\nSTLS\r\n")

    assert b"-ERR USER comes first\r\n" == talk(machine, drop, b"PASS tanstaaf\r\n")


def test_stls_refused() -> None:
    """The adapter may say no; the session goes on in the clear."""
    machine, drop = server(), Drop()
    machine.greet("ready")
    machine.receive_data(b"STLS\r\n")
    machine.next_event()
    machine.err("no certificate")
    machine.data_to_send()

    assert b"+OK\r\n" == talk(machine, drop, b"USER mrose\r\n")


def test_the_peer_leaves_instead_of_tls() -> None:
    """The end of the connection ends the wait."""
    machine = server()
    machine.greet("ready")
    machine.receive_data(b"STLS\r\n")
    machine.next_event()
    machine.start_tls()
    machine.receive_data(b"")

    assert Closed(ClosedReason.PEER_CLOSED) == machine.next_event()


# -- the client --------------------------------------------------------------


def asking() -> POP3Client:
    """A client that has sent STLS."""
    client = POP3Client()
    client.receive_data(b"+OK ready\r\n")
    assert Greeting(ok=True, text="ready") == client.next_event()
    client.send(events.StartTLS())
    return client


@pytest.mark.parametrize("behind", [b"+", b"+OK mrose\r\n", b"-ERR\r\n"])
def test_s04_client_responses_behind_stls(behind: bytes) -> None:
    """An answer given in the clear is not taken for one that came by TLS."""
    client = asking()
    client.receive_data(b"+OK begin\r\n" + behind)

    assert Closed(ClosedReason.PIPELINED_TLS) == client.next_event()
    assert client.closing


def test_s04_client_responses_before_tls_is_there() -> None:
    """The same holds when they come a little later."""
    client = asking()
    client.receive_data(b"+OK begin\r\n")
    assert Reply(command=events.StartTLS(), ok=True, text="begin") == client.next_event()
    assert client.starting_tls
    client.receive_data(b"+OK mrose\r\n")

    assert Closed(ClosedReason.PIPELINED_TLS) == client.next_event()


def test_client_sends_nothing_before_tls_is_there() -> None:
    """Neither behind STLS nor before it unanswered (RFC 2595 §4)."""
    client = asking()
    with pytest.raises(LocalProtocolError):
        client.send(events.User("mrose"))
    client.receive_data(b"+OK begin\r\n")
    client.next_event()
    with pytest.raises(LocalProtocolError):
        client.send(events.User("mrose"))
    client.tls_started()
    client.send(events.User("mrose"))
    with pytest.raises(LocalProtocolError):
        client.send(events.StartTLS())

    assert b"STLS\r\nUSER mrose\r\n" == client.data_to_send()


def test_settle_starts_tls() -> None:
    """Both sides agree, and the session goes on."""
    machine, drop, client = server(), Drop(), asking()
    machine.greet("ready")
    machine.data_to_send()
    machine.receive_data(client.data_to_send())
    client.receive_data(settle(machine, drop))
    client.next_event()
    client.tls_started()

    assert not client.starting_tls
    assert machine.status.tls
