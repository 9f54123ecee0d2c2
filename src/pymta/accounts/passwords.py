"""
Passwords: hashed with Argon2id (:rfc:`9106`), and as secrets for SCRAM (:rfc:`5803`).

Both are slow on purpose, and let go of the interpreter while they run: they have two threads of
their own with a bounded queue, so that a flood of logins is answered "later" and nothing else
waits for it.  A name that does not exist costs as much as one that does.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import error_to_str

from pymta.aio import Pool, Shared, start
from pymta.sasl import (
    DEFAULT_ITERATIONS,
    MIN_ITERATIONS,
    PreparationError,
    SCRAMSecret,
    derive,
    prepare_query,
)

__all__ = ["CHEAPEST", "Cost", "Kept", "Passwords", "Verdict", "from_rfc5803", "to_rfc5803"]

P = ParamSpec("P")
T = TypeVar("T")

_SALT = 16
# Octets, as in pymta.sasl: with a longer one nobody gets in.
_MAX_PASSWORD = 1_024
# ARGON2_MEMORY_ALLOCATION_ERROR and ARGON2_THREAD_FAIL: all other errors are of the hash.
_STARVED = frozenset(map(error_to_str, (-22, -33)))
_HASHES = ("SHA-256", "SHA-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """
    What a guess costs.  So little that there is no hash is a ValueError.

    The defaults take 20 MiB and some 50 ms: two threads check 40 passwords a second.

    :param passes: of Argon2id over its memory.
    :param memory: of one check, in KiB.
    :param lanes: of Argon2id.
    :param iterations: of SCRAM, 4,096 at least.
    """

    passes: int = 2
    memory: int = 19 * 1024
    lanes: int = 1
    iterations: int = DEFAULT_ITERATIONS

    def __post_init__(self) -> None:
        # RFC 9106 section 3.1: a pass and a lane at least, and 8 KiB for each lane.
        if self.passes < 1 or self.lanes < 1 or self.memory < 8 * self.lanes:
            raise ValueError("Argon2id takes 1 pass, 1 lane and 8 KiB a lane at least")
        if self.iterations < MIN_ITERATIONS:
            raise ValueError(f"SCRAM takes {MIN_ITERATIONS:,} iterations at least")


CHEAPEST = Cost(passes=1, memory=8, lanes=1, iterations=MIN_ITERATIONS)
"""For tests: 0.2 ms a check, 5 ms a new password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """
    What is kept of a password.

    :param scram: by hash function (``"SHA-256"``), as :rfc:`5803` writes it; empty for a password
        that SCRAM cannot use.
    """

    argon2: str = field(repr=False)
    scram: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    :param stale: it is right, and kept at another cost than today's.
    """

    right: bool
    stale: bool = False


class Passwords:
    """
    :param random: so many octets, unpredictable.
    :param pool: two threads or so; started and stopped by whoever made it.  None: everything is
        done at once, for tests at the :data:`CHEAPEST` cost.
    """

    def __init__(
        self, *, random: Callable[[int], bytes], pool: Pool | None, cost: Cost | None = None
    ) -> None:
        self.cost = cost or Cost()
        self._random = random
        self._pool = pool
        self._hasher = PasswordHasher(
            time_cost=self.cost.passes,
            memory_cost=self.cost.memory,
            parallelism=self.cost.lanes,
        )
        self._nobody: Shared[str] | None = None

    async def start(self) -> None:
        """
        Hash what stands in for nobody's password, so that the first name that does not exist
        costs no more than the next.
        """
        await self._dummy()

    async def keep(self, password: str) -> Kept:
        """
        Hash a new password.

        :raises ValueError: none that anybody can log in with.
        :raises pymta.errors.TooManyWaiting: later.
        """
        if len(password.encode(errors="replace")) > _MAX_PASSWORD:
            raise ValueError(f"a password has at most {_MAX_PASSWORD} octets")
        prepared = prepare_query(password)
        salts = {name: self._random(_SALT) for name in _HASHES}
        return await self._run(self._keep, prepared, salts)

    async def verify(self, argon2: str | None, password: str) -> Verdict:
        """
        Whether it is the password.

        :param argon2: what is kept; None for nobody's, which takes as long and is wrong.
        :raises pymta.errors.TooManyWaiting: nobody can tell now.
        :raises argon2.exceptions.VerificationError: there is no memory for it, likewise.
        """
        known = argon2 is not None
        kept = argon2 if argon2 is not None else await self._dummy()
        verdict = await self._run(self._verify, kept, password)
        return verdict if known else Verdict(False)

    async def _dummy(self) -> str:
        if self._nobody is None:
            self._nobody = Shared(start(self._make_dummy()))
        dummy = self._nobody
        try:
            return await dummy.wait()
        except BaseException:
            if dummy.ended and self._nobody is dummy:
                self._nobody = None  # the pool was full: once more next time
            raise

    async def _make_dummy(self) -> str:
        return await self._run(self._hasher.hash, self._random(_SALT))

    async def _run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._pool is None:
            return call(*args, **kwargs)
        return await self._pool.run(call, *args, **kwargs)

    def _keep(self, password: str, salts: dict[str, bytes]) -> Kept:  # in a thread
        scram = {}
        for name, salt in salts.items():
            try:
                secret = derive(password, salt, iterations=self.cost.iterations, hash_name=name)
            except PreparationError:
                continue  # PLAIN works, SCRAM cannot (RFC 4013 section 2.5)
            scram[name] = to_rfc5803(secret, name)
        return Kept(argon2=self._hasher.hash(password), scram=scram)

    def _verify(self, argon2: str, password: str) -> Verdict:  # in a thread
        try:
            prepared = prepare_query(password)
        except PreparationError:
            prepared = "\0"  # nobody's, at the same cost
        try:
            self._hasher.verify(argon2, prepared)
        except (VerificationError, InvalidHashError) as error:
            if str(error) in _STARVED:
                raise
            return Verdict(False)
        return Verdict(True, stale=self._hasher.check_needs_rehash(argon2))


# -- SCRAM secrets as text -------------------------------------------------------


def to_rfc5803(secret: SCRAMSecret, hash_name: str) -> str:
    """``SCRAM-SHA-256$iterations:salt$stored key:server key`` (:rfc:`5803#section-3`)."""
    salt, stored, server = map(_encoded, (secret.salt, secret.stored_key, secret.server_key))
    return f"SCRAM-{hash_name}${secret.iterations}:{salt}${stored}:{server}"


def from_rfc5803(text: str) -> SCRAMSecret:
    """The other way.  :raises ValueError: it is none."""
    _, parameters, keys = text.split("$")
    iterations, salt = parameters.split(":")
    stored, server = keys.split(":")
    return SCRAMSecret(
        salt=_decoded(salt),
        iterations=int(iterations),
        stored_key=_decoded(stored),
        server_key=_decoded(server),
    )


def _encoded(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
