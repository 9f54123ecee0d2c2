"""
The syntax of aliases(5), and of the files that it includes.

``name: target, target``; a line that begins with white space goes on with the one before; ``#``
begins a comment line; names and targets may be quoted.  A target is an address, a name of this
system, ``\\name`` (the account, no further aliases), ``:include:/path`` or ``/dev/null``.  Pipes
and files, the two ways to run code or write anywhere from a table of addresses, are mistakes here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pymta.address import Address
from pymta.errors import AddressError, Mistake
from pymta.routing.partial import direct

__all__ = ["AliasTable", "Include", "Nowhere", "Target", "parse_aliases", "parse_included"]

_INCLUDE = ":include:"
_NOWHERE = "/dev/null"


@dataclass(frozen=True, slots=True)
class Include:
    """The addresses in a file.  :param path: absolute."""

    path: str


@dataclass(frozen=True, slots=True)
class Nowhere:
    """``/dev/null``."""


Target: TypeAlias = Address | Include | Nowhere


@dataclass(frozen=True, slots=True)
class AliasTable:
    """
    What a file says.

    :param targets: by name, folded: a local part, or an address where the file has one.
    :param mistakes: in the order of their lines; what they are about is not in ``targets``.
    """

    targets: Mapping[str, tuple[Target, ...]]
    mistakes: tuple[Mistake, ...] = ()

    def get(self, address: Address) -> tuple[Target, ...] | None:
        """The targets of an address."""
        local, domain = address.key
        found = self.targets.get(f"{local}@{domain}")
        return self.targets.get(local) if found is None else found


@dataclass(slots=True)
class _Reading:
    """:param domain: of names without one."""

    domain: str
    targets: dict[str, tuple[Target, ...]] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def complain(self, line: int, message: str, hint: str = "") -> None:
        self.mistakes.append(Mistake(message, line=line, hint=hint))


def parse_aliases(text: str, *, domain: str) -> Iterator[AliasTable | None]:
    """
    Parse a file, a logical line a step, so that a long one need not stop everything.

    :param domain: of targets without one.
    :returns: None after each line, then the table.
    """
    reading = _Reading(domain)
    for number, line in _logical_lines(text):
        _alias(reading, number, line)
        yield None
    yield AliasTable(reading.targets, tuple(reading.mistakes))


def parse_included(
    text: str, *, domain: str
) -> Iterator[tuple[Sequence[Target], Sequence[Mistake]] | None]:
    """
    Parse a file of targets, as :func:`parse_aliases`.

    :returns: None after each line, then the targets and the mistakes.
    """
    reading = _Reading(domain)
    targets: dict[Target, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            targets.update(dict.fromkeys(_targets(reading, number, line)))
        yield None
    yield tuple(targets), tuple(reading.mistakes)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    number, parts = 0, list[str]()
    for at, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0] in " \t" and parts:
            parts.append(line)
            continue
        if parts:
            yield number, " ".join(parts)
        number, parts = at, [line]
    if parts:
        yield number, " ".join(parts)


def _alias(reading: _Reading, number: int, line: str) -> None:
    if line[0] in " \t":
        reading.complain(number, "a continuation of nothing", "begin the line with a name")
        return
    try:
        name, rest = _name(line)
    except Mistake as mistake:
        reading.complain(number, mistake.message)
        return
    if name is None or not rest.lstrip().startswith(":"):
        reading.complain(number, "no name", "write it as name: target, target")
        return
    if name in reading.targets:
        reading.complain(number, f"{name!r} is there already", "put all targets in one line")
        return
    mistakes = len(reading.mistakes)
    targets = tuple(dict.fromkeys(_targets(reading, number, rest.lstrip()[1:])))
    if targets:
        reading.targets[name] = targets
    elif len(reading.mistakes) == mistakes:
        reading.complain(number, f"{name!r} has no target", "/dev/null throws away")


def _name(line: str) -> tuple[str | None, str]:
    """The folded name, and what is behind it."""
    if line.startswith('"'):
        text, rest = _quoted(line)
    else:
        text, colon, rest = line.partition(":")
        text, rest = text.strip(), colon + rest
    if not text or (any(c.isspace() for c in text) and not line.startswith('"')):
        return None, rest
    if "@" not in text:
        return text.casefold(), rest
    try:
        local, domain = Address.parse(text).key
    except AddressError:
        return None, rest
    return f"{local}@{domain}", rest


def _targets(reading: _Reading, number: int, text: str) -> Iterator[Target]:
    for item in _items(text):
        try:
            yield _target(item, reading.domain)
        except Mistake as mistake:
            reading.complain(number, mistake.message, mistake.hint)
        except AddressError as error:
            reading.complain(number, f"no address: {item!r}: {error}")


def _items(text: str) -> Iterator[str]:
    """What is between commas, outside of quotes."""
    start, quoted, escaped = 0, False, False
    for at, c in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and c == "\\":
            escaped = True
        elif c == '"':
            quoted = not quoted
        elif c == "," and not quoted:
            yield from filter(None, [text[start:at].strip()])
            start = at + 1
    yield from filter(None, [text[start:].strip()])


def _target(item: str, domain: str) -> Target:
    inside = item
    if item.startswith('"') and item.endswith('"') and len(item) > 1:
        inside, rest = _quoted(item)
        if rest:
            raise Mistake(f"something behind the quotes: {item!r}")
    if inside.startswith("|"):
        raise Mistake("commands are not run", hint="use a delivery agent")
    if inside == _NOWHERE:
        return Nowhere()
    if inside.startswith("/"):
        raise Mistake("files are not written to", hint="name an account")
    if inside[: len(_INCLUDE)].lower() == _INCLUDE:
        path = inside[len(_INCLUDE) :].strip()
        if not path.startswith("/"):
            raise Mistake(f"no absolute path: {path!r}")
        return Include(path)
    return _address(item, inside, domain)


def _address(item: str, inside: str, domain: str) -> Address:
    if item.startswith("<") and item.endswith(">"):
        item = inside = item[1:-1]
    if item.startswith("\\"):
        return direct(_address(item[1:], item[1:], domain))
    if item.startswith('"') and item.endswith('"'):
        # The name of an account, or an address that somebody quoted as a whole.
        item = inside if "@" in inside else f"{item}@{domain}"
    elif "@" not in item:
        item = f"{item}@{domain}"
    return Address.parse(item).simplest


def _quoted(text: str) -> tuple[str, str]:
    """What is in the quotes at the start of text, and what is behind them."""
    out: list[str] = []
    at = 1
    while at < len(text):
        c = text[at]
        if c == '"':
            return "".join(out), text[at + 1 :]
        if c == "\\":
            at += 1
            c = text[at : at + 1]
        out.append(c)
        at += 1
    raise Mistake("a quote is not closed")
