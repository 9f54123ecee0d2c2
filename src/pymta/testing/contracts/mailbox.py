"""
The contract kit of mailbox stores: what :class:`~pymta.interfaces.mailbox.IMailboxStore` and
:class:`~pymta.interfaces.mailbox.IMailbox` promise, as tests.

Subclass it, override what :class:`~pymta.testing.contracts.mailbox_case.MailboxCase` names, and let
pytest find it::

    class TestMyStore(MailboxContract):
        async def make(self) -> IMailboxStore: ...
        async def reopen(self, store: IMailboxStore) -> IMailboxStore: ...

Each method is tried as it is meant, on what is not there, by several sessions at one time, after a
restart, on 10,000 items and cancelled.
"""

from __future__ import annotations

from pymta.testing.contracts.mailbox_appending import AppendingContract
from pymta.testing.contracts.mailbox_case import MailboxCase
from pymta.testing.contracts.mailbox_changing import ChangingContract
from pymta.testing.contracts.mailbox_limits import AppendLimitContract, QuotaRootContract
from pymta.testing.contracts.mailbox_naming import NamingContract, QuotaContract
from pymta.testing.contracts.mailbox_searching import SearchingContract
from pymta.testing.contracts.mailbox_sharing import AnnotationsContract, RightsContract
from pymta.testing.contracts.mailbox_sorting import SortingContract
from pymta.testing.contracts.mailbox_telling import TellingContract

__all__ = ["MailboxCase", "MailboxContract"]


class MailboxContract(
    AppendingContract,
    ChangingContract,
    TellingContract,
    NamingContract,
    QuotaContract,
    QuotaRootContract,
    AppendLimitContract,
    RightsContract,
    AnnotationsContract,
    SearchingContract,
    SortingContract,
):
    """All of it; the parts of add-ons skip themselves where there are none."""
