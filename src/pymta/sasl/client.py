"""
The client's side of any SASL exchange, and what it knows.

``begin``, then ``respond`` for each challenge; believe the server's "yes" only if ``finished``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pymta.sasl.channel import Channel
from pymta.sasl.prepare import prepare_query

__all__ = ["ClientExchange", "ClientSide", "Credentials", "outgoing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """
    What a client can prove.

    :param authzid: whom to act as, if not ``username``.
    :param token: an OAuth bearer token.
    :param certificate: the TLS handshake showed a client certificate, for EXTERNAL.
    :param host: the server as the client knows it, told to it by OAUTHBEARER.
    """

    username: str = ""
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    authzid: str = ""
    certificate: bool = False
    host: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSide:
    """
    What a client mechanism is made from.

    :param offered: the names that the server announced.
    :param random: so many octets, unpredictable.
    """

    credentials: Credentials
    channel: Channel
    offered: frozenset[str]
    random: Callable[[int], bytes] = field(repr=False)


class ClientExchange(Protocol):
    """
    One attempt to log in to a server.

    Where the protocol or the server takes no initial response, what ``begin`` gave is the
    response to the server's empty challenge.  Data that comes with the success is given to
    ``respond`` like a challenge, and the result is dropped.

    ``respond`` raises :exc:`~pymta.errors.RemoteProtocolError` if the server breaks the
    mechanism's rules or is not who it should be, and :exc:`~pymta.errors.Unauthorized` if it
    says no within the exchange: then cancel ("*").  That of SCRAM hashes for as long as the
    server asks, up to about a second, without holding the interpreter: call it in a thread.
    """

    @property
    def name(self) -> str:
        """The mechanism's name."""

    @property
    def finished(self) -> bool:
        """The server may say yes now: a yes at any other time is not to be believed."""

    def begin(self) -> bytes | None:
        """The initial response; None where the server begins.  Called once."""

    def respond(self, challenge: bytes) -> bytes:
        """The response to a challenge."""


def outgoing(value: str) -> bytes:
    """
    A name or password of ours as it is sent.

    :raises PreparationError: it is empty, or holds what none may (:rfc:`4013#section-2.3`).
    """
    return prepare_query(value).encode()
