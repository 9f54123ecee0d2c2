"""
The contract kit of :class:`~pymta.interfaces.dns.IDNSClient`.

Subclass it and say in ``make`` how a client of yours comes to see :data:`ZONES`; and to the faults
that are named here, or set the attribute that says that it cannot.  Nothing of it needs the
Internet.
"""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from pymta.aio import CancelledError, deferred, gather
from pymta.errors import Bogus, DNSUnavailable, NoRecords, NoSuchName
from pymta.interfaces.dns import AAAA, MX, PTR, TLSA, TXT, A, Answer, IDNSClient, Record
from pymta.testing.contracts.provider_case import ProviderCase, case
from pymta.testing.dns import CNAME, Zones

__all__ = ["AUTHENTIC", "BOGUS", "LATER", "ZONES", "DNSClientContract"]

ZONE = "contract.test"
LATER = f"later.{ZONE}"
"""A name of which nobody knows anything now."""
AUTHENTIC = "authentic.test"
"""A name with one address, 1.0.0.1, that DNSSEC proves."""
BOGUS = f"bogus.{AUTHENTIC}"
"""A name whose records fail DNSSEC validation."""

ZONES: Zones = {
    ZONE: {
        "": [MX(20, f"mx2.{ZONE}"), MX(10, f"MX1.{ZONE.upper()}."), TXT((b"v=spf1 -all",))],
        "mx1": [A("1.0.0.1"), A("1.0.0.2"), AAAA("2a00::1")],
        "null": [MX(0, "")],
        "txt": [TXT((b"one ", b"two")), TXT((b'\0\xff"\\;',)), TXT((b"x" * 255, b""))],
        "_25._tcp.mx1": [TLSA(usage=3, selector=1, matching=1, data=b"\0\1\xff\t" * 8)],
        "strange": [TLSA(usage=255, selector=254, matching=9, data=b"?")],
        "1.0.0.127.rev": [PTR(f"MX1.{ZONE}.")],
        "nothing": [],
        "alias": [CNAME(f"Alias2.{ZONE}")],
        "alias2": [CNAME(f"mx1.{ZONE}")],
        "to-nothing": [CNAME(f"nothing.{ZONE}")],
        "to-nowhere": [CNAME(f"gone.{ZONE}")],
        "loop1": [CNAME(f"loop2.{ZONE}")],
        "loop2": [CNAME(f"loop1.{ZONE}")],
        "many": [A(f"1.0.{n}.1") for n in range(150)],
        "many-mx": [MX(n, f"mx{n}.{ZONE}") for n in reversed(range(150))],
        "below.between": [A("1.0.0.3")],
    }
}
"""What the client under test must see."""

ANSWERS = [
    pytest.param(f"mx1.{ZONE}", A, {A("1.0.0.1"), A("1.0.0.2")}, id="A"),
    pytest.param(f"mx1.{ZONE}", AAAA, {AAAA("2a00::1")}, id="AAAA"),
    pytest.param(ZONE, MX, {MX(20, f"mx2.{ZONE}"), MX(10, f"mx1.{ZONE}")}, id="MX"),
    pytest.param(f"null.{ZONE}", MX, {MX(0, "")}, id="null MX, RFC 7505"),
    pytest.param(f"1.0.0.127.rev.{ZONE}", PTR, {PTR(f"mx1.{ZONE}")}, id="PTR"),
    pytest.param(
        f"txt.{ZONE}",
        TXT,
        {TXT((b"one ", b"two")), TXT((b'\0\xff"\\;',)), TXT((b"x" * 255, b""))},
        id="TXT",
    ),
    pytest.param(
        f"_25._tcp.mx1.{ZONE}",
        TLSA,
        {TLSA(usage=3, selector=1, matching=1, data=b"\0\1\xff\t" * 8)},
        id="TLSA",
    ),
    pytest.param(
        f"strange.{ZONE}",
        TLSA,
        {TLSA(usage=255, selector=254, matching=9, data=b"?")},
        id="TLSA of numbers that nobody has assigned",
    ),
]

NO_NAMES = [
    pytest.param("", id="empty"),
    pytest.param(".", id="root"),
    pytest.param(f"mx1..{ZONE}", id="empty label"),
    pytest.param(f".mx1.{ZONE}", id="dot in front"),
    pytest.param(f"mx1.{ZONE}..", id="two dots behind"),
    pytest.param("a" * 64 + f".{ZONE}", id="long label"),
    pytest.param(("a" * 61 + ".") * 5 + ZONE, id="long name"),
    pytest.param(f"a b.{ZONE}", id="space"),
    pytest.param(f"mx1\\.{ZONE}", id="backslash"),
    pytest.param(f"\\109x1.{ZONE}", id="escape"),
    pytest.param(f"mx1.{ZONE}\n", id="line feed"),
    pytest.param(f"mx1\0.{ZONE}", id="NUL"),
    pytest.param(f"\ud800.{ZONE}", id="no character"),
]


