"""
The client against a real resolver: unbound, with zones of ours, one of them signed.

The kit runs as a whole; AD and SERVFAIL are unbound's own, from real signatures.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from dns import dnssec, rdatatype, zone
from dns.dnssectypes import Algorithm
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from pytest_twisted import ensureDeferred
from twisted.internet import reactor as _reactor

from pymta.aio import start
from pymta.dns.client import DNSClient
from pymta.edge.peers import Peers
from pymta.errors import DNSUnavailable, NoRecords, NoSuchName
from pymta.interfaces.dns import AAAA, TXT, A, IDNSClient
from pymta.testing.contracts.dns import AUTHENTIC, BOGUS, LATER, ZONES, DNSClientContract
from pymta.testing.dns import Records
from tests.dns.resolvers import text

reactor: Any = _reactor

UNBOUND = shutil.which("unbound", path="/usr/sbin:/usr/local/sbin:/usr/bin")
SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Running:
    """One that answers.  :param zone: the signed one's records, in its file."""

    address: str
    zone: str


def signed() -> tuple[str, str]:
    """A zone signed with a new key, one signature spoilt; and its trust anchor."""
    plain = zone.from_text(
        f"$TTL 300\n@ IN SOA ns admin 1 2 3 4 60\n@ NS ns\nns A 1.0.0.9\n@ A 1.0.0.1\n"
        f"bogus A 1.0.0.1\nalias CNAME {AUTHENTIC}.\nonly TXT x\n",
        origin=AUTHENTIC,
        relativize=False,
    )
    private = ec.generate_private_key(ec.SECP256R1())
    key = dnssec.make_dnskey(private.public_key(), Algorithm.ECDSAP256SHA256, 257)
    lifetime = 86_400
    dnssec.sign_zone(plain, keys=[(private, key)], lifetime=lifetime)
    lines = str(plain.to_text(relativize=False)).splitlines()
    spoilt = [
        line.replace("1.0.0.1", "6.6.6.6") if line.startswith("bogus") else line for line in lines
    ]
    assert isinstance(key, DNSKEY)
    return "\n".join(spoilt) + "\n", f"{AUTHENTIC}. IN DNSKEY {key.to_text()}"


def _spoilt(line: str) -> str:
    return line.replace("1.0.0.1", "6.6.6.6")


def local_data() -> Iterator[str]:
    """The kit's zone, as unbound wants it; it does not follow CNAMEs there itself."""
    for name, records in ZONES.items():
        assert isinstance(records, Mapping)
        yield f'local-zone: "{name}." static'
        for label, inside in records.items():
            yield from _lines(f"{label}.{name}." if label else f"{name}.", inside)
    yield f'local-zone: "{LATER}." always_refuse'


def _lines(name: str, records: Records) -> Iterator[str]:
    if not records:
        yield f'local-data: \'{name} 300 IN HINFO "a" "b"\''
    for record in records:
        written = text(record).replace("'", r"\039")
        yield f"local-data: '{name} 300 IN {type(record).__name__} {written}'"


def free_port() -> int:
    """One that nobody has now."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def unbound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that answers from our zones alone."""
    if UNBOUND is None:
        pytest.skip("unbound is not installed")
    folder = tmp_path_factory.mktemp("unbound")
    zone_text, anchor = signed()
    (folder / "zone").write_text(zone_text)
    port = free_port()
    settings = [
        "do-daemonize: no",
        f'directory: "{folder}"',
        'chroot: ""',
        'username: ""',
        'pidfile: ""',
        "use-syslog: no",
        "interface: 127.0.0.1",
        f"port: {port}",
        "num-threads: 1",
        "do-not-query-localhost: no",
        'module-config: "validator iterator"',
        "access-control: 127.0.0.0/8 allow",
        f'trust-anchor: "{anchor}"',
        'local-zone: "test." nodefault',
        *local_data(),
    ]
    auth = [f'name: "{AUTHENTIC}."', 'zonefile: "zone"', "for-upstream: yes", "for-downstream: no"]
    text_of = "server:\n  " + "\n  ".join(settings) + "\nauth-zone:\n  " + "\n  ".join(auth)
    file = folder / "unbound.conf"
    file.write_text(text_of + "\nremote-control:\n  control-enable: no\n")
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([UNBOUND, "-d", "-c", str(file)], stdout=output, stderr=output)
    try:
        _wait_for(process, port, log)
        yield Running(f"127.0.0.1:{port}", zone_text)
    finally:
        process.terminate()
        process.wait(SECONDS)


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text())


def client(unbound: Running, **settings: Any) -> DNSClient:
    """One that is patient."""
    return DNSClient(reactor, [unbound.address], timeout=3, lifetime=9, **settings)


class TestUnbound(DNSClientContract):
    """The kit, against it."""

    @pytest.fixture(autouse=True)
    def _unbound(self, unbound: Running) -> None:
        self.unbound = unbound

    async def make(self) -> IDNSClient:
        """A new client."""
        return client(self.unbound)

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> object:
        """On the reactor."""
        return start(test())


@ensureDeferred
async def test_proven(unbound: Running) -> None:
    """Also behind a CNAME; a resolver that is not trusted proves nothing."""
    assert (await client(unbound).lookup(f"alias.{AUTHENTIC}", A)).authentic
    assert not (await client(unbound, trusted=Peers()).lookup(AUTHENTIC, A)).authentic


@ensureDeferred
async def test_proven_not_to_exist(unbound: Running) -> None:
    """Denials of a signed zone are what they are."""
    dns = client(unbound)
    with pytest.raises(NoRecords):
        await dns.lookup(AUTHENTIC, AAAA)
    with pytest.raises(NoRecords):
        await dns.lookup(f"alias.{AUTHENTIC}", TXT)
    with pytest.raises(NoSuchName):
        await dns.lookup(f"gone.{AUTHENTIC}", A)


@ensureDeferred
async def test_bogus_for_others(unbound: Running) -> None:
    """A resolver that is not trusted to validate, and does, has only failed."""
    with pytest.raises(DNSUnavailable):
        await client(unbound, trusted=Peers()).lookup(BOGUS, A)


def test_the_zone_is_spoilt(unbound: Running) -> None:
    """So that it is not for another reason that it is bogus."""
    assert "6.6.6.6" in unbound.zone
    assert rdatatype.to_text(rdatatype.RRSIG) in unbound.zone
