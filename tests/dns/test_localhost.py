"""
Tests for this machine's own name, about which nobody is asked.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from pymta.aio import deferred
from pymta.dns.client import DNSClient
from pymta.dns.localhost import is_localhost
from pymta.errors import NoRecords
from pymta.interfaces.dns import AAAA, MX, TXT, A


def answered(name: str, kind: Any) -> Any:
    """What a client without any server says at once."""
    results: list[Any] = []
    _ = deferred(DNSClient(MemoryReactorClock(), []).lookup(name, kind)).addBoth(results.append)
    (result,) = results
    if hasattr(result, "raiseException"):
        result.raiseException()
    return result


@pytest.mark.parametrize("name", ["localhost", "LocalHost.", "mail.localhost"])
@pytest.mark.parametrize("record", [A("127.0.0.1"), AAAA("::1")], ids=["A", "AAAA"])
def test_loopback(name: str, record: A | AAAA) -> None:
    """
    Its addresses are those of the loopback interface, and nothing says that DNSSEC proves it.
    """
    answer = answered(name, type(record))

    assert ((record,), False) == (answer.records, answer.authentic)
    assert name.lower().rstrip(".") == answer.canonical


@pytest.mark.parametrize("kind", [MX, TXT])
def test_nothing_else(kind: Any) -> None:
    """
    It exists, and has no other records.
    """
    with pytest.raises(NoRecords):
        answered("localhost", kind)


@pytest.mark.parametrize("name", ["localhost.test", "xlocalhost", "local", "localhostx"])
def test_other_names(name: str) -> None:
    """
    Names that look like it are others'.
    """
    assert not is_localhost(name)
