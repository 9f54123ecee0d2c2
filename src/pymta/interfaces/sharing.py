"""
Mailboxes that several accounts see: rights for each mailbox and identifier (:rfc:`4314`), and the
namespaces that others' mailboxes are seen in (:rfc:`2342`).

Whoever owns a mailbox has every right to it, always.  Others have what the list says of their name
and of ``anyone``, less what it says of both with a ``-`` before them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

from pymta.interfaces.mailbox import IMailboxStore
from pymta.mailbox import MailboxName, Namespaces, PossibleRights, Rights, RightsChange

__all__ = ["ANYONE", "IACLStore"]

ANYONE = "anyone"
"""The identifier of everybody (:rfc:`4314#section-1.2`)."""


class IACLStore(IMailboxStore):
    """
    Mailboxes with access control lists, as one account sees them.

    What the account has no right to raises :class:`~pymta.errors.NotPermitted` if it may know that
    the mailbox is there (:rfc:`4314#section-6`), else :class:`~pymta.errors.NoSuchMailbox`; that
    is so for every method of the store and its mailboxes.
    """

    def acl(name: MailboxName) -> Awaitable[Mapping[str, Rights]]:
        """
        Rights by identifier, the owner's first; needs ``a``.

        An identifier with a ``-`` before it takes rights away (:rfc:`4314#section-2`).
        """

    def set_rights(name: MailboxName, identifier: str, change: RightsChange) -> Awaitable[None]:
        """
        Change the entry of an identifier; needs ``a``.  One without rights is none, and goes.

        Rights that the owner is to lose stay (:rfc:`4314#section-3.7`, required rights).

        :raises ValueError: a right that there is not, or an identifier that is empty, longer than
            255 octets or has control characters.
        :raises pymta.errors.MailboxError: more than 100 identifiers.
        """

    def my_rights(name: MailboxName) -> Awaitable[Rights]:
        """What the account may do there; needs one of ``lrikxa``."""

    def possible_rights(name: MailboxName, identifier: str) -> Awaitable[PossibleRights]:
        """What an identifier can be granted; needs ``a``."""

    def namespaces() -> Awaitable[Namespaces]:
        """Where this account's names are, and those of others."""
