"""
Tests for the SMTP client machine: the opening, and transactions.
"""

from __future__ import annotations

from dataclasses import (
    replace,
)

import pytest

from pymta.envelope import (
    Body,
    RecipientID,
)
from pymta.errors import (
    LocalProtocolError,
    RemoteProtocolError,
)
from pymta.reply import (
    Reply,
)
from pymta.session import (
    Role,
)
from pymta.wire.smtp.client import (
    Phase,
    SMTPClient,
)
from pymta.wire.smtp.client_events import (
    Closed,
    ContentAnswered,
    ContentWanted,
    Greeting,
    HelloAnswered,
    RecipientDelivered,
    SenderAnswered,
    TransactionEnded,
)
from tests.wire.smtp.client_dialogue import (
    ANN,
    BOB,
    CAT,
    NO,
    OK,
    SENDER,
    Dialogue,
    accepted,
)

# -- opening -----------------------------------------------------------------


def test_greeting_and_ehlo() -> None:
    """The client says nothing before it is greeted; EHLO's answer is what it may use."""
    d = Dialogue()
    assert Phase.WAITING is d.phase()
    assert [] == d.sent()
    assert [Greeting(Reply(220, "", "mx.example ESMTP"))] == d.say("220 mx.example ESMTP")
    d.client.hello("c.example")
    assert ["EHLO c.example"] == d.sent()
    [answer] = d.say("250-mx.example hello", "250-size 1000", "250 pipelining")

    assert isinstance(answer, HelloAnswered)
    assert "mx.example" == answer.capabilities.domain
    assert 1000 == answer.capabilities.size_limit
    assert "PIPELINING" in answer.capabilities
    assert answer.capabilities is d.client.capabilities
    assert Phase.READY is d.phase()


@pytest.mark.parametrize("greeting", ["554 no service", "450 later"])
def test_refused_greeting(greeting: str) -> None:
    """Behind a greeting that says no, only QUIT is left."""
    d = Dialogue()
    [event] = d.say(greeting)
    assert isinstance(event, Greeting)
    with pytest.raises(LocalProtocolError):
        d.client.hello("c.example")
    d.client.quit()
    assert ["QUIT"] == d.sent()

    assert [Closed(Reply(221, "", "bye"))] == d.say("221 bye")
    assert d.client.closing


@pytest.mark.parametrize("code", [500, 502, 504, 550])
def test_helo_where_ehlo_is_not_known(code: int) -> None:
    """EHLO answered 5xx is followed by HELO, and nothing is announced."""
    d = Dialogue()
    d.say("220 mx.example")
    d.client.hello("c.example")
    d.sent()
    assert [] == d.say(f"{code} what?")
    assert ["HELO c.example"] == d.sent()
    [answer] = d.say("250-mx.example", "250 PIPELINING")

    assert isinstance(answer, HelloAnswered)
    assert {} == answer.capabilities.keywords
    assert Phase.READY is d.phase()


def test_hello_refused() -> None:
    """EHLO answered 4xx, or HELO with a "no", may be tried again."""
    d = Dialogue()
    d.say("220 mx.example")
    d.client.hello("c.example")
    [later] = d.say("450 later")
    assert isinstance(later, HelloAnswered)
    assert Phase.GREETED is d.phase()
    d.client.hello("c.example")
    [never] = d.say("502 what?", "550 never")

    assert isinstance(never, HelloAnswered)
    assert 550 == never.reply.code
    assert Phase.GREETED is d.phase()


def test_lhlo_has_no_fallback() -> None:
    """LMTP says LHLO and never HELO (RFC 2033 section 4.1)."""
    d = Dialogue()
    d.client = SMTPClient(Role.LMTP)
    d.say("220 mx.example")
    d.client.hello("c.example")
    assert ["LHLO c.example"] == d.sent()
    [answer] = d.say("500 what?")

    assert isinstance(answer, HelloAnswered)
    assert [] == d.sent()


