"""
Delivery status notifications as values (:rfc:`3464`, with :rfc:`6533` for addresses in UTF-8).

:class:`DSN` is what programs read of a report: the part that :mod:`.dsn_reading` finds in one.
:class:`Letter` is the report as people get it, which :mod:`.dsn_writing` writes.  What came from
outside is cleaned and cut when it becomes such a value, and cannot break a field (S12).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pymta.address import Address
from pymta.errors import AddressError, HeaderError

__all__ = ["DSN", "MAX_TEXT", "Action", "Letter", "Original", "RecipientStatus", "Typed", "cleaned"]

MAX_TEXT = 900
"""
Octets of one text.  With its name a field of it fits into a line of 998 also where nothing allows
a fold (:rfc:`5322#section-2.1.1`); the longest replies that big providers give have 500.
"""

# What Address forbids: the C0 and C1 controls, the separators that end lines, and surrogates.
_FORBIDDEN = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ATOM = re.compile(r"[a-z0-9!#$%&'*+\-/=?^_`{|}~.]{1,600}")
_STATUS = re.compile(r"[245](?:\.(?:0|[1-9][0-9]{0,2})){2}")


class Action(Enum):
    """What was done (:rfc:`3464#section-2.3.3`)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


def cleaned(text: str, limit: int = MAX_TEXT) -> str:
    """One line of it: controls are spaces, and what is longer than ``limit`` octets is cut."""
    # A character has an octet at least: what follows cannot count.
    text = _FORBIDDEN.sub(" ", text[: limit + 1]).strip(" ")
    octets = text.encode()
    if len(octets) <= limit:
        return text
    return octets[: limit - 3].decode("utf-8", "ignore").rstrip(" ") + "..."


@dataclass(frozen=True, slots=True)
class Typed:
    """
    A text and what kind of text it is (:rfc:`3464#section-2.1.2`): an address, the name of a
    host, a diagnostic code.

    Build one with :meth:`of` from what others wrote.

    :param type: ``"rfc822"``, ``"utf-8"``, ``"dns"``, ``"smtp"``; an atom in lower case.
    :raises HeaderError: for what cannot be written into a field.
    """

    type: str
    text: str

    def __post_init__(self) -> None:
        if not _ATOM.fullmatch(self.type):
            raise HeaderError(f"no type: {self.type!r}")
        if not self.text or cleaned(self.text, MAX_TEXT - len(self.type)) != self.text:
            raise HeaderError(f"cannot stand in a report: {self.text!r}")

    @classmethod
    def of(cls, kind: str, text: str) -> Typed:
        """
        With the text cleaned; ``-`` if nothing is left of it.

        :raises HeaderError: for a type that is no atom.
        """
        kind = kind.lower()
        return cls(kind, cleaned(text, MAX_TEXT - len(kind)) or "-")

    @classmethod
    def of_address(cls, address: Address) -> Typed:
        """The address with its type (:rfc:`6533#section-3`)."""
        return cls("rfc822" if address.is_ascii else "utf-8", str(address))

    @property
    def address(self) -> Address | None:
        """As a mail address, in brackets or not; None if it is none."""
        if self.type not in ("rfc822", "utf-8"):
            return None
        text = self.text
        try:
            return Address.parse(text[1:-1] if text[:1] + text[-1:] == "<>" else text)
        except AddressError:
            return None

    def __str__(self) -> str:
        return f"{self.type}; {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientStatus:
    """
    What became of one recipient (:rfc:`3464#section-2.3`).

    :param final: the address that the reporting host was given.
    :param original: the one that the sender gave, as ORCPT has carried it.
    :param status: ``"5.1.1"`` (:rfc:`3463`).
    :param remote_mta: who said so, if it was not the reporting host itself.
    :param diagnostic: in whose words: for ``smtp`` the reply, its lines one behind the other.
    :param last_attempt: aware, as all times here; whole seconds are kept.
    :param will_retry_until: of delays only.
    :raises HeaderError: for a status that is none.
    """

    final: Typed
    action: Action
    status: str
    original: Typed | None = None
    remote_mta: Typed | None = None
    diagnostic: Typed | None = None
    last_attempt: datetime | None = None
    will_retry_until: datetime | None = None

    def __post_init__(self) -> None:
        if not _STATUS.fullmatch(self.status):
            raise HeaderError(f"no status code: {self.status!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DSN:
    """
    A report on one message (:rfc:`3464#section-2.2`).

    :param recipients: one at least.
    :param envelope_id: the sender's own name for it (ENVID, decoded).
    :param arrival: when the message came to the reporting host; aware.
    :raises HeaderError: without recipients, or for an envelope id that fits into no field.
    """

    reporting_mta: Typed
    recipients: tuple[RecipientStatus, ...]
    envelope_id: str | None = None
    received_from: Typed | None = None
    arrival: datetime | None = None

    def __post_init__(self) -> None:
        if not self.recipients:
            raise HeaderError("a report on nobody")
        if self.envelope_id is not None and (
            not self.envelope_id or cleaned(self.envelope_id) != self.envelope_id
        ):
            raise HeaderError(f"cannot stand in a report: {self.envelope_id!r}")

    @property
    def is_ascii(self) -> bool:
        """Whether it needs no UTF-8: it is a ``message/delivery-status`` then."""
        texts = [self.reporting_mta, self.received_from]
        for each in self.recipients:
            texts += (each.final, each.original, each.remote_mta, each.diagnostic)
        return (self.envelope_id or "").isascii() and all(
            typed is None or typed.text.isascii() for typed in texts
        )


# -- what is sent ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Original:
    """What people know their message by; empty where its header does not say."""

    subject: str = ""
    date: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """
    A report as a message: everything but what it returns.

    The recipients of ``dsn`` have failed, all of them, or are delayed, or neither.

    :param author: a person who answers for this system (:rfc:`3464#section-2`).
    :param id: of this message, in its angle brackets.
    :param boundary: occurs nowhere in what is returned.
    :param queue_id: of the message that is reported on: for whoever looks into the log.
    :param reasons: for people: one for each recipient of ``dsn``.
    :param utf8: whether it is sent with SMTPUTF8; otherwise all that is written is ASCII
        (:rfc:`6533#section-4.5`).
    """

    dsn: DSN
    author: Address
    to: Address
    date: datetime
    id: str
    boundary: str
    queue_id: str
    reasons: tuple[str, ...]
    original: Original = Original()
    utf8: bool = False

    @property
    def action(self) -> Action:
        """Of its recipients: of the first, where they are successes of different kinds."""
        return self.dsn.recipients[0].action
