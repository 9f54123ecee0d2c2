"""
NAMESPACE (:rfc:`2342`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pymta.imap.extension import Call, Offered
from pymta.imap.session import IMAPSession
from pymta.interfaces.sharing import IACLStore
from pymta.mailbox import Namespaces
from pymta.wire.imap import verbs
from pymta.wire.imap.command.mailbox import Namespace
from pymta.wire.imap.response.mailbox import NamespacePrefix, namespace_line
from pymta.wire.imap.response.status import OK, Ending

__all__ = ["CALLS", "OFFERED"]


async def _namespace(session: IMAPSession, _command: Namespace) -> Ending:
    found = Namespaces()
    if session.provides(IACLStore):
        found = await session.asked(IACLStore(session.store).namespaces())
    groups = [_prefixes(group) for group in (found.personal, found.others, found.shared)]
    session.say(namespace_line(*groups, utf8=session.utf8))
    return OK("Told")


def _prefixes(prefixes: Iterable[str]) -> list[NamespacePrefix]:
    return [NamespacePrefix(prefix) for prefix in prefixes]


CALLS: Final[Mapping[type, Call]] = {Namespace: Call(_namespace)}

OFFERED: Final = (Offered(words=("NAMESPACE",), verbs=(verbs.NAMESPACE,)),)
