"""
The command ``pymta``, also ``python -m pymta``.

======  ==================================================================
status  meaning
======  ==================================================================
0       done; a server that was asked to end has ended
1       not done: no such account, nothing matched, a port is taken, …
2       not understood: arguments, or mistakes in a configuration file
======  ==================================================================
"""

from __future__ import annotations

from pymta.cli.main import main

__all__ = ["main"]
