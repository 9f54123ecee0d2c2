"""
Dialogues with the SMTP server machine, as transcripts: transactions.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from pymta.address import Address
from pymta.envelope import Body, Notify, OriginalRecipient, RecipientID, Return, Sender
from pymta.errors import Refused
from pymta.facts import NO_FACTS, FactKey
from pymta.reply import Reply
from pymta.wire.smtp.events import (
    Closed,
    Command,
    ContentBegins,
    ContentEnded,
    Hello,
    Mail,
    Quit,
    Rcpt,
    Reason,
    TransactionAborted,
)
from pymta.wire.smtp.extensions import (
    HELP,
    Extension,
    Parameter,
)
from pymta.wire.smtp.server import SMTPServer
from tests.wire.smtp.serving import (
    BEGIN,
    HELLO,
    LATER,
    NO,
    Server,
    always,
    full,
    plain,
    play,
    talk,
)
from tests.wire.smtp.transcript import EVERY_WAY, Slices, run, whole


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_a_message(slices: Slices) -> None:
    """One message by DATA: events, answers and content are what RFC 5321 says."""
    server = plain()
    play(
        server,
        """
        S: 220 mx.example ESMTP
        C: EHLO client.example
        S: 250-mx.example
        S: 250-PIPELINING
        S: 250-SIZE 52428800
        S: 250-8BITMIME
        S: 250-CHUNKING
        S: 250-BINARYMIME
        S: 250-SMTPUTF8
        S: 250-DSN
        S: 250-ENHANCEDSTATUSCODES
        S: 250-LIMITS RCPTMAX=1000
        S: 250 HELP
        C: MAIL FROM:<a@b.example>
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<c@d.example>
        S: 250 2.1.5 Recipient OK
        C: RCPT TO:<Postmaster>
        S: 250 2.1.5 Recipient OK
        C: DATA
        S: 354 Go ahead, end with <CRLF>.<CRLF>
        C: Subject: x
        C:
        C: ..dot
        C: .
        S: 250 2.0.0 OK
        C: QUIT
        S: 221 2.0.0 Bye
        """,
        slices,
    )

    assert [b"Subject: x\r\n\r\n.dot\r\n"] == server.messages
    assert [Hello("EHLO", "client.example")] == server.seen(Hello)
    assert [Mail(Sender(reverse_path=Address("a", "b.example")))] == server.seen(Mail)
    recipients = [(rcpt.recipient.id, str(rcpt.recipient)) for rcpt in server.seen(Rcpt)]
    assert [(1, "c@d.example"), (2, "Postmaster")] == recipients
    assert [Quit(), Closed(Reason.QUIT)] == server.events[-2:]
    assert [] == server.seen(TransactionAborted)
    assert server.machine.closing


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_pipelined_messages(slices: Slices) -> None:
    """Groups of commands, and the next ones behind the end of the data (RFC 2920)."""
    server = plain()
    play(
        server,
        BEGIN
        + """
        C: DATA
        S: 354 ...
        C: one
        C: .
        C: MAIL FROM:<>
        C: RCPT TO:<c@d.example>
        C: RSET
        C: MAIL FROM:<> BODY=8BITMIME
        C: RCPT TO:<c@d.example>
        C: DATA
        S: 250 2.0.0 OK
        S: 250 2.1.0 Sender OK
        S: 250 2.1.5 Recipient OK
        S: 250 2.0.0 OK
        S: 250 2.1.0 Sender OK
        S: 250 2.1.5 Recipient OK
        S: 354 ...
        C: two
        C: .
        C: QUIT
        S: 250 2.0.0 OK
        S: 221 2.0.0 Bye
        """,
        slices,
    )

    assert [b"one\r\n", b"two\r\n"] == server.messages
    assert [1] * 3 == [rcpt.recipient.id for rcpt in server.seen(Rcpt)]
    assert 1 == len(server.seen(TransactionAborted))


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_chunks(slices: Slices) -> None:
    """Content by BDAT: each chunk is answered, line ends may be cut, dots are not touched."""
    server = plain()
    play(
        server,
        BEGIN
        + """
        C. BDAT 7\\r\\na\\r\\n.\\r\\nbBDAT 0\\r\\nBDAT 2\\r\\n\\r\\n
        C. BDAT 3 LAST\\r\\nc\\r\\nQUIT\\r\\n
        S: 250 2.0.0 OK
        S: 250 2.0.0 OK
        S: 250 2.0.0 OK
        S: 250 2.0.0 OK
        S: 221 2.0.0 Bye
        """,
        slices,
    )

    assert [b"a\r\n.\r\nb\r\nc\r\n"] == server.messages
    assert 1 == len(server.seen(ContentBegins))
    assert 1 == len(server.seen(ContentEnded))


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_empty_chunk_as_message(slices: Slices) -> None:
    """BDAT 0 LAST ends the content, and can be all of it."""
    server = plain()
    play(server, BEGIN + "C: BDAT 0 LAST\nS: 250 2.0.0 OK", slices)

    assert [b""] == server.messages


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_binary(slices: Slices) -> None:
    """BODY=BINARYMIME lets any octet through by BDAT, and nothing by DATA (RFC 3030)."""
    server = plain()
    play(
        server,
        HELLO
        + """
        C: MAIL FROM:<> BODY=BINARYMIME
        C: RCPT TO:<c@d.example>
        C: DATA
        S: 250 2.1.0 Sender OK
        S: 250 2.1.5 Recipient OK
        S: 503 5.5.1 BINARYMIME comes by BDAT
        C. BDAT 6 LAST\\r\\n\\0\\r\\n\\n\\r\\xff
        S: 250 2.0.0 OK
        """,
        slices,
    )

    assert [b"\0\r\n\n\r\xff"] == server.messages
    assert Body.BINARY is server.seen(Mail)[0].sender.body


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_every_parameter(slices: Slices) -> None:
    """All parameters of the standard extensions come as values."""
    server = full()
    play(
        server,
        """
        S: 220 mx.example ESMTP
        C: EHLO client.example
        S: ...
        C: MAIL FROM:<a@b.example> SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+2B AUTH=c@d
        C: RCPT TO:<\u00fc@d.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob@d.example
        S: 250 2.1.0 Sender OK
        S: 250 2.1.5 Recipient OK
        """,
        slices,
    )

    # AUTH= of a client that has not logged in counts as "<>" (RFC 4954 section 5).
    sender = Sender(
        reverse_path=Address("a", "b.example"),
        size=100,
        body=Body.EIGHT_BIT,
        smtputf8=True,
        ret=Return.HEADERS,
        envid="x+",
        auth="",
    )
    assert [Mail(sender)] == server.seen(Mail)
    [rcpt] = server.seen(Rcpt)
    assert Address("\u00fc", "d.example") == rcpt.recipient.address
    assert Notify.SUCCESS | Notify.DELAY == rcpt.recipient.notify
    assert OriginalRecipient("rfc822", "Bob@d.example") == rcpt.recipient.orcpt


COLOUR = FactKey[str]("colour")


def colour(sender: Sender, value: str | None) -> Sender:
    """COLOUR=, of nobody's extension."""
    if value == "red":
        raise Refused(Reply(550, "5.7.1", "No red"))
    if value is None:
        raise ValueError(value)
    return replace(sender, extra=NO_FACTS.with_(COLOUR, value))


