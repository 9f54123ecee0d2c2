"""
Records of dnspython's as records of our own, and no more of them than anybody needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import MappingProxyType
from typing import Any, TypeVar, cast

from dns.rdatatype import RdataType

from pymta.dns.names import to_text
from pymta.interfaces.dns import AAAA, MX, PTR, TLSA, TXT, A, Record

__all__ = ["KINDS", "MAX_RECORDS", "most", "own"]

MAX_RECORDS = 100
"""More records an answer than this are left out, as Postfix does."""

KINDS = MappingProxyType(
    {
        A: RdataType.A,
        AAAA: RdataType.AAAA,
        MX: RdataType.MX,
        PTR: RdataType.PTR,
        TXT: RdataType.TXT,
        TLSA: RdataType.TLSA,
    }
)
"""The number of each kind of records."""

R = TypeVar("R", A, AAAA, MX, PTR, TXT, TLSA)

# dnspython's records have the fields of their kind, and no class that says so.
_OWN: MappingProxyType[RdataType, Callable[[Any], Record]] = MappingProxyType(
    {
        RdataType.A: lambda record: A(record.address),
        RdataType.AAAA: lambda record: AAAA(record.address),
        RdataType.MX: lambda record: MX(record.preference, to_text(record.exchange)),
        RdataType.PTR: lambda record: PTR(to_text(record.target)),
        RdataType.TXT: lambda record: TXT(tuple(record.strings)),
        RdataType.TLSA: lambda record: _tlsa(record.to_wire()),
    }
)


def own(kind: type[R], records: Iterable[Any]) -> tuple[R, ...]:
    """The records as ours, in their order, but for those of :func:`most`."""
    make = cast("Callable[[Any], R]", _OWN[KINDS[kind]])
    return most(list(dict.fromkeys(make(record) for record in records)))


def _tlsa(octets: bytes) -> TLSA:
    return TLSA(usage=octets[0], selector=octets[1], matching=octets[2], data=octets[3:])


def most(records: Sequence[R]) -> tuple[R, ...]:
    """As many as may be: the first ones, but of MX records those that are preferred."""
    if len(records) <= MAX_RECORDS:
        return tuple(records)
    return tuple(sorted(records, key=_preference)[:MAX_RECORDS])


def _preference(record: Record) -> int:
    return record.preference if isinstance(record, MX) else 0
