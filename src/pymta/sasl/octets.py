"""
Names and passwords as messages carry them: octets in, prepared text out.

What is no UTF-8, or holds NUL, is malformed; what SASLprep refuses fails like a wrong
password (:rfc:`4616#section-2`: "if preparation fails ... verification SHALL fail").
"""

from __future__ import annotations

from pymta.sasl.exchange import Fail
from pymta.sasl.prepare import PreparationError, prepare_query

__all__ = ["MAX_NAME", "MAX_PASSWORD", "authorization", "name", "password", "prepared_name", "text"]

# RFC 4616 section 2: servers MUST take up to 255 octets.  No address is longer.
MAX_NAME = 255
# Longer than any passphrase.  Normalising is quadratic in a run of combining characters.
MAX_PASSWORD = 1_024


def text(octets: bytes) -> str:
    """Decode UTF-8 that holds no NUL."""
    try:
        decoded = octets.decode()
    except UnicodeDecodeError:
        raise Fail("no UTF-8", malformed=True) from None
    if "\0" in decoded:
        raise Fail("NUL in a string", malformed=True)
    return decoded


def name(octets: bytes) -> str:
    """A user name, prepared; never empty."""
    return prepared_name(text(octets))


def prepared_name(decoded: str) -> str:
    """As :func:`name`, of text."""
    if not decoded:
        raise Fail("no user name", malformed=True)
    _limit(decoded, MAX_NAME)
    prepared = _prepared(decoded)
    # One character may become eighteen.
    _limit(prepared, MAX_NAME)
    return prepared


def authorization(octets: bytes) -> str:
    """
    An authorization identity, prepared; empty if it came empty.

    The mail protocols say that it is a simple user name (:rfc:`4954#section-4`,
    :rfc:`5034#section-4`).
    """
    return name(octets) if octets else ""


def password(octets: bytes) -> str:
    """A password, prepared; never empty."""
    decoded = text(octets)
    _limit(decoded, MAX_PASSWORD)
    return _prepared(decoded)


def _limit(decoded: str, limit: int) -> None:
    if len(decoded.encode()) > limit:
        raise Fail("name or password too long", malformed=True)


def _prepared(decoded: str) -> str:
    try:
        return prepare_query(decoded)
    except PreparationError as no:
        raise Fail(f"not prepared: {no}") from None
