"""
The fields that a mail server adds: Received and Return-Path (:rfc:`5321#section-4.4`),
Delivered-To, and the Date and Message-ID that a submission lacks (:rfc:`6409#section-8`); and
the counts by which it sees a loop.

Each function gives one whole field as octets, CRLF included.  The time and what is random are
arguments.  What is not ASCII appears only with SMTPUTF8 (:rfc:`6531#section-3.7.3`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from pymta.address import Address, ascii_domain, parse_domain
from pymta.envelope import Recipient
from pymta.errors import AddressError, HeaderError
from pymta.message.dates import format_date
from pymta.message.header import Header, HeaderValue, build_field
from pymta.session import TLS, Role, Session

__all__ = [
    "MAX_RECEIVED",
    "address_literal",
    "count_received",
    "date_field",
    "delivered_to",
    "has_delivered_to",
    "message_id",
    "message_id_field",
    "received",
    "return_path",
]

MAX_RECEIVED = 100
"""A message with more Received fields is in a loop (:rfc:`5321#section-6.3`: at least 100)."""

_CIPHER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ID = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+")
# At the start of a line: one that goes on begins with white space.
_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)
_NOT_PRINTABLE = re.compile(r"[^ -~]+")


def received(
    session: Session,
    *,
    by: str,
    id: str,  # noqa: A002 - the clause's own name
    recipients: Sequence[Recipient],
    when: datetime,
    smtputf8: bool = False,
) -> bytes:
    """
    The Received field of a message that is taken now.

    :param by: our host name.
    :param id: the queue id, an atom.
    :param recipients: shown only if it is one: others would learn of blind copies
        (:rfc:`5321#section-7.2`).
    :param smtputf8: whether MAIL had that parameter.
    :raises HeaderError: for an id that is no atom.
    :raises AddressError: for a ``by`` that IDNA does not know.
    :raises ValueError: for a time without a zone.
    """
    if not _ID.fullmatch(id):
        raise HeaderError(f"no atom: {id!r}")
    clauses = [f"by {_domain(by, smtputf8)} id {id}"]
    if session.role is not Role.LOCAL:
        protocol = _protocol(session.protocol, smtputf8)
        clauses = [
            f"from {_from(session, smtputf8)}",
            f"by {_domain(by, smtputf8)} with {protocol} id {id}",
        ]
    if session.tls is not None:
        clauses.append(f"(version={_plain(session.tls.version)} {_cipher(session.tls)})")
    if len(recipients) == 1 and (smtputf8 or recipients[0].address.is_ascii):
        clauses.append(f"for <{recipients[0].address}>")
    if session.tls is not None and session.role is Role.SUBMISSION:
        clauses += _tls_clause(session.tls)
    clauses[-1] += ";"
    clauses.append(format_date(when))
    return build_field("Received", [HeaderValue.of(clause) for clause in clauses])


def _from(session: Session, smtputf8: object) -> str:
    literal = address_literal(session.peer.host)
    seen = " ".join(filter(None, (_domain_or_none(session.name, smtputf8), literal)))
    said = _domain_or_none(session.helo, smtputf8)
    if said is None:
        # RFC 5321 section 4.4: the clause must be there; what is no domain becomes a comment.
        said = literal or "localhost"
        seen += f" HELO {_plain(session.helo)}" if session.helo else ""
    return f"{said} ({seen.strip()})" if seen else said


def _protocol(word: str, smtputf8: object) -> str:
    # RFC 6531 section 4.3.
    return "UTF8" + word.removeprefix("E") if smtputf8 else word


def _cipher(tls: TLS) -> str:
    return f"cipher={_plain(tls.cipher)}"


def _tls_clause(tls: TLS) -> list[str]:
    # RFC 8314 section 4.3: by its registered name, which OpenSSL knows for TLS 1.3 only.
    registered = _CIPHER.fullmatch(tls.cipher) and tls.cipher.startswith("TLS_")
    return [f"tls {tls.cipher}"] if registered else []


def _domain(domain: str, smtputf8: object) -> str:
    return domain if smtputf8 or domain.isascii() else ascii_domain(domain)


def _domain_or_none(text: str | None, smtputf8: object) -> str | None:
    # A name from the DNS or from HELO may hold anything, parentheses among it.
    try:
        return _domain(parse_domain(text or ""), smtputf8)
    except AddressError:
        return None


def _plain(text: str) -> str:
    """Printable ASCII that ends no comment; a domain's length at most."""
    return re.sub(r"([()\\])", r"\\\1", _NOT_PRINTABLE.sub("?", text[:255]))


@lru_cache(maxsize=256)  # one client's messages have one address
def address_literal(host: str) -> str | None:
    """
    An IP address as :rfc:`5321#section-4.1.3` writes it, in its brackets; None if it is none.

    An IPv4 address that an IPv6 socket saw is written as such; a zone is left out.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return f"[IPv6:{address}]"
        address = address.ipv4_mapped
    return f"[{address}]"


def return_path(reverse_path: Address | None) -> bytes:
    """The Return-Path field of final delivery; None is the null reverse path."""
    path = "" if reverse_path is None else str(reverse_path)
    return build_field("Return-Path", [HeaderValue.of(f"<{path}>")])


def delivered_to(address: Address) -> bytes:
    """The Delivered-To field of one delivery, by which a later one sees the loop."""
    return build_field("Delivered-To", [HeaderValue.of(str(address))])


def has_delivered_to(header: Header, address: Address) -> bool:
    """Whether a Delivered-To field names the address: it has been here before (S23)."""
    wanted = str(address).casefold()
    fields = header.all(b"Delivered-To")
    return any(field.unfolded.decode("utf-8", "replace").casefold() == wanted for field in fields)


def count_received(header: bytes) -> int:
    """
    How many hops there were; compare with :data:`MAX_RECEIVED`.

    :param header: its octets: it need not be parsed for this.
    """
    return len(_RECEIVED.findall(header))


def date_field(now: datetime) -> bytes:
    """
    The Date field.

    :raises ValueError: for a time without a zone.
    """
    return build_field("Date", [HeaderValue.of(format_date(now))])


def message_id(domain: str, *, now: datetime, token: bytes) -> str:
    """
    A message id, in its angle brackets.

    :param token: at least eight octets that nobody had before, from a cryptographic source.
    :raises ValueError: for a shorter one, or a domain that is none.
    """
    if len(token) < 8:
        raise ValueError("token too short to be unique")
    return f"<{now:%Y%m%d%H%M%S}.{token.hex()}@{ascii_domain(parse_domain(domain))}>"


def message_id_field(id: str) -> bytes:  # noqa: A002 - the field's own name
    """The Message-ID field with that id."""
    return build_field("Message-ID", [HeaderValue.of(id)])
