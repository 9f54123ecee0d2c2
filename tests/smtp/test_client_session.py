"""
Tests for transactions on a client's session: an answer for each recipient, and the content.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from zope.interface import implementer

from pymta.address import Address
from pymta.aio import start
from pymta.envelope import Body, Sender
from pymta.errors import LocalProtocolError, MessageGone, SpoolError
from pymta.interfaces.content import SLICE, IContent, Octets
from pymta.session import Role
from pymta.smtp.client_answers import Stage
from pymta.smtp.client_settings import EightBit
from tests.smtp.client_far import BOB, EVE, SENDER, recipients
from tests.smtp.client_peer import (
    CHUNKING,
    CONTENT,
    ENVELOPE,
    LEAVING,
    LMTP,
    PIPELINING,
    PLAIN,
    WANTED,
    Slow,
    now,
    playing,
    send,
    told,
)

GROUP = """
    C: MAIL FROM:<ann@example.org>
    C: RCPT TO:<bob@example.test>
    C: RCPT TO:<eve@example.test>
    C: DATA
"""


# -- answers -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opening", "script"),
    [
        pytest.param(PLAIN, f"{ENVELOPE}{WANTED}", id="step by step"),
        pytest.param(
            PIPELINING,
            f"""
            C: MAIL FROM:<ann@example.org>
            C: RCPT TO:<bob@example.test>
            C: DATA
            S: 250 2.1.0 ok
            S: 250 2.1.5 ok
            {WANTED}
            """,
            id="pipelined",
        ),
        pytest.param(
            CHUNKING,
            """
            C: MAIL FROM:<ann@example.org>
            C: RCPT TO:<bob@example.test>
            S: 250 2.1.0 ok
            S: 250 2.1.5 ok
            C: BDAT 20 LAST
            C: Subject: x
            C:
            C: .dot
            """,
            id="BDAT",
        ),
    ],
)
def test_taken(opening: str, script: str) -> None:
    """
    The server's yes to the content is the answer to each recipient that it took, and the
    session is usable again; twice on one connection.
    """
    with playing() as peer:
        session, line = peer.session(opening)
        for number in ("1", "2"):
            sent = send(session)
            assert not session.usable
            line.play(script)
            line.lines(f"250 queued as {number}")
            answer = now(sent)[0]

            assert BOB == answer.recipient
            assert f"250 queued as {number}" == str(answer.reply)
            assert Stage.CONTENT is answer.stage
            assert answer.from_peer
            assert not answer.in_doubt
            assert session.usable


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(
            "250 ok|250 ok|250 ok|354 go|250 2.0.0 queued",
            [(1, "250 2.0.0 queued", "CONTENT"), (2, "250 2.0.0 queued", "CONTENT")],
            id="both",
        ),
        pytest.param(
            "550 5.7.1 not you|503 5.5.1 MAIL first|503 5.5.1 MAIL first|503 5.5.1 no",
            [(1, "550 5.7.1 not you", "SENDER"), (2, "550 5.7.1 not you", "SENDER")],
            id="sender",
        ),
        pytest.param(
            "250 ok|450 4.7.1 greylisted|250 ok|354 go|250 2.0.0 queued",
            [(1, "450 4.7.1 greylisted", "RECIPIENT"), (2, "250 2.0.0 queued", "CONTENT")],
            id="one recipient later",
        ),
        pytest.param(
            "250 ok|550 5.1.1 who?|450 4.2.2 full|503 5.5.1 no recipients",
            [(1, "550 5.1.1 who?", "RECIPIENT"), (2, "450 4.2.2 full", "RECIPIENT")],
            id="no recipient",
        ),
        pytest.param(
            "250 ok|550 5.1.1 who?|550 5.1.1 who?|354 go all the same|554 5.5.1 nothing",
            [(1, "550 5.1.1 who?", "RECIPIENT"), (2, "550 5.1.1 who?", "RECIPIENT")],
            id="no recipient, and 354",
        ),
        pytest.param(
            "250 ok|250 ok|550 5.1.1 who?|451 4.3.0 not now",
            [(1, "451 4.3.0 not now", "CONTENT"), (2, "550 5.1.1 who?", "RECIPIENT")],
            id="DATA",
        ),
        pytest.param(
            "250 ok|250 ok|550 5.1.1 who?|354 go|554 5.7.1 spam",
            [(1, "554 5.7.1 spam", "CONTENT"), (2, "550 5.1.1 who?", "RECIPIENT")],
            id="content",
        ),
        pytest.param(
            "250 ok|250 ok|421 4.3.2 shutting down",
            [(1, LEAVING, "CONNECTION"), (2, LEAVING, "CONNECTION")],
            id="421 to a recipient",
        ),
        pytest.param(
            "421 4.3.2 shutting down",
            [(1, LEAVING, "CONNECTION"), (2, LEAVING, "CONNECTION")],
            id="421 to the sender",
        ),
        pytest.param(
            "250 ok|250 ok|250 ok|354 go|421 4.3.2 shutting down",
            [(1, LEAVING, "CONNECTION"), (2, LEAVING, "CONNECTION")],
            id="421 to the content",
        ),
        pytest.param(
            "250 ok|250 ok|550 5.1.1 who?|550 5.1.x what|",
            [(1, "550 5.1.x what", "CONTENT"), (2, "550 5.1.1 who?", "RECIPIENT")],
            id="S11 a malformed status is text",
        ),
        pytest.param(
            "250 ok|250 ok|550 4.1.1 liar|550 5.1.1.1 what|",
            [(1, "550 5.1.1.1 what", "CONTENT"), (2, "550 4.1.1 liar", "RECIPIENT")],
            id="S11 a status of another class is text",
        ),
    ],
)
def test_each_recipient_has_its_answer(said: str, expected: list[tuple[int, str, str]]) -> None:
    """
    Each recipient has one answer, in the server's words, with what it is the answer to.
    """
    with playing() as peer:
        session, line = peer.session(PIPELINING)
        sent = send(session, (BOB, EVE))
        line.play(GROUP)
        for text in filter(None, said.split("|")):
            line.lines(text)
        answers = now(sent)

        assert expected == told(answers)
        assert all(answer.from_peer and not answer.in_doubt for answer in answers)
        lives = not any(code.startswith("421") for _, code, _ in expected)
        assert lives == session.usable
        assert lives == (not line.gone)


def test_lmtp() -> None:
    """
    LMTP answers for each recipient that it took (RFC 2033 section 4.2), also for one address
    that is there twice.
    """
    bob, eve, bob_again = recipients("bob@example.test", "eve@example.test", "bob@example.test")
    with playing(role=Role.LMTP) as peer:
        session, line = peer.session(LMTP)
        sent = send(session, (bob, eve, bob_again))
        line.heard()
        line.lines("250 ok", "250 ok", "550 5.1.1 who?", "250 ok", "354 go")
        line.lines("452 4.2.2 full")
        assert not sent.called
        line.lines("250 2.1.5 kept")

        assert [
            (1, "452 4.2.2 full", "CONTENT"),
            (2, "550 5.1.1 who?", "RECIPIENT"),
            (3, "250 2.1.5 kept", "CONTENT"),
        ] == told(now(sent))
        assert session.usable


def test_left_out() -> None:
    """
    What the server announced not to take is not asked, and the answer says whose it is.
    """
    limited = PIPELINING.replace("S: 250 E", "S: 250-LIMITS RCPTMAX=1\nS: 250 E")
    with playing() as peer:
        session, line = peer.session(limited)
        sent = send(session, (BOB, EVE))
        assert "eve" not in line.heard().decode()
        line.lines("250 ok", "250 ok", "354 go")
        line.lines("250 2.0.0 queued")
        first, second = now(sent)

        assert first.reply.positive
        assert ("452 4.5.3", Stage.RECIPIENT, False) == (
            str(second.reply)[:9],
            second.stage,
            second.from_peer,
        )


@pytest.mark.parametrize(
    ("sender", "status"),
    [
        pytest.param(
            Sender(reverse_path=Address.parse("jürgen@example.org")), "5.6.7", id="UTF-8 address"
        ),
    ],
)
def test_not_for_this_server(sender: Sender, status: str) -> None:
    """
    A message that this server cannot take goes to nobody there, and nothing is asked.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        answers = now(start(session.send(sender, (BOB, EVE), CONTENT)))

        assert b"" == line.heard()
        assert {(status, Stage.SENDER, False)} == {
            (a.reply.status, a.stage, a.from_peer) for a in answers
        }
        assert session.usable


