"""
Dialogues with the SMTP server machine: AUTH, STARTTLS and what is required before MAIL.
"""

from __future__ import annotations

import pytest

from pymta.reply import Reply
from pymta.session import Role
from pymta.wire.smtp.events import (
    Auth,
    AuthCancelled,
    AuthResponse,
    Mail,
    StartTLS,
    TransactionAborted,
)
from pymta.wire.smtp.server import Requirement, SMTPServer
from tests.wire.smtp.serving import (
    EVERYTHING,
    Server,
    always,
    full,
    play,
)
from tests.wire.smtp.transcript import EVERY_WAY, Slices, whole


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_auth(slices: Slices) -> None:
    """Challenges, an initial response, an empty one, a failure, and success once (RFC 4954)."""
    server = full()
    replies: list[Reply | bytes | None] = [b"", b"more", Reply(535, "5.7.8", "Wrong"), None]
    server.says[Auth] = server.says[AuthResponse] = lambda question: replies.pop(0)
    play(
        server,
        """
        S: 220 mx.example ESMTP
        C: EHLO a
        S: ...
        C: AUTH SCRAM-SHA-256
        S: 334
        C: YWJj
        S: 334 bW9yZQ==
        C:
        S: 535 5.7.8 Wrong
        C: auth scram-sha-256 =
        S: 235 2.7.0 Authentication succeeded
        C: AUTH SCRAM-SHA-256
        S: 503 5.5.1 Logged in already
        C: MAIL FROM:<> AUTH=a@b
        S: 250 2.1.0 Sender OK
        """,
        slices,
    )

    asked = [event for event in server.events if isinstance(event, Auth | AuthResponse)]
    expected: list[object] = [Auth("SCRAM-SHA-256", None), AuthResponse(b"abc"), AuthResponse(b"")]
    assert [*expected, Auth("SCRAM-SHA-256", b"")] == asked
    assert server.machine.authenticated
    assert "a@b" == server.seen(Mail)[0].sender.auth


@pytest.mark.parametrize("slices", EVERY_WAY)
@pytest.mark.parametrize(
    ("response", "reply"),
    [
        ("*", "501 5.7.0 Authentication cancelled"),
        ("YWJ", "501 5.5.2 Cannot decode BASE64"),
        ("=AAA", "501 5.5.2 Cannot decode BASE64"),
        ("AAA=BBB=", "501 5.5.2 Cannot decode BASE64"),
        ("YW Jj", "501 5.5.2 Cannot decode BASE64"),
        ("A" * 12288, "500 5.5.6 Authentication exchange line is too long"),
    ],
)
def test_auth_cancelled(slices: Slices, response: str, reply: str) -> None:
    """A cancelled or broken exchange is over, and commands are read again."""
    server = full()
    server.says[Auth] = always(b"go")
    play(
        server,
        f"""
        S: 220 mx.example ESMTP
        C: EHLO a
        S: ...
        C: AUTH SCRAM-SHA-256
        S: 334 Z28=
        C: {response}
        S: {reply}
        C: MAIL FROM:<>
        S: 250 2.1.0 Sender OK
        """,
        slices,
    )

    assert [AuthCancelled()] == server.seen(AuthCancelled)
    assert not server.machine.authenticated


def test_long_auth_response() -> None:
    """A response may be longer than a command."""
    server = full()
    server.says[Auth] = always(b"go")
    play(
        server,
        f"""
        S: 220 mx.example ESMTP
        C: EHLO a
        S: ...
        C: AUTH SCRAM-SHA-256
        S: 334 Z28=
        C: {"A" * 12284}
        S: 235 ...
        """,
        whole,
    )

    assert [AuthResponse(b"\0" * 9213)] == server.seen(AuthResponse)


