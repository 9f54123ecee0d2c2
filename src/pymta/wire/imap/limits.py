"""
What a peer may ask of an IMAP machine before it is stopped, with the reason of each figure.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    The limits of a server.  Lengths are octets.

    :param line_before_login: one line from a peer nobody knows yet.  Tickets and tokens fit into
        the 12,288 octets that :rfc:`4954#section-4` calls sufficient.
    :param literal_before_login: names and passwords.
    :param line: one line of a command.  Clients name ten thousand scattered messages in one;
        :rfc:`7162#section-4` asks for 8,192 at least.
    :param literal: one literal, those of messages apart, which are a stream.  The longest that
        clients send are annotations and scripts of filters.
    :param command: all of a command, literals and all.
    :param pieces: literals of one command.
    :param skipped: octets of a literal that is refused and comes all the same: beyond that the
        session is closed instead (:rfc:`7888#section-4`).
    :param slice: octets of a message given at once, and inflated at once.
    :param errors: unknown commands, wrong arguments, wrong order, since the last command that was
        none of these.  Something that speaks another protocol (HTTP, SMTP) does not stay below.
    :param commands_before_login: a login with every extension takes about ten.
    :param failed_logins: of one connection; new connections are counted by the listener.
    """

    line_before_login: int = 12_288
    literal_before_login: int = 1_024
    line: int = 65_536
    literal: int = 65_536
    command: int = 262_144
    pieces: int = 1_000
    skipped: int = 268_435_456
    slice: int = 32_768
    errors: int = 20
    commands_before_login: int = 100
    failed_logins: int = 3

    def __post_init__(self) -> None:
        if self.line < 8_192 or self.line_before_login < 1_000:
            raise ValueError("lines too short to serve any client")
        if self.command < self.line or self.command < self.literal:
            raise ValueError("command below line or literal")
        if min(self.errors, self.commands_before_login, self.failed_logins, self.slice) < 1:
            raise ValueError("a limit below 1")
