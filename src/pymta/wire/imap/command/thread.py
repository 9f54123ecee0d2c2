"""
THREAD and UID THREAD (:rfc:`5256#section-3`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pymta.search import ThreadAlgorithm
from pymta.wire.imap.capability import Verb
from pymta.wire.imap.command.search import Criteria, parse_charset
from pymta.wire.imap.cursor import Cursor
from pymta.wire.imap.state import WITH_MAILBOX

__all__ = ["THREAD", "Thread", "parse_thread"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """THREAD."""

    algorithm: ThreadAlgorithm
    criteria: Criteria
    by_uid: bool = False


_ALGORITHMS: Final = {algorithm.value: algorithm for algorithm in ThreadAlgorithm}


def parse_thread(cursor: Cursor) -> Thread:
    """An algorithm, a charset, keys."""
    cursor.space()
    algorithm = _ALGORITHMS.get(cursor.word())
    if algorithm is None:
        raise cursor.bad("no such threading algorithm")
    cursor.space()
    criteria = parse_charset(cursor)
    return Thread(algorithm=algorithm, criteria=criteria, by_uid=cursor.by_uid)


THREAD: Final = Verb(name="THREAD", parse=parse_thread, states=WITH_MAILBOX, by_uid=True)
