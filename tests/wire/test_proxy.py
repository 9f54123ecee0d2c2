"""
Tests for the PROXY protocol.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.errors import RemoteProtocolError
from pymta.session import Endpoint
from pymta.wire import NEED_DATA
from pymta.wire.proxy import (
    TLV,
    ProxyHeader,
    ProxyReader,
    ProxyTLS,
    Type,
    crc32c,
    encode_v1,
    encode_v2,
)

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
CLIENT4, SERVER4 = Endpoint("192.0.2.1", 56324), Endpoint("192.0.2.11", 25)
CLIENT6, SERVER6 = Endpoint("2001:db8::1", 65535), Endpoint("2001:db8::25", 0)
INET = bytes((192, 0, 2, 1, 192, 0, 2, 11)) + (56324).to_bytes(2) + (25).to_bytes(2)
INET6 = IPv6Address("2001:db8::1").packed + IPv6Address("2001:db8::25").packed + b"\xff\xff\0\0"
UNIX = b"/run/a".ljust(108, b"\0") + b"\0hidden".ljust(108, b"\0")
BEHIND = b"EHLO client.example\r\n\0\xff"


def v2(fixed: str, block: bytes = b"") -> bytes:
    """A header of version 2 with those two octets (in hex), its length and a block."""
    return SIGNATURE + bytes.fromhex(fixed) + len(block).to_bytes(2) + block


def tlv(kind: int, value: bytes) -> bytes:
    """One TLV as it is sent."""
    return bytes((kind,)) + len(value).to_bytes(2) + value


SSL = tlv(
    0x20,
    b"\x07\0\0\0\0"
    + tlv(0x21, b"TLSv1.3")
    + tlv(0x22, "Jörg".encode())
    + tlv(0x23, b"TLS_AES_128_GCM_SHA256"),
)
IPV4 = ProxyHeader(source=CLIENT4, destination=SERVER4)
IPV6 = ProxyHeader(source=CLIENT6, destination=SERVER6)

HEADERS = [
    pytest.param(b"PROXY TCP4 192.0.2.1 192.0.2.11 56324 25\r\n", IPV4, id="v1 TCP4"),
    pytest.param(b"PROXY TCP6 2001:db8::1 2001:DB8:0::25 65535 0\r\n", IPV6, id="v1 TCP6"),
    pytest.param(b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c000:20b 56324 25\r\n", IPV4, id="v1 mapped"),
    pytest.param(b"PROXY UNKNOWN\r\n", ProxyHeader(), id="v1 unknown"),
    pytest.param(
        b"PROXY UNKNOWN " + b":".join([b"ffff"] * 8) + b" \xff what ever\r\n",
        ProxyHeader(),
        id="v1 unknown, the rest of the line is ignored",
    ),
    pytest.param(b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n", ProxyHeader(), id="v1 107 octets"),
    pytest.param(v2("20 00"), ProxyHeader(), id="v2 LOCAL"),
    pytest.param(v2("20 ff", b"\x03\0\x04oops" + INET), ProxyHeader(), id="v2 LOCAL, all ignored"),
    pytest.param(v2("21 00"), ProxyHeader(), id="v2 UNSPEC"),
    pytest.param(v2("21 00", b"\xff" * 9), ProxyHeader(), id="v2 UNSPEC, own addresses"),
    pytest.param(
        v2("21 00", tlv(5, b"id")), ProxyHeader(tlvs=(TLV(5, b"id"),)), id="v2 UNSPEC, TLV"
    ),
    pytest.param(v2("21 01", b"\xff" * 9), ProxyHeader(), id="v2 UNSPEC family, stream"),
    pytest.param(v2("21 11", INET), IPV4, id="v2 INET"),
    pytest.param(v2("21 21", INET6), IPV6, id="v2 INET6"),
    pytest.param(
        v2("21 31", UNIX),
        ProxyHeader(source=Endpoint("/run/a"), destination=Endpoint("@hidden")),
        id="v2 UNIX",
    ),
    pytest.param(
        v2("21 31", bytes(216)),
        ProxyHeader(source=Endpoint(""), destination=Endpoint("")),
        id="v2 UNIX without names",
    ),
    pytest.param(
        v2("21 31", b"/a\n\xff".ljust(108, b"\0") + b"b" * 108),
        ProxyHeader(source=Endpoint("/a?\ufffd"), destination=Endpoint("b" * 108)),
        id="v2 UNIX, odd names",
    ),
    pytest.param(v2("21 12", INET), ProxyHeader(), id="v2 datagram"),
    pytest.param(v2("21 10", INET), ProxyHeader(), id="v2 INET, transport not told"),
    pytest.param(
        v2("21 11", INET + tlv(4, b"") + tlv(4, b"x") + tlv(0xEA, b"\1vpce") + tlv(0xEA, b"")),
        ProxyHeader(
            source=CLIENT4,
            destination=SERVER4,
            tlvs=(TLV(4, b""), TLV(4, b"x"), TLV(0xEA, b"\1vpce"), TLV(0xEA, b"")),
        ),
        id="v2 unknown TLVs kept, NOOP may repeat",
    ),
    pytest.param(
        v2("21 21", INET6 + SSL),
        ProxyHeader(source=CLIENT6, destination=SERVER6, tlvs=(TLV(0x20, SSL[3:]),)),
        id="v2 SSL",
    ),
    pytest.param(
        v2("21 11", INET + tlv(0xE0, bytes(4096 - 12 - 3))),
        ProxyHeader(source=CLIENT4, destination=SERVER4, tlvs=(TLV(0xE0, bytes(4081)),)),
        id="v2 longest",
    ),
]

MALFORMED = [
    pytest.param(b"EHLO client.example\r\n", id="no header"),
    pytest.param(b"proxy TCP4 192.0.2.1 192.0.2.11 1 2\r\n", id="v1 lower case"),
    pytest.param(b"PROXY\r\n", id="v1 empty"),
    pytest.param(b"PROXY \r\n", id="v1 no family"),
    pytest.param(b"PROXY TCP4 192.0.2.1 192.0.2.11 1 2\n", id="v1 LF"),
    pytest.param(b"PROXY TCP4 192.0.2.1 192.0.2.11 1 2\r \r\n", id="v1 CR"),
    pytest.param(b"PROXY UNKNOWN a\r b\r\n", id="v1 CR behind unknown"),
    pytest.param(b"PROXY TCP5 192.0.2.1 192.0.2.11 1 2\r\n", id="v1 family"),
    pytest.param(b"PROXY TCP4 192.0.2.1 192.0.2.11 1\r\n", id="v1 too few"),
    pytest.param(b"PROXY TCP4 192.0.2.1 192.0.2.11 1 2 3\r\n", id="v1 too many"),
    pytest.param(b"PROXY TCP4  192.0.2.1 192.0.2.11 1 2\r\n", id="v1 two spaces"),
    pytest.param(b"PROXY TCP4 192.0.2.1 192.0.2.11 1 2 \r\n", id="v1 space at the end"),
    pytest.param(b"PROXY TCP4 192.0.2.01 192.0.2.11 1 2\r\n", id="v1 leading zero"),
    pytest.param(b"PROXY TCP4 192.0.2.256 192.0.2.11 1 2\r\n", id="v1 octet too large"),
    pytest.param(b"PROXY TCP4 ::1 ::2 1 2\r\n", id="v1 IPv6 as IPv4"),
    pytest.param(b"PROXY TCP6 192.0.2.1 192.0.2.11 1 2\r\n", id="v1 IPv4 as IPv6"),
    pytest.param(b"PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n", id="v1 zone"),
    pytest.param(b"PROXY TCP4 192.0.2.1 192.0.2.11 65536 2\r\n", id="v1 port too large"),
    pytest.param(b"PROXY TCP4 192.0.2.1 192.0.2.11 007 2\r\n", id="v1 port with zeros"),
    pytest.param(b"PROXY TCP4 192.0.2.1 192.0.2.11 +7 2\r\n", id="v1 port with sign"),
    pytest.param(b"PROXY TCP4 192.0.2.1 192.0.2.11 \xd9\xa1 2\r\n", id="v1 port not ASCII"),
    pytest.param(b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n", id="v1 108 octets"),
    pytest.param(SIGNATURE[:-1] + b"\r", id="v2 signature"),
    pytest.param(SIGNATURE + b"\x11\x11\0\0", id="v2 version"),
    pytest.param(v2("22 11", INET), id="v2 command"),
    pytest.param(v2("21 41", INET), id="v2 family"),
    pytest.param(v2("21 13", INET), id="v2 transport"),
    pytest.param(v2("21 11", INET[:-1]), id="v2 INET too short"),
    pytest.param(v2("21 21", INET6[:-1]), id="v2 INET6 too short"),
    pytest.param(v2("21 31", UNIX[:-1]), id="v2 UNIX too short"),
    pytest.param(v2("21 11", bytes(4097)), id="v2 too long"),
    pytest.param(v2("21 11", INET + b"\x04\0"), id="v2 half a TLV"),
    pytest.param(v2("21 11", INET + b"\x04\0\x02x"), id="v2 TLV longer than the block"),
    pytest.param(v2("21 11", INET + tlv(2, b"a") + tlv(2, b"b")), id="v2 two authorities"),
    pytest.param(v2("21 11", INET + tlv(2, b"a\r\nb")), id="v2 authority with CRLF"),
    pytest.param(v2("21 11", INET + tlv(2, b"\xff")), id="v2 authority not UTF-8"),
    pytest.param(v2("21 11", INET + tlv(3, b"\0\0\0")), id="v2 short checksum"),
    pytest.param(v2("21 11", INET + tlv(3, b"\0\0\0\0")), id="v2 wrong checksum"),
    pytest.param(v2("21 00", tlv(3, b"\0\0\0\0")), id="v2 UNSPEC, wrong checksum"),
    pytest.param(v2("21 11", INET + tlv(5, bytes(129))), id="v2 unique id too long"),
    pytest.param(v2("21 11", INET + tlv(0x20, b"\1\0\0\0")), id="v2 SSL too short"),
    pytest.param(v2("21 11", INET + tlv(0x20, b"\1\0\0\0\0\x21\0")), id="v2 SSL, half a TLV"),
    pytest.param(v2("21 11", INET + tlv(0x20, b"\1\0\0\0\0" + tlv(0x22, b"\0"))), id="v2 CN NUL"),
]


def read(*slices: bytes) -> tuple[ProxyHeader | None, bytes]:
    """Feed a reader; what it read and what is left."""
    reader = ProxyReader()
    for data in slices:
        reader.receive_data(data)
        event = reader.next_event()
    return (None if event is NEED_DATA else event), reader.rest


@pytest.mark.parametrize(("wire", "header"), HEADERS)
def test_read_whole(wire: bytes, header: ProxyHeader) -> None:
    """A header in one slice is read, and nothing is left behind it."""
    assert (header, b"") == read(wire)


@pytest.mark.parametrize(("wire", "header"), HEADERS)
def test_read_with_trailing_data(wire: bytes, header: ProxyHeader) -> None:
    """What comes behind the header is handed on untouched."""
    assert (header, BEHIND) == read(wire + BEHIND)


@pytest.mark.parametrize(("wire", "header"), HEADERS)
def test_read_cut_in_two(wire: bytes, header: ProxyHeader) -> None:
    """Wherever the network cuts the header, the same is read."""
    cuts = range(1, len(wire)) if len(wire) < 400 else (1, 15, 16, 17, len(wire) - 1)
    for cut in cuts:
        assert (header, BEHIND) == read(wire[:cut], wire[cut:] + BEHIND)


@pytest.mark.parametrize(("wire", "header"), HEADERS)
def test_read_octet_by_octet(wire: bytes, header: ProxyHeader) -> None:
    """The header is there with its last octet and not before."""
    reader = ProxyReader()
    for octet in wire[:-1]:
        reader.receive_data(bytes((octet,)))
        assert NEED_DATA is reader.next_event()
        assert b"" == reader.rest
    reader.receive_data(wire[-1:])

    assert header == reader.next_event()
    assert header == reader.next_event()


@pytest.mark.parametrize("wire", MALFORMED)
def test_malformed_whole(wire: bytes) -> None:
    """Whatever is not exactly the protocol is refused, again and again."""
    reader = ProxyReader()
    reader.receive_data(wire)
    for _ in range(2):
        with pytest.raises(RemoteProtocolError):
            reader.next_event()


@pytest.mark.parametrize("wire", MALFORMED)
def test_malformed_octet_by_octet(wire: bytes) -> None:
    """Octet by octet it is refused at the latest with the last one."""
    with pytest.raises(RemoteProtocolError):
        read(*(bytes((octet,)) for octet in wire))


@pytest.mark.parametrize("wire", [b"Q", b"PROXX", b"\r\n\r\n\r", b"\0"])
def test_other_protocols_are_refused_at_the_first_octet_that_differs(wire: bytes) -> None:
    """A peer that sends no header is not waited for."""
    reader = ProxyReader()
    reader.receive_data(wire)
    with pytest.raises(RemoteProtocolError):
        reader.next_event()


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(b"PROXY UNKNOWN " + b"x" * 93, id="v1"),
        pytest.param(SIGNATURE + b"\x21\x11\xff\xff", id="v2"),
    ],
)
def test_s09_too_long_is_refused_before_it_has_come(wire: bytes) -> None:
    """A header that will be too long is refused without being collected."""
    with pytest.raises(RemoteProtocolError, match="longer than"):
        read(wire)


@pytest.mark.parametrize("wire", [b"", b"PROX", b"PROXY TCP4 1", SIGNATURE + b"\x20\0\0\1"])
def test_end_within_the_header(wire: bytes) -> None:
    """A connection that ends too early is an error."""
    reader = ProxyReader()
    reader.receive_data(wire)
    reader.receive_data(b"")
    with pytest.raises(RemoteProtocolError, match="ended"):
        reader.next_event()


def test_end_behind_the_header() -> None:
    """A connection that ends behind its header has told its header."""
    assert (IPV4, b"") == read(v2("21 11", INET), b"")


def test_said_about_tls() -> None:
    """Version, cipher and name are read out of the SSL TLV."""
    header, _ = read(v2("21 11", INET + SSL))
    assert header is not None

    assert (
        ProxyTLS(
            encrypted=True,
            verified=True,
            version="TLSv1.3",
            cipher="TLS_AES_128_GCM_SHA256",
            common_name="Jörg",
        )
        == header.tls
    )


@pytest.mark.parametrize(
    ("value", "encrypted", "verified"),
    [
        pytest.param(b"\x01\0\0\0\0", True, False, id="no certificate"),
        pytest.param(b"\x03\0\0\0\0", True, True, id="in the connection"),
        pytest.param(b"\x05\0\0\0\0", True, True, id="in the session"),
        pytest.param(b"\x03\0\0\0\x0a", True, False, id="a bad one"),
        pytest.param(b"\x00\0\0\0\x01", False, False, id="no TLS"),
        pytest.param(b"\xf9\0\0\0\0", True, False, id="flags of later versions"),
    ],
)
def test_certificate_is_verified(value: bytes, encrypted: bool, verified: bool) -> None:
    """Verified is only a certificate that was shown and found good."""
    header, _ = read(v2("21 11", INET + tlv(0x20, value)))
    assert header is not None

    assert ProxyTLS(encrypted=encrypted, verified=verified) == header.tls


def test_said_by_tlvs() -> None:
    """The registered types have names of their own; absent ones are None."""
    header, _ = read(v2("21 11", INET + tlv(1, b"smtp") + tlv(2, b"mx.example") + tlv(5, b"\0id")))
    assert header is not None

    assert b"smtp" == header.alpn
    assert "mx.example" == header.authority
    assert b"\0id" == header.unique_id
    assert header.tls is None
    assert ProxyHeader().authority is None


def test_crc32c() -> None:
    """The check value of CRC-32C, and two of RFC 3720 appendix B.4."""
    assert 0xE3069283 == crc32c(b"123456789")
    assert 0x8A9136AA == crc32c(bytes(32))
    assert 0x62A8AB43 == crc32c(b"\xff" * 32)


@pytest.mark.parametrize("before", [(), (TLV(5, b"id"),)])
@pytest.mark.parametrize("after", [(), (TLV(2, b"a"),)])
def test_checksum(before: tuple[TLV, ...], after: tuple[TLV, ...]) -> None:
    """A right checksum is taken, wherever it stands; with any octet changed it is refused."""
    checksum = TLV(Type.CRC32C, b"")
    header = ProxyHeader(source=CLIENT4, destination=SERVER4, tlvs=(*before, checksum, *after))
    wire = encode_v2(header)
    got, _ = read(wire)

    assert got is not None
    assert CLIENT4 == got.source
    assert len(header.tlvs) == len(got.tlvs)
    for position in range(16, 28):
        changed = bytearray(wire)
        changed[position] ^= 1
        with pytest.raises(RemoteProtocolError, match="checksum"):
            read(bytes(changed))


@pytest.mark.parametrize(
    ("header", "wire"),
    [
        pytest.param(IPV4, b"PROXY TCP4 192.0.2.1 192.0.2.11 56324 25\r\n", id="IPv4"),
        pytest.param(IPV6, b"PROXY TCP6 2001:db8::1 2001:db8::25 65535 0\r\n", id="IPv6"),
        pytest.param(ProxyHeader(), b"PROXY UNKNOWN\r\n", id="unknown"),
    ],
)
def test_encode_v1(header: ProxyHeader, wire: bytes) -> None:
    """The line is the specification's own."""
    assert wire == encode_v1(header)


