"""
Run a dialogue that is written down, against any server machine without I/O.

A transcript has one thing a line, and blank lines and ``#`` comments in between::

    C: EHLO client.example        the client sends this and CRLF
    C. BDAT 3\\r\\nabc              the client sends this, escapes decoded, nothing added
    S: 250 OK                     the server has said this line, spaces at its end apart; "..."
                                  at its end stands for any end, and alone for any lines
    * tls                         something else happens: ``actions["tls"]`` is called
    C!                            the client closes its side

All that the client sends up to the next ``S:`` or ``*`` is one group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from random import Random
from typing import Protocol, TypeVar

import pytest

E_co = TypeVar("E_co", covariant=True)

Slices = Callable[[bytes], Iterable[bytes]]


class Machine(Protocol[E_co]):
    """What the runner needs of a machine."""

    def receive_data(self, data: bytes) -> None: ...
    def next_event(self) -> E_co: ...
    def data_to_send(self) -> bytes: ...


def whole(data: bytes) -> Iterator[bytes]:
    """All in one slice."""
    yield data


def octets(data: bytes) -> Iterator[bytes]:
    """One octet a slice."""
    for at in range(len(data)):
        yield data[at : at + 1]


def cuts(seed: int) -> Slices:
    """Random slices, many of them one octet long."""

    def cut(data: bytes) -> Iterator[bytes]:
        random = Random(seed)
        while data:
            size = random.choice((1, 1, 2, 3, 7, 40))
            yield data[:size]
            data = data[size:]

    return cut


EVERY_WAY = [
    pytest.param(whole, id="whole"),
    pytest.param(octets, id="octets"),
    pytest.param(cuts(1), id="cuts"),
]
"""For ``pytest.mark.parametrize("slices", EVERY_WAY)``."""


def run(
    transcript: str,
    machine: Machine[object],
    serve: Callable[[], object],
    *,
    slices: Slices = whole,
    actions: Mapping[str, Callable[[], object]] | None = None,
) -> None:
    """
    Run a transcript and compare.

    :param serve: takes the machine's events until it needs data, and answers them.
    """
    said = b""
    expected: list[str] = []
    for line in [*transcript.splitlines(), "* end"]:
        kind, text = line.strip()[:2], line.strip()[3:]
        if not kind or kind.startswith("#"):
            continue
        if kind == "S:":
            expected.append(text)
            continue
        if expected:
            _compare(expected, said + machine.data_to_send())
            said, expected = b"", []
        if kind == "C:":
            said += _send(machine, serve, slices(text.encode() + b"\r\n"))
        elif kind == "C.":
            raw = text.encode().decode("unicode_escape").encode("latin-1")
            said += _send(machine, serve, slices(raw))
        elif kind == "C!":
            said += _send(machine, serve, [b""])
        elif kind == "* ":
            if (action := line.strip()[2:]) != "end":
                (actions or {})[action]()
                serve()
        else:
            raise ValueError(f"no transcript line: {line!r}")
    assert "" == (said + machine.data_to_send()).decode(), "nothing is said that is not written"


def _send(machine: Machine[object], serve: Callable[[], object], slices: Iterable[bytes]) -> bytes:
    said = b""
    for data in slices:
        machine.receive_data(data)
        serve()
        said += machine.data_to_send()
    return said


def _compare(expected: list[str], said: bytes) -> None:
    lines = [line.rstrip(" ") for line in said.decode("utf-8").split("\r\n")]
    assert "" == lines.pop(), "the last line has its end"
    if "..." in expected:
        at = expected.index("...")
        after = expected[at + 1 :]
        lines = [*lines[:at], "...", *lines[len(lines) - len(after) :]]
    if len(lines) == len(expected):
        lines = [
            want if want.endswith("...") and line.startswith(want[:-3]) else line
            for want, line in zip(expected, lines, strict=True)
        ]
    assert expected == lines
