"""
Which mechanism a client uses, of those that a server announces.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial

from pymta.sasl.channel import Channel, preferred_binding
from pymta.sasl.client import ClientExchange, ClientSide, Credentials
from pymta.sasl.cram import CRAMClient
from pymta.sasl.external import ExternalClient
from pymta.sasl.login import LoginClient
from pymta.sasl.oauth import BearerClient, XOAuth2Client
from pymta.sasl.plain import PlainClient
from pymta.sasl.prepare import PreparationError, prepare_stored
from pymta.sasl.scram.client import SCRAMClient
from pymta.sasl.scram.messages import fresh_nonce

__all__ = ["CLIENT_MECHANISMS", "ClientMechanism", "choose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMechanism:
    """
    A mechanism that a client can use.

    :param plaintext: as in :class:`~pymta.sasl.mechanism.Mechanism`.
    :param usable: these credentials, in this channel, are enough.
    """

    name: str
    plaintext: bool
    usable: Callable[[Credentials, Channel], bool]
    client: Callable[[ClientSide], ClientExchange]


def _has_certificate(credentials: Credentials, channel: Channel) -> bool:
    return credentials.certificate


def _has_token(credentials: Credentials, channel: Channel) -> bool:
    return bool(credentials.token)


def _has_named_token(credentials: Credentials, channel: Channel) -> bool:
    return bool(credentials.token and credentials.username)


def _has_password(credentials: Credentials, channel: Channel) -> bool:
    return bool(credentials.username and credentials.password)


def _is_itself(credentials: Credentials, channel: Channel) -> bool:
    # LOGIN and CRAM-MD5 cannot say whom to act as.
    return _has_password(credentials, channel) and credentials.authzid in (
        "",
        credentials.username,
    )


def _can_hash(credentials: Credentials, channel: Channel) -> bool:
    if not _has_password(credentials, channel):
        return False
    try:
        prepare_stored(credentials.password or "")
    except PreparationError:
        return False
    return True


def _can_bind(credentials: Credentials, channel: Channel) -> bool:
    return preferred_binding(channel.bindings) is not None and _can_hash(credentials, channel)


def _scram_plus(side: ClientSide, *, name: str) -> SCRAMClient:
    binding = preferred_binding(side.channel.bindings)
    assert binding is not None
    return SCRAMClient(
        name,
        side.credentials,
        nonce=fresh_nonce(side.random),
        flag=f"p={binding}",
        binding=side.channel.bindings[binding],
    )


def _scram_bare(side: ClientSide, *, name: str) -> SCRAMClient:
    # RFC 5802 section 6: "y", if we could bind and the server seems not to.
    able = preferred_binding(side.channel.bindings) is not None
    plus = any(offered.endswith("-PLUS") for offered in side.offered)
    flag = "y" if able and not plus else "n"
    return SCRAMClient(name, side.credentials, nonce=fresh_nonce(side.random), flag=flag)


def _hashing(name: str) -> ClientMechanism:
    return ClientMechanism(
        name=name, plaintext=False, usable=_can_hash, client=partial(_scram_bare, name=name)
    )


def _binding(name: str) -> ClientMechanism:
    return ClientMechanism(
        name=name, plaintext=False, usable=_can_bind, client=partial(_scram_plus, name=name)
    )


CLIENT_MECHANISMS: tuple[ClientMechanism, ...] = (
    ClientMechanism(
        name="EXTERNAL",
        plaintext=False,
        usable=_has_certificate,
        client=lambda side: ExternalClient(side.credentials),
    ),
    ClientMechanism(
        name="OAUTHBEARER",
        plaintext=True,
        usable=_has_token,
        client=lambda side: BearerClient(side.credentials),
    ),
    ClientMechanism(
        name="XOAUTH2",
        plaintext=True,
        usable=_has_named_token,
        client=lambda side: XOAuth2Client(side.credentials),
    ),
    _binding("SCRAM-SHA-256-PLUS"),
    _binding("SCRAM-SHA-1-PLUS"),
    _hashing("SCRAM-SHA-256"),
    _hashing("SCRAM-SHA-1"),
    ClientMechanism(
        name="CRAM-MD5",
        plaintext=False,
        usable=_is_itself,
        client=lambda side: CRAMClient(side.credentials),
    ),
    ClientMechanism(
        name="PLAIN",
        plaintext=True,
        usable=_has_password,
        client=lambda side: PlainClient(side.credentials),
    ),
    ClientMechanism(
        name="LOGIN",
        plaintext=True,
        usable=_is_itself,
        client=lambda side: LoginClient(side.credentials),
    ),
)
"""All that are built in, the strongest first."""


def choose(
    offered: Collection[str],
    credentials: Credentials,
    *,
    channel: Channel,
    random: Callable[[int], bytes],
    mechanisms: Iterable[ClientMechanism] = CLIENT_MECHANISMS,
) -> ClientExchange | None:
    """
    Begin with the strongest mechanism that both sides can do.

    A password or token goes as it is only into a channel that is ``secure``: whoever wants it
    in the clear says so there.  With channel bindings, a -PLUS mechanism of any hash comes
    before one without.

    :param offered: what the server announced, in any case and order.
    :param mechanisms: in the order of preference.
    :returns: None if there is none.
    :raises PreparationError: the name or password holds what none may.
    """
    names = frozenset(name.upper() for name in offered)
    side = ClientSide(credentials=credentials, channel=channel, offered=names, random=random)
    for mechanism in mechanisms:
        if mechanism.name not in names or (mechanism.plaintext and not channel.secure):
            continue
        if mechanism.usable(credentials, channel):
            return mechanism.client(side)
    return None
