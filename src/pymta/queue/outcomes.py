"""
What a result means for the recipient: gone, again later, or held; and what is reported.

Never silently discarded: a failure that is not reported, because there is nobody to report it to
or nobody to write the report, is held with its reason.  Only where the sender asked for silence
(NOTIFY without FAILURE, :rfc:`3461#section-4.1`) the recipient goes without a word.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from pymta.envelope import Notify, Recipient
from pymta.errors import PymtaError
from pymta.interfaces.content import NewMail
from pymta.interfaces.queue import Claim, Claimed, Deferred, Done, Held, Settled
from pymta.outcome import Delivered, Dropped, Failed, Outcome, Relayed
from pymta.queue.retry import Again, GiveUp, RetryRules
from pymta.queue.schedule import Work

__all__ = ["Finding", "Notice", "Reports", "Ruling", "Unreported", "find", "held"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """
    Something to be told to the sender, who wants to know it.

    :param claimed: the recipient as it was queued, with what RCPT said.
    :param outcome: the end; for a delay, what the last attempt ended with.
    :param until: None for an end; for a delay, how long it is tried.
    :param gave_up: why a failure that might have passed is one (:rfc:`3463` X.4.7).
    """

    claimed: Claimed
    outcome: Outcome
    until: datetime | None = None
    gave_up: str | None = None


Reports: TypeAlias = Callable[[Claim, Sequence[Notice]], Awaitable[Sequence[NewMail]]]
"""
Write reports.  Each notice must be told by one of the mails given back, which are committed
together with the outcomes.  Called again for the same if that commit does not come about.  The
claim has a reverse path, and its mails may be reported on.

:raises Unreported: nothing is told now: failures are held, with its reason.
"""


class Unreported(PymtaError):
    """No report is written.  The message is the reason: "not reported: …"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """By which rules findings are made."""

    retry: RetryRules
    reports: bool
    """Whether somebody writes reports."""
    now: datetime
    random: Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """
    What is settled for one recipient, and what must be reported for that to be right.

    :param number: of the attempt, from 1.
    """

    recipient: Recipient
    number: int
    outcome: Outcome
    settled: Settled
    notice: Notice | None = None


def find(
    work: Work, claimed: Claimed, outcome: Outcome, *, recipient: Recipient, ruling: Ruling
) -> Finding:
    """What the outcome of an attempt means.  :param recipient: as routed."""
    settled, notice = _settled(work, claimed, outcome, ruling)
    return Finding(
        recipient=recipient,
        number=claimed.attempts + 1,
        outcome=outcome,
        settled=settled,
        notice=notice,
    )


_Ruled: TypeAlias = tuple[Settled, Notice | None]


def _settled(work: Work, claimed: Claimed, outcome: Outcome, ruling: Ruling) -> _Ruled:
    if not isinstance(outcome, Failed):
        # RFC 3461 section 5.2.1: a next hop that knows DSN has taken over the duty to report.
        # Section 5.2.3 asks for a report of what is in the mailbox; what was dropped is not.
        reported = isinstance(outcome, Relayed | Delivered) and outcome.dsn
        told = reported or isinstance(outcome, Dropped)
        wanted = ruling.reports and not told and _wants(work.claim, claimed, Notify.SUCCESS)
        return Done(outcome), Notice(claimed=claimed, outcome=outcome) if wanted else None
    if outcome.reply.permanent or claimed.verdict is not None:
        return _failed(work.claim, Notice(claimed=claimed, outcome=outcome), outcome, ruling)
    patience = ruling.retry.after(
        claimed.attempts + 1,
        arrived=work.claim.arrived,
        now=ruling.now,
        warned=claimed.warned,
        random=ruling.random(),
    )
    if isinstance(patience, GiveUp):
        notice = Notice(claimed=claimed, outcome=outcome, gave_up=patience.reason)
        return _failed(work.claim, notice, outcome, ruling)
    return _deferred(work, claimed, outcome, ruling=ruling, again=patience)


def _deferred(
    work: Work, claimed: Claimed, outcome: Failed, *, ruling: Ruling, again: Again
) -> _Ruled:
    warn = again.warn and ruling.reports and _wants(work.claim, claimed, Notify.DELAY)
    moved = work.lane != work.claim.lane and work.route is None
    settled = Deferred(
        due=again.due,
        reply=outcome.reply,
        lane=work.lane if moved else None,
        warned=warn,
    )
    until = work.claim.arrived + ruling.retry.life
    return settled, Notice(claimed=claimed, outcome=outcome, until=until) if warn else None


def _failed(claim: Claim, notice: Notice, outcome: Failed, ruling: Ruling) -> _Ruled:
    notify = notice.claimed.recipient.notify
    if notify is not None and Notify.FAILURE not in notify:
        return Done(outcome), None
    silent = _why_silent(claim, ruling.reports)
    if silent is None:
        return Done(outcome), notice
    return held(outcome, notice.gave_up, silent), None


def held(outcome: Failed, gave_up: str | None, silent: str) -> Held:
    """A failure that is not reported.  :param silent: why not."""
    said = f"{outcome.reply} ({gave_up})" if gave_up else str(outcome.reply)
    return Held(f"{said}; not reported: {silent}")


def _why_silent(claim: Claim, reports: bool) -> str | None:
    # RFC 5321 section 4.5.5: a report about a report would go round for ever.
    if claim.sender.reverse_path is None:
        return "the reverse path is null"
    if not claim.bounceable:
        return "it must not be bounced"
    return None if reports else "nobody writes reports here"


def _wants(claim: Claim, claimed: Claimed, kind: Notify) -> bool:
    if _why_silent(claim, reports=True) is not None:
        return False
    notify = claimed.recipient.notify
    # RFC 3461 section 4.1: without NOTIFY, failures are reported and delays may be.
    return kind is not Notify.SUCCESS if notify is None else kind in notify
