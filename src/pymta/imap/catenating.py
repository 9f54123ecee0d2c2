"""
What the URLs of CATENATE name (:rfc:`4469`): octets of messages that are here already.
"""

from __future__ import annotations

from pymta.imap.octets import Letter
from pymta.imap.session import IMAPSession
from pymta.interfaces.content import Cut, IContent, Octets, octets_of
from pymta.interfaces.mailbox import IMailbox
from pymta.mailbox import UID, UIDSet, Wanted
from pymta.message.header import MAX_OCTETS
from pymta.message.sections import fields_named, fields_not_named
from pymta.wire.imap.sections import Section, SectionText
from pymta.wire.imap.url import MessageURL

__all__ = ["content_at"]


async def content_at(session: IMAPSession, url: MessageURL) -> IContent:
    """
    The octets that it names.

    :raises ValueError: it is of another server, or names what is not there.
    :raises pymta.errors.MailboxError: it is of a mailbox that is not there, or not to be read.
    """
    if url.server is not None:
        raise ValueError("of another server")
    if url.mailbox is None:
        if session.selected is None:
            raise ValueError("no mailbox is selected")
        return await _content(session, session.selected.mailbox, url)
    mailbox = await session.asked(session.store.open(url.mailbox, read_only=True))
    try:
        return await _content(session, mailbox, url)
    finally:
        mailbox.close()


async def _content(session: IMAPSession, mailbox: IMailbox, url: MessageURL) -> IContent:
    if url.uid_validity not in (None, (await session.asked(mailbox.info())).uid_validity):
        raise ValueError("another UIDVALIDITY")
    uid = UID(url.uid)
    rows = await session.asked(mailbox.records(UIDSet([uid]), [Wanted.STRUCTURE]))
    if not rows:
        raise ValueError("no such message")
    content = await session.asked(mailbox.content(uid))
    found = await _section(content, url.section, rows[0][1])
    if url.partial is None:
        return found
    start = min(url.partial.start, found.size)
    return Cut(found, start, min(start + url.partial.length, found.size))


async def _section(content: IContent, section: Section, structure: bytes) -> IContent:
    span = Letter(structure, None, lambda: _there(content)).span(section)
    if span is None:
        raise ValueError("no such section")
    found = Cut(content, span.start, min(span.stop, content.size))
    if not section.fields:
        return found
    header = await octets_of(Cut(found, 0, min(found.size, MAX_OCTETS)))
    named = section.text is SectionText.HEADER_FIELDS
    names = tuple(name.encode("ascii") for name in section.fields)
    return Octets((fields_named if named else fields_not_named)(header, names))


async def _there(content: IContent) -> IContent:
    return content
