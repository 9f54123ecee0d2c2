"""
Tests for the SMTP client machine: it uses what the server announced, and nothing else.
"""

from __future__ import annotations

from dataclasses import (
    replace,
)

import pytest

from pymta.address import (
    Address,
)
from pymta.envelope import (
    Body,
    Notify,
    OriginalRecipient,
    Return,
    Sender,
)
from pymta.errors import (
    LocalProtocolError,
)
from pymta.reply import (
    Reply,
)
from pymta.wire.smtp.client import (
    Phase,
)
from pymta.wire.smtp.client_events import (
    ContentWanted,
    RecipientAnswered,
    SenderAnswered,
    TransactionEnded,
)
from tests.wire.smtp.client_dialogue import (
    ANN,
    BOB,
    CAT,
    OK,
    SENDER,
    UTF8,
    Dialogue,
    accepted,
)

# -- what was announced ------------------------------------------------------

FULL = Sender(
    reverse_path=Address("from", "a.example"),
    size=77,
    body=Body.EIGHT_BIT,
    ret=Return.HEADERS,
    envid="a+b",
    auth="",
)
WITH_DSN = replace(
    ANN,
    notify=Notify.SUCCESS | Notify.DELAY,
    orcpt=OriginalRecipient("rfc822", "ann=x@b.example"),
)


@pytest.mark.parametrize(
    ("keywords", "mail", "rcpt"),
    [
        pytest.param(("X",), "", "", id="nothing"),
        pytest.param(("SIZE",), " SIZE=77", "", id="SIZE"),
        pytest.param(("SIZE 77",), " SIZE=77", "", id="SIZE with its limit"),
        pytest.param(("SIZE 0",), " SIZE=77", "", id="SIZE without limit"),
        pytest.param(("8BITMIME",), " BODY=8BITMIME", "", id="8BITMIME"),
        pytest.param(
            ("DSN",),
            " RET=HDRS ENVID=a+2Bb",
            " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;ann+3Dx@b.example",
            id="DSN",
        ),
        pytest.param(("AUTH PLAIN",), " AUTH=<>", "", id="AUTH"),
        pytest.param(("SMTPUTF8", "BINARYMIME"), "", "", id="nothing that is needed"),
    ],
)
def test_parameters_only_if_announced(keywords: tuple[str, ...], mail: str, rcpt: str) -> None:
    """A parameter is written if and only if its extension was announced."""
    d = Dialogue(*keywords)
    d.client.begin(FULL, [WITH_DSN])
    d.say("250 ok")

    assert [f"MAIL FROM:<from@a.example>{mail}", f"RCPT TO:<ann@b.example>{rcpt}"] == d.sent()


def test_null_sender() -> None:
    """The null reverse path is written in its brackets."""
    d = Dialogue("X")
    d.client.begin(Sender(reverse_path=None), [ANN])

    assert ["MAIL FROM:<>"] == d.sent()


@pytest.mark.parametrize(
    ("keywords", "sender", "reply"),
    [
        pytest.param(("SIZE 76",), FULL, "552 5.3.4", id="too large"),
        pytest.param(("8BITMIME", "CHUNKING"), Body.BINARY, "554 5.6.3", id="no BINARYMIME"),
        pytest.param(("8BITMIME", "BINARYMIME"), Body.BINARY, "554 5.6.3", id="no CHUNKING"),
        pytest.param(("8BITMIME",), Address("ö", "a.example"), "553 5.6.7", id="UTF-8 sender"),
        pytest.param(("8BITMIME",), Address("o", "ä.example"), "553 5.6.7", id="UTF-8 domain"),
        pytest.param(("8BITMIME",), True, "554 5.6.9", id="UTF-8 header"),
    ],
)
def test_what_the_server_cannot_take(
    keywords: tuple[str, ...], sender: Sender | Body | Address | bool, reply: str
) -> None:
    """What would fail for certain is answered without asking, and the connection goes on."""
    match sender:
        case Sender():
            asked = sender
        case Body():
            asked = replace(SENDER, body=sender)
        case Address():
            asked = replace(SENDER, reverse_path=sender)
        case _:
            asked = replace(SENDER, smtputf8=True)
    d = Dialogue(*keywords)
    d.client.begin(asked, [ANN])
    answer, end = d.events()

    assert isinstance(answer, SenderAnswered)
    assert reply == f"{answer.reply.code} {answer.reply.status}"
    assert not answer.from_peer
    assert TransactionEnded() == end
    assert [] == d.sent()
    assert Phase.READY is d.phase()


