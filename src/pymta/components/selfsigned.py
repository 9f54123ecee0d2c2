"""
A certificate made on the spot, that nobody trusts: for the test server and the demo.

It lives in memory: nothing is written, so nothing is left behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

__all__ = ["SelfSigned"]

LIFE = timedelta(days=365)


@implementer(IOpenSSLServerConnectionCreator)
class SelfSigned:
    """
    The server side of TLS, 1.2 at the least.

    :param names: host names and IP addresses that the certificate is for.
    :param now: aware wall time.
    """

    def __init__(self, names: Sequence[str], *, now: datetime | None = None) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(key, names, now or datetime.now(UTC))
        context: SSL.Context = CertificateOptions(raiseMinimumTo=TLSVersion.TLSv1_2).getContext()
        context.use_certificate(certificate)
        context.use_privatekey(key)
        # As edge.tls: no session is resumed.
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_options(SSL.OP_NO_TICKET)
        self.certificate = certificate
        self._context = context

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """A new connection's TLS state."""
        return SSL.Connection(self._context, None)


def _certificate(
    key: ec.EllipticCurvePrivateKey, names: Sequence[str], now: datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of other machines, of containers too, are wrong now and then.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
