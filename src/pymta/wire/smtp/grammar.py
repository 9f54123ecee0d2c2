"""
The grammar of SMTP commands, in both directions (:rfc:`5321#section-4.1`).

Each parser stands below the ABNF that it obeys.  What it refuses it refuses with a
:class:`~pymta.errors.RemoteProtocolError` that carries the answer; replies are left to
:mod:`pymta.wire.smtp.replies`.  All of it is linear in the length of the line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from pymta.address import Address, parse_domain
from pymta.errors import AddressError, RemoteProtocolError
from pymta.reply import Reply

__all__ = [
    "MAX_ENVID",
    "MAX_ORCPT",
    "Parameters",
    "decode_attributes",
    "decode_xtext",
    "encode_attributes",
    "encode_xtext",
    "format_path",
    "parse_hello",
    "parse_local_rcpt",
    "parse_mail",
    "parse_rcpt",
    "split_command",
]

# RFC 3461 section 4.4 and 4.2, in characters.
MAX_ENVID = 100
MAX_ORCPT = 500

Parameters: TypeAlias = Sequence[tuple[str, str | None]]

# A NUL, a bare CR and every other control would end lines, or strings, in some program behind us.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u00a0-\U0010ffff]+))?")
_QUOTED_LOCAL = re.compile(r'<(?:@[^:"]*:)?"(?:[^"\\]|\\.)*"')
_HEXCHAR = re.compile(rb"\+([0-9A-F]{2})")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_NOT_XCHAR = re.compile(rb"[^!-*,-<>-~]")
_ATTRIBUTE = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)=(.*)")


def _syntax(status: str, text: str) -> RemoteProtocolError:
    return RemoteProtocolError(text, Reply(501, status, text))


# command = verb [ SP argument ] CRLF
# RFC 5321 section 4.1.1: white space before the CRLF is tolerated; section 2.4: verbs are
# in any case.
def split_command(line: bytes) -> tuple[str, str]:
    """
    Take a command line, without its end, apart: the verb in upper case, and the rest.

    :raises RemoteProtocolError: for control characters and for what is not UTF-8.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise RemoteProtocolError("not UTF-8", Reply(500, "5.5.2", "Not UTF-8")) from None
    text = text.rstrip(" \t")
    if _CONTROL.search(text):
        raise RemoteProtocolError(
            "control character", Reply(500, "5.5.2", "Control character in the command")
        )
    verb, _, argument = text.partition(" ")
    # U+017F in upper case is "S": only ASCII is in any case.
    return verb.upper() if verb.isascii() else verb, argument.lstrip(" ")


# ehlo = "EHLO" SP ( Domain / address-literal ) CRLF ; helo = "HELO" SP Domain CRLF
def parse_hello(argument: str) -> str:
    """
    Parse what a client calls itself; give it back.

    Underscores pass, for the names of Windows machines hold them.  Whether the name is the
    client's is not asked here (:rfc:`5321#section-4.1.4`).
    """
    # RFC 6531 section 3.7.1: A-labels, since SMTPUTF8 is not known yet.
    try:
        if not argument.isascii():
            raise AddressError("A-labels, please")
        parse_domain(argument if argument.startswith("[") else argument.replace("_", "u"))
    except AddressError:
        raise _syntax("5.5.4", "Domain or address literal expected") from None
    return argument


# mail = "MAIL FROM:" Reverse-path [ SP Mail-parameters ] CRLF ; Reverse-path = Path / "<>"
def parse_mail(argument: str) -> tuple[Address | None, Parameters]:
    """Parse the argument of MAIL: the reverse path, None if null, and the parameters."""
    path, parameters = _split_path(argument, "FROM:", "5.1.7")
    return (None if path == "<>" else _parse_path(path, "5.1.7")), parameters


# rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path )
#        [ SP Rcpt-parameters ] CRLF
def parse_rcpt(argument: str) -> tuple[Address, Parameters]:
    """
    Parse the argument of RCPT: the forward path and the parameters.

    The bare ``<postmaster>``, in any case, has an empty domain.
    """
    path, parameters = _split_path(argument, "TO:", "5.1.3")
    # RFC 5321 section 4.1.1.3.
    if path[1:-1].lower() == "postmaster":
        return Address(path[1:-1], ""), parameters
    return _parse_path(path, "5.1.3"), parameters


def parse_local_rcpt(argument: str) -> tuple[Address, Parameters]:
    """
    Parse the argument of RCPT where deliveries are to our own mailboxes: LMTP.

    A local part alone has an empty domain, whoever's it is: other deliverers know accounts by
    their names, and many of them say no more.
    """
    path, parameters = _split_path(argument, "TO:", "5.1.3")
    try:
        local = Address.parse(f"{path[1:-1]}@localhost").local
    except AddressError:
        return _parse_path(path, "5.1.3"), parameters
    return Address(local, ""), parameters


