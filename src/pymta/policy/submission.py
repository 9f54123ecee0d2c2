"""
Submission: who logged in sends as himself, and as nobody else (:rfc:`6409#section-6.1`, S25).

The envelope's sender and every address of every ``From`` field must be the account's own.  The
null reverse path is everybody's, for receipts (:rfc:`8098`).

Other mail servers that log in here, as to a smarthost, send for all of their people, and reports in
nobody's name: accounts that are theirs are named, and are not bound.
"""

from __future__ import annotations

from collections.abc import Collection

from zope.interface import implementer

from pymta.content import header_of
from pymta.edge.login_credentials import folded
from pymta.envelope import Envelope, Recipient, Sender
from pymta.errors import AddressError, HeaderError
from pymta.facts import Facts
from pymta.interfaces.accounts import IAccountDirectory, IMailAccount
from pymta.interfaces.content import IContent
from pymta.interfaces.policy import IPolicy, IPolicyConnection, IPolicyTransaction
from pymta.message.addresses import originators
from pymta.reply import Reply
from pymta.session import Session
from pymta.verdict import PROCEED, MessageVerdict, Refuse, Verdict

__all__ = ["SenderBinding"]

NOT_YOURS = Reply(553, "5.7.1", "You may not send as this address")
NOT_YOUR_FROM = Reply(550, "5.7.1", "You may not send with an address in From that is not yours")


@implementer(IPolicy)
class SenderBinding:
    """
    For sessions that logged in; others are none of its business.

    :param servers: names of accounts, in any case, by which other mail servers log in: they may
        send as anybody.
    """

    name = "sender binding"

    def __init__(self, directory: IAccountDirectory, *, servers: Collection[str] = ()) -> None:
        self._directory = directory
        self._servers = frozenset(map(folded, servers))

    async def connect(self, session: Session) -> IPolicyConnection:
        return _Connection(self._directory, self._servers)


@implementer(IPolicyConnection)
class _Connection:
    def __init__(self, directory: IAccountDirectory, servers: frozenset[str]) -> None:
        self._directory = directory
        self._servers = servers
        self._account: IMailAccount | None = None

    async def changed(self, session: Session) -> Verdict:
        account = None
        identity = session.identity
        if identity is not None and folded(identity) not in self._servers:
            account = await self._directory.open(identity)
        # Only now: where this fails the session stays what it was, and so does who it binds.
        self._account = account
        return PROCEED

    async def begin(self, sender: Sender) -> IPolicyTransaction:
        return _Transaction(self._account, sender)

    def closed(self) -> None: ...


@implementer(IPolicyTransaction)
class _Transaction:
    def __init__(self, account: IMailAccount | None, sender: Sender) -> None:
        self._account = account
        self._sender = sender

    async def sender(self) -> Verdict:
        path = self._sender.reverse_path
        if self._account is None or path is None or await self._account.owns(path):
            return PROCEED
        return Refuse(NOT_YOURS)

    async def recipient(self, recipient: Recipient) -> Verdict:
        return PROCEED

    async def data(self) -> Verdict:
        return PROCEED

    async def message(self, envelope: Envelope, content: IContent, facts: Facts) -> MessageVerdict:
        if self._account is not None:
            try:
                addresses = originators(await header_of(content))
            except (AddressError, HeaderError):
                return MessageVerdict(Refuse(NOT_YOUR_FROM))
            for address in addresses:
                if not await self._account.owns(address):
                    return MessageVerdict(Refuse(NOT_YOUR_FROM))
        return MessageVerdict(PROCEED)

    def closed(self) -> None: ...