# -- one transaction ---------------------------------------------------------


def test_pipelined_by_data() -> None:
    """MAIL, RCPTs and DATA go out in one group; content follows the 354."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [ANN, BOB])
    assert [
        "MAIL FROM:<from@a.example>",
        "RCPT TO:<ann@b.example>",
        "RCPT TO:<bob@b.example>",
        "DATA",
    ] == d.sent()
    assert [SenderAnswered(OK), accepted(ANN), accepted(BOB, NO), ContentWanted((ANN,))] == d.say(
        "250 ok", "250 ok", "550 no", "354 go"
    )
    d.client.content(b"Subject: x\r\n\r\n.dot\r\n")
    d.client.content(b"no end")
    d.client.end_content()
    assert ["Subject: x", "", "..dot", "no end", "."] == d.sent()

    assert [ContentAnswered(OK), TransactionEnded()] == d.say("250 ok")
    assert Phase.READY is d.phase()


def test_one_by_one() -> None:
    """Without PIPELINING each command waits for the answer to the one before."""
    d = Dialogue("8BITMIME")
    d.client.begin(SENDER, [ANN, BOB])
    assert ["MAIL FROM:<from@a.example>"] == d.sent()
    assert [SenderAnswered(OK)] == d.say("250 ok")
    assert ["RCPT TO:<ann@b.example>"] == d.sent()
    assert [accepted(ANN)] == d.say("250 ok")
    assert ["RCPT TO:<bob@b.example>"] == d.sent()
    assert [accepted(BOB, NO)] == d.say("550 no")
    assert ["DATA"] == d.sent()
    assert [ContentWanted((ANN,))] == d.say("354 go")
    d.client.end_content()
    assert ["."] == d.sent()

    assert [ContentAnswered(OK), TransactionEnded()] == d.say("250 ok")


def test_chunked() -> None:
    """With CHUNKING content goes by BDAT behind the envelope's answers; a small one at once."""
    d = Dialogue("PIPELINING", "CHUNKING")
    d.client.begin(SENDER, [ANN])
    assert ["MAIL FROM:<from@a.example>", "RCPT TO:<ann@b.example>"] == d.sent()
    assert [SenderAnswered(OK), accepted(ANN), ContentWanted((ANN,))] == d.say("250 ok", "250 ok")
    d.client.content(b".a\r\n")
    d.client.content(b"b\r\n")
    assert [] == d.sent()
    d.client.end_content()
    assert b"BDAT 7 LAST\r\n.a\r\nb\r\n" == d.client.data_to_send()

    assert [ContentAnswered(OK), TransactionEnded()] == d.say("250 ok")


def test_chunks_are_pipelined() -> None:
    """Chunks of 64 KiB do not wait for each other's answers."""
    d = Dialogue("PIPELINING", "CHUNKING")
    d.client.begin(SENDER, [ANN])
    d.say("250 ok", "250 ok")
    d.sent()
    slices = [b"x" * 65534 + b"\r\n"] * 3
    for data in slices:
        d.client.content(data)
    d.client.end_content()
    wire = d.client.data_to_send()

    assert b"BDAT 65536\r\n%bBDAT 65536\r\n%bBDAT 65536 LAST\r\n%b" % tuple(slices) == wire
    assert 0 == d.client.backlog
    assert [] == d.say("250 ok", "250 ok")
    assert [ContentAnswered(OK), TransactionEnded()] == d.say("250 ok")


def test_empty_content() -> None:
    """Content of no octets is an empty last chunk, or a lone dot."""
    d = Dialogue("PIPELINING", "CHUNKING")
    d.client.begin(SENDER, [ANN])
    d.say("250 ok", "250 ok")
    d.sent()
    d.client.end_content()

    assert ["BDAT 0 LAST"] == d.sent()


