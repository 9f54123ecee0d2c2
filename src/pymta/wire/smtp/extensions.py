"""
SMTP service extensions, as values that are registered with a machine (:rfc:`5321#section-2.2`).

Ours come through the same door as anybody's: an :class:`Extension` names its EHLO keyword, its
parameters of MAIL and RCPT in both directions, and its verbs.  What is not registered is not
announced, its parameters are answered 555 5.5.4 and its verbs 502.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Generic, TypeAlias, TypeVar

from pymta.address import Address
from pymta.envelope import Body, Notify, OriginalRecipient, Recipient, Return, Sender
from pymta.session import TLS, Role
from pymta.wire.smtp.grammar import MAX_ENVID, MAX_ORCPT, decode_xtext, encode_xtext
from pymta.wire.smtp.limits import Limits

__all__ = [
    "BINARYMIME",
    "CHUNKING",
    "DSN",
    "EIGHTBITMIME",
    "ENHANCEDSTATUSCODES",
    "EXPN",
    "HELP",
    "LIMITS",
    "PIPELINING",
    "SIZE",
    "SMTPUTF8",
    "STANDARD",
    "STARTTLS",
    "VRFY",
    "Extension",
    "ExtensionTable",
    "MailParameter",
    "Parameter",
    "RcptParameter",
    "Standing",
    "auth",
    "format_mail_parameters",
    "format_rcpt_parameters",
    "parse_limits",
    "xclient",
    "xforward",
]

Subject = TypeVar("Subject", Sender, Recipient)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """
    What an extension may know of the connection when it is announced.

    :param tls: what the handshake agreed on, where that is known.
    :param limits: those that the machine enforces.
    """

    role: Role
    in_tls: bool
    authenticated: bool
    limits: Limits
    tls: TLS | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Generic[Subject]):
    """
    One parameter of MAIL, which speaks of a sender, or of RCPT, which speaks of a recipient.

    :param keyword: in upper case.  Where several extensions give one keyword, each of their
        parsers is tried, in the order of registration, until one takes the value.
    :param parse: the sender or recipient so far, and the value, None if it had none; gives it
        with what the parameter said.  A ValueError is answered 501 5.5.4, a
        :class:`~pymta.errors.Refused` with its reply.
    :param format: what a client writes, ``"BODY=8BITMIME"``; None for nothing.
    """

    keyword: str
    parse: Callable[[Subject, str | None], Subject]
    format: Callable[[Subject], str | None]


MailParameter: TypeAlias = Parameter[Sender]
RcptParameter: TypeAlias = Parameter[Recipient]


def _always(standing: Standing) -> str | None:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """
    One extension.

    :param keyword: of EHLO, in upper case.
    :param announce: what stands behind the keyword in the answer to EHLO, ``""`` for nothing;
        None where the extension is not announced now.
    :param mail: its parameters of MAIL.
    :param rcpt: its parameters of RCPT.
    :param verbs: the commands it adds, in upper case.  Those that the machine does not know
        itself come as :class:`~pymta.wire.smtp.events.Command`, outside of transactions only.
    :param requires: keywords without which it cannot be registered.
    """

    keyword: str
    announce: Callable[[Standing], str | None] = _always
    mail: tuple[MailParameter, ...] = ()
    rcpt: tuple[RcptParameter, ...] = ()
    verbs: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()


class ExtensionTable:
    """
    Extensions, looked up by what commands name.  Immutable: one serves all connections.

    :raises ValueError: for a keyword given twice, or one whose required companion is missing.
    """

    def __init__(self, extensions: Iterable[Extension]) -> None:
        self.extensions: Sequence[Extension] = tuple(extensions)
        by_keyword = {extension.keyword: extension for extension in self.extensions}
        if len(by_keyword) != len(self.extensions):
            raise ValueError("an extension is registered twice")
        for extension in self.extensions:
            for missing in set(extension.requires) - by_keyword.keys():
                raise ValueError(f"{extension.keyword} needs {missing}")
        mail: dict[str, tuple[MailParameter, ...]] = {}
        rcpt: dict[str, tuple[RcptParameter, ...]] = {}
        for extension in self.extensions:
            for sender_parameter in extension.mail:
                word = sender_parameter.keyword
                mail[word] = (*mail.get(word, ()), sender_parameter)
            for parameter in extension.rcpt:
                rcpt[parameter.keyword] = (*rcpt.get(parameter.keyword, ()), parameter)
        self.keywords: Mapping[str, Extension] = MappingProxyType(by_keyword)
        self.mail: Mapping[str, Sequence[MailParameter]] = MappingProxyType(mail)
        self.rcpt: Mapping[str, Sequence[RcptParameter]] = MappingProxyType(rcpt)
        self.verbs = frozenset(verb for extension in self.extensions for verb in extension.verbs)

    def __contains__(self, keyword: object) -> bool:
        return keyword in self.keywords

    def announced(self, standing: Standing) -> list[str]:
        """The lines of the answer to EHLO behind its first, in the order of registration."""
        lines = []
        for extension in self.extensions:
            text = extension.announce(standing)
            if text is not None:
                lines.append(f"{extension.keyword} {text}" if text else extension.keyword)
        return lines


def format_mail_parameters(sender: Sender, extensions: Iterable[Extension]) -> list[str]:
    """What a client writes behind the reverse path, given what the server offers."""
    words = (p.format(sender) for extension in extensions for p in extension.mail)
    return [word for word in words if word is not None]


def format_rcpt_parameters(recipient: Recipient, extensions: Iterable[Extension]) -> list[str]:
    """What a client writes behind the forward path, given what the server offers."""
    words = (p.format(recipient) for extension in extensions for p in extension.rcpt)
    return [word for word in words if word is not None]


# -- PIPELINING (RFC 2920), ENHANCEDSTATUSCODES (RFC 2034), CHUNKING (RFC 3030) ----------------

PIPELINING = Extension(keyword="PIPELINING")
ENHANCEDSTATUSCODES = Extension(keyword="ENHANCEDSTATUSCODES")
CHUNKING = Extension(keyword="CHUNKING", verbs=("BDAT",))


def _keyword(value: str | None) -> str:
    # Only ASCII is in any case: U+017F in upper case is "S".
    return value.upper() if value is not None and value.isascii() else ""


# -- SIZE (RFC 1870) ---------------------------------------------------------------------------

_DIGITS = re.compile(r"[0-9]{1,20}")


def _announce_size(standing: Standing) -> str | None:
    # RFC 1870 section 4: 0 is "no fixed maximum".
    return str(standing.limits.message_size or 0)


# size-value ::= 1*20DIGIT
def _parse_size(sender: Sender, value: str | None) -> Sender:
    if value is None or not _DIGITS.fullmatch(value):
        raise ValueError("SIZE=octets expected")
    return replace(sender, size=int(value))


def _format_size(sender: Sender) -> str | None:
    return None if sender.size is None else f"SIZE={sender.size}"


SIZE = Extension(
    keyword="SIZE",
    announce=_announce_size,
    mail=(Parameter(keyword="SIZE", parse=_parse_size, format=_format_size),),
)

# -- 8BITMIME (RFC 6152) and BINARYMIME (RFC 3030) ---------------------------------------------


# body-value ::= "7BIT" / "8BITMIME"
def _parse_body(sender: Sender, value: str | None) -> Sender:
    match _keyword(value):
        case "7BIT":
            return replace(sender, body=Body.SEVEN_BIT)
        case "8BITMIME":
            return replace(sender, body=Body.EIGHT_BIT)
        case _:
            raise ValueError("unknown BODY")


# body-value ::= "7BIT" / "8BITMIME" / "BINARYMIME"         ; RFC 3030 section 3
def _parse_binary(sender: Sender, value: str | None) -> Sender:
    if _keyword(value) != "BINARYMIME":
        raise ValueError("unknown BODY")
    return replace(sender, body=Body.BINARY)


def _format_eight_bit(sender: Sender) -> str | None:
    return "BODY=8BITMIME" if sender.body is Body.EIGHT_BIT else None


def _format_binary(sender: Sender) -> str | None:
    return "BODY=BINARYMIME" if sender.body is Body.BINARY else None


EIGHTBITMIME = Extension(
    keyword="8BITMIME",
    mail=(Parameter(keyword="BODY", parse=_parse_body, format=_format_eight_bit),),
)
BINARYMIME = Extension(
    keyword="BINARYMIME",
    mail=(Parameter(keyword="BODY", parse=_parse_binary, format=_format_binary),),
    # RFC 3030 section 3 item 3.
    requires=("CHUNKING",),
)

# -- SMTPUTF8 (RFC 6531) -----------------------------------------------------------------------


def _parse_smtputf8(sender: Sender, value: str | None) -> Sender:
    if value is not None:
        raise ValueError("SMTPUTF8 has no value")
    return replace(sender, smtputf8=True)


def _format_smtputf8(sender: Sender) -> str | None:
    return "SMTPUTF8" if sender.smtputf8 else None


SMTPUTF8 = Extension(
    keyword="SMTPUTF8",
    mail=(Parameter(keyword="SMTPUTF8", parse=_parse_smtputf8, format=_format_smtputf8),),
    # RFC 6531 section 3.1 item 8.
    requires=("8BITMIME",),
)

# -- DSN (RFC 3461) ----------------------------------------------------------------------------

_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*/?^_`{|}~-]+")
_PRINTABLE = re.compile(r"[ -~]*")


# ret-value = "FULL" / "HDRS"
def _parse_ret(sender: Sender, value: str | None) -> Sender:
    return replace(sender, ret=Return(_keyword(value)))


def _format_ret(sender: Sender) -> str | None:
    return None if sender.ret is None else f"RET={sender.ret.value}"


# envid-parameter = "ENVID=" xtext
def _parse_envid(sender: Sender, value: str | None) -> Sender:
    # RFC 3461 section 4.4: printable US-ASCII when decoded, not longer than 100 characters.
    if value is None or len(value) > MAX_ENVID:
        raise ValueError("ENVID missing or too long")
    envid = decode_xtext(value)
    if not _PRINTABLE.fullmatch(envid):
        raise ValueError("ENVID not printable")
    return replace(sender, envid=envid)


def _format_envid(sender: Sender) -> str | None:
    return None if sender.envid is None else f"ENVID={encode_xtext(sender.envid)}"


_NOTIFY = {flag.name: flag for flag in Notify}


# notify-esmtp-value = "NEVER" / 1#notify-list-element
# notify-list-element = "SUCCESS" / "FAILURE" / "DELAY"
def _parse_notify(recipient: Recipient, value: str | None) -> Recipient:
    text = _keyword(value)
    notify = Notify.NEVER
    if text != "NEVER":
        for word in text.split(","):
            if word not in _NOTIFY:
                raise ValueError("unknown NOTIFY")
            notify |= _NOTIFY[word]
    return replace(recipient, notify=notify)


def _format_notify(recipient: Recipient) -> str | None:
    if recipient.notify is None:
        return None
    names = [str(flag.name) for flag in Notify if flag in recipient.notify]
    return f"NOTIFY={','.join(names) or 'NEVER'}"


# utf-8-enc-addr = utf-8-addr-xtext / utf-8-addr-unitext / utf-8-address   ; RFC 6533 section 3
# EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}"                           ; "\x{"
_EMBEDDED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_UTF8_ADDRESS = re.compile(r"(?:[!-*,-<>-\[\]-~\u00a0-\U0010ffff]|\\x\{[0-9A-Fa-f]{2,6}\})+")
_NOT_QCHAR = re.compile(r"[^!-*,-<>-\[\]-~]")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


# original-recipient-address = addr-type ";" xtext
def _parse_orcpt(recipient: Recipient, value: str | None) -> Recipient:
    if value is None or len(value) > MAX_ORCPT:
        raise ValueError("ORCPT missing or too long")
    kind, semicolon, text = value.partition(";")
    if not semicolon or not _ATOM.fullmatch(kind):
        raise ValueError("ORCPT=type;address expected")
    decoded = _decode_utf8_address(text) if kind.lower() == "utf-8" else decode_xtext(text)
    if not decoded or _UNPRINTABLE.search(decoded):
        raise ValueError("ORCPT cannot be printed")
    return replace(recipient, orcpt=OriginalRecipient(kind, decoded))


def _decode_utf8_address(text: str) -> str:
    if not _UTF8_ADDRESS.fullmatch(text):
        raise ValueError("malformed utf-8 address")
    return _EMBEDDED.sub(lambda found: chr(int(found[1], 16)), text)


def _format_orcpt(recipient: Recipient) -> str | None:
    if recipient.orcpt is None:
        return None
    text = recipient.orcpt.text
    if recipient.orcpt.type.lower() == "utf-8":
        encoded = _NOT_QCHAR.sub(lambda found: f"\\x{{{ord(found[0]):02X}}}", text)
    else:
        encoded = encode_xtext(text)
    return f"ORCPT={recipient.orcpt.type};{encoded}"


DSN = Extension(
    keyword="DSN",
    mail=(
        Parameter(keyword="RET", parse=_parse_ret, format=_format_ret),
        Parameter(keyword="ENVID", parse=_parse_envid, format=_format_envid),
    ),
    rcpt=(
        Parameter(keyword="NOTIFY", parse=_parse_notify, format=_format_notify),
        Parameter(keyword="ORCPT", parse=_parse_orcpt, format=_format_orcpt),
    ),
)

# -- LIMITS (RFC 9422) -------------------------------------------------------------------------

_LIMIT = re.compile(r"([A-Za-z0-9_-]+)(?:=([!-:<-~]+))?")


def _announce_limits(standing: Standing) -> str | None:
    limits = standing.limits
    names = {
        "MAILMAX": limits.mails,
        "RCPTMAX": limits.recipients,
        "RCPTDOMAINMAX": limits.recipient_domains,
    }
    # RFC 9422: one limit at least, each of one to six digits and not zero.
    words = [f"{name}={value}" for name, value in names.items() if value and value < 10**6]
    return " ".join(words) or None


# limits-param = limit-name-value *( SP limit-name-value )         ; RFC 9422
# limit-name-value = limit-name [ "=" limit-value ]
@lru_cache(maxsize=256)  # asked for several times a transaction, and few servers have any
def parse_limits(text: str) -> Mapping[str, int]:
    """
    For clients: the limits in the text behind ``LIMITS`` that are numbers, by name.

    What is malformed, zero or beyond six digits is left out: it is only advice
    (:rfc:`9422`).
    """
    limits: dict[str, int] = {}
    for word in text.split():
        found = _LIMIT.fullmatch(word)
        value = found[2] if found else None
        if found and value and value.isascii() and value.isdigit() and len(value) <= 6:
            limits[found[1].upper()] = int(value)
    return MappingProxyType({name: value for name, value in limits.items() if value > 0})


LIMITS = Extension(keyword="LIMITS", announce=_announce_limits)

# -- STARTTLS (RFC 3207) -----------------------------------------------------------------------


def _announce_starttls(standing: Standing) -> str | None:
    # RFC 3207 section 4.2: not offered inside of TLS.
    return None if standing.in_tls else ""


STARTTLS = Extension(keyword="STARTTLS", announce=_announce_starttls, verbs=("STARTTLS",))

# -- AUTH (RFC 4954) ---------------------------------------------------------------------------


# auth-param = "AUTH=" xtext-encoded ( Mailbox / "<>" )
def _parse_auth(sender: Sender, value: str | None) -> Sender:
    if not value:
        raise ValueError("AUTH=mailbox expected")
    identity = decode_xtext(value)
    if identity == "<>":
        return replace(sender, auth="")
    Address.parse(identity)
    return replace(sender, auth=identity)


def _format_auth(sender: Sender) -> str | None:
    if sender.auth is None:
        return None
    return f"AUTH={encode_xtext(sender.auth) if sender.auth else '<>'}"


def auth(mechanisms: Callable[[Standing], Sequence[str]]) -> Extension:
    """
    AUTH.

    :param mechanisms: the SASL mechanisms that may be used now, in the order to announce;
        asked at EHLO and at AUTH.  Give none that are plain text outside of TLS.
    """

    def announce(standing: Standing) -> str | None:
        return " ".join(mechanisms(standing)) or None

    return Extension(
        keyword="AUTH",
        announce=announce,
        mail=(Parameter(keyword="AUTH", parse=_parse_auth, format=_format_auth),),
        verbs=("AUTH",),
    )


# -- what RFC 5321 has itself ------------------------------------------------------------------

HELP = Extension(keyword="HELP", verbs=("HELP",))
VRFY = Extension(keyword="VRFY", verbs=("VRFY",))
EXPN = Extension(keyword="EXPN", verbs=("EXPN",))

# -- XCLIENT and XFORWARD, as Postfix has them -------------------------------------------------

_XCLIENT = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT")
_XFORWARD = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE")


def xclient(attributes: Sequence[str] = _XCLIENT) -> Extension:
    """XCLIENT, for listed peers only: register it for nobody else (S21)."""
    text = " ".join(attributes)
    return Extension(keyword="XCLIENT", announce=lambda standing: text, verbs=("XCLIENT",))


def xforward(attributes: Sequence[str] = _XFORWARD) -> Extension:
    """XFORWARD, for listed peers only: register it for nobody else (S21)."""
    text = " ".join(attributes)
    return Extension(keyword="XFORWARD", announce=lambda standing: text, verbs=("XFORWARD",))


STANDARD = (
    PIPELINING,
    SIZE,
    EIGHTBITMIME,
    CHUNKING,
    BINARYMIME,
    SMTPUTF8,
    DSN,
    ENHANCEDSTATUSCODES,
    LIMITS,
    HELP,
)
"""What every listener offers; STARTTLS, AUTH and the rest depend on how it is set up."""
