"""
Tests for the relay agent: which host is asked about whom, and what becomes of each recipient.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pymta.address import Address
from pymta.aio import deferred
from pymta.delivery.lmtp import Fixed
from pymta.delivery.mx import Limits
from pymta.delivery.pool import PoolLimits
from pymta.delivery.relay import RelayAgent, RelayLimits
from pymta.delivery.tls_policy import TLSPolicies
from pymta.envelope import Body, Recipient, RecipientID, Sender
from pymta.errors import Refused, SpoolError, StoreClosed
from pymta.events import Unanswered
from pymta.interfaces.content import IContent, Octets, Origin, QueueID
from pymta.interfaces.delivery import Attempt, IDeliveryAgent, Result
from pymta.interfaces.relay import (
    Destination,
    Host,
    IDestinationFinder,
    ITLSPolicySource,
    TLSLevel,
    TLSPolicy,
)
from pymta.outcome import Delivered, Failed, Relayed, Scope
from pymta.reply import Reply
from pymta.sasl import Credentials
from pymta.session import Endpoint, Role, Session
from pymta.smtp.client_answers import Answer, Interrupted, Stage
from pymta.smtp.client_opening import NotOpened
from pymta.wire.smtp.capabilities import Capabilities
from tests.delivery.net import DOWN, OK, FakeSession, Net, Script, in_doubt, no, says, yes
from tests.observing import Observer

T = TypeVar("T")

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SESSION = Session(id="1", role=Role.SMTP, peer=Endpoint(""), local=Endpoint(""), started=NOW)
ANN = Address("ann", "here.test")
LOST = no(451, "4.4.2", Stage.CONNECTION)

ONE = Host(name="mx1.test", addresses=("192.0.2.1", "2001:db8::1"))
TWO = Host(name="mx2.test", addresses=("192.0.2.2",))


@implementer(IDestinationFinder)
class Known:
    """Hosts by next hop; others are refused."""

    def __init__(self, hosts: dict[str, Sequence[Host]]) -> None:
        self._hosts = hosts
        self.asked: list[str] = []

    async def find(self, next_hop: str) -> Destination:
        self.asked.append(next_hop)
        if next_hop not in self._hosts:
            raise Refused(Reply(550, "5.1.2", "No such domain"), "NXDOMAIN")
        return Destination(next_hop=next_hop, hosts=tuple(self._hosts[next_hop]))


class House:
    """An agent and the world that it knows."""

    def __init__(self, *hosts: Host, **arguments: Any) -> None:
        self.clock = Clock()
        self.net = Net()
        self.observer = Observer()
        self.events = self.observer.events
        self.finder = Known({"elsewhere.test": hosts or (ONE, TWO)})
        self.agent = RelayAgent(
            arguments.pop("finder", self.finder),
            self.net.dial,
            clock=self.clock,
            observer=self.observer,
            **arguments,
        )

    def script(self, **scripts: Sequence[Script]) -> House:
        """What comes of dialling; ``a1`` is 192.0.2.1."""
        for name, script in scripts.items():
            self.net.scripts[_address(name)] = list(script)
        return self

    def deliver(self, attempt: Attempt | None = None) -> Sequence[Result]:
        """An attempt that does not wait."""
        results: list[Any] = []
        _ = deferred(self.agent.deliver(attempt or attempt_to())).addBoth(results.append)
        (result,) = results
        if hasattr(result, "raiseException"):
            result.raiseException()
        found: Sequence[Result] = result
        return found

    @property
    def dialled(self) -> list[str]:
        """Addresses, in their order."""
        return [each.address for each in self.net.dialled]

    def asked_about(self) -> list[list[int]]:
        """The recipients of each transaction."""
        return [
            [recipient.id for recipient in recipients]
            for session in self.net.sessions
            for _, recipients, _ in session.sent
        ]


def _address(name: str) -> str:
    return "2001:db8::1" if name == "v6" else f"192.0.2.{name[1:]}"


def attempt_to(
    count: int = 1,
    *,
    next_hop: str = "elsewhere.test",
    domain: str = "elsewhere.test",
    content: IContent | None = None,
    queue_id: str = "Q1",
) -> Attempt:
    """An attempt for so many recipients, 1 and up."""
    sender = Sender(reverse_path=ANN, body=Body.EIGHT_BIT, size=3)
    return Attempt(
        queue_id=QueueID(queue_id),
        number=1,
        sender=sender,
        recipients=tuple(
            Recipient(id=RecipientID(n), address=Address(f"user{n}", domain))
            for n in range(1, count + 1)
        ),
        next_hop=next_hop,
        content=content or Octets(b"Subject: x\r\n\r\nx\r\n"),
        origin=Origin(SESSION, sender),
        arrived=NOW,
    )


def failed(result: Result) -> Failed:
    """Its outcome, which is a failure."""
    assert isinstance(result.outcome, Failed)
    return result.outcome


def codes(results: Sequence[Result]) -> list[str]:
    """Code and status of each, in the order of recipients."""
    found = []
    for result in sorted(results, key=lambda result: result.id):
        outcome = result.outcome
        assert isinstance(outcome, Failed | Relayed)
        found.append(f"{outcome.reply.code} {outcome.reply.status}")
    return found


def test_provides() -> None:
    """
    It is an agent, for as many recipients as every server must take.
    """
    agent = House().agent

    assert verifyObject(IDeliveryAgent, agent)
    assert verifyObject(ITLSPolicySource, TLSPolicies())
    assert verifyObject(IDestinationFinder, Fixed(agent.finder, "[x]:25"))
    assert 100 == agent.recipient_limit


# -- hosts ------------------------------------------------------------------------


def test_the_first_host_takes_it() -> None:
    """
    No other is dialled; who is responsible now is told.
    """
    house = House()
    results = house.deliver(attempt_to(2))

    assert [1, 2] == [result.id for result in results]
    assert [Relayed(OK, dsn=False, remote="mx1.test")] * 2 == [each.outcome for each in results]
    assert ["192.0.2.1"] == house.dialled


def test_the_duty_to_report_goes_with_it() -> None:
    """
    Where the server has said DSN.
    """
    able = FakeSession(capabilities=Capabilities(keywords={"DSN": ""}))
    (result,) = House().script(a1=[able]).deliver()

    assert Relayed(OK, dsn=True, remote="mx1.test") == result.outcome


def test_the_envelope_goes_as_it_is() -> None:
    """
    Sender, recipients and content of the attempt.
    """
    house = House()
    attempt = attempt_to(2)
    house.deliver(attempt)

    assert [(attempt.sender, attempt.recipients, attempt.content)] == house.net.sessions[0].sent


def test_every_host_and_every_address_in_order() -> None:
    """
    As long as nobody can be connected to, in one attempt.
    """
    house = House().script(a1=[DOWN], v6=[DOWN])
    (result,) = house.deliver()

    assert ["192.0.2.1", "2001:db8::1", "192.0.2.2"] == house.dialled
    assert Relayed(OK, dsn=False, remote="mx2.test") == result.outcome


def test_nobody_is_there() -> None:
    """
    The destination's fault, in the words of the last one, with the host for the log.
    """
    last = Refused(Reply(451, "4.4.2", "Timed out"), "no greeting in 300 s")
    (result,) = House().script(a1=[DOWN], v6=[DOWN], a2=[last]).deliver()

    assert (
        Failed(
            reply=last.reply,
            scope=Scope.DESTINATION,
            diagnostic="mx2.test: no greeting in 300 s",
        )
        == result.outcome
    )


@pytest.mark.parametrize(
    "greeting",
    [Reply(554, "5.7.1", "Go away"), Reply(521, "", "Takes no mail"), Reply(421, "4.3.2", "Busy")],
    ids=str,
)
def test_a_refusing_banner(greeting: Reply) -> None:
    """
    The next host is tried; where all say so, the queue waits (RFC 7504, Postfix's default).
    """
    no = NotOpened(greeting, from_peer=True)
    other = House().script(a1=[no], v6=[no]).deliver()
    (all_of_them,) = House().script(a1=[no], v6=[no], a2=[no]).deliver()

    assert ["250 2.0.0"] == codes(other)
    assert failed(all_of_them).reply.transient
    assert greeting.text in failed(all_of_them).reply.text
    assert (Scope.DESTINATION, "mx2.test") == (
        failed(all_of_them).scope,
        failed(all_of_them).remote,
    )


def test_our_own_shortage() -> None:
    """
    Where this machine has no more files or ports, mail waits and the destination is not blamed.
    """
    no = NotOpened(Reply(451, "4.3.0", "Not now"), ours=True)
    (result,) = House().script(a1=[no], v6=[no], a2=[no]).deliver()

    assert Scope.MESSAGE is failed(result).scope
    assert failed(result).reply.transient


def test_no_hosts_for_good() -> None:
    """
    A domain that takes no mail (NXDOMAIN, null MX) is a "no" for good; nobody is dialled.
    """
    house = House()
    results = house.deliver(attempt_to(2, next_hop="nowhere.test", domain="nowhere.test"))

    assert ["550 5.1.2"] * 2 == codes(results)
    assert ("NXDOMAIN", Scope.DESTINATION) == (
        failed(results[0]).diagnostic,
        failed(results[0]).scope,
    )
    assert [] == house.dialled


@pytest.mark.parametrize(
    ("next_hop", "domain", "code"),
    [
        pytest.param("smarthost.test", "other.test", "450 5.1.2", id="a smarthost's name"),
        pytest.param("[mx.test]:99999", "other.test", "450 5.1.2", id="no port"),
        pytest.param("other.test", "Other.Test", "550 5.1.2", id="the recipients' domain"),
        pytest.param("[2001:db8::1]", "[IPv6:2001:db8::1]", "550 5.1.2", id="their literal"),
    ],
)
def test_an_operators_mistake_bounces_nothing(next_hop: str, domain: str, code: str) -> None:
    """
    A next hop that is not the recipients' own domain was written by the operator: if there is no
    such host, mail waits until that is mended.
    """
    (result,) = House().deliver(attempt_to(next_hop=next_hop, domain=domain))

    assert [code.replace("450 5", "450 4")] == codes([result])
    assert "No such domain" in failed(result).reply.text


def test_s11_a_session_that_is_closed_at_once() -> None:
    """
    A server that greets and closes is dialled once, and then the next address is tried.
    """
    house = House().script(a1=[Gone()])
    (result,) = house.deliver()

    assert ["192.0.2.1", "2001:db8::1"] == house.dialled
    assert ["250 2.0.0"] == codes([result])


class Gone(FakeSession):
    """Opened, and closed by the server before anything could be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.usable = False

    async def send(
        self, sender: Sender, recipients: Sequence[Recipient], content: IContent
    ) -> Sequence[Answer]:
        return LOST(recipients)


def test_s11_so_many_tries() -> None:
    """
    A domain with a hundred hosts costs as many connections as are allowed.
    """
    addresses = tuple(f"192.0.2.{n}" for n in range(1, 101))
    house = House(
        *(Host(name=f"mx{n}.test", addresses=addresses[n : n + 10]) for n in range(0, 100, 10)),
        limits=RelayLimits(tries=7),
    )
    house.net.scripts = {address: [DOWN] for address in addresses}
    (result,) = house.deliver()

    assert list(addresses[:7]) == house.dialled
    assert DOWN.reply == failed(result).reply


def test_the_last_of_many_hosts() -> None:
    """
    All addresses that a finder gives are tried in one attempt, by the limits that there are:
    those before them may be dead for days.
    """
    count = Limits().addresses
    down = [f"192.0.2.{n}" for n in range(1, count)]
    hosts = [Host(name=f"mx{n}.test", addresses=(a,)) for n, a in enumerate((*down, "192.0.2.99"))]
    house = House(*hosts)
    house.net.scripts = {address: [DOWN] for address in down}

    assert ["250 2.0.0"] == codes(house.deliver())
    assert count == len(house.dialled)


def test_s11_so_much_time() -> None:
    """
    Connecting, to all hosts together, has an end; what was opened too late is not waited for.
    """
    house = House(limits=RelayLimits(seconds=100))
    never: list[Deferred[FakeSession]] = [Deferred(), Deferred()]
    house.script(a1=[never[0]], v6=[never[1]])
    delivering = deferred(house.agent.deliver(attempt_to()))
    house.clock.advance(60)
    never[0].errback(DOWN)
    assert not delivering.called
    house.clock.advance(41)
    results: list[Sequence[Result]] = []
    _ = delivering.addCallback(results.append)

    assert ["192.0.2.1", "2001:db8::1"] == house.dialled
    assert DOWN.reply == failed(results[0][0]).reply
    assert 101 == results[0][0].connecting.total_seconds()
    assert [] == house.clock.getDelayedCalls()


def test_s11_no_host_in_time() -> None:
    """
    A look-up without an end, too.
    """

    @implementer(IDestinationFinder)
    class Silent:
        async def find(self, next_hop: str) -> Destination:
            waiting: Deferred[Destination] = Deferred()
            return await waiting

    house = House(finder=Silent(), limits=RelayLimits(seconds=100))
    delivering = deferred(house.agent.deliver(attempt_to()))
    house.clock.advance(100)
    results: list[Sequence[Result]] = []
    _ = delivering.addCallback(results.append)

    assert ("451 4.4.1", Scope.DESTINATION) == (
        codes(results[0])[0],
        failed(results[0][0]).scope,
    )


def test_connecting_is_measured() -> None:
    """
    The time for finding and connecting is told apart from that of the transaction.
    """
    house = House()
    opening: Deferred[FakeSession] = Deferred()
    house.script(a1=[opening])
    delivering = deferred(house.agent.deliver(attempt_to()))
    house.clock.advance(3)
    opening.callback(FakeSession())
    results: list[Sequence[Result]] = []
    _ = delivering.addCallback(results.append)

    assert [3] == [result.connecting.total_seconds() for result in results[0]]


# -- answers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        no(450, "4.2.0", Stage.RECIPIENT),
        no(550, "5.1.1", Stage.RECIPIENT),
        no(450, "4.7.1", Stage.SENDER),
        no(451, "4.3.0", Stage.CONTENT),
        no(552, "5.3.4", Stage.SENDER),
    ],
    ids=["greylisted", "unknown", "sender", "content", "size"],
)
def test_an_answer_is_not_asked_for_twice(answer: Any) -> None:
    """
    What one host has answered, also "not now", no other host is asked in this attempt.
    """
    house = House().script(a1=[FakeSession([answer])])
    results = house.deliver(attempt_to(2))

    assert ["192.0.2.1"] == house.dialled
    assert all(isinstance(result.outcome, Failed) for result in results)


