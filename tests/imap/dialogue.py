"""
Play an IMAP dialogue that is written down, with one client or several, against any server.

A transcript has one thing a line; blank lines, ``#`` comments and indentation do not count::

    C: a1 SELECT {box}            the client sends this and CRLF, names replaced by their values
    S: * 3 EXISTS                 this line is heard next
    S: * OK [UIDVALIDITY {v}] ... "{v}" stands for a word: any the first time, then the same;
                                  "..." for anything, and alone for any lines, as few as can be
    C2: a1 NOOP                   another client; S2: is what it hears
    * deliver                     something else happens: ``actions["deliver"]`` is called

At each ``C:`` and at the end a client must have heard all that its server said.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tests.edge.player import Player

__all__ = ["OverSocket", "Peer", "Played", "play"]

_LINE = re.compile(r"(?P<who>[CS])(?P<client>[0-9]*): ?(?P<text>.*)|\* (?P<action>\S+)")
_HOLE = re.compile(r"\.\.\.|\{[a-z][a-z_0-9]*\}")
_NONE: Mapping[str, Callable[[], object]] = {}


class Peer(Protocol):
    """A server's connection, as the runner needs it."""

    def send(self, octets: bytes) -> None:
        """Send octets."""

    def line(self) -> bytes | None:
        """The next line that is heard, without CRLF; None if there is none."""

    def silent(self) -> bool:
        """Nothing is heard that was not taken."""


@dataclass(slots=True)
class Played:
    """One in process, on a clock."""

    player: Player
    _heard: bytes = b""

    def send(self, octets: bytes) -> None:
        self._heard += self.player.say(octets)

    def line(self) -> bytes | None:
        self._heard += self.player.heard()
        line, end, rest = self._heard.partition(b"\r\n")
        if not end:
            return None
        self._heard = rest
        return line

    def silent(self) -> bool:
        self._heard += self.player.heard()
        return not self._heard


@dataclass(slots=True)
class OverSocket:
    """A real one; its socket has a time limit."""

    socket: socket.socket
    _heard: bytes = b""

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def line(self) -> bytes | None:
        while b"\r\n" not in self._heard:
            data = self.socket.recv(1 << 16)
            if not data:
                return None
            self._heard += data
        line, _, self._heard = self._heard.partition(b"\r\n")
        return line

    def silent(self) -> bool:
        return not self._heard


@dataclass(slots=True)
class _Script:
    peers: Mapping[str, Peer]
    values: dict[str, str] = field(default_factory=dict)

    def say(self, client: str, text: str, *, skipping: bool) -> None:
        peer = self.peers[client]
        assert skipping or peer.silent(), f"unread before C{client}: {text}: {peer.line()!r}"
        for name, value in self.values.items():
            text = text.replace(f"{{{name}}}", value)
        peer.send(text.encode() + b"\r\n")

    def hear(self, client: str, text: str, *, skipping: bool) -> None:
        skipped = []
        while (line := self.peers[client].line()) is not None:
            if self._fits(text, line.decode("utf-8", "backslashreplace")):
                return
            skipped.append(line)
            if not skipping:
                break
        raise AssertionError(f"S{client}: {text}\nis not in\n{skipped}\nwith {self.values}")

    def _fits(self, text: str, line: str) -> bool:
        pattern, at = "", 0
        new: set[str] = set()
        for hole in _HOLE.finditer(text):
            pattern += re.escape(text[at : hole.start()])
            at = hole.end()
            name = hole[0][1:-1]
            if hole[0] == "...":
                pattern += ".*"
            elif name in self.values:
                pattern += re.escape(self.values[name])
            elif name in new:
                pattern += f"(?P={name})"
            else:
                new.add(name)
                pattern += rf"(?P<{name}>[^\s()\[\]]+)"
        match = re.fullmatch(pattern + re.escape(text[at:]), line)
        self.values.update({} if match is None else match.groupdict())
        return match is not None


def play(
    transcript: str,
    *peers: Peer,
    actions: Mapping[str, Callable[[], object]] = _NONE,
    values: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """
    Play a transcript to its end.

    :param peers: what client "", "2", "3" … is connected to.
    :param values: names that have a value from the start.
    :returns: all names with their values.
    """
    names = ["", *(str(n) for n in range(2, len(peers) + 1))]
    script = _Script(dict(zip(names, peers, strict=True)), dict(values or {}))
    skipping: set[str] = set()
    for raw in transcript.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"no line of a transcript: {line!r}")
        client = match["client"] or ""
        if match["action"]:
            actions[match["action"]]()
        elif match["who"] == "C":
            script.say(client, match["text"], skipping=client in skipping)
        elif match["text"] == "...":
            skipping.add(client)
        else:
            script.hear(client, match["text"], skipping=client in skipping)
            skipping.discard(client)
    for name, peer in script.peers.items():
        assert peer.silent() or name in skipping, f"unread by C{name}: {peer.line()!r}"
    return script.values
