"""
The attacks that the SMTP server machine is built against, by their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from pymta.reply import Reply
from pymta.wire import NEED_DATA
from pymta.wire.smtp.data import Newlines
from pymta.wire.smtp.events import (
    Auth,
    Closed,
    Content,
    ContentBegins,
    ContentEnded,
    Hello,
    Mail,
    Question,
    Rcpt,
    Reason,
    StartTLS,
    TransactionAborted,
)
from pymta.wire.smtp.extensions import STANDARD
from pymta.wire.smtp.limits import Limits
from pymta.wire.smtp.server import EarlyTalkers, SMTPServer
from tests.wire.smtp.serving import EVERYTHING, Server, always, plain, talk

ENDS = [b"\r", b"\n", b"\r\n", b"\r\r\n"]


def limited(limits: Limits) -> Server:
    """A server with limits, greeted."""
    machine = SMTPServer(hostname="mx.example", extensions=STANDARD, limits=limits)
    machine.greet()
    return Server(machine)


def in_transaction(server: Server) -> Server:
    """EHLO, MAIL and RCPT were said."""
    talk(server, b"EHLO a")
    talk(server, b"MAIL FROM:<>", b"RCPT TO:<a@b>")
    return server


# -- S01: smuggling -----------------------------------------------------------------------------


def smuggled(before: bytes, after: bytes) -> bytes:
    """A message that holds another, if these line ends round a dot end the first."""
    return b"one" + before + b"." + after + b"MAIL FROM:<x@evil>\r\nRCPT TO:<a@b>\r\ntwo\r\n.\r\n"


def every_cut(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Cut in two, at every octet."""
    return ((data[:cut], data[cut:]) for cut in range(1, len(data)))


@pytest.mark.parametrize("newlines", Newlines)
@pytest.mark.parametrize(("before", "after"), list(product(ENDS, ENDS)))
def test_s01_matrix(before: bytes, after: bytes, newlines: Newlines) -> None:
    """Of all line ends round the dot only CRLF on both sides ends the data, however it is cut."""
    wire = smuggled(before, after)
    ends = b"\r\n.\r\n" in before + b"." + after
    for cut in every_cut(wire):
        machine = SMTPServer(hostname="mx.example", extensions=STANDARD, newlines=newlines)
        machine.greet()
        server = in_transaction(Server(machine))
        talk(server, b"DATA")
        for data in cut:
            machine.receive_data(data)
            server.serve()

        assert (2 if ends else 1) == len(server.seen(Mail))
        if not ends and newlines is Newlines.REFUSE:
            assert [] == server.messages
        elif not ends:
            [message] = server.messages
            assert b"MAIL FROM:<x@evil>\r\n" in message


# -- S04: commands injected before TLS ------------------------------------------------------------


def test_s04_octets_behind_starttls() -> None:
    """What stands behind STARTTLS in one slice is no command inside of TLS: 554 and close."""
    server = Server(SMTPServer(hostname="mx.example", extensions=EVERYTHING))
    server.machine.greet()
    talk(server, b"EHLO a")

    said = talk(server, b"STARTTLS", b"MAIL FROM:<evil@x>")
    assert ["554 5.5.1 Nothing may follow STARTTLS"] == said
    assert [Closed(Reason.INJECTION)] == server.events[-1:]
    assert [] == server.seen(StartTLS)


def test_s04_octets_while_we_think() -> None:
    """Nor what comes before the answer to STARTTLS."""
    machine = SMTPServer(hostname="mx.example", extensions=EVERYTHING)
    server = Server(machine)
    machine.greet()
    talk(server, b"EHLO a")
    machine.receive_data(b"STARTTLS\r\n")
    assert StartTLS() == machine.next_event()
    machine.receive_data(b"MAIL")
    machine.answer()

    assert b"554 5.5.1 Nothing may follow STARTTLS\r\n" == machine.data_to_send()
    assert machine.closing


def test_s04_octets_before_the_handshake() -> None:
    """Nor what comes in plain text behind it."""
    server = Server(SMTPServer(hostname="mx.example", extensions=EVERYTHING))
    server.machine.greet()
    talk(server, b"EHLO a")
    talk(server, b"STARTTLS")

    assert [] == talk(server, b"MAIL FROM:<evil@x>")
    assert [Closed(Reason.INJECTION)] == server.events[-1:]


