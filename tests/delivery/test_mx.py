"""
Tests for finding the hosts of next hops: every form of them, every answer of the DNS.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from pymta.aio import CancelledError, deferred
from pymta.delivery.mx import Limits, MXFinder
from pymta.edge.peers import Peers
from pymta.errors import Refused
from pymta.interfaces.dns import AAAA, MX, A
from pymta.interfaces.relay import Destination, Host, IDestinationFinder
from pymta.testing.dns import CNAME, FakeDNS, Faults, Zones

# Of nobody in particular; documentation's own addresses are refused, as others should refuse them.
PUBLIC = "198.41.0.4"
OTHER = "199.9.14.201"
PUBLIC6 = "2606:4700::1111"

ZONES: Zones = {
    "example.test": [MX(20, "mx2.example.test"), MX(10, "mx1.example.test")],
    "mx1.example.test": [A(PUBLIC), AAAA(PUBLIC6)],
    "mx2.example.test": [A(OTHER)],
    "implicit.test": [A(PUBLIC)],
    "null.test": [MX(0, "")],
    "nothing.test": [],
    "alias.test": [CNAME("example.test")],
    "to-alias.test": [MX(10, "alias.mx.test")],
    "alias.mx.test": [CNAME("mx2.example.test")],
    "host.internal.test": [A("10.0.0.7"), AAAA("fd00::7")],
    "xn--bcher-kva.test": [MX(10, "mx2.example.test")],
}


def finder(dns: FakeDNS, clock: Clock | None = None, **settings: Any) -> MXFinder:
    """One that shuffles always alike, and is called mail.here.test."""
    settings.setdefault("hostname", "mail.here.test")
    below = random.Random(1).randrange
    return MXFinder(dns, clock or Clock(), below=below, **settings)


def ended(finding: Deferred[Destination]) -> Destination:
    """What it found, or raise what it raised; it must have ended."""
    ends: list[Destination | Failure] = []
    finding.addBoth(ends.append)  # type: ignore[unused-awaitable]  # ended already
    [end] = ends
    if isinstance(end, Failure):
        end.raiseException()
    return end


def find(next_hop: str, zones: Zones = ZONES, **settings: Any) -> Destination:
    """What a DNS that answers at once gives."""
    faults = settings.pop("faults", None)
    authentic = settings.pop("authentic", ())
    dns = FakeDNS(zones, faults, authentic=authentic)
    return ended(deferred(finder(dns, **settings).find(next_hop)))


def refused(next_hop: str, zones: Zones = ZONES, **settings: Any) -> tuple[int, str]:
    """The code and status with which it is refused."""
    with pytest.raises(Refused) as caught:
        find(next_hop, zones, **settings)
    return caught.value.reply.code, caught.value.reply.status


def hosts(destination: Destination) -> list[tuple[str, tuple[str, ...], int]]:
    """All of them, short."""
    return [(host.name, host.addresses, host.port) for host in destination.hosts]


def test_provides() -> None:
    """It has the method, with its arguments."""
    assert verifyObject(IDestinationFinder, finder(FakeDNS({})))


FORMS = [
    pytest.param(
        "example.test",
        [("mx1.example.test", (PUBLIC6, PUBLIC), 25), ("mx2.example.test", (OTHER,), 25)],
        id="domain",
    ),
    pytest.param(
        "EXAMPLE.test.",
        [("mx1.example.test", (PUBLIC6, PUBLIC), 25), ("mx2.example.test", (OTHER,), 25)],
        id="domain, other case, dot",
    ),
    pytest.param(
        "example.test:2525",
        [("mx1.example.test", (PUBLIC6, PUBLIC), 2525), ("mx2.example.test", (OTHER,), 2525)],
        id="domain with port",
    ),
    pytest.param("bücher.test", [("mx2.example.test", (OTHER,), 25)], id="U-labels"),
    pytest.param("implicit.test", [("implicit.test", (PUBLIC,), 25)], id="no MX, RFC 5321 5.1"),
    pytest.param(
        "alias.test",
        [("mx1.example.test", (PUBLIC6, PUBLIC), 25), ("mx2.example.test", (OTHER,), 25)],
        id="CNAME, RFC 5321 5.1",
    ),
    pytest.param("to-alias.test", [("alias.mx.test", (OTHER,), 25)], id="MX to a CNAME"),
    pytest.param("[mx1.example.test]", [("mx1.example.test", (PUBLIC6, PUBLIC), 25)], id="host"),
    pytest.param(
        "[mx2.example.test]:587", [("mx2.example.test", (OTHER,), 587)], id="host with port"
    ),
    pytest.param(
        "[host.internal.test]",
        [("host.internal.test", ("fd00::7", "10.0.0.7"), 25)],
        id="private host, of the operator",
    ),
    pytest.param(f"[{PUBLIC}]", [(PUBLIC, (PUBLIC,), 25)], id="IPv4"),
    pytest.param(f"[{PUBLIC}]:26", [(PUBLIC, (PUBLIC,), 26)], id="IPv4 with port"),
    pytest.param(f"[{PUBLIC6}]", [(PUBLIC6, (PUBLIC6,), 25)], id="IPv6"),
    pytest.param(f"[IPv6:{PUBLIC6}]", [(PUBLIC6, (PUBLIC6,), 25)], id="IPv6, RFC 5321 4.1.3"),
    pytest.param(f"[{PUBLIC6}]:26", [(PUBLIC6, (PUBLIC6,), 26)], id="IPv6 with port"),
    pytest.param("[127.0.0.1]:10025", [("127.0.0.1", ("127.0.0.1",), 10025)], id="loopback, port"),
    pytest.param("[::1]:25", [("::1", ("::1",), 25)], id="IPv6 loopback, port"),
    pytest.param("unix:/run/lmtp", [("/run/lmtp", ("/run/lmtp",), 0)], id="UNIX socket"),
]


@pytest.mark.parametrize(("next_hop", "expected"), FORMS)
def test_forms(next_hop: str, expected: Sequence[object]) -> None:
    """Every form of a next hop leads to its hosts, which say what they were asked for."""
    found = find(next_hop)

    assert expected == hosts(found)
    assert next_hop == found.next_hop


NO_FORMS = [
    "",
    ".",
    "a..test",
    "-" * 64 + ".test",
    "a b.test",
    "a\0.test",
    "a\\.test",
    "example.test:",
    "example.test:0",
    "example.test:65536",
    "example.test:25:25",
    "example.test/",
    "[]",
    "[]:25",
    "[example.test",
    "[example.test]25",
    "[[::1]]",
    "::1",
    "2001:db8::1",
    "[300.1.1.1]",
    "[1]",
    "192.0.2.1",
    "198.41.0.4:25",
    "unix:relative",
    "unix:",
    "user@example.test",
    "x" * 300,
]


@pytest.mark.parametrize("next_hop", NO_FORMS)
def test_what_is_no_next_hop(next_hop: str) -> None:
    """It is refused for good, and nobody is asked."""
    dns = FakeDNS(ZONES)
    with pytest.raises(Refused) as caught:
        ended(deferred(finder(dns).find(next_hop)))

    assert (550, "5.1.2") == (caught.value.reply.code, caught.value.reply.status)
    assert [] == dns.asked


@pytest.mark.parametrize("text", ["[", "]" * 50_000, "a" * 1_000_000, "[" + "a:" * 500_000, "."])
def test_hostile_next_hops_cost_nothing(text: str) -> None:
    """Long ones are refused like short ones."""
    assert (550, "5.1.2") == refused(text)


# -- what the DNS says ------------------------------------------------------------------------


def test_s30_null_mx() -> None:
    """A domain that takes no mail is told so at once, with its own code (RFC 7505)."""
    assert (556, "5.1.10") == refused("null.test")
    assert (556, "5.1.10") == refused("null.test", {"null.test": [MX(10, ".")]})
    # Its address is not asked for: there are MX records.
    assert (556, "5.1.10") == refused("null.test", {"null.test": [MX(0, ""), A(PUBLIC)]})


def test_s30_null_mx_next_to_others() -> None:
    """What RFC 7505 forbids is taken as the others alone."""
    zones: Zones = {"both.test": [MX(0, ""), MX(5, "mx.test")], "mx.test": [A(PUBLIC)]}

    assert [("mx.test", (PUBLIC,), 25)] == hosts(find("both.test", zones))


NOT_FOUND = [
    pytest.param("gone.test", {}, (550, "5.1.2"), id="no such domain"),
    pytest.param("nothing.test", {"nothing.test": []}, (550, "5.4.4"), id="neither MX nor address"),
    pytest.param("d.test", {"d.test": [MX(1, "gone.test")]}, (550, "5.4.4"), id="no such host"),
    pytest.param(
        "d.test",
        {"d.test": [MX(1, "mx.test"), A(PUBLIC)], "mx.test": []},
        (550, "5.4.4"),
        id="host without address; the domain's own does not count",
    ),
    pytest.param("d.test", {"d.test": [MX(1, "192.0.2.1")]}, (550, "5.4.4"), id="MX is an address"),
    pytest.param("d.test", {"d.test": [MX(1, "2606:4700::1")]}, (550, "5.4.4"), id="MX is IPv6"),
    pytest.param("d.test", {"d.test": [MX(1, "a b.test")]}, (550, "5.4.4"), id="MX is no name"),
    pytest.param("d.test", {"d.test": [CNAME("gone.test")]}, (550, "5.1.2"), id="CNAME to nothing"),
    pytest.param("[gone.test]", {}, (451, "4.3.5"), id="the operator's host does not exist"),
    pytest.param("[gone.test]:25", {"gone.test": []}, (451, "4.3.5"), id="and has no address"),
]


@pytest.mark.parametrize(("next_hop", "zones", "expected"), NOT_FOUND)
def test_not_found(next_hop: str, zones: Zones, expected: tuple[int, str]) -> None:
    """Each reason for having no host has its status; an operator's mistake bounces nothing."""
    assert expected == refused(next_hop, zones)


