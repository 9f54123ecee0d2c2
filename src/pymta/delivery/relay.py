"""
The relay agent: carries mail to the hosts of its next hop (:rfc:`5321#section-5.1`).

One attempt tries every host and every address in their order, until each recipient is answered
for.  What a server answers is final for this attempt, also a "not now"; another host is asked
only about recipients of whom nobody knows because no session came about, or because it broke
before the content had been sent.  Where the end of the content was sent and no answer came, the
message may have arrived: it is tried again later, and not at another host now.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias, TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from pymta.aio import CancelledError, TimeLimit, timeout
from pymta.delivery.answers import Server, Sorted, passing, sort
from pymta.delivery.pool import Dial, Lease, Pool, PoolLimits, Way
from pymta.delivery.tls_policy import TLSPolicies
from pymta.envelope import Recipient
from pymta.errors import MailboxError, Refused, SpoolError
from pymta.events import Unanswered
from pymta.interfaces.delivery import Attempt, IDeliveryAgent, Result
from pymta.interfaces.observe import IObserver
from pymta.interfaces.relay import Destination, Host, IDestinationFinder, ITLSPolicySource
from pymta.outcome import Failed, Outcome, Scope
from pymta.reply import Reply
from pymta.sasl import Credentials
from pymta.session import Role
from pymta.smtp.client_answers import Interrupted
from pymta.smtp.client_opening import NotOpened

__all__ = ["CredentialsFor", "RelayAgent", "RelayLimits", "anonymous"]

T = TypeVar("T")

_log = Logger(namespace="pymta.relay")

CredentialsFor: TypeAlias = Callable[[str], Credentials | None]
"""By what we log in to the hosts of a next hop, as lanes have it; None for not at all."""

TOO_LATE = Reply(451, "4.4.1", "No host of the destination could be reached in time")
NOBODY = Reply(451, "4.4.1", "No host of the destination could be tried")
UNREADABLE = Reply(451, "4.3.0", "The message cannot be read now")
SURPRISE = Reply(451, "4.3.0", "Internal error")
INTERRUPTED = Reply(451, "4.4.2", "The attempt was interrupted")


def anonymous(next_hop: str) -> Credentials | None:
    """No credentials, for nobody."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayLimits:
    """
    What one attempt may take (S11).

    :param recipients: of one transaction; :rfc:`5321#section-4.5.3.1.8` has servers take 100.
    :param tries: connections that are tried; as many as addresses are found, so that each host has
        its turn.
    :param seconds: for finding hosts and for opening connections, in all.
    """

    recipients: int = 100
    tries: int = 40
    seconds: float = 900.0

    def __post_init__(self) -> None:
        if self.recipients < 1 or self.tries < 1 or self.seconds <= 0:
            raise ValueError("recipients, tries and seconds are more than 0")


@implementer(IDeliveryAgent)
class RelayAgent:
    """
    A part as well: ``stop`` ends its idle sessions.

    :param finder: tells the hosts of a next hop.
    :param dial: opens a session with one address of one host; speaks what ``role`` says.
    :param tls: asked for each host.
    :param role: SMTP, where a yes moves the responsibility, or LMTP, where it is the delivery.
    :param observer: is told where a message may have arrived twice.
    """

    def __init__(
        self,
        finder: IDestinationFinder,
        dial: Dial,
        *,
        clock: IReactorTime,
        tls: ITLSPolicySource | None = None,
        credentials: CredentialsFor = anonymous,
        role: Role = Role.SMTP,
        limits: RelayLimits | None = None,
        pool: PoolLimits | None = None,
        observer: IObserver | None = None,
    ) -> None:
        self.finder = finder
        self.clock = clock
        self.tls = tls or TLSPolicies()
        self.credentials = credentials
        self.role = role
        self.limits = limits or RelayLimits()
        self.observer = observer
        self.pool = Pool(dial, clock=clock, limits=pool or PoolLimits())
        self.recipient_limit = self.limits.recipients

    async def start(self) -> None:
        """Nothing is opened before there is mail."""
        self.pool.start()

    async def stop(self) -> None:
        """Take leave of servers; bounded."""
        await self.pool.stop()

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        return await _Journey(self, attempt).results()


