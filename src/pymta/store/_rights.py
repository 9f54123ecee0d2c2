"""
What an access control list comes to (:rfc:`4314#section-2`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from pymta.errors import MailboxError
from pymta.interfaces.sharing import ANYONE
from pymta.mailbox import ALL_RIGHTS, FlagMode, PossibleRights, Rights, RightsChange

__all__ = ["ACL", "changed_rights", "checked_identifier", "granted", "identifiers", "possible"]

ACL = dict[str, Rights]
"""Rights by identifier, without the owner's."""

MAX_IDENTIFIER = 255
MAX_IDENTIFIERS = 100
"""A list longer than this is a group, and whoever keeps it by hand has lost count."""

_NONE: Rights = frozenset()


def granted(acl: Mapping[str, Rights], owner: str, who: str) -> Rights:
    """What ``who`` may do; whoever owns it, all."""
    if who == owner:
        return ALL_RIGHTS
    mine, everybodys, not_mine, nobodys = (acl.get(each, _NONE) for each in identifiers(who))
    return (mine | everybodys) - not_mine - nobodys


def identifiers(who: str) -> tuple[str, str, str, str]:
    """What speaks of somebody: himself, everybody, and what is taken from both."""
    return who, ANYONE, "-" + who, "-" + ANYONE


def checked_identifier(identifier: str) -> str:
    """
    As it is.

    :raises ValueError: it is empty, longer than 255 octets or has control characters.
    """
    name = identifier.removeprefix("-")
    if not name or len(identifier.encode()) > MAX_IDENTIFIER:
        raise ValueError("no identifier of anybody")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise ValueError("control character in an identifier")
    return identifier


def changed_rights(acl: ACL, identifier: str, change: RightsChange) -> Rights:
    """
    What the rights of an identifier become; none takes its entry away.

    :raises ValueError: a right that there is not.
    :raises MailboxError: one identifier too many.
    """
    if not change.rights <= ALL_RIGHTS:
        raise ValueError(f"no rights: {''.join(sorted(change.rights - ALL_RIGHTS))}")
    before = acl.get(identifier, _NONE)
    match change.mode:
        case FlagMode.ADD:
            after = before | change.rights
        case FlagMode.REMOVE:
            after = before - change.rights
        case FlagMode.REPLACE:
            after = change.rights
    if after and not before and len(acl) >= MAX_IDENTIFIERS:
        raise MailboxError(f"a list of more than {MAX_IDENTIFIERS} identifiers")
    return after


def possible(owner: str, identifier: str) -> PossibleRights:
    """What LISTRIGHTS says: all of the owner's are his, and no right of others is tied."""
    if identifier == owner:
        return PossibleRights(ALL_RIGHTS, ())
    return PossibleRights(_NONE, tuple(frozenset(right) for right in "lrswipkxtea"))
