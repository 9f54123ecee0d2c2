"""
Mailboxes that sort and thread by themselves (:rfc:`5256`): an add-on of
:class:`~pymta.interfaces.mailbox.IMailbox`.

A mailbox without it is sorted all the same, by whoever asks, out of its records.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from pymta.interfaces.mailbox import IMailbox
from pymta.mailbox import Found
from pymta.search import Query, SortKey, ThreadAlgorithm, ThreadNode

__all__ = ["ISortingMailbox"]


class ISortingMailbox(IMailbox):
    """Texts are compared by i;unicode-casemap (:rfc:`5051`), equal messages ascend by UID."""

    def sort(query: Query, keys: Sequence[SortKey]) -> Awaitable[Found]:
        """
        What is found, in its ``order`` too.

        :param keys: at least one, the most important first.
        """

    def thread(
        query: Query, algorithm: ThreadAlgorithm
    ) -> Awaitable[tuple[Found, list[ThreadNode]]]:
        """What is found, and its threads: each message in one of them."""
