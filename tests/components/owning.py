"""
A process that makes a part, forks as twistd does, starts it in the child, and waits.

``python -m tests.components.owning DIRECTORY``
"""

from __future__ import annotations

import os
import sys
import time

from pymta.aio import deferred
from pymta.components.owning import Ownership


def main() -> None:
    """The parent ends at once; the child says its process id, and lives until it is killed."""
    ownership = Ownership(sys.argv[1], "pymta")
    if os.fork():
        os._exit(0)
    started = deferred(ownership.start())
    assert started.called
    sys.stdout.write(f"{os.getpid()}\n")
    sys.stdout.flush()
    time.sleep(60)


if __name__ == "__main__":
    main()
