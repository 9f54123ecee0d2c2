"""
What goes wrong, as a sentence on standard error and an exit status: never a traceback for a
mistake of whoever types.
"""

from __future__ import annotations

import traceback

from twisted.internet.error import CannotListenError

from pymta.cli.output import complain
from pymta.errors import ConfigurationError, Mistake, PymtaError

__all__ = ["DONE", "NOT_DONE", "NOT_UNDERSTOOD", "Usage", "told"]

DONE = 0
NOT_DONE = 1
NOT_UNDERSTOOD = 2


class Usage(PymtaError):
    """The arguments make no sense together."""


def told(error: BaseException | None) -> int:
    """Tell what has happened.  :returns: the exit status."""
    match error:
        case ConfigurationError():
            lines = error.report()
        case Mistake(message=message, hint=hint):
            lines = [f"{message} ({hint})" if hint else message]
        case CannotListenError():
            reason = getattr(error.socketError, "strerror", None) or error.socketError
            lines = [f"cannot listen on {error.interface or '*'}:{error.port}: {reason}"]
        case PymtaError() | ValueError() | OSError():
            lines = [str(error) or type(error).__name__]
        case _:
            # A fault of ours: whoever reports it needs all of it.
            traceback.print_exception(error)
            return NOT_DONE
    for line in lines:
        complain(line)
    return NOT_UNDERSTOOD if isinstance(error, ConfigurationError | Usage) else NOT_DONE
