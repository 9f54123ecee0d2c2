"""
The lines of POP3: the grammar of :rfc:`2449#section-3`, read and written.

A command's line ends with CRLF; a bare LF is taken for it, in an AUTH exchange too, since people
and scripts send it and nothing that POP3 carries can be smuggled by it.  Any other control
character is refused.  Reading raises :class:`Refusal` with the sentence to answer; writing
raises LocalProtocolError for a text that would break the line.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from typing import Final

from pymta.errors import LocalProtocolError, RemoteProtocolError
from pymta.wire.pop3.texts import Text

__all__ = [
    "LANGUAGE_RANGE",
    "MECHANISM",
    "RESPONSE_LINE",
    "TIMESTAMP",
    "Refusal",
    "check_argument",
    "decode_base64",
    "encode_base64",
    "name_text",
    "number",
    "response",
    "split_code",
    "split_command",
    "strip_end",
]

#: RFC 2449 section 4: the first line of a response, and RFC 2449 section 5: a capability.
RESPONSE_LINE: Final = 512

#: Message numbers and counts of lines: what every client and database can hold.
_HIGHEST: Final = 2**32 - 1

_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")
_CONTROL_TEXT: Final = re.compile(r"[\x00-\x1f\x7f]")
_NUMBER: Final = re.compile(rb"[0-9]{1,10}")
# rchar is printable ASCII without "]" and "/", which separates the levels.
_CODE: Final = re.compile(r"[!-.0-\\^-~]+(?:/[!-.0-\\^-~]+)*")
_LEADING_CODE: Final = re.compile(r"\[([!-\\^-~]+)\] ?")
# RFC 4422 section 3.1
MECHANISM: Final = re.compile(rb"[A-Z0-9_-]{1,20}")
# RFC 4647 section 2.1; a tag of 100 characters exists nowhere.
LANGUAGE_RANGE: Final = re.compile(rb"\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,11}")
# RFC 2449 section 3: a msg-id, of VCHAR
TIMESTAMP: Final = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")


class Refusal(RemoteProtocolError):
    """A line of the peer gets -ERR from the machine itself."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.value)
        self.text = text


# -- reading -----------------------------------------------------------------


def strip_end(line: bytes) -> bytes:
    """A line without its CRLF or LF."""
    return line[:-2] if line.endswith(b"\r\n") else line[:-1]


def split_command(line: bytes) -> tuple[bytes, bytes]:
    """The keyword, in upper case, and what follows its space."""
    keyword, _, argument = line.partition(b" ")
    # bytes.upper() knows ASCII only: as text, a sharp s would become "SS".
    return keyword.upper(), argument


def check_argument(argument: bytes) -> None:
    """Refuse control characters (:rfc:`1939#section-3`: arguments are printable)."""
    if _CONTROL.search(argument):
        raise Refusal(Text.ARGUMENTS)


def number(argument: bytes, *, lowest: int = 1) -> int:
    """A message number, or with ``lowest=0`` a count of lines."""
    if not _NUMBER.fullmatch(argument):
        raise Refusal(Text.ARGUMENTS)
    value = int(argument)
    if not lowest <= value <= _HIGHEST:
        raise Refusal(Text.ARGUMENTS)
    return value


def name_text(argument: bytes, *, encoding: str) -> str:
    """A login name or password: ``ascii`` or ``utf-8``, not empty."""
    try:
        text = argument.decode(encoding)  # RFC 6856 section 2.2: ill-formed UTF-8 is rejected
    except UnicodeDecodeError:
        raise Refusal(Text.ARGUMENTS) from None
    if not text:
        raise Refusal(Text.ARGUMENTS)
    return text


def decode_base64(data: bytes) -> bytes:
    """
    Base64 as :rfc:`5034#section-4` demands it: no other character, "=" at the end only.

    :raises Refusal: it is something else.
    """
    try:
        return a2b_base64(data, strict_mode=True)
    except Base64Error:
        raise Refusal(Text.NOT_BASE64) from None


# -- writing -----------------------------------------------------------------


def encode_base64(data: bytes) -> bytes:
    """On one line, however long."""
    return b2a_base64(data, newline=False)


def response(
    status: bytes, text: str, *, code: str | None = None, encoding: str = "ascii"
) -> bytes:
    """
    One response line; a text that is too long for it is cut.

    :param encoding: ``ascii``, in which other characters become "?", or ``utf-8`` after UTF8 or
        LANG (:rfc:`6856#section-3.2`).
    :raises LocalProtocolError: the text holds a control character or begins like a code, or the
        code is none.
    """
    if _CONTROL_TEXT.search(text):
        raise LocalProtocolError("a control character in the text of a response")
    if text.startswith("["):
        # RFC 2449 section 6.4: such a text would be a response code
        raise LocalProtocolError("the text of a response begins with '['")
    if code is not None:
        if not _CODE.fullmatch(code):
            raise LocalProtocolError(f"no response code: {code!r}")
        text = f"[{code}] {text}"
    line = status + b" " + text.encode(encoding, "replace") if text else status
    if len(line) > RESPONSE_LINE - 2:
        line = line[: RESPONSE_LINE - 2].decode("utf-8", "ignore").encode()
    return line + b"\r\n"


def split_code(text: str) -> tuple[str | None, str]:
    """The response code in front of a text, in upper case, and the rest of the text."""
    match = _LEADING_CODE.match(text)
    if match is None:
        return None, text
    return match[1].upper(), text[match.end() :]
