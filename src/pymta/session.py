"""
What is known of one connection.

EHLO, STARTTLS, AUTH and XCLIENT *replace* the session, so that nothing learnt before TLS
survives TLS (:rfc:`3207#section-4.2`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pymta.facts import NO_FACTS, Facts

__all__ = ["TLS", "Endpoint", "Role", "Session"]


class Role(Enum):
    """What a listener is for."""

    SMTP = "smtp"
    SUBMISSION = "submission"
    LMTP = "lmtp"
    POP3 = "pop3"
    IMAP = "imap"
    LOCAL = "local"
    """Made in this process or by a command: no connection at all."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a connection.  :param host: an IP address; a path, or empty, for UNIX sockets."""

    host: str
    port: int = 0

    def __str__(self) -> str:
        if not self.port:
            return self.host or "local"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TLS:
    """
    What the handshake agreed on.

    :param version: ``"TLSv1.3"``.
    :param server_name: the name that the client asked for (SNI), if it did.
    :param peer_name: the name in the client's verified certificate, if it showed one.
    """

    version: str
    cipher: str
    server_name: str | None = None
    peer_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """
    One connection, as far as it is known now.

    :param id: unique in this process and in its log.
    :param peer: the client; with PROXY or XCLIENT, the one that the listed proxy speaks for.
    :param proxy: that proxy, where there is one.
    :param helo: the argument of HELO, EHLO or LHLO; empty before it.
    :param extended: whether that was EHLO or LHLO.
    :param identity: who logged in; the name of an account.
    :param mechanism: how it did: a SASL mechanism, ``USER``, ``APOP`` or ``LOGIN``.
    :param name: the client's verified host name, where somebody looked it up.
    :param listener: what the listener is called, if it has a name; not kept in the queue.
    """

    id: str
    role: Role
    peer: Endpoint
    local: Endpoint
    started: datetime
    proxy: Endpoint | None = None
    name: str | None = None
    helo: str = ""
    extended: bool = False
    tls: TLS | None = None
    identity: str | None = None
    mechanism: str | None = None
    listener: str = ""
    facts: Facts = NO_FACTS

    @property
    def protocol(self) -> str:
        """The ``with`` word of Received (:rfc:`3848`): ``ESMTPSA``, ``LMTP``, …"""
        if self.role is Role.LMTP:
            word = "LMTP"
        else:
            word = "ESMTP" if self.extended else "SMTP"
        if word == "SMTP":
            return word
        return word + ("S" if self.tls else "") + ("A" if self.identity is not None else "")
