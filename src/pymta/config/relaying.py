"""
What a file says of the way out: TLS policies and credentials by next hop, and their mistakes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from pymta.address import ascii_domain
from pymta.components.relay import Relaying, lane_of, next_hop
from pymta.config.lines import Path
from pymta.config.reading import Reader, suggestion
from pymta.config.tables import Configuration, NextHop, Relay
from pymta.delivery.tls_policy import TLSPolicies
from pymta.edge.client_tls import ClientTLS
from pymta.edge.tls import TLSError
from pymta.interfaces.relay import TLSLevel, TLSPolicy
from pymta.sasl import Credentials

__all__ = ["check_relay", "check_spellings", "credentials", "located_relay", "policies", "relaying"]

_PATH: Path = ("relay",)
_STRICT = (TLSLevel.ENCRYPT, TLSLevel.VERIFY)


def relaying(configuration: Configuration) -> Relaying:
    """The figures, and whom we trust."""
    relay = configuration.relay
    return Relaying(
        limits=relay.limits,
        hosts=relay.hosts,
        sessions=relay.sessions,
        timeouts=configuration.timeouts.relay,
        allow=relay.allow,
        trusted=relay.trusted,
        names=relay.names,
        addresses=relay.addresses,
        authorities=relay.authorities,
    )


def policies(relay: Relay) -> TLSPolicies:
    """How connections are protected, by next hop."""
    table = {
        lane_of(hop).next_hop: TLSPolicy(
            level=_level(special, relay),
            names=tuple(map(ascii_domain, special.names)),
            implicit=special.implicit,
        )
        for hop, special in relay.next_hops.items()
    }
    return TLSPolicies(table, default=TLSPolicy(level=relay.tls))


def credentials(relay: Relay) -> Mapping[str, Credentials]:
    """By which we log in, by next hop.  Reads the files of passwords."""
    return {
        lane_of(hop).next_hop: Credentials(username=special.user, password=_password(special))
        for hop, special in relay.next_hops.items()
        if special.user is not None
    }


def _level(special: NextHop, relay: Relay) -> TLSLevel:
    if special.tls is not None:
        return special.tls
    return relay.tls if special.user is None else TLSLevel.VERIFY


def _password(special: NextHop) -> str:
    if special.password_file is None:
        return special.password or ""
    with open(special.password_file, encoding="utf-8") as file:
        return file.readline().rstrip("\r\n")


def located_relay(relay: Relay, at: Callable[[str], str]) -> Relay:
    """The same, with its paths as ``at`` has them."""
    return replace(
        relay,
        authorities=relay.authorities and at(relay.authorities),
        next_hops={
            hop: replace(special, password_file=special.password_file and at(special.password_file))
            for hop, special in relay.next_hops.items()
        },
    )


# -- mistakes ----------------------------------------------------------------------


def check_relay(configuration: Configuration, document: Mapping[str, Any], reader: Reader) -> None:
    """
    Note what no single key can tell.

    :param document: as it was written.
    """
    routing, relay = configuration.routing, configuration.relay
    if routing.mx and routing.next_hop is not None:
        hint = "everything else goes by one of them"
        reader.note(("routing", "mx"), "there is a next_hop already", hint)
    if relay.networks and not routing.leads_elsewhere:
        hint = 'set "routing.next_hop", or "routing.mx"'
        reader.note((*_PATH, "networks"), "there is no next hop", hint)
    _check_domains(configuration, reader)
    if relay.authorities is not None:
        _check_authorities(relay.authorities, reader)
    known = {*routing.hops.values(), *filter(None, [routing.next_hop])}
    hops = document.get("relay", {}).get("next_hops", {}) if relay.next_hops else ()
    check_spellings(hops, next_hop, reader, (*_PATH, "next_hops"))
    for written in hops:
        path, hop = (*_PATH, "next_hops", written), next_hop(written)
        special = relay.next_hops[hop]
        if hop not in known and not (routing.mx and not hop.startswith(("[", "unix:", "lmtp:"))):
            reader.note(path, f"no route leads to {hop}", suggestion(hop, known))
        _check_next_hop(special, relay, reader, path)


def check_spellings(
    names: Iterable[str], fold: Callable[[str], object], reader: Reader, path: Path
) -> None:
    """Note names that mean the same as one before, whose table would be passed over."""
    first: dict[object, str] = {}
    for name in names:
        other = first.setdefault(fold(name), name)
        if other != name:
            reader.note((*path, name), f"the same as {other!r}")


def _check_domains(configuration: Configuration, reader: Reader) -> None:
    routing = configuration.routing
    local = set(map(ascii_domain, configuration.domains))
    for at, domain in enumerate(configuration.relay.domains):
        path: Path = (*_PATH, "domains", at)
        if ascii_domain(domain) in local:
            reader.note(path, f"{domain} is a local domain")
        elif not routing.leads_elsewhere:
            reader.note(path, f"no route leads to {domain}", 'add it to "routing.hops"')


def _check_next_hop(special: NextHop, relay: Relay, reader: Reader, path: Path) -> None:
    level = _level(special, relay)
    if special.implicit and level is TLSLevel.NONE:
        reader.note((*path, "implicit"), 'TLS from the first octet and tls = "none"')
    if special.names and level is not TLSLevel.VERIFY:
        reader.note((*path, "names"), 'certificates are looked at with tls = "verify" alone')
    if special.user is None:
        for key in ("password", "password_file"):
            if getattr(special, key) is not None:
                reader.note((*path, key), "there is no user")
        return
    for key in ("user", "password"):
        if getattr(special, key) == "":
            reader.note((*path, key), "it is empty")
    if level is not TLSLevel.VERIFY and not relay.trusted:
        hint = 'leave it out, or add the server to "relay.trusted"'
        reader.note((*path, "tls"), "a password is for verified servers alone", hint)
    if (special.password is None) is (special.password_file is None):
        reader.note(path, "one of password and password_file is needed")
    elif special.password_file is not None:
        _check_file(special, reader, (*path, "password_file"))


def _check_file(special: NextHop, reader: Reader, path: Path) -> None:
    try:
        password = _password(special)
    except OSError as error:
        reader.note(path, f"{special.password_file} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        reader.note(path, f"{special.password_file} is no UTF-8")
    else:
        if not password:
            reader.note(path, f"{special.password_file} begins with an empty line")


def _check_authorities(file: str, reader: Reader) -> None:
    try:
        ClientTLS(authorities=file).load()
    except TLSError as error:
        why = str(error) if os.path.exists(file) else f"{file}: No such file or directory"
        reader.note((*_PATH, "authorities"), f"cannot be used: {why}")
