"""
What the server machines do alike: they tell of a login's exchange (:rfc:`4422`) and of the end by
the same events, so that who drives one need not know which it is; and they move by tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from pymta.errors import LocalProtocolError

__all__ = ["AuthCancelled", "AuthResponse", "Closed", "moved"]

P = TypeVar("P", bound=Enum)
M = TypeVar("M", bound=Enum)


@dataclass(frozen=True, slots=True)
class AuthResponse:
    """The client's response to a challenge, decoded; answered as what began the exchange is."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthCancelled:
    """
    The exchange has ended without a login, and the client was answered: it gave up, or sent what
    is no response.

    :param text: what was wrong; empty where an event that follows says it.
    """

    text: str = ""


@dataclass(frozen=True, slots=True)
class Closed:
    """
    The last event: nothing more is read; what is to be sent is sent before closing.

    :param reason: one of those that the protocol has.
    """

    reason: Enum


def moved(ways: Mapping[tuple[P, M], P], phase: P, move: M) -> P:
    """
    The phase that a move leads to.

    :raises LocalProtocolError: it leads nowhere from here.
    """
    try:
        return ways[phase, move]
    except KeyError:
        raise LocalProtocolError(f"{move.value!r} while waiting for {phase.value}") from None
