"""
Tests for one server a folder and owner name.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor

from pymta.components.owning import Ownership
from pymta.components.system import MailSystem
from pymta.errors import Mistake
from pymta.service import MailService
from tests.awaiting import now_done


def test_a_second_one_is_refused(tmp_path: Path) -> None:
    """With what is wrong, who is there, and what to do; when that one stops, it is free."""
    first, second = Ownership(str(tmp_path), "pymta"), Ownership(str(tmp_path), "pymta")
    now_done(first.start())
    with pytest.raises(Mistake) as told:
        now_done(second.start())
    expected = (
        f"{tmp_path}: another server is at work there as 'pymta' (process {os.getpid()}); "
        "a second one needs another queue.owner"
    )
    assert expected == str(told.value)
    now_done(second.stop())
    with pytest.raises(Mistake):
        now_done(second.start())
    now_done(first.stop())
    now_done(second.start())
    now_done(second.stop())


@pytest.mark.parametrize("name", ["node2", "PYMTA", "", "../pymta", "a/b", "n" * 5000, "ü"])
def test_others_work_beside_it(tmp_path: Path, name: str) -> None:
    """Any other name is another server, and no name leads out of the folder."""
    folder = tmp_path / "mail"
    first, second = Ownership(str(folder), "pymta"), Ownership(str(folder), name)
    now_done(first.start())
    now_done(second.start())
    assert 2 == len(list(folder.iterdir()))
    assert [folder] == list(tmp_path.iterdir())
    now_done(first.stop())
    now_done(second.stop())


def test_other_folders_are_other_servers(tmp_path: Path) -> None:
    """The same name in each."""
    for folder in ("a", "b"):
        now_done(Ownership(str(tmp_path / folder), "pymta").start())


def test_s14_a_link_is_not_followed(tmp_path: Path) -> None:
    """Whoever may write into the folder does not choose what is emptied."""
    target = tmp_path / "target"
    target.write_text("precious")
    ownership = Ownership(str(tmp_path), "pymta")
    Path(ownership.path).symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        now_done(ownership.start())
    assert "precious" == target.read_text()


def test_s15_the_file_is_private(tmp_path: Path) -> None:
    """Like all others, whatever the umask: who can open it could lock it."""
    before = os.umask(0)
    try:
        ownership = Ownership(str(tmp_path), "pymta")
        now_done(ownership.start())
    finally:
        os.umask(before)
    assert 0o600 == os.stat(ownership.path).st_mode & 0o777
    now_done(ownership.stop())


def test_it_is_held_behind_a_fork_and_let_go_by_kill_9(tmp_path: Path) -> None:
    """The parent's end takes nothing away, and a crash leaves nothing that must be cleared."""
    command = [sys.executable, "-m", "tests.components.owning", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            assert 0 == parent.wait(30)
            with pytest.raises(Mistake, match=rf"process {child}\)"):
                now_done(Ownership(str(tmp_path), "pymta").start())
        finally:
            os.kill(child, signal.SIGKILL)
        assert "" == parent.stdout.read()  # the end of the child, not of its lock's owner alone
    ownership = Ownership(str(tmp_path), "pymta")
    for _ in range(100):
        try:
            now_done(ownership.start())
            break
        except Mistake:
            time.sleep(0.01)  # the kernel closes one descriptor after the other
    else:
        raise AssertionError("the lock has outlived its process")
    now_done(ownership.stop())


def service(folder: Path, owner: str) -> MailService:
    """A server without listeners, in that folder."""
    made = MailSystem(
        cast("Any", reactor), domains=["example.test"], directory=str(folder), owner=owner
    )
    return MailService(made.clock, made.parts, [])


@ensureDeferred
async def test_d06_a_second_server_does_not_start(tmp_path: Path) -> None:
    """Nothing of it begins; one of another name works beside the first."""
    first, second = service(tmp_path, "pymta"), service(tmp_path, "pymta")
    third = service(tmp_path, "node3")
    first.startService()
    await first.ready
    second.startService()
    with pytest.raises(Mistake, match="another server is at work there"):
        await second.ready
    third.startService()
    await third.ready
    for each in (second, third, first):
        await each.stopService()


@ensureDeferred
async def test_a_restart_in_one_process(tmp_path: Path) -> None:
    """Whoever has stopped is out."""
    for _ in range(2):
        made = service(tmp_path, "pymta")
        made.startService()
        await made.ready
        await made.stopService()


def test_in_memory_nobody_is_in_the_way() -> None:
    """There is no folder, and whoever brings stores knows who else works on them."""
    assert None is MailSystem(cast("Any", reactor)).ownership
    stores = MailSystem(cast("Any", reactor)).stores
    assert None is MailSystem(cast("Any", reactor), stores=stores).ownership
