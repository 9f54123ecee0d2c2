"""
Tests for server certificates: names, reloading, versions.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOProtocol

from pymta.edge.tls import RELOAD, Certificates, KeyPair, TLSError, explained
from tests.edge.certificates import make_pair
from tests.edge.handshake import shaken


def shake(
    certificates: Certificates, name: bytes | None = None, *, most: int | None = None
) -> SSL.Connection:
    """A handshake in memory; the client's side of it."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    if most is not None:
        context.set_max_proto_version(most)
    client = SSL.Connection(context, None)
    if name is not None:
        client.set_tlsext_host_name(name)
    client.set_connect_state()
    unused: TLSMemoryBIOProtocol = None  # type: ignore[assignment]  # of no use to it
    server = certificates.serverConnectionForTLS(unused)
    server.set_accept_state()
    shaken(client, server)
    return client


def shown(certificates: Certificates, name: bytes | None = None) -> str:
    """The name in the certificate that a client is shown."""
    certificate = shake(certificates, name).get_peer_certificate(as_cryptography=True)
    assert certificate is not None
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    made = Certificates(
        make_pair(tmp_path, "mx.example.test"),
        clock=Clock(),
        names={
            "other.example.test": make_pair(tmp_path, "other.example.test"),
            "*.wild.example": make_pair(tmp_path, "wild.example", file="wild"),
        },
    )
    made.load()
    return made


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        pytest.param(None, "mx.example.test", id="no name"),
        pytest.param(b"mx.example.test", "mx.example.test", id="the default's"),
        pytest.param(b"other.example.test", "other.example.test", id="another"),
        pytest.param(b"OTHER.example.TEST", "other.example.test", id="in any case"),
        pytest.param(b"a.wild.example", "wild.example", id="wildcard"),
        pytest.param(b"a.b.wild.example", "mx.example.test", id="a wildcard is one label"),
        pytest.param(b"unknown.example", "mx.example.test", id="unknown"),
    ],
)
def test_chosen_by_name(certificates: Certificates, asked: bytes | None, name: str) -> None:
    """
    The client is shown the certificate of the name that it asks for, or the default.
    """
    assert name == shown(certificates, asked)


def test_old_versions_are_refused(certificates: Certificates) -> None:
    """
    TLS 1.1 is no TLS any more (RFC 8996); 1.2 is.
    """
    assert "TLSv1.2" == shake(certificates, most=SSL.TLS1_2_VERSION).get_protocol_version_name()
    with pytest.raises(SSL.Error):
        shake(certificates, most=SSL.TLS1_1_VERSION)


def test_read_again_when_changed(tmp_path: Path) -> None:
    """
    A certificate whose file changed is used without a restart.
    """
    clock = Clock()
    pair = make_pair(tmp_path, "old.example", file="x")
    certificates = Certificates(pair, clock=clock)
    certificates.load()
    make_pair(tmp_path, "new.example", file="x")
    os.utime(pair.key, ns=(1, 1))
    assert "old.example" == shown(certificates)
    clock.advance(RELOAD)

    assert "new.example" == shown(certificates)


def test_broken_file_keeps_the_old_one(tmp_path: Path) -> None:
    """
    A file that cannot be used, or is gone, leaves what was read before in use.
    """
    clock = Clock()
    pair = make_pair(tmp_path, "old.example", file="x")
    certificates = Certificates(pair, clock=clock)
    certificates.load()
    Path(pair.key).write_text("garbage")
    clock.advance(RELOAD)
    assert "old.example" == shown(certificates)
    Path(pair.key).unlink()
    clock.advance(RELOAD)
    assert "old.example" == shown(certificates)


@pytest.mark.parametrize("broken", ["certificate", "key", "pair"])
def test_unusable_at_load(tmp_path: Path, broken: str) -> None:
    """
    At load, a file that is missing, broken, or of another pair is an error that names it.
    """
    pair = make_pair(tmp_path, "a.example")
    other = make_pair(tmp_path, "b.example")
    if broken == "certificate":
        pair = KeyPair(str(tmp_path / "missing.crt"), pair.key)
    elif broken == "key":
        Path(pair.key).write_text("garbage")
    else:
        pair = KeyPair(pair.certificate, other.key)

    with pytest.raises(TLSError, match=pair.certificate):
        Certificates(pair, clock=Clock()).load()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            SSL.Error([("SSL routines", "", "certificate verify failed")]),
            "certificate verify failed",
        ),
        (SSL.Error([("a", "b", "one"), ("a", "b", "two")]), "one, two"),
        (SSL.Error([]), "a failure of OpenSSL"),
        (SSL.Error(), ""),
        (SSL.SysCallError(-1, "Unexpected EOF"), "(-1, 'Unexpected EOF')"),
        (OSError("no"), "no"),
    ],
    ids=["one", "two", "none", "nothing", "system call", "another kind"],
)
def test_explained(error: Exception, words: str) -> None:
    """
    OpenSSL's lists of triples are told in words.
    """
    assert words == explained(error)
