"""
Tests for replies, facts, envelopes, sessions, errors.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pymta.address import Address
from pymta.envelope import Envelope, Recipient, RecipientID, Sender
from pymta.errors import ConfigurationError, Mistake
from pymta.facts import NO_FACTS, FactKey, Facts
from pymta.reply import Reply
from pymta.session import TLS, Endpoint, Role, Session

GOOD_REPLIES = [
    pytest.param(Reply(250, "2.0.0", "Ok"), "250 2.0.0 Ok", id="with status"),
    pytest.param(Reply(354, "", "Go ahead"), "354 Go ahead", id="without status"),
    pytest.param(Reply(421, "4.3.2", "a\nb"), "421 4.3.2 a b", id="two lines"),
    pytest.param(Reply(550, "5.7.999", "ünïcode"), "550 5.7.999 ünïcode", id="UTF-8"),
]

BAD_REPLIES = [
    pytest.param(199, "", "x", id="code too low"),
    pytest.param(600, "", "x", id="code too high"),
    pytest.param(250, "5.0.0", "x", id="status of another class"),
    pytest.param(354, "3.0.0", "x", id="no class 3"),
    pytest.param(250, "2.0", "x", id="two numbers"),
    pytest.param(250, "2.01.0", "x", id="leading zero"),
    pytest.param(250, "2.1000.0", "x", id="four digits"),
    pytest.param(250, "2.٣.0", "x", id="other digits"),
    pytest.param(250, "2.0.0", "a\r\nb", id="CR"),
    pytest.param(250, "2.0.0", "a\0", id="NUL"),
    pytest.param(250, "2.0.0", "a\x9b", id="C1"),
]


@pytest.mark.parametrize(("reply", "text"), GOOD_REPLIES)
def test_reply_is_written_for_the_log(reply: Reply, text: str) -> None:
    """
    A reply's text form is one line.
    """
    assert text == str(reply)


@pytest.mark.parametrize(("code", "status", "text"), BAD_REPLIES)
def test_s12_reply_refused(code: int, status: str, text: str) -> None:
    """
    What cannot be sent cannot be made.
    """
    with pytest.raises(ValueError):
        Reply(code, status, text)


@pytest.mark.parametrize(
    ("code", "kinds"),
    [(250, (True, False, False)), (354, (True, False, False)), (451, (False, True, False)),
     (550, (False, False, True))],
)  # fmt: skip
def test_reply_kinds(code: int, kinds: tuple[bool, bool, bool]) -> None:
    """
    The first digit says what kind of reply it is.
    """
    reply = Reply(code, "", "x")

    assert kinds == (reply.positive, reply.transient, reply.permanent)


def test_reply_for_other_protocols() -> None:
    """
    IMAP and POP3 say it in one line; 421 ends a connection.
    """
    reply = Reply(421, "4.3.2", "Come\nback  later")

    assert "Come back later" == reply.one_line
    assert reply.closing
    assert not Reply(451, "4.3.2", "Wait").closing


COLOUR = FactKey[str]("colour")
SIZE = FactKey[int]("size")


def test_facts_are_replaced_not_changed() -> None:
    """
    A fact makes a new collection, and the old one stays as it was.
    """
    red = NO_FACTS.with_(COLOUR, "red")
    blue = red.with_(COLOUR, "blue")

    assert ("red", "blue", None) == (red.get(COLOUR), blue.get(COLOUR), NO_FACTS.get(COLOUR))


def test_merged_facts() -> None:
    """
    Of two facts of one key the other's wins; the rest is from both.
    """
    left = Facts().with_(COLOUR, "red").with_(SIZE, 1)
    merged = left.merged(Facts().with_(SIZE, 2))

    assert ("red", 2) == (merged.get(COLOUR), merged.get(SIZE))
    assert {COLOUR, SIZE} == set(merged)
    assert merged == Facts().with_(SIZE, 2).with_(COLOUR, "red")


def test_fact_keys_are_themselves() -> None:
    """
    Two keys of one name are two keys.
    """
    assert NO_FACTS.with_(COLOUR, "red").get(FactKey[str]("colour")) is None


def recipient(number: int) -> Recipient:
    return Recipient(id=RecipientID(number), address=Address("a", "example.org"))


def test_envelope_needs_a_recipient() -> None:
    """
    An envelope for nobody cannot be made.
    """
    with pytest.raises(ValueError):
        Envelope(sender=Sender(reverse_path=None), recipients=())


def test_envelope_ids_are_unique() -> None:
    """
    One address may come twice, one id may not.
    """
    Envelope(sender=Sender(reverse_path=None), recipients=(recipient(1), recipient(2)))
    with pytest.raises(ValueError):
        Envelope(sender=Sender(reverse_path=None), recipients=(recipient(1), recipient(1)))


SESSION = Session(
    id="1",
    role=Role.SMTP,
    peer=Endpoint("192.0.2.1", 1234),
    local=Endpoint("2001:db8::1", 25),
    started=datetime(2026, 1, 1, tzinfo=UTC),
)
OVER_TLS = TLS(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384")


@pytest.mark.parametrize(
    ("session", "protocol"),
    [
        pytest.param(SESSION, "SMTP", id="HELO"),
        pytest.param(replace(SESSION, extended=True), "ESMTP", id="EHLO"),
        pytest.param(replace(SESSION, extended=True, tls=OVER_TLS), "ESMTPS", id="TLS"),
        pytest.param(replace(SESSION, extended=True, identity="a"), "ESMTPA", id="AUTH"),
        pytest.param(
            replace(SESSION, extended=True, identity="a", tls=OVER_TLS), "ESMTPSA", id="both"
        ),
        pytest.param(replace(SESSION, role=Role.LMTP), "LMTP", id="LMTP"),
        pytest.param(
            replace(SESSION, role=Role.LMTP, identity="a", tls=OVER_TLS), "LMTPSA", id="LMTPSA"
        ),
    ],
)
def test_protocol_word(session: Session, protocol: str) -> None:
    """
    The word of Received is that of RFC 3848.
    """
    assert protocol == session.protocol


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        (Endpoint("192.0.2.1", 25), "192.0.2.1:25"),
        (Endpoint("2001:db8::1", 25), "[2001:db8::1]:25"),
        (Endpoint("/run/lmtp"), "/run/lmtp"),
        (Endpoint(""), "local"),
    ],
    ids=["IPv4", "IPv6", "path", "unnamed socket"],
)
def test_endpoint_text(endpoint: Endpoint, text: str) -> None:
    """
    An end of a connection is written as people do.
    """
    assert text == str(endpoint)


def test_configuration_error_lists_all_mistakes() -> None:
    """
    Every mistake gets a line with file, line, path and hint, as far as they are known.
    """
    error = ConfigurationError(
        "mail.toml",
        (
            Mistake("no such port", path="listeners.0.endpoint", line=3, hint="tcp:25"),
            Mistake("hostname is missing"),
        ),
    )

    assert [
        "mail.toml:3: listeners.0.endpoint: no such port (tcp:25)",
        "mail.toml: hostname is missing",
    ] == error.report()
