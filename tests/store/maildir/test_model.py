"""
A Maildir against the model of all stores, while another program works on it too, and the index is
lost now and then.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.epollreactor import EPollReactor

from pymta.mailbox import DELETED, INBOX, SEEN, MailboxName, UIDSet, Wanted
from pymta.store.maildir import uidlist
from tests.store.conftest import Run
from tests.store.maildir.maildir_house import MaildirHouse, quick_folder
from tests.store.test_model import OTHER, STEPS, Client, World, boxes

LETTERS = {SEEN: "S", DELETED: "T"}

FOREIGN = st.one_of(
    st.tuples(st.just("deliver"), boxes),
    st.tuples(st.just("mark"), boxes, st.integers(0, 5), st.sets(st.sampled_from(list(LETTERS)))),
    st.tuples(st.just("lose"), boxes, st.integers(0, 5)),
    st.tuples(st.just("forget")),
)


class Shared(World):
    """A world in which others work on files."""

    def __init__(self, house: MaildirHouse, account: str) -> None:
        super().__init__(house.store.mailboxes(account))
        self._house = house
        self._account = account
        self._delivered = 0

    def _folder(self, box: MailboxName) -> Path:
        root = self._house.directory / self._account
        return root if box == INBOX else root / f".{box}"

    def _files(self, box: MailboxName) -> dict[int, Path]:
        """By their UIDs, as any other program sees them."""
        folder = self._folder(box)
        listed = uidlist.parse((folder / "dovecot-uidlist").read_bytes())
        assert listed is not None
        found = {}
        for place in ("new", "cur"):
            for path in (folder / place).iterdir():
                found[listed.entries[path.name.partition(":")[0]].uid] = path
        return found

    async def deliver(self, box: MailboxName) -> None:
        """A message, as an MDA brings it."""
        self._delivered += 1
        (self._folder(box) / "new" / f"{self._delivered}.x.h").write_bytes(b"x" * 7)
        self.model.add(box, frozenset())

    async def mark(self, box: MailboxName, nth: int, flags: set[str]) -> None:
        """Other system flags for a message; keywords stay."""
        files = sorted(self._files(box).items())
        if not files:
            return
        uid, path = files[nth % len(files)]
        base, _, info = path.name.partition(":2,")
        kept = "".join(letter for letter in info if letter.islower())
        letters = "".join(sorted(LETTERS[each] for each in flags)) + kept
        path.rename(self._folder(box) / "cur" / f"{base}:2,{letters}")
        words = {each for each in self.model.boxes[box][uid] if each not in LETTERS}
        self.model.boxes[box][uid] = frozenset(words | flags)

    async def lose(self, box: MailboxName, nth: int) -> None:
        """A message is removed."""
        files = sorted(self._files(box).items())
        if files:
            uid, path = files[nth % len(files)]
            path.unlink()
            self.model.remove(box, UIDSet([uid]))

    async def forget(self) -> None:
        """The index is removed; whoever was connected comes again, with what he knows."""
        await self._house.reopen()
        for path in (self._house.directory / self._account / "pymta").glob("index.db*"):
            path.unlink()
        self.store = self._house.store.mailboxes(self._account)
        self.boxes = {each: await self.store.open(each) for each in (INBOX, OTHER)}
        for clients in (self.eager, self.lazy):
            for name, client in clients.items():
                clients[name] = await self._come_again(client, name)

    async def _come_again(self, client: Client, name: MailboxName) -> Client:
        mailbox = self.boxes[name]
        changes = await mailbox.changes(client._since, UIDSet(client.flags))
        assert UIDSet(client.flags) - UIDSet(self.model.boxes[name]) == changes.vanished
        again = Client(mailbox)
        again._since = changes.until
        wanted = changes.arrived | UIDSet(uid for uid, _ in changes.changed)
        again.flags = dict(await mailbox.records(wanted, [Wanted.FLAGS]))
        return again


@pytest.fixture(scope="module")
def house(reactor: EPollReactor, run: Run) -> Iterator[MaildirHouse]:
    """One for all examples, each of which has an account of its own."""
    with quick_folder() as directory:
        made = MaildirHouse(reactor, directory, tombstones=3)
        yield made
        run(made.close)


_numbers = iter(range(10**9))
EXAMPLES = int(os.environ.get("PYMTA_EXAMPLES", "25"))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEPS | FOREIGN, max_size=25), asked=st.sets(st.integers(0, 24)))
def test_a_maildir_agrees_with_the_model(
    house: MaildirHouse, run: Run, steps: list[Any], asked: set[int]
) -> None:
    """Whoever did it, what we tell is what is there, and who asks late is told all of it."""

    async def whole() -> None:
        world = Shared(house, f"account{next(_numbers)}")
        await world.begin()
        for n, (what, *arguments) in enumerate(steps):
            await getattr(world, what)(*arguments)
            await world.check()
            if n in asked:
                await house.elapse(4000)
                await world.ask(INBOX, known=bool(n % 2))

    run(whole)
