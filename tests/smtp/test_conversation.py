"""
Tests for SMTP connections, in memory and on a clock.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred
from zope.interface import implementer

from pymta.edge.limits import ConnectionCount, ConnectionLimits
from pymta.edge.listener import Door
from pymta.edge.peers import Peers
from pymta.envelope import Sender
from pymta.errors import Refused, TooManyWaiting
from pymta.events import AnswerLost, Disconnected, Event, Faulted, Rejected
from pymta.interfaces.observe import IObserver
from pymta.interfaces.receive import (
    IExpandingSession,
    IMailReceiver,
    IMailSession,
    ITransaction,
    IVerifyingSession,
    Receipt,
)
from pymta.reply import Reply
from pymta.session import Endpoint, Role, Session
from pymta.smtp.settings import Timeouts
from pymta.smtp.xclient import FORWARDED
from pymta.wire.proxy import ProxyHeader, encode_v1, encode_v2
from pymta.wire.smtp.data import Newlines
from pymta.wire.smtp.extensions import EXPN, STANDARD, VRFY
from pymta.wire.smtp.limits import Limits
from tests.edge.player import PEER, Player
from tests.smtp.house import House

HELLO = """
    S: 220 mx.example.test ESMTP
    C: EHLO client.example
    S: 250-mx.example.test...
    S: 250-PIPELINING
    S: 250-SIZE 52428800
    S: 250-8BITMIME
    S: 250-CHUNKING
    S: 250-BINARYMIME
    S: 250-SMTPUTF8
    S: 250-DSN
    S: 250-ENHANCEDSTATUSCODES
    S: 250-LIMITS RCPTMAX=1000
    S: 250 HELP
"""
ENVELOPE = """
    C: MAIL FROM:<a@example.org>
    S: 250 2.1.0 ...
    C: RCPT TO:<b@example.test>
    S: 250 2.1.5 ...