def test_lost_before_the_content() -> None:
    """
    Who was not answered for goes to the next address; the others do not.
    """
    breaks = says(
        (Reply(550, "5.1.1", "No"), Stage.RECIPIENT),
        (Reply(451, "4.4.2", "Lost"), Stage.CONNECTION),
        (Reply(451, "4.4.2", "Lost"), Stage.CONNECTION),
    )
    house = House().script(a1=[FakeSession([breaks])])
    results = house.deliver(attempt_to(3))

    assert ["550 5.1.1", "250 2.0.0", "250 2.0.0"] == codes(results)
    assert [[1, 2, 3], [2, 3]] == house.asked_about()
    assert ["192.0.2.1", "2001:db8::1"] == house.dialled


def test_lost_at_every_host() -> None:
    """
    Failed for now, the destination's fault.
    """
    house = House().script(
        a1=[FakeSession([LOST])], v6=[FakeSession([LOST])], a2=[FakeSession([LOST])]
    )
    (result,) = house.deliver()

    assert ["192.0.2.1", "2001:db8::1", "192.0.2.2"] == house.dialled
    assert Scope.DESTINATION is failed(result).scope
    assert [] == house.events


def test_in_doubt() -> None:
    """
    The content was sent and no answer came: no other host is asked now, and it is told.
    """
    house = House().script(a1=[FakeSession([in_doubt])])
    attempt = attempt_to(2)
    results = house.deliver(attempt)

    assert ["192.0.2.1"] == house.dialled
    assert ["451 4.4.2"] * 2 == codes(results)
    assert [Unanswered("Q1", attempt.recipients, "mx1.test")] == house.events


