"""
Asking the DNS, in values of our own.

The class of a record is the question: ``await dns.lookup("example.org", MX)``.  Names are
A-labels in lower case, without the trailing dot.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from zope.interface import Interface

__all__ = ["AAAA", "MX", "PTR", "TLSA", "TXT", "A", "Answer", "IDNSClient", "Record"]


@dataclass(frozen=True, slots=True)
class A:
    """:param address: dotted decimal."""

    address: str


@dataclass(frozen=True, slots=True)
class AAAA:
    """:param address: as :rfc:`5952` writes it."""

    address: str


@dataclass(frozen=True, slots=True)
class MX:
    """:param exchange: empty for the root, which is a null MX (:rfc:`7505`)."""

    preference: int
    exchange: str


@dataclass(frozen=True, slots=True)
class PTR:
    name: str


@dataclass(frozen=True, slots=True)
class TXT:
    """:param strings: as they are in the record; whoever asks joins them."""

    strings: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSA:
    """:rfc:`6698#section-2.1`; numbers that nobody has assigned come as they are."""

    usage: int
    selector: int
    matching: int
    data: bytes


Record: TypeAlias = A | AAAA | MX | PTR | TXT | TLSA

R = TypeVar("R", A, AAAA, MX, PTR, TXT, TLSA)
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[R_co]):
    """
    At least one record.

    :param canonical: the name at the end of the CNAMEs; the one asked for without any.
    :param ttl: seconds for which it may be kept.
    :param authentic: whether a resolver that is trusted says that DNSSEC proves it.
    """

    records: tuple[R_co, ...]
    canonical: str
    ttl: int
    authentic: bool = False


class IDNSClient(Interface):
    """Looks names up; bounds the time, the count of records and the length of CNAME chains."""

    def lookup(name: str, kind: type[R]) -> Awaitable[Answer[R]]:
        """
        All records of one kind.

        :param name: A-labels in any case, with or without the trailing dot.
        :raises pymta.errors.NoSuchName: there is no such name.
        :raises pymta.errors.NoRecords: there is, without such records.
        :raises pymta.errors.DNSUnavailable: nobody knows now.
        :raises pymta.errors.Bogus: it failed DNSSEC validation.
        """
