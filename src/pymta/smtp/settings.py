"""
What all connections of one SMTP, submission or LMTP listener have in common.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime

from pymta.edge.limits import check_seconds
from pymta.edge.listener import Door
from pymta.edge.login import Login
from pymta.edge.peers import Peers
from pymta.interfaces.observe import IObserver
from pymta.interfaces.receive import IMailReceiver
from pymta.session import Role
from pymta.wire.smtp.data import Newlines
from pymta.wire.smtp.extensions import Extension
from pymta.wire.smtp.limits import Limits

__all__ = ["Settings", "Timeouts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """
    Seconds that a client may take, each for the whole of what it names
    (:rfc:`5321#section-4.5.3.2`).

    :param command: for the next command (section 4.5.3.2.7).
    :param content: for the first octets behind 354, and then for every 90,000 octets at
        :attr:`rate`; three minutes a block (section 4.5.3.2.5).
    :param rate: octets a second of content that a client must reach in the long run, as
        Postfix asks under stress: one octet a minute is no client.
    :param handshake: for TLS.
    :param session: since the last completed transaction.
    :param answer: for whoever answers a command here, before the client hears 451: less than
        the five minutes that clients wait for (section 4.5.3.2.1).
    :param commit: for responsibility to be taken; clients wait ten minutes (section 4.5.3.2.6).
    """

    command: float = 300
    content: float = 180
    rate: float = 500
    handshake: float = 60
    session: float = 3600
    answer: float = 240
    commit: float = 540

    def __post_init__(self) -> None:
        check_seconds(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    One listener.

    :param clock: schedules; on a private reactor, that reactor.
    :param now: aware wall time, for what is written down.
    :param certificates: the server side of TLS; None means that there is none.
    :param implicit_tls: the handshake comes before the greeting (:rfc:`8314#section-3.3`).
    :param login: who may log in, and how; None means that nobody can.
    :param require_login: MAIL is refused before AUTH.
    :param require_tls: MAIL and AUTH are refused before TLS.
    :param forwarders: who may say XCLIENT and XFORWARD.
    :param extensions: what is announced, besides STARTTLS and AUTH, which follow from the
        above; None is all of our own.
    """

    receiver: IMailReceiver
    hostname: str
    role: Role
    clock: IReactorTime
    now: Callable[[], datetime]
    certificates: IOpenSSLServerConnectionCreator | None = None
    implicit_tls: bool = False
    login: Login | None = None
    require_login: bool = False
    require_tls: bool = False
    door: Door = field(default_factory=Door)
    forwarders: Peers = field(default_factory=Peers)
    extensions: tuple[Extension, ...] | None = None
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    newlines: Newlines = Newlines.REFUSE
    observer: IObserver | None = None
