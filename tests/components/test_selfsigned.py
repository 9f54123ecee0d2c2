"""
Tests for certificates that are made on the spot.
"""

from __future__ import annotations

import contextlib
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from zope.interface.verify import verifyObject

from pymta.components.selfsigned import SelfSigned

NAMES = ["localhost", "127.0.0.1", "::1", "xn--bcher-kva.test"]


def handshake(server: SelfSigned, name: str, **wanted: Any) -> ssl.SSLObject:
    """Between two ends in memory.  :raises ssl.SSLError: they do not agree."""
    context = ssl.create_default_context()
    pem = server.certificate.public_bytes(Encoding.PEM).decode()
    context.load_verify_locations(cadata=pem)
    for key, value in wanted.items():
        setattr(context, key, value)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    protocol: Any = None
    other = server.serverConnectionForTLS(protocol)
    other.set_accept_state()
    for _ in range(10):
        try:
            client.do_handshake()
            return client
        except ssl.SSLWantReadError:
            other.bio_write(outgoing.read())
        with contextlib.suppress(SSL.WantReadError):
            other.do_handshake()
        with contextlib.suppress(SSL.WantReadError):
            incoming.write(other.bio_read(65536))
    raise AssertionError("no end")


def test_provides_its_interface() -> None:
    """
    Listeners take it as they take certificates from files.
    """
    assert verifyObject(IOpenSSLServerConnectionCreator, SelfSigned(["localhost"]))


def test_names() -> None:
    """
    Host names and addresses are each what they are.
    """
    names = SelfSigned(NAMES).certificate.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )

    assert ["localhost", "xn--bcher-kva.test"] == names.value.get_values_for_type(x509.DNSName)
    assert [ip_address("127.0.0.1"), ip_address("::1")] == names.value.get_values_for_type(
        x509.IPAddress
    )


@pytest.mark.parametrize("name", NAMES)
def test_whoever_trusts_it_can_connect(name: str) -> None:
    """
    By each of its names, with the newest TLS.
    """
    assert "TLSv1.3" == handshake(SelfSigned(NAMES), name).version()


def test_tls_1_2_at_the_least() -> None:
    """
    TLS 1.2 will do, what is older will not.
    """
    server = SelfSigned(NAMES)

    newest = handshake(server, "localhost", maximum_version=ssl.TLSVersion.TLSv1_2)
    assert "TLSv1.2" == newest.version()


def test_another_name() -> None:
    """
    It is for no other name.
    """
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(SelfSigned(["localhost"]), "example.org")


def test_life() -> None:
    """
    Valid yesterday, for clocks that are behind, and for a year.
    """
    now = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = SelfSigned(["localhost"], now=now).certificate

    assert now - timedelta(days=1) == certificate.not_valid_before_utc
    assert now + timedelta(days=365) == certificate.not_valid_after_utc