@pytest.mark.parametrize(
    ("header", "wire"),
    [
        pytest.param(IPV4, v2("21 11", INET), id="IPv4"),
        pytest.param(IPV6, v2("21 21", INET6), id="IPv6"),
        pytest.param(ProxyHeader(), v2("20 00"), id="local"),
        pytest.param(
            ProxyHeader(source=Endpoint("/run/a"), destination=Endpoint("@hidden")),
            v2("21 31", UNIX),
            id="UNIX",
        ),
        pytest.param(
            ProxyHeader(source=CLIENT4, destination=SERVER4, tlvs=(TLV(0xEA, b"x"),)),
            v2("21 11", INET + tlv(0xEA, b"x")),
            id="TLV",
        ),
    ],
)
def test_encode_v2(header: ProxyHeader, wire: bytes) -> None:
    """The octets are those that the specification draws."""
    assert wire == encode_v2(header)


def test_what_cannot_be_encoded() -> None:
    """Version 1 knows no UNIX sockets; a path and the whole header have a length."""
    path = ProxyHeader(source=Endpoint("/run/a"), destination=Endpoint("/run/b"))
    with pytest.raises(ValueError):
        encode_v1(path)
    with pytest.raises(ValueError):
        encode_v2(ProxyHeader(source=Endpoint("/" * 109), destination=Endpoint("")))
    with pytest.raises(ValueError):
        encode_v2(ProxyHeader(source=CLIENT4, destination=SERVER4, tlvs=(TLV(4, bytes(4096)),)))


