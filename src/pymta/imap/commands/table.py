"""
Which command is answered by what: all families together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pymta.imap.commands import (
    acl,
    append,
    copy,
    fetch,
    mailbox,
    metadata,
    namespace,
    quota,
    select,
    session,
    status,
    store,
)
from pymta.imap.commands import list as listing
from pymta.imap.extension import Call

__all__ = ["COMMANDS"]

_FAMILIES: Final = (
    acl,
    append,
    copy,
    fetch,
    listing,
    mailbox,
    metadata,
    namespace,
    quota,
    select,
    session,
    status,
    store,
)

COMMANDS: Final[Mapping[type, Call]] = {
    command: call for family in _FAMILIES for command, call in family.CALLS.items()
}
"""By the type of the command; LOGIN and its like are the conversation's own."""