def test_chunking_forbidden_or_of_no_use() -> None:
    """DATA is used where BDAT is forbidden, and where each chunk would wait for an answer."""
    forbidden = Dialogue("PIPELINING", "CHUNKING", chunking=False)
    forbidden.client.begin(SENDER, [ANN])
    assert "DATA" == forbidden.sent()[-1]
    slow = Dialogue("CHUNKING")
    slow.client.begin(SENDER, [ANN])
    slow.say("250 ok", "250 ok")

    assert "DATA" == slow.sent()[-1]


def test_binary_without_pipelining() -> None:
    """Binary content goes by BDAT, chunk by chunk; what waits is counted."""
    d = Dialogue("CHUNKING", "BINARYMIME")
    d.client.begin(replace(SENDER, body=Body.BINARY), [ANN])
    assert ["MAIL FROM:<from@a.example> BODY=BINARYMIME"] == d.sent()
    d.say("250 ok", "250 ok")
    d.sent()
    data = b"\n\r\0." * 16384
    d.client.content(data)
    d.client.content(data)
    assert b"BDAT 65536\r\n" + data == d.client.data_to_send()
    assert 0 == d.client.backlog
    d.client.content(data)
    assert 65536 + 12 == d.client.backlog
    d.say("250 ok")
    assert 0 == d.client.backlog
    assert b"BDAT 65536\r\n" + data == d.client.data_to_send()
    d.client.end_content()
    d.say("250 ok")
    assert b"BDAT 65536 LAST\r\n" + data == d.client.data_to_send()

    assert [ContentAnswered(OK), TransactionEnded()] == d.say("250 ok")


@pytest.mark.parametrize("keywords", [("PIPELINING",), ("PIPELINING", "CHUNKING"), ("SIZE",)])
def test_several_transactions(keywords: tuple[str, ...]) -> None:
    """One connection serves one transaction after another."""
    d = Dialogue(*keywords)
    for recipient in (ANN, BOB, ANN):
        d.client.begin(SENDER, [recipient])
        replies = ["250 ok", "250 ok"] + ["354 go"] * ("CHUNKING" not in keywords)
        assert [SenderAnswered(OK), accepted(recipient), ContentWanted((recipient,))] == d.say(
            *replies
        )
        d.client.content(b"x\r\n")
        d.client.end_content()
        assert [ContentAnswered(OK), TransactionEnded()] == d.say("250 ok")
    assert 3 == sum(line.startswith("MAIL") for line in d.sent())


# -- a "no" ------------------------------------------------------------------


def test_sender_refused_pipelined() -> None:
    """A "no" to MAIL is told once; the rest of the group is read and dropped."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [ANN, BOB])
    assert [SenderAnswered(NO)] == d.say("550 no", "503 mail first", "503 mail first")
    assert [TransactionEnded()] == d.say("503 mail first")
    d.sent()
    d.client.begin(SENDER, [ANN])

    assert "MAIL FROM:<from@a.example>" == d.sent()[0]


def test_sender_refused_one_by_one() -> None:
    """Without PIPELINING nothing more is sent behind a refused MAIL."""
    d = Dialogue("8BITMIME")
    d.client.begin(SENDER, [ANN, BOB])
    d.sent()

    assert [SenderAnswered(NO), TransactionEnded()] == d.say("550 no")
    assert [] == d.sent()


def test_no_recipient_taken_by_data() -> None:
    """With no recipient taken no content is wanted; a refused DATA ends it."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [ANN, BOB])
    d.sent()
    assert [SenderAnswered(OK), accepted(ANN, NO), accepted(BOB, NO)] == d.say(
        "250 ok", "550 no", "550 no"
    )
    assert [TransactionEnded()] == d.say("554 no valid recipients")
    assert [] == d.sent()
    d.client.begin(SENDER, [CAT])

    assert ["RSET", "MAIL FROM:<from@a.example>", "RCPT TO:<cat@b.example>", "DATA"] == d.sent()
    assert [SenderAnswered(OK), accepted(CAT), ContentWanted((CAT,))] == d.say(
        "250 reset", "250 ok", "250 ok", "354 go"
    )


