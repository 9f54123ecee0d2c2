"""
What a peer may ask of a POP3 machine before it is stopped, with the reason of each figure.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ClientLimits", "Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    The limits of a server.  Lengths are octets, the end of the line included.

    :param command_line: what :rfc:`2449#section-4` lets a client send, and no more: no client
        needs more, and a line is kept until its end has come.
    :param auth_line: a line of an AUTH exchange.  Tickets and tokens fit into the 12,288 octets
        that :rfc:`4954#section-4` calls sufficient; this bounds what one connection can make a
        server keep.
    :param errors: unknown commands, wrong arguments, wrong order, lines too long.  A person at a
        keyboard stays below; something that speaks another protocol (HTTP, SMTP) does not.  That
        a message does not exist is no error of this kind: programs probe.
    :param commands_before_login: lines from a peer nobody knows yet.  A login with every
        extension takes about ten.
    :param failed_logins: refused passwords, digests and AUTH exchanges of one connection; new
        connections are counted by the listener.
    """

    command_line: int = 255
    auth_line: int = 12_288
    errors: int = 20
    commands_before_login: int = 100
    failed_logins: int = 3

    def __post_init__(self) -> None:
        if self.command_line < 255:
            # RFC 2449 section 4: a server with CAPA MUST support 255
            raise ValueError("command_line below 255 octets")
        if self.auth_line < self.command_line:
            raise ValueError("auth_line below command_line")
        if min(self.errors, self.commands_before_login, self.failed_logins) < 1:
            raise ValueError("a limit below 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """
    The limits of a client.

    :param reply_line: the first line of a response.  :rfc:`1939#section-3` allows 512 octets;
        servers that answer with more text are forgiven, one that never ends a line is not.
        An AUTH challenge is such a line too, hence the figure of :class:`Limits`.
    :param lines: octets of one multi-line response; None where the caller counts.
    """

    reply_line: int = 12_288
    lines: int | None = None
