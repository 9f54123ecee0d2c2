"""
Quotas: GETQUOTA, GETQUOTAROOT, SETQUOTA (:rfc:`9208#section-4.1`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pymta.mailbox import MailboxName
from pymta.wire.imap.capability import Verb
from pymta.wire.imap.cursor import Cursor

__all__ = [
    "SETTING",
    "VERBS",
    "GetQuota",
    "GetQuotaRoot",
    "SetQuota",
    "parse_getquota",
    "parse_getquotaroot",
    "parse_setquota",
]


@dataclass(frozen=True, slots=True)
class GetQuota:
    """GETQUOTA."""

    root: str


@dataclass(frozen=True, slots=True)
class GetQuotaRoot:
    """GETQUOTAROOT.  :param mailbox: need not exist."""

    mailbox: MailboxName


@dataclass(frozen=True, slots=True)
class SetQuota:
    """
    SETQUOTA.

    :param limits: by the name of the resource, in capitals, in the units of IMAP; all others are
        to be lifted (:rfc:`9208#section-4.1.3`).
    """

    root: str
    limits: Mapping[str, int]


def parse_getquota(cursor: Cursor) -> GetQuota:
    """The name of a root."""
    cursor.space()
    return GetQuota(cursor.text())


def parse_getquotaroot(cursor: Cursor) -> GetQuotaRoot:
    """A mailbox."""
    cursor.space()
    return GetQuotaRoot(cursor.mailbox())


def parse_setquota(cursor: Cursor) -> SetQuota:
    """The name of a root, and ``(STORAGE 512 …)``."""
    cursor.space()
    root = cursor.text()
    cursor.space()
    limits = cursor.listed_or_none(_limit)
    if len(dict(limits)) < len(limits):
        raise cursor.bad("a resource twice")
    return SetQuota(root, dict(limits))


def _limit(cursor: Cursor) -> tuple[str, int]:
    resource = cursor.word()
    cursor.space()
    return resource, cursor.number64()


VERBS: Final = (
    Verb(name="GETQUOTA", parse=parse_getquota),
    Verb(name="GETQUOTAROOT", parse=parse_getquotaroot),
)

SETTING: Final = (Verb(name="SETQUOTA", parse=parse_setquota),)
"""What the capability QUOTASET brings."""
