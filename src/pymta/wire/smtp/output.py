"""
Replies on their way out (:rfc:`5321#section-4.2`, :rfc:`2034`).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from pymta.reply import Reply
from pymta.session import Role
from pymta.wire.smtp import answers
from pymta.wire.smtp.events import (
    Auth,
    AuthResponse,
    Command,
    ContentBegins,
    ContentEnded,
    ExpandList,
    Hello,
    Mail,
    Question,
    Rcpt,
    StartTLS,
    Verify,
)

__all__ = ["Output", "encode_reply"]

# RFC 5321 section 4.5.3.1.5: 512 octets with code, status and CRLF; counted in characters of at
# most four octets where they are not ASCII.
_LONGEST: Final = 480

_POSITIVE: Final[Mapping[type, Reply]] = MappingProxyType(
    {
        Mail: answers.SENDER_OK,
        Rcpt: answers.RECIPIENT_OK,
        ContentBegins: answers.GO_AHEAD,
        ContentEnded: answers.OK,
        StartTLS: answers.READY_FOR_TLS,
        Auth: answers.LOGGED_IN,
        AuthResponse: answers.LOGGED_IN,
        Verify: answers.CANNOT_VERIFY,
        ExpandList: answers.CANNOT_VERIFY,
        Command: answers.OK,
    }
)


class Output:
    """
    Octets that wait to be written.

    :param extensions: keywords; without ENHANCEDSTATUSCODES no status is written.
    """

    def __init__(self, hostname: str, role: Role, extensions: Iterable[str]) -> None:
        self._hostname = hostname
        self._word = "LMTP" if role is Role.LMTP else "ESMTP"
        self._writes_status = "ENHANCEDSTATUSCODES" in extensions
        self._waiting: list[bytes] = []

    def take(self) -> bytes:
        """Take all of it."""
        octets = b"".join(self._waiting)
        self._waiting.clear()
        return octets

    def write(self, reply: Reply, encoding: str) -> None:
        """Add a reply; what ``encoding`` does not have becomes "?"."""
        status = reply.status if self._writes_status else ""
        if "\n" in reply.text or len(reply.text) > _LONGEST // 4:
            self._waiting.append(encode_reply(reply.code, status, reply.lines, encoding))
        else:
            # Nearly all are one short line: a third of the time of the long way.
            words = (
                f"{reply.code} {status} {reply.text}" if status else f"{reply.code} {reply.text}"
            )
            self._waiting.append(f"{words}\r\n".encode(encoding, "replace"))

    def write_hello(self, reply: Reply, announced: Sequence[str]) -> None:
        """Add the answer to HELO or EHLO."""
        # RFC 2034 section 4: without a status.
        lines = [reply.lines[0], *announced]
        self._waiting.append(encode_reply(reply.code, "", lines, "ascii"))

    def write_challenge(self, data: bytes) -> None:
        """Add a 334."""
        # RFC 4954 section 4: the space stands even where no text follows.
        self._waiting.append(b"334 " + b64encode(data) + b"\r\n")

    def greeting(self) -> Reply:
        """What a connection begins with."""
        # RFC 5321 section 4.2: the host name is the first word.
        return Reply(220, "", f"{self._hostname} {self._word}")

    def positive(self, question: Question) -> Reply:
        """The standard positive answer."""
        if isinstance(question, Hello):
            return Reply(250, "", self._hostname)
        return _POSITIVE[type(question)]


def encode_reply(code: int, status: str, lines: Iterable[str], encoding: str) -> bytes:
    """
    Write a reply; what ``encoding`` does not have becomes "?".

    :param status: empty where none is to be written.
    """
    space = f" {status} " if status else " "
    dash = f"-{status} " if status else "-"
    cut = [piece for line in lines for piece in _cut(line)]
    text = "".join(f"{code}{dash}{line}\r\n" for line in cut[:-1])
    return f"{text}{code}{space}{cut[-1]}\r\n".encode(encoding, "replace")


def _cut(line: str) -> list[str]:
    width = _LONGEST if line.isascii() else _LONGEST // 4
    if len(line) <= width:
        return [line]
    return [line[at : at + width] for at in range(0, len(line), width)]