PORTS = st.integers(0, 65535)
HOSTS = st.ip_addresses().map(
    lambda a: str(a.ipv4_mapped or a) if isinstance(a, IPv6Address) else str(a)
)
ENDS = st.builds(Endpoint, HOSTS, PORTS)
FREE_TLVS = st.lists(st.builds(TLV, st.integers(0xE0, 0xF7), st.binary(max_size=40)), max_size=4)


@settings(max_examples=100, deadline=None)
@given(ENDS, ENDS, FREE_TLVS.map(tuple))
def test_round_trip(source: Endpoint, destination: Endpoint, tlvs: tuple[TLV, ...]) -> None:
    """Whatever is written is read back, in both versions, also with ends of two families."""
    header = ProxyHeader(source=source, destination=destination, tlvs=tlvs)

    assert (header, b"") == read(encode_v2(header))
    assert (ProxyHeader(source=source, destination=destination), b"") == read(encode_v1(header))
    assert len(encode_v1(header)) <= 107


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"", b"PROXY ", b"PROXY TCP6 ", SIGNATURE, SIGNATURE + b"\x21"]), st.data())
def test_total(start: bytes, data: st.DataObject) -> None:
    """Any octets give a header, a wish for more or RemoteProtocolError, however they are cut."""
    wire = start + data.draw(st.binary(min_size=2, max_size=300))
    cut = data.draw(st.integers(1, len(wire) - 1))

    def outcome(*slices: bytes) -> object:
        try:
            return read(*slices)
        except RemoteProtocolError:
            return RemoteProtocolError

    assert outcome(wire) == outcome(wire[:cut], wire[cut:])


def test_ipv4_octets_are_in_network_order() -> None:
    """The first address in the block is the client's."""
    header, _ = read(v2("21 11", INET))
    assert header is not None
    assert header.source is not None

    assert IPv4Address(header.source.host).packed == INET[:4]
