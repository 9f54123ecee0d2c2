"""
A client that does no more than a benchmark needs: it sends, and reads up to the tagged answer.

It looks at the octets as little as it can, so that what is measured is the server.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterable

__all__ = ["Client", "Said"]

_SECONDS = 120.0
_SLICE = 256 * 1024


class Said(Exception):
    """The server's no."""


class Client:
    """
    One connection.  A context manager.

    :ivar octets: of the last answer.
    """

    def __init__(self, port: int, *, tls: bool = False) -> None:
        self._socket: socket.socket = socket.create_connection(("127.0.0.1", port), _SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._left = b""
        self._number = 0
        self.octets = 0
        self._until(b"* ")
        if tls:
            self.command("STARTTLS")
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self._socket = context.wrap_socket(self._socket)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def login(self, name: str, password: str, mailbox: str = "") -> Client:
        """Log in, and select."""
        self.command(f'LOGIN "{name}" {password}')
        if mailbox:
            self.command(f"SELECT {mailbox}")
        return self

    def command(self, text: str | bytes) -> bytes:
        """
        Say it.

        :returns: all that was said up to its answer.  :raises Said: it is no OK.
        """
        return self.answered(self.begin(text))

    def timed(self, text: str) -> float:
        """Seconds until it was answered."""
        began = time.perf_counter()
        self.command(text)
        return time.perf_counter() - began

    def begin(self, text: str | bytes) -> bytes:
        """Say it.  :returns: the tag."""
        self._number += 1
        tag = b"a%d" % self._number
        octets = text.encode() if isinstance(text, str) else text
        self._socket.sendall(tag + b" " + octets + b"\r\n")
        return tag

    def answered(self, tag: bytes) -> bytes:
        """What was said up to this command's answer."""
        said = self._until(tag + b" ")
        last = said[said.rfind(b"\r\n" + tag + b" ") + 2 :] if b"\r\n" + tag in said else said
        if not last.startswith(tag + b" OK"):
            raise Said(last[-300:].decode("latin-1"))
        return said

    def idle(self) -> None:
        """Say IDLE, and wait for the server's plus."""
        self.begin("IDLE")
        self._until(b"+ ")

    def told(self, what: bytes) -> None:
        """Wait until an untagged response has this in it."""
        while what not in self._until(b"* "):
            pass

    def done(self) -> None:
        """End IDLE."""
        self._socket.sendall(b"DONE\r\n")
        self.answered(b"a%d" % self._number)

    def append(self, mailbox: str, messages: Iterable[bytes]) -> None:
        """All of them with one command, without waiting for pluses."""
        parts = [b"APPEND %s" % mailbox.encode()]
        for message in messages:
            parts.append(b" {%d+}\r\n" % len(message) + message)
        self.command(b"".join(parts))

    def _until(self, start: bytes) -> bytes:
        """Everything up to the end of the first line that starts so."""
        pattern = re.compile(rb"(?:^|\r\n)" + re.escape(start) + rb"[^\r\n]*\r\n")
        slices = [self._left]
        tail = self._left
        size = len(self._left)
        while (found := pattern.search(tail)) is None:
            data = self._socket.recv(_SLICE)
            if not data:
                raise Said("the connection was closed")
            slices.append(data)
            size += len(data)
            # The line may have begun in the slice before.
            tail = tail[-1000:] + data if len(tail) > 1000 else tail + data
        everything = b"".join(slices)
        stop = size - (len(tail) - found.end())
        self._left = everything[stop:]
        self.octets = stop
        return everything[:stop]
