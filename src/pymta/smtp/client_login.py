"""
AUTH (:rfc:`4954`), by the strongest mechanism that both sides can do.

Credentials are shown only to a server that has proved by its certificate who it is, unless the
operator lists it as trusted (S26).  A login that fails is a "no" for now, 4.7.8, whatever the
server calls it: the password is the operator's to mend, and the mail of people who cannot know
of it must wait for that and not be returned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pymta.aio import Pool
from pymta.errors import LocalProtocolError, RemoteProtocolError, TooManyWaiting, Unauthorized
from pymta.reply import Reply
from pymta.sasl import (
    TLS_EXPORTER,
    Channel,
    ClientExchange,
    Credentials,
    PreparationError,
    choose,
)
from pymta.smtp.client_opening import NotOpened, Opening
from pymta.wire.smtp.client_events import AuthChallenge, AuthFailed, AuthSucceeded

__all__ = ["ClientLogin"]

BAD_LOGIN: Final = "4.7.8"
"""Authentication credentials invalid (RFC 5248 section 2.4), for now."""
NO_LOGIN: Final = "4.7.0"
UNSAFE: Final = "4.7.11"
"""Encryption required for requested authentication mechanism (RFC 4954 section 6)."""

UNKNOWN: Final = 504
"""The mechanism is not known, though it was announced: RFC 5321 section 4.2.2."""


class ClientLogin:
    """
    How we log in.

    :param random: so many octets, unpredictable.
    :param pool: where SCRAM hashes; without, it holds the reactor, up to about a second.
    :param seconds: for each answer of the server.
    """

    def __init__(
        self, *, random: Callable[[int], bytes], pool: Pool | None, seconds: float
    ) -> None:
        self._random = random
        self._pool = pool
        self._seconds = seconds

    async def run(self, opening: Opening, credentials: Credentials, *, trusted: bool) -> None:
        """
        Log in, once EHLO is answered.

        A mechanism that the server does not know after all is followed by the next.  Another
        password is never tried, nor the same a second time: that would count as guessing.

        :param trusted: the operator vouches for the server and the way there.
        :raises NotOpened: we are not logged in.
        """
        if not trusted and (opening.tls is None or opening.tls.peer_name is None):
            raise opening.no(UNSAFE, "gets no credentials without a verified certificate")
        unknown: set[str] = set()
        while True:
            exchange = self._begin(opening, credentials, unknown)
            reply = await self._exchange(opening, exchange)
            if reply.positive:
                return
            if reply.code != UNKNOWN:
                raise self._failed(opening, reply)
            unknown.add(exchange.name)

    def _begin(
        self, opening: Opening, credentials: Credentials, unknown: set[str]
    ) -> ClientExchange:
        binding = opening.connection.channel_binding()
        channel = Channel(secure=True, bindings={TLS_EXPORTER: binding} if binding else {})
        offered = [m for m in opening.machine.capabilities.mechanisms if m not in unknown]
        try:
            exchange = choose(offered, credentials, channel=channel, random=self._random)
        except PreparationError as error:
            raise opening.no(BAD_LOGIN, "needs another name or password", str(error)) from None
        if exchange is None:
            raise opening.no(NO_LOGIN, "offers no way to log in that we know", " ".join(offered))
        return exchange

    async def _exchange(self, opening: Opening, exchange: ClientExchange) -> Reply:
        machine = opening.machine
        try:
            machine.authenticate(exchange.name, exchange.begin())
            while True:
                event = await opening.event(self._seconds, "the answer to AUTH")
                match event:
                    case AuthChallenge(data):
                        machine.respond(await self._respond(exchange, data))
                    case AuthSucceeded(reply) if not exchange.finished:
                        raise RemoteProtocolError(f"a yes too early: {reply}")
                    case AuthSucceeded(reply) | AuthFailed(reply):
                        return reply
                    case _:
                        raise AssertionError(event)
        except (PreparationError, LocalProtocolError) as error:  # too long, or no text
            raise opening.no(BAD_LOGIN, "needs another name or password", str(error)) from None
        except Unauthorized as error:
            raise opening.no(BAD_LOGIN, "refuses our login", str(error)) from None
        except RemoteProtocolError as error:
            raise opening.no(NO_LOGIN, "does not log in as it should", str(error)) from None
        except TooManyWaiting as error:
            raise opening.no("4.3.2", "has to wait until we can log in", str(error)) from None

    async def _respond(self, exchange: ClientExchange, challenge: bytes) -> bytes:
        if self._pool is None:
            return exchange.respond(challenge)
        return await self._pool.run(exchange.respond, challenge)

    def _failed(self, opening: Opening, reply: Reply) -> NotOpened:
        if reply.transient:
            return NotOpened(reply, from_peer=True)
        return opening.no(BAD_LOGIN, "refuses our login", str(reply))
