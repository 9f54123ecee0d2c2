"""
What queued addresses are found by: local parts as they are, domains in one case.

Other people's local parts are never folded (:rfc:`5321#section-2.4`).
"""

from __future__ import annotations

from pymta.address import Address, ascii_domain

__all__ = ["address_key", "matches", "query_key"]


def address_key(address: Address | None) -> str:
    """The key of an address; empty for the null reverse path."""
    if address is None:
        return ""
    return f"{address.local}@{address.ascii_domain}" if address.domain else address.local


def query_key(text: str) -> str:
    """
    The key of what somebody looks for: an address, ``@domain``, or ``""``.

    :raises pymta.errors.AddressError: it is none of them.
    """
    if text.startswith("@"):
        return f"@{ascii_domain(text[1:])}"
    return address_key(Address.parse(text)) if "@" in text else text


def matches(key: str, wanted: str) -> bool:
    """Whether a key is what the other one asks for."""
    return key.endswith(wanted) if wanted.startswith("@") else key == wanted