def test_too_many_recipients() -> None:
    """
    The rest goes in further transactions of the same session (RFC 5321 section 4.5.3.1.10).
    """
    too_many = (Reply(452, "4.5.3", "Too many"), Stage.RECIPIENT)
    taken = (OK, Stage.CONTENT)
    house = House().script(a1=[FakeSession([says(taken, taken, too_many, too_many, too_many)] * 2)])
    results = house.deliver(attempt_to(5))

    assert ["250 2.0.0"] * 5 == codes(results)
    assert [[1, 2, 3, 4, 5], [3, 4, 5], [5]] == house.asked_about()
    assert 1 == len(house.dialled)


def test_one_transaction_a_session() -> None:
    """
    Where the server takes no second one (MAILMAX), the rest goes in another session with it.
    """

    class Once(FakeSession):
        async def send(self, *arguments: Any) -> Any:
            answers = await super().send(*arguments)
            self.usable = False
            return answers

    taken, too_many = (OK, Stage.CONTENT), (Reply(452, "4.5.3", "Too many"), Stage.RECIPIENT)
    house = House().script(a1=[Once([says(taken, too_many)]), Once()])
    results = house.deliver(attempt_to(2))

    assert ["250 2.0.0"] * 2 == codes(results)
    assert ["192.0.2.1", "192.0.2.1"] == house.dialled


