"""
Tests for the client on the real reactor, against servers on loopback: honest, broken, hostile.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from dns import edns, flags, message, rcode, rrset
from dns.message import Message
from dns.rdata import GenericRdata
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from pytest_twisted import ensureDeferred
from twisted.internet import reactor as _reactor
from twisted.logger import LogEvent, globalLogPublisher

from pymta.aio import CancelledError, deferred, gather, sleep, start
from pymta.dns.cache import Cache, Lifetimes
from pymta.dns.client import DNSClient
from pymta.edge.peers import Peers
from pymta.errors import Bogus, DNSUnavailable, NoRecords, NoSuchName
from pymta.interfaces.dns import AAAA, MX, TLSA, TXT, A, IDNSClient
from pymta.testing.contracts.dns import AUTHENTIC, BOGUS, LATER, ZONES, DNSClientContract
from pymta.testing.dns import CNAME, Zones
from tests.dns.resolvers import Answers, Resolver, Zone, framed

reactor: Any = _reactor

ADDRESS = A("1.0.0.1")
HOST: Zones = {"host.test": [ADDRESS]}
GOOD = Zone(HOST)


def client(*resolvers: Resolver, **settings: Any) -> DNSClient:
    """One with as much time as a busy machine needs."""
    settings = {"timeout": 3.0, "lifetime": 10.0, **settings}
    return DNSClient(reactor, [each.address for each in resolvers], **settings)


def hasty(*resolvers: Resolver, **settings: Any) -> DNSClient:
    """One that waits for nothing, because nothing comes."""
    return client(*resolvers, timeout=0.1, lifetime=0.3, **settings)


@asynccontextmanager
async def serving(*answers: Answers | Resolver) -> AsyncIterator[list[Resolver]]:
    """Resolvers with these answers over UDP, as long as a test needs them."""
    resolvers = [each if isinstance(each, Resolver) else Resolver(each) for each in answers]
    for resolver in resolvers:
        resolver.listen(reactor)
    try:
        yield resolvers
    finally:
        for resolver in resolvers:
            await resolver.close()


def nothing(question: Message) -> Iterable[bytes]:
    """Silence."""
    return ()


def code(number: rcode.Rcode) -> Answers:
    """Only that."""

    def answers(question: Message) -> Iterable[bytes]:
        response = message.make_response(question)
        response.set_rcode(number)
        yield response.to_wire()

    return answers


# -- the contract -----------------------------------------------------------------------------


class Validating:
    """A resolver that validates, as far as the kit looks."""

    def __init__(self) -> None:
        signed: Zones = {AUTHENTIC: [ADDRESS], BOGUS: [ADDRESS]}
        self.zone = Zone({**ZONES, **signed})

    def answer(self, question: Message) -> Message:
        """What there is, with AD or SERVFAIL where they belong."""
        response = self.zone.answer(question)
        name = str(question.question[0].name).removesuffix(".")
        if name == AUTHENTIC and question.flags & flags.AD:
            response.flags |= flags.AD
        if name == LATER or (name == BOGUS and not question.flags & flags.CD):
            response = message.make_response(question)
            response.set_rcode(rcode.SERVFAIL)
        return response

    def udp(self, question: Message) -> Iterable[bytes]:
        """In a datagram."""
        yield self.answer(question).to_wire(max_size=question.payload, prefer_truncation=True)

    def tcp(self, question: Message) -> Iterable[bytes]:
        """Over TCP."""
        yield framed(self.answer(question).to_wire(max_size=65535))


class TestContract(DNSClientContract):
    """The kit, over sockets."""

    async def make(self) -> IDNSClient:
        """With a server of its own."""
        validating = Validating()
        self.resolver = Resolver(validating.udp, validating.tcp).listen(reactor)
        return client(self.resolver)

    async def close(self, provider: IDNSClient) -> None:
        """The server goes."""
        await self.resolver.close()

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> object:
        """On the reactor."""
        return start(test())


# -- servers that are not as they should be ---------------------------------------------------


def changed(change: Callable[[Message], None]) -> Answers:
    """The good answer, with a change."""

    def answers(question: Message) -> Iterable[bytes]:
        response = GOOD.answer(question)
        change(response)
        yield response.to_wire()

    return answers


def _other_id(response: Message) -> None:
    response.id ^= 1


def _other_name(response: Message) -> None:
    response.question = [rrset.from_text("other.test.", 0, "IN", "A")]


def _no_response(response: Message) -> None:
    response.flags &= ~flags.QR


def _forged(question: Message) -> Iterable[bytes]:
    response = Zone({"host.test": [A("6.6.6.6")]}).answer(question)
    for change in (_other_id, _other_name, _no_response):
        copy = message.from_wire(response.to_wire())
        change(copy)
        yield copy.to_wire()
    yield b""
    yield b"\xff"
    yield b"\0" * 12
    yield b"\xff" * 1232
    yield response.to_wire()[:-3]
    yield response.to_wire() + b"more"


def _referral(question: Message) -> Iterable[bytes]:
    response = message.make_response(question)
    response.authority.append(rrset.from_text("test.", 300, "IN", "NS", "ns.elsewhere.test."))
    yield response.to_wire()


UNUSABLE = [
    pytest.param(nothing, id="silence"),
    pytest.param(changed(_other_id), id="another id"),
    pytest.param(changed(_other_name), id="another question"),
    pytest.param(changed(_no_response), id="no response"),
    pytest.param(lambda question: [b"\0" * 500], id="garbage"),
    pytest.param(lambda question: [question.to_wire()], id="echo"),
    pytest.param(lambda question: [GOOD.answer(question).to_wire()[:-1]], id="cut"),
    pytest.param(code(rcode.SERVFAIL), id="SERVFAIL"),
    pytest.param(code(rcode.REFUSED), id="REFUSED"),
    pytest.param(_referral, id="a referral: no resolver, or not ours"),
    pytest.param(code(rcode.Rcode(11)), id="an rcode that nobody knows"),
]


@pytest.mark.parametrize("answers", UNUSABLE)
@ensureDeferred
async def test_unusable_answers(answers: Answers) -> None:
    """Of whatever is no answer nothing is believed, and the wait has an end."""
    async with serving(answers) as [resolver]:
        began = reactor.seconds()
        with pytest.raises(DNSUnavailable):
            await hasty(resolver).lookup("host.test", A)

        assert reactor.seconds() - began < 2
        assert resolver.asked


@pytest.mark.parametrize("answers", UNUSABLE)
@ensureDeferred
async def test_the_next_server_is_asked(answers: Answers) -> None:
    """Whatever is wrong with the first one."""
    async with serving(answers, GOOD.udp) as [first, second]:
        dns = client(first, second, timeout=0.2)

        assert (ADDRESS,) == (await dns.lookup("host.test", A)).records
        assert ["host.test"] == second.names


@ensureDeferred
async def test_a_name_that_became_too_long() -> None:
    """A DNAME that leads to no name (YXDOMAIN) is the zone's mistake: all servers say so."""
    async with serving(code(rcode.YXDOMAIN)) as [resolver]:
        with pytest.raises(DNSUnavailable):
            await client(resolver).lookup("host.test", A)
        assert 1 == len(resolver.asked)


