"""
The mailbox that a session has selected: the store's mailbox, the client's view, and a bell.

The bell only says that something may have happened; the store is asked at the moments when the
client may be told, so nothing piles up here while it is silent.
"""

from __future__ import annotations

from collections.abc import Callable

from pymta.errors import PymtaError
from pymta.imap.view import SelectedView
from pymta.interfaces.mailbox import IMailbox
from pymta.mailbox import Rights, UIDSet
from pymta.wire.imap.numset import Numbers, Saved

__all__ = ["NoSuchNumber", "NumbersForbidden", "Selected"]


class NoSuchNumber(PymtaError):
    """No message has the sequence number (:rfc:`3501#section-9`)."""


class NumbersForbidden(PymtaError):
    """Sequence numbers under UIDONLY (RFC 9586 section 3)."""


class Selected:
    """
    From SELECT to its end; :meth:`close` ends it.

    :param mailbox: opened; it is closed here.
    :param keywords: those that the client was told of.
    :param rights: of the client, when it was opened.
    """

    def __init__(
        self,
        mailbox: IMailbox,
        view: SelectedView,
        *,
        keywords: frozenset[str],
        bell: Bell,
        rights: Rights,
    ) -> None:
        self.mailbox = mailbox
        self.view = view
        self.keywords = keywords
        self.rights = rights
        self.bell = bell
        self._uid_next = view.largest + 1

    @property
    def read_only(self) -> bool:
        """Whether it was opened by EXAMINE, or nobody may change it."""
        return self.mailbox.read_only

    @property
    def saw_arrivals(self) -> bool:
        """Whether the client was told of messages that arrived while it was open."""
        return self.view.largest >= self._uid_next

    def resolve(self, numbers: Numbers, *, by_uid: bool) -> UIDSet:
        """
        The messages meant, among those that the client knows.

        :raises NoSuchNumber: as it says; UIDs that nobody has are passed over.
        :raises NumbersForbidden: as it says.
        """
        view = self.view
        if view.by_uid_only and not by_uid:
            raise NumbersForbidden("sequence numbers under UIDONLY")
        if isinstance(numbers, Saved):
            return view.saved
        if by_uid:
            return view.of_uids(numbers.within(view.largest))
        if numbers.exceeds(view.count):
            raise NoSuchNumber(f"above {view.count}")
        return view.of_numbers(numbers.within(view.count))

    async def refresh(self) -> None:
        """Ask the store what happened, and remember it to be told."""
        self.bell.answered()
        view = self.view
        changes = await self.mailbox.changes(view.asked)
        view.apply(changes)

    def close(self) -> None:
        """No more of it; idempotent."""
        self.bell.take_down()
        self.mailbox.close()


class Bell:
    """
    Rings when something may have happened to a mailbox.

    :param rung: called at each ring.
    """

    def __init__(self, mailbox: IMailbox, rung: Callable[[], None]) -> None:
        self.rings = False
        self._rung = rung
        self._down = mailbox.watch(self._ring)

    def _ring(self) -> None:
        self.rings = True
        self._rung()

    def answered(self) -> None:
        """The store is about to be asked."""
        self.rings = False

    def take_down(self) -> None:
        """Silence; idempotent."""
        self._down()
