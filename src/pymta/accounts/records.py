"""
What is kept of an account, and what keeps it: in memory, or in the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pymta.accounts.passwords import Kept
from pymta.address import Address
from pymta.edge.login_credentials import folded

__all__ = ["Record", "Records", "account_name", "domain_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """
    One account.

    :param name: folded, as :func:`account_name` makes it.
    :param disabled: no login, no mail; its mailboxes stay.
    """

    name: str
    kept: Kept
    disabled: bool = False


class Records(Protocol):
    """
    All of them; each method is one step, durable when it is done.

    Names and addresses are folded.  What is not there raises
    :class:`~pymta.errors.NoSuchAccount`, what is in the way ``ValueError``.
    """

    async def key(self, fresh: bytes) -> bytes:
        """The secret that was given here first, ever; for decoys."""

    async def get(self, name: str) -> Record | None:
        """An account, disabled or not."""

    async def owner(self, address: str) -> str | None:
        """The account, not disabled, whose name or other address it is."""

    async def taken(self, address: str) -> bool:
        """Whether it is the name or another address of an account, disabled or not."""

    async def has_domain(self, domain: str) -> bool:
        """Whether any name or address is in it."""

    async def names(self, after: str, limit: int) -> Sequence[str]:
        """Sorted, behind ``after``."""

    async def add(self, record: Record) -> None:
        """A new one."""

    async def set_password(self, name: str, kept: Kept, was: str | None = None) -> None:
        """Another password.  :param was: only if this is kept now; otherwise nothing is done."""

    async def set_disabled(self, name: str, *, disabled: bool) -> None:
        """Close or open it."""

    async def unremembered(self) -> None:
        """Wait until no process takes for somebody's what was disabled before this."""

    async def remove(self, name: str) -> None:
        """Forget it and its other addresses."""

    async def addresses(self, name: str) -> Sequence[str]:
        """Its other addresses, sorted."""

    async def add_address(self, address: str, name: str) -> None:
        """One more."""

    async def remove_address(self, address: str) -> None:
        """One less; nothing if it is none."""


def account_name(text: str) -> str:
    """The name that a text stands for.  :raises pymta.errors.AddressError: it is no address."""
    name = folded(str(Address.parse(text)))
    # One character may become three in its other case.
    Address.parse(name)
    return name


def domain_of(name: str) -> str:
    """The domain of a folded name."""
    return name.rpartition("@")[2]
