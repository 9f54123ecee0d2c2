"""
Dialogues with the SMTP server machine: what it answers by itself, look-ups, limits.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pymta.reply import Reply
from pymta.wire.smtp.events import (
    Closed,
    Command,
    ContentBegins,
    ContentEnded,
    ExpandList,
    Hello,
    Mail,
    Rcpt,
    Reason,
    TransactionAborted,
    Verify,
)
from pymta.wire.smtp.extensions import (
    HELP,
    STANDARD,
)
from pymta.wire.smtp.grammar import decode_attributes
from pymta.wire.smtp.limits import Limits
from pymta.wire.smtp.server import SMTPServer
from tests.wire.smtp.serving import (
    HELLO,
    PLAIN,
    Server,
    always,
    full,
    plain,
    play,
)
from tests.wire.smtp.transcript import EVERY_WAY, Slices, whole


def test_look_ups() -> None:
    """VRFY and EXPN are asked where they are registered; UTF-8 only where it is asked for."""
    server = full()
    server.says[Verify] = always(Reply(250, "2.1.5", "\u00fc <u@x>"))
    server.says[ExpandList] = always(Reply(250, "2.1.5", "a <a@x>\nb <b@x>"))
    play(
        server,
        """
        S: 220 mx.example ESMTP
        C: VRFY u
        S: 250 2.1.5 ? <u@x>
        C: VRFY \u00fc smtputf8
        S: 250 2.1.5 \u00fc <u@x>
        C: VRFY \u00fc
        S: 553 5.6.7 Non-ASCII addresses need SMTPUTF8
        C: VRFY
        S: 501 5.5.4 Argument expected
        C: EXPN list
        S: 250-2.1.5 a <a@x>
        S: 250 2.1.5 b <b@x>
        """,
        whole,
    )

    assert [Verify("u"), Verify("\u00fc", True)] == server.seen(Verify)
    assert [ExpandList("list")] == server.seen(ExpandList)


def test_xclient() -> None:
    """XCLIENT's answer is a greeting, and all begins again."""
    server = full()
    machine = server.machine
    for line in (b"EHLO a", b"AUTH SCRAM-SHA-256"):
        machine.receive_data(line + b"\r\n")
        server.serve()
    machine.receive_data(b"XCLIENT NAME=b.example ADDR=192.0.2.1\r\n")
    command = machine.next_event()
    assert isinstance(command, Command)
    assert {"NAME": "b.example", "ADDR": "192.0.2.1"} == decode_attributes(command.argument)
    machine.data_to_send()
    machine.restart()

    assert b"220 mx.example ESMTP\r\n" == machine.data_to_send()
    assert not machine.authenticated
    play(server, "C: MAIL FROM:<>\nS: 503 5.5.1 Say EHLO first", whole)


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("", "500 5.5.2 Command expected"),
        ("FOO", "500 5.5.2 Command not recognized"),
        ("ETRN a", "502 5.5.1 Command not implemented"),
        ("TURN", "502 5.5.1 Command not implemented"),
        ("EHLO", "501 5.5.4 Domain or address literal expected"),
        ("HELO a b", "501 5.5.4 Domain or address literal expected"),
        ("RSET x", "501 5.5.4 No argument expected"),
        ("QUIT x", "501 5.5.4 No argument expected"),
        ("NOOP x y", "250 2.0.0 OK"),
        ("noop", "250 2.0.0 OK"),
        ("HELP mail", "214 2.0.0 See RFC 5321"),
        ("MAIL", "501 5.5.4 FROM:<address> expected"),
        ("MAIL FROM:<a b>", "501 5.1.7 ..."),
        ("MAIL FROM:<> SIZE=x", "501 5.5.4 Bad value of SIZE"),
        ("MAIL FROM:<> BODY=x", "501 5.5.4 Bad value of BODY"),
        ("MAIL FROM:<> SIZE=52428801", "552 5.3.4 Message too big"),
        ("MAIL FROM:<\u00fc@b>", "553 5.6.7 Non-ASCII addresses need SMTPUTF8"),
        ("RCPT TO:<a@b>", "503 5.5.1 MAIL first"),
        ("DATA", "503 5.5.1 MAIL first"),
        ("\u00ff" * 1024, "500 5.5.2 Line too long"),
        ("a" * 2047, "500 5.5.2 Line too long"),
        ("NOOP " + "a" * 2041, "250 2.0.0 OK"),
    ],
)
@pytest.mark.parametrize("slices", EVERY_WAY)
def test_lines(slices: Slices, line: str, reply: str) -> None:
    """What the machine answers by itself; the dialogue goes on behind it."""
    play(plain(), HELLO + f"C: {line}\nC: NOOP\nS: {reply}\nS: 250 2.0.0 OK", slices)


@pytest.mark.parametrize("slices", EVERY_WAY)
@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("NOOP\\n", "500 5.5.2 Lines end with CRLF"),
        ("NOOP\\0\\r\\n", "500 5.5.2 Control character in the command"),
        ("NOOP\\rNOOP\\r\\n", "500 5.5.2 Control character in the command"),
        ("NOOP\\r\\r\\n", "500 5.5.2 Control character in the command"),
        ("NOOP \\xff\\r\\n", "500 5.5.2 Not UTF-8"),
    ],
)
def test_s01_bare_newline_ends_no_command(slices: Slices, line: str, reply: str) -> None:
    """Only CRLF ends a command; what else looks like an end is an error, and counted."""
    server = plain()
    play(server, HELLO + f"C. {line}NOOP\\r\\n\nS: {reply}\nS: 250 2.0.0 OK", slices)

    assert 1 == server.machine.errors