def test_third_party_extension() -> None:
    """Somebody else's keyword, parameter and verb work as ours do."""
    extension = Extension(
        keyword="X-COLOUR",
        announce=lambda standing: "RED GREEN",
        mail=(Parameter(keyword="COLOUR", parse=colour, format=lambda sender: None),),
        verbs=("XPAINT",),
    )
    machine = SMTPServer(hostname="mx.example", extensions=(extension, HELP))
    server = Server(machine, {Command: always(Reply(250, "2.0.0", "Painted"))})
    machine.greet()
    run(
        """
        S: 220 mx.example ESMTP
        C: EHLO a
        S: 250-mx.example
        S: 250-X-COLOUR RED GREEN
        S: 250 HELP
        C: XPAINT it  black
        S: 250 Painted
        C: MAIL FROM:<> COLOUR
        S: 501 Bad value of COLOUR
        C: MAIL FROM:<> COLOUR=red
        S: 550 No red
        C: MAIL FROM:<> COLOUR=green
        S: 250 Sender OK
        C: XPAINT it
        S: 503 Bad sequence of commands
        """,
        machine,
        server.serve,
    )

    assert [Command("XPAINT", "it  black")] == server.seen(Command)
    assert "green" == server.seen(Mail)[0].sender.extra.get(COLOUR)


