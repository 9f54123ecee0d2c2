"""
What a POP3 server is asked and told.

A :data:`Question` is answered through the machine before the next event is taken; which answers
it takes is what :func:`answers` says.  The others ask nothing.  The same values are what a
:class:`~pymta.wire.pop3.client.POP3Client` sends.  Message numbers are from 1 and those of the
session (:rfc:`1939#section-4`): the machine knows neither how many there are nor which are
marked as deleted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, Flag, auto
from types import MappingProxyType
from typing import Final, TypeAlias

from pymta.wire._serving import AuthCancelled, AuthResponse, Closed
from pymta.wire.pop3.texts import Text

__all__ = [
    "UIDL",
    "Answer",
    "Answered",
    "Apop",
    "Auth",
    "AuthCancelled",
    "AuthResponse",
    "Capabilities",
    "Closed",
    "ClosedReason",
    "Command",
    "Delete",
    "EnableUTF8",
    "Event",
    "Extended",
    "Language",
    "List",
    "Mechanisms",
    "Noop",
    "Password",
    "Question",
    "Quit",
    "Reset",
    "Retrieve",
    "StartTLS",
    "Stat",
    "Top",
    "User",
    "answers",
]


# -- AUTHORIZATION state -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class User:
    """
    USER.  Saying no here tells a stranger which names exist (:rfc:`1939#section-13`): answer
    ``ok`` whatever the name.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Password:
    """PASS; it follows a USER that was answered with ``ok``, at once."""

    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Apop:
    """
    APOP.

    :param digest: 16 octets: MD5 of the timestamp in the greeting, angle brackets included,
        followed by the shared secret.
    """

    name: str
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Auth:
    """
    AUTH: begins an exchange of challenges and responses (:rfc:`5034#section-4`).

    :param mechanism: in upper case, one of those announced.
    :param initial: the initial response; None where the client sent none, which is not the same
        as an empty one.
    """

    mechanism: str
    initial: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StartTLS:
    """STLS (:rfc:`2595#section-4`): answered with ``start_tls`` or ``err``."""


@dataclass(frozen=True, slots=True)
class EnableUTF8:
    """UTF8 (:rfc:`6856#section-2.1`)."""


# -- TRANSACTION state -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stat:
    """STAT: ``ok("nn mm")``, messages marked as deleted not counted."""


@dataclass(frozen=True, slots=True)
class List:
    """
    LIST: ``ok("n size")`` for one number, lines ``n size`` for None (all).

    The size is that of the octets sent, without stuffed dots (:rfc:`1939#section-11`): content
    that lacks its last CRLF gets one, which counts.
    """

    number: int | None = None


@dataclass(frozen=True, slots=True)
class UIDL:
    """UIDL: ``ok("n id")`` for one number, lines ``n id`` for None (all)."""

    number: int | None = None


@dataclass(frozen=True, slots=True)
class Retrieve:
    """RETR: lines, the content octet for octet."""

    number: int


@dataclass(frozen=True, slots=True)
class Top:
    """TOP: lines, the header, the empty line and so many lines of the body."""

    number: int
    lines: int


@dataclass(frozen=True, slots=True)
class Delete:
    """DELE: mark it; nothing is deleted before QUIT."""

    number: int


@dataclass(frozen=True, slots=True)
class Reset:
    """RSET: unmark all."""


@dataclass(frozen=True, slots=True)
class Quit:
    """
    QUIT in the TRANSACTION state, which becomes UPDATE: remove what is marked, then answer
    ``ok`` or, where not all could be removed, ``err``.  The connection is closed after either.
    Without this event nothing may be removed (:rfc:`1939#section-6`).
    """


# -- both --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Language:
    """
    LANG (:rfc:`6856#section-3`): ``language_chosen`` for a tag, lines ``tag description`` for
    None (list them).

    :param tag: a language range; ``*`` is the administrator's choice.
    """

    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Extended:
    """
    A command that a third party's capability brought.

    :param keyword: in upper case.
    :param argument: what followed the first space, as it came.
    """

    keyword: str
    argument: bytes = b""


# -- what the server machine answers itself ----------------------------------


@dataclass(frozen=True, slots=True)
class Capabilities:
    """CAPA (:rfc:`2449#section-5`)."""


@dataclass(frozen=True, slots=True)
class Mechanisms:
    """AUTH without a mechanism: answered with a list of them."""


@dataclass(frozen=True, slots=True)
class Noop:
    """NOOP."""


# -- what asks nothing -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answered:
    """
    The machine answered a line itself.  It is told so that whoever drives the machine can give
    way, or stop asking for events while the peer does not read, between any two commands.

    :param keyword: the command; empty where it is not known.
    :param error: what was wrong with it, or None.
    """

    keyword: str
    error: Text | None = None


class ClosedReason(Enum):
    """Why a machine takes no more: of :class:`Closed`, which it gives as often as it is asked."""

    QUIT = "QUIT was answered"
    PEER_CLOSED = "the peer closed its side"
    SHUT_DOWN = "our side shut down"
    TOO_MANY_ERRORS = "too many errors"
    TOO_MANY_COMMANDS = "too many commands without a login"
    TOO_MANY_LOGINS = "too many failed logins"
    PIPELINED_TLS = "octets between STLS and TLS"
    TOO_LONG = "the server's response is too long"
    NO_POP3 = "the server's response is no POP3"
    UNSOLICITED = "the server answered what was not asked"


Question: TypeAlias = (
    User
    | Password
    | Apop
    | Auth
    | AuthResponse
    | StartTLS
    | EnableUTF8
    | Stat
    | List
    | UIDL
    | Retrieve
    | Top
    | Delete
    | Reset
    | Quit
    | Language
    | Extended
)
Command: TypeAlias = Question | Capabilities | Mechanisms | Noop
Event: TypeAlias = Question | Answered | AuthCancelled | Closed


class Answer(Flag):
    """The kinds of a positive answer; ``err`` answers every question."""

    OK = auto()
    LINES = auto()
    LOGIN = auto()
    CHALLENGE = auto()
    TLS = auto()
    LANGUAGE = auto()


_ANSWERS: Final = MappingProxyType(
    {
        User: Answer.OK,
        Password: Answer.LOGIN,
        Apop: Answer.LOGIN,
        Auth: Answer.LOGIN | Answer.CHALLENGE,
        AuthResponse: Answer.LOGIN | Answer.CHALLENGE,
        StartTLS: Answer.TLS,
        EnableUTF8: Answer.OK,
        Stat: Answer.OK,
        Retrieve: Answer.LINES,
        Top: Answer.LINES,
        Delete: Answer.OK,
        Reset: Answer.OK,
        Quit: Answer.OK,
        Extended: Answer.OK | Answer.LINES,
        Capabilities: Answer.LINES,
        Mechanisms: Answer.LINES,
        Noop: Answer.OK,
    }
)


def answers(command: Command) -> Answer:
    """The positive answers that a command can get."""
    match command:
        case List(None) | UIDL(None) | Language(None):
            return Answer.LINES
        case List() | UIDL():
            return Answer.OK
        case Language():
            return Answer.LANGUAGE
        case _:
            return _ANSWERS[type(command)]
