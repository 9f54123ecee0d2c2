"""
Which mechanisms a server announces, and how each is begun: ours and other people's.

A mechanism names what it needs.  Some of that the accounts can give (check a password, show a
secret), some of it the connection has (a certificate, a channel binding): what needs nothing
else is announced, in the order of the table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial

from pymta.sasl.channel import Channel
from pymta.sasl.cram import cram_challenge, cram_md5
from pymta.sasl.exchange import Exchange, ServerExchange
from pymta.sasl.external import external
from pymta.sasl.login import login
from pymta.sasl.mechanism import (
    CERTIFICATE_CHECK,
    CHANNEL_BINDING,
    CLEARTEXT_SECRET,
    CLIENT_CERTIFICATE,
    PASSWORD_CHECK,
    SCRAM_SHA_1_SECRET,
    SCRAM_SHA_256_SECRET,
    TOKEN_CHECK,
    Mechanism,
    Need,
    ServerSide,
)
from pymta.sasl.oauth import oauthbearer, xoauth2
from pymta.sasl.plain import plain
from pymta.sasl.scram.messages import fresh_nonce
from pymta.sasl.scram.server import Bare, Plus, scram

__all__ = ["MECHANISMS", "announce", "start"]


def _plain(side: ServerSide) -> Exchange:
    return Exchange(plain)


def _login(side: ServerSide) -> Exchange:
    return Exchange(login)


def _external(side: ServerSide) -> Exchange:
    return Exchange(partial(external, peer_name=side.channel.peer_name))


def _cram_md5(side: ServerSide) -> Exchange:
    challenge = cram_challenge(side.hostname, side.random)
    return Exchange(partial(cram_md5, challenge=challenge))


def _oauthbearer(side: ServerSide) -> Exchange:
    return Exchange(partial(oauthbearer, hint=side.hint))


def _xoauth2(side: ServerSide) -> Exchange:
    return Exchange(partial(xoauth2, hint=side.hint))


def _scram_bare(side: ServerSide, *, hash_name: str) -> Exchange:
    return _scram(side, hash_name, binding=Bare(elsewhere=any(side.channel.bindings.values())))


def _scram_plus(side: ServerSide, *, hash_name: str) -> Exchange:
    return _scram(side, hash_name, binding=Plus(side.channel.bindings))


def _scram(side: ServerSide, hash_name: str, *, binding: Bare | Plus) -> Exchange:
    nonce = fresh_nonce(side.random)
    return Exchange(
        partial(scram, hash_name=hash_name, nonce=nonce, binding=binding, decoy=side.decoy.secret)
    )


MECHANISMS: tuple[Mechanism, ...] = (
    Mechanism(
        name="EXTERNAL",
        needs=frozenset({CERTIFICATE_CHECK, CLIENT_CERTIFICATE}),
        plaintext=False,
        server=_external,
    ),
    Mechanism(
        name="SCRAM-SHA-256-PLUS",
        needs=frozenset({SCRAM_SHA_256_SECRET, CHANNEL_BINDING}),
        plaintext=False,
        server=partial(_scram_plus, hash_name="SHA-256"),
    ),
    Mechanism(
        name="SCRAM-SHA-1-PLUS",
        needs=frozenset({SCRAM_SHA_1_SECRET, CHANNEL_BINDING}),
        plaintext=False,
        server=partial(_scram_plus, hash_name="SHA-1"),
    ),
    Mechanism(
        name="SCRAM-SHA-256",
        needs=frozenset({SCRAM_SHA_256_SECRET}),
        plaintext=False,
        server=partial(_scram_bare, hash_name="SHA-256"),
    ),
    Mechanism(
        name="SCRAM-SHA-1",
        needs=frozenset({SCRAM_SHA_1_SECRET}),
        plaintext=False,
        server=partial(_scram_bare, hash_name="SHA-1"),
    ),
    Mechanism(
        name="OAUTHBEARER",
        needs=frozenset({TOKEN_CHECK}),
        plaintext=True,
        server=_oauthbearer,
    ),
    Mechanism(name="XOAUTH2", needs=frozenset({TOKEN_CHECK}), plaintext=True, server=_xoauth2),
    Mechanism(
        name="CRAM-MD5", needs=frozenset({CLEARTEXT_SECRET}), plaintext=False, server=_cram_md5
    ),
    Mechanism(name="PLAIN", needs=frozenset({PASSWORD_CHECK}), plaintext=True, server=_plain),
    Mechanism(name="LOGIN", needs=frozenset({PASSWORD_CHECK}), plaintext=True, server=_login),
)
"""All that are built in, the strongest first."""


def announce(
    provided: Collection[Need], channel: Channel, *, mechanisms: Iterable[Mechanism] = MECHANISMS
) -> Mapping[str, Mechanism]:
    """
    What to announce in this connection now: by name, the strongest first.

    :param provided: what the accounts side can do.
    :param mechanisms: :data:`MECHANISMS`, with what others add, in the order of preference; of
        two with one name the first is taken.
    """
    available = {*provided, *_provided_by(channel)}
    offer: dict[str, Mechanism] = {}
    for mechanism in mechanisms:
        if mechanism.plaintext and not channel.secure:
            continue
        if mechanism.needs <= available:
            offer.setdefault(mechanism.name, mechanism)
    return offer


def _provided_by(channel: Channel) -> Iterable[Need]:
    if any(channel.bindings.values()):
        yield CHANNEL_BINDING
    if channel.peer_name:
        yield CLIENT_CERTIFICATE


def start(offer: Mapping[str, Mechanism], name: str, *, side: ServerSide) -> ServerExchange | None:
    """
    Make the exchange for a mechanism that the client chose.

    :param offer: from :func:`announce`, for this connection as it is now.
    :param name: as the client wrote it, in any case.
    :returns: None if that was not announced.
    """
    mechanism = offer.get(name.upper())
    if mechanism is None:
        return None
    if not any(CHANNEL_BINDING in offered.needs for offered in offer.values()):
        # To a client that can bind, and says that it saw no -PLUS, that is then true.
        side = replace(side, channel=replace(side.channel, bindings={}))
    return mechanism.server(side)