def test_no_recipient_taken_and_354_anyway() -> None:
    """A server that wants content for nobody gets a lone dot (RFC 2920 section 3.1)."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [ANN])
    d.sent()
    assert [SenderAnswered(OK), accepted(ANN, NO)] == d.say("250 ok", "550 no", "354 go")
    assert ["."] == d.sent()

    assert [TransactionEnded()] == d.say("554 no valid recipients")
    assert Phase.READY is d.phase()


@pytest.mark.parametrize(
    ("role", "replies"),
    [
        pytest.param(Role.SMTP, ("550 no", "250 ok", "354 go"), id="recipient without sender"),
        pytest.param(Role.LMTP, ("250 ok", "550 no", "354 go"), id="LMTP for nobody"),
    ],
)
def test_354_that_cannot_be_answered(role: Role, replies: tuple[str, ...]) -> None:
    """Where a lone dot would be a message, or have no answer, the connection ends."""
    d = Dialogue("PIPELINING", role=role)
    d.client.begin(SENDER, [ANN])
    with pytest.raises(RemoteProtocolError):
        d.say(*replies)
    assert d.client.closing


def test_no_recipient_taken_one_by_one() -> None:
    """Without PIPELINING DATA is not said at all; RSET leads the next transaction."""
    d = Dialogue("8BITMIME")
    d.client.begin(SENDER, [ANN])
    d.sent()
    assert [SenderAnswered(OK)] == d.say("250 ok")
    assert ["RCPT TO:<ann@b.example>"] == d.sent()
    assert [accepted(ANN, NO), TransactionEnded()] == d.say("550 no")
    assert [] == d.sent()
    d.client.begin(SENDER, [BOB])
    assert ["RSET"] == d.sent()
    assert [] == d.say("250 ok")

    assert ["MAIL FROM:<from@a.example>"] == d.sent()


def test_no_recipient_taken_chunked() -> None:
    """No content is sent by BDAT for nobody."""
    d = Dialogue("PIPELINING", "CHUNKING")
    d.client.begin(SENDER, [ANN])
    d.sent()

    assert [SenderAnswered(OK), accepted(ANN, NO), TransactionEnded()] == d.say("250 ok", "550 no")
    assert [] == d.sent()


def test_data_refused() -> None:
    """A "no" to DATA is the answer to the content."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [ANN])
    d.sent()

    assert [SenderAnswered(OK), accepted(ANN), ContentAnswered(Reply(451, "", "later"))] == d.say(
        "250 ok", "250 ok", "451 later"
    )[:3]
    assert Phase.READY is d.phase()
    assert [] == d.sent()


