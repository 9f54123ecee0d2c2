"""
The limits of an SMTP server machine, with the reason of each default (:rfc:`5321#section-4.5.3`).

Time limits are not here, for machines know no time: :mod:`pymta.edge.limits` has them.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    What one connection may ask for.  None where there is no limit.

    :param command_line: octets with CRLF.  :rfc:`5321#section-4.5.3.1.4` asks for 512, and each
        extension for more: SMTPUTF8, DSN and AUTH together stay below 2,048.
    :param auth_line: octets of a line of the AUTH exchange with CRLF (:rfc:`4954#section-4`).
    :param text_line: octets of a line of content without CRLF.  :rfc:`5321#section-4.5.3.1.6` has
        998, but too many senders write a paragraph or a whole HTML page in one line; they are
        passed as they are, up to a length that is no letter any more.  Above it the message
        is refused at its end.
    :param recipients: accepted ones a transaction; :rfc:`5321#section-4.5.3.1.8` asks for 100 at
        least, and big lists send 1,000 at once.
    :param recipient_domains: different domains of recipients a transaction.
    :param mails: transactions a connection.
    :param message_size: octets of content: what most others take, after base64.
    :param discarded: octets read and thrown away behind a refused message, or of a chunk out of
        place, before the connection is closed: as much as a message, so that an honest client
        hears the answer.
    :param errors: of syntax and sequence; a broken client makes one or two, a scanner many.
    :param commands: since the last completed transaction; recipients taken and chunks stored are
        progress and not counted.  Pooling clients send a NOOP now and then, not hundreds.
    :param auth_tries: failed ones: a person mistypes twice; guessing goes slower with a new
        connection each three.
    """

    command_line: int = 2048
    auth_line: int = 12288
    text_line: int = 1024 * 1024
    recipients: int = 1000
    recipient_domains: int | None = None
    mails: int | None = None
    message_size: int | None = 50 * 1024 * 1024
    discarded: int = 64 * 1024 * 1024
    errors: int = 20
    commands: int = 500
    auth_tries: int = 3

    def __post_init__(self) -> None:
        # RFC 5321 section 4.5.3.1.4: commands of 512 octets, with CRLF, must be taken.
        if self.command_line < 512 or self.auth_line < 512:
            raise ValueError("lines of 512 octets must be taken")
        for name in ("text_line", "recipients", "errors", "commands", "auth_tries"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is less than 1")
        for name in ("recipient_domains", "mails"):
            limit = getattr(self, name)
            if limit is not None and limit < 1:
                raise ValueError(f"{name} is less than 1")
