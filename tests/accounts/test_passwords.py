"""
Hashes and SCRAM secrets, as they are kept.
"""

from __future__ import annotations

from typing import Any, cast

import pytest
from argon2.exceptions import VerificationError
from twisted.python.failure import Failure

from pymta.accounts.cleartext import ClearTextPasswords
from pymta.accounts.passwords import CHEAPEST, Cost, Passwords, from_rfc5803, to_rfc5803
from pymta.aio import deferred
from pymta.sasl import derive
from tests.awaiting import now_done


def passwords(cost: Cost = CHEAPEST) -> Passwords:
    """With randomness that is not."""
    return Passwords(random=lambda size: bytes(range(size)), pool=None, cost=cost)


@pytest.mark.parametrize("hash_name", ["SHA-256", "SHA-1"])
def test_secrets_as_text(hash_name: str) -> None:
    """What is read is what was written, and it is the secret of the password."""
    kept = now_done(passwords().keep("pencil"))
    secret = from_rfc5803(kept.scram[hash_name])

    assert derive("pencil", bytes(range(16)), iterations=4096, hash_name=hash_name) == secret
    assert kept.scram[hash_name] == to_rfc5803(secret, hash_name)
    assert kept.scram[hash_name].startswith(f"SCRAM-{hash_name}$4096:AAECAwQFBgcICQoLDA0ODw==$")


def test_nothing_is_shown() -> None:
    """A log that prints what is kept has neither password nor hash in it."""
    kept = now_done(passwords().keep("pencil"))

    assert "Kept()" == repr(kept)
    assert "pencil" not in kept.argon2


@pytest.mark.parametrize(
    ("kept", "given", "right"),
    [
        pytest.param("I\u00adX", "IX", True, id="soft hyphen"),
        pytest.param("\u2168", "IX", True, id="Roman nine"),
        pytest.param("\u00aa", "a", True, id="ordinal"),
        pytest.param("e\u0301", "\u00e9", True, id="decomposed"),
        pytest.param("user", "USER", False, id="case"),
        pytest.param("a b", "a\u00a0b", True, id="no-break space"),
    ],
)
def test_prepared(kept: str, given: str, right: bool) -> None:
    """Passwords that SASLprep makes equal are equal (RFC 4013 section 3)."""
    ours = passwords()
    hashed = now_done(ours.keep(kept)).argon2

    assert right is now_done(ours.verify(hashed, given)).right


@pytest.mark.parametrize("kept", ["", "plain", "$argon2id$v=19$m=8,t=1,p=1$x$y", "$2b$12$x"])
def test_what_is_no_hash_is_nobodys(kept: str) -> None:
    """A row that somebody has written by hand lets nobody in, and breaks nothing."""
    assert not now_done(passwords().verify(kept, "plain")).right


class _Starved:
    """Argon2id on a machine without memory."""

    def verify(self, argon2: str, password: str) -> bool:
        raise VerificationError("Memory allocation error")


def test_no_memory_is_no_wrong_password() -> None:
    """Where nothing could be computed nobody can tell, and nobody is called a guesser."""
    ours = passwords()
    kept = now_done(ours.keep("pencil")).argon2
    ours._hasher = cast("Any", _Starved())

    failures: list[Failure] = []
    deferred(ours.verify(kept, "pencil")).addErrback(failures.append)  # type: ignore[unused-awaitable]  # at once
    [failure] = failures
    assert failure.check(VerificationError)


def test_stale() -> None:
    """A hash of another cost is right, and stale."""
    kept = now_done(passwords().keep("pencil")).argon2

    assert not now_done(passwords().verify(kept, "pencil")).stale
    verdict = now_done(
        passwords(Cost(passes=1, memory=16, lanes=1, iterations=4096)).verify(kept, "pencil")
    )
    assert verdict.right
    assert verdict.stale


def test_s24_nobodys_hash_is_there_before_anybody_asks() -> None:
    """The first unknown name is one check, and so is each one after it."""
    asked: list[int] = []

    def counting(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    ours = Passwords(random=counting, pool=None, cost=CHEAPEST)
    now_done(ours.start())
    assert [16] == asked  # for the one hash that is made

    assert not now_done(ours.verify(None, "pencil")).right
    assert not now_done(ours.verify(None, "pencil")).right
    assert [16] == asked


def test_the_default_cost() -> None:
    """No less than OWASP's least for Argon2id, and SCRAM's 0.1 s."""
    assert Cost() == passwords(Cost()).cost
    assert (2, 19_456) <= (Cost().passes, Cost().memory)
    assert Cost().iterations >= 100_000


def test_clear_text() -> None:
    """What an application gives is found by name, in any case."""
    kept = ClearTextPasswords({"Alice@example.test": "secret"})

    assert "secret" == now_done(kept.password("alice@EXAMPLE.test"))
    assert None is now_done(kept.password("bob@example.test"))
