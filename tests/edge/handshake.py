"""
A handshake of TLS in memory.
"""

from __future__ import annotations

from OpenSSL import SSL

__all__ = ["shaken"]


def shaken(client: SSL.Connection, server: SSL.Connection) -> None:
    """Let both do it to the end; each has been told which side it is."""
    waiting = {client, server}
    while waiting:
        for side, other in ((client, server), (server, client)):
            try:
                side.do_handshake()
                waiting.discard(side)
            except SSL.WantReadError:
                pass
            try:
                other.bio_write(side.bio_read(65536))
            except SSL.WantReadError:
                pass
