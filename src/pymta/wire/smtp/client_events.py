"""
What happens to an SMTP, submission or LMTP client (:mod:`pymta.wire.smtp.client`).

Each event is one answer of the server to one thing that was asked, in the order of asking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from pymta.envelope import Recipient
from pymta.reply import Reply
from pymta.wire.smtp.capabilities import Capabilities

__all__ = [
    "AuthChallenge",
    "AuthFailed",
    "AuthSucceeded",
    "ClientEvent",
    "Closed",
    "CommandAnswered",
    "ContentAnswered",
    "ContentWanted",
    "Greeting",
    "HelloAnswered",
    "RecipientAnswered",
    "RecipientDelivered",
    "SenderAnswered",
    "TLSReady",
    "TLSRefused",
    "TransactionEnded",
]


@dataclass(frozen=True, slots=True)
class Greeting:
    """
    The server has opened.  Positive: go on with ``hello``; else only ``quit`` is left
    (:rfc:`5321#section-3.1`).
    """

    reply: Reply


@dataclass(frozen=True, slots=True)
class HelloAnswered:
    """
    The answer to EHLO or LHLO, or to the HELO that was tried when EHLO was not known.

    :param capabilities: none behind HELO and where the reply is a "no".
    """

    reply: Reply
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class TLSReady:
    """
    Start the handshake now, as a client, then call ``tls_started``.  Whatever arrives in between
    and is not of the handshake is an error (S04).
    """

    reply: Reply


@dataclass(frozen=True, slots=True)
class TLSRefused:
    """The server would not start TLS; the connection goes on as it was."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class AuthChallenge:
    """The mechanism's next challenge, decoded: answer with ``respond`` or ``cancel``."""

    data: bytes


@dataclass(frozen=True, slots=True)
class AuthSucceeded:
    """Logged in."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class AuthFailed:
    """Not logged in; another mechanism or another password may be tried."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class CommandAnswered:
    """The answer to ``noop`` or ``reset``.  :param verb: ``"NOOP"`` or ``"RSET"``."""

    verb: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class SenderAnswered:
    """
    The answer to MAIL.  A "no" stands for all recipients: nothing more is told of them.

    :param from_peer: False where the machine knew the answer from what the server announced
        (an extension is missing, the message is too large) and asked nothing.
    """

    reply: Reply
    from_peer: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientAnswered:
    """
    The answer to one RCPT.

    :param from_peer: False where the machine knew the answer and left this recipient out: a
        5xx for an address that the server cannot take, 452 4.5.3 for one too many
        (:rfc:`5321#section-4.5.3.1.10`), which may come in the next transaction.
    """

    recipient: Recipient
    reply: Reply
    from_peer: bool = True


@dataclass(frozen=True, slots=True)
class ContentWanted:
    """
    Give the content: ``content`` for each slice, then ``end_content``.

    :param recipients: those that the server took, in their order; at least one.
    """

    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class ContentAnswered:
    """
    The answer to the content, or to DATA, for all recipients that were taken; not with LMTP.

    A "no" may come while content is still being given: then no more is taken.
    """

    reply: Reply


@dataclass(frozen=True, slots=True)
class RecipientDelivered:
    """
    LMTP's answer to the content, for one recipient (:rfc:`2033#section-4.2`).

    One for each that was taken, in order; where the server refused DATA or a chunk, its one
    answer is told for each.
    """

    recipient: Recipient
    reply: Reply


@dataclass(frozen=True, slots=True)
class TransactionEnded:
    """All is answered; the next ``begin`` may follow."""


@dataclass(frozen=True, slots=True)
class Closed:
    """
    The last event: the connection ends here.

    What was asked and has had no event will have none.  If content was ended and not
    answered, whether the server has the message is not known (:rfc:`1047`).

    :param reply: the answer to ``quit``, or the 421 by which the server gave notice; None where
        it just closed.
    """

    reply: Reply | None


ClientEvent: TypeAlias = (
    Greeting
    | HelloAnswered
    | TLSReady
    | TLSRefused
    | AuthChallenge
    | AuthSucceeded
    | AuthFailed
    | CommandAnswered
    | SenderAnswered
    | RecipientAnswered
    | ContentWanted
    | ContentAnswered
    | RecipientDelivered
    | TransactionEnded
    | Closed
)
