"""
Which command is answered by what: all families together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pymta.imap.commands import append, copy, fetch, mailbox, select, session, status, store
from pymta.imap.commands import list as listing
from pymta.imap.extension import Call

__all__ = ["COMMANDS"]

COMMANDS: Final[Mapping[type, Call]] = {
    command: call
    for family in (append, copy, fetch, listing, mailbox, select, session, status, store)
    for command, call in family.CALLS.items()
}
"""By the type of the command; LOGIN and its like are the conversation's own."""
