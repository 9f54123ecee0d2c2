"""
Replies as a client reads them (:rfc:`5321#section-4.2`).

They may be a hostile server's (S11): lines, their count and the whole are
bounded, control characters never reach a :class:`~pymta.reply.Reply`, and whatever is no
reply at all is a :class:`~pymta.errors.RemoteProtocolError`.  Enhanced status codes stay in
the text until :func:`lift_status` is asked, for only the client knows whether they were
announced (:rfc:`2034#section-4`).
"""

from __future__ import annotations

import re
from typing import Final

from pymta.errors import RemoteProtocolError
from pymta.reply import Reply
from pymta.wire._lines import TOO_LONG, Lines

__all__ = ["MAX_LINE", "MAX_LINES", "MAX_REPLY", "ReplyReader", "lift_status"]

MAX_LINE: Final = 2048
"""
The longest line read, in octets with its end.  RFC 5321 section 4.5.3.1.5 allows 512;
refusals that quote a policy's URL are longer.
"""

MAX_LINES: Final = 100
"""Lines of one reply: an EHLO of today has 10 to 20, a HELP rarely 50."""

MAX_REPLY: Final = 65536
"""Octets of one reply."""

# What no Reply can hold, and what ends a line for some readers of logs.
_UNSAFE: Final = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), "?"),
    0x09: "\t",
}

# reply-code = %x32-35 %x30-35 %x30-39; some servers leave that range in the second digit, and
# mean something by it.  RFC 5321 section 4.2: a code without text, or its space, is taken.
_LINE: Final = re.compile(rb"[2-5][0-9]{2}(?:[ -]|\Z)")

# RFC 3463 section 2; the class must be the reply code's own.
_STATUS: Final = re.compile(r"([245]\.(?:0|[1-9][0-9]{0,2})\.(?:0|[1-9][0-9]{0,2}))(?: |$)")


class ReplyReader:
    """
    Takes replies off the front of a stream of octets, in bounded memory.

    A bare LF ends a line too: nothing can be smuggled to the reader of an answer, and some
    servers write it.
    """

    def __init__(self) -> None:
        self._lines = Lines()
        self._code = b""
        self._texts: list[bytes] = []
        self._octets = 0

    def __len__(self) -> int:
        """Octets received that no reply given so far has used up."""
        return self._octets + len(self._lines)

    def receive_data(self, data: bytes) -> None:
        """Take the next slice."""
        self._lines.feed(data)

    def next_reply(self, line_limit: int = MAX_LINE) -> Reply | None:
        """
        The next whole reply, its ``status`` empty and its text as it came; None while there
        is none.

        :param line_limit: for an answer to AUTH, whose challenges are longer.
        :raises RemoteProtocolError: for what is no reply; the stream cannot be read further.
        """
        while (line := self._next_line(line_limit)) is not None:
            if _LINE.match(line) is None:
                raise RemoteProtocolError(f"no reply: {line[:40]!r}")
            if self._texts and line[:3] != self._code:
                # RFC 5321 section 4.2.1: the same code on every line.
                raise RemoteProtocolError(
                    f"codes of one reply differ: {self._code!r}, {line[:3]!r}"
                )
            self._code = line[:3]
            self._texts.append(line[4:])
            if line[3:4] != b"-":
                return self._end()
        return None

    def _next_line(self, limit: int) -> bytes | None:
        held = len(self._lines)
        line = self._lines.next_line(limit)
        if line is TOO_LONG or (line is None and held > limit):
            raise RemoteProtocolError(f"reply line longer than {limit} octets")
        if line is None:
            return None
        self._octets += len(line)
        if len(self._texts) == MAX_LINES or self._octets > max(MAX_REPLY, limit):
            raise RemoteProtocolError(f"reply longer than {MAX_LINES} lines or {MAX_REPLY} octets")
        return line[:-2] if line.endswith(b"\r\n") else line[:-1]

    def _end(self) -> Reply:
        texts = self._texts
        text = _decode(texts[0]) if len(texts) == 1 else "\n".join(map(_decode, texts))
        reply = Reply(int(self._code), "", text)
        self._texts.clear()
        self._octets = 0
        return reply


def _decode(line: bytes) -> str:
    # UTF-8 may be there with SMTPUTF8 (RFC 6531 section 3.7.4.2), and is from some without.
    text = line.decode("utf-8", "replace")
    # Asking first costs a twentieth of translating, and nearly all lines are printable.
    return text if text.isprintable() else text.translate(_UNSAFE)


def lift_status(reply: Reply) -> Reply:
    """
    The same reply, with the enhanced status code taken out of its text into ``status``.

    A code that is malformed, or of another class than the reply, says nothing
    (:rfc:`2034#section-4`): it stays in the text, for people, and ``status`` stays empty.
    """
    first, newline, rest = reply.text.partition("\n")
    found = _STATUS.match(first)
    if found is None or found[1][0] != str(reply.code)[0]:
        return reply
    text = first[found.end() :]
    if newline:
        # RFC 2034 section 4: it stands on every line.
        text = "\n".join((text, *(_without(found[1], line) for line in rest.split("\n"))))
    return Reply(reply.code, found[1], text)


def _without(status: str, line: str) -> str:
    return line[len(status) + 1 :] if f"{line} ".startswith(f"{status} ") else line
