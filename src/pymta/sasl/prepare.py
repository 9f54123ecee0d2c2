"""
User names and passwords, prepared with SASLprep (:rfc:`4013`).

SASLprep and not its successor, PRECIS OpaqueString (:rfc:`8265#section-4.2`): PLAIN and SCRAM
name SASLprep, and in SCRAM the *client* prepares and hashes.  A server that normalised to NFC
where clients in use normalise to NFKC would refuse right passwords, and nobody could see why.
The price is Unicode 3.2: a password with a character newer than that (an emoji) works in PLAIN
and cannot be stored for SCRAM.
"""

from __future__ import annotations

import stringprep
from unicodedata import ucd_3_2_0

from pymta.errors import PymtaError

__all__ = ["PreparationError", "prepare_query", "prepare_stored"]

# RFC 4013 section 2.3.
_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


class PreparationError(PymtaError, ValueError):
    """A name or password that holds what none may, or nothing at all."""


def prepare_query(text: str) -> str:
    """
    Prepare what somebody sent, to be compared with what is stored.

    Characters that Unicode 3.2 does not know are let through (:rfc:`3454#section-7`).

    :raises PreparationError: a prohibited character, mixed directions, or nothing is left.
    """
    if text.isascii() and text.isprintable() and text:
        return text
    prepared = ucd_3_2_0.normalize("NFKC", _mapped(text))
    if not prepared:
        raise PreparationError("nothing is left")
    if any(prohibits(c) for c in prepared for prohibits in _PROHIBITED):
        raise PreparationError("a prohibited character")
    _check_directions(prepared)
    return prepared


def prepare_stored(text: str) -> str:
    """
    Prepare what is going to be stored, or hashed.

    :raises PreparationError: as :func:`prepare_query`, and for a character that Unicode 3.2
        does not know: a later version might normalise it to another.
    """
    prepared = prepare_query(text)
    # RFC 4013 section 2.5.
    if any(stringprep.in_table_a1(c) for c in prepared):
        raise PreparationError("a character unknown to Unicode 3.2")
    return prepared


def _mapped(text: str) -> str:
    # RFC 4013 section 2.1.  U+200B is in both tables; most clients make a space of it.
    return "".join(
        " " if stringprep.in_table_c12(c) else c
        for c in text
        if stringprep.in_table_c12(c) or not stringprep.in_table_b1(c)
    )


def _check_directions(text: str) -> None:
    # RFC 3454 section 6.
    right_to_left = [stringprep.in_table_d1(c) for c in text]
    if not any(right_to_left):
        return
    if any(stringprep.in_table_d2(c) for c in text):
        raise PreparationError("mixed directions")
    if not (right_to_left[0] and right_to_left[-1]):
        raise PreparationError("right-to-left text that does not begin and end so")
