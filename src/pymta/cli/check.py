"""
``pymta check FILE``: whether a server would start with it.
"""

from __future__ import annotations

from argparse import Namespace

from pymta.cli.errors import DONE, NOT_UNDERSTOOD, told
from pymta.cli.output import say, say_json
from pymta.cli.process import own_reactor
from pymta.config.file import load
from pymta.errors import ConfigurationError

__all__ = ["run_check"]


def run_check(arguments: Namespace) -> int:
    """Tell all mistakes of the file; nothing is started and nothing is opened but files to read."""
    try:
        wired = load(arguments.file, own_reactor())
    except ConfigurationError as error:
        if arguments.json:
            say_json([_as_json(mistake) for mistake in error.mistakes])
        else:
            told(error)
        return NOT_UNDERSTOOD
    if arguments.json:
        say_json([])
    else:
        names = ", ".join(f"{each.name} on {each.endpoint}" for each in wired.listeners)
        say(f"{arguments.file}: no mistakes; {names}")
    return DONE


def _as_json(mistake: object) -> dict[str, object]:
    return {name: getattr(mistake, name) for name in ("line", "path", "message", "hint")}
