"""
SORT (:rfc:`5256#section-3`), with return options (:rfc:`5267#section-3`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pymta.imap.commands.search import answered
from pymta.imap.extension import Call, Numbering, Offered
from pymta.imap.session import IMAPSession
from pymta.wire.imap.command.sort import SORT, Sort
from pymta.wire.imap.response.status import Ending

__all__ = ["CALLS", "OFFERED"]


async def _sort(session: IMAPSession, command: Sort) -> Ending:
    return await answered(session, command, command.returns)


CALLS: Final[Mapping[type, Call]] = {Sort: Call(_sort, numbering=Numbering.STAYS, slow=True)}

OFFERED: Final = (
    Offered(words=("SORT", "SORT=DISPLAY"), verbs=(SORT,)),
    # RFC 5267 sections 3 and 4
    Offered(words=("ESORT",), builds_on=("SORT", "ESEARCH")),
    Offered(words=("CONTEXT=SORT",), builds_on=("ESORT", "CONTEXT=SEARCH")),
)
