"""
The end of an attempt: what was found, what is reported, what is settled and who hears of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from twisted.internet.interfaces import IReactorTime

from pymta.aio import CancelledError
from pymta.events import Attempted, Delays, Event, HeldBack
from pymta.interfaces.content import NewMail
from pymta.interfaces.delivery import Result
from pymta.interfaces.queue import Deferred, Done, Held, Settlement
from pymta.outcome import Failed
from pymta.queue.attempt import Faults, limited
from pymta.queue.leases import part
from pymta.queue.outcomes import Finding, Reports, Ruling, Unreported, find, held
from pymta.queue.retry import RetryRules
from pymta.queue.schedule import Work
from pymta.queue.settling import Ending, Settler

__all__ = ["Concluder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    started: datetime
    ended: datetime


class Concluder:
    """
    Draws the conclusions.

    :param seconds: how long writing reports may take.
    """

    def __init__(
        self,
        settler: Settler,
        reports: Reports | None,
        *,
        retry: RetryRules,
        clock: IReactorTime,
        now: Callable[[], datetime],
        random: Callable[[], float],
        faults: Faults,
        seconds: float,
    ) -> None:
        self._settler = settler
        self._reports = reports
        self._retry = retry
        self._clock = clock
        self._now = now
        self._random = random
        self._faults = faults
        self._seconds = seconds

    async def conclude(self, work: Work, results: Sequence[Result], started: datetime) -> None:
        """
        Bring these results on their way; waits only for reports.

        :param results: one for each recipient of the work.
        :param started: when they were begun to be worked for.
        """
        span = _Span(started=started, ended=self._now())
        ruling = Ruling(
            retry=self._retry,
            reports=self._reports is not None,
            now=span.ended,
            random=self._random,
        )
        # All recipients of a message end together where somebody has decided that they do.
        claimed = {each.recipient.id: each for each in work.claim.recipients}
        routed = {recipient.id: recipient for recipient in work.recipients}
        findings = [
            find(work, claimed[each.id], each.outcome, recipient=routed[each.id], ruling=ruling)
            for each in results
        ]
        try:
            findings, reports = await self._report(work, findings)
        except CancelledError:
            # A stop: an answer that was given stays one; who failed unreported is tried again.
            self._put(work, results, list(_without_failures(findings)), (), span)
            raise
        self._put(work, results, findings, reports, span)

    def _put(
        self,
        work: Work,
        results: Sequence[Result],
        findings: Sequence[Finding],
        reports: Sequence[NewMail],
        span: _Span,
    ) -> None:
        """Settle what was found, and nothing of others."""
        if not findings:
            return
        each = {finding.recipient.id: finding.settled for finding in findings}
        then = [mail for result in results if result.id in each for mail in result.then]
        settlement = Settlement(claim=part(work.claim, each), each=each, then=(*then, *reports))
        connecting = {result.id: result.connecting for result in results}
        events = [
            event
            for finding in findings
            for event in _events(work, finding, span, connecting[finding.recipient.id])
        ]
        self._settler.put(Ending(settlement, events))

    async def _report(
        self, work: Work, findings: list[Finding]
    ) -> tuple[list[Finding], Sequence[NewMail]]:
        notices = [finding.notice for finding in findings if finding.notice is not None]
        if not notices or self._reports is None:
            return findings, ()
        try:
            reports = self._reports(work.claim, notices)
            return findings, await limited(self._clock, self._seconds, reports)
        except CancelledError:
            raise
        except Unreported as error:
            return [_unreported(finding, str(error)) for finding in findings], ()
        except Exception:  # noqa: BLE001  the fence round an attempt
            number = self._faults.caught(f"reporting on {work.claim.queue_id}")
            why = f"internal error ({number})"
            return [_unreported(finding, why) for finding in findings], ()


def _without_failures(findings: Sequence[Finding]) -> Iterator[Finding]:
    """What may be settled though no report is there."""
    for finding in findings:
        ended = isinstance(finding.settled, Done) and isinstance(finding.outcome, Failed)
        if finding.notice is None or not ended:
            yield _unreported(finding, "")


def _unreported(finding: Finding, why: str) -> Finding:
    """Without its report: a failure is held, a delay is told the next time, a success is one."""
    if finding.notice is None:
        return finding
    settled = finding.settled
    if isinstance(settled, Deferred):
        return replace(finding, settled=replace(settled, warned=False))
    if isinstance(finding.outcome, Failed):
        return replace(finding, settled=held(finding.outcome, finding.notice.gave_up, why))
    return finding


def _events(work: Work, finding: Finding, span: _Span, connecting: timedelta) -> Sequence[Event]:
    claim = work.claim
    attempted = Attempted(
        queue_id=claim.queue_id,
        number=finding.number,
        sender=claim.sender,
        recipient=finding.recipient,
        agent=work.lane.agent,
        next_hop=work.lane.next_hop,
        outcome=finding.outcome,
        final=isinstance(finding.settled, Done),
        delays=Delays(
            before_queue=_positive(work.taken - claim.arrived),
            in_queue=_positive(span.started - work.taken),
            connection=connecting,
            transmission=_positive(span.ended - span.started - connecting),
        ),
    )
    if isinstance(finding.settled, Held):
        return attempted, HeldBack(claim.queue_id, finding.recipient, finding.settled.reason)
    return (attempted,)


def _positive(span: timedelta) -> timedelta:
    """Wall clocks are set back now and then."""
    return max(span, timedelta(0))
