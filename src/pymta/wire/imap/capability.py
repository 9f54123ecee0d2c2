"""
What an IMAP server offers, as values registered with its machine.

A capability is what stands for it in the CAPABILITY response and the verbs that come with it.
While it gives no words, it is not announced and its verbs are unknown: what is announced works,
and nothing else does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from pymta.wire.imap.cursor import Cursor
from pymta.wire.imap.state import LOGGED_IN, State, Status

__all__ = ["Capability", "Offering", "Parse", "Register", "Verb", "fixed", "sasl", "silent"]

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


class Register:
    """
    What a server offers, found by verb; made once, and shared by its connections.

    :param capabilities: in the order of the CAPABILITY response.
    :raises ValueError: two of them bring the same verb.
    """

    __slots__ = ("_capabilities", "_verbs")

    def __init__(self, capabilities: Iterable[Capability]) -> None:
        self._capabilities = tuple(capabilities)
        self._verbs: dict[tuple[str, bool], tuple[Verb, Capability]] = {}
        for capability in self._capabilities:
            for verb in capability.verbs:
                self._add(verb, capability)

    @classmethod
    def of(cls, capabilities: Register | Iterable[Capability]) -> Register:
        """One made of these, if they are none yet."""
        return capabilities if isinstance(capabilities, Register) else cls(capabilities)

    def words(self, status: Status) -> list[str]:
        """What is announced now."""
        announced: list[str] = []
        for capability in self._capabilities:
            announced += capability.words(status) or ()
        return announced

    def find(self, name: str, *, by_uid: bool, status: Status) -> Verb | None:
        """The verb, if it is offered now."""
        entry = self._verbs.get((name, by_uid))
        if entry is None or entry[1].words(status) is None:
            return None
        return entry[0]

    def _add(self, verb: Verb, capability: Capability) -> None:
        for by_uid, there in ((False, verb.plain), (True, verb.by_uid)):
            if not there:
                continue
            if (verb.name, by_uid) in self._verbs:
                raise ValueError(f"{verb.name} comes twice")
            self._verbs[verb.name, by_uid] = (verb, capability)


class Offering:
    """
    What one connection is offered: a register, and its words for as long as nothing changes.

    They are asked for with every APPEND, and take 100 us.  What they depend on besides the status,
    its context, changes only together with it.
    """

    __slots__ = ("_register", "_status", "_words")

    def __init__(self, capabilities: Register | Iterable[Capability]) -> None:
        self._register = Register.of(capabilities)
        self._status: Status | None = None
        self._words: list[str] = []

    def words(self, status: Status) -> list[str]:
        """What is announced now.  Not to be changed."""
        if self._status is not status:
            self._status, self._words = status, self._register.words(status)
        return self._words

    def find(self, name: str, *, by_uid: bool, status: Status) -> Verb | None:
        """The verb, if it is offered now."""
        return self._register.find(name, by_uid=by_uid, status=status)