def test_nothing_registered() -> None:
    """What is not registered is not announced; its parameters get 555, its verbs 502."""
    server = Server(SMTPServer(hostname="mx.example"))
    server.machine.greet()
    run(
        """
        S: 220 mx.example ESMTP
        C: EHLO a
        S: 250 mx.example
        C: MAIL FROM:<> SIZE=1
        S: 555 Parameter not recognized or not implemented
        C: STARTTLS
        S: 502 Command not implemented
        C: AUTH PLAIN
        S: 502 Command not implemented
        C: HELP
        S: 502 Command not implemented
        C: XCLIENT NAME=a
        S: 502 Command not implemented
        C: EXPN list
        S: 502 Command not implemented
        C: VRFY me
        S: 252 Cannot verify, but will take mail and try to deliver
        C: FOO
        S: 500 Command not recognized
        C. BDAT 6 LAST\\r\\nQUIT\\r\\nNOOP\\r\\n
        S: 502 Command not implemented
        S: 250 OK
        """,
        server.machine,
        server.serve,
    )


@pytest.mark.parametrize("parameter", ["MT-PRIORITY=3", "REQUIRETLS", "BY=1;R", "HOLDFOR=1"])
def test_parameters_of_nobody(parameter: str) -> None:
    """What we could not honour on the way out is refused on the way in."""
    play(plain(), HELLO + f"C: MAIL FROM:<> {parameter}\nS: 555 5.5.4 ...", whole)


def test_helo_has_no_extensions() -> None:
    """After HELO nothing is announced, and parameters are not understood (RFC 5321 §2.2)."""
    play(
        plain(),
        """
        S: 220 mx.example ESMTP
        C: HELO a
        S: 250 mx.example
        C: MAIL FROM:<> BODY=8BITMIME
        S: 555 5.5.4 ...
        C: MAIL FROM:<>
        S: 250 2.1.0 Sender OK
        """,
        whole,
    )


def test_hello_again_ends_the_transaction() -> None:
    """EHLO within a transaction is RSET, once it is answered well (RFC 5321 §4.1.4)."""
    server = full()
    server.says[Hello] = lambda hello: NO if hello == Hello("HELO", "evil") else None
    play(
        server,
        """
        S: 220 mx.example ESMTP
        C: EHLO a
        S: ...
        C: MAIL FROM:<>
        S: 250 2.1.0 Sender OK
        C: HELO evil
        S: 550 5.7.1 Not with me
        C: RCPT TO:<a@b>
        S: 250 2.1.5 Recipient OK
        C: EHLO b
        S: ...
        C: RCPT TO:<a@b>
        S: 503 5.5.1 MAIL first
        """,
        whole,
    )

    assert 1 == len(server.seen(TransactionAborted))


@pytest.mark.parametrize("kind", [Mail, Rcpt, ContentBegins])
@pytest.mark.parametrize("reply", [NO, LATER])
def test_no_leaves_the_state(kind: type, reply: Reply) -> None:
    """A 4xx or 5xx to MAIL, RCPT or DATA leaves all as it was: the same may be tried again."""
    server = plain()
    once = [reply]
    server.says[kind] = lambda question: once.pop() if once else None
    commands = [b"MAIL FROM:<>", b"RCPT TO:<a@b>", b"DATA", b"x", b"."]
    at = [Mail, Rcpt, ContentBegins].index(kind)
    talk(server, b"EHLO a")
    said = [talk(server, command) for command in [*commands[: at + 1], *commands[at:]]]

    assert [str(reply)] == said[at]
    assert [b"x\r\n"] == server.messages


@pytest.mark.parametrize("slices", EVERY_WAY)
@pytest.mark.parametrize("reply", [NO, LATER])
def test_refused_at_the_end(slices: Slices, reply: Reply) -> None:
    """Whatever the answer to the content, the transaction is over with it."""
    server = plain()
    server.says[ContentEnded] = always(reply)
    play(
        server,
        BEGIN
        + f"""
        C: DATA
        S: 354 ...
        C: x
        C: .
        S: {reply}
        C: DATA
        S: 503 5.5.1 MAIL first
        C: MAIL FROM:<>
        S: 250 2.1.0 Sender OK
        """,
        slices,
    )

    assert [] == server.seen(TransactionAborted)


def test_refused_recipients_keep_their_ids() -> None:
    """An id is never given to two recipients of one transaction."""
    server = plain()
    server.says[Rcpt] = lambda rcpt: (
        NO if isinstance(rcpt, Rcpt) and rcpt.recipient.id == RecipientID(1) else None
    )
    play(
        server,
        HELLO
        + """
        C: MAIL FROM:<>
        C: RCPT TO:<a@b>
        C: DATA
        C: RCPT TO:<a@b>
        S: 250 2.1.0 Sender OK
        S: 550 5.7.1 Not with me
        S: 503 5.5.1 No valid recipients
        S: 250 2.1.5 Recipient OK
        """,
        whole,
    )

    assert [1, 2] == [rcpt.recipient.id for rcpt in server.seen(Rcpt)]
