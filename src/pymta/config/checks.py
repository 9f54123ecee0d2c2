"""
What no single key can tell: endpoints, files, certificates, and keys that contradict each other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.task import Clock

from pymta.address import Address, ascii_domain, parse_domain
from pymta.config.lines import Path
from pymta.config.loops import check_loops
from pymta.config.plugins import fits
from pymta.config.reading import Reader, suggestion
from pymta.config.relaying import check_relay, check_spellings, located_relay
from pymta.config.tables import (
    REQUIRED,
    Configuration,
    KeyPairTable,
    ListenerTable,
    Protocol,
    TLSMode,
    TLSTable,
    Use,
)
from pymta.edge.login_credentials import completed, folded
from pymta.edge.tls import Certificates, KeyPair, TLSError
from pymta.errors import AddressError, ConfigurationError, Mistake
from pymta.routing.alias_syntax import AliasTable, parse_aliases
from pymta.wire.smtp.data import Newlines

__all__ = ["check", "check_endpoint", "located", "pairs"]

_TYPES = ("tcp", "tcp6", "unix", "systemd", "haproxy", "fd")


def located(configuration: Configuration, folder: str) -> Configuration:
    """The same, with relative paths meant from this folder on."""

    def at(path: str) -> str:
        return os.path.join(folder, path)

    routing = configuration.routing
    if routing.aliases is not None:
        routing = replace(routing, aliases=at(routing.aliases))
    tls = configuration.tls
    if tls is not None:
        tls = replace(
            tls,
            certificate=at(tls.certificate),
            key=at(tls.key or tls.certificate),
            names={name: _located_pair(pair, at) for name, pair in tls.names.items()},
            client_authorities=tls.client_authorities and at(tls.client_authorities),
        )
    return replace(
        configuration,
        directory=at(configuration.directory),
        maildirs=configuration.maildirs and at(configuration.maildirs),
        routing=routing,
        relay=located_relay(configuration.relay, at),
        tls=tls,
    )


def _located_pair(pair: KeyPairTable, at: Callable[[str], str]) -> KeyPairTable:
    return KeyPairTable(certificate=at(pair.certificate), key=at(pair.key or pair.certificate))


def check(
    configuration: Configuration, document: Mapping[str, Any], reader: Reader, reactor: object
) -> None:
    """
    Note everything that is wrong with it.

    :param configuration: where a key was wrong, with its default.
    :param document: as it was written.
    """
    for key in REQUIRED:
        if key not in document:
            reader.note((), f"{key} is missing")
    for key, place in (
        ("directory", configuration.directory),
        ("maildirs", configuration.maildirs),
    ):
        if place and os.path.exists(place) and not os.path.isdir(place):
            reader.note((key,), f"{place} is not a folder")
    listeners = document.get("listeners")
    if listeners in (None, []):
        reader.note((), "there are no listeners", "add a table [[listeners]]")
    elif isinstance(listeners, list):
        _check_listeners(listeners, reader, reactor, has_tls="tls" in document)
    if configuration.tls is not None:
        _check_tls(configuration.tls, reader)
    _check_accounts(configuration, reader)
    _check_routing(configuration, reader)
    check_relay(configuration, document, reader)
    check_loops(configuration, _listeners(reader), reader)
    for path, use in used(configuration):
        fits(use, reader, path)


def used(configuration: Configuration) -> Iterator[tuple[Path, Use]]:
    """Other people's components, each with its path."""
    for key in ("policies", "modifiers", "observers"):
        for at, use in enumerate(getattr(configuration, key)):
            yield (key, at), use
    for name, use in configuration.agents.items():
        yield ("agents", name), use


# -- listeners -------------------------------------------------------------------


def _check_listeners(
    listeners: list[Any], reader: Reader, reactor: object, *, has_tls: bool
) -> None:
    """Each by itself, also where another one, or another of its keys, is wrong."""
    taken: dict[str, int] = {}
    names: dict[str, int] = {}
    for at, values in enumerate(listeners):
        path: Path = ("listeners", at)
        listener = reader.made.get(path)
        if isinstance(listener, ListenerTable):
            _check_listener(listener, reader, path, has_tls=has_tls)
            first = names.setdefault(listener.name or listener.protocol.value, at)
            if first != at and listener.name:
                reader.note((*path, "name"), f"listeners[{first}] has this name already")
        text = values.get("endpoint") if isinstance(values, dict) else None
        if not isinstance(text, str):
            continue
        try:
            check_endpoint(text, reactor)
            first = taken.setdefault(text, at)
            if first != at and not _any_port(text):
                raise Mistake(f"listeners[{first}] listens there already")
        except Mistake as error:
            reader.note((*path, "endpoint"), error.message, error.hint)


