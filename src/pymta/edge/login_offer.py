"""
Which SASL mechanisms to offer in a connection, by what a portal takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from twisted.cred.credentials import IUsernamePassword
from twisted.cred.portal import Portal

from pymta.edge.login_credentials import IVerifiedIdentity
from pymta.sasl import PASSWORD_CHECK, TLS_EXPORTER, Channel, Mechanism, Need, announce
from pymta.session import TLS

__all__ = ["Offer"]


class Offer:
    """
    :param answered: what the application's stores can do for a portal that takes verified
        identities.
    :param mechanisms: the preferred first.
    """

    def __init__(
        self, portal: Portal, answered: Iterable[Need], mechanisms: Iterable[Mechanism]
    ) -> None:
        self._portal = portal
        self._answered = frozenset(answered)
        self._mechanisms = tuple(mechanisms)
        self._announced = cache(self._announce)

    def provided(self) -> frozenset[Need]:
        """What can be asked now: an application may register checkers while the server runs."""
        taken = self._portal.listCredentialsInterfaces()
        passwords = {PASSWORD_CHECK} if IUsernamePassword in taken else set()
        return frozenset(passwords | (self._answered if IVerifiedIdentity in taken else set()))

    def of(self, tls: TLS | None, *, secure: bool) -> Mapping[str, Mechanism]:
        """The mechanisms by name, in order; none where others can listen."""
        if not secure:
            return {}
        bound = tls is not None and tls.version == "TLSv1.3"
        certified = tls is not None and tls.peer_name is not None
        return self._announced(self.provided(), bound, certified)

    def _announce(
        self, provided: frozenset[Need], bound: bool, certified: bool
    ) -> Mapping[str, Mechanism]:
        channel = Channel(
            secure=True,
            bindings={TLS_EXPORTER: b"?"} if bound else {},
            peer_name="?" if certified else None,
        )
        return announce(provided, channel, mechanisms=self._mechanisms)
