"""
Taking mail: what a listener asks of the application, for SMTP, submission and LMTP alike.

Order, for one connection: ``connected``, then on the session ``changed`` at each HELO, STARTTLS
and AUTH, ``begin`` for each MAIL, ``closed`` once at the end, always.  For one transaction:
``add_recipient`` for each RCPT, ``begin_content`` at DATA or the first BDAT, ``write`` for each
slice, ``commit``.  ``abort`` ends it at any point before ``commit`` is called, and never after;
it comes after a pending call has ended.  A HELO within a transaction ends it if ``changed``
takes it: then ``abort`` follows.  Calls on one connection never overlap.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from zope.interface import Interface

from pymta.envelope import Recipient, Sender
from pymta.interfaces.content import QueueID
from pymta.reply import Reply
from pymta.session import Session

__all__ = [
    "IExpandingSession",
    "IMailReceiver",
    "IMailSession",
    "IPerRecipientTransaction",
    "ITransaction",
    "IVerifyingSession",
    "Receipt",
]


@dataclass(frozen=True, slots=True)
class Receipt:
    """
    Responsibility was taken.

    :param queue_ids: told in the 250; empty where no queue is used.
    :param reply: in place of the usual 250: the next hop's own words, for a cut-through.
    """

    queue_ids: tuple[QueueID, ...] = ()
    reply: Reply | None = None


class ITransaction(Interface):
    """One MAIL, discarded as a unit."""

    def add_recipient(recipient: Recipient) -> Awaitable[Reply | None]:
        """
        One RCPT.  ``recipient.id`` is unique in the transaction, also where an address comes twice.

        :returns: the positive reply, or None for the usual one.
        :raises pymta.errors.Refused: this recipient is not taken; the transaction goes on.
        """

    def begin_content() -> Awaitable[None]:
        """
        DATA, or the first BDAT, with at least one recipient taken.

        :raises pymta.errors.Refused: the answer in place of 354; no content comes.
        """

    def write(data: bytes) -> Awaitable[None]:
        """
        The next octets of the message, as the sender meant them (dot-stuffing undone).

        :raises pymta.errors.Refused: the rest is read and thrown away, this is the answer at
            its end, and ``abort`` follows.
        """

    def commit() -> Awaitable[Receipt]:
        """
        The end of the message: take responsibility, or say no.

        Fires only when the message is durable; the 250 is written nowhere else.  Never
        cancelled: not by a disconnect, a deadline or a shutdown.  It has three ends: durable
        (the receipt); refused, with nothing kept; in doubt.

        :raises pymta.errors.Refused: nothing is kept.
        :raises Exception: in doubt: the peer is told 451, and nothing is discarded, so that its
            second try may make a duplicate but a message is never lost.
        """

    def abort() -> None:
        """Forget everything.  Does not wait and does not raise."""


class IPerRecipientTransaction(ITransaction):
    """A transaction whose end has an answer for each recipient (:rfc:`2033#section-4.2`)."""

    def commit_each() -> Awaitable[Sequence[Reply]]:
        """
        As ``commit``, and called in its place by an LMTP listener; where there is none, the
        answer of ``commit`` is that of each recipient.

        :returns: as many replies as ``add_recipient`` said yes to, in that order; a positive
            one means that this recipient's copy is durable.
        """


class IMailSession(Interface):
    """One connection."""

    def changed(session: Session) -> Awaitable[None]:
        """
        HELO, STARTTLS, AUTH or XCLIENT made another session of it.

        :raises pymta.errors.Refused: the answer to that command; with 421 the connection ends.
        """

    def begin(sender: Sender) -> Awaitable[ITransaction]:
        """
        MAIL.

        :raises pymta.errors.Refused: no transaction.
        """

    def closed() -> None:
        """The connection is gone; after any ``abort``.  Does not raise."""


class IVerifyingSession(IMailSession):
    """
    A connection on which VRFY is answered (:rfc:`5321#section-3.5.1`).

    Asked only where the listener has the VRFY extension; without this, the answer is 252.
    """

    def verify(text: str) -> Awaitable[Reply]:
        """
        A user or mailbox, as the client wrote it.  Mind who learns what by it (section 7.3).

        :raises pymta.errors.Refused: no, or not to this client.
        """


class IExpandingSession(IMailSession):
    """A connection on which EXPN is answered, where the listener has that extension."""

    def expand(text: str) -> Awaitable[Reply]:
        """
        A mailing list, as the client wrote it: its members, one a line.

        :raises pymta.errors.Refused: no, or not to this client.
        """


class IMailReceiver(Interface):
    """Whoever takes mail: :class:`pymta.inbound.Inbound`, or an application's own."""

    def connected(session: Session) -> Awaitable[IMailSession]:
        """
        A client connected; the greeting waits for this.

        :raises pymta.errors.Refused: the greeting says so (554 or 421) and nothing else is taken.
        """
