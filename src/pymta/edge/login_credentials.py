"""
What goes through the cred portal when somebody logs in, and how login names are compared.

A portal that only knows ``IUsernamePassword``, an application's own or Twisted's, can check
passwords, and no more.  One that also takes :class:`IVerifiedIdentity` can open accounts for
whom SCRAM, CRAM-MD5, APOP, a token or a certificate has proved.
"""

from __future__ import annotations

from unicodedata import normalize

from twisted.cred.credentials import ICredentials
from zope.interface import Attribute, implementer

from pymta.address import Address
from pymta.errors import AddressError

__all__ = ["IVerifiedIdentity", "VerifiedIdentity", "completed", "folded"]


class IVerifiedIdentity(ICredentials):
    """
    Somebody whom this process has verified already: a checker only says whether it may enter.

    Nothing that comes from the network makes one; only :class:`~pymta.edge.login.Login` does.
    """

    identity: str = Attribute("The account's name, as the client wrote it, with a domain.")
    mechanism: str = Attribute("How it was verified: a SASL mechanism, or ``APOP``.")


@implementer(IVerifiedIdentity)
class VerifiedIdentity:
    """See :class:`IVerifiedIdentity`."""

    __slots__ = ("identity", "mechanism")

    def __init__(self, identity: str, mechanism: str) -> None:
        self.identity = identity
        self.mechanism = mechanism


def completed(name: str, domain: str | None) -> str:
    """A login name without ``@``, in the default domain where there is one."""
    if domain is None or "@" in name:
        return name
    return f"{name}@{domain}"


def folded(name: str) -> str:
    """
    What login names are compared and counted by: local part in one case, domain in A-labels.

    Two names that one account store takes for the same must give the same here: otherwise
    their decoys, or their counters, would tell which of them exist.
    """
    try:
        local, domain = Address.parse(name).key
    except AddressError:
        return name.casefold()
    return str(Address(normalize("NFC", local), domain))
