"""
Tests for client sessions whose connection ends, in a transaction or between two.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from pymta.aio import CancelledError, start
from pymta.envelope import Body
from pymta.interfaces.content import SLICE, Octets
from pymta.reply import Reply
from pymta.session import Role
from pymta.smtp.client_answers import Interrupted, Stage
from tests.smtp.client_far import BOB, EVE, SENDER, recipients
from tests.smtp.client_peer import (
    ENVELOPE,
    LEAVING,
    LMTP,
    PIPELINING,
    PLAIN,
    WHERE,
    Slow,
    now,
    playing,
    send,
    told,
)

# -- the connection ends -------------------------------------------------------

SAID = ["250 ok", "250 ok", "354 go"]


@pytest.mark.parametrize("way", ["finish", "reset"])
@pytest.mark.parametrize("opening", [PLAIN, PIPELINING], ids=["step by step", "pipelined"])
@pytest.mark.parametrize(
    ("count", "half", "text"),
    [
        pytest.param(0, "", "instead of answering MAIL", id="MAIL"),
        pytest.param(0, "250-half", "instead of answering MAIL", id="half of MAIL"),
        pytest.param(1, "", "instead of answering RCPT", id="RCPT"),
        pytest.param(2, "", "instead of answering DATA", id="DATA"),
        pytest.param(3, "", "after the end of the message, which it may have taken", id="end"),
        pytest.param(
            3, "250-ok", "after the end of the message, which it may have taken", id="half an end"
        ),
    ],
)
def test_s11_closes_at_every_point(
    count: int, half: str, text: str, opening: str, way: str
) -> None:
    """
    Wherever the server closes, each recipient has an answer, and only behind the end of the
    message is it in doubt.
    """
    with playing() as peer:
        session, line = peer.session(opening)
        sent = send(session)
        for said in SAID[:count]:
            line.lines(said)
        line.say(half.encode())
        getattr(line, way)()
        (answer,) = now(sent)

        assert f"451 4.4.2 {WHERE} closed the connection {text}" == str(answer.reply)
        assert Stage.CONNECTION is answer.stage
        assert not answer.from_peer
        assert (count == 3) == answer.in_doubt
        assert not session.usable
        assert line.gone
        assert session.closed.ended


def test_s11_closes_inside_the_content() -> None:
    """
    Before the end of the message nothing is in doubt: no server may take half of it.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        content = Slow(3 * SLICE)
        sent = start(session.send(SENDER, (BOB,), content))
        line.play(f"{ENVELOPE}S: 354 go")
        content.give()
        line.reset()
        content.give()
        (answer,) = now(sent)

        assert (Stage.CONNECTION, False) == (answer.stage, answer.in_doubt)
        assert str(answer.reply).endswith("instead of answering the content")


def test_s11_an_octet_a_minute() -> None:
    """
    A server that must answer each chunk has its time for the answer, not for each octet of it.
    """
    opening = """
        S: 220 mx
        C: EHLO client.example.org
        S: 250-mx
        S: 250-CHUNKING
        S: 250 BINARYMIME
    """
    with playing() as peer:
        session, line = peer.session(opening)
        sender = replace(SENDER, body=Body.BINARY)
        sent = start(session.send(sender, (BOB,), Octets(b"x" * (4 * SLICE))))
        line.lines("250 ok")
        line.lines("250 ok")
        for _ in range(4):
            line.say(b"2")
            peer.pass_time(60)
        (answer,) = now(sent)

        assert (Stage.CONNECTION, False) == (answer.stage, answer.in_doubt)
        assert str(answer.reply).endswith("took too long instead of answering the content")


def test_s11_closes_between_lmtp_answers() -> None:
    """
    LMTP: who was answered has an answer, the others are in doubt.
    """
    with playing(role=Role.LMTP) as peer:
        session, line = peer.session(LMTP)
        sent = send(session, (BOB, EVE))
        line.lines("250 ok", "250 ok", "250 ok", "354 go")
        line.lines("250 2.1.5 kept")
        line.reset()
        first, second = now(sent)

        assert ("250 2.1.5 kept", False) == (str(first.reply), first.in_doubt)
        assert (Stage.CONNECTION, True) == (second.stage, second.in_doubt)


