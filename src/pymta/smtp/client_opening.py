"""
From the first octet to where transactions may begin: greeting, EHLO, TLS, AUTH.

How much is asked of TLS is the policy's (:class:`~pymta.interfaces.relay.TLSLevel`).  What a
server says before TLS is forgotten behind it (S04).  Each "no" is a :class:`NotOpened`; what an
operator can mend, on either side, is one for now (4xx): mail waits meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pymta.aio import TimeLimit
from pymta.edge.client_tls import ClientTLS, Handshake, Untrusted
from pymta.edge.connection import Connection, Lost
from pymta.errors import Refused, RemoteProtocolError
from pymta.interfaces.relay import Host, TLSLevel, TLSPolicy
from pymta.reply import Reply
from pymta.session import TLS
from pymta.smtp.client_settings import ClientSettings
from pymta.wire.smtp.client import SMTPClient
from pymta.wire.smtp.client_events import (
    ClientEvent,
    Closed,
    Greeting,
    HelloAnswered,
    TLSReady,
    TLSRefused,
)

__all__ = ["HandshakeFailed", "NotOpened", "Opening", "described"]

# RFC 3463 section 3.8.
NO_TLS: Final = "4.7.4"
"""Security features not supported: TLS is wanted, and there is none."""
BAD_TLS: Final = "4.7.5"
"""Cryptographic failure: the handshake failed, or it is somebody else."""


class NotOpened(Refused):
    """
    No session.

    :param from_peer: whether the reply is in the server's own words.
    :param ours: this machine lacks what a connection takes; nothing is said of the server.
    """

    def __init__(
        self,
        reply: Reply,
        reason: str | None = None,
        *,
        from_peer: bool = False,
        ours: bool = False,
    ) -> None:
        super().__init__(reply, reason)
        self.from_peer = from_peer
        self.ours = ours


class HandshakeFailed(NotOpened):
    """TLS was begun, and failed: the connection is of no use any more."""


class Opening:
    """
    One connection, on its way to be a session.

    :param where: the server, for people.
    :ivar tls: what was agreed on; its ``peer_name`` is a name that was verified, or None.
    """

    def __init__(
        self,
        connection: Connection[ClientEvent],
        machine: SMTPClient,
        settings: ClientSettings,
        *,
        where: str,
    ) -> None:
        self.connection = connection
        self.machine = machine
        self.tls: TLS | None = None
        self.where = where
        self._helo = settings.helo
        self._timeouts = settings.timeouts

    async def run(self, host: Host, policy: TLSPolicy, client_tls: ClientTLS) -> None:
        """
        Until EHLO is answered for the last time.

        :raises NotOpened: the server does not want to, or the policy does not.
        :raises pymta.edge.tls.TLSError: a file of ours is unusable.
        """
        names = (policy.names or (host.name,)) if policy.level is TLSLevel.VERIFY else None
        if policy.implicit:
            await self._secure(client_tls.handshake(host.name, names))
        greeting = await self.event(self._timeouts.greeting, "its greeting")
        assert isinstance(greeting, Greeting)
        _insist(greeting.reply)
        await self._hello()
        if policy.implicit or policy.level is TLSLevel.NONE:
            return
        if await self._start_tls(required=policy.level is not TLSLevel.MAY):
            await self._secure(client_tls.handshake(host.name, names))
            self.machine.tls_started()
            await self._hello()

    async def event(self, seconds: float, what: str) -> ClientEvent:
        """
        The next answer, while one is due.

        :param what: is waited for, for people.
        :raises NotOpened: there is none.
        """
        try:
            event = await self.connection.next_event(seconds)
        except TimeLimit:
            raise self.no("4.4.2", f"took too long with {what}") from None
        except Lost:
            raise self.no("4.4.2", f"closed the connection instead of {what}") from None
        except RemoteProtocolError as error:
            raise self.no("4.5.0", "broke the protocol", str(error)) from None
        if isinstance(event, Closed):
            if event.reply is not None:
                _insist(event.reply)
            raise self.no("4.4.2", f"closed the connection instead of {what}")
        return event

    def no(self, status: str, text: str, reason: str | None = None) -> NotOpened:
        """A "no" of ours, for now.  :param reason: for the log, in more detail."""
        reply = Reply(451, status, f"{self.where} {text}")
        return NotOpened(reply, reason and f"{reply}: {reason}")

    async def _hello(self) -> None:
        self.machine.hello(self._helo)
        answered = await self.event(self._timeouts.command, "the answer to EHLO")
        assert isinstance(answered, HelloAnswered)
        _insist(answered.reply)

    async def _start_tls(self, *, required: bool) -> bool:
        """Ask for TLS; whether the handshake comes now."""
        if "STARTTLS" not in self.machine.capabilities:
            if required:
                raise self.no(NO_TLS, "offers no TLS, which is required")
            return False
        self.machine.start_tls()
        answered = await self.event(self._timeouts.command, "the answer to STARTTLS")
        assert isinstance(answered, TLSReady | TLSRefused)
        if required and isinstance(answered, TLSRefused):
            raise self.no(NO_TLS, "refuses to start TLS", str(answered.reply))
        return isinstance(answered, TLSReady)

    async def _secure(self, handshake: Handshake) -> None:
        try:
            tls = await self.connection.start_tls(handshake, self._timeouts.handshake)
            name = handshake.check()
        except (TimeLimit, Lost, Untrusted) as error:
            reply = Reply(454, BAD_TLS, f"TLS with {self.where} failed")
            raise HandshakeFailed(reply, f"{reply}: {handshake.trouble or error}") from None
        self.tls = replace(tls, peer_name=name)


def _insist(reply: Reply) -> None:
    if not reply.positive:
        raise NotOpened(reply, from_peer=True)


def described(host: Host, address: str) -> str:
    """A server for people: ``mx.example.test[192.0.2.1]:25``; the path of a socket."""
    if not host.port:
        return address
    name = "" if host.name == address else host.name
    return f"{name}[{address}]:{host.port}"
