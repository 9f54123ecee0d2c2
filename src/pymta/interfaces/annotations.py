"""
Annotations of mailboxes, and of the server as an account sees it (:rfc:`5464`).

An entry has a name such as ``/shared/comment`` or ``/private/vendor/x/y`` and a value of octets.
Case does not count in names.  ``/private`` entries are those of the account that asks, wherever
they are; ``/shared`` ones of a mailbox are seen by everybody who may read it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from enum import Enum

from pymta.interfaces.mailbox import IMailboxStore
from pymta.mailbox import MailboxName

__all__ = ["Depth", "IMetadataStore"]


class Depth(Enum):
    """Which entries below a name are meant with it (:rfc:`5464#section-4.2.2`)."""

    ZERO = "0"
    ONE = "1"
    INFINITY = "infinity"


class IMetadataStore(IMailboxStore):
    """
    Annotations go and are renamed with their mailbox.

    Entries that the store computes are read and written like the others:
    ``/private/specialuse`` is what the mailbox is for (:rfc:`6154#section-5.4`).
    """

    def annotations(
        name: MailboxName | None, entries: Sequence[str], depth: Depth = Depth.ZERO
    ) -> Awaitable[Mapping[str, bytes]]:
        """
        Values by name, in small letters, of entries that are there.

        :param name: None is the server.
        :raises pymta.errors.NoSuchMailbox: no mailbox of that name.
        :raises ValueError: a name that no entry can have.
        """

    def annotate(name: MailboxName | None, values: Mapping[str, bytes | None]) -> Awaitable[None]:
        """
        Set entries, or remove those whose value is None: all or none, in one commit.

        :raises pymta.errors.AnnotationTooLarge: more than 32,768 octets.
        :raises pymta.errors.TooManyAnnotations: more than 100 of a mailbox or the server, and
            of an account there.
        :raises pymta.errors.NotPermitted: shared ones of the server, and others that are
            read-only.
        :raises pymta.errors.NoSuchMailbox: no mailbox of that name.
        :raises pymta.errors.UnknownUse: as ``create``.
        :raises ValueError: a name that no entry can have: not ``/private/…`` or ``/shared/…``,
            empty levels, ``*``, ``%``, controls, not ASCII, more than 255 octets, or fewer than
            four levels below ``vendor``.
        """
