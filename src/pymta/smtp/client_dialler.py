"""
Opens sessions: connects, begins TLS as the policy has it, and logs in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pymta.aio import Pool
from pymta.edge.client_tls import ClientTLS
from pymta.edge.dialling import Dialled, Unreachable, dial
from pymta.interfaces.relay import Host, TLSLevel, TLSPolicy
from pymta.reply import Reply
from pymta.sasl import Credentials
from pymta.smtp.client_login import ClientLogin
from pymta.smtp.client_opening import HandshakeFailed, NotOpened, Opening, described
from pymta.smtp.client_session import ClientSession, part
from pymta.smtp.client_settings import ClientSettings
from pymta.wire.smtp.client import SMTPClient
from pymta.wire.smtp.client_events import ClientEvent

__all__ = ["Dialler"]

_log = Logger(namespace="pymta.smtp")


class Dialler:
    """
    Opens sessions of one kind.

    :param reactor: provides ``IReactorTCP``, and ``IReactorUNIX`` for paths.
    :param clock: schedules; may be the reactor.
    :param random: so many octets, unpredictable, for logins.
    :param tls: whom we trust; None is the system's authorities.
    :param pool: where SCRAM hashes; without, it holds the reactor, up to about a second.
    :param local: our own IP addresses; the first of the server's family is connected from.
    """

    def __init__(
        self,
        reactor: Any,
        clock: IReactorTime,
        settings: ClientSettings,
        *,
        random: Callable[[int], bytes],
        tls: ClientTLS | None = None,
        pool: Pool | None = None,
        local: Sequence[str] = (),
    ) -> None:
        self.settings = settings
        self._reactor = reactor
        self._clock = clock
        self._tls = ClientTLS() if tls is None else tls
        self._local = local
        self._login = ClientLogin(random=random, pool=pool, seconds=settings.timeouts.command)

    async def open(
        self,
        host: Host,
        address: str,
        policy: TLSPolicy,
        credentials: Credentials | None = None,
    ) -> ClientSession:
        """
        Connect to one address of a host, until transactions may begin.

        Where TLS is tried and nobody asks for it (MAY), a handshake that fails is followed by
        one more connection, in clear text (:rfc:`7435#section-3`).  Cancelled, nothing stays
        open.

        :param address: one of the host's; where its port is 0, the path of a UNIX socket.
        :raises NotOpened: there is no session; with the server's own reply where it said no,
            4.4.1 where it cannot be reached, 4.3.0 where this machine lacks files or ports,
            4.4.2 where it falls silent, 4.5.0 where it does not speak SMTP, 4.7.x for TLS and
            logins.
        :raises pymta.edge.tls.TLSError: a file of ours is unusable.
        """
        try:
            return await self._open(host, address, policy, credentials)
        except HandshakeFailed as failed:
            if policy.implicit or policy.level is not TLSLevel.MAY:
                raise
            _log.info("{error}; once more, in clear text", error=str(failed))
        clear = replace(policy, level=TLSLevel.NONE)
        return await self._open(host, address, clear, credentials)

    async def _open(
        self, host: Host, address: str, policy: TLSPolicy, credentials: Credentials | None
    ) -> ClientSession:
        settings, where = self.settings, described(host, address)
        machine = SMTPClient(
            settings.role, extensions=settings.extensions, chunking=settings.chunking
        )
        dialled = await self._dial(machine, host, address, where)
        opening = Opening(dialled.connection, machine, settings, where=where)
        ended = False
        try:
            await opening.run(host, policy, self._tls)
            if credentials is not None:
                trusted = address in settings.trusted
                await self._login.run(opening, credentials, trusted=trusted)
            ended = True
        except NotOpened:
            part(dialled, machine)
            ended = True
            raise
        finally:
            if not ended:
                dialled.abort()
        return ClientSession(dialled, machine, settings, host=host, tls=opening.tls, where=where)

    async def _dial(
        self, machine: SMTPClient, host: Host, address: str, where: str
    ) -> Dialled[ClientEvent]:
        try:
            return await dial(
                self._reactor,
                self._clock,
                machine,
                address=address,
                port=host.port,
                seconds=self.settings.timeouts.connect,
                local=self._local,
            )
        except Unreachable as error:
            if error.ours:
                # RFC 3463 section 3.4: this system has no resources.
                reply = Reply(451, "4.3.0", "No connection can be made here now")
            else:
                # RFC 3463 section 3.5: no answer from host.
                reply = Reply(451, "4.4.1", f"{where} cannot be reached")
            raise NotOpened(reply, f"{reply}: {error}", ours=error.ours) from None
