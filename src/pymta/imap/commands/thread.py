"""
THREAD (:rfc:`5256#section-3`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pymta.imap.commands.search import bounded, searched
from pymta.imap.extension import Call, Numbering, Offered
from pymta.imap.searching import Undefined, refusal, undefined, unfiltered
from pymta.imap.session import IMAPSession
from pymta.imap.sorting import threads_of
from pymta.search import ThreadAlgorithm
from pymta.wire.imap.command.thread import THREAD, Thread
from pymta.wire.imap.response.status import NO, OK, Ending
from pymta.wire.imap.response.thread import thread_line

__all__ = ["CALLS", "OFFERED"]


async def _thread(session: IMAPSession, command: Thread) -> Ending:
    refused = refusal(session, command.criteria, by_uid=command.by_uid)
    if refused is not None:
        return refused
    view = session.here.view
    try:
        key = await unfiltered(session, command.criteria.key)
    except Undefined as fault:
        return undefined(fault)
    query, code = bounded(session, searched(session, key))
    if code is not None:
        # RFC 9738 section 3: threads of some of them say nothing.
        return NO("Too many messages at once", code)
    _, nodes = await threads_of(session, session.here.mailbox, query, command.algorithm)
    if command.by_uid:
        session.say(thread_line(nodes))
    else:
        # RFC 7162 section 3.1.9: a THREAD response has no modseq.
        session.say(
            thread_line((n.depth, None if n.uid is None else view.number(n.uid)) for n in nodes)
        )
    return OK("Threaded")


CALLS: Final[Mapping[type, Call]] = {Thread: Call(_thread, numbering=Numbering.STAYS, slow=True)}

OFFERED: Final = (
    Offered(
        words=tuple(f"THREAD={algorithm.value}" for algorithm in ThreadAlgorithm), verbs=(THREAD,)
    ),
)