def _split_path(argument: str, word: str, status: str) -> tuple[str, Parameters]:
    if argument[: len(word)].upper() != word:
        raise _syntax("5.5.4", f"{word}<address> expected")
    # RFC 5321 section 3.3 has no space here; enough clients do that nobody refuses it.
    text = argument[len(word) :].lstrip(" ")
    # Only a quoted string can hold a ">" that does not end the path.
    quoted = _QUOTED_LOCAL.match(text)
    end = text.find(">", quoted.end() if quoted else 0)
    if not text.startswith("<") or end < 0:
        raise _syntax(status, f"{word}<address> expected")
    rest = text[end + 1 :]
    if not rest:
        return text, ()
    if not rest.startswith(" "):
        raise _syntax("5.5.4", "Space expected behind the address")
    return text[: end + 1], _parse_parameters(rest)


# Path = "<" [ A-d-l ":" ] Mailbox ">" ; A-d-l = At-domain *( "," At-domain )
# At-domain = "@" Domain
def _parse_path(path: str, status: str) -> Address:
    mailbox = path[1:-1]
    try:
        if mailbox.startswith("@"):
            # RFC 5321 section 4.1.2: a source route is accepted, and ignored.
            route, colon, mailbox = mailbox.partition(":")
            for hop in route.split(","):
                if not colon or not hop.startswith("@"):
                    raise AddressError("malformed source route")
                parse_domain(hop[1:])
        return Address.parse(mailbox)
    except AddressError as error:
        raise _syntax(status, f"Bad address syntax: {error}") from None


# Mail-parameters = esmtp-param *( SP esmtp-param )
# esmtp-param = esmtp-keyword [ "=" esmtp-value ]
# esmtp-keyword = ( ALPHA / DIGIT ) *( ALPHA / DIGIT / "-" )
# esmtp-value = 1*( %d33-60 / %d62-126 / UTF8-non-ascii )        ; RFC 6531 section 3.3
def _parse_parameters(text: str) -> Parameters:
    parameters: dict[str, str | None] = {}
    for word in text.split(" "):
        if not word:
            continue
        found = _PARAMETER.fullmatch(word)
        if found is None:
            raise _syntax("5.5.4", "Malformed parameter")
        keyword = found[1].upper()
        if keyword in parameters:
            raise _syntax("5.5.4", f"{keyword} given twice")
        parameters[keyword] = found[2]
    return tuple(parameters.items())


def format_path(address: Address | None) -> str:
    """A path in its brackets; None is the null reverse path."""
    return "<>" if address is None else f"<{address}>"


# xtext = *( xchar / hexchar )
# xchar = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "="
# hexchar = ASCII "+" immediately followed by two upper case hexadecimal digits
def decode_xtext(text: str) -> str:
    """
    Undo the xtext of :rfc:`3461#section-4`.

    :raises ValueError: for what is no xtext, and for encoded octets that are a control
        character or not UTF-8: they would be written into headers and logs.
    """
    if not _XTEXT.fullmatch(text):
        raise ValueError("no xtext")
    if "+" not in text:
        return text
    octets = _HEXCHAR.sub(lambda found: bytes((int(found[1], 16),)), text.encode())
    decoded = octets.decode("utf-8")  # a UnicodeDecodeError is a ValueError
    if _CONTROL.search(decoded):
        raise ValueError("control character in xtext")
    return decoded


def encode_xtext(text: str) -> str:
    """Write ``text`` as xtext."""
    return _NOT_XCHAR.sub(lambda found: b"+%02X" % found[0][0], text.encode()).decode("ascii")


# XCLIENT SP attribute=xtext *( SP attribute=xtext ), and so for XFORWARD: the syntax of Postfix's
# XCLIENT_README and XFORWARD_README, where older senders use the value unencoded.
def decode_attributes(argument: str) -> dict[str, str]:
    """
    Parse the attributes of XCLIENT or XFORWARD; names in upper case.

    The values ``[UNAVAILABLE]`` and ``[TEMPUNAVAIL]`` are left as they are.
    """
    attributes: dict[str, str] = {}
    for word in filter(None, argument.split(" ")):
        found = _ATTRIBUTE.fullmatch(word)
        if found is None or found[1].upper() in attributes:
            raise _syntax("5.5.4", "attribute=value expected, once each")
        try:
            attributes[found[1].upper()] = decode_xtext(found[2])
        except ValueError:
            raise _syntax("5.5.4", "Malformed attribute value") from None
    if not attributes:
        raise _syntax("5.5.4", "attribute=value expected")
    return attributes


def encode_attributes(attributes: Sequence[tuple[str, str]]) -> str:
    """Write the argument of XCLIENT or XFORWARD."""
    return " ".join(f"{name}={encode_xtext(value)}" for name, value in attributes)
