"""
Certificates for servers: chosen by the name that the client asks for (SNI), and read again when
their files change, without a restart.

TLS 1.2 at the least (:rfc:`8996`, :rfc:`8314#section-4.1`), with Twisted's choice of ciphers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from pymta.address import ascii_domain
from pymta.errors import AddressError, PymtaError

__all__ = ["Certificates", "KeyPair", "TLSError", "explained"]

_log = Logger(namespace="pymta.tls")

RELOAD = 5.0
"""Seconds between two looks at the files' times."""


class TLSError(PymtaError):
    """A certificate or key cannot be used; the message names its file."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Paths of a PEM certificate with its chain, and of its private key (maybe the same)."""

    certificate: str
    key: str

    def modified(self) -> tuple[int, int]:
        """When each was changed last, in nanoseconds."""
        return os.stat(self.certificate).st_mtime_ns, os.stat(self.key).st_mtime_ns


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """
    The server side of TLS for any number of listeners.

    :param default: for clients that ask for no name, or for one that is not in ``names``.
    :param names: host name, or ``*.domain``, to key pair.
    :param client_authorities: PEM file of authorities; with it, a client may show a certificate
        (EXTERNAL), and one that these did not sign ends the handshake.

    :meth:`load` reads the files and must be called once, before the first connection.  Later a
    file that changed is read again; where that fails the old one stays and the log says so.
    """

    def __init__(
        self,
        default: KeyPair,
        *,
        clock: IReactorTime,
        names: Mapping[str, KeyPair] | None = None,
        client_authorities: str | None = None,
    ) -> None:
        self._clock = clock
        self._pairs = {"": default}
        self._pairs.update({ascii_domain(name): pair for name, pair in (names or {}).items()})
        self._authorities = client_authorities
        self._contexts: dict[str, SSL.Context] = {}
        self._modified: dict[str, tuple[int, int]] = {}
        self._looked = 0.0

    def load(self) -> None:
        """Read all files.  :raises TLSError: one cannot be used."""
        for name, pair in self._pairs.items():
            self._read(name, pair)
        self._looked = self._clock.seconds()

    def _read(self, name: str, pair: KeyPair) -> None:
        try:
            modified = pair.modified()
            context = _context(pair, self._authorities)
        except (OSError, ValueError, crypto.Error, SSL.Error) as error:
            raise TLSError(f"{pair.certificate}, {pair.key}: {explained(error)}") from error
        context.set_tlsext_servername_callback(self._choose)
        self._contexts[name] = context
        self._modified[name] = modified

    def _reload(self) -> None:
        self._looked = self._clock.seconds()
        for name, pair in self._pairs.items():
            try:
                if pair.modified() != self._modified[name]:
                    self._read(name, pair)
                    _log.info("{file} was read again", file=pair.certificate)
            except (OSError, TLSError) as error:
                _log.error("{file} stays as it was: {error}", file=pair.certificate, error=error)

    def _choose(self, connection: SSL.Connection) -> None:
        # RFC 6066 section 3: names are ASCII, without a trailing dot, in any case.
        name = (connection.get_servername() or b"").decode("ascii", "replace")
        try:
            name = ascii_domain(name)
        except AddressError:
            return
        parent = "*." + name.partition(".")[2]
        context = self._contexts.get(name) or self._contexts.get(parent)
        if context is not None:
            connection.set_context(context)

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """A new connection's TLS state."""
        if self._clock.seconds() - self._looked >= RELOAD:
            self._reload()
        return SSL.Connection(self._contexts[""], None)


def explained(error: BaseException) -> str:
    """What went wrong, in words: OpenSSL's own errors are lists of triples."""
    if (
        isinstance(error, SSL.Error | crypto.Error)
        and error.args
        and isinstance(error.args[0], list)
    ):
        return ", ".join(each[2] for each in error.args[0]) or "a failure of OpenSSL"
    return str(error)


def _context(pair: KeyPair, authorities: str | None) -> SSL.Context:
    options = CertificateOptions(raiseMinimumTo=TLSVersion.TLSv1_2)
    context: SSL.Context = options.getContext()
    context.use_certificate_chain_file(pair.certificate)
    context.use_privatekey_file(pair.key)
    context.check_privatekey()
    # Sessions are not resumed: a ticket of one service must not open another, and an idle
    # session keeps no cache.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET)
    if authorities is not None:
        context.load_verify_locations(authorities)
        context.set_verify(SSL.VERIFY_PEER, lambda *args: bool(args[4]))
    return context
