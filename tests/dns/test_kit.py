"""
The kit itself: the fake passes, and each clause fails on a client that breaks just that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from pymta.aio import CancelledError, deferred
from pymta.errors import Bogus, DNSError, DNSUnavailable, NoRecords, NoSuchName
from pymta.interfaces.dns import AAAA, MX, TXT, A, Answer, IDNSClient
from pymta.testing.contracts.dns import AUTHENTIC, BOGUS, LATER, ZONES, DNSClientContract
from pymta.testing.dns import CNAME, FakeDNS, Faults

SIGNED = {AUTHENTIC: [A("1.0.0.1")], BOGUS: [A("1.0.0.1")], LATER: [A("1.0.0.1")]}


def fake() -> FakeDNS:
    """One with the zones and the faults of the kit."""
    faults = Faults(unavailable=[LATER], bogus=[BOGUS])
    return FakeDNS({**ZONES, **SIGNED}, faults, authentic=[AUTHENTIC])


class TestFake(DNSClientContract):
    """The contract."""

    async def make(self) -> IDNSClient:
        """It is there at once."""
        return fake()


@implementer(IDNSClient)
class Sound:
    """Nothing broken; each mutant changes what it gives."""

    def __init__(self) -> None:
        self.inner = fake()

    async def lookup(self, name: str, kind: type[Any]) -> Answer[Any]:
        return self.changed(await self.inner.lookup(name, kind))

    def changed(self, answer: Answer[Any]) -> Answer[Any]:
        return answer


class Lacks:
    """No client at all."""


class LosesOne(Sound):
    def changed(self, answer: Answer[Any]) -> Answer[Any]:
        return replace(answer, records=answer.records[:-1] or answer.records)


class Doubles(Sound):
    def changed(self, answer: Answer[Any]) -> Answer[Any]:
        return replace(answer, records=answer.records * 2)


class Shouts(Sound):
    def changed(self, answer: Answer[Any]) -> Answer[Any]:
        records = [
            replace(each, exchange=each.exchange.upper()) if isinstance(each, MX) else each
            for each in answer.records
        ]
        return replace(answer, records=tuple(records))


class JoinsStrings(Sound):
    def changed(self, answer: Answer[Any]) -> Answer[Any]:
        records = [
            TXT((b"".join(each.strings),)) if isinstance(each, TXT) else each
            for each in answer.records
        ]
        return replace(answer, records=tuple(records))


class Expired(Sound):
    def changed(self, answer: Answer[Any]) -> Answer[Any]:
        return replace(answer, ttl=0)


class EchoesNames(Sound):
    async def lookup(self, name: str, kind: type[Any]) -> Answer[Any]:
        return replace(await self.inner.lookup(name, kind), canonical=name)


class TellsFailures(Sound):
    """Each failure as another one."""

    def __init__(self, why: type[DNSError], other: type[DNSError]) -> None:
        super().__init__()
        self.why = why
        self.other = other

    async def lookup(self, name: str, kind: type[Any]) -> Answer[Any]:
        try:
            return await super().lookup(name, kind)
        except self.why:
            raise self.other(name) from None


class ReadsEscapes(Sound):
    async def lookup(self, name: str, kind: type[Any]) -> Answer[Any]:
        return await super().lookup(name.replace("\\109", "m"), kind)


class Strips(Sound):
    async def lookup(self, name: str, kind: type[Any]) -> Answer[Any]:
        return await super().lookup(name.strip(), kind)


class FindsAnyway(Sound):
    """Follows a loop to where it began."""

    async def lookup(self, name: str, kind: type[Any]) -> Answer[Any]:
        try:
            return await super().lookup(name, kind)
        except DNSUnavailable:
            raise NoRecords(name) from None


class Unbounded(Sound):
    async def lookup(self, name: str, kind: type[Any]) -> Answer[Any]:
        answer = await super().lookup(name, kind)
        if kind is A and len(answer.records) == 100:
            return replace(answer, records=tuple(A(f"1.0.{n}.1") for n in range(150)))
        return answer


class TakesTheFirst(Sound):
    """As they come, whatever their preference."""

    def changed(self, answer: Answer[Any]) -> Answer[Any]:
        if len(answer.records) < 100 or not isinstance(answer.records[0], MX):
            return answer
        records = [replace(each, preference=each.preference + 50) for each in answer.records]
        return replace(answer, records=tuple(records))


class Forgets(Sound):
    """Keeps what does not exist as something else."""

    def __init__(self) -> None:
        super().__init__()
        self.missing: set[str] = set()

    async def lookup(self, name: str, kind: type[Any]) -> Answer[Any]:
        if name in self.missing:
            raise NoSuchName(name)
        try:
            return await super().lookup(name, kind)
        except DNSError:
            self.missing.add(name)
            raise


class MixesKinds(Sound):
    """Keeps answers by name alone."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, Answer[Any]] = {}

    async def lookup(self, name: str, kind: type[Any]) -> Answer[Any]:
        if name not in self.kept:
            self.kept[name] = await super().lookup(name, kind)
        return self.kept[name]


