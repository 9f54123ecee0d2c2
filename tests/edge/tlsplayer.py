"""
Play a client's part behind TLS, in memory.
"""

from __future__ import annotations

from OpenSSL import SSL

from tests.edge.player import Player


class TLSPlayer(Player):
    """
    The client behind its TLS layer.

    :param plain: its connection so far; nothing of it is waiting to be heard.
    """

    def __init__(self, plain: Player) -> None:
        self.clock = plain.clock
        self.transport = plain.transport
        self.protocol = plain.protocol
        self._plain = plain
        self.tls = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        self.tls.set_connect_state()
        for _ in range(4):
            try:
                self.tls.do_handshake()
            except SSL.WantReadError:
                self._pump()

    def _pump(self) -> None:
        """Carry what waits on either side to the other."""
        try:
            while octets := self.tls.bio_read(1 << 16):
                self.protocol.dataReceived(octets)
        except SSL.WantReadError:
            pass
        if heard := self._plain.heard():
            self.tls.bio_write(heard)

    def say(self, data: bytes) -> bytes:
        self.tls.send(data)
        return self.heard()

    def heard(self) -> bytes:
        self._pump()
        octets = b""
        try:
            while True:
                octets += self.tls.recv(1 << 16)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            return octets
