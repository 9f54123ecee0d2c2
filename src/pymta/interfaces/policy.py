"""
Deciding about mail: what is asked of a policy, stage by stage.

Order, for one connection: ``connect``; ``changed`` at HELO, STARTTLS and AUTH; ``begin`` for each
MAIL; ``closed``, always.  For one transaction: ``sender``, ``recipient`` for each RCPT, ``data``,
``message``, and ``closed``, always, whatever way the transaction ended.  A verdict belongs to its
transaction and is gone with it.
"""

from __future__ import annotations

from collections.abc import Awaitable

from zope.interface import Attribute, Interface

from pymta.envelope import Envelope, Recipient, Sender
from pymta.facts import Facts
from pymta.interfaces.content import IContent
from pymta.session import Session
from pymta.verdict import MessageVerdict, Verdict

__all__ = ["IPolicy", "IPolicyConnection", "IPolicyTransaction"]


class IPolicyTransaction(Interface):
    """One policy's view of one transaction."""

    def sender() -> Awaitable[Verdict]:
        """MAIL.  A refusal is by default told at RCPT, so that the log names the recipient."""

    def recipient(recipient: Recipient) -> Awaitable[Verdict]:
        """One RCPT; a refusal is of this recipient alone."""

    def data() -> Awaitable[Verdict]:
        """DATA or the first BDAT, before any content."""

    def message(envelope: Envelope, content: IContent, facts: Facts) -> Awaitable[MessageVerdict]:
        """
        The whole message, with what earlier policies changed already applied.

        :param envelope: the recipients that are still in.
        :param facts: what was learnt of this connection and this transaction so far.
        """

    def closed() -> None:
        """The end of the transaction, however it came.  Does not wait, does not raise."""


class IPolicyConnection(Interface):
    """One policy's view of one connection."""

    def changed(session: Session) -> Awaitable[Verdict]:
        """
        Connect (the first call), HELO, STARTTLS, AUTH, XCLIENT; every policy hears of each.

        What it says is of the whole session as it is now, and holds until the next call: a
        refusal that is to stay is said again.
        """

    def begin(sender: Sender) -> Awaitable[IPolicyTransaction]:
        """A transaction begins; its first question is ``sender``."""

    def closed() -> None:
        """The connection is gone.  Does not wait, does not raise."""


class IPolicy(Interface):
    """One rule, or a filter elsewhere; a failed look-up is never a "no" (451, not 5xx)."""

    name: str = Attribute("For the log.")

    def connect(session: Session) -> Awaitable[IPolicyConnection]:
        """A client connected."""
