"""
Dialogues with the SMTP server machine: content, and the ways out of a transaction.
"""

from __future__ import annotations

import pytest

from pymta.wire.smtp.data import Newlines
from pymta.wire.smtp.events import (
    Closed,
    ContentBegins,
    Reason,
    TransactionAborted,
)
from pymta.wire.smtp.server import SMTPServer
from tests.wire.smtp.serving import (
    BEGIN,
    HELLO,
    LATER,
    NO,
    PLAIN,
    Server,
    always,
    full,
    plain,
    play,
)
from tests.wire.smtp.transcript import EVERY_WAY, Slices, run


@pytest.mark.parametrize("slices", EVERY_WAY)
@pytest.mark.parametrize("text", ["a\\nb\\r\\n", "a\\rb\\r\\n", "a\\r\\r\\n", "\\n.\\r\\n"])
def test_s01_bare_newline_is_refused(slices: Slices, text: str) -> None:
    """A bare CR or LF in the data: the message is refused at its end, and nothing kept."""
    server = plain()
    play(
        server,
        BEGIN
        + f"""
        C: DATA
        S: 354 ...
        C. {text}.\\r\\nNOOP\\r\\n
        S: 554 5.6.0 Bare CR or LF in the message
        S: 250 2.0.0 OK
        """,
        slices,
    )

    assert [] == server.messages
    assert [TransactionAborted()] == server.events[-1:]


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_canonicalise(slices: Slices) -> None:
    """On wish each bare CR and LF becomes CRLF, in content and behind commands."""
    machine = SMTPServer(hostname="mx.example", extensions=PLAIN, newlines=Newlines.CANONICALISE)
    server = Server(machine)
    machine.greet()
    play(
        server,
        BEGIN
        + """
        C. DATA\\n
        S: 354 ...
        C. a\\n.\\nb\\r.\\rc\\r\\n.\\r\\nNOOP\\n
        S: 250 2.0.0 OK
        S: 250 2.0.0 OK
        """,
        slices,
    )

    assert [b"a\r\n.\r\nb\r\n.\r\nc\r\n"] == server.messages


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_refuse_content(slices: Slices) -> None:
    """The receiver may say no while content comes; the rest is read and thrown away."""
    server = plain()
    play(server, BEGIN + "C: DATA\nS: 354 ...", slices)
    for data in slices(b"one\r\ntwo\r\n"):
        server.machine.receive_data(data)
        server.serve()
    server.machine.refuse_content(LATER)
    server.serve()
    assert [TransactionAborted()] == server.seen(TransactionAborted)
    run(
        """
        C: three
        C: .
        C: NOOP
        S: 451 4.3.0 Come back
        S: 250 2.0.0 OK
        C: MAIL FROM:<>
        S: 250 2.1.0 Sender OK
        """,
        server.machine,
        server.serve,
        slices=slices,
    )

    assert [] == server.messages
    assert 1 == len(server.seen(TransactionAborted))


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_refuse_chunk(slices: Slices) -> None:
    """In a chunk too; what follows of the message is dropped until RSET (RFC 3030 §2)."""
    server = plain()
    play(server, BEGIN, slices)
    server.machine.receive_data(b"BDAT 5\r\na")
    server.serve()
    server.machine.refuse_content(LATER)
    server.serve()
    run(
        """
        C. QUITBDAT 6\\r\\nQUIT\\r\\nMAIL FROM:<>\\r\\nRSET\\r\\nMAIL FROM:<>\\r\\n
        S: 451 4.3.0 Come back
        S: 503 5.5.1 The transaction failed: say RSET
        S: 503 5.5.1 The transaction failed: say RSET
        S: 250 2.0.0 OK
        S: 250 2.1.0 Sender OK
        """,
        server.machine,
        server.serve,
        slices=slices,
    )

    assert [] == server.messages
    assert 1 == len(server.seen(TransactionAborted))


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_chunk_refused_at_its_beginning(slices: Slices) -> None:
    """A no to the first BDAT is said behind its octets; LAST ends the affair."""
    server = plain()
    server.says[ContentBegins] = always(NO)
    play(
        server,
        BEGIN
        + """
        C. BDAT 6\\r\\nQUIT\\r\\nBDAT 6 LAST\\r\\nQUIT\\r\\nMAIL FROM:<>\\r\\n
        S: 550 5.7.1 Not with me
        S: 503 5.5.1 The transaction failed: say RSET
        S: 250 2.1.0 Sender OK
        """,
        slices,
    )

    assert 1 == len(server.seen(TransactionAborted))


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_s05_stray_chunks(slices: Slices) -> None:
    """A BDAT out of place is answered behind its octets, which are never run as commands."""
    server = plain()
    play(
        server,
        HELLO
        + """
        C. BDAT 6\\r\\nQUIT\\r\\nMAIL FROM:<>\\r\\nBDAT 6 LAST\\r\\nQUIT\\r\\nRCPT TO:<a@b>\\r\\n
        S: 503 5.5.1 MAIL first
        S: 250 2.1.0 Sender OK
        S: 503 5.5.1 No valid recipients
        S: 250 2.1.5 Recipient OK
        C. BDAT 3\\r\\nx\\r\\nDATA\\r\\nBDAT 6\\r\\nQUIT\\r\\nDATA\\r\\nRSET\\r\\n
        S: 250 2.0.0 OK
        S: 503 5.5.1 The transaction failed: say RSET
        S: 503 5.5.1 The transaction failed: say RSET
        S: 503 5.5.1 The transaction failed: say RSET
        S: 250 2.0.0 OK
        """,
        slices,
    )

    assert 1 == len(server.seen(TransactionAborted))


