"""
What holds for every test of SMTP: no connection outlives it.
"""

from __future__ import annotations

from tests.edge.home import nobody_stays

__all__ = ["nobody_stays"]
