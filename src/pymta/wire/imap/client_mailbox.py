"""
What a client believes of the mailbox that it has selected, and whether the server kept the rules.

The server may tell of changes at any time, but of expunged messages only when no sequence number
can be misunderstood (:rfc:`9051#section-7.5.1`); what it says must fit what it said before.  A
rule that is broken is an error: the client's numbers may be wrong from there on, and there is
nothing to do but to select again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pymta.errors import RemoteProtocolError
from pymta.mailbox import UIDSet
from pymta.wire.imap.client_data import (
    Code,
    Condition,
    ESearched,
    Exists,
    Expunge,
    Fetched,
    Flags,
    Recent,
    Searched,
    Sorted,
    Vanished,
)
from pymta.wire.imap.client_events import Completed, Untagged

__all__ = ["KnownMessage", "SelectedMailbox"]

# RFC 9051 section 7.5.1; SORT and THREAD are kinds of SEARCH (RFC 5256 section 3)
_BY_NUMBER: Final = frozenset({"FETCH", "SEARCH", "SORT", "STORE", "THREAD"})
_FETCHES: Final = frozenset({"FETCH", "UID FETCH"})


@dataclass(slots=True)
class KnownMessage:
    """What the server said of a message; None is not known."""

    uid: int | None = None
    flags: frozenset[str] | None = None
    modseq: int | None = None


class SelectedMailbox:
    """
    One mailbox from its SELECT on.

    Make it when SELECT is sent, and give it each :class:`~pymta.wire.imap.client_events.Untagged`
    and :class:`~pymta.wire.imap.client_events.Completed` from there on (behind ``[CLOSED]``,
    where another mailbox was selected before).

    :param enabled: what ENABLE was answered with.
    """

    def __init__(self, *, enabled: frozenset[str] = frozenset()) -> None:
        self._by_uid = "UIDONLY" in enabled
        self._vanishing = self._by_uid or "QRESYNC" in enabled
        self._counting = "CONDSTORE" in enabled or "QRESYNC" in enabled
        self.messages: list[KnownMessage] = []
        """By their sequence numbers, from 1."""
        self.recent = 0
        self.flags: frozenset[str] = frozenset()
        self.permanent_flags: frozenset[str] | None = None
        self.uid_validity: int | None = None
        self.uid_next: int | None = None
        self.highest_modseq: int | None = None

    @property
    def uids(self) -> tuple[int | None, ...]:
        """The UIDs in the order of the sequence numbers."""
        return tuple(message.uid for message in self.messages)

    def number_of(self, uid: int) -> int | None:
        """The sequence number of a UID; None if it is not there, or not known."""
        known = [message.uid for message in self.messages if message.uid is not None]
        at = bisect_left(known, uid)
        if at == len(known) or known[at] != uid:
            return None
        return next(n for n, message in enumerate(self.messages, 1) if message.uid == uid)

    def completed(self, event: Completed) -> None:
        """A command ended.  :raises RemoteProtocolError: what its code says cannot be."""
        if event.code is not None:
            self._take_code(event.code)

    def apply(self, event: Untagged) -> None:
        """
        Believe what the server says.

        :raises RemoteProtocolError: it cannot be, or may not be said now.
        """
        name = None if event.during is None else event.during.name
        match event.data:
            case Exists(count):
                self._exists(count)
            case Recent(count):
                self.recent = count
            case Expunge(number):
                self._check_moment(name)
                self._expunge(number)
            case Vanished(earlier=True):
                pass  # gone before this session knew anything
            case Vanished(uids):
                self._check_moment(name)
                self._vanish(uids)
            case Fetched():
                self._fetched(event.data, name)
            case Flags(flags):
                self.flags = flags
            case Condition(code=Code() as code):
                self._take_code(code)
            case Searched(numbers) | Sorted(numbers) if name in _BY_NUMBER:
                self._check_numbers(numbers)
            case ESearched(by_uid=False, mailbox=None, items=items):
                for word in ("MIN", "MAX"):
                    if isinstance(least := items.get(word), int):
                        self._check_numbers([least])

    def _exists(self, count: int) -> None:
        if count < len(self.messages):
            # RFC 3501 section 7.3.1, RFC 9051 section 7.4.1: only EXPUNGE takes away
            raise RemoteProtocolError(f"{count} EXISTS with {len(self.messages)} messages known")
        self.messages.extend(KnownMessage() for _ in range(count - len(self.messages)))

    def _check_moment(self, during: str | None) -> None:
        if during is None or during in _BY_NUMBER:
            raise RemoteProtocolError(f"a message is expunged during {during}")

    def _check_numbers(self, numbers: Iterable[int]) -> None:
        most = max(numbers, default=0)
        if most > len(self.messages):
            raise RemoteProtocolError(f"message {most} of {len(self.messages)}")

    def _expunge(self, number: int) -> None:
        if self._vanishing:
            # RFC 7162 section 3.2.10, RFC 9586 section 3.3
            raise RemoteProtocolError("EXPUNGE in the place of VANISHED")
        self._check_numbers([number])
        del self.messages[number - 1]

    def _vanish(self, uids: UIDSet) -> None:
        if not self._vanishing:
            raise RemoteProtocolError("VANISHED, which was not enabled")
        known = UIDSet(message.uid for message in self.messages if message.uid is not None)
        strange = uids - known
        if len(strange) > sum(message.uid is None for message in self.messages):
            raise RemoteProtocolError("UIDs vanished that were not there")
        self.messages = [message for message in self.messages if message.uid not in uids]
        for uid in strange:
            del self.messages[self._place_of(uid)]

    def _place_of(self, uid: int) -> int:
        """Where a message is whose UID was not told: between those with lower and higher ones."""
        for at in range(len(self.messages) - 1, -1, -1):
            known = self.messages[at].uid
            if known is None and (self._by_uid or self._may_be(at, uid)):
                return at
        raise RemoteProtocolError(f"UID {uid} vanished, which was not there")

    def _may_be(self, at: int, uid: int) -> bool:
        before = next((m.uid for m in reversed(self.messages[:at]) if m.uid), 0)
        behind = next((m.uid for m in self.messages[at + 1 :] if m.uid), 1 << 32)
        return before < uid < behind

    def _fetched(self, data: Fetched, during: str | None) -> None:
        if data.by_uid != self._by_uid:
            raise RemoteProtocolError("FETCH or UIDFETCH in the place of the other")
        message = self._message_of(data)
        if "FLAGS" in data.items and during not in _FETCHES:
            self._check_unasked(data)
        flags, modseq = data.items.get("FLAGS"), data.items.get("MODSEQ")
        if isinstance(flags, frozenset):
            message.flags = flags
        if isinstance(modseq, int):
            if modseq < (message.modseq or 0):
                raise RemoteProtocolError("a mod-sequence went back")
            message.modseq = modseq

    def _check_unasked(self, data: Fetched) -> None:
        if self._counting and "MODSEQ" not in data.items:
            # RFC 7162 section 3.1.4: in all FETCH responses that tell of flags
            raise RemoteProtocolError("flags without their mod-sequence")
        if self._vanishing and not self._by_uid and "UID" not in data.items:
            # RFC 7162 section 3.2.4
            raise RemoteProtocolError("flags without their UID")

    def _message_of(self, data: Fetched) -> KnownMessage:
        if self._by_uid:
            return self._learn(data.number)
        self._check_numbers([data.number])
        message = self.messages[data.number - 1]
        uid = data.items.get("UID")
        if isinstance(uid, int) and uid != message.uid:
            self._check_uid(data.number - 1, uid)
            message.uid = uid
        return message

    def _check_uid(self, at: int, uid: int) -> None:
        if self.messages[at].uid is not None:
            raise RemoteProtocolError(f"message {at + 1} has another UID than before")
        if not self._may_be(at, uid):
            # RFC 3501 section 2.3.1.1: strictly ascending
            raise RemoteProtocolError(f"UID {uid} of message {at + 1} is out of order")

    def _learn(self, uid: int) -> KnownMessage:
        """The message of a UID where there are no numbers (:rfc:`9586`)."""
        for message in self.messages:
            if message.uid == uid:
                return message
        known = [message for message in self.messages if message.uid is not None]
        if len(known) == len(self.messages):
            raise RemoteProtocolError(f"UID {uid} is not there")
        message = KnownMessage(uid)
        known.insert(bisect_left([each.uid or 0 for each in known], uid), message)
        self.messages = known + [KnownMessage() for _ in range(len(self.messages) - len(known))]
        return message

    def _take_code(self, code: Code) -> None:
        match code.name, code.value:
            case "UIDVALIDITY", int(number):
                if self.uid_validity not in (None, number):
                    raise RemoteProtocolError("UIDVALIDITY changed in a session")
                self.uid_validity = number
            case "UIDNEXT", int(number):
                self.uid_next = number
            case "PERMANENTFLAGS", frozenset(flags):
                self.permanent_flags = flags
            case "HIGHESTMODSEQ", int(number):
                if number < (self.highest_modseq or 0):
                    raise RemoteProtocolError("HIGHESTMODSEQ went back")
                self.highest_modseq = number
