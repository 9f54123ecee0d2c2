"""
NOOP, CHECK, ID and ENABLE.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pymta.imap.extension import Call
from pymta.imap.session import IMAPSession
from pymta.wire.imap.command.select import Check
from pymta.wire.imap.command.session import ID, Enable, Noop
from pymta.wire.imap.response.session import enabled_line, id_line
from pymta.wire.imap.response.status import OK, Ending

__all__ = ["CALLS"]


async def _noop(_session: IMAPSession, _command: Noop) -> Ending:
    return OK("Nothing done")


async def _check(_session: IMAPSession, _command: Check) -> Ending:
    # RFC 3501 section 6.4.1: there is nothing to be written that is not.
    return OK("All is kept")


async def _id(session: IMAPSession, _command: ID) -> Ending:
    session.say(id_line(session.settings.identity))
    return OK("Pleased to meet you")


async def _enable(session: IMAPSession, command: Enable) -> Ending:
    session.say(enabled_line(session.enable(command.names)))
    return OK("Enabled")


CALLS: Final[Mapping[type, Call]] = {
    Noop: Call(_noop, asks=True),
    Check: Call(_check, asks=True),
    ID: Call(_id),
    Enable: Call(_enable),
}
