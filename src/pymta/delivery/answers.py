"""
From a server's answers to what became of each recipient.

Whose fault a "no" is decides what the queue does: a recipient's (greylisting, no such user), the
message's (size, content), or the destination's, which slows its lane down.  A reply is kept in
the server's words, for the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pymta.envelope import Recipient
from pymta.outcome import Delivered, Failed, Outcome, Relayed, Scope
from pymta.reply import Reply
from pymta.session import Role
from pymta.smtp.client_answers import Answer, Stage

__all__ = ["Server", "Sorted", "passing", "sort"]

# RFC 3463 section 3.4: no room, or shut down; whatever the message, and whoever it is for.
_SYSTEM = ("4.3.1", "4.3.2")
# RFC 4954 section 6 and RFC 3207 section 4: log in, or start TLS.  The operator mends that, or it
# passes: a handshake that has failed is followed by a session in clear text.
_NOT_LIKE_THIS = 530


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """
    Who answers.

    :param dsn: whether it takes over the duty to report (:rfc:`3461#section-4`).
    """

    name: str
    role: Role
    dsn: bool


@dataclass(slots=True)
class Sorted:
    """
    What the answers of one transaction mean.

    :ivar ended: recipients whose attempt is over, each with its outcome.
    :ivar again: those that the server would take in another transaction.
    :ivar elsewhere: those that nobody has answered for, and that have not got the content:
        another host may.
    :ivar doubtful: those of ``ended`` that may have the message all the same (:rfc:`1047`).
    :ivar trouble: what has kept the ones for elsewhere from being answered.
    """

    ended: list[tuple[Recipient, Outcome]] = field(default_factory=list)
    again: list[Recipient] = field(default_factory=list)
    elsewhere: list[Recipient] = field(default_factory=list)
    doubtful: list[Recipient] = field(default_factory=list)
    trouble: Failed | None = None


def sort(answers: Sequence[Answer], server: Server) -> Sorted:
    """:param answers: of one transaction, in any order."""
    found = Sorted()
    # RFC 5321 section 4.5.3.1.10: what is too much for one transaction is not for the next one,
    # provided that this one has moved something: then the next one is smaller.
    moved = any(not (_is_lost(answer) or _is_one_too_many(answer)) for answer in answers)
    for answer in answers:
        if _is_lost(answer):
            found.elsewhere.append(answer.recipient)
            found.trouble = _failed(answer, server)
        elif moved and _is_one_too_many(answer):
            found.again.append(answer.recipient)
        else:
            found.ended.append((answer.recipient, _outcome(answer, server)))
            if answer.in_doubt:
                found.doubtful.append(answer.recipient)
    return found


def passing(reply: Reply) -> Reply:
    """
    A "no" to whole sessions, as one that may pass.

    A server that lets nobody in, or not us, is misconfigured more often than it is meant; as
    Postfix does by default, other hosts are tried, and then the queue waits.  The text says what
    was said.
    """
    if not reply.permanent:
        return reply
    status = f"4{reply.status[1:]}" if reply.status else "4.3.0"
    return Reply(450, status, f"{reply.code} {reply.text}".rstrip())


def _is_lost(answer: Answer) -> bool:
    """Nobody knows of this recipient: the connection ended, and surely without the message."""
    return answer.stage is Stage.CONNECTION and not answer.in_doubt


def _is_one_too_many(answer: Answer) -> bool:
    # RFC 5321 section 4.5.3.1.10: "clients SHOULD treat a 552 code in this case as a temporary";
    # with the status of a full mailbox, it is another case.
    reply = answer.reply
    return (
        answer.stage is Stage.RECIPIENT
        and reply.code in (452, 552)
        and reply.status in ("", "4.5.3", "5.5.3")
    )


def _outcome(answer: Answer, server: Server) -> Outcome:
    if not answer.reply.positive:
        return _failed(answer, server)
    if server.role is Role.LMTP:
        # RFC 2033 section 4.2: a yes to LMTP is the mailbox's own.
        return Delivered(answer.reply, dsn=server.dsn)
    return Relayed(answer.reply, dsn=server.dsn, remote=server.name)


def _failed(answer: Answer, server: Server) -> Failed:
    reply = answer.reply
    return Failed(
        reply=passing(reply) if reply.code == _NOT_LIKE_THIS else reply,
        scope=_scope(answer, server.role),
        remote=server.name if answer.from_peer else None,
    )


def _scope(answer: Answer, role: Role) -> Scope:
    if answer.reply.code == _NOT_LIKE_THIS:
        return Scope.DESTINATION
    if answer.stage is Stage.RECIPIENT:
        return Scope.RECIPIENT
    if answer.stage is Stage.CONNECTION or answer.reply.status in _SYSTEM:
        return Scope.DESTINATION
    if answer.stage is Stage.CONTENT and role is Role.LMTP:
        # RFC 2033 section 4.2: each recipient has an answer of its own, over quota or not.
        return Scope.RECIPIENT
    return Scope.MESSAGE
