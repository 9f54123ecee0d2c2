"""
What this process has claimed and not yet settled.

A claim is kept whole however its recipients are dealt with: each one ends by itself, and what is
left is renewed as one.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from pymta.envelope import RecipientID
from pymta.interfaces.content import Lane, QueueID
from pymta.interfaces.queue import Claim, Claimed

__all__ = ["Leases", "part", "rest"]

_Key: TypeAlias = tuple[QueueID, int, Lane]


def part(claim: Claim, ids: Iterable[RecipientID]) -> Claim:
    """The claim of these recipients alone."""
    wanted = frozenset(ids)
    if len(wanted) == len(claim.recipients):
        return claim
    chosen = tuple(each for each in claim.recipients if each.recipient.id in wanted)
    return replace(claim, recipients=chosen)


def rest(claim: Claim, ids: Iterable[RecipientID]) -> Claim:
    """The claim of all its recipients but these."""
    others = frozenset(ids)
    return part(claim, (e.recipient.id for e in claim.recipients if e.recipient.id not in others))


@dataclass(slots=True)
class _Lease:
    claim: Claim
    until: datetime
    open: dict[RecipientID, Claimed]


class Leases:
    """Claims by (mail, fence, lane), each with the recipients that are still open."""

    def __init__(self) -> None:
        self._leases: dict[_Key, _Lease] = {}
        self.recipients = 0
        """How many are open, in all."""

    def take(self, claim: Claim) -> None:
        """Begin: it is ours."""
        opened = {each.recipient.id: each for each in claim.recipients}
        lease = self._leases.get(_key(claim))
        if lease is None:
            self._leases[_key(claim)] = _Lease(claim, claim.until, opened)
            self.recipients += len(opened)
            return
        self.recipients += len(opened.keys() - lease.open.keys())
        lease.open.update(opened)
        lease.until = min(lease.until, claim.until)

    def end(self, claim: Claim) -> None:
        """These recipients are settled, given back, or somebody else's."""
        lease = self._leases.get(_key(claim))
        if lease is None:
            return
        for each in claim.recipients:
            if lease.open.pop(each.recipient.id, None) is not None:
                self.recipients -= 1
        if not lease.open:
            del self._leases[_key(claim)]

    def holds(self, claim: Claim) -> bool:
        """Whether all of these recipients are ours still."""
        lease = self._leases.get(_key(claim))
        return lease is not None and all(
            each.recipient.id in lease.open for each in claim.recipients
        )

    def ending(self, before: datetime) -> list[Claim]:
        """What must be renewed: all that is open of leases that end before this."""
        return [_open(lease) for lease in self._leases.values() if lease.until < before]

    def renewed(self, claims: Iterable[Claim], until: datetime) -> None:
        """These last until then."""
        for claim in claims:
            lease = self._leases.get(_key(claim))
            if lease is not None:
                lease.until = until

    def all(self) -> list[Claim]:
        """All that is open."""
        return [_open(lease) for lease in self._leases.values()]


def _key(claim: Claim) -> _Key:
    return claim.queue_id, claim.fence, claim.lane


def _open(lease: _Lease) -> Claim:
    return replace(lease.claim, recipients=tuple(lease.open.values()))