def test_content_that_cannot_be_read() -> None:
    """
    Failed for now, without dialling others; what was answered before stays.
    """

    def broken(recipients: Sequence[Recipient]) -> Any:
        raise SpoolError("I/O error")

    taken, too_many = (OK, Stage.CONTENT), (Reply(452, "4.5.3", "Too many"), Stage.RECIPIENT)
    session = FakeSession([says(taken, too_many), broken])
    house = House().script(a1=[session])
    results = house.deliver(attempt_to(2))

    assert ["250 2.0.0", "451 4.3.0"] == codes(results)
    assert "abort" == session.left
    assert 1 == len(house.dialled)


def test_a_surprise_undoes_nothing() -> None:
    """
    What was answered before it stays answered: told as one surprise, it would be sent once more.
    """

    def bug(recipients: Sequence[Recipient]) -> Any:
        raise StoreClosed("the database is closed")

    taken, too_many = (OK, Stage.CONTENT), (Reply(452, "4.5.3", "Too many"), Stage.RECIPIENT)
    session = FakeSession([says(taken, too_many), bug])
    with capturedLogs() as logged:
        results = House().script(a1=[session]).deliver(attempt_to(2))

    assert ["250 2.0.0", "451 4.3.0"] == codes(results)
    assert "abort" == session.left
    assert ["Q1"] == [event["id"] for event in logged]


