"""
Unique ids (:rfc:`1939#section-7`): what a message is called in every session, for ever.

Clients fetch all mail again when the ids change, so who comes from another server keeps that
server's format: some are here ready-made, :func:`template` reads Dovecot's own notation, and any
other is a function.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from pymta.mailbox import UID, UIDValidity

__all__ = ["COURIER", "CYRUS", "DOVECOT", "PLAIN", "UIDLFormat", "check_format", "template"]

UIDLFormat: TypeAlias = Callable[[UIDValidity, UID], str]
"""
The unique id of a message: the same for the same arguments, another one for others; 1 to 70
characters from ``!`` to ``~``.
"""

#: RFC 1939 section 7
_UNIQUE_ID: Final = re.compile(r"[!-~]{1,70}")
_VARIABLE: Final = re.compile(r"%(0?)([0-9]{0,2})(X?)([uv%])")
_HIGHEST: Final = 2**32 - 1


def template(text: str) -> UIDLFormat:
    """
    A format in the notation of Dovecot's ``pop3_uidl_format``.

    :param text: ``%u`` is the UID, ``%v`` the UIDVALIDITY; ``%X``: in hexadecimal digits;
        ``%08``: in so many places.  ``%%`` is a percent sign.
    :raises ValueError: no such notation, or ids that are none or not unique.
    """
    pattern = "".join(_pieces(text))

    def unique_id(validity: UIDValidity, uid: UID) -> str:
        return pattern.format(v=validity, u=uid)

    check_format(unique_id)
    return unique_id


def _pieces(text: str) -> list[str]:
    pieces = []
    end = 0
    for variable in _VARIABLE.finditer(text):
        pieces += [_literal(text[end : variable.start()]), _replaced(variable)]
        end = variable.end()
    return [*pieces, _literal(text[end:])]


def _literal(text: str) -> str:
    if "%" in text:
        raise ValueError(f"no variable of a unique id: {text[text.index('%') :][:6]}")
    return text.replace("{", "{{").replace("}", "}}")


def _replaced(variable: re.Match[str]) -> str:
    zero, width, hexadecimal, name = variable.groups()
    if name == "%":
        return "%"
    return f"{{{name}:{zero}{width}{'x' if hexadecimal else 'd'}}}"


def check_format(unique_id: UIDLFormat) -> None:
    """:raises ValueError: it gives what is no unique id, or the same one twice."""
    low, high = 1, _HIGHEST
    pairs = [(low, low), (low, high), (high, low), (high, high)]
    ids = [unique_id(UIDValidity(validity), UID(uid)) for validity, uid in pairs]
    for each in ids:
        if not _UNIQUE_ID.fullmatch(each):
            raise ValueError(f"no unique id (1 to 70 characters from ! to ~): {each!r}")
    if len(set(ids)) < len(ids):
        raise ValueError("unique ids must differ with the UID and with the UIDVALIDITY")


PLAIN: Final = template("%v.%u")
CYRUS: Final = PLAIN
COURIER: Final = template("UID%u-%v")
DOVECOT: Final = template("%08Xu%08Xv")
