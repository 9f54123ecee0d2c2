"""
A maildrop: a mailbox as one POP3 session sees it (:rfc:`1939#section-4`).

Numbers and sizes are those of the login, whatever others do meanwhile: mail that arrives has no
number, and one that others remove keeps its number and cannot be had any more.  Other POP3
sessions are locked out; IMAP and delivery are not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from twisted.internet.interfaces import IReactorTime

from pymta.aio import CancelledError, Shared, breathe
from pymta.errors import MessageGone, PymtaError
from pymta.interfaces.content import IContent, Octets
from pymta.interfaces.mailbox import IMailbox, IMailboxStore
from pymta.mailbox import INBOX, UID, UIDSet, Wanted
from pymta.pop3.slices import Listing
from pymta.pop3.uidl import UIDLFormat

__all__ = ["Maildrop", "NoSuchNumber", "open_maildrop"]

Release = Callable[[], Awaitable[None]]

STRIDE = 4096
"""Messages looked at in a row before others have their turn: two milliseconds of work."""


class NoSuchNumber(PymtaError):
    """No message has the number, or it is marked as deleted."""


async def open_maildrop(store: IMailboxStore, clock: IReactorTime, uidl: UIDLFormat) -> Maildrop:
    """
    Lock the inbox, and look at it.

    :raises pymta.errors.MailboxInUse: another session has it.
    """
    mailbox = await store.open(INBOX)
    release = None
    try:
        release = await _locked(mailbox)
        validity = (await mailbox.info()).uid_validity
        messages, octets = await _counted(mailbox, clock)
    except BaseException:
        mailbox.close()
        if release is not None:
            await release()
        raise
    return Maildrop(mailbox, release, messages, octets=octets, unique_id=partial(uidl, validity))


async def _counted(mailbox: IMailbox, clock: IReactorTime) -> tuple[list[tuple[UID, int]], int]:
    """UIDs, octets as they are sent, and the sum of these."""
    sizes = await mailbox.sizes()
    unended = await mailbox.unended()
    messages: list[tuple[UID, int]] = []
    octets = 0
    for first in range(0, len(sizes), STRIDE):
        part = sizes[first : first + STRIDE]
        if unended:
            # The machine ends the last line: RFC 1939 section 3 knows no other ones.
            part = [(uid, size + 2 if uid in unended else size) for uid, size in part]
        messages += part
        octets += sum(size for _, size in part)
        await _breathe_behind(clock, first)
    return messages, octets


async def _locked(mailbox: IMailbox) -> Release:
    locking = Shared(mailbox.lock())
    try:
        return await locking.wait()
    except CancelledError:
        # Time was up; the lock may come all the same, and nobody would give it back.
        Shared(_given_back(locking))
        raise


async def _given_back(locking: Shared[Release]) -> None:
    release = await locking.wait()
    await release()


class Maildrop:
    """
    Made by :func:`open_maildrop`; :meth:`close` gives the lock back.

    :param messages: UID and octets as they are sent, ascending by UID; numbers are from 1.
    :param octets: of all of them.
    """

    def __init__(
        self,
        mailbox: IMailbox,
        release: Release,
        messages: Sequence[tuple[UID, int]],
        *,
        octets: int,
        unique_id: Callable[[UID], str],
    ) -> None:
        self._mailbox = mailbox
        self._release: Release | None = release
        self._messages = messages
        self._unique_id = unique_id
        self._marked: set[int] = set()
        self._all_octets = self._octets = octets

    # -- looking ---------------------------------------------------------------

    @property
    def messages(self) -> int:
        """How many there are, without those marked as deleted."""
        return len(self._messages) - len(self._marked)

    @property
    def octets(self) -> int:
        """How many octets they have."""
        return self._octets

    def size(self, number: int) -> int:
        """Octets that RETR sends, without stuffed dots.  :raises NoSuchNumber: as it says."""
        return self._at(number)[1]

    def unique_id(self, number: int) -> str:
        """:raises NoSuchNumber: as it says."""
        return self._unique_id(self._at(number)[0])

    def sizes(self) -> Listing:
        """``n size`` of each message."""
        return Listing(len(self._messages), self._size_lines)

    def unique_ids(self) -> Listing:
        """``n id`` of each message."""
        return Listing(len(self._messages), self._unique_id_lines)

    def _size_lines(self, start: int, stop: int) -> list[str]:
        messages = self._messages[start - 1 : stop - 1]
        marked = self._marked
        return [f"{n} {m[1]}\r\n" for n, m in enumerate(messages, start) if n not in marked]

    def _unique_id_lines(self, start: int, stop: int) -> list[str]:
        messages = self._messages[start - 1 : stop - 1]
        marked, unique_id = self._marked, self._unique_id
        return [
            f"{n} {unique_id(m[0])}\r\n" for n, m in enumerate(messages, start) if n not in marked
        ]

    async def content(self, number: int) -> IContent:
        """
        The octets of a message.

        :raises NoSuchNumber: as it says.
        :raises pymta.errors.MessageGone: somebody has removed it since the login.
        """
        uid, _ = self._at(number)
        rows = await self._mailbox.records(UIDSet([uid]), [Wanted.CONTENT])
        if not rows:
            # The store may still have the octets; but who removed it wants it gone.
            raise MessageGone(f"message {uid} was removed by another session")
        [(_, octets)] = rows
        return await self._mailbox.content(uid) if octets is None else Octets(octets)

    def _at(self, number: int) -> tuple[UID, int]:
        if not 1 <= number <= len(self._messages) or number in self._marked:
            raise NoSuchNumber(str(number))
        return self._messages[number - 1]

    # -- changing --------------------------------------------------------------

    def mark(self, number: int) -> None:
        """Mark as deleted.  :raises NoSuchNumber: also if it is marked already."""
        self._octets -= self.size(number)
        self._marked.add(number)

    def unmark_all(self) -> None:
        """As it was at the login."""
        self._marked.clear()
        self._octets = self._all_octets

    async def update(self, clock: IReactorTime) -> None:
        """
        Remove what is marked: all of it, or, if it raises, nothing.

        What others have removed meanwhile is removed.
        """
        if not self._marked:
            return
        ranges: list[tuple[UID, UID]] = []
        for first in range(0, len(self._messages), STRIDE):
            part = self._messages[first : first + STRIDE]
            ranges += UIDSet(
                uid for n, (uid, _) in enumerate(part, first + 1) if n in self._marked
            ).ranges
            await _breathe_behind(clock, first)
        await self._mailbox.remove(UIDSet.of_ranges(ranges))

    async def close(self) -> None:
        """Give the lock back; nothing is removed by it.  Idempotent."""
        release, self._release = self._release, None
        if release is not None:
            try:
                await release()
            finally:
                self._mailbox.close()


async def _breathe_behind(clock: IReactorTime, first: int) -> None:
    """Give way behind each stride but the first: most maildrops have one."""
    if first:
        await breathe(clock)
