"""
Typed notes that parts of the mail flow leave for each other.

A key is a module-level constant of whoever learns the fact, ``SPF = FactKey[SPFResult]("spf")``;
whoever wants to know it imports the key.  There is no bag of strings to misspell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

__all__ = ["NO_FACTS", "FactKey", "Facts"]

T = TypeVar("T")


class FactKey(Generic[T]):
    """The name and the type of one fact.  Keys are equal only to themselves."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"FactKey({self.name!r})"


class Facts:
    """
    A frozen collection of facts; :meth:`with_` and :meth:`merged` make a new one.

    What is known of a connection and what is known of a transaction are two values: nothing
    learnt of one message can stick to the next.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[FactKey[Any], Any] = {}

    def get(self, key: FactKey[T]) -> T | None:
        """The fact, or None where nobody found it out."""
        value: T | None = self._known.get(key)
        return value

    def with_(self, key: FactKey[T], value: T) -> Facts:
        """These facts and one more; an older one of the same key is replaced."""
        facts = Facts()
        facts._known = {**self._known, key: value}
        return facts

    def merged(self, other: Facts) -> Facts:
        """These facts and those of ``other``, which win."""
        facts = Facts()
        facts._known = {**self._known, **other._known}
        return facts

    def __iter__(self) -> Iterator[FactKey[Any]]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Facts) and self._known == other._known

    def __hash__(self) -> int:
        return hash(frozenset(self._known))

    def __repr__(self) -> str:
        inside = ", ".join(f"{key.name}={value!r}" for key, value in self._known.items())
        return f"Facts({inside})"


NO_FACTS = Facts()
