"""
One attempt: rewriters, then the agent, then one result for each recipient, come what may.

Here is the queue's fence: what an agent raises, how long it takes, what it forgets or invents is
its fault and never ends the queue; its recipients have failed for now.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pymta.aio import CancelledError, Ended, Shared, TimeLimit, begun, deferred, timeout
from pymta.envelope import Recipient, RecipientID
from pymta.events import Event, Faulted
from pymta.interfaces.delivery import Attempt, IDeliveryAgent, IRewriter, Result
from pymta.outcome import Failed, Scope
from pymta.queue.schedule import Health, Work
from pymta.reply import Reply

__all__ = ["Faults", "Tried", "Trying", "limited"]

T = TypeVar("T")

_log = Logger(namespace="pymta.queue")

LATE = Reply(451, "4.4.2", "The delivery took too long")
SILENT = Reply(451, "4.3.0", "The delivery ended without a result")

# Nobody here has cancelled it: for us it is one failure among others.
_FROM_WITHIN = "it was cancelled from within"


async def limited(clock: IReactorTime, seconds: float, awaitable: Awaitable[T]) -> T:
    """
    Wait for it, but no longer than this; then it is cancelled, and not waited for: what it gives
    there and then, being cancelled, counts.

    :func:`pymta.aio.timeout` waits until a cancelled work has ended; one that does not want to end
    would keep its place for ever.  :raises TimeLimit: time was up.
    """
    try:
        rest = begun(awaitable)
    except CancelledError as error:
        raise RuntimeError(_FROM_WITHIN) from error
    if isinstance(rest, Ended):
        return rest.value
    work = deferred(rest)
    shared = Shared(work)
    try:
        return await timeout(clock, seconds, shared.wait())
    except (CancelledError, TimeLimit) as error:
        if shared.ended and isinstance(error, CancelledError):
            raise RuntimeError(_FROM_WITHIN) from error
        work.cancel()
        if not shared.ended:
            raise
        try:
            return await shared.wait()
        except CancelledError:
            raise error from None


class Faults:
    """Gives each surprise a number, and tells of it."""

    def __init__(self, ids: Callable[[], str], tell: Callable[[Event], None]) -> None:
        self._ids = ids
        self._tell = tell

    def caught(self, where: str) -> str:
        """Log the exception that is being handled.  :returns: the number that names it."""
        number = self._ids()
        _log.failure("{where} failed ({id})", where=where, id=number)
        self._tell(Faulted(number, where))
        return number

    def seen(self, where: str, what: str) -> str:
        """Log a fault that is no exception."""
        number = self._ids()
        _log.error("{where}: {what} ({id})", where=where, what=what, id=number)
        self._tell(Faulted(number, where))
        return number


@dataclass(frozen=True, slots=True)
class Tried:
    """
    How an attempt ended.

    :param results: one for each of its recipients, in their order.
    """

    results: tuple[Result, ...]
    health: Health
    reason: str = ""


class Trying:
    """
    Makes attempts.

    :param rewriters: by name of agent, in their order.
    :param seconds: how long an agent may take.
    """

    def __init__(
        self,
        agents: Mapping[str, IDeliveryAgent],
        rewriters: Mapping[str, Sequence[IRewriter]],
        *,
        clock: IReactorTime,
        seconds: float,
        faults: Faults,
    ) -> None:
        self._agents = agents
        self._rewriters = rewriters
        self._clock = clock
        self._seconds = seconds
        self._faults = faults

    def limit(self, agent: str) -> int:
        """How many recipients it takes at once."""
        known = self._agents.get(agent)
        return 1 if known is None else max(1, known.recipient_limit)

    async def attempts(self, work: Work) -> Sequence[Attempt] | Tried:
        """What the rewriters make of a work; or, if they fail, its end."""
        claim = work.claim
        attempts = [
            Attempt(
                queue_id=claim.queue_id,
                number=max(each.attempts for each in claim.recipients) + 1,
                sender=claim.sender,
                recipients=work.recipients,
                next_hop=work.lane.next_hop,
                content=claim.content,
                origin=claim.origin,
                arrived=claim.arrived,
            )
        ]
        try:
            for rewriter in self._rewriters.get(work.lane.agent, ()):
                attempts = [
                    each
                    for attempt in attempts
                    for each in await limited(self._clock, 60.0, _rewritten(rewriter, attempt))
                ]
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001  the fence round an attempt
            number = self._faults.caught(f"rewriting {claim.queue_id}")
            return Tried(_all_failed(work.recipients, _internal(number)), Health.UNKNOWN)
        return attempts

    async def deliver(self, name: str, attempt: Attempt) -> Tried:
        """Let the agent of this name try; raises nothing but CancelledError."""
        agent = self._agents.get(name)
        if agent is None:
            self._faults.seen(f"delivering {attempt.queue_id}", f"no agent is named {name!r}")
            reply = Reply(451, "4.3.5", "No way to deliver it is set up")
            return Tried(_all_failed(attempt.recipients, reply), Health.UNKNOWN)
        where = f"delivering {attempt.queue_id} by {name}"
        try:
            results = await limited(self._clock, self._seconds, agent.deliver(attempt))
            return self._checked(attempt, results, where)
        except CancelledError:
            raise
        except TimeLimit:
            self._faults.seen(where, f"no end after {self._seconds:g} s")
            return Tried(_all_failed(attempt.recipients, LATE), Health.BAD, LATE.text)
        except Exception:  # noqa: BLE001  the fence round an attempt
            number = self._faults.caught(where)
            return Tried(_all_failed(attempt.recipients, _internal(number)), Health.UNKNOWN)

    def _checked(self, attempt: Attempt, results: Sequence[Result], where: str) -> Tried:
        missing = {recipient.id: recipient for recipient in attempt.recipients}
        taken: dict[RecipientID, Result] = {}
        for result in results:
            if missing.pop(result.id, None) is None:
                self._faults.seen(where, f"a result that nobody asked for: {result.id}")
            else:
                taken[result.id] = result
        if missing:
            self._faults.seen(where, f"no result for {', '.join(map(str, missing.values()))}")
            for result in _all_failed(tuple(missing.values()), SILENT):
                taken[result.id] = result
        ordered = tuple(taken[recipient.id] for recipient in attempt.recipients)
        if len(missing) == len(ordered):
            return Tried(ordered, Health.UNKNOWN)
        return Tried(ordered, *_health(ordered))


async def _rewritten(rewriter: IRewriter, attempt: Attempt) -> Sequence[Attempt]:
    made = await rewriter.rewrite(attempt)
    given = sorted(recipient.id for each in made for recipient in each.recipients)
    if given != sorted(recipient.id for recipient in attempt.recipients):
        raise RuntimeError(f"{rewriter!r} does not give each recipient back exactly once")
    return [each for each in made if each.recipients]


def _health(results: Sequence[Result]) -> tuple[Health, str]:
    for result in results:
        outcome = result.outcome
        if (
            isinstance(outcome, Failed)
            and outcome.scope is Scope.DESTINATION
            and outcome.reply.transient
        ):
            return Health.BAD, str(outcome.reply)
    return Health.GOOD, ""


def _internal(number: str) -> Reply:
    return Reply(451, "4.3.0", f"Internal error ({number})")


def _all_failed(recipients: Sequence[Recipient], reply: Reply) -> tuple[Result, ...]:
    failed = Failed(reply=reply, scope=Scope.MESSAGE)
    return tuple(Result(recipient.id, failed) for recipient in recipients)
