"""
What all client connections of one kind have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from pymta.edge.limits import check_seconds
from pymta.edge.peers import Peers
from pymta.session import Role
from pymta.wire.smtp.client import CLIENT_EXTENSIONS
from pymta.wire.smtp.extensions import Extension

__all__ = ["ClientSettings", "ClientTimeouts", "EightBit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTimeouts:
    """
    Seconds that a server may take (:rfc:`5321#section-4.5.3.2`), each for a whole reply.

    :param connect: for the connection itself.
    :param greeting: section 4.5.3.2.1.
    :param handshake: for TLS.
    :param command: for EHLO, STARTTLS, each step of AUTH, MAIL and RCPT (sections 4.5.3.2.2,
        4.5.3.2.3).
    :param data: from the last answer to RCPT until content is wanted (section 4.5.3.2.4).
    :param block: to take 64 KiB of content (section 4.5.3.2.5).
    :param end: for each answer to the content (section 4.5.3.2.6).
    :param quit: for the answer to QUIT, and then for the connection to close.
    :param idle: between two transactions, before we say QUIT.
    """

    connect: float = 30
    greeting: float = 300
    handshake: float = 60
    command: float = 300
    data: float = 120
    block: float = 180
    end: float = 600
    quit: float = 5
    idle: float = 300

    def __post_init__(self) -> None:
        check_seconds(self)


class EightBit(Enum):
    """8-bit content for a server that does not announce 8BITMIME (:rfc:`6152#section-3`)."""

    SEND = "send"
    """As it is, as nearly all senders do: octets are never changed, and nearly all cope."""
    REFUSE = "refuse"
    """Not at all: it is returned, as the RFC has it where nobody converts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """
    :param helo: how we introduce ourselves: a host name, or an address literal; ASCII.
    :param role: SMTP, SUBMISSION or LMTP.
    :param chunking: whether BDAT may be used.
    :param extensions: whose parameters of MAIL and RCPT are passed on, if announced.
    :param trusted: servers that get our credentials without TLS, or without proof of who they
        are (S26).
    """

    helo: str
    role: Role = Role.SMTP
    timeouts: ClientTimeouts = field(default_factory=ClientTimeouts)
    chunking: bool = True
    extensions: Sequence[Extension] = CLIENT_EXTENSIONS
    eight_bit: EightBit = EightBit.SEND
    trusted: Peers = field(default_factory=Peers)
