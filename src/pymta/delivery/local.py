"""
Local delivery: into the mailbox of an account, exactly once (:rfc:`5321#section-4.4`).

The delivery id is queue id and recipient id, and the mailbox does nothing for one it knows: an
attempt that is repeated, because its result was lost, leaves one message.  The content stays
octet for octet as it came; Return-Path and Delivered-To go in front.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from zope.interface import implementer

from pymta.envelope import Recipient
from pymta.errors import MailboxError, NoSuchAccount, OverQuota, Refused
from pymta.interfaces.accounts import IAccountDirectory, IMailAccount
from pymta.interfaces.content import NewMail, prefixed
from pymta.interfaces.delivery import Attempt, IDeliveryAgent, Result
from pymta.interfaces.mailbox import NewMessage
from pymta.mailbox import INBOX
from pymta.message.trace import delivered_to, return_path
from pymta.outcome import Delivered, Failed, Outcome, Scope
from pymta.queue.loops import goes_round
from pymta.reply import Reply

__all__ = ["Filing", "LocalAgent", "into_inbox"]

Filing: TypeAlias = Callable[[IMailAccount, Attempt, NewMessage], Awaitable[tuple[NewMail, ...]]]
"""
Where in an account a message goes: appends it, to as many mailboxes as it likes, and gives the
mails that follow (redirects, replies), whose ids it derives so that a repeat adds nothing twice.

Whatever it does is done again if the result is lost: each append carries ``delivery_id``.
:raises pymta.errors.Refused: the recipient does not want it.
:raises pymta.errors.MailboxError: as the mailboxes say.
"""

DELIVERED = Reply(250, "2.1.5", "Delivered")
LOOP = Reply(554, "5.4.6", "Mail loop: this message was delivered to this address before")
UNKNOWN = Reply(550, "5.1.1", "No such user here")
FULL = Reply(452, "4.2.2", "The mailbox is full")
TOO_LARGE = Reply(552, "5.2.2", "The message is larger than the mailbox may be")
UNAVAILABLE = Reply(450, "4.2.0", "The mailbox cannot take mail now")


async def into_inbox(
    account: IMailAccount, attempt: Attempt, message: NewMessage
) -> tuple[NewMail, ...]:
    """The filing of accounts without a filter: all of it into ``INBOX``."""
    inbox = await account.mailboxes.open(INBOX)
    try:
        # RFC 9051 section 7.5.2 leaves the date to us; the store takes the time of delivery.
        await inbox.append([message])
    finally:
        inbox.close()
    return ()


@implementer(IDeliveryAgent)
class LocalAgent:
    """
    Delivers to accounts; the next hop is the name of one.

    :param filing: where in the account.
    """

    # Each recipient is a commit of its own: after a crash only the last one is asked again.
    recipient_limit = 1

    def __init__(self, directory: IAccountDirectory, filing: Filing = into_inbox) -> None:
        self._directory = directory
        self._filing = filing

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        return [await self._deliver(attempt, recipient) for recipient in attempt.recipients]

    async def _deliver(self, attempt: Attempt, recipient: Recipient) -> Result:
        try:
            account = await self._directory.open(attempt.next_hop)
            if await goes_round(attempt.content, recipient.address):
                return Result(recipient.id, _failed(LOOP))
            then = await self._filing(account, attempt, _message(attempt, recipient))
        except (NoSuchAccount, MailboxError, Refused) as error:
            return Result(recipient.id, _failed(_reply(error), error))
        return Result(recipient.id, Delivered(DELIVERED), then)


def _message(attempt: Attempt, recipient: Recipient) -> NewMessage:
    # RFC 5321 section 4.4: the Return-Path line is the first; one that is in the message stays,
    # which the section allows, since no octet of it is ours to remove.
    prefix = return_path(attempt.sender.reverse_path) + delivered_to(recipient.address)
    return NewMessage(
        content=prefixed(prefix, attempt.content),
        delivery_id=f"{attempt.queue_id}/{recipient.id}",
    )


def _reply(error: NoSuchAccount | MailboxError | Refused) -> Reply:
    match error:
        case Refused(reply=reply):
            return reply
        case NoSuchAccount():
            return UNKNOWN
        case OverQuota(permanent=permanent):
            return TOO_LARGE if permanent else FULL
    return UNAVAILABLE


def _failed(reply: Reply, error: Exception | None = None) -> Outcome:
    return Failed(
        reply=reply, scope=Scope.RECIPIENT, diagnostic=None if error is None else str(error)
    )
