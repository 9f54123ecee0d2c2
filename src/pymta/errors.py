"""
What pymta raises, in one tree.

An expected answer is a value; an exception is a "no" that crosses a seam, or a surprise.
Public text (what a peer may read) lives in a :class:`~pymta.reply.Reply`; the exception's
own message is for the log.
"""

from __future__ import annotations

from pymta.reply import Reply

__all__ = [
    "AddressError",
    "AnnotationTooLarge",
    "Bogus",
    "ConfigurationError",
    "DNSError",
    "DNSUnavailable",
    "EncodingError",
    "HeaderError",
    "LocalProtocolError",
    "MailboxError",
    "MailboxExists",
    "MailboxInUse",
    "MailboxReadOnly",
    "MessageGone",
    "MessageTooLarge",
    "Mistake",
    "NoRecords",
    "NoSuchAccount",
    "NoSuchMailbox",
    "NoSuchName",
    "NoSuchQuotaRoot",
    "NotPermitted",
    "OverQuota",
    "ProtocolError",
    "PymtaError",
    "QueueError",
    "Refused",
    "RemoteProtocolError",
    "ReportError",
    "SieveError",
    "SpoolError",
    "StoreClosed",
    "TooManyAnnotations",
    "TooManyWaiting",
    "Unauthorized",
    "UnknownUse",
]


class PymtaError(Exception):
    """The root of the tree."""


# -- protocols ---------------------------------------------------------------


class ProtocolError(PymtaError):
    """A rule of a wire protocol was broken; there are exactly two kinds."""


class LocalProtocolError(ProtocolError):
    """Our own side asked a machine for something the protocol forbids now: a bug here."""


class RemoteProtocolError(ProtocolError):
    """
    The peer broke the protocol.

    :param reply: what a server answers to it; a client has nobody to answer.
    """

    def __init__(self, message: str, reply: Reply | None = None) -> None:
        super().__init__(message)
        self.reply = reply


class Refused(PymtaError):
    """
    "No", in the words that the peer is told.

    :param reply: a 4xx ("try again later") or 5xx ("never").
    :param reason: for the log, where it may say more than the peer should hear.
    :raises ValueError: for a 2xx or 3xx, which is no "no".
    """

    def __init__(self, reply: Reply, reason: str | None = None) -> None:
        if reply.positive:
            raise ValueError(f"no refusal: {reply}")
        super().__init__(reason or str(reply))
        self.reply = reply


class Unauthorized(PymtaError):
    """
    A login failed.  Unknown account, wrong password and disabled account look the same to the
    peer; the message, for the log, says which.

    :param transient: nobody could tell (the directory is down): never counted as a wrong password.
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


# -- values that do not parse ------------------------------------------------


class AddressError(PymtaError, ValueError):
    """No mail address.  :param position: where in the text, in characters from 0."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


class HeaderError(PymtaError, ValueError):
    """No header field, or a value that none can hold.  :param position: octets from 0."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


class EncodingError(PymtaError, ValueError):
    """A transfer encoding that nobody knows, or octets that break the one they claim to be in."""


class ReportError(PymtaError, ValueError):
    """No delivery status notification, or one that says of nobody what became of him."""


# -- names -------------------------------------------------------------------


class DNSError(PymtaError):
    """A look-up gave no records.  Only the first two kinds are a "no"."""


class NoSuchName(DNSError):
    """The name does not exist (NXDOMAIN)."""


class NoRecords(DNSError):
    """The name exists and has no records of the type asked for."""


class DNSUnavailable(DNSError):
    """Nobody knows: time-out, SERVFAIL, no server.  Try again later."""


class Bogus(DNSError):
    """The answer failed DNSSEC validation."""


# -- accounts and mailboxes --------------------------------------------------


class NoSuchAccount(PymtaError):
    """The directory knows no such account."""


class MailboxError(PymtaError):
    """A mailbox store says no."""


class NoSuchMailbox(MailboxError):
    """No mailbox of that name, or it was deleted while open."""


class MailboxExists(MailboxError):
    """A mailbox of that name is there already."""


class MailboxReadOnly(MailboxError):
    """The mailbox was opened read-only."""


class MailboxInUse(MailboxError):
    """Another session holds the lock of the mailbox (:rfc:`1939#section-4`)."""


class OverQuota(MailboxError):
    """
    The account has no room.

    :param permanent: the message alone is larger than the quota: waiting will not help.
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class MessageGone(MailboxError):
    """The message was expunged and its octets are no longer kept."""


class MessageTooLarge(MailboxError):
    """No message of that size goes into this mailbox.  :param limit: octets."""

    def __init__(self, message: str, limit: int) -> None:
        super().__init__(message)
        self.limit = limit


class NotPermitted(MailboxError):
    """The rights of whoever asks do not reach so far (:rfc:`4314#section-4`)."""


class UnknownUse(MailboxError):
    """No special use that a mailbox of this store can have (:rfc:`6154#section-3`)."""


class AnnotationTooLarge(MailboxError):
    """The value is too long (:rfc:`5464#section-4.3`).  :param limit: octets."""

    def __init__(self, message: str, limit: int) -> None:
        super().__init__(message)
        self.limit = limit


class TooManyAnnotations(MailboxError):
    """The mailbox, or the server, has as many as it may."""


class NoSuchQuotaRoot(MailboxError):
    """There is no quota root of that name."""


# -- what is kept ------------------------------------------------------------


class QueueError(PymtaError):
    """A queue store could not do what was asked; nothing of it was done."""


class SpoolError(PymtaError):
    """Content could not be kept: no space, an I/O error, or a writer used out of order."""


class StoreClosed(PymtaError):
    """The store is stopped, or stopped itself after an I/O error."""


class TooManyWaiting(PymtaError):
    """A bounded pool has as many waiting as it may: the caller says "later" (4xx, NO)."""


# -- what people write -------------------------------------------------------


class SieveError(PymtaError):
    """A script does not compile.  :param line: from 1.  :param column: from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.line = line
        self.column = column


class Mistake(PymtaError, ValueError):
    """
    One mistake in a configuration.

    :param path: where in the document: ``"listeners.smtp.port"``.
    :param line: from 1; None where the document cannot tell.
    :param hint: what to write instead.
    """

    def __init__(
        self, message: str, *, path: str = "", line: int | None = None, hint: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line
        self.hint = hint


class ConfigurationError(PymtaError, ValueError):
    """All mistakes of one configuration file, in the order of its lines."""

    def __init__(self, file: str, mistakes: tuple[Mistake, ...]) -> None:
        self.file = file
        self.mistakes = mistakes
        super().__init__("\n".join(self.report()))

    def report(self) -> list[str]:
        """One line a mistake: ``file:line: path: message (hint)``."""
        lines = []
        for mistake in self.mistakes:
            where = self.file if mistake.line is None else f"{self.file}:{mistake.line}"
            path = f" {mistake.path}:" if mistake.path else ""
            hint = f" ({mistake.hint})" if mistake.hint else ""
            lines.append(f"{where}:{path} {mistake.message}{hint}")
        return lines
