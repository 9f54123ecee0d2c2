"""
The keys of a configuration file, as a table to be read: made from what reads them.

``docs/configuration.md`` holds what :func:`key_tables` gives; a test compares.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin

from pymta.address import Address
from pymta.config.reading import NONE, Rest, default_of, hints_of
from pymta.config.tables import REQUIRED, Configuration
from pymta.edge.peers import LOOPBACK, Peers

__all__ = ["Key", "key_tables", "keys"]

_PARAM = re.compile(r":param (\w+): ?(.*?)(?=\n\s*\n|\n\s*:param |\Z)", re.DOTALL)
_SIMPLE: Mapping[Any, str] = {
    str: "string",
    int: "whole number",
    float: "number",
    bool: "true or false",
    timedelta: "time",
    Peers: "array of networks",
    Address: "mail address",
    object: "anything",
}
# What the dataclasses, which say it for developers, leave to their names.
_MORE: Mapping[str, str] = {
    "queue.retry.life": "how long a recipient is tried for.",
    "backoff.first": "the first wait.",
    "backoff.most": "the longest wait.",
    "backoff.factor": "by which each wait is longer than the one before.",
    "suspend.first": "how long a lane is left alone after its first death.",
    "suspend.most": "the longest that it is left alone.",
    "suspend.factor": "by which each time is longer than the one before.",
    "rate.messages": "as many in a period to one lane.",
    "rate.period": "the period.",
    "limits.message.header_octets": "of a whole header.",
    "limits.message.header_fields": "of one header.",
    "limits.message.received": "Received fields; more are a loop (RFC 5321 section 6.3).",
    "limits.connections.address": "from one IP address.",
    "limits.connections.network": "from one /24 of IPv4 or /64 of IPv6.",
    "limits.connections.total": "in all.",
}
_REQUIRED = "must be given"
_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_MAPPING = get_origin(Mapping[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """
    One key.

    :param table: where it stands: ``limits.smtp``; a name of the writer's own in capitals.
    :param default: as TOML, empty for none.
    """

    table: str
    name: str
    kind: str
    default: str
    meaning: str


def keys() -> Iterator[Key]:
    """All that there are, table by table."""
    yield from _keys(Configuration, "", None)


def key_tables() -> str:
    """The same as Markdown: one table a table."""
    parts: list[str] = []
    table = None
    for key in keys():
        if key.table != table:
            table = key.table
            title = f"`[{table}]`" if table else "At the top"
            parts.append(f"\n### {title}\n\n| key | type | default | meaning |\n|---|---|---|---|")
        default = key.default if key.default in ("", _REQUIRED) else f"`{key.default}`"
        parts.append(f"| `{key.name}` | {key.kind} | {default} | {key.meaning} |")
    return "\n".join(parts).strip() + "\n"


def _keys(kind: Any, table: str, defaults: object) -> Iterator[Key]:
    hints = hints_of(kind)
    meanings = _meanings(kind)
    inner: list[tuple[Any, str, object]] = []
    for each in fields(kind):
        if not each.init or Rest in get_args(hints[each.name]):
            continue
        default = default_of(each) if defaults is None else getattr(defaults, each.name)
        wanted = _unwrapped(hints[each.name])
        place = f"{table}.{each.name}" if table else each.name
        nested = _nested(wanted, place, default)
        if nested is not None:
            inner.append(nested)
            continue
        yield Key(
            table=table,
            name=each.name,
            kind=_kind(hints[each.name], default),
            default=_REQUIRED if place in REQUIRED else _toml(default),
            meaning=meanings.get(each.name) or _more(place),
        )
    for nested_kind, place, default in inner:
        yield from _keys(nested_kind, place, default)


def _nested(wanted: Any, place: str, default: object) -> tuple[Any, str, object] | None:
    """Tables of their own, arrays of tables, and tables by name."""
    if _is_table(wanted):
        return wanted, place, default
    arguments = get_args(wanted)
    if get_origin(wanted) is tuple and _is_table(arguments[0]):
        return arguments[0], f"[{place}]", None
    if get_origin(wanted) is _MAPPING and _is_table(arguments[1]):
        return arguments[1], f"{place}.NAME", None
    return None


def _is_table(kind: Any) -> bool:
    return is_dataclass(kind) and kind is not Address


def _unwrapped(hint: Any) -> Any:
    if get_origin(hint) is Annotated:
        return _unwrapped(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return _unwrapped(next(a for a in get_args(hint) if a is not types.NoneType))
    return hint


def _kind(hint: Any, default: object = None) -> str:
    wanted = _unwrapped(hint)
    optional = types.NoneType in get_args(hint) and default is not None
    text = _plain_kind(wanted)
    return f'{text} or `"{NONE}"`' if optional else text


def _plain_kind(wanted: Any) -> str:
    arguments = get_args(wanted)
    if get_origin(wanted) is tuple:
        return f"array of {_kind(arguments[0])}s".replace("addresss", "addresses")
    if get_origin(wanted) is _MAPPING:
        return f"table of {_kind(arguments[1])}"
    if get_origin(wanted) is Callable:
        return "string"
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return ", ".join(f'`"{member.value}"`' for member in wanted)
    return _SIMPLE[wanted]


def _more(place: str) -> str:
    return next((text for end, text in _MORE.items() if place.endswith(end)), "")


def _meanings(kind: Any) -> dict[str, str]:
    """What the docstring says of each field, in one line."""
    found = _PARAM.findall(inspect.cleandoc(kind.__doc__ or ""))
    return {name: _markdown(text) for name, text in found}


def _markdown(text: str) -> str:
    text = re.sub(r":rfc:`(\d+)(?:#section-([\d.]+))?`", _rfc, text)
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", text)
    text = re.sub(r"\bNone\b", f'`"{NONE}"`', text)
    return " ".join(text.replace("``", "`").split()).replace("|", "\\|")


def _rfc(found: re.Match[str]) -> str:
    return f"RFC {found[1]}" + (f" section {found[2]}" if found[2] else "")


def _toml(value: object) -> str:
    match value:
        case None:
            return ""
        case _ if value is MISSING:
            return _REQUIRED
        case bool():
            return str(value).lower()
        case int() | float():
            return f"{value:g}" if isinstance(value, float) else f"{value:_}"
        case timedelta():
            return _duration(value)
        case Enum():
            return f'"{value.value}"'
        case str():
            return f'"{value}"' if value else ""
        case Peers():
            return '["127.0.0.0/8", "::1"]' if value is LOOPBACK else "[]"
        case tuple() | dict():
            return "" if not value else str(value)
    return '"%v.%u"' if callable(value) else ""


def _duration(span: timedelta) -> str:
    seconds = span.total_seconds()
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return f'"{seconds / size:g}{unit}"'


if __name__ == "__main__":
    import sys

    sys.stdout.write(key_tables())