@ensureDeferred
async def test_forgeries_before_the_answer() -> None:
    """What does not belong to the question is dropped; the answer behind it counts."""

    def answers(question: Message) -> Iterable[bytes]:
        yield from list(_forged(question))[:7]
        yield from GOOD.udp(question)

    async with serving(answers) as [resolver]:
        assert (ADDRESS,) == (await client(resolver).lookup("host.test", A)).records


@ensureDeferred
async def test_answers_from_elsewhere() -> None:
    """Who sends the right answer from another port is not heard."""
    asked: list[Message] = []
    async with serving(nothing) as [resolver]:
        other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

        def answers(question: Message) -> Iterable[bytes]:
            asked.append(question)
            return ()

        resolver.udp = answers
        looking = deferred(hasty(resolver).lookup("host.test", A))
        await sleep(reactor, 0.05)
        [port] = {each.fileno() for each in _sockets()}
        with socket.socket(fileno=socket.dup(port)) as theirs:
            target = theirs.getsockname()
        other.sendto(b"".join(GOOD.udp(asked[0])), target)
        other.close()
        with pytest.raises(DNSUnavailable):
            await looking


def _sockets() -> list[Any]:
    return [each for each in reactor.getReaders() if type(each).__module__ == "pymta.dns.backend"]


@ensureDeferred
async def test_a_port_that_nobody_listens_to() -> None:
    """An ICMP error is an answer at once, not after the time limit."""
    async with serving(GOOD.udp, GOOD.udp) as [gone, second]:
        await gone.close()
        began = reactor.seconds()
        with pytest.raises(DNSUnavailable):
            await client(gone).lookup("host.test", A)
        dns = client(gone, second)
        assert (ADDRESS,) == (await dns.lookup("host.test", A)).records

        assert reactor.seconds() - began < 2