@pytest.mark.parametrize(
    ("next_hop", "faults"),
    [
        pytest.param("example.test", Faults(unavailable=["example.test"]), id="MX unavailable"),
        pytest.param("example.test", Faults(bogus=["example.test"]), id="MX bogus"),
        pytest.param(
            "example.test",
            Faults(unavailable=["mx1.example.test", "mx2.example.test"]),
            id="no host available",
        ),
        pytest.param(
            "example.test",
            Faults(bogus=["mx1.example.test", "mx2.example.test"]),
            id="hosts bogus",
        ),
        pytest.param(
            "implicit.test", Faults(unavailable=["implicit.test"]), id="implicit MX unavailable"
        ),
        pytest.param(
            "[mx1.example.test]:25", Faults(unavailable=["mx1.example.test"]), id="host unavailable"
        ),
        pytest.param("alias.test", Faults(unavailable=["example.test"]), id="end of the CNAME"),
    ],
)
def test_a_failed_look_up_is_never_a_no(next_hop: str, faults: Faults) -> None:
    """Whatever cannot be found out now is tried again."""
    assert (451, "4.4.3") == refused(next_hop, faults=faults)


def test_the_log_is_told_why() -> None:
    """What was found out about the hosts, and of many hosts not all of it."""
    zones: dict[str, Any] = {f"mx{n}.test": [A(f"10.0.0.{n}")] for n in range(20)}
    zones["d.test"] = [MX(n, f"mx{n}.test") for n in range(20)]
    with pytest.raises(Refused, match=r"10\.0\.0\.1 is not public") as many:
        find("d.test", zones)
    faults = Faults(unavailable=["mx1.example.test", "mx2.example.test"])
    with pytest.raises(Refused, match=r"mx1\.example\.test.*mx2\.example\.test") as unavailable:
        find("example.test", faults=faults)

    assert len(str(many.value)) < 300
    assert "mx1" not in unavailable.value.reply.text