def test_a_surprise_closes_the_session() -> None:
    """
    Nobody knows what it is in the middle of; the queue catches the surprise.
    """

    def bug(recipients: Sequence[Recipient]) -> Any:
        raise ZeroDivisionError

    session = FakeSession([bug])
    house = House().script(a1=[session])
    with pytest.raises(ZeroDivisionError):
        house.deliver()

    assert "abort" == session.left
    assert 0 == house.agent.pool.statistics.taken


def test_cancelled() -> None:
    """
    In the middle of a transaction: the session is closed, and the cancellation goes on.
    """

    class Hanging(FakeSession):
        async def send(self, *arguments: Any) -> Any:
            await Deferred()

    session = Hanging()
    house = House().script(a1=[session])
    delivering = deferred(house.agent.deliver(attempt_to()))
    ended: list[Any] = []
    _ = delivering.addErrback(ended.append)
    delivering.cancel()

    assert ended[0].check(CancelledError)
    assert "abort" == session.left
    assert 0 == house.agent.pool.statistics.taken


@pytest.mark.parametrize(
    ("said", "doubtful", "expected"),
    [
        pytest.param([OK, None], [], [True, False], id="a yes, and nothing"),
        pytest.param([None, None], [], None, id="nothing"),
        pytest.param(["doubt", "doubt"], [1, 2], [False, False], id="it may have it"),
    ],
)
def test_cancelled_with_answers(
    said: Sequence[Any], doubtful: Sequence[int], expected: Sequence[bool] | None
) -> None:
    """
    What was answered before counts: nobody is sent the message again who has it, and who may
    have it is told of.  Where nothing is known, the cancellation goes on.
    """

    class Hanging(FakeSession):
        async def send(self, sender: Any, recipients: Sequence[Recipient], content: Any) -> Any:
            try:
                await Deferred()
            except CancelledError:
                lost = Reply(451, "4.4.2", "Left")
                answers = [
                    Answer(
                        recipient=recipient,
                        reply=each if isinstance(each, Reply) else lost,
                        stage=Stage.CONTENT if isinstance(each, Reply) else Stage.CONNECTION,
                        in_doubt=each == "doubt",
                    )
                    for recipient, each in zip(recipients, said, strict=True)
                ]
                raise Interrupted(answers) from None

    house = House().script(a1=[Hanging()])
    ended: list[Any] = []
    delivering = deferred(house.agent.deliver(attempt_to(2))).addBoth(ended.append)
    delivering.cancel()

    [result] = ended
    if expected is None:
        assert result.check(CancelledError)
    else:
        assert expected == [isinstance(each.outcome, Relayed) for each in result]
        assert all(each.outcome.reply.status[0] in "24" for each in result)
    told = [event for event in house.events if isinstance(event, Unanswered)]
    assert doubtful == [recipient.id for event in told for recipient in event.recipients]
    assert ["192.0.2.1"] == house.dialled
    assert 0 == house.agent.pool.statistics.taken


