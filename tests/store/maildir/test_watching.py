"""
Being told of changes in folders, with and without the kernel's help.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.task import Clock

from pymta.aio import sleep
from pymta.store.maildir.bells import Bells
from pymta.store.maildir.stamps import Stamps, is_settled
from pymta.store.maildir.watching import Polled, Watches, watches
from tests.store.conftest import Run


def test_polled(tmp_path: Path) -> None:
    """Once a second each folder is looked at, and who watches one that changed is told."""
    clock = Clock()
    made = Polled(clock)
    rung: list[str] = []
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    rings = {name: (lambda name=name: rung.append(name)) for name in "abc"}
    made.watch(str(one), rings["a"])
    made.watch(str(one), rings["b"])
    made.watch(str(two), rings["c"])
    clock.advance(1)
    assert [] == rung
    (one / "x").touch()
    clock.advance(1)
    assert ["a", "b"] == rung
    two.mkdir()
    made.ignore(str(one), rings["a"])
    made.ignore(str(one), rings["a"])
    (one / "y").touch()
    clock.advance(1)
    assert ["a", "b", "b", "c"] == rung
    made.ignore(str(one), rings["b"])
    made.ignore(str(two), rings["c"])
    assert [] == clock.getDelayedCalls()
    made.close()


def test_notified(tmp_path: Path, reactor: EPollReactor, run: Run) -> None:
    """The kernel tells; folders that are not there, or go, harm nobody."""
    if sys.platform != "linux":
        pytest.skip("declared: inotify is Linux's")
    rung: list[str] = []
    folder = tmp_path / "new"
    folder.mkdir()

    async def test() -> None:
        made = watches(reactor)
        assert not isinstance(made, Polled)
        rings = {name: (lambda name=name: rung.append(name)) for name in "ab"}
        made.watch(str(folder), rings["a"])
        made.watch(str(folder), rings["b"])
        made.watch(str(tmp_path / "nothing"), rings["a"])
        (folder / "x").touch()
        await sleep(reactor, 0.1)
        assert {"a", "b"} == set(rung)
        rung.clear()
        made.ignore(str(folder), rings["a"])
        (folder / "x").rename(folder / "y")
        await sleep(reactor, 0.1)
        assert {"b"} == set(rung)
        (folder / "y").unlink()
        folder.rmdir()
        await sleep(reactor, 0.1)
        made.ignore(str(folder), rings["b"])
        made.ignore(str(tmp_path / "nothing"), rings["a"])
        made.close()

    run(test)


def test_without_inotify(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none, folders are looked at."""
    monkeypatch.setitem(sys.modules, "twisted.internet.inotify", None)
    monkeypatch.delattr("twisted.internet.inotify", raising=False)
    assert isinstance(watches(Clock()), Polled)


def test_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel has no more of them, too."""

    def refuse() -> int:
        raise inotify.INotifyError("no more")

    inotify = pytest.importorskip("twisted.internet.inotify")
    monkeypatch.setattr(inotify.INotify._inotify, "init", refuse)
    assert isinstance(watches(Clock()), Polled)


class Watched:
    """Watches that we ring."""

    def __init__(self) -> None:
        self.rings: dict[str, Any] = {}

    def watch(self, path: str, ring: Any) -> None:
        """Remember it."""
        self.rings[path] = ring

    def ignore(self, path: str, ring: Any) -> None:
        """Forget it."""
        del self.rings[path]

    def close(self) -> None:
        """Nothing is held."""


def test_bells() -> None:
    """Many events are one ring; without events it rings now and then; taken down, it is silent."""
    clock, watched = Clock(), Watched()
    asked: list[frozenset[str] | None] = []

    def folders(guids: frozenset[str] | None, tell: Any) -> None:
        asked.append(guids)
        found: Iterable[str] = [".a", ".b"] if guids is None else [f".{g}" for g in sorted(guids)]
        tell(found)

    def get() -> Watches:
        return watched

    bells = Bells(clock, "/m", watches=get, folders=folders)
    rung: list[str] = []
    one = bells.watch("a", lambda: rung.append("a"))
    assert {"/m", "/m/pymta", "/m/new", "/m/cur", "/m/.a/new", "/m/.a/cur"} == set(watched.rings)
    for _ in range(100):
        watched.rings["/m/.a/new"]()
    assert [] == rung
    clock.advance(0.05)
    assert ["a"] == rung
    two = bells.watch(None, lambda: rung.append("all"))
    assert "/m/.b/new" in watched.rings
    clock.advance(30)
    assert ["a", "a", "all"] == rung
    one()
    one()
    bells.ring()
    assert ["a", "a", "all", "all"] == rung
    two()
    assert not watched.rings
    assert not bells.are_watched
    assert [] == clock.getDelayedCalls()
    bells.ring()
    assert 4 == len(rung)


@pytest.mark.parametrize(
    ("changed", "settled"),
    [
        pytest.param(5_000_000_001, False, id="now"),
        pytest.param(4_995_000_001, False, id="within a tick"),
        pytest.param(4_970_000_001, True, id="before"),
        pytest.param(4_000_000_000, False, id="whole seconds, a second ago"),
        pytest.param(3_000_000_000, True, id="whole seconds, before that"),
        pytest.param(6_000_000_001, False, id="in the future"),
    ],
)
def test_stamps(changed: int, settled: bool) -> None:
    """A time of change says something if another change would have another one."""
    assert settled is is_settled((1, 1, changed), 5_000_000_001)


def test_fresh(tmp_path: Path) -> None:
    """What changed is looked at again, what is not there did not change."""
    stamps, path = Stamps(), tmp_path / "x"
    stamps.owns(str(path))
    assert stamps.is_fresh(str(path))
    path.write_bytes(b"x")
    assert not stamps.is_fresh(str(path))
    stamps.owns(str(path))
    assert stamps.is_fresh(str(path))
    stamps.forget()
    assert not stamps.is_fresh(str(path))