"""


def test_a_message() -> None:
    """
    A message goes from the client to the receiver, octet for octet, and its id comes back.
    """
    house = House()
    player = house.player()
    player.play(
        HELLO
        + ENVELOPE
        + """
        C: DATA
        S: 354 ...
        """
    )
    assert b"250 2.0.0 queued as Q1\r\n" == player.say(b"Subject: x\r\n\r\n..dot\r\n.\r\n")
    player.play("C: QUIT\nS: 221 2.0.0 ...")

    [mail] = house.collector.mails
    assert b"Subject: x\r\n\r\n.dot\r\n" == mail.octets
    assert "committed" == mail.ended
    assert (PEER, "client.example", True) == (
        mail.session.peer.host,
        mail.session.helo,
        mail.session.extended,
    )
    assert player.closed
    player.hang_up()
    assert 1 == house.collector.closed
    assert 0 == house.listener.connections
    [gone] = house.observer.of(Disconnected)
    assert isinstance(gone, Disconnected)
    assert "quit" == gone.reason


def test_pipelined() -> None:
    """
    A whole message in one packet is answered in the order of its commands, in one write.
    """
    house = House()
    player = house.player()
    player.play(HELLO)

    said = player.say(
        b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.test>\r\nRCPT TO:<bad>\r\n"
        b"BDAT 5 LAST\r\na\r\n\r\nRSET\r\nNOOP\r\nQUIT\r\n"
    )

    codes = [line[:3] for line in said.decode().splitlines()]
    assert ["250", "250", "501", "250", "250", "250", "221"] == codes


def test_s08_replies_wait_for_a_slow_receiver() -> None:
    """
    A receiver that takes its time at one command holds back the answers to those behind it.
    """
    house = House()
    house.waits["b@example.test"] = Deferred()
    player = house.player()
    player.play(HELLO)

    said = player.say(b"MAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\nNOOP\r\nRSET\r\n")
    assert b"" == said
    house.waits["b@example.test"].callback(None)

    lines = player.heard().decode().splitlines()
    assert ["250 2.1.0", "250 2.1.5", "250 2.0.0", "250 2.0.0"] == [line[:9] for line in lines]


NO = Reply(550, "5.7.1", "Go away")
GOODBYE = Reply(421, "4.7.0", "Go away for now")


@pytest.mark.parametrize(
    ("stage", "script"),
    [
        pytest.param("connect", "S: 550 5.7.1 Go away", id="connect"),
        pytest.param("changed", "S: 220 ...\nC: EHLO a.b\nS: 550 5.7.1 Go away", id="EHLO"),
        pytest.param("begin", HELLO + "C: MAIL FROM:<>\nS: 550 5.7.1 Go away", id="MAIL"),
        pytest.param(
            "b@example.test",
            HELLO + "C: MAIL FROM:<>\nS: 250...\nC: RCPT TO:<b@example.test>\nS: 550 5.7.1 Go away",
            id="RCPT",
        ),
        pytest.param("data", HELLO + ENVELOPE + "C: DATA\nS: 550 5.7.1 Go away", id="DATA"),
        pytest.param(
            "write",
            HELLO + ENVELOPE + "C: DATA\nS: 354...\nC: x\nC: y\nC: .\nS: 550 5.7.1 Go away",
            id="content",
        ),
        pytest.param(
            "commit",
            HELLO + ENVELOPE + "C: DATA\nS: 354...\nC: x\nC: .\nS: 550 5.7.1 Go away",
            id="end",
        ),
    ],
)
def test_refused(stage: str, script: str) -> None:
    """
    The receiver's own words are the answer at every stage.
    """
    house = House()
    house.collector.refuse[stage] = NO

    house.player().play(script)

    if stage in {"begin", "b@example.test", "data", "commit"}:
        told = [e for e in house.observer.of(Rejected) if isinstance(e, Rejected)]
        assert [NO] == [e.reply for e in told]
        assert None not in [e.sender for e in told], "the log would show the null sender"


def test_refusal_by_421_closes() -> None:
    """
    421 at any stage is the end of the connection.
    """
    house = House()
    house.collector.refuse["begin"] = GOODBYE
    player = house.player()
    player.play(HELLO + "C: MAIL FROM:<>\nS: 421 4.7.0 Go away for now")

    assert player.closed


@pytest.mark.parametrize("stage", ["changed", "begin", "b@example.test", "data", "write"])
def test_fence(stage: str, caplog: pytest.LogCaptureFixture) -> None:
    """
    A surprise is 451 with an id; its text is not told, and the session goes on.
    """
    house = House()
    house.collector.refuse[stage] = RuntimeError("secret")
    player = house.player()
    said = player.heard() + player.say(b"EHLO a.b\r\n")
    if stage != "changed":
        said += player.say(b"MAIL FROM:<>\r\n")
        said += player.say(b"RCPT TO:<b@example.test>\r\n") + player.say(b"DATA\r\n")
        said += player.say(b"x\r\n.\r\n")

    assert b"451 4.3.0 Local error" in said
    assert b"secret" not in said
    assert 1 == len(house.observer.of(Faulted))
    assert b"250 2.0.0 " in player.say(b"NOOP\r\n")
    assert house.observer.events


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param(RuntimeError("secret"), b"421 4.3.0 Local error", id="surprise"),
        pytest.param(TooManyWaiting("full"), b"421 4.3.2 Too busy", id="busy"),
        pytest.param(Reply(450, "4.7.1", "Later"), b"421 4.7.1 Later", id="refused for now"),
        pytest.param(Reply(554, "5.7.1", "Never"), b"554 5.7.1 Never", id="refused"),
    ],
)
def test_no_greeting(
    fault: Reply | Exception, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """
    In place of the greeting there are two answers, "later" and "never"; then all is over.
    """
    house = House()
    house.collector.refuse["connect"] = fault
    player = house.player()

    assert player.heard().startswith(said)
    assert player.closed
    player.hang_up()
    assert 0 == house.collector.closed


def test_commit_in_doubt() -> None:
    """
    A commit that ends in a surprise is 451 and the end; the transaction is not aborted.
    """
    house = House()
    house.collector.refuse["commit"] = RuntimeError("database lost")
    player = house.player()
    player.play(HELLO + ENVELOPE + "C: DATA\nS: 354...")

    said = player.say(b"x\r\n.\r\n")

    assert said.startswith(b"451 4.3.0 It is not certain")
    assert player.closed
    assert "" == house.collector.mails[0].ended


def test_commit_outlives_the_client() -> None:
    """
    A client that leaves during the commit cancels nothing; that its answer was lost is told.
    """
    house = House()
    house.waits["commit"] = Deferred()
    player = house.player()
    player.play(HELLO + ENVELOPE + "C: DATA\nS: 354...")
    player.say(b"x\r\n.\r\n")
    player.hang_up()
    assert "" == house.collector.mails[0].ended
    house.waits["commit"].callback(None)

    assert "committed" == house.collector.mails[0].ended
    [lost] = house.observer.of(AnswerLost)
    assert isinstance(lost, AnswerLost)
    assert ("Q1",) == lost.queue_ids
    assert 0 == house.listener.connections


def test_commit_takes_too_long() -> None:
    """
    A commit without an end is answered as in doubt, and goes on.
    """
    house = House(timeouts=Timeouts(commit=100))
    house.waits["commit"] = Deferred()
    player = house.player()
    player.play(HELLO + ENVELOPE + "C: DATA\nS: 354...")
    player.say(b"x\r\n.\r\n")
    house.clock.advance(101)

    assert player.heard().startswith(b"451 4.3.0 It is not certain")
    house.waits["commit"].callback(None)
    assert "committed" == house.collector.mails[0].ended


def test_late_end_of_a_commit_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """
    A commit that ended well after the client was told to send again may be there twice: that is
    told.  One that failed is a fault.
    """
    house = House(timeouts=Timeouts(commit=100))
    for _ in range(2):
        house.waits["commit"] = Deferred()
        player = house.player()
        player.play(HELLO + ENVELOPE + "C: DATA\nS: 354...")
        player.say(b"x\r\n.\r\n")
        house.clock.advance(101)
        assert [] == house.observer.of(AnswerLost)[1:]
        late = house.waits["commit"]
        if not house.observer.of(AnswerLost):
            late.callback(None)
    late.errback(RuntimeError("disk"))

    assert [("Q1",)] == [e.queue_ids for e in house.observer.of(AnswerLost)]
    assert 3 == len(house.observer.of(Faulted))


@pytest.mark.parametrize("code", [250, 354])
def test_no_that_is_none(code: int) -> None:
    """
    A refusal cannot be made of a positive reply.
    """
    with pytest.raises(ValueError, match="no refusal"):
        Refused(Reply(code, "", "Yes"))


@pytest.mark.parametrize("code", [354, 251])
def test_yes_of_another_kind(code: int) -> None:
    """
    A receiver's own words for a recipient are told; what is no answer to RCPT is its fault, and
    the session goes on.
    """
    house = House()
    house.collector.yes = Reply(code, "", "Hm")
    player = house.player()
    player.play(HELLO + "C: MAIL FROM:<>\nS: 250 ...")

    said = player.line("RCPT TO:<b@example.test>")

    assert said.startswith("251 Hm" if code == 251 else "451 4.3.0 Local error")
    assert player.line("NOOP").startswith("250 ")


def test_receipt_that_cannot_be_told() -> None:
    """
    What is no answer to the end of content leaves the message in doubt, and is told so.
    """
    house = House()
    house.collector.receipt = Receipt(reply=Reply(354, "", "More"))
    player = house.player()
    player.play(HELLO + ENVELOPE + "C: DATA\nS: 354...")

    assert player.say(b"x\r\n.\r\n").startswith(b"451 4.3.0 It is not certain")
    assert player.closed
    assert "committed" == house.collector.mails[0].ended


def test_hello_that_is_refused_changes_nothing() -> None:
    """
    Behind a refused EHLO the transaction goes on (RFC 5321 section 4.1.4); behind an accepted one
    it is over.
    """
    house = House()
    player = house.player()
    player.play(HELLO + "C: MAIL FROM:<>\nS: 250 ...")
    house.collector.refuse["changed"] = NO
    player.play("C: EHLO x.y\nS: 550 5.7.1 Go away\nC: RCPT TO:<b@example.test>\nS: 250 ...")
    del house.collector.refuse["changed"]
    assert "" == house.collector.mails[0].ended
    assert player.line("EHLO x.y").startswith("250-")

    assert "aborted" == house.collector.mails[0].ended
    assert player.line("RCPT TO:<b@example.test>").startswith("503 ")


@pytest.mark.parametrize("last", ["abort", "closed"])
def test_receiver_that_raises_at_the_end(last: str, caplog: pytest.LogCaptureFixture) -> None:
    """
    One that may not raise and does keeps nobody from hearing of the end.
    """
    house = House()
    house.collector.refuse[last] = RuntimeError("secret")
    player = house.player()
    player.play(HELLO + "C: MAIL FROM:<>\nS: 250 ...")
    assert player.line("RSET").startswith("250 ")
    player.line("MAIL FROM:<>")
    player.hang_up()

    assert 1 == house.collector.closed
    assert ["aborted"] * 2 == [mail.ended for mail in house.collector.mails]
    assert 1 == len(house.observer.of(Disconnected))
    assert 0 == house.listener.connections


def test_observer_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    """
    What an observer raises goes no further than the log: every answer is what it was.
    """

    @implementer(IObserver)
    class Broken:
        def observe(self, event: Event) -> None:
            raise RuntimeError(type(event).__name__)

    house = House(observer=Broken())
    house.collector.refuse["no@example.test"] = NO
    player = house.player()
    player.play(HELLO + ENVELOPE + "C: RCPT TO:<no@example.test>\nS: 550 5.7.1 Go away")
    player.play("C: DATA\nS: 354...")

    assert player.say(b"x\r\n.\r\n").startswith(b"250 2.0.0 queued")
    player.hang_up()
    assert 0 == house.listener.connections


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        pytest.param([], 300, id="nothing"),
        pytest.param([b"EHLO a.b\r\n"], 300, id="behind EHLO"),
        pytest.param([b"EHLO a.b\r\n", b"MAIL FROM:<>\r\n"], 300, id="behind MAIL"),
        pytest.param([b"NOO"], 300, id="half a command"),
    ],
)
def test_s09_time_limit_for_commands(said: list[bytes], seconds: float) -> None:
    """
    Without a whole command in time, 421 and the end.
    """
    house = House()
    player = house.player()
    for data in said:
        player.say(data)
    player.heard()
    house.clock.advance(seconds - 1)
    assert b"" == player.heard()
    house.clock.advance(2)

    assert player.heard().startswith(b"421 4.4.2 ")
    assert player.closed


def drip(player: Player, seconds: float, times: int) -> int:
    """An octet every so many seconds; how many were taken."""
    for number in range(times):
        if player.closed or player.transport.aborted:
            return number
        player.protocol.dataReceived(b"x")
        player.clock.advance(seconds)
    return times


def test_s09_an_octet_a_minute_is_no_command() -> None:
    """
    Octets that come now and then do not lengthen the time for a command.
    """
    house = House()
    player = house.player()

    assert drip(player, 60, 100) <= 6


def test_s09_an_octet_a_minute_is_no_content() -> None:
    """
    Nor the time for content: a client must reach a rate.
    """
    house = House()
    player = house.player()
    player.play(HELLO + ENVELOPE + "C: DATA\nS: 354...")

    assert drip(player, 60, 100) <= 5
    assert "aborted" == house.collector.mails[0].ended


def test_s09_slow_but_steady_content_is_taken() -> None:
    """
    Content at the least rate goes on for as long as it takes.
    """
    house = House(timeouts=Timeouts(rate=500))
    player = house.player()
    player.play(HELLO + ENVELOPE + "C: DATA\nS: 354...")
    for _ in range(50):
        player.protocol.dataReceived(b"x" * 58 + b"\r\n")
        player.protocol.dataReceived((b"x" * 58 + b"\r\n") * 1000)
        house.clock.advance(60)

    assert player.say(b".\r\n").startswith(b"250 ")


def test_what_we_take_is_not_the_clients_time() -> None:
    """
    A disk that takes minutes for a slice costs the client nothing: it may go on.
    """
    house = House(timeouts=Timeouts(content=100, answer=240, command=100))
    house.waits["write"] = Deferred()
    player = house.player()
    player.play(HELLO + ENVELOPE + "C: DATA\nS: 354...")
    player.say(b"x\r\n" * 100)
    house.clock.advance(200)
    house.waits.pop("write").callback(None)
    house.clock.advance(50)

    assert player.say(b".\r\n").startswith(b"250 ")


def test_s09_session_deadline() -> None:
    """
    A client that only keeps talking is sent away an hour after its last message.
    """
    house = House(limits=Limits(commands=10_000))
    player = house.player()
    player.heard()
    player.say(b"EHLO a.b\r\n")
    minutes = 0
    while not player.closed and minutes < 100:
        player.say(b"NOOP\r\n")
        house.clock.advance(60)
        minutes += 1

    assert 60 == minutes


def test_receiver_takes_too_long() -> None:
    """
    A receiver without an answer is given up before the client gives up: 451, and cancelled.
    """
    cancelled: list[Deferred[None]] = []
    house = House(timeouts=Timeouts(answer=100))
    house.waits["begin"] = Deferred(cancelled.append)
    player = house.player()
    player.play(HELLO)
    player.say(b"MAIL FROM:<>\r\n")
    house.clock.advance(101)

    assert player.heard().startswith(b"451 4.3.0 ")
    assert 1 == len(cancelled)


def test_s09_too_many_connections() -> None:
    """
    The third connection from one address is turned away, and counted no more when it closes.
    """
    count = ConnectionCount(ConnectionLimits(address=2, network=3, total=4))
    house = House(door=Door(connections=count))
    first, second = house.player(), house.player()
    third = house.player()

    assert b"421 4.7.0 Too many connections\r\n" == third.heard()
    assert third.closed
    assert house.player("192.0.2.8").heard().startswith(b"220 ")
    assert house.player("192.0.2.9").heard().startswith(b"421 ")  # the network's fourth
    assert house.player("198.51.100.1").heard().startswith(b"220 ")
    assert house.player("203.0.113.1").heard().startswith(b"421 ")  # the fifth in all
    second.hang_up()
    assert house.player("203.0.113.1").heard().startswith(b"220 ")
    assert first.heard().startswith(b"220 ")


def test_s07_early_talker() -> None:
    """
    Octets before the greeting end the session.
    """
    house = House()
    house.waits["connect"] = Deferred()
    player = house.player()
    player.say(b"EHLO a.b\r\n")
    house.waits["connect"].callback(None)

    assert player.heard().startswith(b"554 5.5.")
    assert player.closed


def test_s09_peer_that_does_not_read() -> None:
    """
    A client that does not read its answers is not asked for more commands.
    """
    house = House(limits=Limits(commands=10**9))
    player = house.player()
    player.heard()
    transport = player.transport
    producer = transport.producer
    assert producer is not None
    producer.pauseProducing()
    slices = 0
    while "paused" != transport.producerState and slices < 100:
        player.protocol.dataReceived(b"NOOP\r\n" * 10_000)
        house.clock.advance(0)
        slices += 1

    assert slices <= 3
    assert len(transport.value()) < 100
    producer.resumeProducing()
    house.clock.advance(0)
    assert slices * 10_000 == transport.value().count(b"250 2.0.0")


def test_half_closed() -> None:
    """
    A client that closes its side behind the last command is answered, then closed.
    """
    house = House()
    player = house.player()
    player.heard()
    player.say(b"EHLO a.b\r\n")
    player.protocol.dataReceived(b"MAIL FROM:<>\r\nNOOP\r\n")
    half: Callable[[], None] = player.protocol.readConnectionLost  # type: ignore[attr-defined]
    half()

    assert [b"250 2.1.0", b"250 2.0.0"] == [line[:9] for line in player.heard().splitlines()]
    assert player.closed


def test_stop_waits_for_a_boundary() -> None:
    """
    At a stop an idle client is told 421 at once, one in a commit after its answer.
    """
    house = House()
    house.waits["commit"] = Deferred()
    idle, busy = house.player(), house.player()
    busy.play(HELLO + ENVELOPE + "C: DATA\nS: 354...")
    busy.say(b"x\r\n.\r\n")
    idle.heard()
    stopped = Deferred.fromCoroutine(house.listener.stop(10))

    assert idle.heard().startswith(b"421 4.3.2 ")
    assert b"" == busy.heard()
    house.waits["commit"].callback(None)
    assert [b"250", b"421"] == [line[:3] for line in busy.heard().splitlines()]
    idle.hang_up()
    busy.hang_up()
    assert stopped.called


def test_stop_before_the_greeting() -> None:
    """
    A client whose greeting still waits for the receiver is greeted, and sent away.
    """
    house = House()
    house.waits["connect"] = Deferred()
    player = house.player()
    stopped = Deferred.fromCoroutine(house.listener.stop(10))
    assert b"" == player.heard()
    house.waits["connect"].callback(None)

    assert [b"220", b"421"] == [line[:3] for line in player.heard().splitlines()]
    player.hang_up()
    assert stopped.called
    assert 1 == house.collector.closed


@pytest.mark.parametrize("stage", ["changed", "begin", "b@example.test", "data", "write"])
def test_stop_while_the_receiver_thinks(stage: str) -> None:
    """
    What is being answered is answered, then 421 where nothing is under way; the transaction is
    aborted once.
    """
    house = House()
    player = house.player()
    player.heard()
    house.waits[stage] = Deferred()
    for said in (b"EHLO a.b", b"MAIL FROM:<>", b"RCPT TO:<b@example.test>", b"DATA", b"x"):
        player.say(said + b"\r\n")
        if (said, stage) in {(b"EHLO a.b", "changed"), (b"DATA", "data")}:
            break
    stopped = Deferred.fromCoroutine(house.listener.stop(10))
    player.heard()
    house.waits[stage].callback(None)
    heard = player.heard()
    if stage in {"data", "write"}:
        assert b"421" not in heard
        heard = player.say(b".\r\n")

    assert b"\r\n421 4.3.2 " in b"\r\n" + heard
    player.hang_up()
    assert stopped.called
    assert {"aborted", "committed"} >= {mail.ended for mail in house.collector.mails}
    assert [] == house.clock.getDelayedCalls()


def test_stop_lets_nobody_in_who_was_at_the_door() -> None:
    """
    A proxy that says who is there after the stop is closed without a word.
    """
    house = House(door=Door(proxies=Peers([PEER])))
    player = house.player()
    stopped = Deferred.fromCoroutine(house.listener.stop(10))
    assert stopped.called

    assert b"" == player.say(encode_v1(CLIENT))
    assert player.closed
    assert [] == house.collector.sessions


def test_stop_cuts_off_who_does_not_end() -> None:
    """
    A client in the middle of its content is cut off when the time is up.
    """
    house = House()
    player = house.player()
    player.play(HELLO + ENVELOPE + "C: DATA\nS: 354...")
    stopped = Deferred.fromCoroutine(house.listener.stop(10))
    house.clock.advance(11)

    assert stopped.called
    assert player.transport.aborted


# -- PROXY ---------------------------------------------------------------------------

CLIENT = ProxyHeader(source=Endpoint("198.51.100.9", 555), destination=Endpoint("192.0.2.1", 25))


@pytest.mark.parametrize("encode", [encode_v1, encode_v2], ids=["v1", "v2"])
@pytest.mark.parametrize("size", [1, 7, 1000], ids=["octets", "slices", "whole"])
def test_s21_proxy_from_a_listed_peer(encode: Callable[[ProxyHeader], bytes], size: int) -> None:
    """
    A listed proxy speaks for its client, wherever its header is cut.
    """
    house = House(door=Door(proxies=Peers([PEER])))
    player = house.player()
    wire = encode(CLIENT)
    assert b"" == player.heard()
    for start in range(0, len(wire), size):
        player.protocol.dataReceived(wire[start : start + size])

    assert player.heard().startswith(b"220 ")
    [session] = house.collector.sessions
    assert ("198.51.100.9", PEER) == (session.peer.host, session.proxy and session.proxy.host)


@pytest.mark.parametrize("encode", [encode_v1, encode_v2], ids=["v1", "v2"])
def test_s09_proxy_with_a_dual_stack_socket(encode: Callable[[ProxyHeader], bytes]) -> None:
    """
    An IPv4 client that a proxy writes as IPv6 is known, and counted, by its IPv4 address.
    """
    count = ConnectionCount(ConnectionLimits(network=1))
    house = House(door=Door(proxies=Peers([PEER]), connections=count))
    for host in ("::ffff:198.51.100.9", "::ffff:203.0.113.1"):
        header = ProxyHeader(
            source=Endpoint(host, 555), destination=Endpoint("::ffff:192.0.2.1", 25)
        )
        assert house.player().say(encode(header)).startswith(b"220 ")

    assert ["198.51.100.9", "203.0.113.1"] == [s.peer.host for s in house.collector.sessions]


def test_s21_proxy_from_anybody_else() -> None:
    """
    From an unlisted peer a PROXY header is an early talker's garbage.
    """
    house = House(door=Door(proxies=Peers(["203.0.113.1"])))
    player = house.player()

    said = player.heard() + player.say(encode_v1(CLIENT))

    assert b"500 5.5.2" in said or b"502 5.5.1" in said
    assert PEER == house.collector.sessions[0].peer.host


def test_proxy_malformed_or_missing() -> None:
    """
    A listed proxy that sends no header, or no proper one, is closed without a word.
    """
    house = House(door=Door(proxies=Peers([PEER])))
    wrong, silent = house.player(), house.player()
    assert b"" == wrong.say(b"EHLO a.b\r\n")
    house.clock.advance(11)

    assert wrong.closed
    assert b"" == silent.heard()
    assert silent.closed


# -- XCLIENT ---------------------------------------------------------------------------


def test_s21_xclient_from_a_listed_peer() -> None:
    """
    A listed peer speaks for a client from now on; the session begins again.
    """
    house = House(forwarders=Peers([PEER]))
    player = house.player()
    player.heard()
    assert b"XCLIENT NAME ADDR" in player.say(b"EHLO a.b\r\n")
    said = player.line(
        "XCLIENT NAME=spike.example ADDR=198.51.100.9 PORT=99 HELO=spike LOGIN=x+40y"
    )

    assert said.startswith("220 ")
    session = house.collector.sessions[-1]
    assert ("198.51.100.9:99", "spike.example", "spike", "x@y") == (
        str(session.peer),
        session.name,
        session.helo,
        session.identity,
    )
    assert player.line("MAIL FROM:<>").startswith("503 5.5.1")
    assert player.line("EHLO spike.example").startswith("250-")
    player.play(ENVELOPE + "C: DATA\nS: 354...")
    assert player.say(b"x\r\n.\r\n").startswith(b"250 ")
    assert "198.51.100.9:99" == str(house.collector.mails[0].session.peer)


def test_s21_xclient_inherits_nothing() -> None:
    """
    Nothing that was known of the forwarder, or of the client before, is believed of the next one;
    one of whom nothing is known is no peer that a list can name.
    """
    house = House(forwarders=Peers([PEER]))
    player = house.player()
    player.heard()
    player.line("EHLO a.b")
    player.line("XCLIENT NAME=a.example ADDR=198.51.100.9 LOGIN=root")
    player.line("EHLO a.b")
    player.line("XFORWARD NAME=b.example")
    player.line("XCLIENT ADDR=[UNAVAILABLE]")

    session = house.collector.sessions[-1]
    assert (None, "", False, None, 0) == (
        session.name,
        session.helo,
        session.extended,
        session.identity,
        len(session.facts),
    )
    assert session.peer.host not in Peers(["unix", "0.0.0.0/0", "::/0"])


@pytest.mark.parametrize("said", ["198.51.100.9", "IPv6:::ffff:198.51.100.9", "::ffff:c633:6409"])
def test_s21_xclient_address(said: str) -> None:
    """
    However the address is written, the client is known by one.
    """
    house = House(forwarders=Peers([PEER]))
    player = house.player()
    player.heard()
    player.line("EHLO a.b")

    assert player.line(f"XCLIENT ADDR={said}").startswith("220 ")
    assert "198.51.100.9" == house.collector.sessions[-1].peer.host


def test_xclient_refused() -> None:
    """
    A receiver that refuses the client is heard, and nothing has changed.
    """
    house = House(forwarders=Peers([PEER]))
    player = house.player()
    player.heard()
    player.line("EHLO a.b")
    house.collector.refuse["changed"] = NO

    assert "550 5.7.1 Go away\r\n" == player.line("XCLIENT ADDR=198.51.100.9")
    assert player.line("MAIL FROM:<>").startswith("250 ")


@pytest.mark.parametrize("command", ["XCLIENT ADDR=198.51.100.9", "XFORWARD NAME=x.example"])
def test_no_other_client_within_a_transaction(command: str) -> None:
    """
    Between MAIL and the end of its message nobody speaks for somebody else.
    """
    house = House(forwarders=Peers([PEER]))
    player = house.player()
    player.heard()
    player.line("EHLO a.b")
    player.line("MAIL FROM:<>")

    assert player.line(command).startswith("503 5.5.1")
    assert player.line("RCPT TO:<b@example.test>").startswith("250 ")


def test_s06_xforward_is_of_one_message() -> None:
    """
    What XFORWARD said of one message, in several commands, is not said of the next.
    """
    house = House(forwarders=Peers([PEER]))
    player = house.player()
    player.heard()
    player.line("EHLO a.b")
    for commands in (["NAME=a.example", "ADDR=198.51.100.9"], [], ["NAME=b.example"]):
        for command in commands:
            assert player.line(f"XFORWARD {command}").startswith("250 ")
        player.line("MAIL FROM:<>")
        player.line("RSET")

    known = [mail.session.facts.get(FORWARDED) for mail in house.collector.mails]
    said = [dict(attributes or ()) for attributes in known]
    first = {"NAME": "a.example", "ADDR": "198.51.100.9"}
    assert [first, {}, {"NAME": "b.example"}] == said


def test_s21_xclient_from_anybody_else() -> None:
    """
    Nobody else is offered it, or heard.
    """
    house = House()
    player = house.player()
    player.heard()
    assert b"XCLIENT" not in player.say(b"EHLO a.b\r\n")

    assert player.line("XCLIENT ADDR=198.51.100.9").startswith("502 5.5.1")
    assert PEER == house.collector.sessions[-1].peer.host


@pytest.mark.parametrize(
    "argument",
    ["", "ADDR", "ADDR=", "ADDR=x", "PORT=0", "PORT=65536", "FOO=x", "NAME=+0", "NAME=+0A"],
)
def test_s12_xclient_malformed(argument: str) -> None:
    """
    What is no attribute or no value is 501, and changes nothing.
    """
    house = House(forwarders=Peers([PEER]))
    player = house.player()
    player.heard()
    player.say(b"EHLO a.b\r\n")

    assert player.line(f"XCLIENT {argument}").startswith("501 5.5.4")
    assert PEER == house.collector.sessions[-1].peer.host


# -- LMTP ----------------------------------------------------------------------------------


def test_lmtp_one_reply_each() -> None:
    """
    Each recipient that was taken gets a reply, also one that was given twice.
    """
    house = House(role=Role.LMTP)
    house.collector.refuse["no@example.test"] = NO
    player = house.player()
    assert player.heard().startswith(b"220 mx.example.test LMTP")
    assert b"250 " in player.say(b"LHLO a.b\r\n")
    player.say(b"MAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\nRCPT TO:<no@example.test>\r\n")
    player.say(b"RCPT TO:<b@example.test>\r\nDATA\r\n")

    said = player.say(b"x\r\n.\r\n")

    assert b"250 2.1.5 1 b@example.test\r\n250 2.1.5 3 b@example.test\r\n" == said


@pytest.mark.parametrize("count", [0, 1, 3])
def test_lmtp_wrong_number_of_replies(count: int, caplog: pytest.LogCaptureFixture) -> None:
    """
    A receiver that does not answer for each recipient leaves them in doubt; each is told so.
    """
    house = House(role=Role.LMTP)
    house.collector.replies = [Reply(250, "2.0.0", "Ok")] * count
    player = house.player()
    player.heard()
    player.say(b"LHLO a.b\r\n")
    player.say(b"MAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\nRCPT TO:<c@example.test>\r\nDATA\r\n")

    lines = player.say(b"x\r\n.\r\n").splitlines()

    assert [b"451", b"451", b"421"] == [line[:3] for line in lines]


def test_lmtp_with_a_receiver_of_one_answer() -> None:
    """
    A transaction with one answer for all gives it to each recipient.
    """
    house = House(role=Role.LMTP)
    house.collector.each = False
    player = house.player()
    player.heard()
    player.say(b"LHLO a.b\r\n")
    player.say(b"MAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\nRCPT TO:<c@example.test>\r\nDATA\r\n")

    lines = player.say(b"x\r\n.\r\n").splitlines()

    assert [b"250 2.0.0 queued as Q1"] * 2 == lines


def test_lmtp_answer_lost() -> None:
    """
    In LMTP, too, it is told that the client left before its answers.
    """
    house = House(role=Role.LMTP)
    house.waits["commit"] = Deferred()
    player = house.player()
    player.heard()
    player.say(b"LHLO a.b\r\n")
    player.say(b"MAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n")
    player.say(b"x\r\n.\r\n")
    player.hang_up()
    house.waits["commit"].callback(None)

    assert 1 == len(house.observer.of(AnswerLost))


# -- S03: nobody is trusted with line ends -------------------------------------------------


@pytest.mark.parametrize("role", [Role.SMTP, Role.SUBMISSION, Role.LMTP])
@pytest.mark.parametrize("end", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n"])
def test_s03_trusted_peers_are_as_strict(role: Role, end: bytes) -> None:
    """
    A listed forwarder, proxy or internal hop smuggles no second message in: its bare line ends
    end nothing, and the message that has them is refused.
    """
    house = House(role=role, forwarders=Peers([PEER]))
    player = house.player()
    player.heard()
    player.say(b"LHLO a.b\r\n" if role is Role.LMTP else b"EHLO a.b\r\n")
    player.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.test>\r\n")
    player.say(b"DATA\r\n")

    smuggled = b"x" + end + b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<c@example.test>\r\nDATA\r\n"
    said = player.say(smuggled + b"y\r\n.\r\n")

    assert said.startswith(b"554 5.6.0")
    assert 1 == said.count(b"\r\n")
    assert ["a@example.org"] == [str(mail.sender) for mail in house.collector.mails]
    assert "aborted" == house.collector.mails[0].ended


def test_s03_canonicalised_before_anybody_sees_it() -> None:
    """
    Where bare line ends are accepted they are made CRLF at the door: no hop behind it, and no
    mailbox, ever holds one.
    """
    house = House(newlines=Newlines.CANONICALISE)
    player = house.player()
    player.play(HELLO + ENVELOPE + "C: DATA\nS: 354...")
    said = player.say(b"a\nb\r.\nc\n.\nd\r\n.\r\n")

    assert said.startswith(b"250 ")
    assert b"a\r\nb\r\n.\r\nc\r\n.\r\nd\r\n" == house.collector.mails[0].octets


# -- VRFY and EXPN ---------------------------------------------------------------------------


@implementer(IVerifyingSession, IExpandingSession)
class Knowing:
    """A session that knows one user and one list."""

    async def changed(self, session: Session) -> None: ...

    async def begin(self, sender: Sender) -> ITransaction:
        raise NotImplementedError

    def closed(self) -> None: ...

    async def verify(self, text: str) -> Reply:
        if text != "bob":
            raise Refused(Reply(550, "5.1.1", "Nobody of that name"))
        return Reply(250, "2.1.5", "Bob <bob@example.test>")

    async def expand(self, text: str) -> Reply:
        return Reply(250, "2.1.5", "<ann@example.test>\n<bob@example.test>")


@implementer(IMailReceiver)
class KnowingReceiver:
    async def connected(self, session: Session) -> IMailSession:
        return Knowing()


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("VRFY bob", "250 2.1.5 Bob <bob@example.test>\r\n"),
        ("VRFY eve", "550 5.1.1 Nobody of that name\r\n"),
        ("EXPN all", "250-2.1.5 <ann@example.test>\r\n250 2.1.5 <bob@example.test>\r\n"),
    ],
)
def test_look_ups_are_answered_by_who_can(said: str, heard: str) -> None:
    """
    VRFY and EXPN are add-ons: registered with the listener, and provided by the session.
    """
    house = House(receiver=KnowingReceiver(), extensions=(*STANDARD, VRFY, EXPN))
    player = house.player()
    player.heard()
    announced = player.line("EHLO a.b")
    assert {"VRFY", "EXPN"} <= {line[4:] for line in announced.splitlines()}

    assert heard == player.line(said)


def test_look_ups_by_default() -> None:
    """
    Otherwise VRFY says nothing (252), and EXPN is not there.
    """
    house = House()
    player = house.player()
    player.heard()
    assert "VRFY" not in player.line("EHLO a.b")

    assert player.line("VRFY bob").startswith("252 2.5")
    assert player.line("EXPN all").startswith("502 5.5.1")


def test_look_ups_of_a_session_that_cannot() -> None:
    """
    A session without the add-on answers nothing, whatever the listener announces.
    """
    house = House(extensions=(*STANDARD, VRFY, EXPN))
    player = house.player()
    player.heard()
    player.line("EHLO a.b")

    assert player.line("VRFY bob").startswith("252 ")
    assert player.line("EXPN all").startswith("252 ")


@pytest.mark.parametrize("name", ["command", "content", "rate", "session", "commit"])
def test_time_limits_of_nothing(name: str) -> None:
    """
    A time limit of nothing is a mistake of who sets it.
    """
    with pytest.raises(ValueError, match=name):
        Timeouts(**{name: 0})


def test_sessions_of_one_door_have_ids_of_their_own() -> None:
    """
    Listeners that share a door share a log, and no two sessions in it are called the same.
    """
    door = Door()
    houses = House(door=door), House(door=door)
    for house in houses:
        house.player()

    ids = {house.collector.sessions[0].id for house in houses}
    assert 2 == len(ids)
