"""
THREAD responses (:rfc:`5256#section-4`): a forest in parentheses, however deep it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["thread_line"]


def thread_line(nodes: Iterable[tuple[int, int | None]]) -> bytes:
    """
    ``* THREAD (2)(3 6 (4 23)(44 7 96))``

    :param nodes: depth and number, each in front of its children, as
        :class:`~pymta.search.ThreadNode` has it; None for a message that is not there.
    """
    nodes = list(nodes)
    text = "".join(_pieces(nodes))
    return f"* THREAD {text}\r\n".encode("ascii") if text else b"* THREAD\r\n"


def _pieces(nodes: Sequence[tuple[int, int | None]]) -> list[str]:
    only = _only_children(nodes)
    pieces: list[str] = []
    # Depths at which a parenthesis is open.
    opened: list[int] = []
    for at, (depth, number) in enumerate(nodes):
        while opened and opened[-1] >= depth and not only[at]:
            opened.pop()
            pieces.append(")")
        if not only[at]:
            # A space between a number and the sub-threads behind it, none between those.
            pieces.append(" (" if pieces and pieces[-1].isdigit() else "(")
            opened.append(depth)
        elif pieces[-1].isdigit():
            pieces.append(" ")
        if number is not None:
            pieces.append(str(number))
    pieces.append(")" * len(opened))
    return pieces


def _only_children(nodes: Sequence[tuple[int, int | None]]) -> list[bool]:
    """Whether each node continues the line of its parent: it is no root and has no sibling."""
    only = [False] * len(nodes)
    # Of each depth on the way from the root: the last child there, and whether it had a sibling.
    path: list[int] = []
    for at, (depth, _) in enumerate(nodes):
        siblings = len(path) > depth
        if siblings:
            only[path[depth]] = False
        del path[depth:]
        path.append(at)
        only[at] = depth > 0 and not siblings
    return only
