"""
Send content over a plain socket, cut where nobody else would cut it.
"""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from random import Random
from typing import TypeAlias

from pymta.wire.smtp.data import DataEncoder

__all__ = ["Cut", "Sender", "octets_of", "random_slices"]

# Replies that nobody reads yet must fit into the sockets' buffers.
_UNANSWERED = 200

Cut: TypeAlias = Callable[[bytes], Iterable[bytes]]


def octets_of(data: bytes) -> Iterator[bytes]:
    """Each octet by itself."""
    return (data[n : n + 1] for n in range(len(data)))


def random_slices(seed: int) -> Cut:
    """
    Into slices of any length, many of them of one octet; others at each call.

    What is large is also cut in large ones: some hundred cuts are enough for anything.
    """
    random = Random(seed)

    def cut(data: bytes) -> Iterator[bytes]:
        lengths = (1, 1, 2, 3, 7, 40, max(1000, len(data) // 30))
        start = 0
        while start < len(data):
            stop = start + random.choice(lengths)
            yield data[start:stop]
            start = stop

    return cut


class Sender:
    """
    A session with the SMTP service, for messages to one recipient.

    Replies are read where the protocol asks for it, and each must be a "yes".
    """

    def __init__(self, port: int, recipient: str) -> None:
        self._recipient = recipient
        self._client = smtplib.SMTP("127.0.0.1", port, timeout=30)
        assert self._client.sock is not None
        self._socket: socket.socket = self._client.sock
        # Otherwise the network puts together again what was cut.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.ehlo()

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close() if error[0] else self._client.quit()

    def data(self, content: bytes, cut: Cut) -> bytes:
        """
        Send content that ends with CRLF by DATA.

        :returns: what the server said.
        """
        self._envelope("8BITMIME")
        assert 354 == self._client.docmd("DATA")[0]
        encoder = DataEncoder()
        for octets in cut(encoder.encode(content) + encoder.end()):
            self._socket.sendall(octets)
        return self._yes()

    def chunks(self, chunks: Iterable[bytes], cut: Cut, *, body: str = "8BITMIME") -> bytes:
        """
        Send each chunk by a BDAT of its own, and an empty last one.

        :param cut: cuts what goes over the wire, commands and chunks together.
        """
        self._envelope(body)
        commands = (b"BDAT %d\r\n%b" % (len(chunk), chunk) for chunk in chunks)
        while group := list(islice(commands, _UNANSWERED)):
            for octets in cut(b"".join(group)):
                self._socket.sendall(octets)
            for _ in group:
                self._yes()
        self._socket.sendall(b"BDAT 0 LAST\r\n")
        return self._yes()

    def _envelope(self, body: str) -> None:
        assert 250 == self._client.mail("a@elsewhere.test", [f"BODY={body}"])[0]
        assert 250 == self._client.rcpt(self._recipient)[0]

    def _yes(self) -> bytes:
        code, text = self._client.getreply()
        assert 250 == code, text
        return text
