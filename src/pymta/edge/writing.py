"""
Writing to a socket at once, where Twisted would wait for the reactor to say that it may.

An answer of a line or two nearly always fits into the socket's buffer.  A transport's ``write``
asks the reactor to tell when there is room, is told so in its next turn, writes, and takes its
wish back: three system calls and a turn, where one call does.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import ITCPTransport, IUNIXTransport
from twisted.internet.tcp import Connection as Socket

__all__ = ["undelayed", "write_now"]


def undelayed(transport: Any) -> None:
    """
    Let no octets wait for an acknowledgement of those before them.

    A client that waits for the end of an answer acknowledges its beginning 40 ms later.
    """
    # Twisted's UNIX sockets say that they are TCP, too.
    if ITCPTransport.providedBy(transport) and not IUNIXTransport.providedBy(transport):
        transport.setTcpNoDelay(True)


def write_now(transport: Any, data: bytes) -> None:
    """
    Write octets behind all that was written before.

    What the socket does not take now is left to the transport, like all that is given to one
    that is no socket: TLS, or one of a test.
    """
    if isinstance(transport, Socket) and _idle(transport):
        taken = transport.writeSomeData(data)
        # Not a number: the connection is lost, which the transport finds for itself.
        if isinstance(taken, int) and taken > 0:
            data = data[taken:]
    if data:
        transport.write(data)


def _idle(socket: Any) -> bool:
    """Whether nothing waits in the transport, which would have to go first."""
    return bool(
        socket.connected
        and not socket.disconnecting
        and not socket._tempDataBuffer  # nothing public tells
        and socket.offset == len(socket.dataBuffer)
    )
