"""
The client's side of TLS: who is asked for, and whether it is who answers.

TLS 1.2 at the least (:rfc:`8996`).  A certificate is checked twice: by TLS, which ends the
handshake if no authority vouches for it, and then for the server's name (:rfc:`6125`), before
anything is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from pymta.edge.tls import KeyPair, TLSError, explained

__all__ = ["ClientTLS", "Handshake", "Untrusted"]


class Untrusted(TLSError):
    """The handshake ended well, with a certificate for somebody else."""


class ClientTLS:
    """
    What all our connections to servers have in common.

    :param authorities: PEM file of those who may vouch for servers; None is the system's.
    :param pair: shown to servers that ask who we are.

    Files are read by :meth:`load`, or else when they are first needed.
    """

    def __init__(self, *, authorities: str | None = None, pair: KeyPair | None = None) -> None:
        self._authorities = authorities
        self._pair = pair
        self._contexts: dict[bool, SSL.Context] = {}

    def load(self) -> None:
        """Read the files, again if they were read before.  :raises TLSError: one is unusable."""
        self._contexts = {verified: self._make(verified) for verified in (False, True)}

    def handshake(self, server: str, names: Sequence[str] | None) -> Handshake:
        """
        A handshake.

        :param server: what is asked for (SNI), if it is a host name.
        :param names: host names or IP addresses of which the certificate must have one; None
            takes anybody.
        :raises TLSError: a file is unusable.
        """
        if not self._contexts:
            self.load()
        return Handshake(self._contexts[names is not None], server, names)

    def _make(self, verified: bool) -> SSL.Context:
        context: SSL.Context = CertificateOptions(raiseMinimumTo=TLSVersion.TLSv1_2).getContext()
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        try:
            if self._pair is not None:
                context.use_certificate_chain_file(self._pair.certificate)
                context.use_privatekey_file(self._pair.key)
                context.check_privatekey()
            if verified:
                _trust(context, self._authorities)
        except (OSError, crypto.Error, SSL.Error) as error:
            raise TLSError(f"{', '.join(self._files())}: {explained(error)}") from error
        return context

    def _files(self) -> Iterator[str]:
        if self._authorities is not None:
            yield self._authorities
        if self._pair is not None:
            yield from (self._pair.certificate, self._pair.key)


def _trust(context: SSL.Context, authorities: str | None) -> None:
    if authorities is None:
        context.set_default_verify_paths()
    else:
        context.load_verify_locations(authorities)


_ERRORS: Final = {
    value: name.removeprefix("ERR_").replace("_", " ").lower()
    for name, value in vars(SSL.X509VerificationCodes).items()
    if name.startswith("ERR_")
}


@implementer(IOpenSSLClientConnectionCreator)
class Handshake:
    """
    One handshake: give it to :meth:`~pymta.edge.connection.Connection.start_tls`, then
    :meth:`check` it, before anything is said.

    :ivar trouble: why no authority vouches for the certificate; empty if that is not known.
    """

    def __init__(self, context: SSL.Context, server: str, names: Sequence[str] | None) -> None:
        self.trouble = ""
        self._context = context
        self._server = server
        self._names = names
        self._connection: SSL.Connection | None = None

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """A new connection's TLS state."""
        connection = SSL.Connection(self._context, None)
        if self._names is not None:
            connection.set_verify(SSL.VERIFY_PEER, self._vouched)
        if not _is_address(self._server):
            # RFC 6066 section 3: a host name, without a trailing dot; no address, no path.
            connection.set_tlsext_host_name(self._server.rstrip(".").encode("ascii"))
        self._connection = connection
        return connection

    def _vouched(
        self, connection: SSL.Connection, authority: crypto.X509, error: int, depth: int, ok: int
    ) -> bool:
        if not ok:
            self.trouble = _ERRORS.get(error, f"certificate error {error}")
        return bool(ok)

    def check(self) -> str | None:
        """
        The name of whose certificate it is; None if anybody's was wanted.

        :raises Untrusted: it is for none of the names.
        """
        connection, self._connection = self._connection, None
        assert connection is not None
        if self._names is None:
            return None
        for name in self._names:
            if _is_for(connection, name):
                return name
        raise Untrusted(f"the certificate is not for {' or '.join(self._names)}")


def _is_for(connection: SSL.Connection, name: str) -> bool:
    verify = verify_ip_address if _is_address(name) else verify_hostname
    try:
        verify(connection, name.rstrip("."))
    except (VerificationError, CertificateError, ValueError):
        # ValueError: the certificate's or our own name is none.
        return False
    return True


def _is_address(name: str) -> bool:
    return isIPAddress(name) or isIPv6Address(name) or "/" in name
