"""The log of commands is written as Twisted would write it."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.logger import LogEvent, Logger, LogLevel, formatEventAsClassicLogText

from pymta.cli.process import _Lines

TIMES = [1_700_000_000.0, 1_700_000_000.9, 1_700_000_001.2, 1_700_000_000.1]


def event(text: str, time: float, **fields: object) -> LogEvent:
    """As a logger makes it."""
    kept: list[LogEvent] = []
    observer: Any = kept.append
    Logger(namespace="pymta.mail", observer=observer).emit(LogLevel.warn, text, **fields)
    return kept[0] | {"log_time": time}


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        pytest.param("{line}", {"line": "a {brace} and é"}, id="an event of ours"),
        pytest.param("{what} happened", {"what": "nothing"}, id="anybody's"),
        pytest.param("{line}", {"line": 7}, id="a field of that name"),
    ],
)
def test_as_twisted_writes(text: str, fields: dict[str, object]) -> None:
    """Stamp, place, level and line, second after second, also where the clock is set back."""
    lines = _Lines()

    for time in TIMES:
        one = event(text, time, **fields)
        assert formatEventAsClassicLogText(one) == lines(one)


def test_failures_are_whole() -> None:
    """A traceback follows its line."""
    kept: list[LogEvent] = []
    observer: Any = kept.append
    try:
        raise ValueError("gone")
    except ValueError:
        Logger(namespace="x", observer=observer).failure("{line}", line="it failed")

    said = _Lines()(kept[0])
    assert said is not None
    assert "it failed" in said
    assert "ValueError: gone" in said
