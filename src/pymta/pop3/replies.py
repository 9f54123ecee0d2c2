"""
What a command is answered with, as values: said to the client when all that can fail has not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from pymta.pop3.languages import Language
from pymta.pop3.maildrop import Maildrop
from pymta.wire.pop3.capability import Capability
from pymta.wire.pop3.events import Extended

__all__ = ["Chosen", "Extension", "Farewell", "Lines", "No", "Reply", "Source", "Welcome", "Yes"]


class Source(Protocol):
    """Where lines come from: octets, cut anywhere, dots not stuffed."""

    async def read(self) -> bytes:
        """The next slice, of 64 KiB at most; empty at the end."""


@dataclass(frozen=True, slots=True)
class Yes:
    """+OK in one line."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class No:
    """-ERR, with a response code (:rfc:`2449#section-8`) or without."""

    text: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """+OK and lines behind it."""

    text: str
    source: Source


@dataclass(frozen=True, slots=True)
class Welcome:
    """+OK to a login."""

    text: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """+OK to LANG."""

    language: Language


@dataclass(frozen=True, slots=True)
class Farewell:
    """-ERR [SYS/TEMP], and the connection is closed."""

    text: str


Reply: TypeAlias = Yes | No | Lines | Welcome | Chosen | Farewell


@dataclass(frozen=True, slots=True)
class Extension:
    """
    A third party's capability with the answers to its verbs.

    :param answer: the maildrop is None before a login; answer ``Yes``, ``No`` or ``Lines``.  It
        is called within the fence and the time limit of every command.
    """

    capability: Capability
    answer: Callable[[Extended, Maildrop | None], Awaitable[Yes | No | Lines]]
