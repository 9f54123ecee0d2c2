"""
One message on its way in, from MAIL to the moment when it is ours.

Policy, then route, at each RCPT; content streams to the queue's own writer while its header is
read in passing; at the end policies see it whole, modifiers make of it what it becomes, and
the ending takes it: one durable commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from zope.interface import implementer

from pymta.address import Address
from pymta.edge.talk import tell
from pymta.envelope import Envelope, Recipient, RecipientID
from pymta.errors import (
    HeaderError,
    PymtaError,
    QueueError,
    Refused,
    SpoolError,
    TooManyWaiting,
)
from pymta.events import Discarded, Queued
from pymta.inbound.flow import Flow
from pymta.interfaces.content import (
    IContent,
    IContentWriter,
    Lane,
    NewMail,
    Origin,
    QueueID,
    prefixed,
)
from pymta.interfaces.receive import IPerRecipientTransaction, Receipt
from pymta.interfaces.routing import Drop, Expand, Refusal, Via
from pymta.message.header import HeaderReader
from pymta.message.trace import count_received, received
from pymta.policy.chain import ChainTransaction, Judgement
from pymta.reply import Reply
from pymta.session import Role
from pymta.verdict import Refuse, Verdict

__all__ = ["InboundTransaction"]

RELAY_DENIED = Reply(550, "5.7.1", "Relaying denied")
LOOP = Reply(554, "5.4.6", "Too many Received fields: the message is in a loop")
NO_QUEUE = Reply(452, "4.3.1", "Cannot keep the message now, try again later")
OK = Reply(250, "2.0.0", "Ok")


class RecipientsLost(PymtaError):
    """A modifier lost or doubled a recipient: nothing is taken, and it is the modifier's fault."""


