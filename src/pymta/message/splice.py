"""
Changes to a header, computed as cuts: which octets go and which come in their place.  Every
octet that no cut names passes through untouched, so that signatures over it stay good.

Pure arithmetic over a parsed header; whoever holds the content applies the cuts to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pymta.message.header import Field, Header

__all__ = ["Cut", "Delete", "Edit", "Insert", "Replace", "apply_cuts", "plan_cuts"]


@dataclass(frozen=True, slots=True)
class Insert:
    """
    Put a field before the one that is ``index`` (from 0) in the header as it was.

    :param index: one that is too large means the end of the header.
    :param field: whole, as :func:`~pymta.message.header.build_field` writes it.
    """

    index: int
    field: bytes


@dataclass(frozen=True, slots=True)
class Replace:
    """Put another in the place of the ``nth`` (from 1) field ``name``; at the end if none is."""

    name: bytes
    nth: int
    field: bytes


@dataclass(frozen=True, slots=True)
class Delete:
    """Take the ``nth`` (from 1) field ``name`` out; nothing if there is none."""

    name: bytes
    nth: int


Edit: TypeAlias = Insert | Replace | Delete


@dataclass(frozen=True, slots=True)
class Cut:
    """The octets from ``start`` to ``stop`` go, ``octets`` come in their place."""

    start: int
    stop: int
    octets: bytes


def plan_cuts(header: Header, edits: Iterable[Edit]) -> tuple[Cut, ...]:
    """
    The cuts, in ascending order and disjoint, that make the edits.

    All edits count fields in the header as it is given, not as earlier edits leave it.  Fields
    inserted at one place come in the order of their edits; of two edits to one field, the
    later wins.
    """
    inserted: dict[int, list[bytes]] = {}
    changed: dict[int, bytes] = {}
    places = _places(header.fields)
    for edit in edits:
        match edit:
            case Insert(index, field):
                place = min(max(index, 0), len(header.fields))
                inserted.setdefault(place, []).append(field)
            case Replace(name, nth, field):
                at = _nth(places, name, nth)
                if at is None:
                    inserted.setdefault(len(header.fields), []).append(field)
                else:
                    changed[at] = field
            case Delete(name, nth):
                at = _nth(places, name, nth)
                if at is not None:
                    changed[at] = b""
    return tuple(_cuts(header, inserted, changed))


def _places(fields: Sequence[Field]) -> dict[bytes, list[int]]:
    places: dict[bytes, list[int]] = {}
    for index, field in enumerate(fields):
        places.setdefault(field.name.lower(), []).append(index)
    return places


def _nth(places: dict[bytes, list[int]], name: bytes, nth: int) -> int | None:
    found = places.get(name.lower(), ()) if name else ()
    return found[nth - 1] if 1 <= nth <= len(found) else None


def _cuts(
    header: Header, inserted: dict[int, list[bytes]], changed: dict[int, bytes]
) -> Iterable[Cut]:
    for index in sorted({*inserted, *changed}):
        octets = b"".join(inserted.get(index, ()))
        if index == len(header.fields):
            stop = header.fields_stop
            # The content may end within its last field.
            if stop and not header.octets.endswith(b"\n", 0, stop):
                octets = b"\r\n" + octets
            yield Cut(stop, stop, octets)
            continue
        field = header.fields[index]
        stop = field.stop if index in changed else field.offset
        yield Cut(field.offset, stop, octets + changed.get(index, b""))


def apply_cuts(octets: bytes, cuts: Iterable[Cut]) -> bytes:
    """Make the cuts in octets that are at hand: a header, or content that is small."""
    kept = []
    position = 0
    for cut in cuts:
        kept += [octets[position : cut.start], cut.octets]
        position = cut.stop
    return b"".join([*kept, octets[position:]])
