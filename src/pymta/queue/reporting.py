"""
Reports to senders: what became of their mail, as delivery status notifications.

One mail tells of all failures of a claim, one of its delays, one of its successes (:rfc:`3461`
section 5.2.8).  Its id is derived from what it tells, and it is committed with the outcome
(:mod:`.concluding`), so that no crash loses or doubles it.  It has the null reverse path: no
report is ever written about a report (:rfc:`5321#section-4.5.5`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from twisted.internet.interfaces import IReactorTime

from pymta.address import Address, ascii_domain
from pymta.aio import breathe
from pymta.envelope import Body, Envelope, Recipient, RecipientID, Return, Sender
from pymta.interfaces.content import SLICE, IContent, Joined, NewMail, Octets, Origin, QueueID
from pymta.interfaces.queue import Claim
from pymta.interfaces.routing import IRouter
from pymta.interfaces.shared import ISharedState
from pymta.message.dsn import DSN, Action, Letter, RecipientStatus, Typed, cleaned
from pymta.message.dsn_enclosing import (
    ContentScan,
    cut_header,
    enclosed_header,
    original_of,
    whole_media,
)
from pymta.message.dsn_writing import Enclosure, closing, needs_8bit, opening
from pymta.message.trace import address_literal, received
from pymta.outcome import Delivered, Dropped, Expanded, Failed, Outcome, Relayed
from pymta.queue.ids import derived_id
from pymta.queue.lanes import lane_now
from pymta.queue.outcomes import Notice, Unreported
from pymta.reply import Reply
from pymta.session import Endpoint, Role, Session

__all__ = ["ReportLimits", "Reporter"]

# A recipient takes 0.2 ms to be written, with a reply as long as it may be 1 to 2 ms; then others
# have their turn.
_BREATH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLimits:
    """
    How large reports are, and how many.

    :param header: octets that are returned of a header; at most 65,000.
    :param message: octets up to which a message is returned whole.
    :param mails: reports to one address within ``seconds``; what fails above that is held.  Who
        sends in somebody else's name makes us write to him: this is the most of it (S22).
    """

    header: int = 50 * 1024
    message: int = 256 * 1024
    mails: int = 100
    seconds: float = 3600.0

    def __post_init__(self) -> None:
        if not 0 <= self.header <= 65_000 or self.message < 0 or self.mails < 0:
            raise ValueError("limits of reports are not negative, that of headers at most 65000")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Returned:
    """What of the message is put into a report."""

    enclosure: Enclosure
    content: IContent


class Reporter:
    """
    Writes reports; a :data:`~pymta.queue.outcomes.Reports`.

    :param router: asked where reports go.
    :param hostname: what we are called; the reporting host.
    :param postmaster: who reports are from; by default the postmaster at ``hostname``.
    :param state: counts reports by address; None writes as many as there are.
    """

    def __init__(
        self,
        router: IRouter,
        *,
        hostname: str,
        clock: IReactorTime,
        now: Callable[[], datetime],
        state: ISharedState | None = None,
        postmaster: Address | None = None,
        limits: ReportLimits | None = None,
    ) -> None:
        self._router = router
        self._hostname = ascii_domain(hostname)
        author = postmaster or Address("postmaster", hostname)
        self._author = Address(author.local, author.ascii_domain)
        self._clock = clock
        self._now = now
        self._state = state
        self._limits = limits or ReportLimits()

    async def __call__(self, claim: Claim, notices: Sequence[Notice]) -> Sequence[NewMail]:
        """
        A mail for each kind of news.

        :raises Unreported: nothing may be told to this sender now.
        """
        groups = _grouped(notices)
        to = _addressee(claim)
        await self._count(to, len(groups))
        return [await self._mail(claim, group, to) for group in groups]

    async def _count(self, to: Address, mails: int) -> None:
        if self._state is None:
            return
        digest = sha256("\0".join(to.key).encode()).hexdigest()
        key = f"reports/{digest}"
        sent = await self._state.count(key, self._limits.seconds, mails)
        if sent > self._limits.mails:
            raise Unreported(f"there were {self._limits.mails} reports to {to} of late")

    async def _mail(self, claim: Claim, notices: Sequence[Notice], to: Address) -> NewMail:
        now = self._now()
        first = notices[0].claimed.recipient.id
        kind = _action(notices[0])
        queue_id = derived_id(claim.queue_id, first, f"report/{kind.value}")
        # Of a header of 50 KiB and of what is behind it one slice shows enough.
        header = cut_header(await claim.content.read(0, SLICE), self._limits.header)
        letter = Letter(
            dsn=await self._dsn(claim, notices, now),
            author=self._author,
            to=to,
            date=now,
            id=f"<{queue_id}@{self._hostname}>",
            boundary=_boundary(queue_id, header),
            queue_id=claim.queue_id,
            reasons=tuple(map(_reason, notices)),
            original=original_of(header),
            utf8=not to.is_ascii,
        )
        returned = await self._returned(claim, letter, header)
        return await self._new_mail(queue_id, letter, returned)

    async def _new_mail(self, queue_id: QueueID, letter: Letter, returned: _Returned) -> NewMail:
        recipient = Recipient(id=RecipientID(0), address=letter.to)
        session = Session(
            id=queue_id,
            role=Role.LOCAL,
            peer=Endpoint(""),
            local=Endpoint(""),
            started=letter.date,
        )
        is_8bit = needs_8bit(letter, returned.enclosure)
        sender = Sender(
            # RFC 3461 section 6.1.  NOTIFY=NEVER, which it allows, would hide a lost report.
            reverse_path=None,
            body=Body.EIGHT_BIT if is_8bit else Body.SEVEN_BIT,
            smtputf8=letter.utf8,
        )
        trace = received(
            session,
            by=self._hostname,
            id=queue_id,
            recipients=[recipient],
            when=letter.date,
            smtputf8=letter.utf8,
        )
        head = trace + await self._written(opening(letter, returned.enclosure))
        origin = Origin(session, sender)
        lane = await lane_now(self._router, recipient, origin)
        return NewMail(
            id=queue_id,
            envelope=Envelope(sender=sender, recipients=(recipient,)),
            content=Joined(Octets(head), returned.content, Octets(closing(letter))),
            origin=origin,
            arrived=letter.date,
            lanes={} if lane is None else {recipient.id: lane},
            bounceable=False,
        )

    async def _written(self, pieces: Iterator[bytes]) -> bytes:
        written = bytearray()
        for number, piece in enumerate(pieces, 1):
            written += piece
            if number % _BREATH == 0:
                await breathe(self._clock)
        return bytes(written)

    # -- what is told ---------------------------------------------------------------------

    async def _dsn(self, claim: Claim, notices: Sequence[Notice], now: datetime) -> DSN:
        recipients = []
        for number, notice in enumerate(notices, 1):
            recipients.append(_status(notice, now))
            if number % _BREATH == 0:
                await breathe(self._clock)
        # RFC 3461 section 6.3 (b): a name that is none in the DNS is not called one.
        kind = "dns" if "." in self._hostname else "x-local-hostname"
        envelope_id = cleaned(claim.sender.envid or "")
        return DSN(
            reporting_mta=Typed.of(kind, self._hostname),
            recipients=tuple(recipients),
            envelope_id=envelope_id or None,
            received_from=_received_from(claim.origin.session),
            arrival=claim.arrived,
        )

    async def _returned(self, claim: Claim, letter: Letter, header: bytes) -> _Returned:
        whole = await self._whole(claim, letter, header)
        if whole is not None:
            return _Returned(enclosure=whole, content=claim.content)
        enclosure, octets = enclosed_header(header, utf8=letter.utf8)
        return _Returned(enclosure=enclosure, content=Octets(octets))

    async def _whole(self, claim: Claim, letter: Letter, header: bytes) -> Enclosure | None:
        """How to return all of the message; None if its header has to do."""
        media = whole_media(header, utf8=letter.utf8)
        # RFC 3461 section 6.2: with a report of a failure only.
        wanted = letter.action is Action.FAILED and claim.sender.ret is not Return.HEADERS
        content = claim.content
        if not wanted or media is None or content.size > self._limits.message:
            return None
        scan = ContentScan(letter.boundary)
        for start in range(0, content.size, SLICE):
            scan.feed(await content.read(start, start + SLICE))
        encoding = scan.finish()
        return None if encoding is None else Enclosure(media, encoding)


def _addressee(claim: Claim) -> Address:
    # S22: whoever calls has asked already, and a bounce of a bounce must not hang on that.
    if claim.sender.reverse_path is None:
        raise Unreported("the reverse path is null")
    if not claim.bounceable:
        raise Unreported("it must not be bounced")
    return claim.sender.reverse_path


def _grouped(notices: Sequence[Notice]) -> list[list[Notice]]:
    groups: dict[Action | None, list[Notice]] = {}
    for notice in notices:
        action = _action(notice)
        success = action not in (Action.FAILED, Action.DELAYED)
        groups.setdefault(None if success else action, []).append(notice)
    return list(groups.values())


def _action(notice: Notice) -> Action:
    match notice.outcome:
        case Failed():
            return Action.FAILED if notice.until is None else Action.DELAYED
        case Relayed():
            return Action.RELAYED
        case Expanded():
            return Action.EXPANDED
        case Delivered():
            return Action.DELIVERED
        case Dropped():
            raise AssertionError("nobody is told")


def _status(notice: Notice, now: datetime) -> RecipientStatus:
    recipient = notice.claimed.recipient
    orcpt = recipient.orcpt
    final = Typed.of_address(recipient.address)
    original = None if orcpt is None else Typed.of(orcpt.type, orcpt.text)
    wide = not (final.text + ("" if original is None else original.text)).isascii()
    reply, remote = _said(notice.outcome)
    return RecipientStatus(
        final=final,
        action=_action(notice),
        status=_code(notice, reply),
        original=original,
        remote_mta=None if not remote else Typed.of("dns", _ascii(remote)),
        diagnostic=None if reply is None else _diagnostic(reply, str if wide else _ascii),
        last_attempt=None if notice.claimed.verdict is not None else now,
        will_retry_until=notice.until,
    )


def _said(outcome: Outcome) -> tuple[Reply | None, str | None]:
    """What a host has answered, and which."""
    match outcome:
        case Failed(reply=reply, remote=remote) | Relayed(reply=reply, remote=remote):
            return reply, remote
        case Delivered() | Dropped() | Expanded():
            return None, None


def _code(notice: Notice, reply: Reply | None) -> str:
    if notice.gave_up is not None:
        # RFC 3463 section 3.5, X.4.7: delivery time expired.
        return "4.4.7"
    if reply is None:
        return "2.0.0"
    # RFC 3461 section 6.3 (g).
    return reply.status or f"{reply.code // 100}.0.0"


def _diagnostic(reply: Reply, write: Callable[[str], str]) -> Typed:
    # RFC 3461 section 9.2: a transcription of the reply, its lines one behind the other.
    *first, last = reply.lines
    status = f"{reply.status} " if reply.status else ""
    lines = [*(f"{reply.code}-{status}{line}" for line in first), f"{reply.code} {status}{last}"]
    return Typed.of("smtp", write(" ".join(lines)))


def _reason(notice: Notice) -> str:
    """Why, for people, in the words of whoever said it."""
    reply, remote = _said(notice.outcome)
    if reply is None:
        return ""
    said = f"{remote} said: {reply}" if remote else str(reply)
    return f"{said} ({notice.gave_up})" if notice.gave_up else said


def _received_from(session: Session) -> Typed | None:
    """The client (:rfc:`3464#section-2.2.4`); None where there was none."""
    if not session.helo:
        return None
    literal = address_literal(session.peer.host)
    name = _ascii(session.helo)
    return Typed.of("dns", name if literal is None else f"{name} ({literal})")


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode("ascii")


def _boundary(queue_id: QueueID, header: bytes) -> str:
    """
    One that is not in the header; what is returned whole is looked through later.

    Nobody can write it into a message before: of the queue's id a part was chance.  ``=_`` is in
    no encoding (:rfc:`2045#section-6.7`).
    """
    seed = queue_id
    while True:
        boundary = "=_" + sha256(seed.encode()).hexdigest()[:32]
        if boundary.encode() not in header:
            return boundary
        seed = QueueID(seed + "x")
