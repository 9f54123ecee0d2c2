"""
What all connections of one POP3 listener have in common.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime

from pymta.edge.limits import check_seconds
from pymta.edge.listener import Door
from pymta.edge.login import Login
from pymta.interfaces.observe import IObserver
from pymta.interfaces.shared import ISharedState
from pymta.pop3.languages import ENGLISH, GERMAN, Language
from pymta.pop3.replies import Extension
from pymta.pop3.uidl import PLAIN, UIDLFormat
from pymta.wire.pop3.limits import Limits

__all__ = ["Settings", "Timeouts", "UTF8Headers"]


class UTF8Headers(Enum):
    """
    What a client gets that asks for a message with UTF-8 in its header outside UTF-8 mode.
    """

    SERVE = "serve"
    """
    The message as it is, against :rfc:`6856#section-2.1`, as most servers do: hardly any client
    says UTF8, all show such a message, and one that is refused blocks the download of the rest.
    """
    REFUSE = "refuse"
    """``-ERR [UTF8]`` to RETR and TOP (:rfc:`6856#section-5`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """
    Seconds that a client, or whoever answers it here, may take.

    :param inactive: for the next command after the login; ten minutes are the least that
        :rfc:`1939#section-3` allows.
    :param unknown: for the next command before it, from somebody who may be anybody.
    :param login: from the greeting to the login, in all.
    :param handshake: for TLS.
    :param reading: for the client to take so much that the next 64 KiB fit into the buffers.
    :param answer: for the store and the maildrop's lock, a slice at a time, before the client
        hears -ERR.
    :param update: for the removal at QUIT; clients wait some minutes.
    """

    inactive: float = 600
    unknown: float = 60
    login: float = 180
    handshake: float = 60
    reading: float = 300
    answer: float = 60
    update: float = 120

    def __post_init__(self) -> None:
        if self.inactive < 600:
            raise ValueError("an inactivity timer below ten minutes (RFC 1939 section 3)")
        check_seconds(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    One listener.

    :param hostname: ours, in the greeting.
    :param clock: schedules; on a private reactor, that reactor.
    :param now: aware wall time, for what is written down.
    :param random: so many octets, unpredictable: for APOP's timestamps.
    :param login: who may log in, and how.
    :param certificates: the server side of TLS; None means that there is none.
    :param implicit_tls: the handshake comes before the greeting (:rfc:`8314#section-3.1`).
    :param uidl: the format of unique ids (:mod:`pymta.pop3.uidl`).
    :param expire: for how many days messages are kept at least; None is for ever.  It is only
        announced: nothing here removes messages.
    :param login_delay: seconds between two logins to one account; needs ``state``.
    :param state: where logins are remembered.
    :param implementation: announced by CAPA; no version, which only helps attackers.
    :param languages: for LANG; the first is spoken until another one is chosen.
    :param extensions: third parties' commands.
    """

    hostname: str
    clock: IReactorTime
    now: Callable[[], datetime]
    random: Callable[[int], bytes]
    login: Login
    certificates: IOpenSSLServerConnectionCreator | None = None
    implicit_tls: bool = False
    uidl: UIDLFormat = PLAIN
    utf8_headers: UTF8Headers = UTF8Headers.SERVE
    expire: int | None = None
    login_delay: int = 0
    state: ISharedState | None = None
    implementation: str = "pymta"
    languages: tuple[Language, ...] = (ENGLISH, GERMAN)
    extensions: tuple[Extension, ...] = ()
    door: Door = field(default_factory=Door)
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    observer: IObserver | None = None
