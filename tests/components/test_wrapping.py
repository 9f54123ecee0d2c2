"""
Tests for wrapping a part: it stays what it is.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock
from zope.interface import Interface, alsoProvides, implementer, providedBy
from zope.interface.verify import verifyObject

from pymta.components.wrapping import wrap
from pymta.delivery.discard import DiscardAgent
from pymta.interfaces.content import Octets
from pymta.interfaces.delivery import IDeliveryAgent
from pymta.interfaces.mailbox import IQuotaStore
from pymta.interfaces.queue import IQueueStore
from pymta.queue.memory import MemoryQueueStore
from pymta.shared.memory import MemorySharedState
from pymta.store.memory.mailboxes import MemoryMailStore


class IExtra(Interface):
    """An add-on of somebody else's."""


@implementer(IExtra)
class Plain:
    """Provides an interface without methods."""


def with_more() -> DiscardAgent:
    """An object that provides more than its class."""
    agent = DiscardAgent()
    alsoProvides(agent, IExtra)
    return agent


PROVIDERS = [
    pytest.param(MemoryQueueStore(), id="queue store"),
    pytest.param(MemoryMailStore().mailboxes("a"), id="mailboxes with a quota"),
    pytest.param(MemorySharedState(Clock()), id="shared state"),
    pytest.param(DiscardAgent(), id="agent"),
    pytest.param(Octets(b"x"), id="content"),
    pytest.param(with_more(), id="an object that provides more than its class"),
    pytest.param(Plain(), id="no methods"),
]


@pytest.mark.parametrize("inner", PROVIDERS)
def test_provides_exactly_what_it_wraps(inner: Any) -> None:
    """
    Whatever is wrapped: the same interfaces, each of them whole.
    """
    wrapped = wrap(inner)

    assert list(providedBy(inner).flattened()) == list(providedBy(wrapped).flattened())
    assert all(verifyObject(interface, wrapped) for interface in providedBy(inner))


def test_add_on_interfaces_come_through() -> None:
    """
    A wrapped store with a quota is one with a quota, and one without is one without.
    """
    mailboxes = MemoryMailStore().mailboxes("a")

    assert IQuotaStore.providedBy(wrap(mailboxes))
    assert not IQuotaStore.providedBy(wrap(MemoryQueueStore()))


async def nothing(*args: object) -> list[object]:
    """In place of a method."""
    return []


def test_overrides_one_method() -> None:
    """
    The new method is called, all others are the wrapped object's.
    """
    store = MemoryQueueStore(lease_seconds=7)
    wrapped: Any = wrap(store, claim=nothing)

    assert wrapped.claim is nothing
    assert store.add == wrapped.add
    assert 7 == wrapped.lease_seconds
    assert verifyObject(IQueueStore, wrapped)


def test_attributes_can_be_overridden() -> None:
    """
    So can an attribute of the interface.
    """
    wrapped: Any = wrap(DiscardAgent(), recipient_limit=1)  # type: ignore[arg-type]  # no method

    assert 1 == wrapped.recipient_limit
    assert verifyObject(IDeliveryAgent, wrapped)


def test_wraps_a_wrapper() -> None:
    """
    Wrappers go round wrappers.
    """
    inner = wrap(MemoryQueueStore(), claim=nothing)
    wrapped: Any = wrap(inner, renew=nothing)

    assert (nothing, nothing) == (wrapped.claim, wrapped.renew)
    assert list(providedBy(inner)) == list(providedBy(wrapped))


def test_unknown_method() -> None:
    """
    A method that no interface has is a mistake: nobody would ever call it.
    """
    with pytest.raises(TypeError, match="delivr"):
        wrap(DiscardAgent(), delivr=nothing)