PARTS = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
ENCLOSED = "Content-Type: message/rfc822\r\n\r\n"


@pytest.mark.parametrize(
    ("letter", "needed"),
    [
        pytest.param("Subject: x\r\n\r\ny\r\n", False, id="ASCII"),
        pytest.param("Subject: x\r\n\r\nü\r\n", False, id="8-bit body"),
        pytest.param(f"{PARTS}\r\nü\r\n--b--\r\n", False, id="8-bit part"),
        pytest.param("Subject: ü\r\n\r\ny\r\n", True, id="header"),
        pytest.param(f"{PARTS}Content-ID: ü\r\n\r\ny\r\n--b--\r\n", True, id="header of a part"),
        pytest.param(f"{PARTS}{ENCLOSED}Subject: ü\r\n\r\n--b--\r\n", True, id="enclosed"),
        pytest.param(f"{ENCLOSED}Subject: ü\r\n\r\ny\r\n", True, id="enclosed in nothing else"),
        pytest.param("Subject: x\r\n\r\n" + "y" * SLICE + "ü", False, id="far behind"),
    ],
)
def test_smtputf8_where_it_is_needed(letter: str, needed: bool) -> None:
    """
    A client said SMTPUTF8, which this server has not: mail with UTF-8 in a header of it is
    returned, all other mail goes (RFC 6531 section 3.2).
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        sender = replace(SENDER, smtputf8=True)
        sent = start(session.send(sender, (BOB,), Octets(letter.encode())))
        peer.pass_time(0)
        peer.pass_time(0)
        peer.pass_time(0)
        if needed:
            (answer,) = now(sent)
            assert ("554 5.6.9", Stage.SENDER) == (str(answer.reply)[:9], answer.stage)
            assert session.usable
        else:
            line.lines("250 ok", "250 ok", "354 go")
            line.lines("250 ok")
            assert now(sent)[0].reply.positive


BINARY = "Content-Transfer-Encoding: binary\r\n"


@pytest.mark.parametrize(
    ("letter", "needed"),
    [
        pytest.param("Subject: x\r\n\r\ny\r\n", False, id="lines"),
        pytest.param("Subject: x\r\n\r\nü\r\n", False, id="8-bit lines"),
        pytest.param("Subject: x\r\n\r\n" + "y\r\n" * SLICE, False, id="many lines"),
        pytest.param("Subject: x\r\n\r\n" + "y" * 998 + "\r\n", False, id="longest line"),
        pytest.param("Subject: x\r\n\r\n" + "y" * 999 + "\r\n", True, id="longer line"),
        pytest.param("Subject: x\r\n\r\ny", True, id="no line end at the end"),
        pytest.param("Subject: x\r\n\r\ny\ny\r\n", True, id="bare LF"),
        pytest.param("Subject: x\r\n\r\n" + "y\r\n" * SLICE + "y\0\r\n", True, id="NUL"),
        pytest.param(f"{BINARY}\r\ny\r\n", True, id="said to be binary"),
        pytest.param(f"{PARTS}{BINARY}\r\ny\r\n--b--\r\n", True, id="a part"),
        pytest.param(f"{PARTS}{ENCLOSED}{BINARY}\r\n--b--\r\n", True, id="an enclosed message"),
    ],
)
def test_binarymime_where_it_is_needed(letter: str, needed: bool) -> None:
    """
    A client said BINARYMIME, which this server has not: what is binary is returned, and what
    is made of lines goes (RFC 3030 section 3).
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        sender = replace(SENDER, body=Body.BINARY)
        sent = start(session.send(sender, (BOB,), Octets(letter.encode())))
        for _ in range(9):
            peer.pass_time(0)
        if needed:
            (answer,) = now(sent)
            assert ("554 5.6.3", Stage.SENDER) == (str(answer.reply)[:9], answer.stage)
            assert session.usable
        else:
            line.lines("250 ok", "250 ok", "354 go")
            for _ in range(9):
                peer.pass_time(0)
            line.lines("250 ok")
            assert now(sent)[0].reply.positive


