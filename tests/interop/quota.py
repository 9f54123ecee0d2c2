"""
Give an account of a running server a quota: ``python -m tests.interop.quota STORE ACCOUNT OCTETS``.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.task import react

from pymta.aio import deferred
from pymta.components.stores import visited_stores
from pymta.interfaces.mailbox import IQuotaStore


async def set_quota(reactor: Any, directory: str, account: str, octets: int) -> None:
    """Set it, from beside the process that serves."""
    stores = visited_stores(reactor, directory)
    for part in stores.parts:
        await part.start()
    try:
        mailboxes = stores.mail.mailboxes(account)
        assert IQuotaStore.providedBy(mailboxes)
        await mailboxes.set_quota(octets)
    finally:
        for part in reversed(stores.parts):
            await part.stop()


if __name__ == "__main__":
    directory, account, octets = sys.argv[1:]
    react(lambda reactor: deferred(set_quota(reactor, directory, account, int(octets))))
