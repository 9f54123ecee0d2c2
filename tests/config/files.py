"""
Configuration files for tests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.testing import MemoryReactorClock

from pymta.config.file import load
from pymta.config.wiring import Wired
from pymta.errors import ConfigurationError

__all__ = ["GOOD", "mistakes", "wired", "written"]

GOOD = """\
hostname = "mail.example.test"
directory = "mail"
domains = ["example.test"]

[[listeners]]
protocol = "smtp"
endpoint = "tcp:25"
"""


class Reactor(MemoryReactorClock):
    """A reactor in memory that can be handed results from threads."""

    def callFromThread(self, function: Any, *args: Any, **kwargs: Any) -> None:
        self.callLater(0, function, *args, **kwargs)


def written(folder: Path, text: str) -> str:
    """A file with this text."""
    file = folder / "mail.toml"
    file.write_text(text)
    return str(file)


def wired(folder: Path, text: str) -> Wired:
    """What a file without mistakes is wired to."""
    reactor: Any = Reactor()
    return load(written(folder, text), reactor)


def mistakes(folder: Path, text: str) -> list[str]:
    """What is told of a file, without its name."""
    try:
        wired(folder, text)
    except ConfigurationError as error:
        return [line.replace(f"{folder}/", "") for line in error.report()]
    return []
