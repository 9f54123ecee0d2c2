"""
What holds for every test of IMAP.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.imap.house import close_all


@pytest.fixture(autouse=True)
def nobody_stays() -> Iterator[None]:
    """No connection outlives its test."""
    yield
    close_all()