def test_some_hosts_cannot_be_found_now() -> None:
    """The others are tried."""
    faults = Faults(unavailable=["mx1.example.test"])

    assert [("mx2.example.test", (OTHER,), 25)] == hosts(find("example.test", faults=faults))


def test_one_pending_host_makes_all_of_it_pending() -> None:
    """As long as one host may exist, the domain has not been found to have none."""
    zones: Zones = {"d.test": [MX(1, "gone.test"), MX(2, "later.test")], "later.test": [A(PUBLIC)]}

    assert (451, "4.4.3") == refused("d.test", zones, faults=Faults(unavailable=["later.test"]))


def test_one_family_is_enough() -> None:
    """A host that has addresses of one family is found, whatever happens to the other."""
    assert [("mx2.example.test", (OTHER,), 25)] == hosts(find("[mx2.example.test]"))
    assert [("mx1.example.test", (PUBLIC,), 25)] == hosts(find("[mx1.example.test]", families=(A,)))


def test_families_take_turns() -> None:
    """IPv6 and IPv4 alternate, each in the order of the resolver."""
    zones: Zones = {
        "mx.test": [A("1.0.0.3"), A("1.0.0.1"), A("1.0.0.2"), AAAA("2a00::2"), AAAA("2a00::1")]
    }

    [(_, mixed, _)] = hosts(find("[mx.test]", zones))
    [(_, others, _)] = hosts(find("[mx.test]", zones, families=(A, AAAA)))
    assert ("2a00::2", "1.0.0.3", "2a00::1", "1.0.0.1", "1.0.0.2") == mixed
    assert ("1.0.0.3", "2a00::2", "1.0.0.1", "2a00::1", "1.0.0.2") == others