class DNSClientContract(ProviderCase[IDNSClient]):
    """
    What every client does.

    :cvar validates: whether :data:`AUTHENTIC` and :data:`BOGUS` are what they say.
    """

    validates = True

    @case
    async def test_provides(self, dns: IDNSClient) -> None:
        """It has the method, with its arguments."""
        assert verifyObject(IDNSClient, dns)

    @pytest.mark.parametrize(("name", "kind", "expected"), ANSWERS)
    @case
    async def test_records(
        self, dns: IDNSClient, name: str, kind: type[A], expected: set[Record]
    ) -> None:
        """All records of the kind, and no others, with the names in them in lower case."""
        answer = await dns.lookup(name, kind)

        assert len(expected) == len(answer.records)
        assert expected == set(answer.records)
        assert name == answer.canonical
        assert answer.ttl > 0

    @pytest.mark.parametrize(
        "name", ["MX1.Contract.TEST", "mx1.contract.test.", "MX1.contract.test."]
    )
    @case
    async def test_names_in_any_form(self, dns: IDNSClient, name: str) -> None:
        """Case and a trailing dot mean nothing, and do not come back."""
        answer = await dns.lookup(name, AAAA)

        assert (f"mx1.{ZONE}", (AAAA("2a00::1"),)) == (answer.canonical, answer.records)

    @case
    async def test_cnames(self, dns: IDNSClient) -> None:
        """CNAMEs are followed, and their end is told."""
        answer = await dns.lookup(f"alias.{ZONE}", AAAA)

        assert (f"mx1.{ZONE}", (AAAA("2a00::1"),)) == (answer.canonical, answer.records)

    @pytest.mark.parametrize("name", [f"gone.{ZONE}", f"to-nowhere.{ZONE}", f"x.gone.{ZONE}"])
    @case
    async def test_no_such_name(self, dns: IDNSClient, name: str) -> None:
        """What does not exist is told apart from what has nothing, also behind CNAMEs."""
        with pytest.raises(NoSuchName):
            await dns.lookup(name, A)

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            (f"nothing.{ZONE}", A),
            (f"mx1.{ZONE}", MX),
            (f"to-nothing.{ZONE}", A),
            (f"alias.{ZONE}", MX),
            (f"between.{ZONE}", A),
        ],
    )
    @case
    async def test_no_records(self, dns: IDNSClient, name: str, kind: type[A]) -> None:
        """A name that exists and has no records of the kind, also behind CNAMEs."""
        with pytest.raises(NoRecords):
            await dns.lookup(name, kind)

    @pytest.mark.parametrize("name", NO_NAMES)
    @case
    async def test_no_name(self, dns: IDNSClient, name: str) -> None:
        """What can be no name does not exist; nothing in it is an escape."""
        with pytest.raises(NoSuchName):
            await dns.lookup(name, AAAA)

    @case
    async def test_unavailable(self, dns: IDNSClient) -> None:
        """That nobody knows is not a "no"."""
        with pytest.raises(DNSUnavailable):
            await dns.lookup(LATER, A)

    @case
    async def test_s30_cname_loop(self, dns: IDNSClient) -> None:
        """CNAMEs that lead round and round end as if nobody knew."""
        with pytest.raises(DNSUnavailable):
            await dns.lookup(f"loop1.{ZONE}", A)

    @case
    async def test_s30_many_records(self, dns: IDNSClient) -> None:
        """No more than 100 records come; any of them are the name's."""
        answer = await dns.lookup(f"many.{ZONE}", A)

        assert 100 == len(answer.records)
        assert set(answer.records) <= {A(f"1.0.{n}.1") for n in range(150)}

    @case
    async def test_s11_many_mx_records(self, dns: IDNSClient) -> None:
        """Of MX records the best come."""
        answer = await dns.lookup(f"many-mx.{ZONE}", MX)

        assert list(range(100)) == sorted(record.preference for record in answer.records)

    @case
    async def test_again(self, dns: IDNSClient) -> None:
        """The same question has the same answer again, and so has what does not exist."""
        for _ in range(2):
            answer = await dns.lookup(f"mx1.{ZONE}", AAAA)
            assert (AAAA("2a00::1"),) == answer.records
            with pytest.raises(NoSuchName):
                await dns.lookup(f"gone.{ZONE}", A)
            with pytest.raises(NoRecords):
                await dns.lookup(f"nothing.{ZONE}", A)
            with pytest.raises(NoRecords):
                await dns.lookup(f"mx1.{ZONE}", MX)

    @case
    async def test_side_by_side(self, dns: IDNSClient) -> None:
        """Many questions at one time, equal ones and others, each have their own answer."""
        kinds: list[type[A] | type[AAAA]] = [A, AAAA] * 10
        answers = await gather([_records(dns, kind) for kind in kinds])

        assert [2, 1] * 10 == [len(records) for records in answers]
        assert all(
            type(each) is kind for kind, got in zip(kinds, answers, strict=True) for each in got
        )

    @case
    async def test_cancelling(self, dns: IDNSClient) -> None:
        """Whoever does not want to know any more does not disturb the others."""
        first, second, third = (deferred(dns.lookup(f"mx1.{ZONE}", AAAA)) for _ in "123")
        second.cancel()
        try:
            await second
        except CancelledError:
            pass  # unless it had ended before
        answers: list[Answer[AAAA]] = await gather([first, third])

        assert [(AAAA("2a00::1"),)] * 2 == [answer.records for answer in answers]

    @case
    async def test_authentic(self, dns: IDNSClient) -> None:
        """What DNSSEC proves is told from what it does not."""
        self._skip_unless_it_validates()

        assert (await dns.lookup(AUTHENTIC, A)).authentic
        assert not (await dns.lookup(f"mx1.{ZONE}", A)).authentic

    @case
    async def test_bogus(self, dns: IDNSClient) -> None:
        """What fails validation is told from what nobody knows."""
        self._skip_unless_it_validates()
        with pytest.raises(Bogus):
            await dns.lookup(BOGUS, A)

    def _skip_unless_it_validates(self) -> None:
        if not self.validates:
            pytest.skip("the client's zones are not signed: validates is False")


async def _records(dns: IDNSClient, kind: type[A] | type[AAAA]) -> tuple[A, ...] | tuple[AAAA, ...]:
    if kind is A:
        return (await dns.lookup(f"mx1.{ZONE}", A)).records
    return (await dns.lookup(f"mx1.{ZONE}", AAAA)).records