def _listeners(reader: Reader) -> dict[Path, ListenerTable]:
    return {path: made for path, made in reader.made.items() if isinstance(made, ListenerTable)}


def _check_listener(listener: ListenerTable, reader: Reader, path: Path, *, has_tls: bool) -> None:
    if not has_tls and listener.tls in (TLSMode.IMPLICIT, TLSMode.STARTTLS):
        hint = "add a table [tls] with a certificate"
        reader.note((*path, "tls"), "there are no certificates", hint)
    if listener.require_tls and (not has_tls or listener.tls is TLSMode.NONE):
        reader.note((*path, "require_tls"), "TLS is required and not offered")
    for key, protocols in _ONLY.items():
        if listener.protocol not in protocols and getattr(listener, key):
            reader.note((*path, key), f"{listener.protocol.value} has no such option")
    if listener.protocol not in _SMTPS and listener.newlines is not Newlines.REFUSE:
        reader.note((*path, "newlines"), f"{listener.protocol.value} has no such option")
    if listener.protocol is Protocol.LMTP and _port(listener.endpoint) == "25":
        # RFC 2033 section 5: "the LMTP protocol MUST NOT be used on the TCP port 25"
        reader.note((*path, "endpoint"), "LMTP must not be spoken on port 25")


_SMTPS = (Protocol.SMTP, Protocol.SUBMISSION, Protocol.LMTP)
_ONLY = {
    "login": (Protocol.SMTP,),
    "queue": (Protocol.LMTP,),
    "require_tls": _SMTPS,
    "forwarders": _SMTPS,
}


def _any_port(text: str) -> bool:
    return _port(text) == "0"


def _port(text: str) -> str:
    return text.partition(":")[2].partition(":")[0].removeprefix("port=")


def check_endpoint(text: str, reactor: object) -> None:
    """Opens nothing.  :raises Mistake: Twisted would not listen there."""
    kind, _, arguments = text.partition(":")
    if kind in ("ssl", "tls"):
        # They run on the global reactor's clock, and know neither STARTTLS nor SNI.
        hint = 'write "tcp:PORT" and tls = "implicit"'
        raise Mistake(f'TLS is not in the endpoint: "{text}"', hint=hint)
    if kind == "systemd":
        return  # whether systemd hands the socket over is seen when it does
    _check_port(kind, arguments)
    try:
        serverFromString(reactor, text)
    except (ValueError, TypeError, LookupError, OSError, ImportError) as error:
        hint = _explained(kind, arguments, error)
        raise Mistake(f'no endpoint: "{text}"', hint=hint) from None


def _explained(kind: str, arguments: str, error: Exception) -> str:
    if kind in ("tcp", "tcp6") and not arguments:
        return f'a port is missing, as in "{kind}:25"'
    if kind == "unix" and not arguments:
        return 'a path is missing, as in "unix:/run/pymta/lmtp"'
    if isinstance(error, TypeError):
        # "_parseTCP() got an unexpected keyword argument 'x'": what Twisted calls whom is no help.
        return str(error).partition("() ")[2] or str(error)
    if "Unknown endpoint type" in str(error):
        return suggestion(kind, _TYPES) or f"known are: {', '.join(_TYPES)}"
    return str(error)


_TCP = ("port", "interface", "backlog")
"""Twisted's arguments, in the order in which they may stand without their names."""


def _check_port(kind: str, arguments: str) -> None:
    """What Twisted finds only when it binds."""
    if kind not in ("tcp", "tcp6") or not arguments:
        return
    for position, argument in enumerate(arguments.replace("\\:", "\0").split(":")):
        name, equals, value = argument.partition("=")
        if not equals:
            name, value = "".join(_TCP[position : position + 1]), argument
        if name == "port" and not (value.isascii() and value.isdigit() and int(value) < 65536):
            raise Mistake(f'no port: "{value}"', hint="0 to 65535")
        if name == "interface":
            _check_interface(value.replace("\0", ":"))