def test_binary_where_chunking_is_forbidden() -> None:
    """Binary content cannot go where BDAT may not be used."""
    d = Dialogue("CHUNKING", "BINARYMIME", chunking=False)
    d.client.begin(replace(SENDER, body=Body.BINARY), [ANN])
    [answer, _] = d.events()

    assert isinstance(answer, SenderAnswered)
    assert "5.6.3" == answer.reply.status


def test_utf8_recipient_without_smtputf8() -> None:
    """Only the recipient that needs SMTPUTF8 fails, for good (RFC 6531 section 3.2)."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [UTF8, ANN])
    assert ["MAIL FROM:<from@a.example>", "RCPT TO:<ann@b.example>", "DATA"] == d.sent()
    mail, first, second = d.say("250 ok", "250 ok")

    assert SenderAnswered(OK) == mail
    assert isinstance(first, RecipientAnswered)
    assert (UTF8, 553, "5.6.7", False) == (
        first.recipient,
        first.reply.code,
        first.reply.status,
        first.from_peer,
    )
    assert accepted(ANN) == second


def test_nobody_can_be_asked() -> None:
    """Where no recipient can be asked for, nothing is sent."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [UTF8])
    answer, end = d.events()

    assert isinstance(answer, RecipientAnswered)
    assert TransactionEnded() == end
    assert [] == d.sent()


def test_utf8_recipient_with_smtputf8() -> None:
    """An address that needs SMTPUTF8 has it said at MAIL."""
    d = Dialogue("PIPELINING", "SMTPUTF8")
    d.client.begin(SENDER, [UTF8])

    assert ["MAIL FROM:<from@a.example> SMTPUTF8", "RCPT TO:<grüße@b.example>", "DATA"] == d.sent()


def test_recipients_above_the_limit() -> None:
    """Recipients above RCPTMAX are left for the next transaction (RFC 9422)."""
    d = Dialogue("PIPELINING", "LIMITS RCPTMAX=2")
    d.client.begin(SENDER, [ANN, BOB, CAT])
    assert 4 == len(d.sent())
    events = d.say("250 ok", "250 ok", "250 ok", "354 go")
    [left] = [e for e in events if isinstance(e, RecipientAnswered) and not e.from_peer]

    assert CAT == left.recipient
    assert ("4.5.3", True) == (left.reply.status, left.reply.transient)
    assert ContentWanted((ANN, BOB)) == events[-1]


def test_domains_above_the_limit() -> None:
    """RCPTDOMAINMAX counts domains, however they are written."""
    upper = replace(BOB, address=Address("bob", "B.Example"))
    other = replace(CAT, address=Address("cat", "c.example"))
    d = Dialogue("PIPELINING", "LIMITS RCPTDOMAINMAX=1")
    d.client.begin(SENDER, [ANN, other, upper])

    assert ["RCPT TO:<ann@b.example>", "RCPT TO:<bob@B.Example>"] == d.sent()[1:3]


def test_transactions_above_the_limit() -> None:
    """MAILMAX is counted down; beyond it nothing can be begun."""
    d = Dialogue("PIPELINING", "LIMITS MAILMAX=1")
    assert 1 == d.client.transactions_left
    d.client.begin(SENDER, [ANN])
    d.say("550 no", "503 no", "503 no")
    assert 0 == d.client.transactions_left
    with pytest.raises(LocalProtocolError):
        d.client.begin(SENDER, [ANN])
    assert Dialogue("X").client.transactions_left is None


def test_status_codes_only_if_announced() -> None:
    """Enhanced status codes are read only where they were announced (RFC 2034)."""
    plain = Dialogue("PIPELINING")
    plain.client.begin(SENDER, [ANN])
    assert [SenderAnswered(Reply(250, "", "2.1.0 ok"))] == plain.say("250 2.1.0 ok")
    enhanced = Dialogue("PIPELINING", "ENHANCEDSTATUSCODES")
    enhanced.client.begin(SENDER, [ANN])
    assert [SenderAnswered(Reply(250, "2.1.0", "ok"))] == enhanced.say("250 2.1.0 ok")

    assert [accepted(ANN, Reply(550, "", "5.x no"))] == enhanced.say("550 5.x no")


def test_s12_no_line_is_injected() -> None:
    """A CR or LF in whatever a command is made of is refused before anything is sent."""
    d = Dialogue("PIPELINING")
    for local in ("a\r\nRCPT TO:<x@y>", "a\n", "a\0"):
        with pytest.raises(LocalProtocolError):
            d.client.begin(SENDER, [ANN, replace(BOB, address=Address(local, "b.example"))])
        with pytest.raises(LocalProtocolError):
            d.client.hello(f"c.example{local}")
    assert [] == d.sent()
    assert Phase.READY is d.phase()
