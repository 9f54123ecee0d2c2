"""
Nothing is global: the whole server runs on a private reactor in a thread.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("reactor", ["select", "epoll"])
def test_global_reactor_is_never_touched(tmp_path: Path, reactor: str) -> None:
    """
    Mail is sent by STARTTLS and read by STLS, timers fire, the server starts and stops, while the
    global reactor raises at every touch.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.interop.private_reactor", reactor, str(tmp_path / "mail")],
        capture_output=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )

    assert 0 == done.returncode, (done.stdout + done.stderr).decode()