def test_421_between_lmtp_answers() -> None:
    """
    LMTP: the 421 answers one recipient; who comes behind it has no answer and is in doubt.
    """
    people = recipients("bob@example.test", "eve@example.test", "ann@example.test")
    with playing(role=Role.LMTP) as peer:
        session, line = peer.session(LMTP)
        sent = send(session, people)
        line.lines("250 ok", "250 ok", "250 ok", "250 ok", "354 go")
        line.lines("250 2.1.5 kept", LEAVING)
        answers = now(sent)

        assert [
            (1, "250 2.1.5 kept", "CONTENT"),
            (2, LEAVING, "CONNECTION"),
            (3, LEAVING, "CONNECTION"),
        ] == told(answers)
        assert [False, False, True] == [answer.in_doubt for answer in answers]


@pytest.mark.parametrize(
    ("count", "seconds", "in_doubt"),
    [
        pytest.param(0, 300, False, id="MAIL"),
        pytest.param(1, 300, False, id="RCPT"),
        pytest.param(2, 120, False, id="DATA"),
        pytest.param(3, 600, True, id="end"),
    ],
)
def test_time_limits(count: int, seconds: float, in_doubt: bool) -> None:
    """
    Each phase has its time limit (RFC 5321 section 4.5.3.2); then the connection is cut.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        sent = send(session)
        for said in SAID[:count]:
            line.lines(said)
        peer.pass_time(seconds - 1)
        assert not sent.called
        line.say(b"2")
        peer.pass_time(1)
        (answer,) = now(sent)

        assert str(answer.reply).startswith(f"451 4.4.2 {WHERE} took too long ")
        assert (Stage.CONNECTION, in_doubt) == (answer.stage, answer.in_doubt)
        assert line.transport.aborted
        assert not session.usable


def test_s11_never_reads() -> None:
    """
    A server that does not read its content is given up after the time for one slice.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        sent = send(session, content=Octets(b"x" * 3 * SLICE))
        line.play(ENVELOPE)
        line.transport.full_after(1)
        line.say(b"354 go\r\n")
        peer.pass_time(179)
        assert not sent.called
        peer.pass_time(1)
        (answer,) = now(sent)

        assert f"451 4.4.2 {WHERE} took too long instead of answering the content" == str(
            answer.reply
        )
        assert not answer.in_doubt
        assert line.transport.aborted


@pytest.mark.parametrize("count", range(4))
@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"nonsense\r\n", id="no reply"),
        pytest.param(b"250-" + b"x" * 100_000, id="endless line"),
        pytest.param(b"250-more\r\n" * 1000, id="endless reply"),
        pytest.param(b"250-a\r\n550 b\r\n", id="two codes"),
        pytest.param(b"334 \r\n", id="334"),
        pytest.param(b"\0\0\0\0\r\n", id="NUL"),
    ],
)
def test_s11_breaks_the_protocol(said: bytes, count: int) -> None:
    """
    What is no answer at that point ends the connection: 4.5.0, in doubt behind the end.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        sent = send(session)
        for good in SAID[:count]:
            line.lines(good)
        line.say(said)
        (answer,) = now(sent)

        assert "4.5.0" == answer.reply.status
        assert "broke the protocol" in answer.reply.text
        assert (Stage.CONNECTION, count == 3) == (answer.stage, answer.in_doubt)
        assert line.transport.aborted
        assert line.gone
        assert not session.usable


def test_s11_354_to_mail() -> None:
    """
    A 354 that nothing asked for never makes us send content.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        sent = send(session)
        line.heard()
        assert b"" == line.say(b"354 go\r\n")
        assert "4.5.0" == now(sent)[0].reply.status


