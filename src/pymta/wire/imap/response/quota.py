"""
Lines about quotas: QUOTA, QUOTAROOT (:rfc:`9208#section-4.2`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pymta.mailbox import MailboxName, QuotaRoot, Resource
from pymta.wire.imap.response import atoms

__all__ = ["UNITS", "quota_line", "quotaroot_line"]

UNITS: Final = {Resource.STORAGE: 1024}
"""Of what IMAP counts more than one at a time (:rfc:`9208#section-5.1`)."""


def quota_line(root: QuotaRoot, *, utf8: bool) -> bytes:
    """
    ``* QUOTA "" (STORAGE 10 512)``: what is limited, and nothing else; begun units count.
    """
    triplets = [
        b"%s %d %d"
        % (
            resource.value.encode("ascii"),
            _units(resource, root.usage[resource]),
            _units(resource, limit),
        )
        for resource, limit in root.limits.items()
    ]
    return b"* QUOTA %s %s\r\n" % (_root(root.name, utf8=utf8), atoms.parenthesised(triplets))


def quotaroot_line(name: MailboxName, roots: Iterable[str], *, utf8: bool) -> bytes:
    """``* QUOTAROOT INBOX ""``"""
    names = b"".join(b" " + _root(root, utf8=utf8) for root in roots)
    return b"* QUOTAROOT %s%s\r\n" % (atoms.mailbox(name, utf8=utf8), names)


def _units(resource: Resource, amount: int) -> int:
    return -(-amount // UNITS.get(resource, 1))


def _root(name: str, *, utf8: bool) -> bytes:
    if name.isascii():
        return atoms.astring(name.encode("ascii"))
    return atoms.text(name, utf8=utf8)