# -- sessions ---------------------------------------------------------------------


def test_a_session_serves_again() -> None:
    """
    The next message to the same host needs no connection.
    """
    house = House()
    for number in range(3):
        house.deliver(attempt_to(queue_id=f"Q{number}"))

    assert 1 == len(house.dialled)
    assert [3] == [len(session.sent) for session in house.net.sessions]


def test_a_session_that_had_ended() -> None:
    """
    One that was kept and breaks is no failure: the same address is dialled anew.
    """
    house = House(ONE, limits=RelayLimits(tries=1))
    first = FakeSession([yes, LOST])
    house.script(a1=[first])
    house.deliver()
    results = house.deliver(attempt_to(2))

    assert ["250 2.0.0"] * 2 == codes(results)
    assert ["192.0.2.1", "192.0.2.1"] == house.dialled
    assert "abort" == first.left


def test_a_session_that_broke_is_not_kept() -> None:
    """
    The next message dials.
    """
    house = House().script(a1=[FakeSession([in_doubt])])
    house.deliver()
    house.deliver(attempt_to(queue_id="Q2"))

    assert 2 == len(house.dialled)


def test_stop() -> None:
    """
    Sessions that are kept take leave.
    """
    house = House()
    house.deliver()
    _ = deferred(house.agent.start())
    stopping = deferred(house.agent.stop())

    assert stopping.called
    assert ["quit"] == [session.left for session in house.net.sessions]


def test_start_again() -> None:
    """
    Mail goes out as before.
    """
    house = House()
    _ = deferred(house.agent.stop())
    _ = deferred(house.agent.start())

    assert ["250 2.0.0"] == codes(house.deliver())
    assert 1 == house.agent.pool.statistics.idle


def test_stop_while_delivering() -> None:
    """
    What is under way is cut, and no other session is opened for it: it has failed for now.
    """

    class Slow(FakeSession):
        async def send(
            self, sender: Sender, recipients: Sequence[Recipient], content: IContent
        ) -> Sequence[Answer]:
            await self.closed.wait()
            return LOST(recipients)

    house = House().script(a1=[Slow()])
    results: list[Sequence[Result]] = []
    _ = deferred(house.agent.deliver(attempt_to())).addCallback(results.append)
    stopping = deferred(house.agent.stop())

    assert stopping.called
    assert ["192.0.2.1"] == house.dialled
    assert [("451 4.3.2", Scope.DESTINATION)] == [
        (code, failed(results[0][0]).scope) for code in codes(results[0])
    ]


def test_stop_while_connecting() -> None:
    """
    A session that is there only then is closed, and nothing goes through it.
    """
    late: Deferred[FakeSession] = Deferred()
    house = House().script(a1=[late])
    results: list[Sequence[Result]] = []
    _ = deferred(house.agent.deliver(attempt_to())).addCallback(results.append)
    _ = deferred(house.agent.stop())
    late.callback(FakeSession())

    assert ["192.0.2.1"] == house.dialled
    assert [("abort", [])] == [(session.left, session.sent) for session in house.net.sessions]
    assert ["451 4.3.2"] == codes(results[0])


def test_no_reuse() -> None:
    """
    Where none is kept, each message has a session.
    """
    house = House(pool=PoolLimits(total=0))
    house.deliver()
    house.deliver(attempt_to(queue_id="Q2"))

    assert ["quit", "quit"] == [session.left for session in house.net.sessions]


# -- TLS and credentials ------------------------------------------------------------


