"""
What a POP3 client is told by its server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from pymta.wire.pop3.events import Closed, Command

__all__ = ["Challenge", "ClientEvent", "Content", "ContentEnd", "Greeting", "Reply"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """
    The first line.

    :param ok: the server will serve.
    :param timestamp: with angle brackets, for APOP; None where the server has none.
    """

    ok: bool
    text: str
    code: str | None = None
    timestamp: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """
    The first line of a response; where it is positive and the command's answer has lines,
    :class:`Content` follows.

    :param command: what it answers.
    :param text: without the response code; octets that are no UTF-8 are replaced.
    :param code: in upper case.
    """

    command: Command
    ok: bool
    text: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge, decoded: send ``respond`` or ``cancel``."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Content:
    """A slice of the lines of a response, dots unstuffed, cut anywhere."""

    command: Command
    data: bytes


@dataclass(frozen=True, slots=True)
class ContentEnd:
    """The lines of a response are complete."""

    command: Command


ClientEvent: TypeAlias = Greeting | Reply | Challenge | Content | ContentEnd | Closed
