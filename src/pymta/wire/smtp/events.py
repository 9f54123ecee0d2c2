"""
What happens to an SMTP server machine, as values.

Events of one kind *ask*: the machine waits, and looks at no further octet, until it is
answered (:data:`Question`).  The others *tell*; whoever drives the machine may ignore them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from pymta.envelope import Recipient, Sender
from pymta.reply import Reply
from pymta.wire._serving import AuthCancelled, AuthResponse, Closed

__all__ = [
    "Answered",
    "Auth",
    "AuthCancelled",
    "AuthResponse",
    "Closed",
    "Command",
    "Content",
    "ContentBegins",
    "ContentEnded",
    "Event",
    "ExpandList",
    "Hello",
    "Mail",
    "Question",
    "Quit",
    "Rcpt",
    "Reason",
    "StartTLS",
    "TransactionAborted",
    "Verify",
]

# -- what asks -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """
    HELO, EHLO or LHLO; default answer 250.  Answered well, it ends any transaction.

    :param verb: in upper case.
    :param domain: what the client calls itself: a domain, or an address literal in brackets.
    """

    verb: str
    domain: str


@dataclass(frozen=True, slots=True)
class Mail:
    """MAIL; default answer 250 2.1.0.  Answered well, a transaction begins."""

    sender: Sender


@dataclass(frozen=True, slots=True)
class Rcpt:
    """
    RCPT; default answer 250 2.1.5.

    :param recipient: its id counts the RCPTs of the transaction that were asked for, from 1.
    """

    recipient: Recipient


@dataclass(frozen=True, slots=True)
class ContentBegins:
    """DATA, or the first BDAT; default answer 354, which with BDAT is not written."""


@dataclass(frozen=True, slots=True)
class ContentEnded:
    """
    All of the content has come; default answer 250 2.0.0.

    Whatever the answer, the transaction is over with it.  In LMTP each recipient is
    answered (:meth:`~pymta.wire.smtp.server.SMTPServer.answer_each`).
    """


@dataclass(frozen=True, slots=True)
class StartTLS:
    """
    STARTTLS; default answer 220.  Answered well, it ends any transaction, and the driver writes
    the answer, makes the handshake and calls ``tls_started``.
    """


@dataclass(frozen=True, slots=True)
class Auth:
    """
    AUTH with a mechanism that is offered now; default answer 235 2.7.0, or ``challenge``.

    :param mechanism: in upper case.
    :param initial: the initial response, decoded; None if there was none.
    """

    mechanism: str
    initial: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Verify:
    """
    VRFY, where the VRFY extension is registered; default answer 252.

    :param text: a user or mailbox, as the client wrote it.
    :param smtputf8: whether the answer may hold UTF-8 (:rfc:`6531#section-3.7.4.2`).
    """

    text: str
    smtputf8: bool = False


@dataclass(frozen=True, slots=True)
class ExpandList:
    """EXPN, where the EXPN extension is registered; otherwise as :class:`Verify`."""

    text: str
    smtputf8: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """
    A command of a registered extension that the machine does not know; default answer 250.

    :param verb: in upper case.
    :param argument: all that follows the verb, without control characters.
    """

    verb: str
    argument: str


Question: TypeAlias = (
    Hello
    | Mail
    | Rcpt
    | ContentBegins
    | ContentEnded
    | StartTLS
    | Auth
    | AuthResponse
    | Verify
    | ExpandList
    | Command
)

# -- what tells ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Content:
    """
    Some octets of the content, dots unstuffed; never empty.

    Asking for the next event says that these were stored: BDAT is answered then.
    """

    data: bytes


@dataclass(frozen=True, slots=True)
class TransactionAborted:
    """
    The transaction is over without a ``ContentEnded``: RSET, HELO, STARTTLS, refused content, a
    failed BDAT, a closed connection.  Told once for every MAIL that was answered well and whose
    content did not come to its end.
    """


@dataclass(frozen=True, slots=True)
class Answered:
    """
    The machine answered a command, or what is none, by itself.

    It comes one a command, so that a driver gets to see its output and its clock in between.
    """

    reply: Reply


@dataclass(frozen=True, slots=True)
class Quit:
    """QUIT, answered 221.  :class:`Closed` follows."""


class Reason(Enum):
    """Why the machine closed: of :class:`Closed`."""

    QUIT = "the client said QUIT"
    DISCONNECTED = "the client closed the connection"
    REFUSED = "an answer closed it"
    EARLY = "the client did not wait for an answer"
    INJECTION = "octets behind STARTTLS"
    LIMIT = "too many errors, commands or tries"
    UNPARSABLE = "where the next command begins cannot be known"
    SHUT_DOWN = "we shut down"


Told: TypeAlias = Content | TransactionAborted | AuthCancelled | Answered | Quit | Closed
Event: TypeAlias = Question | Told