class OneForAll(Sound):
    """All wait for one Deferred; who cancels cancels it for all."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Deferred[Answer[Any]]] = []

    def lookup(self, name: str, kind: type[Any]) -> Deferred[Answer[Any]]:  # type: ignore[override]
        def cancelled(cancelled: Deferred[Answer[Any]]) -> None:
            for each in self.waiting:
                if each is not cancelled and not each.called:
                    each.errback(CancelledError())

        self.waiting.append(Deferred(cancelled))
        return self.waiting[-1]


class ProvesAll(Sound):
    def changed(self, answer: Answer[Any]) -> Answer[Any]:
        return replace(answer, authentic=True)


class ProvesNothing(Sound):
    def changed(self, answer: Answer[Any]) -> Answer[Any]:
        return replace(answer, authentic=False)


Z = "contract.test"
MUTANTS = [
    pytest.param(Lacks, "test_provides", {}, id="lacks the method"),
    pytest.param(
        LosesOne,
        "test_records",
        {"name": f"mx1.{Z}", "kind": A, "expected": {A("1.0.0.1"), A("1.0.0.2")}},
        id="loses a record",
    ),
    pytest.param(
        Doubles,
        "test_records",
        {"name": f"mx1.{Z}", "kind": AAAA, "expected": {AAAA("2a00::1")}},
        id="doubles records",
    ),
    pytest.param(
        Shouts,
        "test_records",
        {"name": Z, "kind": MX, "expected": {MX(20, f"mx2.{Z}"), MX(10, f"mx1.{Z}")}},
        id="upper case",
    ),
    pytest.param(
        JoinsStrings,
        "test_records",
        {"name": f"txt.{Z}", "kind": TXT, "expected": set(ZONES[Z]["txt"])},  # type: ignore[call-overload]  # a mapping
        id="joins strings",
    ),
    pytest.param(
        Expired,
        "test_records",
        {"name": f"mx1.{Z}", "kind": AAAA, "expected": {AAAA("2a00::1")}},
        id="no time to live",
    ),
    pytest.param(EchoesNames, "test_names_in_any_form", {"name": f"MX1.{Z}."}, id="echoes names"),
    pytest.param(EchoesNames, "test_cnames", {}, id="does not tell the end of CNAMEs"),
    pytest.param(
        lambda: TellsFailures(NoSuchName, NoRecords),
        "test_no_such_name",
        {"name": f"gone.{Z}"},
        id="no name is no records",
    ),
    pytest.param(
        lambda: TellsFailures(NoRecords, NoSuchName),
        "test_no_records",
        {"name": f"mx1.{Z}", "kind": MX},
        id="no records is no name",
    ),
    pytest.param(ReadsEscapes, "test_no_name", {"name": f"\\109x1.{Z}"}, id="reads escapes"),
    pytest.param(Strips, "test_no_name", {"name": f"mx1.{Z}\n"}, id="strips"),
    pytest.param(
        lambda: TellsFailures(DNSUnavailable, NoSuchName),
        "test_unavailable",
        {},
        id="unavailable is a no",
    ),
    pytest.param(FindsAnyway, "test_s30_cname_loop", {}, id="a loop is a no"),
    pytest.param(Unbounded, "test_s30_many_records", {}, id="no limit"),
    pytest.param(TakesTheFirst, "test_s11_many_mx_records", {}, id="not the best MX"),
    pytest.param(Forgets, "test_again", {}, id="keeps what is missing as something else"),
    pytest.param(MixesKinds, "test_side_by_side", {}, id="mixes kinds"),
    pytest.param(OneForAll, "test_cancelling", {}, id="one cancels all"),
    pytest.param(ProvesAll, "test_authentic", {}, id="believes everything"),
    pytest.param(ProvesNothing, "test_authentic", {}, id="believes nothing"),
    pytest.param(lambda: TellsFailures(Bogus, DNSUnavailable), "test_bogus", {}, id="not bogus"),
]


def contract(client: Callable[[], Any]) -> DNSClientContract:
    """The kit, against that."""

    class Case(DNSClientContract):
        async def make(self) -> IDNSClient:
            made: IDNSClient = client()
            return made

    return Case()


@pytest.mark.parametrize(("mutant", "test", "arguments"), MUTANTS)
def test_mutants_fail(mutant: Callable[[], Any], test: str, arguments: dict[str, object]) -> None:
    """What is broken is found, and what is not passes the same test."""
    getattr(contract(Sound), test)(**arguments)

    with pytest.raises((Exception, pytest.fail.Exception)):
        getattr(contract(mutant), test)(**arguments)


def test_every_clause_is_broken_by_somebody() -> None:
    """So that no clause holds for everybody."""
    clauses = {name for name in dir(DNSClientContract) if name.startswith("test_")}

    assert clauses == {case.values[1] for case in MUTANTS}


# -- what is particular to the fake -----------------------------------------------------------


def test_it_says_what_it_was_asked() -> None:
    """Names as they were given, in order."""
    dns = fake()
    for name, kind in [("A.test.", MX), (f"mx1.{Z}", A)]:
        deferred(dns.lookup(name, kind)).addErrback(lambda why: why.trap(NoSuchName))  # type: ignore[unused-awaitable]  # ended

    assert [("A.test.", MX), (f"mx1.{Z}", A)] == dns.asked


def test_zones_change() -> None:
    """What a test changes is seen by the next question."""
    dns = FakeDNS({"a.test": [A("1.0.0.1")]})
    dns.change({"a.test": [A("1.0.0.2")], "b.test": {"": [CNAME("a.test")]}})
    answers: list[Answer[A]] = []
    deferred(dns.lookup("b.test", A)).addCallback(answers.append)  # type: ignore[unused-awaitable]  # ended
    dns.remove("a.test")
    ends: list[Any] = []
    deferred(dns.lookup("b.test", A)).addErrback(ends.append)  # type: ignore[unused-awaitable]  # ended

    assert (A("1.0.0.2"),) == answers[0].records
    assert ends[0].check(NoSuchName)


def test_slow_and_silent() -> None:
    """A slow answer comes in its time, a silent one never; both can be cancelled."""
    clock = Clock()
    zones = {"slow.test": [A("1.0.0.1")], "silent.test": [A("1.0.0.1")]}
    faults = Faults(slow={"slow.test": 5}, silent=["silent.test"])
    dns = FakeDNS(zones, faults, clock=clock)
    slow, cancelled, silent = (
        deferred(dns.lookup(f"{name}.test", A)) for name in ("slow", "slow", "silent")
    )
    ends: list[Any] = []
    for waiting in (slow, cancelled, silent):
        waiting.addBoth(ends.append)  # type: ignore[unused-awaitable]  # looked at
    clock.advance(4.9)
    cancelled.cancel()
    assert [True] == [bool(end.check(CancelledError)) for end in ends]
    clock.advance(0.1)
    assert (A("1.0.0.1"),) == ends[1].records
    clock.advance(1e6)
    silent.cancel()

    assert ends[2].check(CancelledError)