@implementer(IPerRecipientTransaction)
class InboundTransaction:
    """See :class:`~pymta.interfaces.receive.ITransaction`."""

    def __init__(self, flow: Flow, origin: Origin, policies: ChainTransaction) -> None:
        self._flow = flow
        self._origin = origin
        self._policies = policies
        self._began = flow.now()
        self._recipients: list[Recipient] = []
        self._lanes: dict[RecipientID, Lane] = {}
        self._writer: IContentWriter | None = None
        self._header = HeaderReader(
            max_octets=flow.limits.header_octets, max_fields=flow.limits.header_fields
        )

    # -- RCPT -----------------------------------------------------------------------

    async def add_recipient(self, recipient: Recipient) -> Reply | None:
        if not recipient.address.domain:
            # RFC 5321 section 4.1.1.3: the bare postmaster is this system's; so is whom LMTP
            # names without a domain.
            address = Address(recipient.address.local, self._flow.domain)
            recipient = replace(recipient, address=address)
        _obey(await self._policies.recipient(recipient))
        await self._route(recipient)
        self._recipients.append(recipient)
        return None

    async def _route(self, recipient: Recipient) -> None:
        route = await self._flow.router.route(recipient, self._origin)
        match route:
            case Refusal(reply, reason):
                raise Refused(reply, reason)
            case Via():
                if not route.local and not await self._flow.relay(recipient, self._origin):
                    raise Refused(RELAY_DENIED, "this client may not send to elsewhere")
                refusal = self._flow.ending.accepts(route)
                if refusal is not None:
                    raise Refused(refusal)
                self._lanes[recipient.id] = route.lane
            case Expand() | Drop():
                pass  # acted upon when the recipient is due

    # -- content ----------------------------------------------------------------------

    async def begin_content(self) -> None:
        _obey(await self._policies.data())
        self._writer = self._flow.queue.create()

    async def write(self, data: bytes) -> None:
        assert self._writer is not None
        if self._header.octets is None:
            self._read_header(partial(self._header.feed, data))
        await self._writer.write(data)

    def _check_whole_header(self) -> None:
        if self._header.octets is None:
            self._read_header(self._header.finish)

    def _read_header(self, read: Callable[[], object]) -> None:
        try:
            read()
        except HeaderError as error:
            raise Refused(Reply(552, "5.3.4", str(error).capitalize())) from None
        header = self._header.octets
        if header is not None and count_received(header) > self._flow.limits.received:
            raise Refused(LOOP)

    # -- the end -----------------------------------------------------------------------

    async def commit(self) -> Receipt:
        judged, mails, _ = await self._take()
        if judged.refused and judged.envelope is None and judged.discarded is None:
            raise Refused(next(iter(judged.refused.values())))
        return Receipt(tuple(mail.id for mail in mails[:1]))

    async def commit_each(self) -> Sequence[Reply]:
        judged, mails, replies = await self._take()
        said = judged.refused | replies
        usual = Reply(250, "2.0.0", f"queued as {mails[0].id}") if mails else OK
        return [said.get(recipient.id, usual) for recipient in self._recipients]

    async def _take(self) -> tuple[Judgement, list[NewMail], dict[RecipientID, Reply]]:
        """
        Judge, modify, and let the ending take it.

        What is refused is discarded; in doubt, which is any other exception of the ending,
        nothing is.
        """
        assert self._writer is not None
        in_doubt = False
        try:
            self._check_whole_header()
            judged = await self._judge(await self._writer.finish())
            mails = await self._mails(judged)
            in_doubt = bool(mails)
            replies = await self._flow.ending.take(mails) if mails else {}
            in_doubt = False
        except QueueError as error:
            in_doubt = False
            raise Refused(NO_QUEUE, str(error)) from error
        except (Refused, SpoolError, TooManyWaiting):  # nothing of it was kept
            in_doubt = False
            raise
        finally:
            if not in_doubt:
                self._writer.discard()
            self._policies.closed()
        self._tell(mails)
        return judged, mails, replies

    def _tell(self, mails: Sequence[NewMail]) -> None:
        for mail in mails:
            happened = Queued(
                queue_id=mail.id,
                session=mail.origin.session,
                sender=mail.envelope.sender,
                recipients=mail.envelope.recipients,
                size=mail.content.size,
                took=self._flow.now() - self._began,
            )
            tell(self._flow.observer, happened)

    async def _judge(self, content: IContent) -> Judgement:
        envelope = Envelope(sender=self._origin.sender, recipients=tuple(self._recipients))
        judged = await self._policies.message(envelope, content)
        if judged.refusal is not None:
            raise Refused(judged.refusal)
        return judged

    async def _mails(self, judged: Judgement) -> list[NewMail]:
        for reason in self._dropped(judged):
            self._discard(reason)
        if judged.discarded is not None or judged.envelope is None:
            return []
        mails = [await self._mail(judged, judged.envelope, judged.held)]
        if judged.out and self._origin.session.role is not Role.LMTP:
            # One answer for all, and it is yes: the refused ones are held, never bounced (S22).
            envelope = replace(judged.envelope, recipients=judged.out)
            reply = next(iter(judged.refused.values()))
            mails.append(await self._mail(judged, envelope, f"refused by policy: {reply}"))
        return await self._modified(mails)

    def _dropped(self, judged: Judgement) -> Sequence[str]:
        """Why there is something that is answered yes and kept nowhere."""
        if judged.discarded is not None:
            return [judged.discarded]
        if judged.envelope is None and not judged.refused and not judged.dropped:
            return ["no recipient is left"]
        return judged.dropped

    async def _mail(self, judged: Judgement, envelope: Envelope, held: str | None) -> NewMail:
        queue_id = self._flow.ids()
        now = self._flow.now()
        return NewMail(
            id=queue_id,
            envelope=envelope,
            content=prefixed(self._trace(queue_id, envelope, now), judged.content),
            origin=self._origin,
            arrived=now,
            lanes=await self._lanes_of(envelope),
            held=held,
            bounceable=held is None,
        )

    def _trace(self, queue_id: QueueID, envelope: Envelope, now: datetime) -> bytes:
        return received(
            self._origin.session,
            by=self._flow.hostname,
            id=queue_id,
            recipients=envelope.recipients,
            when=now,
            smtputf8=self._origin.sender.smtputf8,
        )

    async def _lanes_of(self, envelope: Envelope) -> dict[RecipientID, Lane]:
        known = set(self._recipients)  # not their ids: a removed one's may be taken again
        for recipient in envelope.recipients:
            if recipient not in known:  # added by a policy: routed before the 250
                self._lanes.pop(recipient.id, None)
                await self._route(recipient)
        return {r.id: self._lanes[r.id] for r in envelope.recipients if r.id in self._lanes}

    async def _modified(self, mails: Sequence[NewMail]) -> list[NewMail]:
        for modifier in self._flow.modifiers:
            made: list[NewMail] = []
            for mail in mails:
                changed = await modifier.modify(mail)
                _check_recipients(mail, changed)
                made += sorted(changed, key=lambda other: other.id != mail.id)
            mails = made
        if len({mail.id for mail in mails}) != len(mails):
            raise RecipientsLost(f"two mails have one id: {[mail.id for mail in mails]}")
        return list(mails)

    def _discard(self, reason: str) -> None:
        happened = Discarded(
            queue_id=self._flow.ids(),
            session=self._origin.session,
            sender=self._origin.sender,
            reason=reason,
        )
        tell(self._flow.observer, happened)

    def abort(self) -> None:
        if self._writer is not None:
            self._writer.discard()
        self._policies.closed()


def _obey(verdict: Verdict) -> None:
    if isinstance(verdict, Refuse):
        raise Refused(verdict.reply)


def _check_recipients(mail: NewMail, made: Sequence[NewMail]) -> None:
    before = sorted(recipient.id for recipient in mail.envelope.recipients)
    after = [sorted(r.id for r in m.envelope.recipients) for m in made if m.id == mail.id]
    if after != [before]:
        raise RecipientsLost(f"{mail.id}: {before} became {after}")
