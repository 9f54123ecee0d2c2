"""
Tests for bars: on a terminal, and only there.
"""

from __future__ import annotations

import io
import sys
from argparse import Namespace

import pytest

from pymta.cli.progress import Bar, bar, bar_beside_lines


class Terminal(io.StringIO):
    """A person looks at it."""

    def isatty(self) -> bool:
        return True


SHOWN = [
    pytest.param(bar, Terminal, Terminal, False, True, id="terminal"),
    pytest.param(bar, io.StringIO, Terminal, False, True, id="output elsewhere"),
    pytest.param(bar, Terminal, io.StringIO, False, False, id="errors elsewhere"),
    pytest.param(bar, Terminal, Terminal, True, False, id="quiet"),
    pytest.param(bar_beside_lines, io.StringIO, Terminal, False, True, id="lines elsewhere"),
    pytest.param(bar_beside_lines, Terminal, Terminal, False, False, id="lines on the terminal"),
]


@pytest.mark.parametrize(("make", "out", "err", "quiet", "shown"), SHOWN)
def test_bar(
    make: Bar,
    out: type[io.StringIO],
    err: type[io.StringIO],
    quiet: bool,
    shown: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    A bar is on standard error where that is a terminal, nobody wants quiet, and no lines come
    there; it counts, and is gone at the end.
    """
    written = err()
    monkeypatch.setattr(sys, "stdout", out())
    monkeypatch.setattr(sys, "stderr", written)
    with make(Namespace(quiet=quiet), 2, "messages") as made:
        made.update(1)
        made.refresh()

    text = written.getvalue()
    assert shown == ("1/2" in text)
    assert shown == bool(text)
    assert not shown or text.endswith("\r")
