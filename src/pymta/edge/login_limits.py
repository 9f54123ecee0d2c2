"""
Limits on failed logins, from one address, from one network, and for one account.

Counters live in shared state, so that they hold for all listeners, and for all processes where
the state does; each ends by itself a period after its first failure.  An attempt is counted
when it has failed: what is under way on parallel connections is bounded by the limits on
connections, not by these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from ipaddress import ip_address

from pymta.edge.limits import network_of
from pymta.errors import Refused
from pymta.interfaces.shared import ISharedState
from pymta.reply import Reply

__all__ = ["LONGEST", "TOO_MANY", "LoginLimits"]

TOO_MANY = Reply(421, "4.7.0", "Too many failed logins, try again later")

LONGEST = 31_622_400
"""Seconds that :class:`~pymta.interfaces.shared.ISharedState` keeps anything for, at most."""

# A month: whoever reads mail at all has logged in from home within it.
_KNOWN = 30 * 86_400.0


class LoginLimits:
    """
    One of them for all listeners of a server; None for a limit is none.

    :param address: failures from one IP address within the period; then it is refused before
        anything is checked.  People who share an address mistype now and then: 30 an hour are
        enough for an office and 720 guesses a day are nothing.
    :param network: likewise from one /24 or /64.
    :param account: failures for one account from anywhere; then a right password looks wrong,
        and costs the same.  Networks from which somebody has logged in to it within the last
        month are exempt, so that an attacker cannot lock the owner out.
    :param credential: failures with one password, for any account: one password sprayed over
        many names from many addresses.
    :param period: seconds that a counter lives.
    :param delay: seconds by which "no" is told later.
    :param key: secret; passwords are counted by a hash under it.  32 random octets, made anew
        at each start, so that what is in the state is of no use to whoever reads it.
    """

    def __init__(
        self,
        state: ISharedState,
        *,
        key: bytes,
        address: int | None = 30,
        network: int | None = 100,
        account: int | None = 100,
        credential: int | None = None,
        period: float = 3600,
        delay: float = 2,
    ) -> None:
        if not 1 <= period <= LONGEST:
            raise ValueError(f"a counter lives for 1 to {LONGEST} seconds")
        self._state = state
        self._key = key
        self._address = address
        self._network = network
        self._account = account
        self._credential = credential
        self._period = period
        self.delay = delay

    async def check(self, host: str) -> None:
        """:raises Refused: too many have failed from there; nothing else may be looked at."""
        for key, limit in self._places(host):
            if await self._count(key) >= limit:
                raise Refused(TOO_MANY, f"too many failed logins: {key}")

    async def closed(self, host: str, account: str, password: str | None) -> bool:
        """
        Whether whatever the client proves must fail.

        :param account: folded.
        :param password: where the client sent one.
        """
        if await self._is_sprayed(password):
            return True
        if self._account is None or await self._count(_of_account(account)) < self._account:
            return False
        return await self._state.get(_known(host, account)) is None

    async def failed(self, host: str, account: str | None, password: str | None) -> None:
        """Count a failure."""
        for key, _ in self._places(host):
            await self._state.count(key, self._period)
        if self._account is not None and account is not None:
            await self._state.count(_of_account(account), self._period)
        if self._credential is not None and password is not None:
            await self._state.count(self._of_password(password), self._period)

    async def succeeded(self, host: str, account: str) -> None:
        """
        Remember from where the owner comes.

        Counters stay: whoever has one account must not get more guesses at others by it.
        """
        if self._account is None:
            return
        key = _known(host, account)
        if await self._state.get(key) is None:  # reading costs less than writing nothing
            await self._state.add(key, b"1", _KNOWN)

    async def _is_sprayed(self, password: str | None) -> bool:
        if self._credential is None or password is None:
            return False
        return await self._count(self._of_password(password)) >= self._credential

    def _places(self, host: str) -> Iterator[tuple[str, int]]:
        network = network_of(host)
        if network is None:  # a UNIX socket: everybody behind it has the same name
            return
        if self._address is not None:
            yield f"login failed from {ip_address(host.partition('%')[0])}", self._address
        if self._network is not None:
            yield f"login failed from {network}", self._network

    async def _count(self, key: str) -> int:
        value = await self._state.get(key)
        return 0 if value is None else int(value)

    def _of_password(self, password: str) -> str:
        return f"login failed with {_digest(password, self._key)}"


def _of_account(account: str) -> str:
    return f"login failed as {_digest(account)}"


def _known(host: str, account: str) -> str:
    return f"login known {_digest(f'{network_of(host) or host} {account}')}"


def _digest(text: str, key: bytes = b"") -> str:
    # Names are as long as clients make them; keys of shared state are not.
    return hashlib.blake2b(text.encode(errors="replace"), key=key, digest_size=16).hexdigest()
