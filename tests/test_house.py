"""
Tests for the house itself: what the ground imports, and what the package gives.
"""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib import import_module

import pytest

import pymta

GROUND = (
    "address",
    "envelope",
    "errors",
    "events",
    "facts",
    "interfaces",
    "mailbox",
    "message",
    "outcome",
    "reply",
    "sasl",
    "search",
    "session",
    "verdict",
    "wire",
)
UPSTAIRS = ("twisted.internet", "dns", "sqlalchemy", "ssl", "OpenSSL", "asyncio", "socket")


def ground_modules() -> list[str]:
    names = []
    for name in GROUND:
        module = import_module(f"pymta.{name}")
        names.append(module.__name__)
        for found in pkgutil.walk_packages(getattr(module, "__path__", ()), f"pymta.{name}."):
            names.append(found.name)
    return [*names, "pymta.content", "pymta.imap.view", "pymta.queue.schedule"]


def test_ground_loads_no_input_or_output() -> None:
    """
    Every ground module, imported in a fresh interpreter, loads none of what does I/O.
    """
    modules = ground_modules()
    script = f"""
import importlib, sys
for name in {modules!r}:
    importlib.import_module(name)
print(*sorted(set({UPSTAIRS!r}) & set(sys.modules)))
"""
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )

    assert len(modules) > 40
    assert "" == loaded.stdout.strip()


@pytest.mark.parametrize("name", sorted(set(pymta.__all__) - {"__version__"}))
def test_public_names_are_there(name: str) -> None:
    """
    Each name that the package promises is found, and is no module of its own.
    """
    assert getattr(pymta, name).__module__.startswith("pymta.")
    assert name in dir(pymta)
    assert not any(found.name == name for found in pkgutil.iter_modules(pymta.__path__))


def test_unknown_name() -> None:
    """
    A name that is not there is an AttributeError, as of any module.
    """
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        pymta.Nothing  # noqa: B018