AUTHENTIC = [
    pytest.param("example.test", ["example.test"], True, id="MX proven"),
    pytest.param("example.test", ["mx1.example.test"], False, id="addresses alone"),
    pytest.param("implicit.test", ["implicit.test"], True, id="implicit MX"),
    pytest.param("implicit.test", [], False, id="implicit MX, not proven"),
    pytest.param("[mx1.example.test]:25", ["mx1.example.test"], True, id="host"),
    pytest.param("[127.0.0.1]:25", ["mx1.example.test"], False, id="literal"),
]


@pytest.mark.parametrize(("next_hop", "authentic", "expected"), AUTHENTIC)
def test_authentic(next_hop: str, authentic: Sequence[str], expected: bool) -> None:
    """DNSSEC must prove the MX records, or the addresses of what has none (RFC 7672 2.2)."""
    assert expected is find(next_hop, authentic=authentic).authentic


# -- loops ------------------------------------------------------------------------------------

OWN = "mail.here.test"
HERE: Zones = {
    OWN: [A(OTHER)],
    "backup.test": [
        MX(10, "first.test"),
        MX(20, OWN.upper()),
        MX(20, "same.test"),
        MX(30, "z.test"),
    ],
    "best.test": [MX(10, OWN), MX(10, "first.test"), MX(20, "z.test")],
    "only.test": [MX(10, OWN)],
    "alias.test": [MX(10, "other.here.test")],
    "other.here.test": [CNAME(OWN)],
    "moved.test": [CNAME(OWN)],
    "by-address.test": [MX(5, "first.test"), MX(10, "somebody.test"), MX(20, "z.test")],
    "somebody.test": [A("1.0.0.1"), A(OTHER)],
    "first.test": [A(PUBLIC)],
    "same.test": [A(PUBLIC)],
    "z.test": [A(PUBLIC)],
}


def test_a_backup_relays_to_better_hosts_alone() -> None:
    """Hosts of its own preference and worse are left out (RFC 5321 5.1)."""
    assert [("first.test", (PUBLIC,), 25)] == hosts(find("backup.test", HERE))


@pytest.mark.parametrize("next_hop", ["best.test", "only.test", OWN, "alias.test", "moved.test"])
def test_mail_that_would_come_back(next_hop: str) -> None:
    """Where no better host is left, that is an error for good."""
    assert (554, "5.4.6") == refused(next_hop, HERE)


def test_own_names_and_addresses() -> None:
    """It is known by each of its names and addresses."""
    own = Peers((OTHER,))

    assert (554, "5.4.6") == refused(
        "x.test", {"x.test": [MX(1, "mx.here.test")]}, names=["MX.here.test."]
    )
    assert [("first.test", (PUBLIC,), 25)] == hosts(
        find("by-address.test", HERE, own_addresses=own)
    )
    assert (554, "5.4.6") == refused(f"[{OTHER}]", own_addresses=own)
    assert (554, "5.4.6") == refused("x.test", {"x.test": [A(OTHER)]}, own_addresses=own)
    # The operator's own doing: a filter that listens on another port.
    assert [(OTHER, (OTHER,), 10025)] == hosts(find(f"[{OTHER}]:10025", own_addresses=own))


# -- hostile zones ----------------------------------------------------------------------------

PRIVATE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "fc00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


