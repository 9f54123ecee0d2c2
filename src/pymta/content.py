"""
What can be done with content and envelopes in the hand: read a header, apply the changes that
policies name.  A change of content is a splice: no octet that it does not name is touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pymta.address import Address
from pymta.envelope import Body, Envelope, Recipient, RecipientID, Sender
from pymta.interfaces.content import (
    SLICE,
    Cut,
    IContent,
    Joined,
    NewMail,
    Octets,
    Origin,
    QueueID,
)
from pymta.message.header import Header, HeaderReader, HeaderValue, build_field
from pymta.message.splice import Cut as HeaderCut
from pymta.message.splice import Delete, Edit, Insert, Replace, plan_cuts
from pymta.session import Endpoint, Role, Session
from pymta.verdict import (
    AddRecipient,
    Change,
    ChangeField,
    ChangeSender,
    InsertField,
    RemoveRecipient,
    ReplaceBody,
)

__all__ = ["changed_content", "changed_envelope", "header_of", "own_mail"]


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


def own_mail(
    octets: bytes,
    *,
    sender: Address | None,
    recipients: Sequence[Address],
    id: QueueID,  # noqa: A002  as NewMail calls it
    arrived: datetime,
) -> NewMail:
    """
    A message that this program makes itself, ready for the queue; routed when it is due.

    :param octets: header and body, with CRLF; nothing is added.
    :param sender: who is told of failures; None for nobody.
    :param arrived: aware.
    :raises ValueError: there are no recipients, or a NUL is in the octets.
    """
    if b"\0" in octets:
        raise ValueError("a NUL in the message")
    # RFC 6531 section 3.6: only a server that knows SMTPUTF8 may be given these.
    header, _, _ = octets.partition(b"\r\n\r\n")
    addresses = [*recipients] if sender is None else [sender, *recipients]
    mail_from = Sender(
        reverse_path=sender,
        body=Body.SEVEN_BIT if octets.isascii() else Body.EIGHT_BIT,
        smtputf8=not (header.isascii() and all(address.is_ascii for address in addresses)),
    )
    to = tuple(
        Recipient(id=RecipientID(number), address=address)
        for number, address in enumerate(recipients, 1)
    )
    here = Endpoint("")
    session = Session(id=id, role=Role.LOCAL, peer=here, local=here, started=arrived)
    return NewMail(
        id=id,
        envelope=Envelope(sender=mail_from, recipients=to),
        content=Octets(octets),
        origin=Origin(session, mail_from),
        arrived=arrived,
        lanes={},
    )