@pytest.mark.parametrize("slices", EVERY_WAY)
@pytest.mark.parametrize(
    "line", ["BDAT", "BDAT x", "BDAT 1 2", "bdat -1", "BDAT 6\\0", "BDAT 6\\n"]
)
def test_s05_malformed_bdat_closes(slices: Slices, line: str) -> None:
    """Where the length of a chunk is not known, nothing behind it is run as commands."""
    server = plain()
    play(
        server,
        BEGIN + f"C. {line}\\r\\nQUIT\\r\\n\nS: 501 5.5.4 BDAT size [LAST] expected, closing",
        slices,
    )

    assert [TransactionAborted(), Closed(Reason.UNPARSABLE)] == server.events[-2:]


@pytest.mark.parametrize("slices", EVERY_WAY)
@pytest.mark.parametrize("command", ["RSET", "HELO x", "QUIT", "STARTTLS"])
def test_s05_ways_out(slices: Slices, command: str) -> None:
    """Each way out of a transaction tells it once, also between chunks."""
    for before in ("", "C. BDAT 2\\r\\n\\r\\n\nS: 250 2.0.0 OK\n"):
        server = full()
        play(
            server,
            """
            S: 220 mx.example ESMTP
            C: EHLO a
            S: ...
            C: MAIL FROM:<>
            C: RCPT TO:<a@b>
            S: ...
            """
            + before
            + f"C: {command}\nS: ...",
            slices,
        )
        assert 1 == len(server.seen(TransactionAborted))
        assert [] == server.messages


@pytest.mark.parametrize(
    "said", ["", "MAIL FROM:<>\r\n", "MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nBDAT 9\r\nx"]
)
def test_disconnected(said: str) -> None:
    """A client that goes away ends its transaction, wherever it was."""
    server = plain()
    server.machine.receive_data(b"EHLO a\r\n")
    server.serve()
    server.machine.receive_data(said.encode())
    server.machine.receive_data(b"")
    server.serve()

    assert Closed(Reason.DISCONNECTED) == server.events[-1]
    assert ("MAIL" in said) == (TransactionAborted() in server.events)
    assert server.machine.closing


def test_half_closed() -> None:
    """What came before the client closed its side is answered."""
    server = plain()
    server.machine.receive_data(b"EHLO a\r\n")
    server.serve()
    server.machine.receive_data(b"NOOP\r\nMAIL FROM:<>\r\nRC")
    server.machine.receive_data(b"")
    server.serve()

    assert server.machine.data_to_send().endswith(b"250 2.0.0 OK\r\n250 2.1.0 Sender OK\r\n")
    assert [TransactionAborted(), Closed(Reason.DISCONNECTED)] == server.events[-2:]


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_s01_bare_cr_at_the_very_end(slices: Slices) -> None:
    """A CR that waits for its LF at the end of the last chunk is bare, and refused."""
    server = plain()
    play(
        server,
        BEGIN
        + """
        C. BDAT 2 LAST\\r\\nx\\rNOOP\\r\\n
        S: 554 5.6.0 Bare CR or LF in the message
        S: 250 2.0.0 OK
        """,
        slices,
    )

    assert [] == server.messages
    assert 1 == len(server.seen(TransactionAborted))


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_line_end_cut_between_chunks(slices: Slices) -> None:
    """A CR and its LF may come in two chunks (RFC 3030 section 2); a CR alone in between not."""
    for behind, reply in (("\\n", "250 2.0.0 OK"), ("x", "554 5.6.0 Bare CR or LF in the message")):
        server = plain()
        play(
            server,
            BEGIN
            + f"""
            C. BDAT 2\\r\\nx\\rBDAT 1 LAST\\r\\n{behind}
            S: 250 2.0.0 OK
            S: {reply}
            """,
            slices,
        )
