"""
Limits of an account and of single mailboxes: how much is there, and how much may be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pymta.errors import MessageTooLarge, NoSuchQuotaRoot, OverQuota
from pymta.mailbox import ACCOUNT_ROOT, MailboxName, QuotaRoot, Resource

__all__ = ["Quota", "check_size", "mailbox_of", "root_of", "without"]


@dataclass(slots=True)
class Quota:
    """
    What an account, or a mailbox, holds, and its limits.

    :param max_octets: :param max_messages: :param max_mailboxes: None is no limit.
    """

    octets: int = 0
    messages: int = 0
    max_octets: int | None = None
    max_messages: int | None = None
    max_mailboxes: int | None = None

    def fits(self, octets: int, messages: int) -> bool:
        """Whether that many more would fit.  What makes it smaller always does."""
        return (octets <= 0 or _within(self.octets + octets, self.max_octets)) and (
            messages <= 0 or _within(self.messages + messages, self.max_messages)
        )

    def check(self, octets: int, messages: int) -> None:
        """:raises OverQuota: permanent, if it would not fit into an empty account either."""
        if not self.fits(octets, messages):
            alone = _within(octets, self.max_octets) and _within(messages, self.max_messages)
            raise OverQuota(
                f"{self.octets} + {octets} octets, {self.messages} + {messages} messages",
                permanent=not alone,
            )

    def check_mailboxes(self, count: int) -> None:
        """:raises OverQuota: so many mailboxes are too many."""
        if not _within(count, self.max_mailboxes):
            raise OverQuota(f"{count} mailboxes")

    def limit(self, limits: Mapping[Resource, int]) -> None:
        """Set all of them: what is not in it has none."""
        self.max_octets = limits.get(Resource.STORAGE)
        self.max_messages = limits.get(Resource.MESSAGE)
        self.max_mailboxes = limits.get(Resource.MAILBOX)

    def root(self, mailboxes: int) -> QuotaRoot:
        """As IMAP sees an account's.  :param mailboxes: how many there are."""
        alone = self.root_of(MailboxName(""))
        limits = dict(alone.limits)
        if self.max_mailboxes is not None:
            limits[Resource.MAILBOX] = self.max_mailboxes
        return QuotaRoot(ACCOUNT_ROOT, {**alone.usage, Resource.MAILBOX: mailboxes}, limits)

    def root_of(self, name: MailboxName) -> QuotaRoot:
        """As IMAP sees a mailbox's."""
        limits = {Resource.STORAGE: self.max_octets, Resource.MESSAGE: self.max_messages}
        return QuotaRoot(
            root_of(name),
            {Resource.STORAGE: self.octets, Resource.MESSAGE: self.messages},
            {resource: limit for resource, limit in limits.items() if limit is not None},
        )


_MAILBOX = "mailbox/"


def root_of(name: MailboxName) -> str:
    """The name of a mailbox's own root."""
    return _MAILBOX + name


def mailbox_of(root: str) -> MailboxName | None:
    """
    Whose a root is; None is the account.

    :raises NoSuchQuotaRoot: it is nobody's.
    """
    if root == ACCOUNT_ROOT:
        return None
    if not root.startswith(_MAILBOX):
        raise NoSuchQuotaRoot(f"no quota root {root}")
    return MailboxName(root.removeprefix(_MAILBOX))


def without(limits: Mapping[Resource, int], resource: Resource) -> Mapping[Resource, int]:
    """:raises ValueError: it is among them."""
    if resource in limits:
        raise ValueError(f"no limit of a mailbox: {resource.value}")
    return limits


def check_size(size: int, limit: int | None, delivery_id: str | None) -> None:
    """
    Whether a message of this size may be appended.

    A delivery is none of the APPENDs that :rfc:`7889` limits: its mail was accepted already.

    :raises MessageTooLarge: it is larger than the limit.
    """
    if delivery_id is None and limit is not None and size > limit:
        raise MessageTooLarge(f"{size} octets", limit)


def _within(value: int, limit: int | None) -> bool:
    return limit is None or value <= limit
