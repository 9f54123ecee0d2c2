"""
The PROXY protocol, versions 1 and 2: what a load balancer says of the connection it passes on.

A reader takes the header off the front of a connection, bounded and strict, wherever the
network cuts it; writers make both versions.  Whether a peer may speak for others is not
known here: ask only peers that are listed (S21), and never guess whether a header comes, for
a client could send one too (the specification, section 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Literal

from pymta.errors import RemoteProtocolError
from pymta.session import Endpoint
from pymta.wire._lines import NEED_DATA, NeedData

__all__ = ["TLV", "ProxyHeader", "ProxyReader", "ProxyTLS", "Type", "encode_v1", "encode_v2"]

MAX_V1: Final = 107
"""The longest line of version 1 with its CRLF (section 2.1)."""

MAX_V2: Final = 4096
"""
The longest block behind the 16 fixed octets that is read.  The length field allows 65,535;
216 octets of addresses, a certificate's names and a unique id need less than 1 KiB.
"""

_V1: Final = b"PROXY "
_V2: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_FIXED: Final = 16
_UNIX: Final = 108


class Type(IntEnum):
    """The registered types of TLVs (section 2.2); others are kept by their number."""

    ALPN = 0x01
    AUTHORITY = 0x02
    CRC32C = 0x03
    NOOP = 0x04
    UNIQUE_ID = 0x05
    SSL = 0x20
    SSL_VERSION = 0x21
    SSL_CN = 0x22
    SSL_CIPHER = 0x23
    SSL_SIG_ALG = 0x24
    SSL_KEY_ALG = 0x25
    NETNS = 0x30


class _Client(IntFlag):
    # Section 2.2.6: what the first octet of an SSL value says.
    SSL = 0x01
    CERT_CONN = 0x02
    CERT_SESS = 0x04


# What must not come twice: there would be two answers to one question.
_ONCE: Final = frozenset(Type) - {Type.NOOP}


@dataclass(frozen=True, slots=True)
class TLV:
    """One further fact.  :param type: a :class:`Type` or any other number of one octet."""

    type: int
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyTLS:
    """
    TLS between the client and the proxy (section 2.2.6).

    :param encrypted: the client came over TLS.
    :param verified: it showed a certificate, in this connection or in the TLS session that
        this one resumed, and the proxy found it good.
    :param common_name: of that certificate; believe it only with ``verified``.
    """

    encrypted: bool
    verified: bool
    version: str | None = None
    cipher: str | None = None
    common_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyHeader:
    """
    What the proxy said.

    :param source: the client; None where the proxy speaks for itself (LOCAL, a health check)
        or does not know (UNKNOWN, UNSPEC, a datagram): then the connection's own ends count.
    :param destination: where the client connected to; None together with ``source``.
    :param tlvs: all of them, in the order they came.
    """

    source: Endpoint | None = None
    destination: Endpoint | None = None
    tlvs: tuple[TLV, ...] = ()

    @property
    def alpn(self) -> bytes | None:
        """The protocol that the client asked the proxy for."""
        return self._value(Type.ALPN)

    @property
    def authority(self) -> str | None:
        """The host name that the client asked for (SNI)."""
        return _text(self._value(Type.AUTHORITY))

    @property
    def unique_id(self) -> bytes | None:
        """The proxy's own name for the connection; at most 128 octets."""
        return self._value(Type.UNIQUE_ID)

    @property
    def tls(self) -> ProxyTLS | None:
        """TLS between client and proxy; None if the proxy does not say."""
        value = self._value(Type.SSL)
        return None if value is None else _read_tls(value)

    def _value(self, wanted: Type) -> bytes | None:
        return next((tlv.value for tlv in self.tlvs if tlv.type == wanted), None)


# -- reading -----------------------------------------------------------------


