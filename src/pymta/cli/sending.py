"""
Many message files through one door, one after the other: what becomes of each is told, and one
that cannot be sent keeps none of the others back.
"""

from __future__ import annotations

import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from pymta.cli.errors import DONE, EXPECTED, NOT_DONE, sentence
from pymta.cli.letters import Letter, Marks, Readable, read_letter
from pymta.cli.output import Listing
from pymta.cli.progress import bar_beside_lines
from pymta.errors import PymtaError
from pymta.interfaces.content import IContentWriter

__all__ = ["Carrier", "NotSent", "Sent", "Unreachable", "send_all"]

STANDARD_INPUT = "-"
_ENDING = (signal.SIGINT, signal.SIGTERM)


class NotSent(PymtaError):
    """This message was not sent; the next one may be."""


class Unreachable(PymtaError):
    """Nobody is there to take any message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """
    What became of one message.

    :param facts: for programs.
    :param line: for people; empty where nobody got it.
    :param refused: recipients that do not get it, and why.
    """

    facts: Mapping[str, str]
    line: str
    refused: Mapping[str, str] = field(default_factory=dict)


class Carrier(Protocol):
    """A door."""

    def create(self) -> IContentWriter: ...
    async def send(self, letter: Letter) -> Sent:
        """
        :raises Unreachable: for whatever reason would be told of the next one, too.
        :raises Exception: one of :data:`~pymta.cli.errors.EXPECTED`: this one was not sent.
        """
        ...


async def send_all(arguments: Namespace, marks: Marks, carrier: Carrier) -> int:
    """:returns: the exit status."""
    with bar_beside_lines(arguments, len(arguments.files), "messages") as shown:
        telling = _Telling(arguments, shown.write)
        with telling.listing:
            for at, name in enumerate(arguments.files):
                try:
                    telling.sent(name, await _send(name, marks, carrier))
                except Unreachable as error:
                    for each in arguments.files[at:]:
                        telling.failed(each, str(error))
                    break
                except EXPECTED as error:
                    telling.failed(name, _reason(name, error))
                shown.update(1)
    return telling.status


async def _send(name: str, marks: Marks, carrier: Carrier) -> Sent:
    with _opened(name) as file:
        letter = await read_letter(file, marks, carrier.create)
    try:
        return await carrier.send(letter)
    finally:
        letter.discard()


@contextmanager
def _opened(name: str) -> Iterator[Readable]:
    if name == STANDARD_INPUT:
        yield _Input()
        return
    with open(name, "rb") as file:
        yield file


class _Input:
    """
    Standard input, which may last for ever: a signal ends the wait for it.

    To the reactor a signal is an affair of its next turn, which does not come before the input.
    """

    def read(self, size: int, /) -> bytes:
        """:raises Unreachable: somebody wants to end this."""
        before = {number: signal.getsignal(number) for number in _ENDING}
        try:
            for number, action in before.items():
                if action is not signal.SIG_IGN:
                    signal.signal(number, signal.default_int_handler)
            return sys.stdin.buffer.read(size)
        except KeyboardInterrupt:
            raise Unreachable("interrupted") from None
        finally:
            for number, action in before.items():
                signal.signal(number, action)


def _reason(name: str, error: BaseException) -> str:
    # Of files that cannot be read, the name would come twice.
    return sentence(error).removeprefix(f"{name}: ")


class _Telling:
    """:param write: a line to a file, beside the bar."""

    def __init__(self, arguments: Namespace, write: Callable[..., Any]) -> None:
        self.listing = Listing(as_json=arguments.json)
        self.status = DONE
        self._as_json = arguments.json
        self._write = write

    def sent(self, name: str, sent: Sent) -> None:
        if self._as_json or sent.line:
            value = {"file": name, **sent.facts, "refused": dict(sent.refused)}
            self.listing.add(f"{name}: {sent.line}", value)
        for recipient, reason in sent.refused.items():
            self._complain(f"{name}: <{recipient}>: {reason}")

    def failed(self, name: str, reason: str) -> None:
        if self._as_json:
            self.listing.add("", {"file": name, "error": reason})
        self._complain(f"{name}: {reason}")

    def _complain(self, text: str) -> None:
        self.status = NOT_DONE
        if not self._as_json:
            self._write(f"pymta: {text}", file=sys.stderr)
