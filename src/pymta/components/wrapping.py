"""
Another method in a part, with everything else as it is.

A quota, an access list, a fault for a test is a wrapper round one provider.  It must offer what
the wrapped one offers, no more and no less: a capability is announced where an add-on interface
is provided, so a wrapper that lost one would withdraw it, and one that made one up would lie.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from zope.interface import directlyProvides, providedBy

__all__ = ["wrap"]

T = TypeVar("T")


def wrap(inner: T, **overrides: Callable[..., Any]) -> T:
    """
    ``inner`` with some methods replaced; provides exactly ``providedBy(inner)``.

    :param overrides: by name, called in place of the method with its arguments; whoever writes
        one calls ``inner`` himself.
    :raises TypeError: ``inner`` has no such method in any interface that it provides.
    """
    provided = providedBy(inner)
    names = {name for interface in provided.flattened() for name in interface.names()}
    unknown = sorted(overrides.keys() - names)
    if unknown:
        raise TypeError(f"no interface of {inner!r} has {', '.join(unknown)}")
    wrapped = _Wrapped(inner, overrides)
    directlyProvides(wrapped, provided)
    return cast("T", wrapped)


class _Wrapped:
    def __init__(self, inner: object, overrides: dict[str, Callable[..., Any]]) -> None:
        self._inner = inner
        self.__dict__.update(overrides)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __repr__(self) -> str:
        return f"<wrapped {self._inner!r}>"
