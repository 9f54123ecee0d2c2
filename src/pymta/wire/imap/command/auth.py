"""
Who is there: LOGIN, AUTHENTICATE, STARTTLS, UNAUTHENTICATE, LOGOUT (:rfc:`3501#section-6.2`).
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from dataclasses import dataclass, field
from typing import Final

from pymta.wire.imap.cursor import Cursor

__all__ = [
    "Authenticate",
    "Login",
    "Logout",
    "StartTLS",
    "Unauthenticate",
    "decode_response",
    "parse_authenticate",
    "parse_login",
    "parse_logout",
    "parse_starttls",
    "parse_unauthenticate",
]

# RFC 4422 section 3.1
_MECHANISM: Final = re.compile(r"[A-Z0-9_-]{1,20}")


@dataclass(frozen=True, slots=True)
class Login:
    """LOGIN: answered with ``logged_in`` or ``finish``."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authenticate:
    """
    AUTHENTICATE: begins an exchange of challenges and responses.

    :param mechanism: in upper case.
    :param initial: the initial response (:rfc:`4959`); None where the client sent none, which is
        not the same as an empty one.
    """

    mechanism: str
    initial: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StartTLS:
    """STARTTLS: answered with ``start_tls`` or ``finish``."""


@dataclass(frozen=True, slots=True)
class Unauthenticate:
    """UNAUTHENTICATE (:rfc:`8437`): answered with ``unauthenticated`` or ``finish``."""


@dataclass(frozen=True, slots=True)
class Logout:
    """LOGOUT: answered with ``finish``, which says BYE in front and closes."""


def parse_login(cursor: Cursor) -> Login:
    """Name and password."""
    cursor.space()
    name = cursor.text()
    cursor.space()
    return Login(name, cursor.text())


def parse_authenticate(cursor: Cursor) -> Authenticate:
    """A mechanism, and perhaps its initial response."""
    cursor.space()
    mechanism = cursor.word()
    if not _MECHANISM.fullmatch(mechanism):
        raise cursor.bad("mechanism expected")
    if cursor.peek(2) in (b"", b" "):
        return Authenticate(mechanism)
    cursor.space()
    initial = cursor.rest().rstrip(b" ")
    # RFC 4959 section 3: "=" is a response of no octets
    if initial == b"=":
        return Authenticate(mechanism, b"")
    return Authenticate(mechanism, _initial(cursor, initial))


def parse_starttls(_cursor: Cursor) -> StartTLS:
    """No arguments."""
    return StartTLS()


def parse_unauthenticate(_cursor: Cursor) -> Unauthenticate:
    """No arguments."""
    return Unauthenticate()


def parse_logout(_cursor: Cursor) -> Logout:
    """No arguments."""
    return Logout()


def decode_response(line: bytes) -> bytes:
    """A line of an exchange.  :raises ValueError: it is no base64, or the client cancels."""
    if line == b"*":
        # RFC 3501 section 6.2.2: MUST be rejected with BAD
        raise ValueError("cancelled")
    return _decode_base64(line)


def _decode_base64(data: bytes) -> bytes:
    """
    Base64 as :rfc:`4648#section-4` has it: no other character, "=" at the end only.

    :raises ValueError: it is something else.
    """
    try:
        return a2b_base64(data, strict_mode=True)
    except Base64Error:
        raise ValueError("not base64") from None


def _initial(cursor: Cursor, octets: bytes) -> bytes:
    try:
        return _decode_base64(octets)
    except ValueError as error:
        raise cursor.bad(str(error)) from None