def test_what_was_said_to_be_binary_and_is_eight_bit() -> None:
    """
    It is as any other 8-bit content: where that is refused, so is this.
    """
    octets = Octets("Subject: x\r\n\r\nü\r\n".encode())
    with playing(eight_bit=EightBit.REFUSE) as peer:
        session, _line = peer.session(PLAIN)
        sent = start(session.send(replace(SENDER, body=Body.BINARY), (BOB,), octets))
        peer.pass_time(0)

        assert "554 5.6.3" == str(now(sent)[0].reply)[:9]


@pytest.mark.parametrize(
    ("eight_bit", "extension", "taken"),
    [
        pytest.param(EightBit.SEND, "", True, id="sent as it is"),
        pytest.param(EightBit.REFUSE, "", False, id="refused"),
        pytest.param(EightBit.REFUSE, "8BITMIME", True, id="announced"),
    ],
)
def test_eight_bit(eight_bit: EightBit, extension: str, taken: bool) -> None:
    """
    8-bit content for a server without 8BITMIME is sent or refused, never changed.
    """
    opening = PLAIN.replace("S: 250 mx.example.test", f"S: 250-mx.example.test\nS: 250 {extension}")
    sender = replace(SENDER, body=Body.EIGHT_BIT)
    with playing(eight_bit=eight_bit) as peer:
        session, line = peer.session(opening)
        sent = start(session.send(sender, (BOB,), Octets(b"\xff\r\n")))
        heard = line.heard().decode()
        if not taken:
            assert "" == heard
            (answer,) = now(sent)
            assert ("5.6.3", Stage.SENDER, False) == (
                answer.reply.status,
                answer.stage,
                answer.from_peer,
            )
            return
        word = " BODY=8BITMIME" if extension else ""
        assert f"MAIL FROM:<ann@example.org>{word}\r\n" == heard
        line.lines("250 ok")
        line.lines("250 ok")
        assert b"\xff\r\n.\r\n" == line.say(b"354 go\r\n")
        line.lines("250 ok")
        assert now(sent)[0].reply.positive