@ensureDeferred
async def test_a_silent_server_is_asked_last_for_a_while() -> None:
    """So that it costs its time once, and not with every question."""
    zone = Zone({f"h{n}.test": [ADDRESS] for n in range(5)})
    async with serving(nothing, zone.udp) as [silent, good]:
        dns = client(silent, good, timeout=0.2)
        for n in range(5):
            await dns.lookup(f"h{n}.test", A)

        assert ["h0.test"] == silent.names
        assert 5 == len(good.asked)


@ensureDeferred
async def test_a_server_that_failed_is_not_put_last() -> None:
    """SERVFAIL is about a name, not about the server."""
    async with serving(code(rcode.SERVFAIL), GOOD.udp) as [first, second]:
        dns = client(first, second, trusted=Peers())
        await dns.lookup("host.test", A)
        with pytest.raises(NoSuchName):
            await dns.lookup("other.test", A)

        assert first.names == second.names == ["host.test", "other.test"]


@ensureDeferred
async def test_a_slow_server() -> None:
    """An answer that comes before the limit is taken; the question is repeated meanwhile."""
    async with serving(nothing) as [resolver]:

        def answers(question: Message) -> Iterable[bytes]:
            return GOOD.udp(question) if len(resolver.asked) > 2 else ()

        resolver.udp = answers
        assert (ADDRESS,) == (await client(resolver, timeout=0.1).lookup("host.test", A)).records
        assert 3 == len(resolver.asked)


# -- TCP --------------------------------------------------------------------------------------

LARGE = Zone({"large.test": [TXT((b"x" * 250, b"%d" % n)) for n in range(90)]})


def _octet_by_octet(question: Message) -> Iterable[bytes]:
    for octet in b"".join(LARGE.tcp(question)):
        yield bytes([octet])


def _and_more(question: Message) -> Iterable[bytes]:
    yield from LARGE.tcp(question)
    yield b"\0\0" * 200_000


@pytest.mark.parametrize(
    "tcp",
    [
        pytest.param(LARGE.tcp, id="whole"),
        pytest.param(_octet_by_octet, id="octet by octet"),
        pytest.param(_and_more, id="more than was asked for"),
    ],
)
@ensureDeferred
async def test_truncated_answers_are_asked_for_over_tcp(tcp: Answers) -> None:
    """What does not fit into a datagram comes whole."""
    async with serving(Resolver(LARGE.udp, tcp)) as [resolver]:
        answer = await client(resolver).lookup("large.test", TXT)

        assert 90 == len(answer.records)
        assert 1 == resolver.over_tcp


def _cut(question: Message) -> Iterable[bytes]:
    yield b"".join(LARGE.tcp(question))[:-1]


def _other_over_tcp(question: Message) -> Iterable[bytes]:
    response = LARGE.answer(question)
    response.id ^= 1
    yield framed(response.to_wire())


def _truncated(question: Message) -> Iterable[bytes]:
    response = message.make_response(question)
    response.flags |= flags.TC
    yield framed(response.to_wire())


def _too_many(question: Message) -> Iterable[bytes]:
    records = [A(f"1.0.{n >> 8}.{n & 255}") for n in range(4000)]
    return Zone({"large.test": records}).tcp(question)


