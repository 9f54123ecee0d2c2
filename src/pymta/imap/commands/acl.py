"""
SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS (:rfc:`4314#section-3`).

Which rights a command needs is the store's affair; here identifiers are prepared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pymta.edge.login_credentials import completed, folded
from pymta.imap.extension import Call, Offered
from pymta.imap.session import IMAPSession
from pymta.interfaces.sharing import ANYONE, IACLStore
from pymta.mailbox import FlagMode, RightsChange
from pymta.sasl.prepare import PreparationError, prepare_query
from pymta.wire.imap.command import acl
from pymta.wire.imap.command.acl import DeleteACL, GetACL, ListRights, MyRights, SetACL
from pymta.wire.imap.response.acl import acl_line, listrights_line, myrights_line
from pymta.wire.imap.response.status import BAD, OK, Ending

__all__ = ["CALLS", "OFFERED", "identifier"]

_NOBODY: Final = BAD("Nobody can be called that")
_NO_RIGHTS: Final[RightsChange] = RightsChange(FlagMode.REPLACE, frozenset())


def identifier(session: IMAPSession, written: str) -> str:
    """
    The name under which rights are kept: the account's that a name stands for, or ``anyone``.

    A name without a domain is in that of whoever writes it.

    :raises ValueError: there can be nobody of that name (:rfc:`4314#section-3`, SASLprep).
    """
    sign = "-" if written.startswith("-") else ""
    name = prepare_query(written.removeprefix("-"))
    if name == ANYONE:
        return sign + name
    _, _, domain = session.account.name.rpartition("@")
    return sign + folded(completed(name, domain or None))


async def _setacl(session: IMAPSession, command: SetACL) -> Ending:
    try:
        who = identifier(session, command.identifier)
        store = IACLStore(session.store)
        await session.changed(store.set_rights(command.mailbox, who, command.change))
    except (ValueError, PreparationError):
        return _NOBODY
    return OK("Set")


async def _deleteacl(session: IMAPSession, command: DeleteACL) -> Ending:
    change = SetACL(mailbox=command.mailbox, identifier=command.identifier, change=_NO_RIGHTS)
    return await _setacl(session, change)


async def _getacl(session: IMAPSession, command: GetACL) -> Ending:
    found = await session.asked(IACLStore(session.store).acl(command.mailbox))
    session.say(acl_line(command.mailbox, found, utf8=session.utf8))
    return OK("That is the list")


async def _listrights(session: IMAPSession, command: ListRights) -> Ending:
    try:
        who = identifier(session, command.identifier)
        store = IACLStore(session.store)
        possible = await session.asked(store.possible_rights(command.mailbox, who))
    except (ValueError, PreparationError):
        return _NOBODY
    # RFC 4314 section 3.4: the identifier as the client wrote it
    line = listrights_line(command.mailbox, command.identifier, possible, utf8=session.utf8)
    session.say(line)
    return OK("These can be granted")


async def _myrights(session: IMAPSession, command: MyRights) -> Ending:
    granted = await session.asked(IACLStore(session.store).my_rights(command.mailbox))
    session.say(myrights_line(command.mailbox, granted, utf8=session.utf8))
    return OK("These are yours")


CALLS: Final[Mapping[type, Call]] = {
    SetACL: Call(_setacl),
    DeleteACL: Call(_deleteacl),
    GetACL: Call(_getacl),
    ListRights: Call(_listrights),
    MyRights: Call(_myrights),
}

OFFERED: Final = (
    # RFC 4314 section 2.2: the rights that RFC 2086 did not have
    Offered(words=("ACL", "RIGHTS=kxte"), verbs=acl.VERBS, needs=(IACLStore,)),
    Offered(words=("LIST-MYRIGHTS",), needs=(IACLStore,), builds_on=("ACL", "LIST-EXTENDED")),
)