def _zone(address: str) -> Zones:
    record = AAAA(address) if ":" in address else A(address)
    return {"evil.test": [MX(10, "mx.evil.test")], "mx.evil.test": [record], "a.test": [record]}


@pytest.mark.parametrize("address", PRIVATE)
def test_s30_addresses_that_are_not_public(address: str) -> None:
    """No domain leads into the network, by MX, by address record or by literal."""
    assert (550, "5.4.4") == refused("evil.test", _zone(address))
    assert (550, "5.4.4") == refused("a.test", _zone(address))
    assert (550, "5.4.4") == refused("evil.test:2525", _zone(address))
    assert (550, "5.4.4") == refused(f"[{address}]", {})
    assert (550, "5.4.4") == refused(f"[IPv6:{address}]", {})


@pytest.mark.parametrize("address", PRIVATE)
def test_s30_unless_allowed(address: str) -> None:
    """What the operator allows is taken; and what has a port was the operator's."""
    allow = Peers((address,))

    assert (address,) == find("evil.test", _zone(address), allow=allow).hosts[0].addresses
    assert 1 == len(find(f"[{address}]", {}, allow=allow).hosts)
    assert 1 == len(find(f"[{address}]:25", {}).hosts)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "198.41.0.4", "223.255.255.1", "2606:4700::1111", "2a00::1", "64:ff9b::101:101"],
)
def test_s30_public_addresses(address: str) -> None:
    """Hosts of the Internet are found, also through a translator (RFC 6052)."""
    assert (address,) == find("evil.test", _zone(address)).hosts[0].addresses


def test_s30_public_ones_among_others() -> None:
    """Of several addresses those that are public remain."""
    zones: Zones = {"d.test": [A("127.0.0.1"), A(PUBLIC), AAAA("::1")]}

    assert [("d.test", (PUBLIC,), 25)] == hosts(find("d.test", zones))


def test_s30_cname_loop() -> None:
    """CNAMEs that lead round and round are no answer: tried again later, not for ever now."""
    zones: Zones = {"a.test": [CNAME("b.test")], "b.test": [CNAME("a.test")]}

    assert (451, "4.4.3") == refused("a.test", zones)
    assert (451, "4.4.3") == refused("d.test", {"d.test": [MX(1, "a.test")], **zones})


def test_s11_s30_many_mx_records() -> None:
    """Of 150 hosts some are looked up and tried, the best ones, and each has its addresses."""
    zones: dict[str, Any] = {f"mx{n}.test": [A(f"1.0.0.{n}")] for n in range(150)}
    zones["many.test"] = [MX(n, f"mx{n}.test") for n in reversed(range(150))]
    dns = FakeDNS(zones)
    found = ended(deferred(finder(dns).find("many.test")))

    assert [f"mx{n}.test" for n in range(20)] == [host.name for host in found.hosts]
    assert 1 + 2 * 20 == len(dns.asked)


def test_s11_many_hosts_of_which_the_first_are_unusable() -> None:
    """Hosts that were not looked up may be usable: the mail is not returned."""
    zones: Zones = {"many.test": [MX(n, f"gone{n}.test") for n in range(150)]}

    assert (451, "4.4.3") == refused("many.test", zones)


def test_s11_many_addresses() -> None:
    """A host has eight at most; and many hosts have 40 between them, but each has one."""
    many = [A(f"1.0.{n}.1") for n in range(90)]
    zones: dict[str, Any] = {f"mx{n}.test": many for n in range(20)}
    zones["many.test"] = [MX(1, f"mx{n}.test") for n in range(20)]
    few = Limits(addresses=5)

    assert 8 == len(find("[mx1.test]", zones).hosts[0].addresses)
    assert [2] * 20 == [len(host.addresses) for host in find("many.test", zones).hosts]
    assert [1] * 20 == [len(host.addresses) for host in find("many.test", zones, limits=few).hosts]


# -- time -------------------------------------------------------------------------------------


def test_hosts_are_looked_up_side_by_side() -> None:
    """Five at a time, so that slow ones cost little."""
    clock = Clock()
    names = [f"mx{n}.test" for n in range(10)]
    zones: dict[str, Any] = {name: [A(PUBLIC)] for name in names}
    zones["d.test"] = [MX(n, name) for n, name in enumerate(names)]
    dns = FakeDNS(zones, Faults(slow=dict.fromkeys(names, 3.0)), clock=clock)
    finding = deferred(finder(dns, clock).find("d.test"))
    clock.advance(3)
    assert 1 + 2 * 10 == len(dns.asked)
    assert not finding.called
    clock.advance(3)

    assert names == [host.name for host in ended(finding).hosts]
    assert [] == clock.getDelayedCalls()


