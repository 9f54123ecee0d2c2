"""
Items of FETCH that are columns of the store: what is read for each, and how a column of values is
written.

ENVELOPE and BODYSTRUCTURE are copied as the store made them at append.  For a client that takes
UTF-8 those are written again that would be others (:rfc:`6855#section-3`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymta.imap.view import SelectedView
from pymta.mailbox import UID, Wanted
from pymta.message.structure_codec import from_bytes
from pymta.wire.imap.command.fetch import Attribute, FetchItem, Preview
from pymta.wire.imap.response.bodystructure import (
    same_with_utf8,
    write_body,
    write_body_structure,
)
from pymta.wire.imap.response.envelope import write_envelope
from pymta.wire.imap.response.fetch import dates, email_ids, flags_value, preview_value

__all__ = ["MODSEQ", "Item", "flags_item", "item_of", "uid_item"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """
    One item.

    :param form: its name, and ``%b`` or ``%d`` for its value.
    :param wanted: the columns of the store that it needs.
    :param write: values from the UIDs and from these columns; None for an item that has none.
    :param slow: a value may take 100 us.
    """

    form: bytes
    wanted: tuple[Wanted, ...] = ()
    write: Callable[..., Iterable[Any]] | None = None
    slow: bool = False


def uid_item() -> Item:
    """The UID."""
    return Item(form=b"UID %d", write=lambda uids: uids)


def flags_item(view: SelectedView) -> Item:
    """The flags; ``\\Recent`` is known to the view alone."""

    def write(uids: Sequence[UID], flags: Sequence[frozenset[str]]) -> Iterable[bytes]:
        # UIDs ascend, and the recent ones are the last.
        old = bisect_left(uids, True, key=view.is_recent)
        if old == len(uids):
            return map(flags_value, flags)
        return [flags_value(each, n >= old) for n, each in enumerate(flags)]

    return Item(form=b"FLAGS %b", wanted=(Wanted.FLAGS,), write=write)


def item_of(item: FetchItem, *, utf8: bool) -> Item | None:
    """How it is read and written; None for octets, and for what the client's view has a say in."""
    if isinstance(item, Preview):
        return Item(
            form=b"PREVIEW %b",
            wanted=(Wanted.PREVIEW,),
            write=lambda _, texts: [preview_value(text, utf8=utf8) for text in texts],
        )
    if not isinstance(item, Attribute):
        return None
    return (_UTF8 if utf8 else _PLAIN).get(item)


def _same(_: Sequence[UID], column: Sequence[Any]) -> Sequence[Any]:
    return column


def _envelopes(_: Sequence[UID], written: Sequence[bytes], values: Sequence[bytes]) -> list[bytes]:
    return [
        plain
        if same_with_utf8(plain)
        else write_envelope(from_bytes(octets).root.envelope, utf8=True)
        for plain, octets in zip(written, values, strict=True)
    ]


def _structures(_: Sequence[UID], written: Sequence[bytes], values: Sequence[bytes]) -> list[bytes]:
    return [
        plain if same_with_utf8(plain) else write_body_structure(from_bytes(octets), utf8=True)
        for plain, octets in zip(written, values, strict=True)
    ]


def _bodies(*, utf8: bool) -> Callable[..., Iterable[bytes]]:
    # Few clients want it, and nobody many of it: it is not kept.
    return lambda _, column: [write_body(from_bytes(octets), utf8=utf8) for octets in column]


MODSEQ: Final = Item(form=b"MODSEQ (%d)", wanted=(Wanted.MODSEQ,), write=_same)

_ALIKE: Final[Mapping[Attribute, Item]] = {
    Attribute.INTERNALDATE: Item(
        form=b"INTERNALDATE %b",
        wanted=(Wanted.INTERNAL_DATE,),
        write=lambda _, column: dates(column),
    ),
    Attribute.RFC822_SIZE: Item(form=b"RFC822.SIZE %d", wanted=(Wanted.SIZE,), write=_same),
    Attribute.MODSEQ: MODSEQ,
    Attribute.SAVEDATE: Item(
        form=b"SAVEDATE %b", wanted=(Wanted.SAVE_DATE,), write=lambda _, column: dates(column)
    ),
    Attribute.EMAILID: Item(
        form=b"EMAILID (%b)", wanted=(Wanted.EMAIL_ID,), write=lambda _, column: email_ids(column)
    ),
    # RFC 8474 section 5.2: NIL for a server that has no such thing
    Attribute.THREADID: Item(form=b"THREADID NIL"),
}
_PLAIN: Final[Mapping[Attribute, Item]] = {
    **_ALIKE,
    Attribute.ENVELOPE: Item(form=b"ENVELOPE %b", wanted=(Wanted.IMAP_ENVELOPE,), write=_same),
    Attribute.BODYSTRUCTURE: Item(
        form=b"BODYSTRUCTURE %b", wanted=(Wanted.IMAP_STRUCTURE,), write=_same
    ),
    Attribute.BODY: Item(
        form=b"BODY %b", wanted=(Wanted.STRUCTURE,), write=_bodies(utf8=False), slow=True
    ),
}
_UTF8: Final[Mapping[Attribute, Item]] = {
    **_ALIKE,
    Attribute.ENVELOPE: Item(
        form=b"ENVELOPE %b",
        wanted=(Wanted.IMAP_ENVELOPE, Wanted.ENVELOPE),
        write=_envelopes,
        slow=True,
    ),
    Attribute.BODYSTRUCTURE: Item(
        form=b"BODYSTRUCTURE %b",
        wanted=(Wanted.IMAP_STRUCTURE, Wanted.STRUCTURE),
        write=_structures,
        slow=True,
    ),
    Attribute.BODY: Item(
        form=b"BODY %b", wanted=(Wanted.STRUCTURE,), write=_bodies(utf8=True), slow=True
    ),
}
