"""
GETQUOTA, GETQUOTAROOT and SETQUOTA (:rfc:`9208#section-4.1`).

The limits of an account are its operator's, who sets them by command; those of single mailboxes
are its owner's, who sets them by SETQUOTA.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pymta.errors import NoSuchQuotaRoot
from pymta.imap.extension import Call, Offered
from pymta.imap.session import IMAPSession
from pymta.interfaces.mailbox import IQuotaRootStore
from pymta.mailbox import ACCOUNT_ROOT, Resource
from pymta.wire.imap.command import quota
from pymta.wire.imap.command.quota import GetQuota, GetQuotaRoot, SetQuota
from pymta.wire.imap.response import codes
from pymta.wire.imap.response.quota import UNITS, quota_line, quotaroot_line
from pymta.wire.imap.response.status import NO, OK, Ending

__all__ = ["CALLS", "OFFERED"]

_NO_ROOT: Final = NO("There is no such quota root", codes.NONEXISTENT)
_NOT_YOURS: Final = NO("The limits of an account are not its own to set", codes.NOPERM)
_UNLIMITABLE: Final = NO("That cannot be limited there", codes.CANNOT)

_MOST: Final = 2**63 - 1


async def _getquota(session: IMAPSession, command: GetQuota) -> Ending:
    try:
        root = await session.asked(IQuotaRootStore(session.store).quota(command.root))
    except NoSuchQuotaRoot:
        return _NO_ROOT
    session.say(quota_line(root, utf8=session.utf8))
    return OK("That is the quota")


async def _getquotaroot(session: IMAPSession, command: GetQuotaRoot) -> Ending:
    roots = await session.asked(IQuotaRootStore(session.store).quota_roots(command.mailbox))
    names = [root.name for root in roots]
    session.say(quotaroot_line(command.mailbox, names, utf8=session.utf8))
    for root in roots:
        session.say(quota_line(root, utf8=session.utf8))
    return OK("These are the quotas")


async def _setquota(session: IMAPSession, command: SetQuota) -> Ending:
    if command.root == ACCOUNT_ROOT:
        return _NOT_YOURS
    known = {resource.value: resource for resource in Resource}
    if not command.limits.keys() <= known.keys():
        return _UNLIMITABLE
    limits = {known[name]: limit for name, limit in command.limits.items()}
    store = IQuotaRootStore(session.store)
    try:
        root = await session.changed(store.set_limits(command.root, _single(limits)))
    except NoSuchQuotaRoot:
        return _NO_ROOT
    except ValueError:
        return _UNLIMITABLE
    session.say(quota_line(root, utf8=session.utf8))
    return OK("Set")


def _single(limits: Mapping[Resource, int]) -> dict[Resource, int]:
    """Not in the units of IMAP; what is more than a store can count is as good as the most."""
    return {
        resource: min(limit * UNITS.get(resource, 1), _MOST) for resource, limit in limits.items()
    }


CALLS: Final[Mapping[type, Call]] = {
    GetQuota: Call(_getquota),
    GetQuotaRoot: Call(_getquotaroot),
    SetQuota: Call(_setquota),
}

OFFERED: Final = (
    # RFC 9208 section 3.1.1
    Offered(
        words=("QUOTA", *(f"QUOTA=RES-{resource.value}" for resource in Resource)),
        verbs=quota.VERBS,
        needs=(IQuotaRootStore,),
    ),
    Offered(
        words=("QUOTASET",),
        verbs=quota.SETTING,
        needs=(IQuotaRootStore,),
        builds_on=("QUOTA",),
    ),
)
