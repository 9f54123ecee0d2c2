"""
Names inside messages whose attributes commas part: ``saslname`` of :rfc:`5802#section-7`.
"""

from __future__ import annotations

import re

from pymta.sasl.exchange import Fail

__all__ = ["decode_saslname", "encode_saslname"]

# RFC 5802 section 5.1: "=" not followed by 2C or 3D MUST fail.
_BROKEN = re.compile("=(?!2C|3D)")


def decode_saslname(value: str) -> str:
    """The name that ``value``, which holds no comma, stands for."""
    if not value or _BROKEN.search(value):
        raise Fail("no saslname", malformed=True)
    return value.replace("=2C", ",").replace("=3D", "=")


def encode_saslname(name: str) -> str:
    """The name as a message carries it."""
    return name.replace("=", "=3D").replace(",", "=2C")
