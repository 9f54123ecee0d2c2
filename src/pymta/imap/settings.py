"""
What all connections of one IMAP listener have in common.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType

from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime
from zope.interface import Interface

from pymta.edge.limits import check_seconds
from pymta.edge.listener import Door
from pymta.edge.login import Login
from pymta.imap.extension import Extension
from pymta.interfaces.content import IContentWriter
from pymta.interfaces.observe import IObserver
from pymta.wire.imap.limits import Limits

__all__ = ["MIB", "AccountSessions", "Settings", "Timeouts", "UTF8Headers"]

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """
    Seconds that a client, or whoever answers it here, may take.

    :param inactive: for the next command after the login, and to end an IDLE; thirty minutes are
        the least that :rfc:`3501#section-5.4` allows.
    :param unknown: for the next command before it, from somebody who may be anybody.
    :param login: from the greeting to the login, in all.
    :param handshake: for TLS.
    :param reading: for the client to take so much that the next slice fits into the buffers.
    :param sending: for the next octets of a message that it appends.
    :param answer: for one question to the store, before the client hears NO.
    :param searching: for a search, an order or threads; the client is told that it goes on.
    :param changing: for a change, which is never cancelled: when time is up the client hears NO,
        and may find it done.
    """

    inactive: float = 1800
    unknown: float = 60
    login: float = 180
    handshake: float = 60
    reading: float = 300
    sending: float = 300
    answer: float = 60
    searching: float = 600
    changing: float = 120

    def __post_init__(self) -> None:
        if self.inactive < 1800:
            raise ValueError("an autologout timer below thirty minutes (RFC 3501 section 5.4)")
        check_seconds(self)


class UTF8Headers(Enum):
    """What becomes of a message that is appended with UTF-8 in its header, unannounced."""

    STORE = "store"
    """
    It is kept as it is, against :rfc:`6855#section-4`, as most servers do: clients copy such mail
    from one server to another every day.
    """
    REFUSE = "refuse"
    """NO, unless the client has enabled UTF8=ACCEPT or IMAP4rev2, or sends it as ``UTF8 (~{n}``."""


class AccountSessions:
    """
    How many sessions each account has; shared by the listeners that share the limit.

    :param limit: None is no limit.  By default 100: a person's five devices open some ten each.
    """

    def __init__(self, limit: int | None = 100) -> None:
        self._limit = limit
        self._open: Counter[str] = Counter()

    def enter(self, account: str) -> bool:
        """
        Count one more.

        :returns: whether it is within the limit; then, and only then, :meth:`leave` must follow.
        """
        if self._limit is not None and self._open[account] >= self._limit:
            return False
        self._open[account] += 1
        return True

    def leave(self, account: str) -> None:
        """It has ended."""
        self._open[account] -= 1
        if not self._open[account]:
            del self._open[account]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    One listener.

    :param hostname: ours, in the greeting.
    :param clock: schedules; on a private reactor, that reactor.
    :param now: aware wall time, for what is written down.
    :param login: who may log in, and how.
    :param create: makes writers for messages that are appended.
    :param certificates: the server side of TLS; None means that there is none.
    :param implicit_tls: the handshake comes before the greeting (:rfc:`8314#section-3.1`).
    :param append_limit: octets of a message (:rfc:`7889`); None is no limit.
    :param message_limit: messages that one command may name (:rfc:`9738`); None is no limit.
    :param save_limit: messages that one COPY or APPEND may bring; None is no limit of its own.
    :param utf8_headers: what becomes of those that should not be.
    :param accounts: counts sessions by account.
    :param identity: what ID says (:rfc:`2971`); no version, which only helps attackers.
    :param provided: interfaces of the stores, for the offer before a login.
    :param without: capabilities that are not to be offered, by name.
    :param extensions: third parties' commands.
    """

    hostname: str
    clock: IReactorTime
    now: Callable[[], datetime]
    login: Login
    create: Callable[[], IContentWriter]
    certificates: IOpenSSLServerConnectionCreator | None = None
    implicit_tls: bool = False
    append_limit: int | None = 50 * MIB
    message_limit: int | None = None
    save_limit: int | None = None
    utf8_headers: UTF8Headers = UTF8Headers.STORE
    accounts: AccountSessions = field(default_factory=AccountSessions)
    identity: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({"name": "pymta"}))
    provided: tuple[type[Interface], ...] = ()
    without: frozenset[str] = frozenset()
    extensions: tuple[Extension, ...] = ()
    door: Door = field(default_factory=Door)
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    observer: IObserver | None = None

    @property
    def most_saved(self) -> int | None:
        """Messages that one COPY or APPEND may bring, by both limits; None is no limit."""
        limits = (self.message_limit, self.save_limit)
        return min((each for each in limits if each is not None), default=None)