@pytest.mark.parametrize(
    "tcp",
    [
        pytest.param(nothing, id="silence"),
        pytest.param(_cut, id="cut"),
        pytest.param(_other_over_tcp, id="another id"),
        pytest.param(_truncated, id="truncated"),
        pytest.param(lambda question: [framed(b"\xff" * 40_000)], id="garbage"),
        pytest.param(lambda question: [b"\0\0"], id="nothing"),
        pytest.param(lambda question: [b"\0\1x"], id="too short"),
    ],
)
@ensureDeferred
async def test_unusable_answers_over_tcp(tcp: Answers) -> None:
    """They are no answers, and the wait has an end; the next server may know."""
    async with serving(Resolver(LARGE.udp, tcp), Resolver(LARGE.udp, LARGE.tcp)) as [bad, good]:
        with pytest.raises(DNSUnavailable):
            await hasty(bad).lookup("large.test", TXT)
        assert 90 == len((await client(bad, good, timeout=0.3).lookup("large.test", TXT)).records)


@ensureDeferred
async def test_no_tcp() -> None:
    """A server that truncates and refuses connections is left at once."""
    truncating = Resolver(LARGE.udp).listen(reactor, with_tcp=False)
    async with serving(Resolver(LARGE.udp, LARGE.tcp)) as [good]:
        began = reactor.seconds()
        with pytest.raises(DNSUnavailable):
            await client(truncating).lookup("large.test", TXT)
        dns = client(truncating, good)
        assert 90 == len((await dns.lookup("large.test", TXT)).records)

        assert reactor.seconds() - began < 2
    await truncating.close()


@ensureDeferred
async def test_s30_thousands_of_records() -> None:
    """An answer that would stop the reactor while it is read is not read."""
    async with serving(Resolver(_truncated_udp, _too_many)) as [resolver]:
        with pytest.raises(DNSUnavailable):
            await client(resolver).lookup("large.test", A)
        assert 1 == resolver.over_tcp


def _truncated_udp(question: Message) -> Iterable[bytes]:
    response = message.make_response(question)
    response.flags |= flags.TC
    yield response.to_wire()


# -- CNAMEs -----------------------------------------------------------------------------------


def _chain(length: int) -> Zones:
    zones: dict[str, Any] = {f"c{n}.test": [CNAME(f"c{n + 1}.test")] for n in range(length)}
    zones[f"c{length}.test"] = [ADDRESS]
    return zones


def _one_at_a_time(zone: Zone) -> Answers:
    def answers(question: Message) -> Iterable[bytes]:
        response = zone.answer(question)
        response.answer = response.answer[:1]
        response.authority = []
        yield response.to_wire()

    return answers


@pytest.mark.parametrize(
    ("length", "at_once", "found"),
    [(10, True, True), (15, True, True), (17, True, False), (7, False, True), (9, False, False)],
)
@ensureDeferred
async def test_s30_cname_chains(length: int, at_once: bool, found: bool) -> None:
    """They are followed in one answer and from one answer to the next, to a limit."""
    zone = Zone(_chain(length))
    async with serving(zone.udp if at_once else _one_at_a_time(zone)) as [resolver]:
        looking = client(resolver).lookup("c0.test", A)
        if found:
            assert f"c{length}.test" == (await looking).canonical
        else:
            with pytest.raises(DNSUnavailable):
                await looking
        assert (1 if at_once else min(length + 1, 8)) == len(resolver.asked)


@pytest.mark.parametrize("length", [1, 2, 5])
@ensureDeferred
async def test_s30_cname_loops(length: int) -> None:
    """Round and round has an end, and is no "no"."""
    loop: Zones = {f"l{n}.test": [CNAME(f"l{(n + 1) % length}.test")] for n in range(length)}
    zone = Zone(loop)

    def whole(question: Message) -> Iterable[bytes]:
        response = zone.answer(question)
        response.set_rcode(rcode.NOERROR)
        yield response.to_wire()

    for answers in (whole, zone.udp):
        async with serving(answers) as [resolver]:
            with pytest.raises(DNSUnavailable):
                await client(resolver).lookup("l0.test", A)


