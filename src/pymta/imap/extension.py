"""
What a capability adds to the room: its words and verbs, and the answers to its commands.

Ours and third parties' are made of the same values.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

from zope.interface import Interface

from pymta.wire.imap.capability import Verb
from pymta.wire.imap.response.status import Ending

if TYPE_CHECKING:  # both of them hold extensions
    from pymta.imap.session import IMAPSession
    from pymta.imap.settings import Settings

__all__ = ["Call", "Command", "Extension", "Numbering", "Offered"]


class Numbering(Enum):
    """
    Whether an EXPUNGE may be told before a command's end (:rfc:`3501#section-7.4.1`).
    """

    MOVES = "moves"
    """It may: the command has nothing to do with sequence numbers."""
    STAYS = "stays"
    """It may not, unless the command is of UIDs: FETCH, STORE, SEARCH and their like."""


Command: TypeAlias = "Callable[[IMAPSession, Any], Awaitable[Ending | None]]"
"""How it ends; None where the machine has ended it by itself."""


@dataclass(frozen=True, slots=True)
class Call:
    """
    How a command is answered.

    :param asks: the store is asked for news before the end even if no bell rang: for commands
        whose point that is, and for those that make news themselves.
    :param slow: it may take long, and says whole lines only: while nothing is said, the client
        hears from time to time that it goes on (RFC 9585).
    """

    run: Command
    numbering: Numbering = Numbering.MOVES
    asks: bool = False
    slow: bool = False


def _always(_settings: Settings) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """
    One capability.

    :param words: what is announced; the first is the name by which settings leave it out.
    :param needs: add-ons that the store has to provide, all of them.
    :param only: whether settings allow for it.
    :param builds_on: names of those without which it is none; it is left out along with them.
    """

    words: tuple[str, ...]
    verbs: tuple[Verb, ...] = ()
    needs: tuple[type[Interface], ...] = ()
    only: Callable[[Settings], bool] = _always
    builds_on: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The first word."""
        return self.words[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """
    A third party's capability.

    :param calls: the answers, by the type of the command that a verb's parser gives.
    """

    offered: Offered
    calls: Mapping[type, Call] = field(default_factory=dict)
