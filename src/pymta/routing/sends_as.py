"""
Which addresses an account may send as, beyond its own: those whose mail comes to it.

For ``senders`` of :class:`~pymta.accounts.accounts.Accounts`, so that whoever gets the mail of an
alias, of a virtual domain or of a catch-all can answer it as the address that was written to.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pymta.address import Address
from pymta.envelope import Recipient, RecipientID, Sender
from pymta.interfaces.content import Origin
from pymta.interfaces.routing import Expand, IRouter, Via
from pymta.session import Endpoint, Role, Session

__all__ = ["sends_as"]

# Of a list that has no owner, so many are asked whether they are the account.
_MOST_MEMBERS = 100

_NOBODY = Origin(
    Session(
        id="owner",
        role=Role.LOCAL,
        peer=Endpoint(""),
        local=Endpoint(""),
        started=datetime.fromtimestamp(0, UTC),
    ),
    Sender(reverse_path=None),
)


async def sends_as(router: IRouter, account: str, address: Address) -> bool:
    """
    Whether mail for the address comes to this account, alone or among others.

    A list that has an owner is its owner's to send as, not its members'.

    :raises Exception: nobody knows now.
    """
    route = await router.route(_recipient(address), _NOBODY)
    if isinstance(route, Via):
        return _is(route, account)
    if not isinstance(route, Expand) or route.sender is not None:
        return False
    for member in await route.members.read(None, _MOST_MEMBERS):
        inner = await router.route(_recipient(member), _NOBODY)
        if isinstance(inner, Via) and _is(inner, account):
            return True
    return False


def _recipient(address: Address) -> Recipient:
    return Recipient(id=RecipientID(0), address=address)


def _is(route: Via, account: str) -> bool:
    return route.local and route.lane.next_hop == account
