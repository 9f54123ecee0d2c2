"""
What is asked before octets go, and what new accounts have: in memory and in SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from twisted.internet.epollreactor import EPollReactor

from pymta.aio import gather, start
from pymta.interfaces.mailbox import Expiring, IMailboxStore
from pymta.mailbox import INBOX, UID, UIDSet
from pymta.store.granting import FURNISHED
from pymta.store.memory.mailboxes import MemoryMailStore
from pymta.testing.contracts.mailbox_case import message, name
from tests.store.conftest import Run
from tests.store.house import House

HOUR = 3601


class Vault:
    """Remembers what it was asked; ``broken``: takes nothing."""

    def __init__(self) -> None:
        self.taken: list[tuple[str | None, str, int, str]] = []
        self.broken = False

    async def __call__(self, expiring: Expiring) -> None:
        if self.broken:
            raise OSError("no space")
        octets = await expiring.content.read(0, expiring.content.size)
        subject = octets.partition(b"\r\n")[0].decode().removeprefix("Subject: ")
        self.taken.append((expiring.account, expiring.mailbox, expiring.uid, subject))


class Place(Protocol):
    """Where mailboxes are kept."""

    vault: Vault

    def mailboxes(self, account: str) -> IMailboxStore: ...
    async def remove(self, account: str) -> None: ...
    async def elapse(self, seconds: float) -> None: ...
    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> None: ...


class Memory:
    """In memory."""

    def __init__(self) -> None:
        self.vault = Vault()
        self._now = datetime(2024, 5, 6, tzinfo=UTC)
        self._kept = MemoryMailStore(
            now=lambda: self._now,
            vault=self.vault,
            furnished=FURNISHED,
            about={"/shared/admin": b"a"},
        )
        self.mailboxes = self._kept.mailboxes
        self.remove = self._kept.remove

    async def elapse(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        await self._kept.sweep()

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> None:
        ended: list[object] = []
        _ = start(test()).addBoth(ended.append)
        assert [None] == ended


class SQL:
    """In SQL."""

    def __init__(self, reactor: EPollReactor, directory: Path, run: Run) -> None:
        self.vault = Vault()
        self._house = House(
            reactor, directory, vault=self.vault, furnished=FURNISHED, about={"/shared/admin": b"a"}
        )
        self.run = run
        self.elapse = self._house.elapse
        run(self._house.open)
        self.mailboxes = self._house.store.mailboxes
        self.remove = self._house.store.remove

    def close(self) -> None:
        self.run(self._house.close)


@pytest.fixture(params=["memory", "SQL"])
def place(
    request: pytest.FixtureRequest,
    reactor: EPollReactor,
    run: Run,
    template: Callable[[Path], None],
    tmp_path: Path,
) -> Iterator[Place]:
    """Both."""
    if request.param == "memory":
        yield Memory()
    else:
        template(tmp_path)
        made = SQL(reactor, tmp_path, run)
        yield made
        made.close()


def test_expunged_messages_are_taken(place: Place) -> None:
    """After the hour, each message of which no copy is left, once."""

    async def test() -> None:
        store = place.mailboxes("anna")
        inbox = await store.open(INBOX)
        await inbox.append([message(text) for text in "abc"])
        await inbox.copy(UIDSet([2]), name("Archive"))
        await inbox.move(UIDSet([3]), name("Archive"))
        await inbox.remove(UIDSet([1, 2]))
        await place.elapse(60)
        assert [] == place.vault.taken
        await place.elapse(HOUR)
        await place.elapse(60)
        assert [("anna", "INBOX", 1, "a")] == place.vault.taken
        archive = await store.open(name("Archive"))
        await archive.remove(UIDSet([1]))
        await place.elapse(HOUR)
        assert ("anna", "Archive", 1, "b") == place.vault.taken[1]

    place.run(test)


def test_a_vault_that_takes_nothing(place: Place) -> None:
    """Octets stay until they are taken."""

    async def test() -> None:
        inbox = await place.mailboxes("anna").open(INBOX)
        await inbox.append([message("a")])
        await inbox.remove(UIDSet([1]))
        place.vault.broken = True
        with pytest.raises(OSError):
            await place.elapse(HOUR)
        place.vault.broken = False
        await place.elapse(60)
        assert [("anna", "INBOX", 1, "a")] == place.vault.taken

    place.run(test)


def test_deleted_mailboxes_are_taken(place: Place) -> None:
    """All messages of a mailbox that is deleted, or whose account is removed."""

    async def test() -> None:
        store = place.mailboxes("anna")
        archive, inbox = await store.open(name("Archive")), await store.open(INBOX)
        await archive.append([message("a"), message("b")])
        await archive.remove(UIDSet([1]))
        await inbox.append([message("c")])
        await store.delete(name("Archive"))
        await place.elapse(HOUR)
        assert {(None, "Archive", 1, "a"), (None, "Archive", 2, "b")} == set(place.vault.taken)
        await place.remove("anna")
        await place.elapse(HOUR)
        await place.elapse(HOUR)
        assert [(None, "INBOX", 1, "c")] == place.vault.taken[2:]

    place.run(test)


def test_new_accounts_are_furnished(place: Place) -> None:
    """They begin with the special-use mailboxes, subscribed, and keep what they make of it."""

    async def test() -> None:
        infos = await place.mailboxes("anna").mailboxes()
        uses = {info.name: " ".join(info.special_use) for info in infos}
        assert {
            "INBOX": "",
            "Archive": "\\Archive",
            "Drafts": "\\Drafts",
            "Junk": "\\Junk",
            "Sent": "\\Sent",
            "Trash": "\\Trash",
        } == uses
        assert all(info.subscribed for info in infos)
        await place.mailboxes("anna").delete(name("Junk"))
        assert 5 == sum(info.exists for info in await place.mailboxes("anna").mailboxes())

    place.run(test)


def test_what_the_server_says_of_itself(place: Place) -> None:
    """Shared annotations of the server are the operator's, and everybody's to read."""

    async def test() -> None:
        store: Any = place.mailboxes("anna")
        assert {"/shared/admin": b"a"} == await store.annotations(None, ["/shared/admin"])

    place.run(test)


def test_two_sweeps_at_one_time(
    reactor: EPollReactor,
    run: Run,
    template: Callable[[Path], None],
    tmp_path: Path,
) -> None:
    """Of two servers on one folder each may hand over what is due; it goes once, and no copy."""
    template(tmp_path)
    vault = Vault()
    house = House(reactor, tmp_path, vault=vault)
    run(house.open)

    async def test() -> None:
        store = house.store.mailboxes("anna")
        await store.create(name("Old"))
        await store.create(name("Gone"))
        inbox = await store.open(INBOX)
        gone = await store.open(name("Gone"))
        await inbox.append([message(text) for text in "ab"])
        await inbox.copy(UIDSet([1]), name("Old"))
        await inbox.copy(UIDSet([1, 2]), name("Gone"))
        await gone.info()
        await inbox.remove(UIDSet([1]))
        await store.delete(name("Gone"))
        house.ahead += HOUR * 1_000_000
        await gather([start(house.store.sweep()), start(house.store.sweep())])
        await gather([start(house.store.sweep()), start(house.store.sweep())])
        for kept, uid in ((inbox, 2), (await store.open(name("Old")), 1)):
            content = await kept.content(UID(uid))
            assert await content.read(0, 9) == b"Subject: "

    run(test)
    run(house.close)
