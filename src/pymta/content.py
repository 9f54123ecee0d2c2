"""
What can be done with content and envelopes in the hand: read a header, apply the changes that
policies name.  A change of content is a splice: no octet that it does not name is touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pymta.envelope import Envelope
from pymta.interfaces.content import SLICE, Cut, IContent, Joined, Octets
from pymta.message.header import Header, HeaderReader, HeaderValue, build_field
from pymta.message.splice import Cut as HeaderCut
from pymta.message.splice import Delete, Edit, Insert, Replace, plan_cuts
from pymta.verdict import (
    AddRecipient,
    Change,
    ChangeField,
    ChangeSender,
    InsertField,
    RemoveRecipient,
    ReplaceBody,
)

__all__ = ["changed_content", "changed_envelope", "header_of"]


def changed_envelope(envelope: Envelope, changes: Sequence[Change]) -> Envelope | None:
    """
    The envelope after the changes; None if nobody is left.

    :raises ValueError: for an added recipient whose id is taken.
    """
    recipients = list(envelope.recipients)
    sender = envelope.sender
    for change in changes:
        match change:
            case ChangeSender(sender):
                pass
            case AddRecipient(recipient):
                recipients.append(recipient)
            case RemoveRecipient(identity):
                recipients = [r for r in recipients if r.id != identity]
    if not recipients:
        return None
    return Envelope(sender=sender, recipients=tuple(recipients))


async def changed_content(content: IContent, changes: Sequence[Change]) -> IContent:
    """
    The content after the changes; the same object if there are none.

    Each change counts fields as the one before it has left them.

    :raises pymta.errors.HeaderError: for a name or value that no header can hold.
    """
    for change in changes:
        match change:
            case InsertField(index, name, value):
                content = await _edited(content, Insert(index, _field(name, value)))
            case ChangeField(name, nth, None):
                content = await _edited(content, Delete(name.encode("ascii"), nth))
            case ChangeField(name, nth, bytes(value)):
                edit = Replace(name.encode("ascii"), nth, _field(name, value))
                content = await _edited(content, edit)
            case ReplaceBody(body):
                header = await header_of(content)
                content = Joined(Cut(content, 0, header.size), body)
    return content


def _field(name: str, value: bytes) -> bytes:
    return build_field(name, [HeaderValue(value)])


async def _edited(content: IContent, edit: Edit) -> IContent:
    cuts = plan_cuts(await header_of(content), [edit])
    return Joined(*_parts(content, cuts)) if cuts else content


def _parts(content: IContent, cuts: Sequence[HeaderCut]) -> Iterator[IContent]:
    position = 0
    for cut in cuts:
        if cut.start > position:
            yield Cut(content, position, cut.start)
        if cut.octets:
            yield Octets(cut.octets)
        position = cut.stop
    if position < content.size:
        yield Cut(content, position, content.size)


async def header_of(content: IContent) -> Header:
    """
    The header of a message, read as far as it goes.

    :raises pymta.errors.HeaderError: it is longer than a header may be.
    """
    reader = HeaderReader()
    for start in range(0, content.size, SLICE):
        reader.feed(await content.read(start, start + SLICE))
        if reader.header is not None:
            return reader.header
    return reader.finish()
