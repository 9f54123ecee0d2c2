"""
Poison: mail that was claimed again and again, and whose claims all ended with their owner.

The strike is counted in the commit of the claim, before any work, so that a message which kills
the process is known afterwards.  Settling and releasing forget it.  Whoever has one strike less
than the last is tried alone: what was claimed along with poison is innocent.
"""

from __future__ import annotations

__all__ = ["MOST_STRIKES", "STRUCK_OUT"]

MOST_STRIKES = 3
STRUCK_OUT = "three attempts ended without a result: the message may be what ended them"
