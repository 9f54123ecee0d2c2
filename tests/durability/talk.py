"""
A client that says one thing after the other, and waits for each answer.
"""

from __future__ import annotations

import socket
from types import TracebackType

__all__ = ["Talk"]


class Talk:
    """:param hello: for LMTP it is ``LHLO``; empty says nothing."""

    def __init__(self, port: int, *, hello: str = "EHLO", seconds: float = 60) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self.socket.makefile("rb")
        self.greeting = self.reply()
        if hello:
            self.say(f"{hello} client.example")

    def reply(self) -> str:
        """The last line of the next answer; empty when there is nobody any more."""
        while True:
            line = self._file.readline().decode("ascii", "replace")
            if line[3:4] != "-":
                return line.rstrip("\r\n")

    def say(self, command: str) -> str:
        """Say it and hear the answer."""
        self.socket.sendall(command.encode() + b"\r\n")
        return self.reply()

    def begin(self, *boxes: str) -> str:
        """MAIL and RCPT.  :returns: the last answer, or the first that is no."""
        answer = self.say("MAIL FROM:<talk@client.example>")
        for box in boxes:
            if answer[:1] == "2":
                answer = self.say(f"RCPT TO:<{box}@example.test>")
        return answer

    def send(self, octets: bytes, *boxes: str) -> str:
        """One message, by BDAT in one piece.  :returns: the last answer."""
        answer = self.begin(*boxes)
        if answer[:1] != "2":
            return answer
        self.socket.sendall(b"BDAT %d LAST\r\n" % len(octets) + octets)
        return self.reply()

    def close(self) -> None:
        """Gone, without a word."""
        self._file.close()
        self.socket.close()

    def __enter__(self) -> Talk:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