def test_auth_out_of_place() -> None:
    """Not before EHLO, not in a transaction, not by what is not offered."""
    play(
        full(),
        """
        S: 220 mx.example ESMTP
        C: AUTH SCRAM-SHA-256
        S: 503 5.5.1 Say EHLO first
        C: HELO a
        S: 250 mx.example
        C: AUTH SCRAM-SHA-256
        S: 503 5.5.1 Say EHLO first
        C: EHLO a
        S: ...
        C: AUTH
        S: 501 5.5.4 Argument expected
        C: AUTH GSSAPI
        S: 504 5.5.4 Mechanism not offered
        C: AUTH PLAIN
        S: 504 5.5.4 Mechanism not offered without TLS
        C: AUTH SCRAM-SHA-256 !
        S: 501 5.5.2 Cannot decode BASE64
        C: MAIL FROM:<>
        S: 250 2.1.0 Sender OK
        C: AUTH SCRAM-SHA-256
        S: 503 5.5.1 Bad sequence of commands
        """,
        whole,
    )


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_starttls(slices: Slices) -> None:
    """Behind the handshake all is as before EHLO (RFC 3207 §4.2)."""
    server = full()
    play(
        server,
        """
        S: 220 mx.example ESMTP
        C: STARTTLS
        S: 503 5.5.1 Say EHLO first
        C: EHLO a
        S: ...
        S: 250-STARTTLS
        S: 250-AUTH SCRAM-SHA-256
        S: 250-VRFY
        S: 250-EXPN
        S: 250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT
        S: 250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE
        C: AUTH SCRAM-SHA-256
        S: 235 2.7.0 Authentication succeeded
        C: STARTTLS now
        S: 501 5.5.4 No argument expected
        C: STARTTLS
        S: 220 2.0.0 Ready to start TLS
        * tls
        C: MAIL FROM:<>
        S: 503 5.5.1 Say EHLO first
        C: EHLO a
        S: ...
        S: 250-AUTH SCRAM-SHA-256 PLAIN
        S: 250-VRFY
        S: 250-EXPN
        S: 250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT
        S: 250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE
        C: STARTTLS
        S: 503 5.5.1 TLS is on already
        C: AUTH PLAIN AGEAYg==
        S: 235 2.7.0 Authentication succeeded
        """,
        slices,
    )

    assert server.machine.in_tls
    assert [Auth("PLAIN", b"\0a\0b")] == server.seen(Auth)[1:]


def test_starttls_refused() -> None:
    """A no to STARTTLS changes nothing."""
    server = full()
    server.says[StartTLS] = always(Reply(454, "4.7.0", "No TLS today"))
    play(
        server,
        """
        S: 220 mx.example ESMTP
        C: EHLO a
        S: ...
        C: MAIL FROM:<>
        S: 250 2.1.0 Sender OK
        C: STARTTLS
        S: 454 4.7.0 No TLS today
        C: RCPT TO:<a@b>
        S: 250 2.1.5 Recipient OK
        """,
        whole,
    )

    assert [] == server.seen(TransactionAborted)


def test_requirements() -> None:
    """530 until TLS is on, then until somebody logged in."""
    machine = SMTPServer(
        hostname="mx.example",
        role=Role.SUBMISSION,
        extensions=EVERYTHING,
        requirements=(Requirement.TLS, Requirement.LOGIN),
    )
    machine.greet()
    play(
        Server(machine),
        """
        S: 220 mx.example ESMTP
        C: NOOP
        S: 250 2.0.0 OK
        C: EHLO a
        S: ...
        C: MAIL FROM:<>
        S: 530 5.7.0 Must issue a STARTTLS command first
        C: AUTH SCRAM-SHA-256
        S: 530 5.7.0 Must issue a STARTTLS command first
        C: VRFY a
        S: 530 5.7.0 Must issue a STARTTLS command first
        C: XCLIENT NAME=a
        S: 530 5.7.0 Must issue a STARTTLS command first
        C: HELP
        S: 214 2.0.0 See RFC 5321
        C: RSET
        S: 250 2.0.0 OK
        C: STARTTLS
        S: 220 2.0.0 Ready to start TLS
        * tls
        C: EHLO a
        S: ...
        C: MAIL FROM:<>
        S: 530 5.7.0 Authentication required
        C: EXPN a
        S: 530 5.7.0 Authentication required
        C: AUTH PLAIN AGEAYg==
        S: 235 2.7.0 Authentication succeeded
        C: MAIL FROM:<>
        S: 250 2.1.0 Sender OK
        """,
        whole,
    )


def test_implicit_tls() -> None:
    """With implicit TLS the handshake is before the greeting, and STARTTLS is not offered."""
    machine = SMTPServer(hostname="mx.example", extensions=EVERYTHING)
    machine.tls_started()
    machine.greet()
    play(
        Server(machine),
        """
        S: 220 mx.example ESMTP
        C: EHLO a
        S: ...
        S: 250-HELP
        S: 250-AUTH SCRAM-SHA-256 PLAIN
        S: 250-VRFY
        S: 250-EXPN
        S: 250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT
        S: 250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE
        """,
        whole,
    )


def test_secrets_are_not_shown() -> None:
    """What is logged of an event holds no credential."""
    shown = repr([Auth("PLAIN", b"tanstaaf"), AuthResponse(b"tanstaaf")])

    assert "tanstaaf" not in shown