def test_tls_and_credentials_of_a_next_hop() -> None:
    """
    Both are asked for the next hop; what goes there, goes to its hosts alone.
    """
    policy = TLSPolicy(level=TLSLevel.VERIFY, names=("smtp.test",))
    mine = Credentials(username="ann", password="x")
    house = House(
        ONE,
        tls=TLSPolicies({"elsewhere.test": policy}),
        credentials={"elsewhere.test": mine}.get,
    )
    house.finder._hosts["other.test"] = (TWO,)
    house.deliver()
    house.deliver(attempt_to(next_hop="other.test"))
    there, other = house.net.dialled

    assert (policy, mine) == (there.policy, there.credentials)
    assert (TLSPolicy(), None) == (other.policy, other.credentials)


def test_s27_a_kept_session_has_the_policy() -> None:
    """
    The same host for a next hop with a stronger policy is dialled anew.
    """
    house = House(ONE, tls=TLSPolicies({"strict.test": TLSPolicy(level=TLSLevel.VERIFY)}))
    house.finder._hosts["strict.test"] = (ONE,)
    house.deliver()
    house.deliver(attempt_to(next_hop="strict.test"))

    assert [TLSLevel.MAY, TLSLevel.VERIFY] == [each.policy.level for each in house.net.dialled]


def test_a_host_that_must_not_be_connected_to() -> None:
    """
    The policy says so: the next one is tried, and where there is none, the queue waits.
    """

    @implementer(ITLSPolicySource)
    class Strict:
        async def policy(self, destination: Destination, host: Host) -> TLSPolicy:
            if host.name == "mx1.test":
                raise Refused(Reply(550, "5.7.1", "Not in the policy"))
            return TLSPolicy()

    one, both = House(ONE, tls=Strict()), House(tls=Strict())
    (result,) = one.deliver()

    assert ["450 4.7.1"] == codes([result])
    assert ["250 2.0.0"] == codes(both.deliver())
    assert ([], ["192.0.2.2"]) == (one.dialled, both.dialled)


POLICY = TLSPolicy(level=TLSLevel.ENCRYPT)


@pytest.mark.parametrize(
    ("next_hop", "port", "level"),
    [
        ("example.test", 25, TLSLevel.ENCRYPT),
        ("a.b.example.test", 25, TLSLevel.NONE),
        ("[mx.test]:587", 587, TLSLevel.VERIFY),
        ("[mx.test]:25", 25, TLSLevel.MAY),
        ("[mx.example.test]:25", 25, TLSLevel.MAY),
        ("other.test", 25, TLSLevel.MAY),
        ("xexample.test", 25, TLSLevel.MAY),
        ("unix:/run/lmtp.example.test", 0, TLSLevel.NONE),
    ],
)
def test_tls_policies(next_hop: str, port: int, level: TLSLevel) -> None:
    """
    By next hop, then by the domains above it; a host in brackets is itself alone; sockets are
    spoken to in clear text.
    """
    source = TLSPolicies(
        {
            "example.test": TLSPolicy(level=TLSLevel.ENCRYPT),
            ".example.test": TLSPolicy(level=TLSLevel.NONE),
            "[mx.test]:587": TLSPolicy(level=TLSLevel.VERIFY),
        }
    )
    host = Host(name="x", addresses=("192.0.2.1",), port=port)
    found = _now(source.policy(Destination(next_hop=next_hop, hosts=(host,)), host))

    assert level is found.level


def _now(awaitable: Awaitable[T]) -> T:
    results: list[T] = []
    _ = deferred(awaitable).addCallback(results.append)
    (result,) = results
    return result


# -- LMTP ---------------------------------------------------------------------------


def test_lmtp() -> None:
    """
    A yes is a delivery, each recipient has its answer, and the next hop of the lane does not
    matter.
    """
    full = Reply(452, "4.2.2", "Full")
    house = House(role=Role.LMTP)
    house.agent.finder = Fixed(house.finder, "elsewhere.test")
    house.script(a1=[FakeSession([says((OK, Stage.CONTENT), (full, Stage.CONTENT))])])
    first, second = house.deliver(attempt_to(2, next_hop="bob@elsewhere.test"))

    assert ["elsewhere.test"] == house.finder.asked
    assert Delivered(OK) == first.outcome
    assert Failed(reply=full, scope=Scope.RECIPIENT, remote="mx1.test") == second.outcome
