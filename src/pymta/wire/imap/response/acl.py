"""
Lines about access control lists: ACL, LISTRIGHTS, MYRIGHTS (:rfc:`4314#section-3.6`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pymta.mailbox import MailboxName, PossibleRights, Rights
from pymta.wire.imap.command.acl import VIRTUAL
from pymta.wire.imap.response import atoms

__all__ = ["acl_line", "listrights_line", "myrights_line", "rights"]

_ORDER: Final = "lrswipkxtecda"


def rights(granted: Rights) -> bytes:
    """
    Letters, with the virtual rights of which a member is granted (:rfc:`4314#section-2.1.1`).
    """
    virtual = {name for name, members in VIRTUAL.items() if not members.isdisjoint(granted)}
    every = sorted(granted | virtual, key=lambda right: (_ORDER.find(right), right))
    return "".join(every).encode("ascii")


def acl_line(name: MailboxName, acl: Mapping[str, Rights], *, utf8: bool) -> bytes:
    """``* ACL INBOX Fred rwipslxetad Chris lrswi``"""
    entries = [
        b" %s %s" % (_identifier(identifier, utf8=utf8), _string(rights(granted)))
        for identifier, granted in acl.items()
    ]
    return b"* ACL %s%s\r\n" % (atoms.mailbox(name, utf8=utf8), b"".join(entries))


def listrights_line(
    name: MailboxName, identifier: str, possible: PossibleRights, *, utf8: bool
) -> bytes:
    """``* LISTRIGHTS INBOX smith la r s w i c d``"""
    groups = [rights(possible.required), *_optional(possible)]
    return b"* LISTRIGHTS %s %s %s\r\n" % (
        atoms.mailbox(name, utf8=utf8),
        _identifier(identifier, utf8=utf8),
        b" ".join(map(_string, groups)),
    )


def myrights_line(name: MailboxName, granted: Rights, *, utf8: bool) -> bytes:
    """``* MYRIGHTS INBOX rwiptsldaex``"""
    return b"* MYRIGHTS %s %s\r\n" % (atoms.mailbox(name, utf8=utf8), _string(rights(granted)))


def _optional(possible: PossibleRights) -> list[bytes]:
    """
    Groups of tied rights.  A virtual one stands with its members where these are tied to each
    other, else by itself; each right once (:rfc:`4314#section-3.7`).
    """
    groups = [set(tied) for tied in possible.optional]
    every = set().union(*groups)
    for name, members in VIRTUAL.items():
        if members.isdisjoint(every):
            continue
        [first, *others] = [group for group in groups if not members.isdisjoint(group)]
        if not others and len(first) > 1:
            first.add(name)
        else:
            groups.append({name})
    return ["".join(sorted(group, key=_ORDER.find)).encode("ascii") for group in groups]


def _identifier(identifier: str, *, utf8: bool) -> bytes:
    if identifier.isascii():
        return atoms.astring(identifier.encode("ascii"))
    return atoms.text(identifier, utf8=utf8)


def _string(letters: bytes) -> bytes:
    return atoms.astring(letters) if letters else b'""'
