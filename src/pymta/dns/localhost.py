"""
This machine by its name, which is in no zone (:rfc:`6761#section-6.3`).

Operators write ``localhost:10025`` for a server next to this one; a resolver that is asked says
that there is no such name, or tells others that we have asked.
"""

from __future__ import annotations

from typing import Any

from pymta.errors import NoRecords
from pymta.interfaces.dns import AAAA, A, Answer, Record

__all__ = ["is_localhost", "localhost"]

_RECORDS: dict[type[Record], Record] = {A: A("127.0.0.1"), AAAA: AAAA("::1")}
_TTL = 3600


def is_localhost(name: str) -> bool:
    """:param name: a canonical one."""
    return name == "localhost" or name.endswith(".localhost")


def localhost(name: str, kind: type[Any]) -> Answer[Any]:
    """Its loopback addresses.  :raises pymta.errors.NoRecords: of all other kinds."""
    record = _RECORDS.get(kind)
    if record is None:
        raise NoRecords(f"{name} {kind.__name__}")
    return Answer(records=(record,), canonical=name, ttl=_TTL)
