"""
Where a message ends: in the queue, or, for LMTP, in the mailbox before it is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from twisted.logger import Logger

from pymta.aio import CancelledError
from pymta.envelope import Notify, Recipient, RecipientID
from pymta.events import Attempted, Delays
from pymta.interfaces.content import NewMail
from pymta.interfaces.delivery import Attempt, IDeliveryAgent
from pymta.interfaces.observe import IObserver
from pymta.interfaces.queue import Claim, Claimed, IQueue
from pymta.interfaces.routing import Via
from pymta.outcome import Delivered, Dropped, Expanded, Failed, Outcome, Relayed, Scope
from pymta.queue.outcomes import Notice, Reports, Unreported
from pymta.reply import Reply

__all__ = ["AtOnce", "Queueing"]

_log = Logger(namespace="pymta.inbound")

DELIVERED = Reply(250, "2.1.5", "Delivered")
LATER = Reply(451, "4.3.0", "Cannot deliver now, try again later")
NO_RESULT = Failed(reply=LATER, scope=Scope.RECIPIENT)
NOT_HERE = Reply(550, "5.7.1", "Only mailboxes of this system")


class Queueing:
    """Into the queue: one durable commit for all mails."""

    def __init__(self, queue: IQueue) -> None:
        self._queue = queue

    def accepts(self, route: Via) -> Reply | None:
        return None

    async def take(self, mails: Sequence[NewMail]) -> dict[RecipientID, Reply]:
        await self._queue.submit(mails)
        return {}


class AtOnce:
    """
    Into the mailboxes, recipient by recipient (:rfc:`2033#section-4.2`): one over quota is
    answered no, the next one yes.

    Recipients without a lane (lists, aliases of several) and mails that a modifier added go
    through the queue, first: if that fails, nobody has got anything yet.

    :param agents: by name; a recipient routed to any other agent is refused at RCPT.
    :param observer: told of every recipient's attempt, as the queue's runner tells.
    :param reports: writes reports of what was delivered; whoever asked for them gets none without.
    """

    def __init__(
        self,
        queue: IQueue,
        agents: Mapping[str, IDeliveryAgent],
        *,
        now: Callable[[], datetime],
        observer: IObserver | None = None,
        reports: Reports | None = None,
    ) -> None:
        self._queue = queue
        self._agents = dict(agents)
        self._now = now
        self._observer = observer
        self._reports = reports

    def accepts(self, route: Via) -> Reply | None:
        return None if route.lane.agent in self._agents else NOT_HERE

    async def take(self, mails: Sequence[NewMail]) -> dict[RecipientID, Reply]:
        own = mails[0]
        direct = () if own.held else tuple(r for r in own.envelope.recipients if r.id in own.lanes)
        await self._queue_rest(own, direct, mails[1:])
        return {recipient.id: await self._deliver(own, recipient) for recipient in direct}

    async def _queue_rest(
        self, own: NewMail, direct: Sequence[Recipient], others: Sequence[NewMail]
    ) -> None:
        at_once = {recipient.id for recipient in direct}
        rest = tuple(r for r in own.envelope.recipients if r.id not in at_once)
        queued = list(others)
        if rest:
            queued.append(replace(own, envelope=replace(own.envelope, recipients=rest)))
        if queued:
            await self._queue.submit(queued)

    async def _deliver(self, mail: NewMail, recipient: Recipient) -> Reply:
        """One recipient's answer.  A surprise is his alone: others may have their copy already."""
        started = self._now()
        try:
            outcome = await self._attempt(mail, recipient)
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001  the fence of queue attempts, for one made at once
            _log.failure("{id}: delivery to {to} failed", id=mail.id, to=str(recipient))
            outcome = NO_RESULT
        self._tell(mail, recipient, outcome, started=started)
        if self._reports is not None and _asked_for(mail, recipient, outcome):
            await self._report(self._reports, mail, recipient, outcome)
        return _answer(outcome)

    async def _report(
        self, reports: Reports, mail: NewMail, recipient: Recipient, outcome: Outcome
    ) -> None:
        """Tell the sender; the message is delivered, whatever becomes of that."""
        claimed = Claimed(recipient=recipient)
        claim = Claim(
            queue_id=mail.id,
            lane=mail.lanes[recipient.id],
            fence=0,
            owner="",
            until=mail.arrived,
            recipients=(claimed,),
            sender=mail.envelope.sender,
            content=mail.content,
            origin=mail.origin,
            arrived=mail.arrived,
        )
        try:
            notice = Notice(claimed=claimed, outcome=outcome)
            await self._queue.submit(await reports(claim, [notice]))
        except CancelledError:
            raise
        except Unreported as error:
            _log.info("{id}: not reported: {why}", id=mail.id, why=str(error))
        except Exception:  # noqa: BLE001  the fence of queue attempts, of which this is the last step
            _log.failure("{id}: reporting on {to} failed", id=mail.id, to=str(recipient))

    async def _attempt(self, mail: NewMail, recipient: Recipient) -> Outcome:
        lane = mail.lanes[recipient.id]
        attempt = Attempt(
            queue_id=mail.id,
            number=1,
            sender=mail.envelope.sender,
            recipients=(recipient,),
            next_hop=lane.next_hop,
            content=mail.content,
            origin=mail.origin,
            arrived=mail.arrived,
        )
        for result in await self._agents[lane.agent].deliver(attempt):
            if result.id == recipient.id:
                if result.then:
                    await self._queue.submit(result.then)
                return result.outcome
        return NO_RESULT

    def _tell(
        self, mail: NewMail, recipient: Recipient, outcome: Outcome, *, started: datetime
    ) -> None:
        if self._observer is None:
            return
        lane, nothing = mail.lanes[recipient.id], timedelta(0)
        self._observer.observe(
            Attempted(
                queue_id=mail.id,
                number=1,
                sender=mail.envelope.sender,
                recipient=recipient,
                agent=lane.agent,
                next_hop=lane.next_hop,
                outcome=outcome,
                final=True,
                delays=Delays(
                    before_queue=max(started - mail.arrived, nothing),
                    in_queue=nothing,
                    connection=nothing,
                    transmission=max(self._now() - started, nothing),
                ),
            )
        )


def _asked_for(mail: NewMail, recipient: Recipient, outcome: Outcome) -> bool:
    # RFC 3461 section 5.2.3 (a); a failure is the answer, and whoever gets that reports it.
    reported = isinstance(outcome, Relayed | Delivered) and outcome.dsn
    told = reported or isinstance(outcome, Failed | Dropped)
    wanted = recipient.notify is not None and Notify.SUCCESS in recipient.notify
    return wanted and not told and mail.bounceable and mail.envelope.sender.reverse_path is not None


def _answer(outcome: Outcome) -> Reply:
    match outcome:
        case Failed(reply=reply):
            return reply
        case Relayed(reply=reply) | Dropped(reply=reply):
            return reply
        case Delivered(reply):
            return reply or DELIVERED
        case Expanded():
            return DELIVERED
        case _:
            assert_never(outcome)