def test_s04_everything_is_forgotten() -> None:
    """A login, a transaction and the client's name do not survive STARTTLS."""
    server = Server(SMTPServer(hostname="mx.example", extensions=EVERYTHING))
    machine = server.machine
    machine.greet()
    talk(server, b"EHLO a")
    talk(server, b"AUTH SCRAM-SHA-256")
    talk(server, b"MAIL FROM:<>")
    assert machine.authenticated
    talk(server, b"STARTTLS")
    machine.tls_started()

    assert (False, False, True) == (machine.authenticated, machine.esmtp, machine.in_tls)
    assert 1 == len(server.seen(TransactionAborted))
    assert ["503 5.5.1 Say EHLO first"] == talk(server, b"RCPT TO:<a@b>")


# -- S07: clients that do not wait -----------------------------------------------------------------


def test_s07_before_the_greeting() -> None:
    """Who talks before the greeting is not greeted."""
    server = Server(SMTPServer(hostname="mx.example", extensions=STANDARD))
    server.machine.receive_data(b"EHLO a\r\n")
    assert server.machine.next_event() is NEED_DATA
    for _ in range(100):
        server.machine.receive_data(b"x" * 65536)
    server.machine.greet()
    server.serve()

    assert b"554 5.5.1 Wait for the answer before you go on\r\n" == server.machine.data_to_send()
    assert [Closed(Reason.EARLY)] == server.events


@pytest.mark.parametrize("behind", [b"MAIL FROM:<>\r\n", b"x"])
@pytest.mark.parametrize("command", [b"EHLO a\r\n", b"DATA\r\n"])
@pytest.mark.parametrize("late", [False, True])
def test_s07_behind_what_ends_a_group(command: bytes, behind: bytes, late: bool) -> None:
    """Nothing may follow EHLO and DATA before their answer (RFC 2920 section 3.1)."""
    server = plain()
    machine = server.machine
    if command.startswith(b"DATA"):
        in_transaction(server)
    machine.data_to_send()
    machine.receive_data(command + (b"" if late else behind))
    if late:
        event = machine.next_event()
        assert isinstance(event, Hello | ContentBegins)
        machine.receive_data(behind)
        machine.answer()
    server.serve()

    assert b"554 5.5.1 Wait for the answer before you go on\r\n" == machine.data_to_send()
    assert Closed(Reason.EARLY) == server.events[-1]
    assert [] == server.messages


