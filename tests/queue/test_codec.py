"""
Tests for values as JSON columns: what goes in comes out, and other versions are refused.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

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
from pymta.facts import NO_FACTS, FactKey
from pymta.interfaces.content import Lane, Origin
from pymta.queue import codec
from pymta.queue.keys import address_key, matches, query_key
from pymta.reply import Reply
from pymta.session import TLS, Endpoint, Role, Session

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
addresses = st.builds(Address, texts, texts)
optional_texts = st.none() | texts
endpoints = st.builds(Endpoint, texts, st.integers(0, 65_535))
replies = st.builds(
    Reply,
    st.integers(400, 599),
    st.just(""),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=50),
)
recipients = st.builds(
    Recipient,
    id=st.integers(-(2**63), 2**63 - 1).map(RecipientID),
    address=addresses,
    notify=st.none() | st.sampled_from(list(map(Notify, range(8)))),
    orcpt=st.none() | st.builds(OriginalRecipient, texts, texts),
)
senders = st.builds(
    Sender,
    reverse_path=st.none() | addresses,
    size=st.none() | st.integers(0, 2**40),
    body=st.sampled_from(Body),
    smtputf8=st.booleans(),
    ret=st.none() | st.sampled_from(Return),
    envid=optional_texts,
    auth=optional_texts,
)
sessions = st.builds(
    Session,
    id=texts,
    role=st.sampled_from(Role),
    peer=endpoints,
    local=endpoints,
    started=st.datetimes(timezones=st.just(UTC)),
    proxy=st.none() | endpoints,
    name=optional_texts,
    helo=texts,
    extended=st.booleans(),
    tls=st.none()
    | st.builds(
        TLS, version=texts, cipher=texts, server_name=optional_texts, peer_name=optional_texts
    ),
    identity=optional_texts,
    mechanism=optional_texts,
)


@settings(max_examples=60)
@given(recipients)
def test_recipients(recipient: Recipient) -> None:
    """Whatever RCPT said."""
    assert recipient == codec.decode_recipient(recipient.id, codec.encode_recipient(recipient))


@settings(max_examples=60)
@given(senders)
def test_senders(sender: Sender) -> None:
    """Whatever MAIL said."""
    assert sender == codec.decode_sender(codec.encode_sender(sender))


@settings(max_examples=60)
@given(sessions, senders)
def test_origins(session: Session, sender: Sender) -> None:
    """Whoever brought it."""
    origin = Origin(session, sender)

    assert origin == codec.decode_origin(codec.encode_origin(origin))


@settings(max_examples=60)
@given(replies)
def test_replies(reply: Reply) -> None:
    """Whatever was answered."""
    assert reply == codec.decode_reply(codec.encode_reply(reply))


@settings(max_examples=60)
@given(st.text(st.characters(exclude_characters="\t"), max_size=20), texts)
def test_lanes(agent: str, next_hop: str) -> None:
    """Two lanes have one key only if they are one lane."""
    lane = Lane(agent, next_hop)

    assert lane == codec.decode_lane(codec.encode_lane(lane))


def test_lane_that_has_no_key() -> None:
    """A tab would make two lanes of one."""
    with pytest.raises(ValueError, match="no name"):
        codec.encode_lane(Lane("a\tb"))


def test_facts_are_not_kept() -> None:
    """Other people's objects are not made rows of, and nothing is said of them."""
    key = FactKey[object]("secret")
    facts = NO_FACTS.with_(key, object())
    sender = Sender(reverse_path=None, extra=facts)
    recipient = Recipient(id=RecipientID(1), address=Address("a", "b"), extra=facts)

    assert NO_FACTS == codec.decode_sender(codec.encode_sender(sender)).extra
    assert NO_FACTS == codec.decode_recipient(1, codec.encode_recipient(recipient)).extra
    assert "secret" not in codec.encode_sender(sender) + codec.encode_recipient(recipient)


def test_d08_what_the_first_release_wrote() -> None:
    """Texts as they stand in databases out there; each later release reads them."""
    recipient = '{"v":1,"a":["b","example.net"],"n":5,"o":["rfc822","b@example.net"]}'
    origin = (
        '{"v":1,"session":{"id":"s","role":"lmtp","peer":["",0],"local":["/run/l",0],'
        '"started":1893456000000000},"sender":{}}'
    )

    assert Recipient(
        id=RecipientID(3),
        address=Address("b", "example.net"),
        notify=Notify.SUCCESS | Notify.DELAY,
        orcpt=OriginalRecipient("rfc822", "b@example.net"),
    ) == codec.decode_recipient(3, recipient)
    assert Origin(
        Session(
            id="s",
            role=Role.LMTP,
            peer=Endpoint(""),
            local=Endpoint("/run/l"),
            started=datetime(2030, 1, 1, tzinfo=UTC),
        ),
        Sender(reverse_path=None),
    ) == codec.decode_origin(origin)
    assert Reply(550, "5.1.1", "No") == codec.decode_reply('[1,550,"5.1.1","No"]')


@pytest.mark.parametrize(
    ("decode", "text"),
    [
        (codec.decode_reply, '[2,550,"","x"]'),
        (codec.decode_sender, '{"v":2}'),
        (codec.decode_origin, '{"v":"1"}'),
        (lambda text: codec.decode_recipient(1, text), '{"v":0,"a":["a","b"]}'),
    ],
)
def test_d08_other_versions(decode: object, text: str) -> None:
    """A version that is not known is refused, not guessed at."""
    assert callable(decode)
    with pytest.raises(ValueError, match="another release"):
        decode(text)


def test_s12_no_line_ends() -> None:
    """A row is one line whatever is in it."""
    sender = Sender(reverse_path=Address("a", "b"), envid="x\r\ny\0")

    assert not set("\r\n\0") & set(codec.encode_sender(sender))
    json.loads(codec.encode_sender(sender))


@pytest.mark.parametrize(
    ("address", "query", "found"),
    [
        (Address("a", "Example.ORG"), "a@example.org", True),
        (Address("a", "example.org"), "A@example.org", False),
        (Address("a b", "example.org"), '"a b"@EXAMPLE.org', True),
        (Address("a", "bücher.example"), "a@xn--bcher-kva.example", True),
        (Address("a", "bücher.example"), "@BÜCHER.example", True),
        (Address("a", "sub.example.org"), "@example.org", False),
        (Address("a@b", "example.org"), "@example.org", True),
        (Address("postmaster", ""), "postmaster", True),
        (None, "", True),
        (None, "a@example.org", False),
        (Address("a", "example.org"), "", False),
    ],
)
def test_queries(address: Address | None, query: str, found: bool) -> None:
    """Local parts as they are, domains in any case and form."""
    assert found == matches(address_key(address), query_key(query))
