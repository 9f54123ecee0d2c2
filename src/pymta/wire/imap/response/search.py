"""
SEARCH and SORT responses (:rfc:`3501#section-7.2.5`, :rfc:`5256#section-4`), with the modseq of
:rfc:`7162#section-3.1.6`.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["search_line", "sort_line"]


def search_line(numbers: Iterable[int], modseq: int | None = None) -> bytes:
    """``* SEARCH 2 84 882 (MODSEQ 917162500)``"""
    return _line("SEARCH", numbers, modseq)


def sort_line(numbers: Iterable[int], modseq: int | None = None) -> bytes:
    """``* SORT 5 3 4 1 2``: in the order found (:rfc:`7162#section-3.1.9` for the modseq)."""
    return _line("SORT", numbers, modseq)


def _line(name: str, numbers: Iterable[int], modseq: int | None) -> bytes:
    words = ["*", name, *map(str, numbers)]
    if modseq is not None:
        words.append(f"(MODSEQ {modseq})")
    return (" ".join(words) + "\r\n").encode("ascii")
