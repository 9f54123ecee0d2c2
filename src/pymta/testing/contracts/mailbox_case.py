"""
What the mailbox kit needs of whoever runs it, and what its tests have in common.

A test of the kit is a coroutine; :func:`case` makes a plain test function of it, so that pytest
needs no plug-in.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import pytest
from twisted.python.failure import Failure

from pymta.aio import start
from pymta.interfaces.content import IContent, Octets
from pymta.interfaces.mailbox import IMailbox, IMailboxStore, NewMessage
from pymta.mailbox import (
    DELETED,
    INBOX,
    SEEN,
    UID,
    FlagChange,
    FlagMode,
    MailboxName,
    ModSeq,
    UIDSet,
    Wanted,
)

__all__ = [
    "CHANGES",
    "MailboxCase",
    "case",
    "fill",
    "flag",
    "flags_of",
    "four",
    "message",
    "modseqs",
    "name",
    "subjects",
]

P = ParamSpec("P")
C = TypeVar("C", bound="MailboxCase")


class MailboxCase:
    """
    Override :meth:`make`, :meth:`reopen`, and what else your provider needs.

    :cvar tombstones: how many expunged UIDs a mailbox of :meth:`make` remembers, if there is a
        limit; a small one makes the kit fast.
    """

    tombstones: int | None = None

    async def make(self) -> IMailboxStore:
        """A new account's store, with an empty ``INBOX`` and nothing else."""
        raise NotImplementedError

    async def reopen(self, store: IMailboxStore) -> IMailboxStore:
        """The same account after a restart of everything."""
        raise NotImplementedError

    async def another(self, store: IMailboxStore) -> IMailboxStore:
        """The same account, as another connection opens it."""
        return store

    async def close(self, store: IMailboxStore) -> None:
        """The test is over."""

    async def elapse(self, seconds: float) -> None:
        """Let the provider's time go on, and what it does periodically be done."""
        pytest.skip("the provider's clock cannot be moved: elapse() is not overridden")

    async def pause(self) -> None:
        """Wait a hundredth of a second, if the provider does anything by itself."""

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a test to its end.  As it is, for providers that never wait."""
        ended: list[object] = []
        running = start(test()).addBoth(ended.append)
        assert running.called, "the provider waits for something: override run()"
        if isinstance(ended[0], Failure):
            ended[0].raiseException()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until it is, for five seconds at most."""
        for _ in range(500):
            if true():
                return
            await self.pause()
        raise AssertionError("nothing happened")

    async def inbox(self, store: IMailboxStore) -> IMailbox:
        """The inbox, opened as another session."""
        return await (await self.another(store)).open(INBOX)


def case(
    test: Callable[Concatenate[C, IMailboxStore, P], Coroutine[Any, Any, None]],
) -> Callable[Concatenate[C, P], None]:
    """A test that gets a new store, and parameters."""

    @wraps(test)
    def run(self: C, *args: P.args, **kwargs: P.kwargs) -> None:
        async def whole() -> None:
            store = await self.make()
            try:
                await test(self, store, *args, **kwargs)
            finally:
                await self.close(store)

        self.run(whole)

    signature = inspect.signature(test)
    parameters = [p for name, p in signature.parameters.items() if name != "store"]
    # pytest reads from it which parameters a test wants.
    vars(run)["__signature__"] = signature.replace(parameters=parameters)
    return cast("Callable[Concatenate[C, P], None]", run)


# -- what tests say often ------------------------------------------------------


def message(text: str | bytes | IContent = b"", *flags: str, **kwargs: Any) -> NewMessage:
    """A message; a short text becomes its subject."""
    if isinstance(text, str):
        text = f"Subject: {text}\r\n\r\n{text}\r\n".encode()
    content = Octets(text) if isinstance(text, bytes) else text
    return NewMessage(content=content, flags=frozenset(flags), **kwargs)


def name(text: str) -> MailboxName:
    """The name of a mailbox."""
    return MailboxName(text)


def flag(mode: str, *flags: str) -> FlagChange:
    """``flag("+", SEEN)``."""
    return FlagChange(FlagMode(mode), frozenset(flags))


async def fill(mailbox: IMailbox, count: int) -> UIDSet:
    """Put that many small messages into an empty mailbox: some appended, the others copies."""
    few = min(count, 500)
    uids = [*(await mailbox.append([message(str(n)) for n in range(few)])).uids]
    while len(uids) < count:
        more = UIDSet(uids[: count - len(uids)])
        uids += [new for _, new in (await mailbox.copy(more, INBOX)).pairs]
    return UIDSet(uids)


async def subjects(mailbox: IMailbox) -> list[str]:
    """What :func:`message` made its messages of, by UID."""
    found = []
    for uid in (await mailbox.snapshot()).uids:
        content = await mailbox.content(uid)
        octets = await content.read(0, content.size)
        found.append(octets.partition(b"\r\n")[0].decode().removeprefix("Subject: "))
    return found


async def flags_of(mailbox: IMailbox, uid: int) -> frozenset[str]:
    """The flags of one message."""
    [(_, flags)] = await mailbox.records(UIDSet([uid]), [Wanted.FLAGS])
    assert isinstance(flags, frozenset)
    return flags


async def modseqs(mailbox: IMailbox, uids: Sequence[int]) -> list[int]:
    """The modseqs of some messages."""
    rows = await mailbox.records(UIDSet(uids), [Wanted.MODSEQ])
    return [modseq for _, modseq in rows]


# What each of them does to a mailbox with messages 1 to 4, of which 3 has \Deleted.
CHANGES: dict[str, Callable[[IMailbox], Awaitable[object]]] = {
    "append": lambda mailbox: mailbox.append([message("new")]),
    "change_flags": lambda mailbox: mailbox.change_flags(UIDSet([1]), flag("+", "new")),
    "expunge": lambda mailbox: mailbox.expunge(),
    "remove": lambda mailbox: mailbox.remove(UIDSet([1])),
    "copy": lambda mailbox: mailbox.copy(UIDSet([1]), INBOX),
    "move": lambda mailbox: mailbox.move(UIDSet([1]), INBOX),
    "replace": lambda mailbox: mailbox.replace(UID(1), INBOX, message("new")),
}


async def four(mailbox: IMailbox) -> ModSeq:
    """Messages 1 to 4, of which 3 has ``\\Deleted``."""
    texts = [message("1"), message("2", SEEN), message("3", DELETED), message("4")]
    return (await mailbox.append(texts)).modseq