@ensureDeferred
async def test_names_that_are_no_names() -> None:
    """What nobody could ask for comes escaped: neither a dot nor a line feed gets in."""

    def answers(question: Message) -> Iterable[bytes]:
        response = message.make_response(question)
        name = r"a\.b.\010c\032d.\255.test."
        response.answer.append(rrset.from_text("host.test.", 9, "IN", "MX", f"1 {name}"))
        yield response.to_wire()

    async with serving(answers) as [resolver]:
        dns = client(resolver)
        [record] = (await dns.lookup("host.test", MX)).records
        assert MX(1, r"a\.b.\010c\032d.\255.test") == record
        with pytest.raises(NoSuchName):
            await dns.lookup(record.exchange, A)
        assert 1 == len(resolver.asked)


# -- DNSSEC and EDNS --------------------------------------------------------------------------


def _says_authentic(response: Message) -> None:
    response.flags |= flags.AD


@pytest.mark.parametrize(
    ("trusted", "sent", "authentic"),
    [
        pytest.param(Peers(("127.0.0.1",)), flags.RD | flags.AD, True, id="trusted"),
        pytest.param(Peers(("192.0.2.1",)), flags.RD, False, id="not trusted"),
    ],
)
@ensureDeferred
async def test_who_is_believed(trusted: Peers, sent: int, authentic: bool) -> None:
    """Only a trusted resolver is asked for proof (AD, DO), and believed."""
    async with serving(changed(_says_authentic)) as [resolver]:
        answer = await client(resolver, trusted=trusted).lookup("host.test", A)
        [asked] = resolver.asked

        assert authentic is answer.authentic
        assert sent == asked.flags
        assert (0, 1232) == (asked.edns, asked.payload)
        assert authentic is bool(asked.ednsflags & flags.DO)


@ensureDeferred
async def test_loopback_is_trusted_by_default() -> None:
    """A resolver on this machine is."""
    async with serving(changed(_says_authentic)) as [resolver]:
        assert (await client(resolver).lookup("host.test", A)).authentic


@pytest.mark.parametrize("number", [rcode.FORMERR, rcode.NOTIMP])
@ensureDeferred
async def test_a_server_without_edns(number: rcode.Rcode) -> None:
    """It is asked again in the old way (RFC 6891 6.2.2)."""

    def answers(question: Message) -> Iterable[bytes]:
        return code(number)(question) if question.edns >= 0 else GOOD.udp(question)

    async with serving(answers, code(number)) as [old, broken]:
        assert (ADDRESS,) == (await client(old).lookup("host.test", A)).records
        with pytest.raises(DNSUnavailable):
            await client(broken).lookup("host.test", A)
        assert 2 == len(broken.asked)


@pytest.mark.parametrize(
    ("extended", "why"), [(6, Bogus), (7, Bogus), (12, Bogus), (22, DNSUnavailable)]
)
@ensureDeferred
async def test_extended_errors(extended: int, why: type[Exception]) -> None:
    """A resolver that says why it failed is understood (RFC 8914)."""

    def answers(question: Message) -> Iterable[bytes]:
        response = message.make_response(question)
        response.set_rcode(rcode.SERVFAIL)
        response.use_edns(0, options=[edns.EDEOption(edns.EDECode(extended))])
        yield response.to_wire()

    async with serving(answers) as [resolver]:
        with pytest.raises(why):
            await client(resolver, trusted=Peers()).lookup("host.test", A)
        assert 1 == len(resolver.asked)


def _tlsa(*records: TLSA) -> Zone:
    return Zone({"_25._tcp.host.test": records})


FIT = TLSA(usage=3, selector=1, matching=1, data=b"x" * 32)
# Three octets in front of no data (which once made a mail server fall over), or of too few.
MISFITS = [
    *(TLSA(usage=3, selector=1, matching=n, data=b"") for n in (0, 1, 9)),
    TLSA(usage=3, selector=1, matching=2, data=b"x" * 63),
]