class ProxyReader:
    """
    Reads one header from the front of a connection.

    Feed it with :meth:`receive_data` and ask :meth:`next_event` until it gives the
    :class:`ProxyHeader`; :attr:`rest` holds what came behind it and belongs to the protocol
    proper.  Memory: the header (4 KiB) and the last slice fed.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._ended = False
        self._header: ProxyHeader | None = None

    @property
    def rest(self) -> bytes:
        """The octets behind the header; empty until it was read."""
        return b"" if self._header is None else self._buffer

    def receive_data(self, data: bytes) -> None:
        """Take the next slice; ``b""`` says that the peer has closed its side."""
        self._buffer += data
        self._ended = self._ended or not data

    def next_event(self) -> ProxyHeader | Literal[NeedData.NEED_DATA]:
        """
        The header, once it has all come; the same one ever after.

        :raises RemoteProtocolError: for anything else, at the first octet that shows it; the
            only answer is to close the connection.
        """
        if self._header is None and (length := self._length()) is not None:
            self._header = _read(self._buffer[:length])
            self._buffer = self._buffer[length:]
        if self._header is not None:
            return self._header
        if self._ended:
            raise RemoteProtocolError("the connection ended within its PROXY header")
        return NEED_DATA

    def _length(self) -> int | None:
        if _begins(self._buffer, _V1):
            return self._length_v1()
        if _begins(self._buffer, _V2):
            return self._length_v2()
        raise RemoteProtocolError("no PROXY header")

    def _length_v1(self) -> int | None:
        end = self._buffer.find(b"\n", 0, MAX_V1)
        if end < 0:
            if len(self._buffer) >= MAX_V1:
                raise RemoteProtocolError(f"PROXY line longer than {MAX_V1} octets")
            return None
        return end + 1

    def _length_v2(self) -> int | None:
        if self._buffer[12:13] and self._buffer[12] not in (0x20, 0x21):
            raise RemoteProtocolError("PROXY version or command unknown")
        if len(self._buffer) < _FIXED:
            return None
        length = int.from_bytes(self._buffer[14:16])
        if length > MAX_V2:
            raise RemoteProtocolError(f"PROXY header longer than {MAX_V2} octets")
        return _FIXED + length if len(self._buffer) >= _FIXED + length else None


def _begins(data: bytes, signature: bytes) -> bool:
    return signature.startswith(data[: len(signature)])


def _read(header: bytes) -> ProxyHeader:
    if header.startswith(_V1):
        return _read_v1(header)
    if header[12] == 0x20:
        # LOCAL: the whole block, its family included, is discarded (section 2.2).
        return ProxyHeader()
    return _read_v2(header)


def _read_v1(line: bytes) -> ProxyHeader:
    if line.find(b"\r") != len(line) - 2:
        # "Must not tolerate a single CR or LF" (section 2.1).
        raise RemoteProtocolError("PROXY line not ended by CRLF")
    words = line[len(_V1) : -2].split(b" ")
    match words:
        case [b"UNKNOWN", *_]:
            return ProxyHeader()
        case [b"TCP4" | b"TCP6", source, destination, source_port, destination_port]:
            parse = _parse_ipv4 if words[0] == b"TCP4" else _parse_ipv6
            return ProxyHeader(
                source=Endpoint(parse(source), _parse_port(source_port)),
                destination=Endpoint(parse(destination), _parse_port(destination_port)),
            )
    raise RemoteProtocolError("malformed PROXY line")


def _parse_port(word: bytes) -> int:
    if word.isdigit() and len(word) <= 5 and (word == b"0" or word[:1] != b"0"):
        port = int(word)
        if port <= 65535:
            return port
    raise RemoteProtocolError("malformed port in PROXY line")


def _parse_ipv4(word: bytes) -> str:
    try:
        return str(IPv4Address(word.decode("ascii")))
    except ValueError:
        raise RemoteProtocolError("malformed IPv4 address in PROXY line") from None


def _parse_ipv6(word: bytes) -> str:
    try:
        if b"%" not in word:
            return _format_ipv6(IPv6Address(word.decode("ascii")))
    except ValueError:
        pass
    raise RemoteProtocolError("malformed IPv6 address in PROXY line")


def _format_ipv6(address: IPv6Address) -> str:
    # A proxy that listens on both families gives IPv4 clients as ::ffff:192.0.2.1.  One client
    # has one name here, or limits, SPF and block lists would see two.
    return str(address.ipv4_mapped or address)


def _read_v2(header: bytes) -> ProxyHeader:
    family, protocol = header[13] >> 4, header[13] & 0x0F
    if family > 3 or protocol > 2:
        raise RemoteProtocolError("PROXY family or protocol unknown")
    if family == 0:
        return _read_unspecified(header)
    stop = _FIXED + (0, 12, 36, 2 * _UNIX)[family]
    if len(header) < stop:
        raise RemoteProtocolError("PROXY header shorter than its addresses")
    tlvs = _read_tlvs(header, stop)
    if protocol != 1:
        # Mail does not come by datagrams: as for UNSPEC, the addresses are ignored.
        return ProxyHeader(tlvs=tlvs)
    read = (_read_ipv4, _read_ipv4, _read_ipv6, _read_unix)[family]
    source, destination = read(header[_FIXED:stop])
    return ProxyHeader(source=source, destination=destination, tlvs=tlvs)


def _read_unspecified(header: bytes) -> ProxyHeader:
    # No length of addresses is laid down here, and some senders put addresses of their own in
    # front; TLVs are believed if the block is nothing else.
    if _split_tlvs(header[_FIXED:]) is None:
        return ProxyHeader()
    return ProxyHeader(tlvs=_read_tlvs(header, _FIXED))


def _read_ipv4(block: bytes) -> tuple[Endpoint, Endpoint]:
    source, destination = str(IPv4Address(block[:4])), str(IPv4Address(block[4:8]))
    ports = int.from_bytes(block[8:10]), int.from_bytes(block[10:12])
    return Endpoint(source, ports[0]), Endpoint(destination, ports[1])


def _read_ipv6(block: bytes) -> tuple[Endpoint, Endpoint]:
    source, destination = IPv6Address(block[:16]), IPv6Address(block[16:32])
    ports = int.from_bytes(block[32:34]), int.from_bytes(block[34:36])
    return Endpoint(_format_ipv6(source), ports[0]), Endpoint(_format_ipv6(destination), ports[1])


def _read_unix(block: bytes) -> tuple[Endpoint, Endpoint]:
    return Endpoint(_read_path(block[:_UNIX])), Endpoint(_read_path(block[_UNIX:]))


def _read_path(field: bytes) -> str:
    # A name in Linux's abstract space starts with NUL; it is written with "@" by custom.
    mark, field = ("@", field[1:]) if field[:1] == b"\0" and field.strip(b"\0") else ("", field)
    path = field.partition(b"\0")[0].decode("utf-8", "replace")
    return mark + "".join(c if c.isprintable() else "?" for c in path)


def _read_tlvs(header: bytes, start: int) -> tuple[TLV, ...]:
    tlvs = _split_tlvs(header[start:])
    if tlvs is None:
        raise RemoteProtocolError("malformed TLV in PROXY header")
    once = [tlv.type for tlv in tlvs if tlv.type in _ONCE]
    if len(once) != len(set(once)):
        raise RemoteProtocolError("TLV twice in PROXY header")
    for tlv in tlvs:
        _check_tlv(tlv)
        if tlv.type == Type.CRC32C and tlv.value != _checksum(header, start, tlvs):
            raise RemoteProtocolError("wrong checksum of PROXY header")
    return tlvs


def _split_tlvs(block: bytes) -> tuple[TLV, ...] | None:
    tlvs = []
    start = 0
    while start < len(block):
        stop = start + 3 + int.from_bytes(block[start + 1 : start + 3])
        if start + 3 > len(block) or stop > len(block):
            return None
        tlvs.append(TLV(block[start], block[start + 3 : stop]))
        start = stop
    return tuple(tlvs)


def _check_tlv(tlv: TLV) -> None:
    # Here, so that the properties of the header cannot fail later.
    if tlv.type == Type.CRC32C and len(tlv.value) != 4:
        raise RemoteProtocolError("checksum of PROXY header is not four octets")
    if tlv.type == Type.UNIQUE_ID and len(tlv.value) > 128:
        raise RemoteProtocolError("unique id of PROXY header longer than 128 octets")
    if tlv.type == Type.AUTHORITY:
        _text(tlv.value)
    if tlv.type == Type.SSL:
        _read_tls(tlv.value)


def _read_tls(value: bytes) -> ProxyTLS:
    parts = _split_tlvs(value[5:])
    if len(value) < 5 or parts is None:
        raise RemoteProtocolError("malformed SSL TLV in PROXY header")
    client = _Client(value[0] & 0x07)
    # Zero also where no certificate was shown, whatever the specification says: some proxies.
    good = int.from_bytes(value[1:5]) == 0 and client & (_Client.CERT_CONN | _Client.CERT_SESS)
    said = {part.type: part.value for part in reversed(parts)}
    return ProxyTLS(
        encrypted=bool(client & _Client.SSL),
        verified=bool(good),
        version=_text(said.get(Type.SSL_VERSION)),
        cipher=_text(said.get(Type.SSL_CIPHER)),
        common_name=_text(said.get(Type.SSL_CN)),
    )


def _text(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise RemoteProtocolError("text in PROXY header is not UTF-8") from None
    if not text.isprintable():
        # S12: these texts go to logs and trace fields.
        raise RemoteProtocolError("control character in PROXY header")
    return text


# -- writing -----------------------------------------------------------------


def encode_v1(header: ProxyHeader) -> bytes:
    """
    The line of version 1.  TLVs have no place in it and are left out.

    :raises ValueError: for UNIX sockets, which version 1 cannot name.
    """
    if header.source is None or header.destination is None:
        return b"PROXY UNKNOWN\r\n"
    source, destination, version = _same_family(header.source, header.destination)
    ports = header.source.port, header.destination.port
    return b"PROXY TCP%d %b %b %d %d\r\n" % (
        version,
        str(source).encode(),
        str(destination).encode(),
        *ports,
    )


def encode_v2(header: ProxyHeader) -> bytes:
    """
    The octets of version 2; LOCAL where the header names no source.

    A TLV of type CRC32C, whatever its value, is sent with the right one.

    :raises ValueError: for a UNIX path longer than 108 octets, or TLVs too long.
    """
    command, family, addresses = _encode_addresses(header.source, header.destination)
    start = _FIXED + len(addresses)
    block = addresses + _encode_tlvs(header.tlvs)
    if len(block) > MAX_V2:
        raise ValueError(f"PROXY header longer than {MAX_V2} octets")
    encoded = _V2 + bytes((command, family)) + len(block).to_bytes(2) + block
    if all(tlv.type != Type.CRC32C for tlv in header.tlvs):
        return encoded
    checksum = TLV(Type.CRC32C, _checksum(encoded, start, header.tlvs))
    tlvs = tuple(checksum if tlv.type == Type.CRC32C else tlv for tlv in header.tlvs)
    return encoded[:start] + _encode_tlvs(tlvs)


def _same_family(
    source: Endpoint, destination: Endpoint
) -> tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address, int]:
    first, second = ip_address(source.host), ip_address(destination.host)
    if first.version == second.version:
        return first, second, first.version
    # Normalised away when it was read; one line holds one family.
    return _as_ipv6(first), _as_ipv6(second), 6


def _as_ipv6(address: IPv4Address | IPv6Address) -> IPv6Address:
    if isinstance(address, IPv6Address):
        return address
    return IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)


def _encode_addresses(
    source: Endpoint | None, destination: Endpoint | None
) -> tuple[int, int, bytes]:
    if source is None or destination is None:
        return 0x20, 0x00, b""
    if not source.port and not destination.port and not _is_ip(source.host):
        return 0x21, 0x31, _encode_path(source.host) + _encode_path(destination.host)
    first, second, version = _same_family(source, destination)
    ports = source.port.to_bytes(2) + destination.port.to_bytes(2)
    return 0x21, 0x11 if version == 4 else 0x21, first.packed + second.packed + ports


def _is_ip(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _encode_path(host: str) -> bytes:
    path = b"\0" + host[1:].encode() if host.startswith("@") else host.encode()
    if len(path) > _UNIX:
        raise ValueError(f"path longer than {_UNIX} octets")
    return path.ljust(_UNIX, b"\0")


def _encode_tlvs(tlvs: tuple[TLV, ...]) -> bytes:
    # The checksum's room is four octets, whatever the value says now.
    return b"".join(
        bytes((tlv.type,)) + len(value).to_bytes(2) + value
        for tlv in tlvs
        for value in (tlv.value.ljust(4, b"\0")[:4] if tlv.type == Type.CRC32C else tlv.value,)
    )


# -- the checksum ------------------------------------------------------------


def _checksum(header: bytes, start: int, tlvs: tuple[TLV, ...]) -> bytes:
    # Section 2.2.3: over the whole header, the checksum's own octets zero.
    zeroed = tuple(TLV(t.type, bytes(4)) if t.type == Type.CRC32C else t for t in tlvs)
    return crc32c(header[:start] + _encode_tlvs(zeroed)).to_bytes(4)


def _crc32c_table() -> tuple[int, ...]:
    table = []
    for octet in range(256):
        for _ in range(8):
            octet = octet >> 1 ^ (0x82F63B78 if octet & 1 else 0)
        table.append(octet)
    return tuple(table)


_CRC32C: Final = _crc32c_table()


def crc32c(data: bytes) -> int:
    """The CRC of Castagnoli, reflected (:rfc:`4960#appendix-B`)."""
    crc = 0xFFFFFFFF
    for octet in data:
        crc = _CRC32C[(crc ^ octet) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF
