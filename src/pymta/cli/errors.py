"""
What goes wrong, as a sentence on standard error and an exit status: never a traceback for a
mistake of whoever types.
"""

from __future__ import annotations

import sys
import traceback

from twisted.internet.error import CannotListenError

from pymta.cli.output import complain
from pymta.errors import ConfigurationError, Mistake, PymtaError

__all__ = ["DONE", "EXPECTED", "NOT_DONE", "NOT_UNDERSTOOD", "Usage", "sentence", "told"]

DONE = 0
NOT_DONE = 1
NOT_UNDERSTOOD = 2


EXPECTED = (PymtaError, ValueError, OSError, CannotListenError)
"""What the world does to us; anything else is a fault of ours."""


class Usage(PymtaError):
    """The arguments make no sense together."""


def sentence(error: BaseException) -> str:
    """What has happened, in a line."""
    if isinstance(error, CannotListenError):
        reason = getattr(error.socketError, "strerror", None) or error.socketError
        return f"cannot listen on {error.interface or '*'}:{error.port}: {reason}"
    if isinstance(error, OSError) and error.filename is not None:
        # The lock of a UNIX socket is a link to a process id: the second name is the file's.
        return f"{error.filename2 or error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def told(error: BaseException | None) -> int:
    """Tell what has happened.  :returns: the exit status."""
    match error:
        case ConfigurationError():
            # As compilers write them: editors find the line.
            sys.stderr.write("".join(f"{line}\n" for line in error.report()))
            return NOT_UNDERSTOOD
        case Mistake(message=message, hint=hint):
            lines = [f"{message} ({hint})" if hint else message]
        case _ if isinstance(error, EXPECTED):
            lines = [sentence(error)]
        case _:
            # A fault of ours: whoever reports it needs all of it.
            traceback.print_exception(error)
            return NOT_DONE
    for line in lines:
        complain(line)
    return NOT_UNDERSTOOD if isinstance(error, Usage) else NOT_DONE
