"""
Other people's components: entry points in the group ``pymta.components``.

An entry point is anything that can be called: a class, or a function that makes the component.
Keys of its table are its arguments, checked against its signature.  What a server has anyway
(:class:`Given`) is passed to arguments of that name which the file leaves out.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_type_hints

from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from zope.interface import Interface

from pymta.config.lines import Path
from pymta.config.reading import Missing, Reader, suggestion
from pymta.config.tables import Use
from pymta.interfaces.shared import ISharedState

__all__ = ["GROUP", "Given", "fits", "make"]

GROUP = "pymta.components"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """
    What a component may ask for by the name of an argument.

    :param clock: schedules.
    :param now: aware wall time.
    :param random: so many octets, unpredictable.
    :param state: shared by all processes of the server.
    :param hostname: what the server is called.
    """

    reactor: IReactorFromThreads
    clock: IReactorTime
    now: Callable[[], datetime]
    random: Callable[[int], bytes]
    state: ISharedState
    hostname: str


def fits(use: Use, reader: Reader, path: Path) -> None:
    """Note what keeps the component from being made with these arguments."""
    factory = _loaded(use.use, reader, path)
    if factory is not None:
        _arguments(factory, use.options, reader, path)


def make(
    use: Use, wanted: type[Interface], *, given: Given, reader: Reader, path: Path
) -> Any | Missing:
    """
    The component; :class:`~pymta.config.reading.Missing` where a mistake was noted.

    :param wanted: what it must provide.
    """
    factory = _loaded(use.use, reader, path)
    if factory is None:
        return Missing()
    arguments = _arguments(factory, use.options, reader, path)
    ours = {name: getattr(given, name) for name in _asked(factory) if name not in arguments}
    try:
        made = factory(**arguments, **ours)
    except (TypeError, ValueError) as error:
        reader.note(path, f"{use.use}: {error}")
        return Missing()
    if not wanted.providedBy(made):
        reader.note((*path, "use"), f"{use.use} provides no {wanted.__name__}")
        return Missing()
    return made


def _loaded(name: str, reader: Reader, path: Path) -> Callable[..., Any] | None:
    known: Mapping[str, EntryPoint] = {point.name: point for point in entry_points(group=GROUP)}
    point = known.get(name)
    if point is None:
        hint = suggestion(name, known) or f"known are: {', '.join(sorted(known)) or 'none'}"
        reader.note((*path, "use"), f'no component is named "{name}"', hint)
        return None
    try:
        factory: Callable[..., Any] = point.load()
    except (ImportError, AttributeError) as error:
        reader.note((*path, "use"), f"{point.value} cannot be loaded: {error}")
        return None
    return factory


def _arguments(
    factory: Callable[..., Any], options: Mapping[str, object], reader: Reader, path: Path
) -> dict[str, Any]:
    """The options, read as the factory's annotations want them."""
    parameters = inspect.signature(factory).parameters
    hints = _hints(factory)
    takes_all = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    arguments: dict[str, Any] = {}
    for name, option in options.items():
        if name in parameters or takes_all:
            arguments[name] = reader.value(hints.get(name, object), option, (*path, name))
        else:
            reader.note((*path, name), "unknown key", suggestion(name, parameters))
    for name, parameter in parameters.items():
        is_needed = parameter.default is parameter.empty and parameter.kind not in _MANY
        if is_needed and name not in arguments and name not in _OURS:
            reader.note(path, f"{name} is missing")
    return arguments


_MANY = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
_OURS = frozenset(each.name for each in fields(Given))


def _asked(factory: Callable[..., Any]) -> Iterator[str]:
    """What it asks for by name, of what the server has."""
    return (name for name in inspect.signature(factory).parameters if name in _OURS)


def _hints(factory: Callable[..., Any]) -> Mapping[str, Any]:
    described = factory.__init__ if inspect.isclass(factory) else factory
    try:
        return get_type_hints(described, include_extras=True)
    except (NameError, TypeError):
        return {}  # names that exist only for a type checker