def test_waits_for_an_answer_to_each_chunk() -> None:
    """
    Binary content for a server without PIPELINING is read no faster than chunks are answered.
    """
    opening = PLAIN.replace(
        "S: 250 mx.example.test", "S: 250-mx\nS: 250-CHUNKING\nS: 250 BINARYMIME"
    )
    with playing() as peer:
        session, line = peer.session(opening)
        content = Slow(5 * SLICE)
        sender = replace(SENDER, body=Body.BINARY)
        sent = start(session.send(sender, (BOB,), content))
        line.lines("250 ok")
        line.lines("250 ok")
        for _ in range(3):  # one on its way, one that waits, and one held for being the last
            content.give()
        assert line.heard().startswith(b"BDAT 65536\r\n")
        assert content.given
        peer.pass_time(100)
        for _ in range(2):
            assert line.lines("250 ok").startswith("BDAT 65536\r\n")
            assert not content.given
            content.give()
        assert line.lines("250 ok").startswith("BDAT 65536\r\n")
        assert line.lines("250 ok").startswith("BDAT 65536 LAST\r\n")
        line.lines("250 queued")

        assert now(sent)[0].reply.positive


def test_s11_never_answers_a_chunk() -> None:
    """
    A server that answers no chunk is given up after the time for one.
    """
    opening = PLAIN.replace(
        "S: 250 mx.example.test", "S: 250-mx\nS: 250-CHUNKING\nS: 250 BINARYMIME"
    )
    with playing() as peer:
        session, line = peer.session(opening)
        sender = replace(SENDER, body=Body.BINARY)
        sent = start(session.send(sender, (BOB,), Octets(b"x" * 9 * SLICE)))
        line.lines("250 ok")
        line.lines("250 ok")
        peer.pass_time(179)
        assert not sent.called
        peer.pass_time(1)
        (answer,) = now(sent)

        assert (Stage.CONNECTION, False) == (answer.stage, answer.in_doubt)
        assert line.transport.aborted


