"""
What a SASL mechanism must know of the connection that it runs in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["TLS_EXPORTER", "TLS_SERVER_END_POINT", "TLS_UNIQUE", "Channel", "preferred_binding"]

TLS_EXPORTER = "tls-exporter"
"""
:rfc:`9266`: 32 octets of keying material, exported with label ``EXPORTER-Channel-Binding``
and an empty context; under TLS 1.2 only with the extended master secret.
"""

TLS_UNIQUE = "tls-unique"
""":rfc:`5929#section-3`: the first Finished message; not defined for TLS 1.3."""

TLS_SERVER_END_POINT = "tls-server-end-point"
""":rfc:`5929#section-4`: the hash of the server's certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """
    One connection, as SASL sees it.

    :param secure: a password may be sent in it as it is: it runs under TLS, does not leave the
        machine, or the operator wants it so.
    :param bindings: what is known to bind to, by the type's name: ``{"tls-exporter": ...}``;
        empty without TLS, and where the TLS library cannot tell.
    :param peer_name: the name in the verified certificate of the client.
    """

    secure: bool = False
    bindings: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    peer_name: str | None = None


def preferred_binding(bindings: Mapping[str, bytes]) -> str | None:
    """The type that a client uses: those that name this one connection first."""
    for name in (TLS_EXPORTER, TLS_UNIQUE, TLS_SERVER_END_POINT, *sorted(bindings)):
        if bindings.get(name):
            return name
    return None
