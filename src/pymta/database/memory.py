"""
Answers of the database that are still true: nobody has committed anything since they were read.

Asking whether that is so takes 4 us, a question in a thread 300 and more.  The moment is asked for
before the question is: what was committed in between makes the answer look older than it is, which
costs a question, and never younger.  Every commit in the database, whoever's it is, ends the truth
of all that is remembered, so nobody needs to say what an answer depends on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

from sqlalchemy import Connection

__all__ = ["Memory"]

T = TypeVar("T")


class Memory:
    """
    :param moment: equal to the last one as long as nothing was committed; None: nobody knows, and
        nothing is remembered.
    :param read: asks the database.
    :param most: answers that are kept; the least recently used go first.
    """

    def __init__(
        self,
        moment: Callable[[], object | None],
        read: Callable[[Callable[[Connection], Any]], Awaitable[Any]],
        *,
        most: int,
    ) -> None:
        self._moment = moment
        self._read = read
        self._most = most
        self._at: object | None = None
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()

    async def read(self, key: Hashable, query: Callable[[Connection], T]) -> T:
        """
        What the query gives, or gave when it was asked for last: it waits for nothing then.

        :param key: of what is asked; answers are shared, and so should be frozen.
        """
        at = self._moment()
        if at is None:
            return cast("T", await self._read(query))
        if at != self._at:
            self._answers.clear()
            self._at = at
        if key in self._answers:
            self._answers.move_to_end(key)
            return cast("T", self._answers[key])
        answer: T = await self._read(query)
        if at == self._at:
            self._answers[key] = answer
            if len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return answer
