"""
SCRAM secrets: out of a password, and out of nothing for users that there are not.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from pymta.sasl.prepare import prepare_stored
from pymta.sasl.steps import SCRAMSecret

__all__ = [
    "DEFAULT_ITERATIONS",
    "HASHES",
    "MIN_ITERATIONS",
    "Decoy",
    "client_and_server_key",
    "derive",
    "hash_of",
    "hmac_of",
]

# RFC 5802 section 5.1 and RFC 7677 section 4: at least so many.
MIN_ITERATIONS = 4_096
# RFC 7677 section 4: as many as take a modern machine 0.1 s; 60 ms measured with SHA-256.
DEFAULT_ITERATIONS = 100_000

HASHES: Mapping[str, str] = {"SHA-1": "sha1", "SHA-256": "sha256"}
"""What :mod:`hashlib` calls the hash functions, by their names in mechanisms."""


def hmac_of(key: bytes, message: bytes, hash_name: str) -> bytes:
    """HMAC (:rfc:`5802#section-2.2`)."""
    return hmac.digest(key, message, HASHES[hash_name])


def hash_of(data: bytes, hash_name: str) -> bytes:
    """H (:rfc:`5802#section-2.2`)."""
    return hashlib.new(HASHES[hash_name], data).digest()


def client_and_server_key(
    password: str, salt: bytes, *, iterations: int, hash_name: str
) -> tuple[bytes, bytes]:
    """
    ClientKey and ServerKey (:rfc:`5802#section-3`): all that is slow in SCRAM.

    :raises PreparationError: of such a password there are no keys.
    """
    # RFC 5802 section 2.2: the password is a stored string.
    prepared = prepare_stored(password).encode()
    salted = hashlib.pbkdf2_hmac(HASHES[hash_name], prepared, salt, iterations)
    client_key = hmac_of(salted, b"Client Key", hash_name)
    return client_key, hmac_of(salted, b"Server Key", hash_name)


def derive(
    password: str,
    salt: bytes,
    *,
    iterations: int = DEFAULT_ITERATIONS,
    hash_name: str = "SHA-256",
) -> SCRAMSecret:
    """
    What a server keeps of a password.

    It takes tens of milliseconds, without holding the interpreter: call it in a thread.

    :param salt: random, another one for each account; 16 octets, as :class:`Decoy` has them.
    :param hash_name: ``"SHA-256"`` or ``"SHA-1"``; a secret of one is of no use to the other.
    :raises PreparationError: SCRAM cannot be used with this password: store none.
    :raises ValueError: too few iterations, no salt, an unknown hash function.
    """
    if iterations < MIN_ITERATIONS:
        raise ValueError(f"fewer than {MIN_ITERATIONS} iterations")
    if not salt:
        raise ValueError("no salt")
    if hash_name not in HASHES:
        raise ValueError(f"no hash function of SCRAM here: {hash_name!r}")
    client_key, server_key = client_and_server_key(
        password, salt, iterations=iterations, hash_name=hash_name
    )
    return SCRAMSecret(
        salt=salt,
        iterations=iterations,
        stored_key=hash_of(client_key, hash_name),
        server_key=server_key,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoy:
    """
    Secrets of users that there are not, the same at each try.

    A server that refused an unknown name at once, or showed it another salt each time, would
    tell which names exist.  Whatever can be seen must be as for an account.

    :param key: secret, random, 32 octets; kept as long as the accounts: if it changes, names
        whose salt changes with it do not exist.
    :param iterations: those of new accounts.
    :param salt_length: likewise, in octets.
    """

    key: bytes = field(repr=False)
    iterations: int = DEFAULT_ITERATIONS
    salt_length: int = 16

    def secret(self, username: str, hash_name: str) -> SCRAMSecret:
        """
        The secret of nobody.

        Case is folded, as account stores do: one salt for Alice and another for alice would
        tell.  A store with more such rules (a default domain) asks this itself, with the name
        that the rules give.
        """
        seed = f"{hash_name}\0{username.casefold()}".encode(errors="replace")
        salt, stored_key, server_key = (
            hmac.digest(self.key, purpose + seed, "sha512")
            for purpose in (b"salt\0", b"stored key\0", b"server key\0")
        )
        size = hashlib.new(HASHES[hash_name]).digest_size
        return SCRAMSecret(
            salt=salt[: self.salt_length],
            iterations=self.iterations,
            stored_key=stored_key[:size],
            server_key=server_key[:size],
        )
