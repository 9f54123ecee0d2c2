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
    esearch,
    fetch,
    mailbox,
    metadata,
    namespace,
    notify,
    quota,
    search,
    select,
    session,
    sort,
    status,
    store,
    thread,
)
from pymta.imap.commands import list as listing
from pymta.imap.extension import Call

__all__ = ["COMMANDS"]

_FAMILIES: Final = (
    acl,
    append,
    copy,
    esearch,
    fetch,
    listing,
    mailbox,
    metadata,
    namespace,
    notify,
    quota,
    search,
    select,
    session,
    sort,
    status,
    store,
    thread,
)

COMMANDS: Final[Mapping[type, Call]] = {
    command: call for family in _FAMILIES for command, call in family.CALLS.items()
}
"""By the type of the command; LOGIN and its like are the conversation's own."""