@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "POST / HTTP/1.0", "CONNECT a:25 HTTP/1.1"])
def test_other_protocols_are_sent_away(line: str) -> None:
    """A browser that was made to speak to us is not listened to."""
    server = plain()
    play(
        server,
        f"S: 220 ...\nC: {line}\nC: MAIL FROM:<>\nS: 421 4.7.0 This is a mail server",
        whole,
    )

    assert server.machine.closing


def test_utf8_replies() -> None:
    """Replies hold UTF-8 only where MAIL said SMTPUTF8 (RFC 6531 §3.7.4)."""
    server = plain()
    server.says[Rcpt] = always(Reply(550, "5.1.1", "Wer ist f\u00fcr?"))
    play(
        server,
        HELLO
        + """
        C: MAIL FROM:<>
        C: RCPT TO:<\u00fc@b>
        C: RCPT TO:<a@b>
        C: RSET
        C: MAIL FROM:<> SMTPUTF8
        C: RCPT TO:<\u00fc@b>
        S: 250 2.1.0 Sender OK
        S: 553 5.6.7 Non-ASCII addresses need SMTPUTF8
        S: 550 5.1.1 Wer ist f?r?
        S: 250 2.0.0 OK
        S: 250 2.1.0 Sender OK
        S: 550 5.1.1 Wer ist f\u00fcr?
        """,
        whole,
    )


def test_own_words() -> None:
    """An answer's own text is what the client reads; EHLO's is the first line."""
    server = Server(SMTPServer(hostname="mx.example", extensions=(HELP, *STANDARD[:1])))
    server.machine.greet(Reply(220, "", "mx.example at your service"))
    server.says[Hello] = always(Reply(250, "", "mx.example glad to see you"))
    server.says[Mail] = always(Reply(250, "2.1.0", "one\ntwo"))
    play(
        server,
        """
        S: 220 mx.example at your service
        C: EHLO a
        S: 250-mx.example glad to see you
        S: 250-HELP
        S: 250 PIPELINING
        C: MAIL FROM:<>
        S: 250-one
        S: 250 two
        """,
        whole,
    )


@pytest.mark.parametrize("reply", [Reply(554, "5.7.1", "Go away"), Reply(421, "4.3.2", "Later")])
def test_greeting_that_closes(reply: Reply) -> None:
    """A greeting that is a no closes."""
    server = Server(SMTPServer(hostname="mx.example", extensions=PLAIN))
    server.machine.greet(reply)
    server.serve()

    assert str(reply) + "\r\n" == server.machine.data_to_send().decode()
    assert [Closed(Reason.REFUSED)] == server.events


@pytest.mark.parametrize("kind", [Hello, Mail, Rcpt, ContentBegins, ContentEnded])
@pytest.mark.parametrize("how", [["DATA", "x", "."], ["BDAT 0 LAST"]])
def test_421_closes(kind: type, how: Sequence[str]) -> None:
    """421, to whatever question, is said and closes; the transaction is told once."""
    server = plain()
    server.says[kind] = always(Reply(421, "4.3.2", "Bye"))
    for line in ("EHLO a", "MAIL FROM:<>", "RCPT TO:<a@b>", *how):
        server.machine.receive_data(line.encode() + b"\r\n")
        server.serve()

    assert server.machine.data_to_send().endswith(b"421 4.3.2 Bye\r\n")
    assert [Closed(Reason.REFUSED)] == server.seen(Closed)
    accepted = kind in (Rcpt, ContentBegins)
    assert accepted == bool(server.seen(TransactionAborted))


def test_limits_of_one_transaction() -> None:
    """Recipients, their domains and mails are limited as LIMITS announces."""
    limits = Limits(recipients=3, recipient_domains=2, mails=2)
    server = Server(SMTPServer(hostname="mx.example", extensions=PLAIN, limits=limits))
    server.machine.greet()
    play(
        server,
        """
        S: 220 mx.example ESMTP
        C: EHLO a
        S: ...
        S: 250-LIMITS MAILMAX=2 RCPTMAX=3 RCPTDOMAINMAX=2
        S: 250 HELP
        C: MAIL FROM:<>
        C: RCPT TO:<a@b>
        C: RCPT TO:<a@c>
        C: RCPT TO:<a@d>
        C: RCPT TO:<b@B>
        C: RCPT TO:<c@b>
        S: 250 2.1.0 Sender OK
        S: 250 2.1.5 Recipient OK
        S: 250 2.1.5 Recipient OK
        S: 452 4.5.3 Too many recipient domains
        S: 250 2.1.5 Recipient OK
        S: 452 4.5.3 Too many recipients
        C: RSET
        C: MAIL FROM:<>
        C: RSET
        C: MAIL FROM:<>
        S: 250 2.0.0 OK
        S: 250 2.1.0 Sender OK
        S: 250 2.0.0 OK
        S: 421 4.7.0 Too many messages in one connection
        """,
        whole,
    )

    assert server.machine.closing
