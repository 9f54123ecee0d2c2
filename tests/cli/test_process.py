"""
Tests for the process of a command.
"""

from __future__ import annotations

import gc
import subprocess
import sys

_SERVER = """
import gc, sys
from pymta.cli.process import own_reactor, serve
from pymta.service import MailService

reactor = own_reactor()
async def ready():
    print(gc.get_freeze_count())
    reactor.callLater(0, reactor.stop)
sys.exit(serve(reactor, MailService(reactor, [], []), ready))
"""


def test_a_server_spares_its_turns_a_look_at_all_that_stays() -> None:
    """
    When it is ready, what was loaded and wired is out of the collector's reach.
    """
    assert 0 == gc.get_freeze_count()
    done = subprocess.run(
        [sys.executable, "-c", _SERVER], capture_output=True, text=True, timeout=60, check=True
    )

    assert int(done.stdout) > 10_000
