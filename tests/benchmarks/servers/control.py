"""
How a server of ours talks with the benchmark: a line of JSON with its port on standard output,
and one for each line that it reads, in a thread that otherwise sleeps.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["listens", "say"]


def say(told: dict[str, Any]) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def listens(port: int, report: Callable[[], dict[str, Any]], close: Callable[[], None]) -> None:
    """
    Tell where; then answer who asks.

    :param report: called in a thread, for each line.
    :param close: called in a thread at the end of standard input.
    """
    say({"port": port})
    threading.Thread(target=_answer, args=(report, close), daemon=True).start()


def _answer(report: Callable[[], dict[str, Any]], close: Callable[[], None]) -> None:
    for _ in sys.stdin:
        say(report())
    close()
    # Whoever does not end by himself is ended: nobody is there any more.
    timer = threading.Timer(3, os._exit, [0])
    timer.daemon = True
    timer.start()
