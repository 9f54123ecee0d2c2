"""
One MAIL as its client sees it: what can be asked of this server, and what it has answered.

A transaction is made for each MAIL and thrown away as a whole.  What the server announced
decides here, before anything is sent, what would fail for certain: an address that needs
SMTPUTF8 (:rfc:`6531#section-3.2`), binary content without BINARYMIME (:rfc:`3030#section-3`), a
message above SIZE (:rfc:`1870#section-6.1`), recipients above LIMITS (:rfc:`9422#section-4`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pymta.envelope import Body, Recipient, Sender
from pymta.reply import Reply
from pymta.wire.smtp.bdat import Chunk, format_bdat
from pymta.wire.smtp.canonical import Canonicaliser
from pymta.wire.smtp.capabilities import Capabilities
from pymta.wire.smtp.data import DataEncoder

__all__ = [
    "ChunkEncoder",
    "Transaction",
    "objection",
    "objections",
    "with_utf8",
]

CHUNK: Final = 65536
"""Octets of a BDAT chunk: so large that its reply costs nothing, so small that it is held."""

NOT_BINARY: Final = Reply(554, "5.6.3", "Binary content, and the next hop takes none")
TOO_LARGE: Final = Reply(552, "5.3.4", "Message larger than the next hop takes")
NOT_UTF8_SENDER: Final = Reply(553, "5.6.7", "Non-ASCII sender, and the next hop takes none")
NOT_UTF8_RECIPIENT: Final = Reply(553, "5.6.7", "Non-ASCII address, and the next hop takes none")
NOT_UTF8_HEADER: Final = Reply(554, "5.6.9", "UTF-8 header, and the next hop takes none")
TOO_MANY: Final = Reply(452, "4.5.3", "More recipients than the next hop takes at once")


class ChunkEncoder:
    """
    Content as BDAT commands (:rfc:`3030#section-2`).

    Up to :data:`CHUNK` octets are held until it is known whether they are the last, so that a
    small message is one command.
    """

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0

    def encode(self, data: bytes) -> bytes:
        """Take the next slice; return a whole command, or nothing yet."""
        full = self._held and self._size + len(data) > CHUNK
        command = self._take(last=False) if full else b""
        self._held.append(data)
        self._size += len(data)
        return command

    def end(self) -> bytes:
        """The last command."""
        return self._take(last=True)

    def _take(self, *, last: bool) -> bytes:
        command = format_bdat(Chunk(self._size, last)).encode("ascii")
        octets = b"".join((command, b"\r\n", *self._held))
        self._held, self._size = [], 0
        return octets


class Transaction:
    """
    What was asked and what was answered so far.

    :ivar asked: the recipients of the RCPTs, in their order.
    :ivar left_out: those that the machine answers itself.
    :ivar accepted: those that the server took.
    :ivar refused: MAIL was answered with a "no".
    :ivar over: what becomes of the content is told; replies still due are read and dropped.
    :ivar encoder: how content is written.
    :ivar canonicaliser: None for binary content, which goes as it is.
    """

    __slots__ = (
        "accepted",
        "answered",
        "asked",
        "canonicaliser",
        "delivered",
        "encoder",
        "left_out",
        "over",
        "refused",
    )

    def __init__(
        self,
        asked: Sequence[Recipient],
        left_out: Sequence[tuple[Recipient, Reply]],
        *,
        encoder: DataEncoder | ChunkEncoder,
        canonicaliser: Canonicaliser | None,
    ) -> None:
        self.asked = asked
        self.left_out = left_out
        self.accepted: list[Recipient] = []
        self.answered = 0
        self.delivered = 0
        self.refused = False
        self.over = False
        self.encoder = encoder
        self.canonicaliser = canonicaliser

    @property
    def chunked(self) -> bool:
        """Whether content goes by BDAT."""
        return isinstance(self.encoder, ChunkEncoder)

    @property
    def hopeless(self) -> bool:
        """Whether no recipient can be accepted any more."""
        return self.refused or (self.complete and not self.accepted)

    @property
    def complete(self) -> bool:
        """Whether every RCPT is answered."""
        return self.answered == len(self.asked)

    def recipient_answered(self, reply: Reply) -> Recipient:
        """The next RCPT was answered; tell whose it was."""
        recipient = self.asked[self.answered]
        self.answered += 1
        if reply.positive:
            self.accepted.append(recipient)
        return recipient

    def recipient_delivered(self) -> Recipient:
        """LMTP: the next of the accepted ones was answered; tell whose it was."""
        self.delivered += 1
        return self.accepted[self.delivered - 1]


def with_utf8(sender: Sender, recipients: Sequence[Recipient]) -> Sender:
    """The sender, saying SMTPUTF8 where an address needs it (:rfc:`6531#section-3.4`)."""
    if sender.smtputf8 or (
        _is_ascii(sender) and all(recipient.address.is_ascii for recipient in recipients)
    ):
        return sender
    return replace(sender, smtputf8=True)


def _is_ascii(sender: Sender) -> bool:
    return sender.reverse_path is None or sender.reverse_path.is_ascii


def objection(sender: Sender, capabilities: Capabilities, *, chunking: bool) -> Reply | None:
    """
    Why this server cannot take the message at all, whoever it is for; None if it may.

    :param chunking: whether content can go by BDAT.
    """
    if sender.body is Body.BINARY and not (chunking and "BINARYMIME" in capabilities):
        # RFC 3030 section 3: without it, convert or return; and converting is not our trade.
        return NOT_BINARY
    if "SMTPUTF8" not in capabilities:
        if not _is_ascii(sender):
            return NOT_UTF8_SENDER
        if sender.smtputf8:
            return NOT_UTF8_HEADER
    if sender.size is not None and sender.size > (capabilities.size_limit or sender.size):
        return TOO_LARGE
    return None


def objections(
    recipients: Sequence[Recipient], capabilities: Capabilities
) -> Iterator[tuple[Recipient, Reply | None]]:
    """Each recipient, and why this server cannot be asked to take it now; None if it can."""
    limits = capabilities.limits
    count = limits.get("RCPTMAX", len(recipients))
    domain_count = limits.get("RCPTDOMAINMAX")
    domains: set[str] = set()
    for recipient in recipients:
        if not recipient.address.is_ascii and "SMTPUTF8" not in capabilities:
            yield recipient, NOT_UTF8_RECIPIENT
            continue
        if domain_count is not None:
            domain = recipient.address.ascii_domain
            if domain not in domains and len(domains) == domain_count:
                yield recipient, TOO_MANY
                continue
            domains.add(domain)
        count -= 1
        yield recipient, None if count >= 0 else TOO_MANY