def test_content_refused() -> None:
    """A "no" to the content ends the transaction; by DATA nothing has to be cleared."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [ANN])
    d.say("250 ok", "250 ok", "354 go")
    d.client.end_content()
    assert [ContentAnswered(NO), TransactionEnded()] == d.say("550 no")
    d.sent()
    d.client.begin(SENDER, [ANN])

    assert "MAIL FROM:<from@a.example>" == d.sent()[0]


def test_chunk_refused_while_content_is_given() -> None:
    """A "no" to a chunk is told at once; no more is taken, and RSET leads the next MAIL."""
    d = Dialogue("PIPELINING", "CHUNKING")
    d.client.begin(SENDER, [ANN])
    d.say("250 ok", "250 ok")
    for _ in range(4):
        d.client.content(b"x" * 65536)
    d.sent()
    assert [ContentAnswered(Reply(452, "", "full"))] == d.say("250 ok", "452 full")
    with pytest.raises(LocalProtocolError):
        d.client.content(b"x")
    with pytest.raises(LocalProtocolError):
        d.client.begin(SENDER, [ANN])
    assert [TransactionEnded()] == d.say("503 rset first")
    d.client.begin(SENDER, [ANN])

    assert "RSET" == d.sent()[0]


def test_chunk_refused_when_all_was_given() -> None:
    """The first "no" counts, also if the last chunk is answered otherwise."""
    d = Dialogue("PIPELINING", "CHUNKING")
    d.client.begin(SENDER, [ANN])
    d.say("250 ok", "250 ok")
    for _ in range(2):
        d.client.content(b"x" * 65536)
    d.client.end_content()
    assert [ContentAnswered(Reply(452, "", "full"))] == d.say("452 full")

    assert [TransactionEnded()] == d.say("250 ok")


def test_chunk_refused_one_by_one() -> None:
    """Chunks that wait for an answer are not sent if it is a "no"."""
    d = Dialogue("CHUNKING", "BINARYMIME")
    d.client.begin(replace(SENDER, body=Body.BINARY), [ANN])
    d.say("250 ok", "250 ok")
    for _ in range(3):
        d.client.content(b"x" * 65536)
    d.sent()

    assert [ContentAnswered(NO), TransactionEnded()] == d.say("550 no")
    assert [] == d.sent()
    assert 0 == d.client.backlog


# -- LMTP --------------------------------------------------------------------


@pytest.mark.parametrize("keywords", [("PIPELINING",), ("PIPELINING", "CHUNKING"), ("SIZE",)])
def test_lmtp_has_an_answer_for_each(keywords: tuple[str, ...]) -> None:
    """One reply for each recipient taken, in order, also for one that is given twice."""
    d = Dialogue(*keywords, role=Role.LMTP)
    twin = replace(ANN, id=RecipientID(7))
    d.client.begin(SENDER, [ANN, BOB, twin])
    d.say("250 ok", "250 ok", "550 no", "250 ok")
    if "CHUNKING" not in keywords:
        d.say("354 go")
    d.client.content(b"x\r\n")
    d.client.end_content()
    assert [RecipientDelivered(ANN, OK)] == d.say("250 ok")

    assert [RecipientDelivered(twin, Reply(452, "", "full")), TransactionEnded()] == d.say(
        "452 full"
    )


def test_lmtp_data_refused() -> None:
    """LMTP's one "no" to DATA is told for each recipient."""
    d = Dialogue("PIPELINING", role=Role.LMTP)
    d.client.begin(SENDER, [ANN, BOB])
    events = d.say("250 ok", "250 ok", "250 ok", "451 later")
    later = Reply(451, "", "later")

    assert [
        RecipientDelivered(ANN, later),
        RecipientDelivered(BOB, later),
        TransactionEnded(),
    ] == events[3:]


def test_lmtp_waits_with_the_last_chunk() -> None:
    """How many answers the last chunk has depends on the earlier ones; it waits for them."""
    d = Dialogue("PIPELINING", "CHUNKING", role=Role.LMTP)
    d.client.begin(SENDER, [ANN, BOB])
    d.say("250 ok", "250 ok", "250 ok")
    for _ in range(2):
        d.client.content(b"x" * 65536)
    d.sent()
    d.client.end_content()
    assert [] == d.sent()
    assert d.client.backlog > 65536
    d.client.quit()
    assert [] == d.say("250 ok")
    assert "BDAT 65536 LAST" == d.sent()[0]

    assert [
        RecipientDelivered(ANN, OK),
        RecipientDelivered(BOB, NO),
        TransactionEnded(),
    ] == d.say("250 ok", "550 no")
    assert ["QUIT"] == d.sent()


def test_lmtp_chunk_refused() -> None:
    """A "no" to a chunk is told for each; the last chunk is not sent."""
    d = Dialogue("PIPELINING", "CHUNKING", role=Role.LMTP)
    d.client.begin(SENDER, [ANN, BOB])
    d.say("250 ok", "250 ok", "250 ok")
    for _ in range(2):
        d.client.content(b"x" * 65536)
    d.client.end_content()
    d.sent()

    assert [RecipientDelivered(ANN, NO), RecipientDelivered(BOB, NO), TransactionEnded()] == d.say(
        "550 no"
    )
    assert [] == d.sent()
