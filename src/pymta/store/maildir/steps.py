"""
The journal: what is to be done to files for what was committed to the index.

====  =============================  ====================================  ========================
row   what is durable                what others see                       after a crash here
====  =============================  ====================================  ========================
1     nothing new                    nothing                               nothing happened
2     messages in ``tmp``            nothing                               as 1; ``tmp`` is swept
3     2, and the index with these    some of it, file by file              the steps are done again
      steps (its commit decides)                                           by whoever comes next
4     3, and all steps done          all of it                             as 3: a step that was
                                                                           done does nothing
5     4, and the journal empty       all of it                             all happened
====  =============================  ====================================  ========================

The call fires after 4.  Lines of the UID list come before the files that they name, so that no
program that holds its lock finds a file to which nobody gave a UID.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymta.store.maildir.disk import Disk
from pymta.store.maildir.filenames import base_of, letters_of, named

__all__ = [
    "Doing",
    "Step",
    "bury",
    "flag",
    "move",
    "place",
    "put_text",
    "read_names",
    "staged_path",
]

Step = tuple[Any, ...]
"""A verb, and paths from the root of the account; what JSON can say."""


def move(source: str, target: str) -> Step:
    """A whole folder."""
    return "move", source, target


def staged_path(stem: str) -> str:
    """
    Where a message waits for its place: in ``tmp`` of the root.

    The root is never renamed, and a folder below it is in the same file system.
    """
    return os.path.join("tmp", stem)


def place(staged: str, folder: str, *, to: str, file: str) -> Step:
    """A message from ``tmp`` to ``new`` or ``cur``."""
    return "place", staged, folder, to, file


def flag(folder: str, place: str, file: str, *, after: str) -> Step:
    """Another name in ``cur``."""
    return "flag", folder, place, file, after


def bury(folder: str, place: str, file: str, *, target: str) -> Step:
    """Out of the mailbox, to where its octets stay for an hour."""
    return "bury", folder, place, file, target


def put_text(path: str, text: str) -> Step:
    """A whole small file of our own."""
    return "put", path, text


def read_names(folder: str) -> list[str]:
    """Names of message files in a folder; none if it is not there."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    # Line ends would be some in the UID list too; octets that are no UTF-8 are surrogates here,
    # which are not printable either.  No program that keeps mail gives such names.
    return [name for name in names if name[0] != "." and name.isprintable()]


def _merged(found: str, before: str, after: str) -> str:
    """The name with what changed between both others; the next look into the folder reads it."""
    old, new = set(letters_of(before)), set(letters_of(after))
    return named(base_of(found), "".join((set(letters_of(found)) | (new - old)) - (old - new)))


@dataclass(slots=True)
class Doing:
    """
    Does steps.

    :ivar lost: folders and names of messages that are nowhere: others empty ``tmp`` after 36
        hours.  Nobody was told that they were taken.
    """

    disk: Disk
    root: str
    lost: list[tuple[str, str]] = field(default_factory=list)
    _touched: dict[str, None] = field(default_factory=dict)

    def do(self, steps: Iterable[Sequence[Any]]) -> None:
        """All of them; each may have been done before."""
        for verb, *rest in steps:
            getattr(self, f"_{verb}")(*rest)
        for folder in self._touched:
            self.disk.sync_folder(folder)

    def _move(self, source: str, target: str) -> None:
        source, target = self._path(source), self._path(target)
        # Done before, or another program made one of that name: it is looked at next time.
        if os.path.lexists(target) or not os.path.lexists(source):
            return
        self.disk.rename(source, target)
        self._touch(os.path.dirname(target), os.path.dirname(source))

    def _place(self, staged: str, folder: str, to: str, file: str) -> None:
        target = self._path(folder, to)
        try:
            self.disk.rename(self._path(staged), f"{target}/{file}")
        except FileNotFoundError:
            if self._find(folder, base_of(file)) is None:
                self.lost.append((folder, file))
        self._touch(target)

    def _flag(self, folder: str, place: str, file: str, after: str) -> None:
        target = self._path(folder, "cur", after)
        if not self._rename(self._path(folder, place, file), target):
            found = self._find(folder, base_of(file))
            if found is not None and found != target:
                # Another program was quicker: what each of both changed is changed.
                merged = _merged(os.path.basename(found), file, after)
                self._rename(found, self._path(folder, "cur", merged))
        self._touch(os.path.dirname(target))

    def _bury(self, folder: str, place: str, file: str, target: str) -> None:
        target = self._path(target)
        if not self._rename(self._path(folder, place, file), target):
            found = self._find(folder, base_of(file))
            if found is not None:
                self._rename(found, target)
        self._touch(self._path(folder, place), os.path.dirname(target))

    def _put(self, path: str, text: str) -> None:
        self.disk.put(self._path(path), text.encode())

    # -- inside ----------------------------------------------------------------

    def _rename(self, source: str, target: str) -> bool:
        try:
            self.disk.rename(source, target)
        except FileNotFoundError:
            return False
        return True

    def _find(self, folder: str, base: str) -> str | None:
        for place in ("cur", "new"):
            path = self._path(folder, place)
            for name in read_names(path):
                if base_of(name) == base:
                    return os.path.join(path, name)
        return None

    def _path(self, *parts: str) -> str:
        # A tenth of a flag change, were it os.path.join; the folder of INBOX is empty.
        return "/".join([self.root, *filter(None, parts)])

    def _touch(self, *folders: str) -> None:
        self._touched.update(dict.fromkeys(folders))
