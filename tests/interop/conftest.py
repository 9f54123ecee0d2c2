"""
One server for each module of tests, with accounts for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.reading import Account
from tests.interop.servers import DOMAIN, Server, serving

ACCOUNTS = 40
UMLAUT = Account(f"jürgen@{DOMAIN}", "geheim")
"""One more, whose address is not ASCII."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps all in memory."""
    folder = tmp_path_factory.mktemp("server")
    accounts = [Account(f"user{n}@{DOMAIN}", f"secret {n}") for n in range(ACCOUNTS)]
    with serving(folder, [UMLAUT, *accounts]) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a program finds and keeps what is its user's."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder
