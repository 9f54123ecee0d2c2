"""
Tests for SCRAM secrets and decoys.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from pymta.sasl import Decoy, PreparationError, SCRAMSecret, derive

DECOY = Decoy(key=b"k" * 32, iterations=5000, salt_length=12)


@pytest.mark.parametrize(("hash_name", "size"), [("SHA-1", 20), ("SHA-256", 32)])
def test_derive(hash_name: str, size: int) -> None:
    """
    The keys are those of the formulas of RFC 5802 section 3.
    """
    digest = hash_name.replace("-", "").lower()
    salted = hashlib.pbkdf2_hmac(digest, b"pencil", b"salt", 4096)
    client_key = hmac.digest(salted, b"Client Key", digest)

    expected = SCRAMSecret(
        salt=b"salt",
        iterations=4096,
        stored_key=hashlib.new(digest, client_key).digest(),
        server_key=hmac.digest(salted, b"Server Key", digest),
    )
    assert expected == derive("pencil", b"salt", iterations=4096, hash_name=hash_name)
    assert size == len(expected.stored_key)


def test_derive_known() -> None:
    """
    The secret of the example of RFC 7677 section 3, as other servers store it.
    """
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    secret = derive("pencil", salt, iterations=4096)

    assert b"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=" == base64.b64encode(secret.stored_key)
    assert b"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=" == base64.b64encode(secret.server_key)


def test_derive_prepares() -> None:
    """
    The password is prepared before it is hashed.
    """
    prepared = derive("IX", b"salt", iterations=4096)

    assert prepared == derive("\u2168", b"salt", iterations=4096)


@pytest.mark.parametrize(
    ("password", "salt", "iterations", "hash_name"),
    [
        pytest.param("p", b"s", 4095, "SHA-256", id="few iterations"),
        pytest.param("p", b"s", 0, "SHA-256", id="no iterations"),
        pytest.param("p", b"", 4096, "SHA-256", id="no salt"),
        pytest.param("p", b"s", 4096, "MD5", id="unknown hash"),
    ],
)
def test_derive_refuses(password: str, salt: bytes, iterations: int, hash_name: str) -> None:
    """
    What would make a weak secret, or none, is refused.
    """
    with pytest.raises(ValueError):
        derive(password, salt, iterations=iterations, hash_name=hash_name)


@pytest.mark.parametrize("password", ["", "a\n", "\U0001f600"])
def test_derive_refuses_a_password(password: str) -> None:
    """
    A password that cannot be stored (RFC 4013) has no secret.
    """
    with pytest.raises(PreparationError):
        derive(password, b"salt", iterations=4096)


def test_s24_decoy_is_stable() -> None:
    """
    The same name gets the same decoy at each try, in any case, also after a restart.
    """
    again = Decoy(key=b"k" * 32, iterations=5000, salt_length=12)

    assert DECOY.secret("alice", "SHA-256") == again.secret("ALICE", "SHA-256")


def test_s24_decoy_looks_like_an_account() -> None:
    """
    Salt length and iterations are those of real accounts; sizes of keys those of the hash.
    """
    for hash_name, size in (("SHA-1", 20), ("SHA-256", 32)):
        secret = DECOY.secret("alice", hash_name)

        assert (12, 5000) == (len(secret.salt), secret.iterations)
        assert (size, size) == (len(secret.stored_key), len(secret.server_key))


def test_decoys_differ() -> None:
    """
    Names, hashes and keys each give another salt.
    """
    salts = {
        DECOY.secret("alice", "SHA-256").salt,
        DECOY.secret("bob", "SHA-256").salt,
        DECOY.secret("alice", "SHA-1").salt,
        Decoy(key=b"other", iterations=5000, salt_length=12).secret("alice", "SHA-256").salt,
    }

    assert 4 == len(salts)


def test_s24_keys_are_not_shown() -> None:
    """
    Neither the decoy's key nor stored keys are in a repr.
    """
    assert "kkkk" not in repr(DECOY)
    assert "key" not in repr(DECOY.secret("alice", "SHA-256"))
