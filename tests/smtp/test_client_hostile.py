"""
Properties of client sessions against servers that say anything at all, at any time.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.aio import start
from pymta.edge.peers import Peers
from pymta.envelope import Body
from pymta.interfaces.content import SLICE, Octets
from pymta.sasl import Credentials
from pymta.session import Role
from pymta.smtp.client_opening import NotOpened
from tests.smtp.client_far import BOB, EVE, NONE, SENDER
from tests.smtp.client_peer import ADDRESS, MAY, now, playing

WORDS = [
    "220 mx",
    "250 ok",
    "250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 BINARYMIME",
    "250-mx\r\n250-STARTTLS\r\n250-AUTH LOGIN PLAIN\r\n250 LIMITS MAILMAX=1",
    "250-half",
    "334 VXNlcg==",
    "354 go",
    "421 bye",
    "450 later",
    "550 5.1.1 no",
    "235 in",
    "nonsense",
]
SAID = st.one_of(
    st.sampled_from(WORDS).map(lambda word: f"{word}\r\n".encode()),
    st.sampled_from(WORDS[:3]).map(lambda word: f"{word}\r\n".encode()),
    st.binary(max_size=6),
    st.just(None),  # time passes
)
ROLES = st.sampled_from([Role.SMTP, Role.LMTP])
BODIES = st.sampled_from([Body.SEVEN_BIT, Body.BINARY])
ANN = Credentials(username="ann", password="sesame")


@settings(max_examples=60, deadline=None)
@given(ROLES, st.booleans(), st.booleans(), st.lists(SAID, max_size=12))
def test_s11_opening_ends(role: Role, tls: bool, login: bool, said: list[bytes | None]) -> None:
    """
    Whatever a server says, opening ends in a session or in a "no", and nothing stays behind.
    """
    with playing(role=role, trusted=Peers([ADDRESS])) as peer:
        opened = peer.open(MAY if tls else NONE, ANN if login else None)
        line = peer.accept()
        for octets in said:
            if octets is None:
                peer.pass_time(100)
            else:
                line.say(octets)
        line.reset()
        if len(peer.reactor.tcpClients) > 1 and not opened.called:  # once more, without TLS
            peer.accept().reset()
        assert opened.called
        try:
            session = now(opened)
        except NotOpened:
            return
        assert not session.usable
        assert session.closed.ended


@settings(max_examples=60, deadline=None)
@given(ROLES, BODIES, st.integers(1, 2), st.lists(SAID, max_size=16))
def test_s11_one_answer_each(role: Role, body: Body, number: int, said: list[bytes | None]) -> None:
    """
    Whatever a server says, each recipient has exactly one answer; a yes is never ours, and
    nothing stays behind.
    """
    opening = f"""
        S: 220 mx
        C: {"LHLO" if role is Role.LMTP else "EHLO"} client.example.org
        S: 250-mx
        S: 250-CHUNKING
        S: 250-BINARYMIME
        S: 250 {("PIPELINING", "HELP")[number - 1]}
    """
    with playing(role=role) as peer:
        session, line = peer.session(opening)
        sender = replace(SENDER, body=body)
        sent = start(session.send(sender, (BOB, EVE)[:number], Octets(b"x" * (SLICE + 9))))
        for octets in said:
            if octets is None:
                peer.pass_time(100)
            else:
                line.say(octets)
        line.reset()
        answers = now(sent)

        assert [BOB, EVE][:number] == [answer.recipient for answer in answers]
        for answer in answers:
            assert 300 > answer.reply.code or answer.reply.code >= 400
            assert answer.from_peer or not answer.reply.positive
            assert not (answer.in_doubt and answer.reply.positive)
        assert session.closed.ended