class _Journey:
    """One attempt on its way from host to host."""

    def __init__(self, agent: RelayAgent, attempt: Attempt) -> None:
        self._agent = agent
        self._clock = agent.clock
        self._attempt = attempt
        self._waiting: tuple[Recipient, ...] = attempt.recipients
        self._ended: list[tuple[Recipient, Outcome, float]] = []
        self._tries = 0
        self._connecting = 0.0
        self._trouble = Failed(reply=NOBODY, scope=Scope.DESTINATION)

    async def results(self) -> Sequence[Result]:
        try:
            await self._go()
        except TimeLimit:
            self._trouble = self._too_late()
        except (SpoolError, MailboxError) as error:
            # What was answered stays so: as a surprise, all of it would be sent once more.
            self._trouble = Failed(reply=UNREADABLE, scope=Scope.MESSAGE, diagnostic=str(error))
        except CancelledError:
            # A yes that was heard is kept: who is told nothing of it would send once more.
            if not self._ended:
                raise
            self._trouble = Failed(reply=INTERRUPTED, scope=Scope.MESSAGE)
        except Exception as error:
            # The fence round what was answered already; the queue has one round all of it.
            if not self._ended:
                raise
            _log.failure("relaying {id} failed unexpectedly", id=self._attempt.queue_id)
            self._trouble = Failed(reply=SURPRISE, scope=Scope.MESSAGE, diagnostic=str(error))
        self._end((recipient, self._trouble) for recipient in self._waiting)
        return [
            Result(recipient.id, outcome, connecting=timedelta(seconds=connecting))
            for recipient, outcome, connecting in self._ended
        ]

    async def _go(self) -> None:
        try:
            destination = await self._timed(self._agent.finder.find(self._attempt.next_hop))
        except Refused as no:
            # The only "no" for good that no server of the destination has said.
            reply = no.reply if self._goes_to_its_domain() else passing(no.reply)
            self._trouble = _destination_failed(reply, diagnostic=str(no))
            return
        for host in destination.hosts:
            for way in await self._ways(destination, host):
                await self._visit(way)
                if not self._waiting:
                    return

    def _goes_to_its_domain(self) -> bool:
        """
        Whether the next hop is what the recipients' addresses say.

        Another one was written by the operator, whose mistake returns nobody's mail.
        """
        domains = {recipient.address.ascii_domain for recipient in self._attempt.recipients}
        return any(self._attempt.next_hop == domain.replace("[ipv6:", "[", 1) for domain in domains)

    def _too_late(self) -> Failed:
        """What came before it says more than that time was up."""
        if self._trouble.reply is not NOBODY:
            return self._trouble
        return Failed(reply=TOO_LATE, scope=Scope.DESTINATION)

    async def _ways(self, destination: Destination, host: Host) -> Sequence[Way]:
        try:
            policy = await self._timed(self._agent.tls.policy(destination, host))
        except Refused as no:
            self._refused(no, host.name)
            return ()
        credentials = self._agent.credentials(destination.next_hop)
        return [
            Way(
                name=host.name,
                port=host.port,
                address=address,
                policy=policy,
                credentials=credentials,
            )
            for address in host.addresses
        ]

    # -- one address ---------------------------------------------------------------

    async def _visit(self, way: Way) -> None:
        lease = self._agent.pool.reuse(way)
        if lease is not None and await self._use(lease) and not self._waiting:
            return
        # A session that was kept may have been closed by its server just then: no failure of the
        # destination, and no try.  More than the one transaction may need more than one session.
        while self._waiting:
            lease = await self._open(way)
            if lease is None or not await self._use(lease):
                return

    async def _open(self, way: Way) -> Lease | None:
        if self._tries == self._agent.limits.tries:
            raise TimeLimit(f"{self._tries} connections were tried")
        self._tries += 1
        try:
            return await self._timed(self._agent.pool.open(way))
        except Refused as no:
            self._refused(no, way.name)
            return None

    async def _use(self, lease: Lease) -> bool:
        """
        As many transactions as are needed.

        :returns: whether all who were asked about were answered for, or will be in a new session.
        """
        pool, attempt = self._agent.pool, self._attempt
        server = Server(
            name=lease.way.name,
            role=self._agent.role,
            dsn="DSN" in lease.session.capabilities,
        )
        try:
            # Once at least: one that was closed as soon as it was opened has answers that say so.
            while True:
                answers = await lease.send(attempt.sender, self._waiting, attempt.content)
                whole = self._take(sort(answers, server), server)
                if not (self._waiting and whole and lease.session.usable):
                    break
        except Interrupted as cut:
            pool.abort(lease)
            self._take(sort(cut.answers, server), server)
            raise
        except BaseException:
            pool.abort(lease)
            raise
        if whole:
            pool.give_back(lease)
        else:
            pool.abort(lease)
        return whole

    def _take(self, found: Sorted, server: Server) -> bool:
        self._end(found.ended)
        self._waiting = (*found.again, *found.elsewhere)
        if found.doubtful and self._agent.observer is not None:
            event = Unanswered(self._attempt.queue_id, tuple(found.doubtful), server.name)
            self._agent.observer.observe(event)
        if found.trouble is None:
            return True
        self._trouble = found.trouble
        return False

    # -- what comes of it ----------------------------------------------------------

    def _end(self, outcomes: Iterable[tuple[Recipient, Outcome]]) -> None:
        self._ended += [(recipient, outcome, self._connecting) for recipient, outcome in outcomes]

    def _refused(self, no: Refused, host: str) -> None:
        told = no if isinstance(no, NotOpened) else NotOpened(no.reply)
        self._trouble = Failed(
            reply=passing(no.reply),
            # The destination is not slowed down for what this machine lacks.
            scope=Scope.MESSAGE if told.ours else Scope.DESTINATION,
            remote=host if told.from_peer else None,
            diagnostic=f"{host}: {no}",
        )

    async def _timed(self, awaitable: Awaitable[T]) -> T:
        """:raises TimeLimit: finding and connecting have taken all the time that there is."""
        began = self._clock.seconds()
        try:
            return await timeout(
                self._clock, max(0, self._agent.limits.seconds - self._connecting), awaitable
            )
        finally:
            self._connecting += self._clock.seconds() - began


def _destination_failed(reply: Reply, *, diagnostic: str, remote: str | None = None) -> Failed:
    return Failed(reply=reply, scope=Scope.DESTINATION, remote=remote, diagnostic=diagnostic)
