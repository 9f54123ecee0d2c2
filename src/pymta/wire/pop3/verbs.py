"""
Commands as values: a keyword, the states it is allowed in, and how its argument is read.

The table :data:`CORE` is what every server has (:rfc:`1939#section-9` and CAPA); all other
verbs, APOP excepted, come with a :class:`~pymta.wire.pop3.capability.Capability`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from pymta.wire.pop3 import events
from pymta.wire.pop3.events import Command
from pymta.wire.pop3.grammar import (
    LANGUAGE_RANGE,
    MECHANISM,
    Refusal,
    decode_base64,
    name_text,
    number,
)
from pymta.wire.pop3.state import ANYWHERE, State, Status
from pymta.wire.pop3.texts import Text

__all__ = [
    "APOP",
    "AUTH",
    "CORE",
    "LANG",
    "PASS",
    "STLS",
    "TOP",
    "UIDL",
    "USER",
    "UTF8",
    "Parse",
    "Verb",
    "extended",
]

#: Reads an argument, without control characters; raises Refusal.
Parse: TypeAlias = Callable[[bytes, Status], Command]

_AUTHORIZATION: Final = frozenset({State.AUTHORIZATION})
_TRANSACTION: Final = frozenset({State.TRANSACTION})
_DIGEST: Final = re.compile(rb"[0-9A-Fa-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """
    One command.

    :param keyword: in upper case.
    :param states: where it is allowed; elsewhere the machine answers -ERR.
    :param long: its line may be as long as ``Limits.auth_line``.
    """

    keyword: str
    states: frozenset[State]
    parse: Parse
    long: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[!-`{-~]+", self.keyword):
            raise ValueError(f"no keyword: {self.keyword!r}")


# -- arguments ---------------------------------------------------------------


def _nothing(command: Command) -> Parse:
    def parse(argument: bytes, _status: Status) -> Command:
        # Only spaces are forgiven, at the end of a line everywhere.
        if argument.strip(b" "):
            raise Refusal(Text.ARGUMENTS)
        return command

    return parse


def _number(make: Callable[[int], Command]) -> Parse:
    def parse(argument: bytes, _status: Status) -> Command:
        return make(number(argument.rstrip(b" ")))

    return parse


def _number_or_nothing(make: Callable[[int | None], Command]) -> Parse:
    def parse(argument: bytes, _status: Status) -> Command:
        argument = argument.rstrip(b" ")
        return make(number(argument) if argument else None)

    return parse


def _top(argument: bytes, _status: Status) -> Command:
    # RFC 1939 section 7: both are required
    message, _, lines = argument.rstrip(b" ").partition(b" ")
    return events.Top(number(message), number(lines, lowest=0))


def _encoding(status: Status) -> str:
    return "utf-8" if status.utf8_logins else "ascii"


def _user(argument: bytes, status: Status) -> Command:
    # Spaces within belong to the name: the local part of an address may be a quoted string.
    return events.User(name_text(argument.strip(b" "), encoding=_encoding(status)))


def _pass(argument: bytes, status: Status) -> Command:
    # RFC 1939 section 7: spaces may be treated as part of the password; here all are
    return events.Password(name_text(argument, encoding=_encoding(status)))


def _apop(argument: bytes, status: Status) -> Command:
    name, _, digest = argument.rstrip(b" ").rpartition(b" ")
    if not _DIGEST.fullmatch(digest):
        raise Refusal(Text.ARGUMENTS)
    # RFC 1939 section 7 wants lower-case digits; upper-case ones say the same.
    return events.Apop(
        name_text(name, encoding=_encoding(status)), bytes.fromhex(digest.decode("ascii"))
    )


def _auth(argument: bytes, _status: Status) -> Command:
    name, space, initial = argument.rstrip(b" ").partition(b" ")
    if not name:
        # RFC 5034 knows no AUTH without a mechanism, and old clients ask for the list with it.
        return events.Mechanisms()
    if not MECHANISM.fullmatch(name.upper()):
        raise Refusal(Text.ARGUMENTS)
    mechanism = name.upper().decode("ascii")
    if not space:
        return events.Auth(mechanism)
    # RFC 5034 section 4: "=" is a response of no octets
    return events.Auth(mechanism, b"" if initial == b"=" else decode_base64(initial))


def _lang(argument: bytes, _status: Status) -> Command:
    tag = argument.rstrip(b" ")
    if not tag:
        return events.Language()
    if not LANGUAGE_RANGE.fullmatch(tag):
        raise Refusal(Text.ARGUMENTS)
    return events.Language(tag.decode("ascii"))


def extended(keyword: str, states: frozenset[State] = _TRANSACTION) -> Verb:
    """A verb of a third party: asked as :class:`~pymta.wire.pop3.events.Extended`."""

    def parse(argument: bytes, _status: Status) -> Command:
        return events.Extended(keyword, argument)

    return Verb(keyword=keyword, states=states, parse=parse)


# -- the table ---------------------------------------------------------------

#: RFC 1939 section 9 ("minimal"), RFC 2449 section 5
CORE: Final = (
    Verb(keyword="CAPA", states=ANYWHERE, parse=_nothing(events.Capabilities())),
    Verb(keyword="QUIT", states=ANYWHERE, parse=_nothing(events.Quit())),
    Verb(keyword="STAT", states=_TRANSACTION, parse=_nothing(events.Stat())),
    Verb(keyword="LIST", states=_TRANSACTION, parse=_number_or_nothing(events.List)),
    Verb(keyword="RETR", states=_TRANSACTION, parse=_number(events.Retrieve)),
    Verb(keyword="DELE", states=_TRANSACTION, parse=_number(events.Delete)),
    Verb(keyword="NOOP", states=_TRANSACTION, parse=_nothing(events.Noop())),
    Verb(keyword="RSET", states=_TRANSACTION, parse=_nothing(events.Reset())),
)
USER: Final = Verb(keyword="USER", states=_AUTHORIZATION, parse=_user)
PASS: Final = Verb(keyword="PASS", states=_AUTHORIZATION, parse=_pass)
APOP: Final = Verb(keyword="APOP", states=_AUTHORIZATION, parse=_apop)
TOP: Final = Verb(keyword="TOP", states=_TRANSACTION, parse=_top)
UIDL: Final = Verb(keyword="UIDL", states=_TRANSACTION, parse=_number_or_nothing(events.UIDL))
STLS: Final = Verb(keyword="STLS", states=_AUTHORIZATION, parse=_nothing(events.StartTLS()))
AUTH: Final = Verb(keyword="AUTH", states=_AUTHORIZATION, parse=_auth, long=True)
UTF8: Final = Verb(keyword="UTF8", states=_AUTHORIZATION, parse=_nothing(events.EnableUTF8()))
LANG: Final = Verb(keyword="LANG", states=ANYWHERE, parse=_lang)
