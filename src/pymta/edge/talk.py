"""
What the conversations of all protocols do alike: tell events, catch surprises, begin TLS.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime
from twisted.logger import Logger

from pymta.aio import TimeLimit
from pymta.edge.connection import Connection, Lost
from pymta.events import Event, Faulted, TLSFailed
from pymta.interfaces.observe import IObserver
from pymta.session import Session

__all__ = ["Teller", "tell"]

_log = Logger(namespace="pymta.edge")


def tell(observer: IObserver | None, happened: Event) -> None:
    """Tell an event.  What an observer raises is logged: no mail is refused for its sake."""
    if observer is None:
        return
    try:
        observer.observe(happened)
    except Exception:  # noqa: BLE001  the fence round the call of an observer
        _log.failure("an observer failed at {event}", event=type(happened).__name__)


class Teller:
    """
    Tells the observer and the log.

    :param where: the protocol, for events.
    """

    def __init__(
        self, where: str, log: Logger, *, clock: IReactorTime, observer: IObserver | None
    ) -> None:
        self._where = where
        self._log = log
        self._clock = clock
        self._observer = observer

    def tell(self, happened: Event) -> None:
        """Tell an event."""
        tell(self._observer, happened)

    def fault(self, session: Session) -> str:
        """
        A fence caught a surprise: log it, from within ``except``.

        :returns: an id, which is all of it that the peer is told.
        """
        name = f"{session.id}.{int(self._clock.seconds() * 1000) % 10**9:09d}"
        self._log.failure("{id}: a command failed unexpectedly", id=name)
        self.tell(Faulted(name, self._where))
        return name

    async def secure(
        self,
        connection: Connection[Any],
        certificates: IOpenSSLServerConnectionCreator,
        seconds: float,
        *,
        session: Session,
    ) -> Session:
        """
        Shake hands.

        :returns: the session with what was agreed on.
        :raises TimeLimit: :raises Lost: as :meth:`~pymta.edge.connection.Connection.start_tls`.
        """
        try:
            tls = await connection.start_tls(certificates, seconds)
        except (TimeLimit, Lost) as why:
            self.tell(TLSFailed(session, str(why) or "the handshake failed"))
            raise
        return replace(session, tls=tls)