def _check_interface(address: str) -> None:
    try:
        ip_address(address.partition("%")[0])
    except ValueError:
        raise Mistake(f'no IP address: "{address}"', hint='"interface=127.0.0.1"') from None


# -- certificates --------------------------------------------------------------------


def pairs(tls: TLSTable) -> Iterator[tuple[Path, str, KeyPair]]:
    """Each pair with its path and the name that it is for; first that of all others."""
    yield ("tls",), "", KeyPair(tls.certificate, tls.key or tls.certificate)
    for name, pair in tls.names.items():
        yield ("tls", "names", name), name, KeyPair(pair.certificate, pair.key or pair.certificate)


def _check_tls(tls: TLSTable, reader: Reader) -> None:
    for path, name, pair in pairs(tls):
        authorities = tls.client_authorities if not name else None
        certificates = Certificates(pair, clock=Clock(), client_authorities=authorities)
        try:
            _ = ascii_domain(name.removeprefix("*."))
            certificates.load()
        except AddressError as error:
            reader.note(path, f"no host name: {error}")
        except TLSError as error:
            reader.note(path, f"cannot be used: {_unreadable(pair, tls) or error}")


def _unreadable(pair: KeyPair, tls: TLSTable) -> str:
    for file in filter(None, (pair.certificate, pair.key, tls.client_authorities)):
        try:
            with open(file, "rb"):
                pass
        except OSError as error:
            return f"{file}: {error.strerror}"
    return ""


# -- accounts ------------------------------------------------------------------------


def _check_accounts(configuration: Configuration, reader: Reader) -> None:
    accounts = configuration.accounts
    named: list[tuple[Path, str]] = [
        (("accounts", "servers", at), name) for at, name in enumerate(accounts.servers)
    ]
    if accounts.public:
        named.append((("accounts", "public"), accounts.public))
    for path, name in named:
        try:
            Address.parse(completed(name, configuration.own_domain))
        except AddressError as error:
            reader.note(path, f"no account has the name {name!r}: {error}")


# -- routing -------------------------------------------------------------------------


def _check_routing(configuration: Configuration, reader: Reader) -> None:
    routing = configuration.routing
    local = {ascii_domain(domain) for domain in configuration.domains}
    check_spellings(routing.catch_all, ascii_domain, reader, ("routing", "catch_all"))
    check_spellings(routing.virtual, folded, reader, ("routing", "virtual"))
    patterns = filter(_is_pattern, routing.hops)
    check_spellings(patterns, _pattern, reader, ("routing", "hops"))
    for domain in routing.catch_all:
        if ascii_domain(domain) not in local:
            hint = suggestion(domain, local) or 'add it to "domains"'
            reader.note(("routing", "catch_all", domain), f"{domain} is no local domain", hint)
    for domain in routing.hops:
        if not _is_pattern(domain):
            hint = 'a domain, or ".example.org" for all below it'
            reader.note(("routing", "hops", domain), f"{domain!r} is no domain", hint)
        elif ascii_domain(domain.removeprefix(".")) in local and not domain.startswith("."):
            reader.note(("routing", "hops", domain), f"{domain} is a local domain")
    if len(routing.separator) > 1:
        reader.note(("routing", "separator"), "one character, or none")
    if routing.aliases is not None:
        _check_aliases(routing.aliases, configuration, reader)


def _is_pattern(domain: str) -> bool:
    try:
        return bool(parse_domain(domain.removeprefix(".")))
    except AddressError:
        return False


def _pattern(domain: str) -> tuple[bool, str]:
    return domain.startswith("."), ascii_domain(domain.removeprefix("."))


def _check_aliases(file: str, configuration: Configuration, reader: Reader) -> None:
    path: Path = ("routing", "aliases")
    own = configuration.own_domain
    try:
        with open(file, encoding="utf-8") as text:
            *_, table = parse_aliases(text.read(), domain=own)
    except OSError as error:
        reader.note(path, f"{file} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        reader.note(path, f"{file} is no UTF-8")
    else:
        assert isinstance(table, AliasTable)
        if table.mistakes:
            for line in ConfigurationError(file, table.mistakes).report():
                reader.note(path, line)
