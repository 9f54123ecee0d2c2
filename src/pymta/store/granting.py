"""
What a store of all accounts' mailboxes offers so that some can be shared, and the names under
which they are seen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pymta.interfaces.mailbox import IMailboxStore
from pymta.mailbox import MailboxInfo, MailboxName, Rights

__all__ = ["FURNISHED", "Grant", "GrantingMailStore"]

FURNISHED: Mapping[MailboxName, frozenset[str]] = {
    MailboxName(use.removeprefix("\\")): frozenset({use})
    for use in ("\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash")
}
"""What a new account has beside its inbox, and what it is for (:rfc:`6154#section-2`)."""


@dataclass(frozen=True, slots=True)
class Grant:
    """
    Somebody's mailbox whose access control list speaks of somebody else.

    :param acl: without the owner.
    """

    account: str
    info: MailboxInfo
    acl: Mapping[str, Rights]


class GrantingMailStore(Protocol):
    """The mailboxes of all accounts, some of which are shared."""

    def mailboxes(self, account: str) -> IMailboxStore:
        """Those of one, for itself."""

    def visited(self, account: str, visitor: str) -> IMailboxStore:
        """
        Those of one, for another: private annotations are the visitor's.

        Nothing is checked; whoever asks does (:mod:`pymta.store.sharing`).
        """

    def granted(self, visitor: str) -> Awaitable[Sequence[Grant]]:
        """Mailboxes of others whose lists speak of the visitor, or of ``anyone``."""

    def remove(self, account: str) -> Awaitable[None]:
        """All of one account's mailboxes."""
