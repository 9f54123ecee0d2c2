"""
One log line an event, through ``twisted.logger``, with every value as a field of its own.

A recipient's line has what an operator asks for: queue id, sender, recipient, agent and next
hop, where the time went, and what was said.  Passwords and tokens are in no event; addresses
pass through a :data:`~pymta.observe.redaction.Redaction`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TypeAlias, assert_never

from twisted.logger import Logger, LogLevel
from zope.interface import implementer

from pymta.envelope import Recipient, Sender
from pymta.events import (
    AnswerLost,
    Attempted,
    Connected,
    Delays,
    Discarded,
    Disconnected,
    Event,
    Faulted,
    HeldBack,
    LoggedIn,
    LoginFailed,
    Queued,
    Rejected,
    Stale,
    TLSFailed,
    Unanswered,
)
from pymta.interfaces.observe import IObserver
from pymta.observe.redaction import Redaction, plain, printable, redacted
from pymta.outcome import Delivered, Dropped, Expanded, Failed, Outcome, Relayed
from pymta.reply import Reply
from pymta.session import Session

__all__ = ["LogObserver"]

Fields: TypeAlias = Mapping[str, object]

_log = Logger(namespace="pymta.mail")

_ATTEMPTED = (
    "{queue_id}: from=<{sender}> to=<{recipient}> agent={agent} next_hop={next_hop}"
    " relay={remote} attempt={number} delay={delay} delays={delays} status={status}"
    " {result}: {reply}{cause}"
)
_QUEUED = "{queue_id}: from=<{sender}> to={recipients} size={size} took={took} by {session}"
_REJECTED = "{session} {stage} from=<{sender}> to=<{recipient}> refused: {reply}{reason}"


@implementer(IObserver)
class LogObserver:
    """
    :param log: where the lines go; its namespace is theirs.
    :param redaction: of addresses and login names.
    """

    def __init__(self, *, log: Logger = _log, redaction: Redaction = plain) -> None:
        self._log = log
        self._redaction = redaction

    def observe(self, event: Event) -> None:
        """Write it."""
        level, text, fields = self._line(event)
        # Twisted's way of filling in a field takes a hundred times as long as str.format's.
        self._log.emit(level, "{line}", line=text.format_map(fields), **fields)

    def _line(self, event: Event) -> tuple[LogLevel, str, Fields]:
        match event:
            case Connected() | Disconnected() | TLSFailed() | LoggedIn() | LoginFailed():
                return self._connection(event)
            case Rejected() | Queued() | Discarded() | AnswerLost():
                return self._message(event)
            case Attempted():
                return LogLevel.info, _ATTEMPTED, self._attempt(event)
            case HeldBack(queue_id, recipient, reason):
                fields = self._fields(queue_id=queue_id, recipient=recipient, reason=reason)
                return LogLevel.warn, "{queue_id}: to=<{recipient}> held: {reason}", fields
            case Stale(queue_id, recipients):
                text = "{queue_id}: to={recipients} may come twice: a lease ran out"
                return LogLevel.warn, text, self._fields(queue_id=queue_id, recipients=recipients)
            case Unanswered(queue_id, recipients, remote):
                text = "{queue_id}: to={recipients} may come twice: {remote} has not answered"
                fields = self._fields(queue_id=queue_id, recipients=recipients, remote=remote)
                return LogLevel.warn, text, fields
            case Faulted(id, where):
                return LogLevel.error, "fault {id} in {where}", self._fields(id=id, where=where)
            case _:
                assert_never(event)

    def _connection(
        self, event: Connected | Disconnected | TLSFailed | LoggedIn | LoginFailed
    ) -> tuple[LogLevel, str, Fields]:
        fields = self._session(event.session)
        match event:
            case Connected():
                return LogLevel.info, "{session} connected", fields
            case Disconnected():
                text = "{session} disconnected: {reason}"
                return LogLevel.info, text, fields | self._fields(reason=event.reason)
            case TLSFailed():
                text = "{session} TLS handshake failed: {reason}"
                return LogLevel.info, text, fields | self._fields(reason=event.reason)
            case LoggedIn():
                return LogLevel.info, "{session} logged in as {identity} by {mechanism}", fields
            case LoginFailed():
                text = "{session} login by {mechanism} as {username} failed: {reason}"
                fields |= self._fields(mechanism=event.mechanism, reason=event.reason)
                return LogLevel.warn, text, fields | {"username": self._name(event.username)}
            case _:
                assert_never(event)

    def _message(
        self, event: Rejected | Queued | Discarded | AnswerLost
    ) -> tuple[LogLevel, str, Fields]:
        fields = self._session(event.session)
        match event:
            case Rejected():
                fields |= self._fields(
                    stage=event.stage,
                    sender=event.sender,
                    recipient=event.recipient,
                    reply=event.reply,
                    reason=_besides(event.reason, event.reply),
                )
                return LogLevel.info, _REJECTED, fields
            case Queued():
                fields |= self._fields(
                    queue_id=event.queue_id,
                    sender=event.sender,
                    recipients=event.recipients,
                    size=event.size,
                    took=event.took,
                )
                return LogLevel.info, _QUEUED, fields
            case Discarded():
                fields |= self._fields(
                    queue_id=event.queue_id, sender=event.sender, reason=event.reason
                )
                return LogLevel.info, "{queue_id}: from=<{sender}> discarded: {reason}", fields
            case AnswerLost():
                text = "{session} left before it was told of {queue_ids}, and may send again"
                fields |= self._fields(queue_ids=", ".join(event.queue_ids))
                return LogLevel.warn, text, fields
            case _:
                assert_never(event)

    def _attempt(self, event: Attempted) -> Fields:
        result, reply, remote = _told(event.outcome, event.final)
        delays = event.delays
        cause = event.outcome.diagnostic if isinstance(event.outcome, Failed) else None
        return self._fields(
            queue_id=event.queue_id,
            sender=event.sender,
            recipient=event.recipient,
            agent=event.agent,
            next_hop=event.next_hop or "-",
            number=event.number,
            delay=_total(delays),
            delays=delays,
            status=_status(event.outcome, reply),
            result=result,
            reply=reply or "-",
            remote=remote or "-",
            cause=f" ({cause})" if cause else "",
        )

    # -- values ------------------------------------------------------------------

    def _session(self, session: Session) -> dict[str, object]:
        peer = str(session.peer)
        return {
            "session": f"{session.id} [{peer}]",
            "session_id": session.id,
            "role": session.role.value,
            "listener": printable(session.listener) or session.role.value,
            "peer": peer,
            "local": str(session.local),
            "helo": printable(session.helo),
            "tls": "" if session.tls is None else session.tls.version,
            "identity": self._name(session.identity),
            "mechanism": session.mechanism or "",
        }

    def _name(self, name: str | None) -> str:
        return "" if name is None else printable(self._redaction(name))

    def _fields(self, **values: object) -> dict[str, object]:
        return {name: self._value(value) for name, value in values.items()}

    def _value(self, value: object) -> object:
        match value:
            case str():  # the most, first
                return printable(redacted(value, self._redaction))
            case None:
                return ""
            case int():
                return value
            case timedelta():
                return value.total_seconds()
            case Delays():
                return "/".join(_seconds(span) for span in _spans(value))
            case Sender() | Recipient():
                text = str(value)
                return self._name(text) if text else ""
            case tuple():
                return ",".join(f"<{self._value(each)}>" for each in value)
            case _:
                return printable(redacted(str(value), self._redaction))


def _besides(reason: str | None, reply: Reply) -> str:
    """What the peer is not told."""
    return f" ({reason})" if reason and reason != str(reply) else ""


def _told(outcome: Outcome, final: bool) -> tuple[str, Reply | None, str | None]:
    """In a word, and in the words of who said so."""
    match outcome:
        case Delivered(reply):
            return "delivered", reply, None
        case Dropped(reply):
            return "dropped", reply, None
        case Relayed(reply, remote=remote):
            return "relayed", reply, remote
        case Expanded(members):
            return f"expanded to {members}", None, None
        case Failed(reply=reply, remote=remote):
            return "failed" if final else "deferred", reply, remote
        case _:
            assert_never(outcome)


def _status(outcome: Outcome, reply: Reply | None) -> str:
    """The enhanced status code, or as much of one as the reply's code tells."""
    if reply is not None:
        return reply.status or f"{reply.code // 100}.0.0"
    return "2.6.0" if isinstance(outcome, Expanded) else "2.0.0"


def _spans(delays: Delays) -> tuple[timedelta, ...]:
    return delays.before_queue, delays.in_queue, delays.connection, delays.transmission


def _total(delays: Delays) -> timedelta:
    return sum(_spans(delays), timedelta())


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.3g}"
