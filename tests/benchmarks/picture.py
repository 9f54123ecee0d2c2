"""
Where the time goes, as a picture: threads side by side, below each the stacks that were seen in
it, the outermost on top, each frame as wide as its share.

Reads what ``py-spy record --format raw`` writes: a line for each stack, frames from the outermost
on, then how often it was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from zlib import crc32

__all__ = ["Frame", "frames_of", "picture"]

_WIDTH, _HEIGHT = 1200, 17
_LETTER = 6.2
# Narrower ones could be neither read nor hit.
_LEAST = 0.004
# What is between a caller and whom he calls, and hides both.
_BETWEEN = (
    "<frozen runpy>",
    "mta.",
    "threading.Thread.",
    "twisted._threads.",
    "twisted.internet.defer.",
    "twisted.python.",
)
_FRAME = re.compile(r"(?P<name>.+) \((?P<file>[^()]*?)(:\d+)?\)")


@dataclass(slots=True)
class Frame:
    """A function, called from where its parent stands."""

    name: str
    seen: int = 0
    calls: dict[str, Frame] = field(default_factory=dict)

    def call(self, name: str) -> Frame:
        return self.calls.setdefault(name, Frame(name))


def frames_of(lines: Iterable[str]) -> Frame:
    """All stacks as one tree."""
    root = Frame("all")
    for line in lines:
        stack, _, count = line.rpartition(" ")
        frame = root
        frame.seen += int(count)
        for name in map(_short, stack.split(";")):
            if not name.startswith(_BETWEEN) and name != frame.name:
                frame = frame.call(name)
                frame.seen += int(count)
    return root


def _short(frame: str) -> str:
    if frame.startswith("thread ("):
        return re.sub(r"^thread \(\d+\): (PoolThread-)?|-\d+$", "", frame)
    found = _FRAME.fullmatch(frame)
    if found is None:
        return frame
    module = re.sub(r".*(site-packages|src|lib/python[\d.]+|main)/", "", found["file"])
    return f"{module.removesuffix('.py').replace('/', '.')}.{found['name']}"


def picture(root: Frame, title: str) -> str:
    """As SVG; pointing at a frame names it."""
    boxes = list(_boxes(root, 0.0, 0, root.seen))
    height = (max(depth for depth, _ in boxes) + 3) * _HEIGHT
    begin = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
    words = f'font-family="sans-serif" font-size="11"><text x="4" y="13">{escape(title)}</text>'
    return "\n".join([f"{begin} {words}", *(box for _, box in boxes), "</svg>\n"])


def _boxes(frame: Frame, left: float, depth: int, all_seen: int) -> Iterator[tuple[int, str]]:
    width = _WIDTH * frame.seen / all_seen
    share = frame.seen / all_seen
    if share < _LEAST:
        return
    top = (depth + 1) * _HEIGHT
    words = f"{frame.name} {share:.1%}"
    short = ".".join(frame.name.split(".")[-2:])
    shown = short[: int(width / _LETTER)] if width > 4 * _LETTER else ""
    # The same module has the same colour.
    hue = crc32(frame.name.rpartition(".")[0].encode()) % 360
    size = f'x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_HEIGHT - 1}"'
    box = f'<title>{escape(words)}</title><rect {size} fill="hsl({hue},60%,78%)"/>'
    text = f'<text x="{left + 2:.1f}" y="{top + 12}">{escape(shown)}</text>' if shown else ""
    yield depth, f"<g>{box}{text}</g>"
    for call in sorted(frame.calls.values(), key=lambda each: -each.seen):
        yield from _boxes(call, left, depth + 1, all_seen)
        left += _WIDTH * call.seen / all_seen
