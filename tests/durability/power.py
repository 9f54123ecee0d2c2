"""
A disk that loses its power: what a server wrote, as ``strace`` saw it, and what a power cut leaves.

The model keeps what POSIX promises and nothing more.  A write is safe once a sync of its file that
began after it has returned; a name (made, moved, removed) once a sync of its folder has.  All else
may or may not be there, each piece of a page's size by itself and so in any order.  File systems
give more than this: what survives here survives there.

Not modelled: disks that lie about a sync, sectors that rot.  Octets in memory that is shared
(SQLite's ``-shm``) are gone, as they would be.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tests.durability.trace import ended_calls

__all__ = ["CALLS", "Disk", "Said", "acknowledged", "replayed", "traced_by"]

CALLS = (
    "openat,mkdir,unlink,rename,link,rmdir,write,writev,pwrite64,pwritev,ftruncate,truncate,"
    "fallocate,fsync,fdatasync,sync_file_range,sendto,recvfrom"
)
"""What changes files, makes them safe, and what is said to clients."""

PAGE = 4096
"""What a disk writes whole, or does not."""

_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_FD = re.compile(r"\((\d+)<([^>]*)>")


def traced_by(output: Path) -> list[str]:
    """What to run a server by."""
    how = ["strace", "-f", "--seccomp-bpf", "-y", "-ttt", "-xx", "-s", "1000000"]
    return [*how, "-e", f"trace={CALLS}", "-o", str(output)]


# -- what was called -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Call:
    name: str
    began: float
    ended: float
    rest: str
    result: int

    @property
    def texts(self) -> list[bytes]:
        """Its strings: paths, octets."""
        found = _TEXT.findall(self.rest)
        assert not any(cut for _, cut in found), f"{self.name}: more octets than strace writes"
        return [_octets(text) for text, _ in found]

    @property
    def fd(self) -> tuple[int, str]:
        """The first argument: its number, and what it is."""
        found = _FD.search(self.rest)
        assert found is not None, self.rest[:200]
        return int(found[1]), _octets(found[2]).decode().removesuffix(" (deleted)")

    @property
    def numbers(self) -> list[int]:
        """The arguments behind the strings, or behind the first."""
        tail = _TEXT.split(self.rest)[-1] if '"' in self.rest else self.rest
        return [int(number) for number in re.findall(r"(?<=, )-?\d+", tail.rpartition(" = ")[0])]


def _octets(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()


def _calls(trace: Path) -> Iterator[_Call]:
    """Those that succeeded, in the order in which they ended."""
    for name, began, ended, rest in ended_calls(trace):
        result = re.search(r" = (-?\d+)[^=]*$", rest)
        if result is not None and int(result[1]) >= 0:
            yield _Call(name, began, ended, rest, int(result[1]))


# -- what became of it -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Change:
    """Of a file: octets at a place, or a length.  Of a folder: a name, and whose it is now."""

    began: float
    ended: float
    at: int = 0
    octets: bytes | None = None
    name: str = ""
    node: _Node | None = None


@dataclass(slots=True, eq=False)
class _Node:
    """A file or a folder.  :param syncs: when each began and ended."""

    folder: bool
    size: int = 0
    changes: list[_Change] = field(default_factory=list)
    syncs: list[tuple[float, float]] = field(default_factory=list)

    def named(self, name: str) -> _Node | None:
        """Of a folder: what has this name now."""
        for change in reversed(self.changes):
            if change.name == name:
                return change.node
        return None

    def split(self, when: float) -> tuple[list[_Change], list[_Change]]:
        """At that moment: what is safe, and what is open."""
        safe = max((began for began, ended in self.syncs if ended <= when), default=-1.0)
        mine = [change for change in self.changes if change.began <= when]
        return (
            [change for change in mine if change.ended <= safe],
            [change for change in mine if change.ended > safe],
        )


@dataclass(frozen=True, slots=True)
class Said:
    """Octets to or from a client.  :param began: before it, nobody can have seen any of it."""

    began: float
    ended: float
    fd: int
    octets: bytes
    heard: bool


class Disk:
    """
    All that was done below one folder, which is there and empty at the beginning.

    :ivar said: what clients said and were told, in the order in which it ended.
    """

    def __init__(self, root: Path) -> None:
        self.said: list[Said] = []
        self._root = PurePosixPath(root)
        self._top = _Node(folder=True)

    # -- recording ------------------------------------------------------------

    def note(self, call: _Call) -> None:
        """It was done."""
        match call.name:
            case "sendto" | "recvfrom":
                # What was taken of it, or had come.
                octets = b"".join(call.texts[:1])[: call.result]
                heard = call.name == "recvfrom"
                self.said.append(Said(call.began, call.ended, call.fd[0], octets, heard))
            case "openat" if "O_CREAT" in call.rest or "O_TRUNC" in call.rest:
                self._open(call)
            case "mkdir":
                self._name(call, call.texts[0], _Node(folder=True))
            case "unlink" | "rmdir":
                self._name(call, call.texts[0], None)
            case "rename" | "link":
                self._move(call)
            case "write" | "pwrite64" | "ftruncate" | "fallocate" | "fsync" | "fdatasync":
                node = self._node(call.fd[1])
                if node is not None:
                    self._change(call, node)
            case "writev" | "pwritev" | "truncate" | "sync_file_range":
                paths = [each.decode("latin-1") for each in call.texts]
                if call.name != "truncate":
                    paths = [call.fd[1]]
                assert not any(map(self._parts, paths)), f"{call.name} is not modelled"

    def _parts(self, path: str) -> tuple[str, ...]:
        """Below the root; empty for what is elsewhere, and for memory in disguise."""
        pure = PurePosixPath(path)
        if path.endswith("-shm") or not pure.is_relative_to(self._root):
            return ()
        return pure.relative_to(self._root).parts

    def _node(self, path: str) -> _Node | None:
        if PurePosixPath(path) == self._root:
            return self._top
        node: _Node | None = self._top
        for part in self._parts(path):
            node = None if node is None else node.named(part)
        return node if self._parts(path) else None

    def _place(self, path: str) -> tuple[_Node, str] | None:
        parts = self._parts(path)
        if not parts:
            return None
        folder = self._node(str(self._root.joinpath(*parts[:-1])))
        assert folder is not None, f"{path}: its folder was never made"
        return folder, parts[-1]

    def _open(self, call: _Call) -> None:
        # The result says where: the path that was asked for may be relative.
        path = _octets(call.rest.rpartition("<")[2].rstrip(">")).decode()
        place = self._place(path)
        if place is None:
            return
        folder, name = place
        node = folder.named(name)
        if node is None:
            made = _Node(folder=False)
            folder.changes.append(_Change(call.began, call.ended, name=name, node=made))
        elif "O_TRUNC" in call.rest:
            node.size = 0
            node.changes.append(_Change(call.began, call.ended))

    def _name(self, call: _Call, path: bytes, node: _Node | None) -> None:
        place = self._place(path.decode())
        if place is not None:
            place[0].changes.append(_Change(call.began, call.ended, name=place[1], node=node))

    def _move(self, call: _Call) -> None:
        old, new = call.texts[:2]
        node = self._node(old.decode())
        if node is not None:
            self._name(call, new, node)
            if call.name == "rename":
                self._name(call, old, None)

    def _change(self, call: _Call, node: _Node) -> None:
        began, ended = call.began, call.ended
        match call.name:
            case "fsync" | "fdatasync":
                node.syncs.append((began, ended))
            case "ftruncate":
                [node.size] = call.numbers[-1:]
                node.changes.append(_Change(began, ended, at=node.size))
            case "fallocate":
                start, length = call.numbers[-2:]
                node.size = max(node.size, start + length)
                node.changes.append(_Change(began, ended, at=node.size))
            case _:
                octets = call.texts[0][: call.result]
                at = call.numbers[-1] if call.name == "pwrite64" else node.size
                node.size = max(node.size, at + len(octets))
                node.changes.append(_Change(began, ended, at=at, octets=octets))

    # -- power cuts -----------------------------------------------------------

    def leave(self, when: float, target: Path, *, kept: float, chance: random.Random) -> None:
        """
        Write down what is there after a power cut.

        :param target: a folder in place of the root; made.
        :param kept: how much of what was not safe is there all the same, from 0 to 1.
        """
        target.mkdir()
        self._leave(self._top, when, target, kept, chance)

    def _leave(
        self, node: _Node, when: float, target: Path, kept: float, chance: random.Random
    ) -> None:
        safe, opened = node.split(when)
        names: dict[str, _Node | None] = {change.name: change.node for change in safe}
        settled: set[str] = set()
        for change in opened:
            # Of one name the first changes may be there without the last, not the other way round.
            if change.name not in settled and chance.random() < kept:
                names[change.name] = change.node
            else:
                settled.add(change.name)
        for name, its in names.items():
            if its is None:
                continue
            if its.folder:
                (target / name).mkdir(mode=0o700)
                self._leave(its, when, target / name, kept, chance)
            else:
                path = target / name
                path.write_bytes(_content(its, when, kept, chance))
                path.chmod(0o600)


def _content(node: _Node, when: float, kept: float, chance: random.Random) -> bytes:
    safe, opened = node.split(when)
    content = bytearray()
    for change in safe:
        _apply(content, change.at, change.octets)
    for change in opened:
        if change.octets is None:
            if chance.random() < kept:
                _apply(content, change.at, None)
            continue
        for at, piece in _pieces(change.at, change.octets):
            if chance.random() < kept:
                _apply(content, at, piece)
    return bytes(content)


def _pieces(at: int, octets: bytes) -> Iterator[tuple[int, bytes]]:
    """What of it goes to each page."""
    start = 0
    while start < len(octets):
        end = start + PAGE - (at + start) % PAGE
        yield at + start, octets[start:end]
        start = end


def _apply(content: bytearray, at: int, octets: bytes | None) -> None:
    if octets is None:
        del content[at:]
        content.extend(bytes(at - len(content)))
        return
    if at > len(content):
        content.extend(bytes(at - len(content)))
    content[at : at + len(octets)] = octets


def replayed(trace: Path, root: Path) -> Disk:
    """What a server did to a folder that was there and empty."""
    disk = Disk(Path(os.path.realpath(root)))
    for call in sorted(_calls(trace), key=lambda call: call.ended):
        disk.note(call)
    return disk


def acknowledged(said: Sequence[Said], yes: bytes, mark: re.Pattern[bytes]) -> dict[str, float]:
    """
    When each message may first have been known to be taken.

    :param yes: how an answer begins that takes the responsibility.
    :param mark: finds the name of a message in what a client says, which sends one at a time.
    """
    heard: dict[int, bytes] = {}
    found: dict[str, float] = {}
    for each in said:
        if each.heard:
            heard[each.fd] = heard.get(each.fd, b"")[-200_000:] + each.octets
        elif each.octets.startswith(yes):
            *_, last = mark.findall(heard[each.fd])
            found[last.decode()] = each.began
    return found
