"""
What a server has said to one transaction, recipient by recipient.

Each recipient gets exactly one answer, keyed by its id: the server's own words where it had
any, ours where it had none.  A server that was given the whole content and then is heard no
more may have taken it (:rfc:`1047`): such an answer is *in doubt*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from pymta.aio import CancelledError
from pymta.envelope import Recipient, RecipientID
from pymta.reply import Reply
from pymta.wire.smtp.client_events import (
    ClientEvent,
    Closed,
    ContentAnswered,
    ContentWanted,
    RecipientAnswered,
    RecipientDelivered,
    SenderAnswered,
    TransactionEnded,
)

__all__ = ["Answer", "Answers", "Interrupted", "Stage"]


class Stage(Enum):
    """What an answer is to."""

    SENDER = "sender"
    """MAIL: the message, to anybody there."""
    RECIPIENT = "recipient"
    """RCPT: this recipient alone."""
    CONTENT = "content"
    """DATA, or the content; with LMTP for this recipient."""
    CONNECTION = "connection"
    """Nothing: the connection ended, by a 421 or without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What became of one recipient.

    :param reply: positive: the server has taken the message for it.
    :param from_peer: whether the server said so itself.
    :param in_doubt: the server may have taken the message all the same.
    """

    recipient: Recipient
    reply: Reply
    stage: Stage
    from_peer: bool = True
    in_doubt: bool = False


class Interrupted(CancelledError):
    """
    A transaction was cancelled.

    :param answers: one for each recipient, as if the connection had been lost then: what the
        server had said is not forgotten, and what it may have taken is in doubt.
    """

    def __init__(self, answers: Sequence[Answer]) -> None:
        super().__init__("the transaction was cancelled")
        self.answers = tuple(answers)


class Answers:
    """
    The answers to one transaction, as they come.

    :param where: the server, for people.
    :ivar over: no more will come.
    :ivar given: the whole content was given, and its answers are due.
    """

    def __init__(self, recipients: Sequence[Recipient], where: str) -> None:
        self.over = False
        self.given = False
        self._recipients = recipients
        self._where = where
        self._known: dict[RecipientID, Answer] = {}
        self._awaited = len(recipients)
        self._due = "MAIL"

    @property
    def envelope_answered(self) -> bool:
        """Whether MAIL and every RCPT is."""
        return not self._awaited

    def take(self, event: ClientEvent) -> None:
        """Something was answered."""
        match event:
            case SenderAnswered(reply, from_peer):
                self._sender_answered(reply, from_peer)
            case RecipientAnswered():
                self._recipient_answered(event)
            case ContentWanted():
                self._due = "the content"
            case ContentAnswered(reply):
                self.rest(reply, Stage.CONTENT)
            case RecipientDelivered(recipient, reply):
                self._put(recipient, reply, Stage.CONTENT)
            case TransactionEnded():
                self.over = True
            case Closed(None):
                self.broke("closed the connection")
            case Closed(reply):
                assert reply is not None
                self.rest(reply, Stage.CONNECTION, in_doubt=self.given)
                self.over = True
            case _:
                pass  # of no transaction

    def _sender_answered(self, reply: Reply, from_peer: bool) -> None:
        self._due = "RCPT"
        if not reply.positive:
            self._awaited = 0
            self.rest(reply, Stage.SENDER, from_peer=from_peer)

    def _recipient_answered(self, event: RecipientAnswered) -> None:
        self._awaited -= 1
        if not self._awaited:
            self._due = "DATA"
        if not event.reply.positive:
            self._put(event.recipient, event.reply, Stage.RECIPIENT, from_peer=event.from_peer)

    def broke(self, how: str, status: str = "4.4.2") -> None:
        """
        There will be no more answers.

        :param how: what the server did.
        """
        if self.given:
            text = f"{how} after the end of the message, which it may have taken"
        else:
            text = f"{how} instead of answering {self._due}"
        reply = Reply(451, status, f"{self._where} {text}")
        self.rest(reply, Stage.CONNECTION, from_peer=False, in_doubt=self.given)
        self.over = True

    def rest(
        self, reply: Reply, stage: Stage, *, from_peer: bool = True, in_doubt: bool = False
    ) -> None:
        """One answer to all that have none."""
        for recipient in self._recipients:
            if recipient.id not in self._known:
                self._put(recipient, reply, stage, from_peer=from_peer, in_doubt=in_doubt)

    def _put(
        self,
        recipient: Recipient,
        reply: Reply,
        stage: Stage,
        *,
        from_peer: bool = True,
        in_doubt: bool = False,
    ) -> None:
        self._known[recipient.id] = Answer(
            recipient=recipient,
            reply=reply,
            # RFC 5321 section 3.8: whatever it answers, it speaks of the connection.
            stage=Stage.CONNECTION if reply.closing else stage,
            from_peer=from_peer,
            in_doubt=in_doubt,
        )

    def all(self) -> tuple[Answer, ...]:
        """One for each recipient, in their order; when it is over."""
        return tuple(self._known[recipient.id] for recipient in self._recipients)