@pytest.mark.parametrize(
    "records", [[*MISFITS, FIT], [FIT, *MISFITS], MISFITS, *([each] for each in MISFITS)]
)
@ensureDeferred
async def test_s11_malformed_tlsa_records(records: list[TLSA]) -> None:
    """They come as they are, with the others: whoever asked can tell them from none at all."""
    async with serving(_tlsa(*records).udp) as [resolver]:
        answer = await client(resolver).lookup("_25._tcp.host.test", TLSA)

        assert sorted(records, key=str) == sorted(answer.records, key=str)


@ensureDeferred
async def test_s11_tlsa_records_that_are_none() -> None:
    """Two octets are no record, and no reason to believe that there is none."""

    def answers(question: Message) -> Iterable[bytes]:
        response = message.make_response(question)
        short = GenericRdata(RdataClass.IN, RdataType.TLSA, b"\3\1")
        response.answer.append(rrset.from_rdata(question.question[0].name, 60, short))
        yield response.to_wire()

    async with serving(answers) as [resolver]:
        with pytest.raises(DNSUnavailable):
            await hasty(resolver).lookup("_25._tcp.host.test", TLSA)


# -- several at one time ----------------------------------------------------------------------


@ensureDeferred
async def test_equal_questions_are_one() -> None:
    """Fifty who ask at one time ask once; half of them lose interest, the others have it."""
    async with serving(GOOD.udp) as [resolver]:
        dns = client(resolver)
        names = ["host.test", "HOST.test.", "Host.Test"]
        waiting = [deferred(dns.lookup(names[n % 3], A)) for n in range(50)]
        for each in waiting[::2]:
            each.cancel()
            each.addErrback(lambda why: why.trap(CancelledError))  # type: ignore[unused-awaitable]  # looked at no more
        answers = await gather(waiting[1::2])

        assert {(ADDRESS,)} == {answer.records for answer in answers}
        assert 1 == len(resolver.asked)


@ensureDeferred
async def test_when_nobody_waits_any_more() -> None:
    """The answer is kept for the next one."""
    async with serving(GOOD.udp) as [resolver]:
        dns = client(resolver)
        waiting = deferred(dns.lookup("host.test", A))
        waiting.cancel()
        with pytest.raises(CancelledError):
            await waiting
        await dns.lookup("host.test", A)
        await dns.lookup("host.test", A)

        assert 1 == len(resolver.asked)


@ensureDeferred
async def test_a_failure_reaches_all() -> None:
    """And the next one asks again: that nobody knew is not kept."""
    async with serving(code(rcode.SERVFAIL)) as [resolver]:
        dns = client(resolver, trusted=Peers())
        waiting = [deferred(dns.lookup("host.test", A)) for _ in range(3)]
        for each in waiting:
            with pytest.raises(DNSUnavailable):
                await each
        resolver.udp = GOOD.udp

        assert (ADDRESS,) == (await dns.lookup("host.test", A)).records
        assert 2 == len(resolver.asked)


@ensureDeferred
async def test_questions_take_turns() -> None:
    """No more sockets are open than may be; who waits for a turn too long is told so."""
    zone = Zone({f"h{n}.test": [ADDRESS] for n in range(20)})
    most = 0

    def answers(question: Message) -> Iterable[bytes]:
        nonlocal most
        most = max(most, len(_sockets()))
        return zone.udp(question)

    async with serving(answers, nothing) as [good, silent]:
        dns = client(good, limit=3)
        await gather([dns.lookup(f"h{n}.test", A) for n in range(20)])
        assert 3 == most
        dns = hasty(silent, limit=1)
        for each in [deferred(dns.lookup(f"h{n}.test", A)) for n in range(3)]:
            with pytest.raises(DNSUnavailable):
                await each


