"""
Aliases and lists, out of a file as aliases(5) has them.

Aliases of aliases are followed when the alias is asked for: each target once, however many ways
lead to it, and what leads back is left out.  An alias with an ``owner-`` alias beside it is a
list: its messages go on with the owner as their reverse path (:rfc:`5321#section-3.9.2`), and it is
not followed into from other aliases.  An alias that is among its own targets means the account.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from pymta.accounts.mail_account import without_detail
from pymta.address import Address, ascii_domain
from pymta.aio import Pool, breathe
from pymta.envelope import Recipient, Sender
from pymta.errors import ConfigurationError, Mistake
from pymta.interfaces.content import Origin
from pymta.interfaces.routing import Drop, Expand, IMembers
from pymta.routing.alias_syntax import (
    AliasTable,
    Include,
    Nowhere,
    Target,
    parse_aliases,
    parse_included,
)
from pymta.routing.partial import LOOP, NOT_MINE, Answer, ListedMembers, Readdress, direct
from pymta.routing.watched import MAX_OCTETS, WatchedFile

__all__ = ["Aliases"]

# Files that include files that include files.
_MOST_DEEP = 8
_MOST_FILES = 100

_log = Logger(namespace="pymta.routing")


@dataclass(slots=True)
class _Found:
    """What an alias leads to: addresses in the order of their first mention, and files."""

    addresses: dict[Address, None] = field(default_factory=dict)
    files: dict[str, None] = field(default_factory=dict)
    nowhere: bool = False


class Aliases:
    """
    :param domains: whose local parts are looked up.
    :param domain: of targets without one; must be local.
    :param clock: by which changes of files are noticed.
    :param pool: where files are read; started and stopped by whoever made it.
    :param separator: of sub-addresses, which go where the alias goes.
    :param limit: octets of a file.
    """

    def __init__(
        self,
        path: str,
        *,
        domains: Iterable[str],
        domain: str,
        clock: IReactorTime,
        pool: Pool,
        separator: str = "+",
        limit: int = MAX_OCTETS,
    ) -> None:
        self._domains = frozenset(map(ascii_domain, domains))
        self._domain = domain
        self._clock = clock
        self._pool = pool
        self._separator = separator
        self._limit = limit
        self._file = WatchedFile(path, self._parse, clock=clock, pool=pool, limit=limit)
        self._included: dict[str, WatchedFile[_Included]] = {}
        self._table: AliasTable | None = None
        self._complained = ""

    async def start(self) -> None:
        """
        Read the file and what it includes.

        :raises ConfigurationError: all mistakes of a file.
        """
        try:
            table = await self._file.current()
        except (OSError, Mistake) as error:
            raise _unreadable(self._file.path, error) from None
        if table.mistakes:
            raise ConfigurationError(self._file.path, table.mistakes)
        self._table = table
        for targets in table.targets.values():
            for target in targets:
                if isinstance(target, Include):
                    await self.members_of([target.path])

    async def route(self, recipient: Recipient, origin: Origin) -> Answer:
        """See :class:`~pymta.routing.partial.PartialRouter`."""
        if recipient.address.ascii_domain not in self._domains:
            return NOT_MINE
        table = await self._current()
        name = self._known(table, recipient.address)
        if name is None:
            return NOT_MINE
        found = self._followed(table, name)
        owner = _owner(table, name)
        if owner is not None:
            members = AliasMembers(self, tuple(found.addresses), tuple(found.files))
            return Expand(members, _list_sender(owner, origin))
        return self._answer(found, name)

    def _answer(self, found: _Found, name: Address) -> Answer:
        addresses = list(found.addresses)
        if not addresses and not found.files:
            return Drop(f"alias {name} is /dev/null") if found.nowhere else LOOP
        if len(addresses) == 1 and not found.files:
            return Readdress(addresses[0])
        if not found.files:
            return Expand(ListedMembers(addresses), sender=None)
        return Expand(AliasMembers(self, tuple(addresses), tuple(found.files)), sender=None)

    # -- the table -----------------------------------------------------------------

    def _parse(self, text: str) -> Iterator[AliasTable | None]:
        return parse_aliases(text, domain=self._domain)

    async def _current(self) -> AliasTable:
        """A file that somebody has broken changes nothing; one that is gone is an error."""
        try:
            table = await self._file.current()
        except Mistake as mistake:  # no text at all, or too much
            table = AliasTable({}, (mistake,))
        if not table.mistakes:
            self._table, self._complained = table, ""
            return table
        report = str(ConfigurationError(self._file.path, table.mistakes))
        if self._table is None:
            raise Mistake(report)
        if report != self._complained:
            self._complained = report
            _log.error("the aliases stay as they were: {mistakes}", mistakes=report)
        return self._table

    def _known(self, table: AliasTable, address: Address) -> Address | None:
        """The address, with detail or without, that is in the table."""
        if address.local.startswith("\\"):
            return None
        for name in (address, without_detail(address, self._separator)):
            if table.get(name) is not None:
                return name
        return None

    def _followed(self, table: AliasTable, name: Address) -> _Found:
        found = _Found()
        seen = {name.key}
        waiting = [(target, name) for target in reversed(table.get(name) or ())]
        while waiting:
            match waiting.pop():
                case Include(path), _:
                    found.files[path] = None
                case Nowhere(), _:
                    found.nowhere = True
                case Address() as address, alias if address.key == alias.key:
                    found.addresses[direct(address)] = None
                case Address() as address, _:
                    inner = self._inner(table, address)
                    if inner is None:
                        found.addresses[address] = None
                    elif address.key not in seen:
                        waiting += [(target, address) for target in reversed(inner)]
                    seen.add(address.key)
        return found

    def _inner(self, table: AliasTable, address: Address) -> Sequence[Target] | None:
        """The targets of an alias that is no list."""
        if address.ascii_domain not in self._domains:
            return None
        name = self._known(table, address)
        if name is None or _owner(table, name) is not None:
            return None
        return table.get(name)

    # -- included files ----------------------------------------------------------------

    async def members_of(self, paths: Sequence[str]) -> Sequence[Address]:
        """
        The addresses in files, and in those that they include, each once.

        :raises ConfigurationError: one of them cannot be read, or is wrong, or there are too many.
        """
        members: Sequence[Address] = ()
        seen: set[str] = set()
        waiting = [(path, 1) for path in reversed(paths)]
        while waiting:
            path, depth = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            if depth > _MOST_DEEP or len(seen) > _MOST_FILES:
                mistake = Mistake("files are included too deep, or too many of them")
                raise ConfigurationError(path, (mistake,))
            included = await self._read_included(path)
            members = _joined(members, included.addresses)
            await breathe(self._clock)
            waiting += [(inner, depth + 1) for inner in reversed(included.files)]
        return members

    async def _read_included(self, path: str) -> _Included:
        file = self._included.get(path)
        if file is None:
            file = WatchedFile(
                path, self._parse_included, clock=self._clock, pool=self._pool, limit=self._limit
            )
            self._included[path] = file
        try:
            included = await file.current()
        except (OSError, Mistake) as error:
            raise _unreadable(path, error) from None
        if included.mistakes:
            raise ConfigurationError(path, included.mistakes)
        return included

    def _parse_included(self, text: str) -> Iterator[_Included | None]:
        for step in parse_included(text, domain=self._domain):
            yield None if step is None else _Included(*step)


class _Included:
    """What an included file says."""

    __slots__ = ("addresses", "files", "mistakes")

    def __init__(self, targets: Sequence[Target], mistakes: Sequence[Mistake]) -> None:
        self.addresses = tuple(t for t in targets if isinstance(t, Address))
        self.files = [t.path for t in targets if isinstance(t, Include)]
        self.mistakes = tuple(mistakes)


@implementer(IMembers)
class AliasMembers:
    """
    Addresses that a table names, and those in the files that it includes.

    One expansion reads one state of the files: the pages of a list that changes meanwhile are
    those of the list as it was when the first was read.
    """

    def __init__(
        self, aliases: Aliases, addresses: Sequence[Address], files: Sequence[str]
    ) -> None:
        self._aliases = aliases
        self._addresses = addresses
        self._files = files
        self._members: ListedMembers | None = None

    async def read(self, after: Address | None, limit: int) -> Sequence[Address]:
        """See :class:`~pymta.interfaces.routing.IMembers`."""
        if self._members is None or after is None:
            more = await self._aliases.members_of(self._files)
            self._members = ListedMembers(_joined(self._addresses, more))
        return await self._members.read(after, limit)


def _joined(first: Sequence[Address], second: Sequence[Address]) -> Sequence[Address]:
    """Both, each address once; at once where there is nothing to compare."""
    if not first or not second:
        return first or second
    return tuple(dict.fromkeys([*first, *second]))


def _owner(table: AliasTable, name: Address) -> Address | None:
    """The owner's address of a list; None for what is none."""
    owner = Address(f"owner-{name.local}", name.domain)
    return None if table.get(owner) is None else owner


def _list_sender(owner: Address, origin: Origin) -> Sender:
    """The list's own."""
    # RFC 3461 section 5.2.7.1 (b): of the message's, only what describes its octets.
    sender = origin.sender
    return Sender(reverse_path=owner, body=sender.body, smtputf8=sender.smtputf8)


def _unreadable(path: str, error: OSError | Mistake) -> ConfigurationError:
    if isinstance(error, Mistake):
        return ConfigurationError(path, (error,))
    return ConfigurationError(path, (Mistake(f"cannot be read: {error.strerror}"),))
