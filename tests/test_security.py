"""
Tests for rules of the whole house: no shell, no names as paths, private files, nothing unpickled.
"""

from __future__ import annotations

import ast
import json
import os
import poplib
import re
import smtplib
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

import pymta

SOURCES = sorted(Path(pymta.__file__).parent.rglob("*.py"))
LARGE = b"Subject: large\r\n\r\n" + b"0123456789abcdef" * 8 * 1024 + b"\r\n"


@cache
def names_used() -> tuple[tuple[str, str], ...]:
    """Each module that is imported and each dotted name that is called, by file."""
    return tuple(_names_used())


def _names_used() -> Iterator[tuple[str, str]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Import(names):
                    for name in names:
                        yield path.name, name.name
                case ast.ImportFrom(module=str(module), names=names):
                    for name in names:
                        yield path.name, f"{module}.{name.name}"
                case ast.Call(func=func):
                    yield path.name, ast.unparse(func)


@pytest.mark.parametrize(
    "forbidden",
    ["subprocess", "os.system", "os.popen", "os.exec", "os.spawn", "pty"],
)
def test_s13_no_shell(forbidden: str) -> None:
    """
    The library starts no other program, and so no shell, whatever a message says.
    """
    used = [
        (file, name)
        for file, name in names_used()
        if name == forbidden or name.startswith((forbidden + ".", forbidden + "v", forbidden + "l"))
    ]

    assert [] == used


@pytest.mark.parametrize(
    "forbidden", ["pickle", "marshal", "shelve", "dill", "jsonpickle", "yaml", "eval", "exec"]
)
def test_s16_nothing_is_unpickled_or_evaluated(forbidden: str) -> None:
    """
    What is kept is columns and JSON: nothing that was stored is ever executed.
    """
    used = [(f, name) for f, name in names_used() if name.split(".")[0] == forbidden]

    assert [] == used


@contextmanager
def testserver(*arguments: str) -> Iterator[dict[str, int]]:
    """A test server, ended when the test is over; its ports."""
    with subprocess.Popen(
        [sys.executable, "-m", "pymta", "testserver", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        umask=0,
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(20)


def deliver(ports: dict[str, int], recipient: str, octets: bytes) -> None:
    """Send a message and wait until it is in the mailbox."""
    with smtplib.SMTP("127.0.0.1", ports["smtp"], timeout=20) as smtp:
        smtp.sendmail("a@example.org", [recipient], octets)
    for _ in range(200):
        pop = poplib.POP3("127.0.0.1", ports["pop3"], timeout=20)
        pop.user(recipient)
        pop.pass_("anything")
        count = pop.stat()[0]
        pop.quit()
        if count:
            return
        time.sleep(0.05)
    raise AssertionError("it did not arrive")


def kept(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


ODD_NAMES = ['"../../../escaped"', '"/tmp/escaped"', "/tmp/escaped", "~root", "a+/b", '".."']


def test_s14_names_are_no_paths(tmp_path: Path) -> None:
    """
    Whatever an account is called, its mail lies in the store's folder, under an opaque name.
    """
    store = tmp_path / "store"
    with testserver("--store", str(store)) as ports:
        for local in ODD_NAMES:
            deliver(ports, f"{local}@example.test", LARGE)
        large = kept(store / "content")

    assert {"store"} == {path.name for path in tmp_path.iterdir()}
    assert len(ODD_NAMES) == len(large)
    assert all(path.name.isalnum() for path in large)


def test_s14_no_link_is_followed(tmp_path: Path) -> None:
    """
    A symbolic link in the place of the content folder or a database file is not written through.
    """
    store, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
    elsewhere.mkdir()
    store.mkdir(mode=0o700)
    (store / "content").symlink_to(elsewhere)
    refused = subprocess.run(
        [sys.executable, "-m", "pymta", "testserver", "--store", str(store)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
    )

    assert [] == list(elsewhere.iterdir())
    assert 0 != refused.returncode
    assert b"Traceback" not in refused.stderr


def test_s15_files_are_private(tmp_path: Path) -> None:
    """
    Folders are 0700 and files 0600, whatever the umask, with large content as with small.
    """
    store = tmp_path / "store"
    with testserver("--store", str(store)) as ports:
        deliver(ports, "b@example.test", LARGE)
        paths = [store, *store.rglob("*")]
        modes = {path: stat.S_IMODE(os.lstat(path).st_mode) for path in paths}

    assert len(modes) >= 5
    assert {} == {
        str(path): oct(mode)
        for path, mode in modes.items()
        if mode != (0o700 if path.is_dir() else 0o600)
    }


def test_every_item_of_the_table_has_its_tests() -> None:
    """
    What docs/security.md says is proved by tests, is: each item has tests that bear its name.
    """
    root = Path(__file__).parent.parent
    table = (root / "docs/security.md").read_text()
    items = set(re.findall(r"^\| ([SD]\d\d) ", table, re.MULTILINE))
    tests = [*root.glob("tests/**/*.py"), *root.glob("src/pymta/testing/**/*.py")]
    named = set(re.findall(r"def test_([sd]\d\d)_", "".join(path.read_text() for path in tests)))

    assert len(items) > 25
    assert set() == items - {name.upper() for name in named}