@pytest.mark.parametrize(
    ("silent", "expected"),
    [
        pytest.param(["example.test"], None, id="MX"),
        pytest.param(["mx1.example.test"], [("mx2.example.test", (OTHER,), 25)], id="one host"),
        pytest.param(["mx1.example.test", "mx2.example.test"], None, id="all hosts"),
    ],
)
def test_time_is_limited(silent: Sequence[str], expected: Sequence[object] | None) -> None:
    """Who never answers is left out when the time is up; the others are tried."""
    clock = Clock()
    dns = FakeDNS(ZONES, Faults(silent=silent))
    finding = deferred(finder(dns, clock).find("example.test"))
    clock.advance(59.9)
    assert not finding.called
    clock.advance(0.1)

    if expected is None:
        with pytest.raises(Refused) as caught:
            ended(finding)
        assert (451, "4.4.3") == (caught.value.reply.code, caught.value.reply.status)
    else:
        assert expected == hosts(ended(finding))
    assert [] == clock.getDelayedCalls()


def test_the_operators_host_has_as_much_time() -> None:
    """A host in brackets that nobody answers for is tried again."""
    clock = Clock()
    finding = deferred(
        finder(FakeDNS(ZONES, Faults(silent=["gone.test"])), clock).find("[gone.test]")
    )
    clock.advance(60)

    with pytest.raises(Refused) as caught:
        ended(finding)
    assert (451, "4.4.3") == (caught.value.reply.code, caught.value.reply.status)


@pytest.mark.parametrize("silent", ["example.test", "mx1.example.test"])
def test_cancelling(silent: str) -> None:
    """Whoever does not want to know any more ends it, wherever it is."""
    clock = Clock()
    finding = deferred(finder(FakeDNS(ZONES, Faults(silent=[silent])), clock).find("example.test"))
    finding.cancel()

    with pytest.raises(CancelledError):
        ended(finding)
    assert [] == clock.getDelayedCalls()


# -- order ------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12)), min_size=1, max_size=30),
    st.integers(0, 2**32),
)
def test_order_of_hosts(records: Sequence[tuple[int, int]], seed: int) -> None:
    """Every host comes once, by its best preference, before this one's."""
    own_at = min((pref for pref, n in records if n == 0), default=99)
    best: dict[str, int] = {}
    for pref, n in records:
        if pref < own_at:
            best[f"mx{n}.test"] = min(pref, best.get(f"mx{n}.test", 99))
    zones: dict[str, Any] = {f"mx{n}.test": [A(PUBLIC)] for n in range(13)}
    zones["d.test"] = [MX(pref, f"mx{n}.test") for pref, n in records]
    dns = FakeDNS(zones)
    finding = deferred(
        MXFinder(dns, Clock(), hostname="mx0.test", below=random.Random(seed).randrange).find(
            "d.test"
        )
    )
    if not best:
        with pytest.raises(Refused) as caught:
            ended(finding)
        assert "5.4.6" == caught.value.reply.status
        return
    names = [host.name for host in ended(finding).hosts]

    assert sorted(best) == sorted(names)
    assert sorted(best.values()) == [best[name] for name in names]


def test_equal_hosts_share_the_load() -> None:
    """Each of three hosts of equal preference is first in about a third of all attempts."""
    zones: dict[str, Any] = {f"mx{n}.test": [A(PUBLIC)] for n in range(3)}
    zones["d.test"] = [MX(10, f"mx{n}.test") for n in range(3)]
    one = finder(FakeDNS(zones))
    firsts = [ended(deferred(one.find("d.test"))).hosts[0].name for _ in range(600)]

    assert all(150 < firsts.count(f"mx{n}.test") < 250 for n in range(3))


def test_values() -> None:
    """A destination says all that connecting needs."""
    expected = Destination(
        next_hop="implicit.test", hosts=(Host(name="implicit.test", addresses=(PUBLIC,)),)
    )

    assert expected == find("implicit.test")