def test_s11_answers_too_many() -> None:
    """
    Answers that nothing asked for end the connection, and are no answers to the next message.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        sent = send(session)
        for good in SAID:
            line.lines(good)
        line.say(b"250 queued\r\n250 and again\r\n")

        assert now(sent)[0].reply.positive
        assert not session.usable
        assert line.gone
        (answer,) = now(send(session))
        assert (Stage.CONNECTION, False, False) == (
            answer.stage,
            answer.from_peer,
            answer.in_doubt,
        )


@pytest.mark.parametrize("count", range(4))
def test_cancelled(count: int) -> None:
    """
    Cancelled (an attempt has a time limit), the connection is cut, wherever it was; behind the
    end of the message, which the server may have taken, that is told.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        sent = send(session)
        for said in SAID[:count]:
            line.lines(said)
        sent.cancel()
        with pytest.raises(Interrupted) as cut:
            now(sent)
        [answer] = cut.value.answers
        assert (BOB, Stage.CONNECTION) == (answer.recipient, answer.stage)
        assert (count == 3) == answer.in_doubt
        assert line.transport.aborted
        line.heard()

        assert not session.usable
        assert session.closed.ended


def test_aborted_by_another_while_sending() -> None:
    """
    Whoever sends hears of it: the connection is gone.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        sent = send(session)
        session.abort()
        line.heard()

        assert Stage.CONNECTION is now(sent)[0].stage
        assert session.closed.ended


def test_cancelled_while_reading() -> None:
    """
    Also while the content is read.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        content = Slow(10)
        sent = start(session.send(SENDER, (BOB,), content))
        line.play(f"{ENVELOPE}S: 354 go")
        sent.cancel()
        with pytest.raises(Interrupted) as cut:
            now(sent)
        assert not cut.value.answers[0].in_doubt

        assert line.transport.aborted
        assert not session.usable


# -- between transactions ------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    ["finish", "reset", b"421 4.4.2 idle\r\n", b"250 what?\r\n", b"x" * 5000],
    ids=str,
)
def test_watched_while_idle(event: str | bytes) -> None:
    """
    An idle connection that the server ends is known to be closed, before the next message.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        told: list[bool] = []
        session.closed.tell(lambda: told.append(session.usable))
        if isinstance(event, bytes):
            line.say(event)
        else:
            getattr(line, event)()

        assert [False] == told
        assert line.gone


def test_idle_too_long() -> None:
    """
    Nobody used it for five minutes: we say QUIT and close, and wait for nothing.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        peer.pass_time(299)
        assert session.usable
        line.transport.clear()
        peer.reactor.advance(1)

        assert b"QUIT\r\n" == line.heard()
        assert line.gone
        assert not session.usable


def test_used_just_before_it_is_idle_too_long() -> None:
    """
    The time of idleness is no limit for the message that ends it.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        peer.pass_time(299)
        content = Slow(10)
        sent = start(session.send(SENDER, (BOB,), content))
        peer.reactor.advance(30)
        line.play(f"{ENVELOPE}S: 354 go")
        peer.pass_time(500)
        assert content.asked is not None
        content.asked.callback(b"0123456789")
        line.heard()
        peer.pass_time(500)
        line.lines("250 ok")

        assert now(sent)[0].reply.positive


def test_quit() -> None:
    """
    QUIT is said, its answer waited for, and the connection closed.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        gone = start(session.quit())
        assert not session.usable
        line.play("C: QUIT")
        assert not gone.called
        line.lines("221 bye")
        now(gone)

        assert line.gone
        assert not line.transport.aborted
        assert session.closed.ended
        now(start(session.quit()))  # again does nothing


@pytest.mark.parametrize("said", [b"", b"2", b"garbage\r\n", b"250 what?\r\n"], ids=str)
def test_quit_is_bounded(said: bytes) -> None:
    """
    Whatever the server says to QUIT, or does not say, it is over within seconds.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        gone = start(session.quit())
        line.say(said)
        peer.pass_time(5)
        peer.pass_time(5)
        now(gone)

        assert line.gone


def test_quit_cancelled() -> None:
    """
    Cancelled, QUIT ends in cutting the connection.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        gone = start(session.quit())
        gone.cancel()
        with pytest.raises(CancelledError):
            now(gone)

        assert line.transport.aborted


def test_abort() -> None:
    """
    Abort cuts, and may be said again.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        session.abort()
        session.abort()
        assert line.transport.aborted
        assert not session.usable
        line.heard()

        assert session.closed.ended
        (answer,) = now(send(session))
        assert Stage.CONNECTION is answer.stage
        assert Reply(451, "4.4.2", answer.reply.text) == answer.reply
