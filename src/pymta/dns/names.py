"""
Names as pymta writes them, and as the DNS does (:rfc:`1035#section-3.1`).

Ours are A-labels in lower case, with dots between them and none at the end.  Escapes are not
read: a backslash, a space or a control character is in no name that is asked for.
"""

from __future__ import annotations

import re

from dns.name import Name, root

from pymta.address import ascii_domain
from pymta.errors import AddressError, NoSuchName

__all__ = ["canonical", "from_text", "to_text"]

# RFC 1035 section 2.3.4: 255 octets on the wire, which are 253 in text; 63 a label.
_MOST = 253
_LABEL = re.compile(r"[!-\[\]-~]{1,63}")


def canonical(text: str) -> str:
    """
    The name in lower case, without a dot at its end, U-labels as A-labels.

    :raises pymta.errors.NoSuchName: nothing can have this name; nobody needs to be asked.
    """
    if len(text) > _MOST + 1:  # before it is kept or quoted anywhere
        raise NoSuchName(f"a name of {len(text)} characters")
    try:
        name = ascii_domain(text.removesuffix("."))
    except AddressError as error:
        raise NoSuchName(f"{text!r} is no name: {error}") from None
    if len(name) > _MOST or not all(map(_LABEL.fullmatch, name.split("."))):
        raise NoSuchName(f"{text!r} is no name")
    return name


def from_text(name: str) -> Name:
    """:param name: a canonical one."""
    return Name([*(label.encode("ascii") for label in name.split(".")), b""])


def to_text(name: Name) -> str:
    """
    Printable ASCII; empty for the root.

    What no name of ours can hold is escaped, so that asking for it again finds nothing.
    """
    return "" if name == root else name.to_text(omit_final_dot=True).lower()
