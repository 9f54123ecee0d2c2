"""
Lists and aliases with many targets: one recipient becomes the recipients of child mails.

Members are read a page at a time, and each page is a mail of its own, whose id is derived from
(parent, recipient, first member), so that a repeat after a crash adds nothing twice.  The parent
is settled last, together with the last page: a small list is one commit.

A list has a reverse path of its own, and reaching it is final delivery
(:rfc:`3461#section-5.2.7.1`); an alias keeps the sender's, and reports "expanded" (section
5.2.7.3 (c)).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from twisted.internet.interfaces import IReactorTime

from pymta.address import Address
from pymta.aio import breathe
from pymta.envelope import Envelope, Notify, Recipient, RecipientID, Sender
from pymta.interfaces.content import IContent, Lane, NewMail, Origin, prefixed
from pymta.interfaces.delivery import Result
from pymta.interfaces.queue import IQueueStore
from pymta.interfaces.routing import Expand, IRouter
from pymta.message.trace import delivered_to
from pymta.outcome import Delivered, Expanded, Failed, Outcome, Scope
from pymta.queue.ids import derived_id
from pymta.queue.lanes import lane_now
from pymta.queue.loops import goes_round
from pymta.queue.schedule import Work
from pymta.reply import Reply

__all__ = ["EXPANSION", "PAGE", "Expander"]

PAGE = 1000
"""Members a page: as many recipients as a message may have."""

EXPANSION = Lane("(expand)")
"""Where expansions wait for their turn, so that long lists do not keep the short ones waiting."""

# Routing 50 members takes a millisecond or two; then others have their turn.
_BREATH = 50

LOOP = Reply(554, "5.4.6", "Mail loop: this message was here before")
EMPTY = Reply(550, "5.2.4", "This list has no members")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parent:
    work: Work
    route: Expand
    recipient: Recipient
    content: IContent
    arrived: datetime

    @property
    def sender(self) -> Sender:
        return self.work.claim.sender if self.route.sender is None else self.route.sender


class Expander:
    """Expands."""

    def __init__(
        self,
        store: IQueueStore,
        router: IRouter,
        *,
        clock: IReactorTime,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._router = router
        self._clock = clock
        self._now = now

    async def expand(self, work: Work) -> Sequence[Result]:
        """
        Carry out a work that has a route: one recipient, one result.

        All pages but the last are durable when it ends; the last is in the result.
        :raises Exception: members could not be read, or not be kept; to be repeated as a whole.
        """
        assert work.route is not None
        [recipient] = work.recipients
        if await goes_round(work.claim.content, recipient.address):
            return [Result(recipient.id, Failed(reply=LOOP, scope=Scope.RECIPIENT))]
        parent = _Parent(
            work=work,
            route=work.route,
            recipient=recipient,
            content=prefixed(delivered_to(recipient.address), work.claim.content),
            arrived=work.claim.arrived if work.route.sender is None else self._now(),
        )
        members, last = await self._pages(parent)
        if last is None:
            # Not a success: the message would be nowhere, and nobody would know.
            return [Result(recipient.id, Failed(reply=EMPTY, scope=Scope.RECIPIENT))]
        return [Result(recipient.id, _outcome(work.route, members), (last,))]

    async def _pages(self, parent: _Parent) -> tuple[int, NewMail | None]:
        members = 0
        last: NewMail | None = None
        after: Address | None = None
        while page := await parent.route.members.read(after, PAGE):
            if page[-1] == after or len(page) > PAGE:
                raise RuntimeError("members are read in pages that get nowhere")
            if last is not None:
                await self._store.add([last])
            last = await self._child(parent, page)
            members += len(page)
            after = page[-1]
        return members, last

    async def _child(self, parent: _Parent, page: Sequence[Address]) -> NewMail:
        claim = parent.work.claim
        recipients = tuple(_member(parent, RecipientID(at), page[at]) for at in range(len(page)))
        origin = Origin(claim.origin.session, parent.sender)
        return NewMail(
            id=derived_id(claim.queue_id, parent.recipient.id, str(page[0])),
            envelope=Envelope(sender=parent.sender, recipients=recipients),
            content=parent.content,
            origin=origin,
            arrived=parent.arrived,
            lanes=await self._lanes(recipients, origin),
            bounceable=claim.bounceable or parent.route.sender is not None,
            priority=claim.priority,
        )

    async def _lanes(
        self, recipients: Sequence[Recipient], origin: Origin
    ) -> dict[RecipientID, Lane]:
        lanes = {}
        for number, recipient in enumerate(recipients, 1):
            lane = await lane_now(self._router, recipient, origin)
            if lane is not None:
                lanes[recipient.id] = lane
            if number % _BREATH == 0:
                await breathe(self._clock)
        return lanes


def _member(parent: _Parent, id: RecipientID, address: Address) -> Recipient:  # noqa: A002  its name
    if parent.route.sender is not None:
        # RFC 3461 section 5.2.7.1 (b): nothing of the sender's parameters.
        return Recipient(id=id, address=address)
    # RFC 3461 section 5.2.7.3 (c): all of them but SUCCESS.
    notify = parent.recipient.notify
    return Recipient(
        id=id,
        address=address,
        notify=None if notify is None else notify & ~Notify.SUCCESS,
        orcpt=parent.recipient.orcpt,
    )


def _outcome(route: Expand, members: int) -> Outcome:
    if route.sender is not None:
        return Delivered(Reply(250, "2.0.0", f"to the list of {members}"))
    return Expanded(members)
