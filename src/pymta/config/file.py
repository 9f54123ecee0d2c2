"""
A configuration file, from its octets to a wired system, with all its mistakes at once.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFromThreads

from pymta.components.worker import ALONE, Worker
from pymta.config.checks import check, located
from pymta.config.lines import key_lines
from pymta.config.reading import Reader
from pymta.config.tables import Configuration
from pymta.config.wiring import Wired, wire
from pymta.errors import ConfigurationError, Mistake

__all__ = ["load"]

_WHERE = re.compile(r" \(at (?:line ([0-9]+), column [0-9]+|end of document)\)$")


def load(
    file: str,
    reactor: IReactorFromThreads,
    *,
    worker: Worker = ALONE,
    random: Callable[[int], bytes] = os.urandom,
) -> Wired:
    """
    Read the file and wire what it asks for.

    Files that it names are read, to see whether they are right; nothing else is opened.

    :param worker: that this process is, where the server is several.

    :raises ConfigurationError: all mistakes.
    """
    text = _text(file)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(file, (_syntax(error, text),)) from None
    reader = Reader(key_lines(text))
    configuration = reader.table(Configuration, document, ())
    assert isinstance(configuration, Configuration), "each of its keys has a default"
    configuration = located(configuration, os.path.dirname(os.path.abspath(file)))
    check(configuration, document, reader, reactor)
    if not reader.mistakes:
        wired = wire(configuration, reactor, reader=reader, worker=worker, random=random)
        if not reader.mistakes:
            return wired
    raise ConfigurationError(file, reader.mistakes)


def _text(file: str) -> str:
    try:
        with open(file, "rb") as octets:
            # TOML is UTF-8; a byte order mark is none of it, and editors write it all the same.
            return octets.read().decode("utf-8-sig")
    except OSError as error:
        mistake = Mistake(f"cannot be read: {error.strerror}")
        raise ConfigurationError(file, (mistake,)) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(file, (Mistake("no UTF-8", line=line),)) from None


def _syntax(error: tomllib.TOMLDecodeError, text: str) -> Mistake:
    message = str(error)
    found = _WHERE.search(message)
    if found is None:
        return Mistake(message)
    line = int(found[1]) if found[1] else text.count("\n") + 1
    return Mistake(message[: found.start()], line=line)
