"""
``python -m pymta``: the command ``pymta``.
"""

from __future__ import annotations

import sys

from pymta.cli import main

if __name__ == "__main__":
    sys.exit(main())
