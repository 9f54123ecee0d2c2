"""
Mail addresses as SMTP writes them (:rfc:`5321#section-4.1.2`, with :rfc:`6531#section-3.3`).

An :class:`Address` is parsed once, at the edge, and cannot hold CR, LF, NUL or any other
control character, so that no address injects a line anywhere it is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address

import idna

from pymta.errors import AddressError

__all__ = ["Address", "ascii_domain", "parse_domain"]

# RFC 5321 sections 4.5.3.1.1 to 4.5.3.1.3, in octets.
MAX_LOCAL = 64
MAX_DOMAIN = 255
MAX_ADDRESS = 254

# RFC 6531 section 3.3 adds UTF8-non-ascii to atext, qtextSMTP and sub-domain.  The C1 controls
# and the separators U+2028 and U+2029, which it admits by its letter, end lines in too many
# programs to be let in.
_UTF8 = "\u00a0-\u2027\u202a-\ud7ff\ue000-\U0010ffff"
_ATEXT = rf"A-Za-z0-9!#$%&'*+\-/=?^_`{{|}}~{_UTF8}"
_DOT_STRING = re.compile(rf"[{_ATEXT}]+(?:\.[{_ATEXT}]+)*")
_QUOTED_STRING = re.compile(rf'"(?:[ !#-\[\]-~{_UTF8}]|\\[ -~])*"')
_QUOTED_PAIR = re.compile(r"\\(.)")
_LABEL = rf"[A-Za-z0-9{_UTF8}](?:[A-Za-z0-9\-{_UTF8}]*[A-Za-z0-9{_UTF8}])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_SNUM = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_IPV4 = re.compile(rf"{_SNUM}(?:\.{_SNUM}){{3}}")


@dataclass(frozen=True, slots=True)
class Address:
    """
    A local part and a domain.

    Build one with :meth:`parse` from what a peer or a person wrote; the constructor is for
    parts that are valid already.

    :param local: without quotes and escapes: ``a b`` for ``"a\\ b"``.
    :param domain: as it was written; a literal in its brackets; empty only for the bare
        ``postmaster`` of :rfc:`5321#section-4.1.1.3`, and for names that LMTP gives alone.
    """

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """
        Parse ``Local-part "@" ( Domain / address-literal )``, without angle brackets.

        :raises AddressError: with the position of the first character that does not fit.
        """
        local, end = _parse_local(text)
        if text[end : end + 1] != "@":
            raise AddressError("'@' expected", end)
        domain = parse_domain(text[end + 1 :], end + 1)
        if len(text[:end].encode()) > MAX_LOCAL:  # quotes are part of it
            raise AddressError(f"local part longer than {MAX_LOCAL} octets")
        if len(text.encode()) > MAX_ADDRESS:
            raise AddressError(f"address longer than {MAX_ADDRESS} octets")
        return cls(local, domain)

    @property
    def is_ascii(self) -> bool:
        """Whether it can be sent without SMTPUTF8."""
        return self.local.isascii() and self.domain.isascii()

    @property
    def ascii_domain(self) -> str:
        """The domain in lower case with A-labels: what domains are compared by."""
        return ascii_domain(self.domain)

    @property
    def simplest(self) -> Address:
        """
        The same mailbox, its domain in A-labels where nothing else needs SMTPUTF8.

        What a person writes with U-labels then goes to servers without that extension, too.
        """
        if self.domain.isascii() or not self.local.isascii():
            return self
        return Address(self.local, self.ascii_domain)

    @property
    def key(self) -> tuple[str, str]:
        """
        What *local accounts* are compared by: both parts in one case.

        Other people's local parts are never folded (:rfc:`5321#section-2.4`).
        """
        return self.local.casefold(), self.ascii_domain

    def __str__(self) -> str:
        local = self.local
        if not _DOT_STRING.fullmatch(local):
            local = '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'
        return f"{local}@{self.domain}" if self.domain else local


def _parse_local(text: str) -> tuple[str, int]:
    if text.startswith('"'):
        found = _QUOTED_STRING.match(text)
        if found is None:
            raise AddressError("malformed quoted local part")
        return _QUOTED_PAIR.sub(r"\1", found[0][1:-1]), found.end()
    found = _DOT_STRING.match(text)
    if found is None:
        raise AddressError("local part expected")
    return found[0], found.end()


@lru_cache(maxsize=1024)
def parse_domain(text: str, position: int = 0) -> str:
    """
    Check a domain or address literal, and give it back.

    :param position: where in a larger text it starts, for the error.
    :raises AddressError: if it is neither.
    """
    if text.startswith("["):
        if not text.endswith("]") or not _is_literal(text[1:-1]):
            raise AddressError("malformed address literal", position)
        return text
    found = _DOMAIN.match(text)
    if found is None:
        raise AddressError("domain expected", position)
    if found.end() != len(text):
        raise AddressError("character not allowed in a domain", position + found.end())
    try:
        ascii_form = ascii_domain(text)
    except AddressError as error:
        raise AddressError(str(error), position) from None
    if len(ascii_form) > MAX_DOMAIN or any(len(label) > 63 for label in ascii_form.split(".")):
        raise AddressError("domain or label too long", position)
    return text


def _is_literal(text: str) -> bool:
    if text[:5].upper() == "IPV6:":
        return _is_ipv6(text[5:])
    # Of General-address-literal no other tag than IPv6 was ever registered.
    return bool(_IPV4.fullmatch(text))


def _is_ipv6(text: str) -> bool:
    # RFC 5321 section 4.1.3: no zones, and "::" stands for two groups at least.
    groups = len(text.replace("::", ":").strip(":").split(":")) + ("." in text)
    try:
        return "%" not in text and bool(IPv6Address(text)) and ("::" not in text or groups <= 6)
    except ValueError:
        return False


@lru_cache(maxsize=4096)
def ascii_domain(domain: str) -> str:
    """
    The domain in lower case, its U-labels as A-labels (:rfc:`5890#section-2.3.2.1`).

    :raises AddressError: for a label that IDNA does not know.
    """
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise AddressError(f"no internationalised domain: {error}") from None
