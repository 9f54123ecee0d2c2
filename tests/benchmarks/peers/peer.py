"""
What the benchmark knows of a server under load.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Missing", "Peer", "Running", "Stand"]


class Missing(Exception):
    """It cannot be had here; in words for the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """
    Where a server stands for one measurement.

    :param figure: ``kept``, ``delivered`` or ``relayed``.
    :param folder: empty, and its own.
    :param sink: the port to which it relays.
    :param options: what only one of them understands.
    """

    figure: str
    folder: Path
    sink: int
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """
    One that listens on 127.0.0.1.

    :param pid: it and all below it are the server.
    :param stored: how many messages are in the mailbox.
    :param report: what else it knows; asking begins it anew.
    """

    pid: int
    port: int
    recipient: str
    stored: Callable[[], int]
    report: Callable[[], dict[str, Any]] = dict


class Peer(Protocol):
    """One kind of server."""

    @property
    def name(self) -> str: ...

    @property
    def figures(self) -> Sequence[str]:
        """Those that it does."""

    @property
    def note(self) -> str: ...

    def version(self) -> str:
        """:raises Missing: it is not installed."""

    def start(self, stand: Stand) -> AbstractContextManager[Running]:
        """Listening inside, and gone after.  :raises Missing: it does not start."""
