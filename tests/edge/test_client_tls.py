"""
Tests for the client's side of TLS: whom it takes, and what it says of whom it does not.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOProtocol

from pymta.edge.client_tls import ClientTLS, Handshake, Untrusted
from pymta.edge.tls import Certificates, KeyPair, TLSError
from tests.edge.certificates import make_pair, pem
from tests.edge.handshake import shaken

UNUSED: TLSMemoryBIOProtocol = None  # type: ignore[assignment]  # of no use to it


def server(pair: KeyPair, authorities: str | None = None) -> SSL.Connection:
    """The server's end."""
    certificates = Certificates(pair, clock=Clock(), client_authorities=authorities)
    certificates.load()
    connection = certificates.serverConnectionForTLS(UNUSED)
    connection.set_accept_state()
    return connection


def shake(handshake: Handshake, other: SSL.Connection) -> SSL.Connection:
    """Shake hands in memory; the client's end."""
    client = handshake.clientConnectionForTLS(UNUSED)
    client.set_connect_state()
    shaken(client, other)
    return client


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    return make_pair(tmp_path, "mx.example.test")


@pytest.mark.parametrize(
    ("names", "name"),
    [
        pytest.param(["mx.example.test"], "mx.example.test", id="the name"),
        pytest.param(["MX.Example.Test."], "MX.Example.Test.", id="in another way"),
        pytest.param(["other.example.test", "mx.example.test"], "mx.example.test", id="a second"),
    ],
)
def test_verified(pair: KeyPair, names: list[str], name: str) -> None:
    """
    A certificate that an authority vouches for, with one of the names, is taken.
    """
    handshake = ClientTLS(authorities=pair.certificate).handshake("mx.example.test", names)
    shake(handshake, server(pair))

    assert name == handshake.check()


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["other.example.test"], id="another"),
        pytest.param(["example.test"], id="the domain"),
        pytest.param(["a.mx.example.test"], id="below"),
        pytest.param(["192.0.2.1"], id="an address"),
        pytest.param(["no name at all"], id="no name"),
        pytest.param(["/run/lmtp"], id="a path"),
        pytest.param([], id="nobody"),
    ],
)
def test_somebody_else(pair: KeyPair, names: list[str]) -> None:
    """
    One for somebody else is not, whoever vouches for it.
    """
    handshake = ClientTLS(authorities=pair.certificate).handshake("mx.example.test", names)
    shake(handshake, server(pair))
    with pytest.raises(Untrusted):
        handshake.check()


@pytest.mark.parametrize(
    ("names", "right"),
    [
        pytest.param(["127.0.0.1"], True, id="its address"),
        pytest.param(["127.0.0.2"], False, id="another"),
        pytest.param(["::1"], False, id="another family"),
    ],
)
def test_addresses(names: list[str], right: bool) -> None:
    """
    A server that is known by its address must have that in its certificate.
    """
    mine = str(pem())
    handshake = ClientTLS(authorities=mine).handshake("127.0.0.1", names)
    shake(handshake, server(KeyPair(mine, mine)))
    if right:
        assert names[0] == handshake.check()
    else:
        with pytest.raises(Untrusted, match=names[0]):
            handshake.check()


def test_nobody_vouches(pair: KeyPair, tmp_path: Path) -> None:
    """
    Without an authority that vouches, the handshake fails, and says why.
    """
    other = make_pair(tmp_path, "other.example.test")
    for client_tls in (ClientTLS(), ClientTLS(authorities=other.certificate)):
        handshake = client_tls.handshake("mx.example.test", ["mx.example.test"])
        with pytest.raises(SSL.Error):
            shake(handshake, server(pair))

        assert "self signed" in handshake.trouble


def test_expired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A certificate that has expired fails the handshake, and says so.
    """

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) - timedelta(days=9)

    monkeypatch.setattr("tests.edge.certificates.datetime", Earlier)
    old = make_pair(tmp_path, "old.example.test")
    monkeypatch.undo()
    handshake = ClientTLS(authorities=old.certificate).handshake("old.example.test", [])
    with pytest.raises(SSL.Error):
        shake(handshake, server(old))

    assert "cert has expired" == handshake.trouble


def test_anybody(pair: KeyPair) -> None:
    """
    Without names, anybody is taken, and nobody is verified.
    """
    handshake = ClientTLS().handshake("mx.example.test", None)
    shake(handshake, server(pair))

    assert handshake.check() is None


@pytest.mark.parametrize(
    ("asked", "heard"),
    [
        pytest.param("mx.example.test", b"mx.example.test", id="a name"),
        pytest.param("mx.example.test.", b"mx.example.test", id="without its dot"),
        pytest.param("192.0.2.1", None, id="no address"),
        pytest.param("2001:db8::1", None, id="no IPv6 address"),
        pytest.param("/run/lmtp", None, id="no path"),
    ],
)
def test_server_name(pair: KeyPair, asked: str, heard: bytes | None) -> None:
    """
    A host is asked for by its name (SNI), and by nothing else.
    """
    other = server(pair)
    shake(ClientTLS().handshake(asked, None), other)

    assert heard == other.get_servername()


def test_old_versions_are_refused(pair: KeyPair) -> None:
    """
    TLS 1.1 is no TLS any more (RFC 8996); 1.2 is.
    """
    for most, taken in ((SSL.TLS1_2_VERSION, True), (SSL.TLS1_1_VERSION, False)):
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate_file(pair.certificate)
        context.use_privatekey_file(pair.key)
        context.set_max_proto_version(most)
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        other = SSL.Connection(context, None)
        other.set_accept_state()
        handshake = ClientTLS().handshake("mx.example.test", None)
        if taken:
            assert "TLSv1.2" == shake(handshake, other).get_protocol_version_name()
        else:
            with pytest.raises(SSL.Error):
                shake(handshake, other)


def test_old_versions_are_not_offered() -> None:
    """
    The ClientHello offers TLS 1.3 and 1.2, and nothing below (RFC 8446 section 4.2.1).
    """
    client = ClientTLS().handshake("mx.example.test", None).clientConnectionForTLS(UNUSED)
    client.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        client.do_handshake()
    hello = client.bio_read(65536)

    assert b"\x00\x2b\x00\x05\x04\x03\x04\x03\x03" in hello


def test_our_own_certificate(pair: KeyPair, tmp_path: Path) -> None:
    """
    A server that asks who we are is shown our certificate.
    """
    ours = make_pair(tmp_path, "client.example.test")
    other = server(pair, authorities=ours.certificate)
    shake(ClientTLS(pair=ours).handshake("mx.example.test", None), other)
    other.do_handshake()
    shown = other.get_peer_certificate(as_cryptography=True)

    assert shown is not None
    assert "CN=client.example.test" == shown.subject.rfc4514_string()


@pytest.mark.parametrize("broken", ["authorities", "certificate", "key", "other key"])
def test_unusable_files(tmp_path: Path, broken: str) -> None:
    """
    A file that is missing, broken or another's is an error that names it.
    """
    pair = make_pair(tmp_path, "a.example")
    other = make_pair(tmp_path, "b.example")
    bad = tmp_path / "bad.pem"
    bad.write_text("garbage")
    client_tls = {
        "authorities": ClientTLS(authorities=str(bad)),
        "certificate": ClientTLS(pair=KeyPair(str(tmp_path / "none.pem"), pair.key)),
        "key": ClientTLS(pair=KeyPair(pair.certificate, str(bad))),
        "other key": ClientTLS(pair=KeyPair(pair.certificate, other.key)),
    }[broken]
    with pytest.raises(TLSError, match=str(tmp_path)):
        client_tls.load()


def test_opens_nothing_before_it_is_used(tmp_path: Path) -> None:
    """
    Made before its files are there; read when first needed.
    """
    client_tls = ClientTLS(authorities=str(tmp_path / "mx.example.test.crt"))
    pair = make_pair(tmp_path, "mx.example.test")
    handshake = client_tls.handshake("mx.example.test", ["mx.example.test"])
    shake(handshake, server(pair))

    assert handshake.check()
