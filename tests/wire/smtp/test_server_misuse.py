"""
What the SMTP server machine says to its own side, where that breaks the rules.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pymta.errors import LocalProtocolError
from pymta.reply import Reply
from pymta.session import Role
from pymta.wire.smtp.events import (
    Auth,
    Closed,
    Content,
    ContentEnded,
    Mail,
    Reason,
    TransactionAborted,
)
from pymta.wire.smtp.server import SMTPServer
from tests.wire.smtp.serving import EVERYTHING, NO, PLAIN, Server, full, lmtp, plain, talk

OK = Reply(250, "2.0.0", "OK")


@pytest.mark.parametrize(
    "misuse",
    [
        pytest.param(lambda machine: machine.answer(), id="answer"),
        pytest.param(lambda machine: machine.answer(OK), id="answer with a reply"),
        pytest.param(lambda machine: machine.answer_each([OK]), id="answer_each"),
        pytest.param(lambda machine: machine.challenge(b""), id="challenge"),
        pytest.param(lambda machine: machine.refuse_content(NO), id="refuse_content"),
        pytest.param(lambda machine: machine.restart(), id="restart"),
        pytest.param(lambda machine: machine.tls_started(), id="tls_started"),
        pytest.param(lambda machine: machine.greet(), id="greet"),
    ],
)
def test_nothing_is_asked(misuse: Callable[[SMTPServer], None]) -> None:
    """Answers to what was not asked raise, and change nothing."""
    server = plain()
    talk(server, b"EHLO a")
    with pytest.raises(LocalProtocolError):
        misuse(server.machine)

    assert ["250 2.0.0 OK"] == talk(server, b"NOOP")


def asking(*lines: bytes) -> SMTPServer:
    """A machine whose last line asks."""
    server = full()
    for line in lines[:-1]:
        talk(server, line)
    server.machine.receive_data(lines[-1] + b"\r\n")
    server.machine.next_event()
    return server.machine


@pytest.mark.parametrize(
    ("machine", "misuse"),
    [
        pytest.param(asking(b"EHLO a"), lambda m: m.answer(Reply(354, "", "")), id="354 to EHLO"),
        pytest.param(
            asking(b"EHLO a", b"MAIL FROM:<>", b"RCPT TO:<a@b>", b"DATA"),
            lambda m: m.answer(OK),
            id="250 to DATA",
        ),
        pytest.param(asking(b"EHLO a"), lambda m: m.answer_each([OK]), id="each to EHLO"),
        pytest.param(asking(b"EHLO a"), lambda m: m.challenge(b""), id="challenge to EHLO"),
        pytest.param(asking(b"EHLO a"), lambda m: m.restart(), id="restart at EHLO"),
        pytest.param(asking(b"EHLO a"), lambda m: m.next_event(), id="next event"),
        pytest.param(asking(b"EHLO a"), lambda m: m.shut_down(), id="shut down"),
        pytest.param(asking(b"EHLO a"), lambda m: m.refuse_content(NO), id="refuse"),
    ],
)
def test_another_answer_is_due(machine: SMTPServer, misuse: Callable[[SMTPServer], object]) -> None:
    """What is no answer to the question raises; the right one can still be given."""
    with pytest.raises(LocalProtocolError):
        misuse(machine)
    machine.answer()

    assert machine.data_to_send()


def at_end(server: Server) -> SMTPServer:
    """A machine that asks about the end of content, for two recipients."""
    talk(server, b"LHLO a")
    talk(server, b"MAIL FROM:<>", b"RCPT TO:<a@b>", b"RCPT TO:<c@d>")
    server.machine.receive_data(b"BDAT 1 LAST\r\nx")
    server.machine.next_event()
    server.machine.answer()
    assert Content(b"x") == server.machine.next_event()
    assert ContentEnded() == server.machine.next_event()
    server.machine.data_to_send()
    return server.machine


@pytest.mark.parametrize("replies", [[], [OK], [OK] * 3, [OK, Reply(354, "", "")]])
def test_answer_each_takes_as_many_as_are_due(replies: list[Reply]) -> None:
    """One reply for each recipient, no more, no less, none of them 3xx."""
    machine = at_end(lmtp())
    with pytest.raises(LocalProtocolError):
        machine.answer_each(replies)
    machine.answer_each([OK, NO])

    assert b"250 2.0.0 OK\r\n550 5.7.1 Not with me\r\n" == machine.data_to_send()


def test_smtp_has_one_answer() -> None:
    """Outside of LMTP the end of content has one answer for all."""
    server = plain()
    talk(server, b"EHLO a")
    talk(server, b"MAIL FROM:<>", b"RCPT TO:<a@b>")
    server.machine.receive_data(b"BDAT 0 LAST\r\n")
    server.machine.next_event()
    server.machine.answer()
    assert ContentEnded() == server.machine.next_event()

    with pytest.raises(LocalProtocolError):
        server.machine.answer_each([OK])


def test_a_refusal_is_no_yes() -> None:
    """Content is not refused by a positive reply."""
    server = plain()
    talk(server, b"EHLO a")
    talk(server, b"MAIL FROM:<>", b"RCPT TO:<a@b>")
    talk(server, b"DATA")
    with pytest.raises(LocalProtocolError):
        server.machine.refuse_content(OK)

    assert ["250 2.0.0 OK"] == talk(server, b"x", b".")


def test_refused_twice() -> None:
    """The first refusal counts."""
    server = plain()
    talk(server, b"EHLO a")
    talk(server, b"MAIL FROM:<>", b"RCPT TO:<a@b>")
    talk(server, b"DATA")
    server.machine.refuse_content(NO)
    server.machine.refuse_content(Reply(451, "4.3.0", "Later"))

    assert ["550 5.7.1 Not with me"] == talk(server, b"x", b".")
    assert 1 == len(server.seen(TransactionAborted))


def test_refused_by_421() -> None:
    """A refusal by 421 is said at the end of the content, and closes."""
    server = plain()
    talk(server, b"EHLO a")
    talk(server, b"MAIL FROM:<>", b"RCPT TO:<a@b>")
    talk(server, b"DATA")
    server.machine.refuse_content(Reply(421, "4.3.0", "Bye"))

    assert ["421 4.3.0 Bye"] == talk(server, b"x", b".", b"NOOP")
    assert server.machine.closing


@pytest.mark.parametrize(
    ("lines", "boundary"),
    [
        ([], True),
        ([b"EHLO a"], True),
        ([b"EHLO a", b"MAIL FROM:<>"], True),
        ([b"EHLO a", b"MAIL FROM:<>", b"RCPT TO:<a@b>", b"DATA"], False),
        ([b"EHLO a", b"MAIL FROM:<>", b"RCPT TO:<a@b>", b"BDAT 9"], False),
        ([b"EHLO a", b"MAIL FROM:<>", b"RCPT TO:<a@b>", b"BDAT 2\r\n"], True),
        ([b"BDAT 9"], False),
        ([b"EHLO a", b"STARTTLS"], False),
        ([b"EHLO a", b"AUTH SCRAM-SHA-256"], True),
    ],
)
def test_boundaries(lines: list[bytes], boundary: bool) -> None:
    """shut_down says 421 where nothing is under way, and raises elsewhere."""
    server = full()
    server.says[Auth] = lambda question: b"go"
    for line in lines:
        talk(server, line)
    server.machine.data_to_send()
    assert boundary == server.machine.at_boundary
    if not boundary:
        with pytest.raises(LocalProtocolError):
            server.machine.shut_down()
        return
    server.machine.shut_down()
    server.machine.shut_down()
    server.serve()

    assert b"421 4.3.2 Shutting down, come back later\r\n" == server.machine.data_to_send()
    assert [Closed(Reason.SHUT_DOWN)] == server.events[-1:]
    assert bool(server.seen(Mail)) == bool(server.seen(TransactionAborted))


def test_shut_down_as_greeting() -> None:
    """421 may be the greeting."""
    machine = SMTPServer(hostname="mx.example", extensions=EVERYTHING)
    machine.shut_down()

    assert b"421 4.3.2 Shutting down, come back later\r\n" == machine.data_to_send()
    assert machine.closing


def test_answer_to_a_client_that_is_gone() -> None:
    """An answer given after the client has closed is no error: the commit stands."""
    machine = at_end(Server(lmtp().machine))
    machine.receive_data(b"")
    machine.answer()

    assert b"250 2.0.0 OK\r\n" * 2 == machine.data_to_send()
    assert Closed(Reason.DISCONNECTED) == machine.next_event()


def test_what_is_known() -> None:
    """The machine's properties tell where it stands."""
    machine = SMTPServer(hostname="mx.example", role=Role.SUBMISSION, extensions=PLAIN)
    server = Server(machine)
    machine.greet()
    talk(server, b"EHLO a")
    talk(server, b"FOO")

    assert (True, False, False) == (machine.esmtp, machine.in_tls, machine.authenticated)
    assert "PIPELINING" in machine.announced
    assert (1, 2) == (machine.errors, machine.commands)
