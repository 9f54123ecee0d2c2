"""
One server for all tests of IMAP clients: each test has an account of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.reading import Account
from tests.interop.servers import DOMAIN, Server, serving

ACCOUNTS = 100


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps all in memory."""
    accounts = [Account(f"user{n}@{DOMAIN}", f"secret {n}") for n in range(ACCOUNTS)]
    with serving(tmp_path_factory.mktemp("server"), accounts) as running:
        yield running
