"""
Tests for the SMTP extensions and their table.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.address import Address
from pymta.envelope import (
    Body,
    Notify,
    OriginalRecipient,
    Recipient,
    RecipientID,
    Return,
    Sender,
)
from pymta.session import Role
from pymta.wire.smtp.extensions import (
    BINARYMIME,
    CHUNKING,
    DSN,
    EIGHTBITMIME,
    LIMITS,
    SIZE,
    SMTPUTF8,
    STANDARD,
    STARTTLS,
    Extension,
    ExtensionTable,
    Standing,
    auth,
    format_mail_parameters,
    format_rcpt_parameters,
    parse_limits,
    xclient,
    xforward,
)
from pymta.wire.smtp.limits import Limits

SENDER = Sender(reverse_path=Address("a", "b.example"))
RECIPIENT = Recipient(id=RecipientID(1), address=Address("c", "d.example"))
STANDING = Standing(role=Role.SMTP, in_tls=False, authenticated=False, limits=Limits())
AUTH = auth(lambda standing: ["PLAIN"] if standing.in_tls else [])
ALL = ExtensionTable((*STANDARD, AUTH))


def parse_mail(keyword: str, value: str | None, sender: Sender = SENDER) -> Sender:
    """What one of the parsers of a keyword makes of a value."""
    *first, last = ALL.mail[keyword]
    for parameter in first:
        with suppress(ValueError):
            return parameter.parse(sender, value)
    return last.parse(sender, value)


@pytest.mark.parametrize(
    ("word", "changes"),
    [
        ("SIZE=0", {"size": 0}),
        ("SIZE=12345678901234567890", {"size": 12345678901234567890}),
        ("BODY=8BITMIME", {"body": Body.EIGHT_BIT}),
        ("BODY=BINARYMIME", {"body": Body.BINARY}),
        ("SMTPUTF8", {"smtputf8": True}),
        ("RET=FULL", {"ret": Return.FULL}),
        ("RET=HDRS", {"ret": Return.HEADERS}),
        ("ENVID=QQ+2B1+20x", {"envid": "QQ+1 x"}),
        ("AUTH=<>", {"auth": ""}),
        ("AUTH=e+3Dmc2@example.com", {"auth": "e=mc2@example.com"}),
    ],
)
def test_mail_parameter(word: str, changes: dict[str, object]) -> None:
    """Each parameter says its part of the sender, and is written as it was read."""
    keyword, _, value = word.partition("=")
    sender = parse_mail(keyword, value or None)

    assert replace(SENDER, **changes) == sender  # type: ignore[arg-type]  # typed by the table
    assert [word] == format_mail_parameters(sender, ALL.extensions)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("SIZE", None),
        ("SIZE", "-1"),
        ("SIZE", "1" * 21),
        ("SIZE", "\u0661"),
        ("BODY", None),
        ("BODY", "9BIT"),
        ("SMTPUTF8", "1"),
        ("RET", None),
        ("RET", "ALL"),
        ("RET", "HDR\u017f"),
        ("ENVID", None),
        ("ENVID", "a" * 101),
        ("ENVID", "+C3+BC"),
        ("ENVID", "+0D+0A"),
        ("AUTH", None),
        ("AUTH", "a"),
        ("AUTH", "a@b+0Ac"),
    ],
)
def test_mail_parameter_refuses(keyword: str, value: str | None) -> None:
    """A value that does not parse is a ValueError, which the machine answers 501."""
    with pytest.raises(ValueError, match=r".*"):
        parse_mail(keyword, value)


def test_values_in_any_case() -> None:
    """Keywords that are values are read in any case."""
    assert Body.EIGHT_BIT is parse_mail("BODY", "8bitMime").body
    assert Body.SEVEN_BIT is parse_mail("BODY", "7bit").body
    assert Return.HEADERS is parse_mail("RET", "hdrs").ret


@pytest.mark.parametrize(
    ("word", "changes"),
    [
        ("NOTIFY=NEVER", {"notify": Notify.NEVER}),
        ("NOTIFY=DELAY", {"notify": Notify.DELAY}),
        (
            "NOTIFY=SUCCESS,FAILURE,DELAY",
            {"notify": Notify.SUCCESS | Notify.FAILURE | Notify.DELAY},
        ),
        ("ORCPT=rfc822;Bob+2B1@x", {"orcpt": OriginalRecipient("rfc822", "Bob+1@x")}),
        ("ORCPT=utf-8;\\x{FC}@x", {"orcpt": OriginalRecipient("utf-8", "\u00fc@x")}),
        ("ORCPT=utf-8;a\\x{2B}\\x{5C}@x", {"orcpt": OriginalRecipient("utf-8", "a+\\@x")}),
    ],
)
def test_rcpt_parameter(word: str, changes: dict[str, object]) -> None:
    """Each parameter says its part of the recipient, and is written as it was read."""
    keyword, _, value = word.partition("=")
    recipient = ALL.rcpt[keyword][0].parse(RECIPIENT, value)

    assert replace(RECIPIENT, **changes) == recipient  # type: ignore[arg-type]  # as above
    assert [word] == format_rcpt_parameters(recipient, ALL.extensions)


def test_unitext_orcpt() -> None:
    """A UTF-8 address may stand in ORCPT as it is (RFC 6533 section 3)."""
    recipient = ALL.rcpt["ORCPT"][0].parse(RECIPIENT, "UTF-8;\u00fc@x")

    assert OriginalRecipient("UTF-8", "\u00fc@x") == recipient.orcpt


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("NOTIFY", None),
        ("NOTIFY", "NEVER,SUCCESS"),
        ("NOTIFY", "SUCCESS,"),
        ("NOTIFY", "\u017fUCCESS"),
        ("ORCPT", None),
        ("ORCPT", "a@b"),
        ("ORCPT", ";a@b"),
        ("ORCPT", "rfc822;"),
        ("ORCPT", "rfc 822;a"),
        ("ORCPT", "rfc822;" + "a" * 500),
        ("ORCPT", "utf-8;\\x{110000}"),
        ("ORCPT", "utf-8;\\x{D800}"),
        ("ORCPT", "utf-8;a+b"),
    ],
)
def test_rcpt_parameter_refuses(keyword: str, value: str | None) -> None:
    """A value that does not parse is a ValueError, which the machine answers 501."""
    with pytest.raises(ValueError, match=r".*"):
        ALL.rcpt[keyword][0].parse(RECIPIENT, value)


@pytest.mark.parametrize("value", ["rfc822;a+0D+0A@b", "rfc822;a+00", "utf-8;a\\x{0A}b"])
def test_s12_orcpt_holds_no_control_characters(value: str) -> None:
    """No encoding of ORCPT smuggles a line end, or a NUL, into a report."""
    with pytest.raises(ValueError, match=r"control|printed"):
        ALL.rcpt["ORCPT"][0].parse(RECIPIENT, value)


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30),
    st.text(st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=20),
    st.sampled_from(list(Body)),
)
@settings(max_examples=100)
def test_parameters_round_trip(envid: str, original: str, body: Body) -> None:
    """What a client writes, a server reads."""
    sender = replace(SENDER, envid=envid, body=body, size=len(envid), smtputf8=True)
    read = SENDER
    for word in format_mail_parameters(sender, ALL.extensions):
        keyword, _, value = word.partition("=")
        read = parse_mail(keyword, value or None, read)
    assert sender == read

    recipient = replace(RECIPIENT, orcpt=OriginalRecipient("utf-8", original))
    [word] = format_rcpt_parameters(recipient, ALL.extensions)
    keyword, _, value = word.partition("=")
    if len(value) <= 500:
        assert recipient == ALL.rcpt[keyword][0].parse(RECIPIENT, value)


def test_nothing_is_written_without_the_extension() -> None:
    """A client writes no parameter of what the server does not offer."""
    sender = replace(SENDER, size=1, body=Body.EIGHT_BIT, envid="x", auth="")

    assert ["SIZE=1"] == format_mail_parameters(sender, [SIZE])
    assert [] == format_mail_parameters(sender, [])
    assert [] == format_mail_parameters(SENDER, ALL.extensions)
    assert [] == format_rcpt_parameters(RECIPIENT, ALL.extensions)


def test_announced() -> None:
    """EHLO's lines come in the order of registration; what is not offered now is left out."""
    table = ExtensionTable((SIZE, STARTTLS, AUTH, xclient(("NAME", "ADDR")), LIMITS))

    plain = ["SIZE 52428800", "STARTTLS", "XCLIENT NAME ADDR", "LIMITS RCPTMAX=1000"]
    assert plain == table.announced(STANDING)
    inside = ["SIZE 52428800", "AUTH PLAIN", "XCLIENT NAME ADDR", "LIMITS RCPTMAX=1000"]
    assert inside == table.announced(replace(STANDING, in_tls=True))


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(), ["LIMITS RCPTMAX=1000", "SIZE 52428800"]),
        (Limits(message_size=None), ["LIMITS RCPTMAX=1000", "SIZE 0"]),
        (Limits(recipients=10**6), ["SIZE 52428800"]),
        (
            Limits(mails=5, recipients=10, recipient_domains=2),
            ["LIMITS MAILMAX=5 RCPTMAX=10 RCPTDOMAINMAX=2", "SIZE 52428800"],
        ),
    ],
)
def test_limits_are_those_of_the_machine(limits: Limits, expected: list[str]) -> None:
    """What LIMITS and SIZE announce is what the machine enforces (RFC 9422, RFC 1870)."""
    table = ExtensionTable((LIMITS, SIZE))

    assert expected == table.announced(replace(STANDING, limits=limits))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RCPTMAX=10 MAILMAX=2", {"RCPTMAX": 10, "MAILMAX": 2}),
        ("rcptmax=10", {"RCPTMAX": 10}),
        ("RCPTMAX=0 MAILMAX=1234567 RCPTDOMAINMAX OTHER=x ;=1", {}),
        ("", {}),
    ],
)
def test_parse_limits(text: str, expected: dict[str, int]) -> None:
    """A client reads the limits that are numbers, and leaves the rest."""
    assert expected == parse_limits(text)


@pytest.mark.parametrize(
    ("extensions", "message"),
    [
        ((EIGHTBITMIME, BINARYMIME), "needs CHUNKING"),
        ((SMTPUTF8,), "needs 8BITMIME"),
        ((SIZE, SIZE), "twice"),
    ],
)
def test_table_refuses(extensions: Sequence[Extension], message: str) -> None:
    """An extension is registered once, and with what it stands on."""
    with pytest.raises(ValueError, match=message):
        ExtensionTable(extensions)


def test_table() -> None:
    """Verbs and parameters are found by name."""
    table = ExtensionTable((EIGHTBITMIME, CHUNKING, BINARYMIME, DSN, xforward()))

    assert {"BDAT", "XFORWARD"} == table.verbs
    assert {"BODY", "RET", "ENVID"} == set(table.mail)
    assert 2 == len(table.mail["BODY"])
    assert {"NOTIFY", "ORCPT"} == set(table.rcpt)
    assert "DSN" in table
    assert "SIZE" not in table


@pytest.mark.parametrize(
    "limits",
    [
        {"command_line": 511},
        {"auth_line": 511},
        {"text_line": 0},
        {"recipients": 0},
        {"errors": 0},
        {"commands": 0},
        {"auth_tries": 0},
    ],
    ids=lambda limits: next(iter(limits)),
)
def test_limits_that_no_client_could_live_with(limits: dict[str, int]) -> None:
    """
    A limit below what the protocol needs is a mistake of who sets it, told at once.
    """
    with pytest.raises(ValueError):
        Limits(**limits)
