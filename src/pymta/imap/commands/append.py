"""
APPEND (:rfc:`3501#section-6.3.11`), of several messages too (:rfc:`3502`), and REPLACE
(:rfc:`8508`).

Messages come as a stream and go into a writer of the store's, a slice at a time; only the last
step names them, all or none.  The tagged OK is written when they are durable, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pymta.errors import MailboxError, NoSuchMailbox
from pymta.imap.catenating import content_at
from pymta.imap.endings import no_destination
from pymta.imap.extension import Call
from pymta.imap.keywording import check_keywords, folded
from pymta.imap.session import Brought, IMAPSession
from pymta.imap.settings import UTF8Headers
from pymta.interfaces.content import SLICE, IContent, IContentWriter, Joined
from pymta.interfaces.mailbox import IMailbox, IQuotaStore, NewMessage
from pymta.mailbox import UID, Appended
from pymta.wire.imap.command.append import Append, Replacing
from pymta.wire.imap.events import (
    AppendBroken,
    AppendEnded,
    LiteralBegan,
    LiteralEnded,
    LiteralOctets,
    MessageBegan,
    MessageEnded,
    PartURL,
)
from pymta.wire.imap.response import codes
from pymta.wire.imap.response.status import BAD, NO, OK, Ending, untagged
from pymta.wire.imap.url import parse_url

__all__ = ["CALLS"]

# With bare LFs, too.
_EMPTY_LINE: Final = re.compile(rb"\n\r?\n")

_TOO_BIG: Final = NO("The message is too large", codes.TOOBIG)


class _Broken(Exception):
    """The machine has ended the command by itself."""


async def _append(session: IMAPSession, command: Append) -> Ending | None:
    replaced = _replaced(session, command.replacing)
    if isinstance(replaced, NO | BAD):
        return replaced
    try:
        mailbox = await session.asked(session.store.open(command.mailbox))
        return await _take(session, command, replaced, mailbox)
    except NoSuchMailbox:
        # Before many octets: the client is spared sending them.
        return no_destination()


async def _take(
    session: IMAPSession, command: Append, replaced: UID | None, mailbox: IMailbox
) -> Ending | None:
    taking = _Taking(session, mailbox)
    try:
        refused = await taking.take()
        if refused is not None:
            return refused
        if replaced is not None:
            return await _replace(session, command, replaced, taking.messages)
        return await _keep(session, mailbox, taking.messages)
    except _Broken:
        return None
    finally:
        taking.discard()
        mailbox.close()


async def _keep(session: IMAPSession, mailbox: IMailbox, messages: list[NewMessage]) -> Ending:
    try:
        appended = await session.changed(mailbox.append(messages))
    except ValueError:
        return NO("A flag that cannot be set", codes.CANNOT)
    session.brought = Brought(mailbox.name, appended.uids)
    return OK("It is kept", _code(appended))


def _code(appended: Appended) -> codes.Code:
    return codes.append_uid(appended.uid_validity, appended.uids)


# -- REPLACE -----------------------------------------------------------------------------


def _replaced(session: IMAPSession, replacing: Replacing | None) -> UID | NO | BAD | None:
    """The message that goes; None for APPEND."""
    if replacing is None:
        return None
    if session.here.read_only:
        return NO("The mailbox is open read-only", codes.READ_ONLY)
    uids = list(session.resolve(replacing.numbers, by_uid=replacing.by_uid))
    if len(uids) != 1:
        # RFC 8508 section 3.3
        return NO("There is no such message", codes.NONEXISTENT)
    return uids[0]


async def _replace(
    session: IMAPSession, command: Append, replaced: UID, messages: list[NewMessage]
) -> Ending:
    [message] = messages
    try:
        appended = await session.changed(
            session.here.mailbox.replace(replaced, command.mailbox, message)
        )
    except ValueError:
        return NO("A flag that cannot be set", codes.CANNOT)
    session.brought = Brought(command.mailbox, appended.uids)
    # RFC 8508 section 3.3: in an untagged OK, in front of the EXPUNGE
    session.say(untagged(OK("The new message is there", _code(appended))))
    return OK("Replaced")


# -- the stream --------------------------------------------------------------------------


class _Taking:
    """
    The messages of one command.

    What a mailbox takes is asked before many octets are sent in vain; for a few, what the store
    says when it is given them is soon enough, and it has the last word in any case.
    """

    def __init__(self, session: IMAPSession, mailbox: IMailbox) -> None:
        self.messages: list[NewMessage] = []
        self._session = session
        self._mailbox = mailbox
        self._writers: list[IContentWriter] = []
        self._parts: list[IContent] = []
        self._size = 0
        self._total = 0
        self._keywords: frozenset[str] = frozenset()
        self._header = _Header()

    async def take(self) -> Ending | None:
        """
        Take all of them.

        :returns: the "no" to one of them, and so to all.
        :raises _Broken: the machine has said BAD.
        """
        session = self._session
        began: MessageBegan | None = None
        while True:
            match await session.next_event(session.settings.timeouts.sending):
                case MessageBegan() as began:
                    limit = session.settings.most_saved
                    if limit is not None and len(self.messages) >= limit:
                        # RFC 9738 section 3: none of them
                        return NO("Too many messages at once", codes.message_limit(limit))
                    self._parts, self._size, self._header = [], 0, _Header()
                    await self._check_keywords(folded(began.flags))
                case LiteralBegan(size):
                    refused = await self._admitted(size)
                    if refused is not None:
                        return refused
                    session.machine.go_on()
                    self._writers.append(session.settings.create())
                case LiteralOctets(data):
                    self._header.feed(data)
                    await session.asked(self._writers[-1].write(data))
                case LiteralEnded():
                    self._parts.append(await session.asked(self._writers[-1].finish()))
                case PartURL(url):
                    refused = await self._take_part(url)
                    if refused is not None:
                        return refused
                case MessageEnded():
                    assert began is not None
                    if not self._size:
                        return NO("A message of no octets is none", codes.CANNOT)
                    if self._is_foreign(began):
                        # RFC 6855 section 4
                        return NO("A header in UTF-8 needs UTF8=ACCEPT", codes.CANNOT)
                    self._end(began)
                case AppendEnded():
                    return None
                case AppendBroken():
                    raise _Broken

    async def _check_keywords(self, asked: frozenset[str]) -> None:
        """All of this command: none is known to the mailbox before its end."""
        if not asked <= self._keywords:
            self._keywords |= asked
            await check_keywords(self._session, self._mailbox, self._keywords)

    async def _take_part(self, url: bytes) -> Ending | None:
        """What a URL of CATENATE names (:rfc:`4469#section-3`)."""
        session = self._session
        try:
            part = await content_at(session, parse_url(url))
        except (MailboxError, ValueError):
            return NO("That cannot be had", codes.bad_url(url))
        self._header.pass_over()
        refused = await self._admitted(part.size) if part.size else None
        self._parts.append(part)
        return refused

    def _is_foreign(self, began: MessageBegan) -> bool:
        session = self._session
        if session.settings.utf8_headers is UTF8Headers.STORE:
            return False
        return self._header.beyond_ascii and not (began.utf8 or session.utf8)

    async def _admitted(self, size: int) -> Ending | None:
        session = self._session
        self._size += size
        self._total += size
        if self._exceeds(session.settings.append_limit):
            return _TOO_BIG
        if self._total <= SLICE:
            return None
        if self._exceeds((await session.asked(self._mailbox.info())).append_limit):
            return _TOO_BIG
        return None if await self._has_room() else NO("There is no room for it", codes.OVERQUOTA)

    def _exceeds(self, limit: int | None) -> bool:
        return limit is not None and self._size > limit

    async def _has_room(self) -> bool:
        session = self._session
        if not session.provides(IQuotaStore):
            return True
        return await session.asked(IQuotaStore(session.store).room(self._total))

    def _end(self, began: MessageBegan) -> None:
        parts = self._parts
        content = parts[0] if len(parts) == 1 else Joined(*parts)
        self.messages.append(
            NewMessage(content=content, flags=began.flags, internal_date=began.internal_date)
        )

    def discard(self) -> None:
        """What no store has named is dropped."""
        for writer in self._writers:
            writer.discard()


class _Header:
    """Looks for octets beyond ASCII in a header, while it passes."""

    def __init__(self) -> None:
        self.beyond_ascii = False
        self._tail = b"\n"
        self._ended = False

    def feed(self, octets: bytes) -> None:
        """The next octets of the message."""
        if self._ended:
            return
        joined = self._tail + octets
        end = _EMPTY_LINE.search(joined)
        self._ended = end is not None
        header = joined if end is None else joined[: end.end()]
        self.beyond_ascii = self.beyond_ascii or not header.isascii()
        self._tail = joined[-2:]

    def pass_over(self) -> None:
        """Octets that were kept here already."""
        self._ended = True


CALLS: Final[Mapping[type, Call]] = {Append: Call(_append, asks=True)}