def test_size_is_the_contents_own() -> None:
    """
    SIZE= says what there is now, whatever the message's own client declared.
    """
    sized = PLAIN.replace("S: 250 mx.example.test", "S: 250-mx.example.test\nS: 250 SIZE 100")
    with playing() as peer:
        session, line = peer.session(sized)
        sent = start(session.send(replace(SENDER, size=99999), (BOB,), CONTENT))
        assert b"MAIL FROM:<ann@example.org> SIZE=20\r\n" == line.heard()
        line.lines("550 5.7.1 no")
        assert not now(sent)[0].reply.positive

        (answer,) = now(send(session, content=Octets(b"x" * 101)))
        assert ("5.3.4", False) == (answer.reply.status, answer.from_peer)


def test_mailmax() -> None:
    """
    A server that announced how many messages it takes is given no more.
    """
    limited = PLAIN.replace("S: 250 mx.example.test", "S: 250-mx\nS: 250 LIMITS MAILMAX=1")
    with playing() as peer:
        session, line = peer.session(limited)
        sent = send(session)
        line.play(f"{ENVELOPE}{WANTED}")
        line.lines("250 ok")
        assert now(sent)[0].reply.positive

        assert not session.usable
        with pytest.raises(LocalProtocolError):
            now(send(session))


def test_misuse() -> None:
    """
    One message at a time, with at least one recipient; QUIT is for between them.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        with pytest.raises(LocalProtocolError):
            now(send(session, ()))
        sent = send(session)
        with pytest.raises(LocalProtocolError):
            now(send(session))
        with pytest.raises(LocalProtocolError):
            now(start(session.quit()))
        line.play(f"{ENVELOPE}{WANTED}")
        line.lines("250 ok")
        assert now(sent)[0].reply.positive


# -- content -------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, SLICE - 1, SLICE, SLICE + 1, 3 * SLICE + 7])
@pytest.mark.parametrize("opening", [PLAIN, CHUNKING], ids=["DATA", "BDAT"])
def test_slices(opening: str, size: int) -> None:
    """
    Content of any size arrives whole.
    """
    content = (b"0123456789\r\n" * (size // 12 + 1))[:size]
    with playing() as peer:
        session, line = peer.session(opening)
        sent = send(session, content=Octets(content))
        heard = line.heard()
        while b"BDAT" not in heard and not heard.endswith(b"\r\n.\r\n"):
            heard = line.lines("354 ok" if b"DATA" in heard else "250 ok").encode()
            if heard == b"":
                heard = line.lines("250 ok").encode()
            if heard == b".\r\n":
                break
        for _ in range(heard.count(b"BDAT")):
            line.lines("250 ok")
        if not sent.called:
            line.lines("250 ok")

        assert now(sent)[0].reply.positive
        octets = b""
        while heard.startswith(b"BDAT"):
            command, _, heard = heard.partition(b"\r\n")
            length = int(command.split()[1])
            octets, heard = octets + heard[:length], heard[length:]
        octets += heard.removesuffix(b".\r\n") if opening is PLAIN else b""
        assert content == (octets if opening is not PLAIN else octets[:size])


def test_waits_for_a_slow_reader() -> None:
    """
    No more is read from the content while the server lags behind.
    """
    reads: list[int] = []

    @implementer(IContent)
    class Counted:
        size = 10 * SLICE

        async def read(self, start: int, stop: int) -> bytes:
            reads.append(start)
            return b"x" * (stop - start)

    with playing() as peer:
        session, line = peer.session(PLAIN)
        sent = send(session, content=Counted())
        line.play(ENVELOPE)
        line.transport.full_after(1)
        line.say(b"354 go\r\n")
        assert [0] == reads
        peer.pass_time(100)
        assert [0] == reads
        line.transport.full_after(2)
        assert 3 == len(reads)
        peer.pass_time(100)
        line.transport.full_after(100)
        line.lines("250 ok")
        assert 10 == len(reads)
        assert now(sent)[0].reply.positive


@pytest.mark.parametrize("opening", [PLAIN, CHUNKING], ids=["DATA", "BDAT"])
@pytest.mark.parametrize("error", [SpoolError("disk"), MessageGone("expunged")])
def test_content_cannot_be_read(error: Exception, opening: str) -> None:
    """
    What the content raises is the caller's, and the half message is never ended: the
    connection is cut.
    """
    with playing() as peer:
        session, line = peer.session(opening)
        content = Slow(3 * SLICE)
        sent = start(session.send(SENDER, (BOB,), content))
        for said in ("250 ok", "250 ok", "354 go"):
            if content.asked is None:
                line.lines(said)
        content.give()
        assert content.asked is not None
        content.asked.errback(error)
        with pytest.raises(type(error)):
            now(sent)

        assert line.transport.aborted
        assert not session.usable


def test_content_that_is_shorter() -> None:
    """
    Content that ends before its size is no content.
    """
    with playing() as peer:
        session, line = peer.session(PLAIN)
        content = Slow(10)
        sent = start(session.send(SENDER, (BOB,), content))
        line.play(f"{ENVELOPE}S: 354 go")
        assert content.asked is not None
        content.asked.callback(b"")
        with pytest.raises(SpoolError, match="0 of 10"):
            now(sent)

        assert line.transport.aborted


@pytest.mark.parametrize("when", ["reading", "writing"])
@pytest.mark.parametrize(
    ("opening", "said", "reply", "stage"),
    [
        pytest.param(CHUNKING, "552 5.3.4 large", "552 5.3.4 large", Stage.CONTENT, id="BDAT, no"),
        pytest.param(CHUNKING, LEAVING, LEAVING, Stage.CONNECTION, id="BDAT, 421"),
        pytest.param(PIPELINING, LEAVING, LEAVING, Stage.CONNECTION, id="DATA, 421"),
        # RFC 5321 section 4.1.1.4: the answer comes behind the end, nowhere else.
        pytest.param(PIPELINING, "552 5.3.4 large", "451 4.5.0", Stage.CONNECTION, id="DATA, no"),
    ],
)
def test_s11_answered_before_the_end(
    opening: str, said: str, reply: str, stage: Stage, when: str
) -> None:
    """
    A "no" in the middle of the content is heard, while we read from disk as while we wait for
    a server that has stopped reading; no more is sent then.
    """
    with playing() as peer:
        session, line = peer.session(opening)
        content = Slow(4 * SLICE)
        sent = start(session.send(SENDER, (BOB,), content))
        line.heard()
        line.lines("250 ok", "250 ok", *(() if opening is CHUNKING else ("354 go",)))
        content.give()
        if when == "writing":
            line.transport.full_after(1)
        content.give()
        assert SLICE <= len(line.heard())
        line.lines(said)
        if when == "writing":
            assert not sent.called
            peer.pass_time(180)
        else:
            content.give()
        (answer,) = now(sent)

        assert str(answer.reply).startswith(reply)
        assert stage is answer.stage
        assert not answer.in_doubt
        assert SLICE > len(line.heard())
        assert (stage is Stage.CONTENT and when == "reading") == session.usable