def test_s07_may_be_allowed() -> None:
    """On wish a whole dialogue in one slice is answered in order."""
    machine = SMTPServer(
        hostname="mx.example", extensions=STANDARD[:1], early_talkers=EarlyTalkers.ALLOW
    )
    server = Server(machine)
    machine.receive_data(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n")
    machine.greet()
    server.serve()

    codes = [line[:3] for line in machine.data_to_send().split(b"\r\n")[:-1]]
    assert [b"220", b"250", b"250", b"250", b"250", b"354", b"250", b"221"] == codes
    assert [b"x\r\n"] == server.messages


# -- S08: the order of replies ---------------------------------------------------------------------


def test_s08_the_next_command_waits() -> None:
    """While an event asks, nothing behind it is looked at, whatever it is."""
    server = plain()
    machine = server.machine
    talk(server, b"EHLO a")
    machine.receive_data(b"MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\nNOOP\r\nFOO\r\n")
    asked: list[type] = []
    said = b""
    while (event := machine.next_event()) is not NEED_DATA:
        if isinstance(event, Question):
            asked.append(type(event))
            assert b"" == machine.data_to_send()
            machine.receive_data(b"NOOP\r\n")
            assert b"" == machine.data_to_send()
            machine.answer(Reply(250, "2.0.0", f"answer {len(asked)}"))
        said += machine.data_to_send()

    assert [Mail, Rcpt, Rcpt] == asked
    expected = ["answer 1", "answer 2", "answer 3", "OK", "Command not recognized", *["OK"] * 3]
    assert expected == [line.split(" ", 2)[2] for line in said.decode().split("\r\n")[:-1]]


def test_s08_replies_behind_content() -> None:
    """A command that was sent behind the content is answered behind the content's answer."""
    server = in_transaction(plain())
    machine = server.machine
    talk(server, b"DATA")
    machine.receive_data(b"x\r\n.\r\nNOOP\r\n")
    assert Content(b"x\r\n") == machine.next_event()
    assert ContentEnded() == machine.next_event()
    assert b"" == machine.data_to_send()
    machine.answer(Reply(451, "4.3.0", "No"))
    server.serve()

    assert b"451 4.3.0 No\r\n250 2.0.0 OK\r\n" == machine.data_to_send()


def test_s08_chunks_are_answered_when_they_are_stored() -> None:
    """The 250 of a BDAT is written when the driver comes back from storing its octets."""
    server = in_transaction(plain())
    machine = server.machine
    machine.receive_data(b"BDAT 2\r\nxyNOOP\r\n")
    assert ContentBegins() == machine.next_event()
    machine.answer()
    assert Content(b"xy") == machine.next_event()
    assert b"" == machine.data_to_send()
    machine.next_event()

    assert b"250 2.0.0 OK\r\n" == machine.data_to_send()


# -- S09: exhaustion -------------------------------------------------------------------------------


def test_s09_errors() -> None:
    """Twenty errors are answered, the next one closes."""
    server = plain()
    talk(server, b"NOOP")
    said = [talk(server, b"FOO") for _ in range(21)]

    assert [["500 5.5.2 Command not recognized"]] * 20 == said[:20]
    assert ["421 4.7.0 Too many errors"] == said[20]
    assert server.machine.closing
    assert [Closed(Reason.LIMIT)] == server.events[-1:]


def test_s09_commands() -> None:
    """500 commands that lead nowhere are answered, the next one closes."""
    server = plain()
    talk(server, *[b"NOOP"] * 500)
    assert not server.machine.closing

    assert ["421 4.7.0 Too many commands without a message"] == talk(server, b"NOOP")
    assert [Closed(Reason.LIMIT)] == server.events


def test_s09_progress_is_not_counted() -> None:
    """Recipients taken, chunks stored and messages completed are no idle talk."""
    server = limited(Limits(commands=10))
    talk(server, b"EHLO a")
    for _ in range(5):
        talk(server, b"MAIL FROM:<>", *[b"RCPT TO:<a@b>"] * 20)
        for _ in range(20):
            talk(server, b"BDAT 3\r\nx")
        talk(server, b"BDAT 0 LAST")

    assert 5 == len(server.messages)
    assert not server.machine.closing


def test_s09_empty_chunks_are_counted() -> None:
    """Chunks without octets are no progress."""
    server = in_transaction(limited(Limits(commands=10)))
    for _ in range(10):
        server.machine.receive_data(b"BDAT 0\r\n")
        server.serve()

    assert server.machine.closing
    assert 1 == len(server.seen(TransactionAborted))


def test_s09_logins() -> None:
    """Three failed logins are answered, the next try closes."""
    server = Server(SMTPServer(hostname="mx.example", extensions=EVERYTHING))
    server.says[Auth] = always(Reply(535, "5.7.8", "Wrong"))
    server.machine.greet()
    talk(server, b"EHLO a")
    said = [talk(server, b"AUTH SCRAM-SHA-256")[0][:3] for _ in range(4)]

    assert ["535", "535", "535", "421"] == said
    assert server.machine.closing


@pytest.mark.parametrize("how", ["DATA", "BDAT", "BDAT at once"])
def test_s09_message_size(how: str) -> None:
    """More content than allowed is read, thrown away and refused; nothing of it is kept."""
    server = in_transaction(limited(Limits(message_size=1000)))
    machine = server.machine
    octets = b"x" * 499 + b"\r\n"
    match how:
        case "DATA":
            talk(server, b"DATA")
            machine.receive_data(octets * 4 + b".\r\n")
        case "BDAT":
            machine.receive_data(b"BDAT 501\r\n" + octets + b"BDAT 501 LAST\r\n" + octets)
        case _:
            machine.receive_data(b"BDAT 2004 LAST\r\n" + octets * 4)
    server.serve()

    assert machine.data_to_send().endswith(b"552 5.3.4 Message too big\r\n")
    assert [] == server.messages
    assert 1 == len(server.seen(TransactionAborted))
    assert ["250 2.1.0 Sender OK"] == talk(server, b"MAIL FROM:<>")


def test_s09_a_message_as_big_as_allowed() -> None:
    """The limit itself is allowed; dots that were stuffed do not count."""
    server = in_transaction(limited(Limits(message_size=1000)))
    talk(server, b"DATA")
    talk(server, *[b"..3456789"] * 100, b".")

    assert [1000] == [len(message) for message in server.messages]


@pytest.mark.parametrize("begin", [b"DATA\r\n", b"BDAT 99999999999999999999\r\n"])
def test_s09_endless_content(begin: bytes) -> None:
    """Who goes on sending what is thrown away is answered and left."""
    server = in_transaction(limited(Limits(message_size=1000, discarded=200_000)))
    server.machine.receive_data(begin)
    server.serve()
    fed = 0
    while not server.machine.closing and fed < 1_000_000:
        server.machine.receive_data(b"x" * 998 + b"\r\n")
        server.serve()
        fed += 1000

    assert fed < 210_000
    assert server.machine.data_to_send().endswith(b"552 5.3.4 Message too big\r\n")
    assert [TransactionAborted(), Closed(Reason.LIMIT)] == server.events[-2:]


def test_s09_endless_stray_chunk() -> None:
    """Also where the chunk belongs to nothing."""
    server = limited(Limits(discarded=200_000))
    server.machine.receive_data(b"BDAT 99999999999999999999 LAST\r\n")
    for _ in range(300):
        server.machine.receive_data(b"x" * 1000)
        server.serve()

    assert server.machine.closing


@pytest.mark.parametrize("line", [b"\xff", b"MAIL FROM:<"])
def test_s09_endless_line(line: bytes) -> None:
    """A line without end is not kept; its end, when it comes, is answered once."""
    server = plain()
    server.machine.receive_data(line)
    for _ in range(100):
        server.machine.receive_data(b"x" * 65536)
        server.serve()
        # The whole state of the reader is what one slice has, at most.
        assert len(server.machine._in.lines) <= 65536

    assert b"" == server.machine.data_to_send()[len(b"220 mx.example ESMTP\r\n") :]
    assert ["500 5.5.2 Line too long", "250 2.0.0 OK"] == talk(server, b"", b"NOOP")


def test_s09_a_text_line_without_end() -> None:
    """A line of content is passed as it comes, and refused beyond its limit."""
    server = in_transaction(limited(Limits(text_line=100_000)))
    talk(server, b"DATA")
    talk(server, b"x" * 100_000, b".")
    assert [100_002] == [len(message) for message in server.messages]

    talk(server, b"MAIL FROM:<>", b"RCPT TO:<a@b>")
    talk(server, b"DATA")
    said = talk(server, b"x" * 100_001, b".")
    assert ["554 5.6.0 Line of the message too long"] == said
    assert 1 == len(server.messages)


def test_s09_one_command_a_call() -> None:
    """A call of next_event works on one command, so that a driver can give way in between."""
    server = plain()
    machine = server.machine
    machine.data_to_send()
    machine.receive_data(b"NOOP\r\n" * 100)
    for _ in range(100):
        machine.next_event()
        assert b"250 2.0.0 OK\r\n" == machine.data_to_send()

    assert machine.next_event() is NEED_DATA


def test_s09_content_comes_in_slices() -> None:
    """No Content event is larger than a slice and what waited, however much was received."""
    server = in_transaction(plain())
    machine = server.machine
    talk(server, b"DATA")
    machine.receive_data((b"x" * 78 + b"\r\n") * 10_000)
    sizes = []
    while (event := machine.next_event()) is not NEED_DATA:
        assert isinstance(event, Content)
        sizes.append(len(event.data))

    assert 13 == len(sizes)
    assert max(sizes) <= 65536 + 4
