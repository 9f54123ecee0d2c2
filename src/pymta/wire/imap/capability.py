"""
What an IMAP server offers, as values registered with its machine.

A capability is what stands for it in the CAPABILITY response and the verbs that come with it.
While it gives no words, it is not announced and its verbs are unknown: what is announced works,
and nothing else does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from pymta.wire.imap.cursor import Cursor
from pymta.wire.imap.state import LOGGED_IN, State, Status

__all__ = ["Capability", "Parse", "Verb", "fixed", "sasl", "silent"]

#: Reads what stands behind a verb; raises BadSyntax.
Parse: TypeAlias = Callable[[Cursor], object]

_WORD: Final = re.compile(r"[!#$&'+-\[^-z|-~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """
    One command.

    :param name: in upper case.
    :param states: where it is allowed; elsewhere the machine answers BAD.
    :param plain: it may stand alone.
    :param by_uid: it may stand behind UID; ``cursor.by_uid`` tells its parser.
    """

    name: str
    parse: Parse
    states: frozenset[State] = LOGGED_IN
    plain: bool = True
    by_uid: bool = False

    def __post_init__(self) -> None:
        if not _WORD.fullmatch(self.name) or self.name != self.name.upper():
            raise ValueError(f"no verb: {self.name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """
    :param name: by which it is known here.
    :param words: what is announced now; None: it is not offered now.
    :param verbs: the commands it adds.
    """

    name: str
    words: Callable[[Status], Sequence[str] | None]
    verbs: tuple[Verb, ...] = ()


def fixed(name: str, *verbs: Verb) -> Capability:
    """One that is offered always, by its name."""
    return Capability(name=name, words=lambda _status: (name,), verbs=verbs)


def silent(name: str, *verbs: Verb) -> Capability:
    """One that has verbs and no word of its own."""
    return Capability(name=name, words=lambda _status: (), verbs=verbs)


def sasl(mechanisms: Callable[[Status], Sequence[str]]) -> Capability:
    """
    AUTHENTICATE is always there; this announces its mechanisms, before a login only.

    :param mechanisms: those offered now, in upper case, the preferred first; without TLS none
        that sends a password.
    """

    def words(status: Status) -> Sequence[str] | None:
        if status.state is not State.NOT_AUTHENTICATED:
            return None
        return [f"AUTH={name}" for name in mechanisms(status)]

    return Capability(name="AUTH", words=words)