@pytest.mark.parametrize("tcp", [False, True])
@ensureDeferred
async def test_stopping(tcp: bool) -> None:
    """Nothing stays behind: no socket, no timer; who waited is told that nobody knows."""
    answers = _truncated_udp if tcp else nothing
    async with serving(Resolver(answers, nothing)) as [resolver]:
        dns = client(resolver, timeout=30, lifetime=60)
        waiting = deferred(dns.lookup("host.test", A))
        await sleep(reactor, 0.05)
        assert tcp == bool(resolver.over_tcp)
        await dns.stop()
        with pytest.raises(DNSUnavailable):
            await waiting

        assert [] == _sockets()
        soon = reactor.seconds() + 1
        assert [] == [call for call in reactor.getDelayedCalls() if call.getTime() > soon]
        resolver.udp = GOOD.udp
        assert (ADDRESS,) == (await dns.lookup("host.test", A)).records


@ensureDeferred
async def test_nothing_stays_open() -> None:
    """After an answer and after a failure all sockets are closed, and the log is empty."""
    events: list[LogEvent] = []
    observer: Any = events.append
    async with serving(GOOD.udp, Resolver(LARGE.udp, LARGE.tcp), nothing) as [good, large, silent]:
        globalLogPublisher.addObserver(observer)
        try:
            await client(good).lookup("host.test", A)
            await client(large).lookup("large.test", TXT)
            with pytest.raises(DNSUnavailable):
                await hasty(silent).lookup("host.test", A)
        finally:
            globalLogPublisher.removeObserver(observer)

        assert [] == _sockets()
        assert [] == events


# -- what is kept -----------------------------------------------------------------------------


@ensureDeferred
async def test_answers_are_kept() -> None:
    """For their TTL, within bounds, on the reactor's clock; what is missing too (RFC 2308)."""
    zone = Zone({"host.test": [ADDRESS]}, ttl=5, negative=7)
    async with serving(zone.udp) as [resolver]:
        lifetimes = Lifetimes(shortest=1, longest=1)
        kept = client(resolver)
        short = client(resolver, cache=Cache(reactor, lifetimes))
        for _ in range(2):
            assert 5 >= (await kept.lookup("host.test", A)).ttl >= 4
            with pytest.raises(NoRecords):
                await kept.lookup("host.test", AAAA)
            with pytest.raises(NoSuchName):
                await kept.lookup("gone.test", A)
            with pytest.raises(NoSuchName):
                await kept.lookup("gone.test", MX)
        assert ["host.test", "host.test", "gone.test"] == resolver.names
        assert 1 == (await short.lookup("host.test", A)).ttl
        await sleep(reactor, 1.05)
        await short.lookup("host.test", A)

        assert ["host.test"] * 2 == resolver.names[3:]


# -- servers ----------------------------------------------------------------------------------


@ensureDeferred
async def test_ipv6() -> None:
    """Resolvers are asked over IPv6 too, by UDP and TCP."""
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with serving(Resolver(LARGE.udp, LARGE.tcp, host="::1")) as [resolver]:
        assert 90 == len((await client(resolver).lookup("large.test", TXT)).records)


@ensureDeferred
async def test_resolv_conf(tmp_path: Path) -> None:
    """It is read with the first question, and not before."""
    file = tmp_path / "resolv.conf"
    dns = DNSClient(reactor, resolv_conf=str(file), timeout=0.2, lifetime=0.5)
    file.write_text("# nobody\nnameserver 127.0.0.2\nsearch example.test\n")
    with pytest.raises(DNSUnavailable, match=r"127\.0\.0\.2"):
        await dns.lookup("host", A)


@ensureDeferred
async def test_no_resolv_conf(tmp_path: Path) -> None:
    """This machine is asked then, as resolv.conf(5) says; whether or not it answers."""
    dns = DNSClient(reactor, resolv_conf=str(tmp_path / "none"), timeout=0.2, lifetime=0.5)
    with pytest.raises((DNSUnavailable, NoSuchName)):
        await dns.lookup("gone.invalid", A)


def test_the_constructor_opens_nothing() -> None:
    """Nothing is read and no socket is open; mistakes are told at once."""
    before = len(reactor.getReaders())
    DNSClient(reactor, resolv_conf="/nonexistent")
    with pytest.raises(ValueError):
        DNSClient(reactor, ["ns.example.test"])

    assert before == len(reactor.getReaders())
