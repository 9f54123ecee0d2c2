"""
The sentences that a server machine says of its own accord, and the codes in front of them.

LANG (:rfc:`6856#section-3`) replaces them: a table of :class:`Text` to sentence a language.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["ENGLISH", "Code", "Text"]


class Code(StrEnum):
    """
    The response codes known here (:rfc:`2449#section-8`); any other may be given as a string.
    """

    IN_USE = "IN-USE"
    LOGIN_DELAY = "LOGIN-DELAY"
    AUTH = "AUTH"  # RFC 3206 section 5
    SYS_TEMP = "SYS/TEMP"  # RFC 3206 section 4
    SYS_PERM = "SYS/PERM"
    UTF8 = "UTF8"  # RFC 6856 section 5


class Text(Enum):
    """A sentence, by what it says; its value is the English one."""

    UNKNOWN = "unknown command"
    ARGUMENTS = "wrong arguments"
    STATE = "not in this state"
    USER_FIRST = "USER comes first"
    NOT_OFFERED = "not available here and now"
    MECHANISM = "no such mechanism"
    NOT_BASE64 = "not base64"
    CANCELLED = "authentication cancelled"
    TOO_LONG = "line too long"
    AFTER_UTF8 = "STLS comes before UTF8"
    PIPELINED_TLS = "nothing may follow STLS"
    TOO_MANY_ERRORS = "too many errors"
    TOO_MANY_COMMANDS = "too many commands without a login"
    CAPABILITIES = "capability list follows"
    MECHANISMS = "mechanism list follows"
    GOODBYE = "goodbye"


ENGLISH: Final[Mapping[Text, str]] = MappingProxyType({text: text.value for text in Text})
