"""
Certificates, made on the spot.
"""

from __future__ import annotations

import atexit
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from twisted.internet.interfaces import IReactorTime

from pymta.edge.tls import Certificates, KeyPair


def make_pair(folder: Path, name: str, *, file: str | None = None) -> KeyPair:
    """A certificate for a host name, signed by itself, and its key, in a file each."""
    key, certificate = _make(name, [x509.DNSName(name)])
    pair = KeyPair(str(folder / f"{file or name}.crt"), str(folder / f"{file or name}.key"))
    Path(pair.certificate).write_bytes(certificate)
    Path(pair.key).write_bytes(key)
    return pair


@cache
def pem() -> Path:
    """A file with a key and a certificate for localhost, by itself."""
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    key, certificate = _make("localhost", names)
    folder = TemporaryDirectory(prefix="pymta-test-")
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "localhost.pem"
    path.write_bytes(key + certificate)
    return path


def _make(common: str, names: list[x509.GeneralName]) -> tuple[bytes, bytes]:
    """A key and its certificate, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, certificate.public_bytes(Encoding.PEM)


def certificates(clock: IReactorTime) -> Certificates:
    """It, for a server."""
    made = Certificates(KeyPair(str(pem()), str(pem())), clock=clock)
    made.load()
    return made
