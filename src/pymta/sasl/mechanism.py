"""
What a server mechanism is, as a value that anybody can make: its name, and what it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NewType

from pymta.sasl.channel import Channel
from pymta.sasl.exchange import ServerExchange
from pymta.sasl.oauth import TokenHint
from pymta.sasl.scram.secret import Decoy

__all__ = [
    "CERTIFICATE_CHECK",
    "CHANNEL_BINDING",
    "CLEARTEXT_SECRET",
    "CLIENT_CERTIFICATE",
    "PASSWORD_CHECK",
    "SCRAM_SHA_1_SECRET",
    "SCRAM_SHA_256_SECRET",
    "TOKEN_CHECK",
    "Mechanism",
    "Need",
    "ServerSide",
]

Need = NewType("Need", str)
"""What a mechanism cannot work without.  Others may make their own."""

PASSWORD_CHECK = Need("password check")
"""The accounts answer :class:`~pymta.sasl.steps.CheckPassword`."""
SCRAM_SHA_256_SECRET = Need("SCRAM-SHA-256 secret")
"""The accounts answer :class:`~pymta.sasl.steps.FetchSCRAM` for SHA-256."""
SCRAM_SHA_1_SECRET = Need("SCRAM-SHA-1 secret")
"""The same for SHA-1."""
CLEARTEXT_SECRET = Need("clear-text secret")
"""The accounts answer :class:`~pymta.sasl.steps.FetchPassword`."""
TOKEN_CHECK = Need("token check")
"""Somebody answers :class:`~pymta.sasl.steps.CheckToken`."""
CERTIFICATE_CHECK = Need("certificate check")
"""The accounts answer :class:`~pymta.sasl.steps.CheckExternal`."""
CLIENT_CERTIFICATE = Need("TLS client certificate")
"""The connection has one, verified."""
CHANNEL_BINDING = Need("channel binding")
"""The connection has something to bind to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSide:
    """
    What a server's exchange is made from.

    :param hostname: ours, as in the greeting.
    :param random: so many octets, unpredictable.
    :param hint: for clients whose token is refused.
    """

    hostname: str
    random: Callable[[int], bytes] = field(repr=False)
    decoy: Decoy
    channel: Channel
    hint: TokenHint = field(default_factory=TokenHint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """
    A mechanism that a server can offer.

    :param name: up to 20 capital letters, digits, "-" and "_" (:rfc:`4422#section-3.1`).
    :param plaintext: whoever reads the connection can log in afterwards: only where the channel
        is secure.
    :param server: makes the exchange for one attempt.  In the side that it gets, the channel
        has bindings only if some mechanism that binds to them is announced.
    """

    name: str
    needs: frozenset[Need]
    plaintext: bool
    server: Callable[[ServerSide], ServerExchange]
