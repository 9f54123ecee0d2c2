"""
Tests for the fields that a server adds.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from pymta.address import Address
from pymta.envelope import Recipient, RecipientID
from pymta.errors import AddressError, HeaderError
from pymta.message.header import parse_header
from pymta.message.trace import (
    MAX_RECEIVED,
    address_literal,
    count_received,
    date_field,
    delivered_to,
    has_delivered_to,
    message_id,
    message_id_field,
    received,
    return_path,
)
from pymta.session import TLS, Endpoint, Role, Session

NOW = datetime(2026, 11, 24, 6, 13, 56, tzinfo=timezone(timedelta(hours=1)))
DATE = "Tue, 24 Nov 2026 06:13:56 +0100"

SMTP = Session(
    id="s1",
    role=Role.SMTP,
    peer=Endpoint("192.0.2.1", 40123),
    local=Endpoint("192.0.2.25", 25),
    started=NOW,
    helo="client.example",
    extended=True,
)
SECURE = replace(SMTP, tls=TLS(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384"))


def recipient(text: str, n: int = 1) -> Recipient:
    """The nth recipient."""
    return Recipient(id=RecipientID(n), address=Address.parse(text))


def lines(session: Session, *recipients: str, smtputf8: bool = False) -> list[str]:
    """The lines of the Received field, without the date."""
    field = received(
        session,
        by="mx.example",
        id="4bXyz",
        recipients=[recipient(text, n) for n, text in enumerate(recipients)],
        when=NOW,
        smtputf8=smtputf8,
    )
    assert field.endswith(f";\r\n\t{DATE}\r\n".encode())
    return field.decode().removesuffix(f";\r\n\t{DATE}\r\n").split("\r\n\t")


def test_received() -> None:
    """
    Who, from where, by whom, how, under which id, for whom, when.
    """
    assert [
        "Received: from client.example ([192.0.2.1])",
        "by mx.example with ESMTP id 4bXyz",
        "for <a@b.example>",
    ] == lines(SMTP, "a@b.example")


def test_received_for_several_names_none() -> None:
    """
    Recipients do not learn of each other (RFC 5321 section 7.2).
    """
    assert 2 == len(lines(SMTP, "a@b.example", "c@d.example"))
    assert 2 == len(lines(SMTP))


def test_received_over_tls() -> None:
    """
    Version and cipher stand in a comment.
    """
    assert [
        "Received: from client.example ([192.0.2.1])",
        "by mx.example with ESMTPS id 4bXyz",
        "(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384)",
    ] == lines(SECURE)


def test_received_submission_names_the_cipher() -> None:
    """
    Submission writes the tls clause of RFC 8314 where the registered name is known.
    """
    session = replace(SECURE, role=Role.SUBMISSION, identity="ann")
    older = replace(session, tls=TLS(version="TLSv1.2", cipher="ECDHE-RSA-AES128-GCM-SHA256"))

    assert [
        "by mx.example with ESMTPSA id 4bXyz",
        "(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384)",
        "for <a@b.example>",
        "tls TLS_AES_256_GCM_SHA384",
    ] == lines(session, "a@b.example")[1:]
    assert "(version=TLSv1.2 cipher=ECDHE-RSA-AES128-GCM-SHA256)" == lines(older)[-1]


FROM = [
    pytest.param({"name": "host.example"}, "client.example (host.example [192.0.2.1])", id="name"),
    pytest.param({"name": "a)b.example"}, "client.example ([192.0.2.1])", id="name is none"),
    pytest.param(
        {"peer": Endpoint("2001:db8::1", 1)}, "client.example ([IPv6:2001:db8::1])", id="IPv6"
    ),
    pytest.param(
        {"peer": Endpoint("::ffff:192.0.2.7", 1)}, "client.example ([192.0.2.7])", id="mapped"
    ),
    pytest.param(
        {"peer": Endpoint("fe80::1%eth0", 1)}, "client.example ([IPv6:fe80::1])", id="zone"
    ),
    pytest.param({"peer": Endpoint("/run/x")}, "client.example", id="UNIX socket"),
    pytest.param({"helo": "[192.0.2.9]"}, "[192.0.2.9] ([192.0.2.1])", id="literal"),
    pytest.param({"helo": ""}, "[192.0.2.1] ([192.0.2.1])", id="no HELO"),
    pytest.param({"helo": "my_pc"}, "[192.0.2.1] ([192.0.2.1] HELO my_pc)", id="HELO is no domain"),
    pytest.param({"helo": "x", "peer": Endpoint("")}, "x", id="no address"),
    pytest.param(
        {"helo": "_", "peer": Endpoint("")}, "localhost (HELO _)", id="no address, no domain"
    ),
    pytest.param(
        {"helo": "a)(b\\ é\r\nBcc: x"},
        "[192.0.2.1] ([192.0.2.1] HELO a\\)\\(b\\\\ ?Bcc: x)",
        id="S12: HELO would inject",
    ),
    pytest.param({"helo": "é.example"}, "xn--9ca.example ([192.0.2.1])", id="U-label"),
]


@pytest.mark.parametrize(("changes", "expected"), FROM)
def test_received_from(changes: dict[str, object], expected: str) -> None:
    """
    The FROM clause says what the client claimed and what we saw, as the grammar wants it.
    """
    session = replace(SMTP, **changes)  # type: ignore[arg-type]

    assert f"Received: from {expected}" == lines(session)[0]


def test_received_with_smtputf8() -> None:
    """
    Only with SMTPUTF8 the field is UTF-8, and then it says so (RFC 6531).
    """
    session = replace(SECURE, helo="é.example", identity="ann")

    assert ["from é.example ([192.0.2.1])", "with UTF8SMTPSA", "for <é@b.example>"] == [
        found
        for line in lines(session, "é@b.example", smtputf8=True)
        for found in (line.removeprefix("Received: "), line[14:29])
        if found.startswith(("from", "with", "for"))
    ]
    assert all(line.isascii() for line in lines(session, "é@b.example"))
    assert "with UTF8LMTP " in lines(replace(SMTP, role=Role.LMTP), smtputf8=True)[1]


def test_received_of_local_mail() -> None:
    """
    What was made here came from nowhere.
    """
    assert ["Received: by mx.example id 4bXyz"] == lines(replace(SMTP, role=Role.LOCAL))


def test_received_is_one_field() -> None:
    """
    It reads back as a single field.
    """
    session = replace(SECURE, helo="x" * 2000, name="n" * 60 + ".example")
    field = received(session, by="mx.example", id="1", recipients=[], when=NOW)

    assert [b"Received"] == [f.name for f in parse_header(field + b"\r\n").fields]
    assert max(map(len, field.split(b"\r\n"))) < 998


@pytest.mark.parametrize("queue_id", ["", "a b", "a\r\nb", "a;b", "é"])
def test_s12_received_id_is_an_atom(queue_id: str) -> None:
    """
    An id that could end the clause is refused.
    """
    with pytest.raises(HeaderError):
        received(SMTP, by="mx.example", id=queue_id, recipients=[], when=NOW)


def test_received_needs_a_zone() -> None:
    """
    A time without a zone is a bug of the caller.
    """
    with pytest.raises(ValueError, match="zone"):
        received(SMTP, by="mx", id="1", recipients=[], when=NOW.replace(tzinfo=None))


def test_return_path() -> None:
    """
    The reverse path, null or not.
    """
    assert b"Return-Path: <>\r\n" == return_path(None)
    assert b"Return-Path: <a@b.example>\r\n" == return_path(Address.parse("a@b.example"))
    assert b'Return-Path: <"a b"@c>\r\n' == return_path(Address.parse('"a b"@c'))


def test_s23_delivered_to() -> None:
    """
    A message that was delivered to an address is known by it, in any case.
    """
    address = Address.parse("Ann@b.example")
    header = parse_header(delivered_to(address) + b"X: y\r\n\r\n")

    assert b"Delivered-To: Ann@b.example\r\n" == delivered_to(address)
    assert has_delivered_to(header, address)
    assert has_delivered_to(header, Address.parse("ann@B.example"))
    assert not has_delivered_to(header, Address.parse("bob@b.example"))
    assert not has_delivered_to(parse_header(b"X: Ann@b.example\r\n\r\n"), address)


def test_s23_hops_are_counted() -> None:
    """
    Received fields are counted in any case and with white space before the colon.
    """
    octets = b"Received: a\r\nRECEIVED : b\r\nX-Received: c\r\n" + b"received: d\r\n" * 99

    assert 101 == count_received(octets + b"\r\n") > MAX_RECEIVED


def test_date_and_message_id() -> None:
    """
    What a submission lacks is made of the time and of random octets that are given.
    """
    made = message_id("B.Example", now=NOW, token=bytes(range(8)))

    assert f"Date: {DATE}\r\n".encode() == date_field(NOW)
    assert "<20261124061356.0001020304050607@b.example>" == made
    assert f"Message-ID: {made}\r\n".encode() == message_id_field(made)
    assert message_id("é.example", now=NOW, token=b"12345678").endswith("@xn--9ca.example>")


def test_message_id_refuses() -> None:
    """
    A short token is not unique, and the domain must be one.
    """
    with pytest.raises(ValueError, match="token"):
        message_id("b.example", now=NOW, token=b"1234567")
    with pytest.raises(AddressError):
        message_id("b example", now=NOW, token=b"12345678")
    with pytest.raises(HeaderError):
        message_id_field("<a@b>\r\nBcc: x")


@pytest.mark.parametrize(
    ("host", "literal"),
    [("192.0.2.1", "[192.0.2.1]"), ("::1", "[IPv6:::1]"), ("", None), ("example", None)],
)
def test_address_literal(host: str, literal: str | None) -> None:
    """
    Addresses are written as RFC 5321 section 4.1.3 has them.
    """
    assert literal == address_literal(host)


def test_local_time_is_kept() -> None:
    """
    The offset that is given is shown (RFC 5321 section 4.4), UTC too.
    """
    assert b"Date: Tue, 24 Nov 2026 05:13:56 +0000\r\n" == date_field(NOW.astimezone(UTC))
