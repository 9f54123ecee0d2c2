"""
Passwords in clear text, for APOP and CRAM-MD5: given by whoever makes the server, kept nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from zope.interface import implementer

from pymta.edge.login_credentials import folded
from pymta.interfaces.accounts import IClearTextPasswords

__all__ = ["ClearTextPasswords"]


@implementer(IClearTextPasswords)
class ClearTextPasswords:
    """:param passwords: by account name."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = {folded(name): password for name, password in passwords.items()}

    async def password(self, username: str) -> str | None:
        """See :class:`~pymta.interfaces.accounts.IClearTextPasswords`."""
        return self._passwords.get(folded(username))
