"""
Aliases out of files: syntax, following, lists, includes, and files that change.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.task import Clock

from pymta.address import Address
from pymta.aio import Pool
from pymta.aio import start as run
from pymta.envelope import Body, Return, Sender
from pymta.errors import ConfigurationError
from pymta.interfaces.content import Lane
from pymta.interfaces.routing import Drop, Expand, Route, Via
from pymta.routing.alias_syntax import (
    AliasTable,
    Include,
    Nowhere,
    Target,
    parse_aliases,
    parse_included,
)
from pymta.routing.aliases import Aliases
from pymta.routing.first_of import FirstOf
from pymta.routing.partial import LOOP, RELAY_DENIED, ListedMembers
from pymta.routing.tables import NextHop
from pymta.testing.contracts.provider_case import ProviderCase, case
from pymta.testing.contracts.router import origin, read_all, recipient

OUT = Lane("relay", "out")


def parse(text: str) -> AliasTable:
    """The table."""
    *_, table = parse_aliases(text, domain="d.test")
    assert table is not None
    return table


def at(local: str, domain: str = "d.test") -> Address:
    return Address(local, domain)


def targets(text: str) -> tuple[Target, ...]:
    """Those of the name ``a``."""
    table = parse(text)
    assert () == table.mistakes
    found = table.get(at("a"))
    assert found is not None
    return found


GOOD = [
    pytest.param("a: b\n", (at("b"),), id="one"),
    pytest.param("a:b", (at("b"),), id="without white space, without newline"),
    pytest.param("A : b", (at("b"),), id="case, and space before the colon"),
    pytest.param("a: b, c ,d", (at("b"), at("c"), at("d")), id="several"),
    pytest.param("a: b,,c,", (at("b"), at("c")), id="commas without anything"),
    pytest.param("a: b, b", (at("b"),), id="one twice"),
    pytest.param("a: b,\n c\n\t, d\n", (at("b"), at("c"), at("d")), id="continued"),
    pytest.param("a: b,\n# comment\n\n  c", (at("b"), at("c")), id="comment, blank line within"),
    pytest.param("# a: x\n  # y\na: b", (at("b"),), id="comments"),
    pytest.param("a: b\r\n, c\r\n".replace("\r\n,", "\r\n ,"), (at("b"), at("c")), id="CRLF"),
    pytest.param("a: x@Example.ORG", (at("x", "Example.ORG"),), id="address"),
    pytest.param("a: <x@example.org>", (at("x", "example.org"),), id="in angle brackets"),
    pytest.param('a: "b c"', (at("b c"),), id="quoted name"),
    pytest.param('a: "b, c", d', (at("b, c"), at("d")), id="comma in quotes"),
    pytest.param('a: "b\\"c"', (at('b"c'),), id="escaped quote"),
    pytest.param('a: "b c"@example.org', (at("b c", "example.org"),), id="quoted local part"),
    pytest.param('a: "x@example.org"', (at("x", "example.org"),), id="address quoted as a whole"),
    pytest.param('"a": b', (at("b"),), id="name in quotes"),
    pytest.param('"A" : b', (at("b"),), id="name in quotes, case"),
    pytest.param("a@d.test: b\na: c", (at("b"),), id="address goes before the name"),
    pytest.param("a@other.test: b\na: c", (at("c"),), id="address in another domain"),
    pytest.param("a: \\a", (at("\\a"),), id="backslash"),
    pytest.param("a: \\a, b", (at("\\a"), at("b")), id="backslash and another"),
    pytest.param("a: /dev/null", (Nowhere(),), id="/dev/null"),
    pytest.param("a: :include:/etc/list", (Include("/etc/list"),), id="include"),
    pytest.param('a: ":include:/a, b"', (Include("/a, b"),), id="include, quoted"),
    pytest.param("a: x+y", (at("x+y"),), id="detail"),
    pytest.param("a: x%y", (at("x%y"),), id="percent"),
    pytest.param("a: jörg@bücher.example", (at("jörg", "bücher.example"),), id="UTF-8"),
    pytest.param("a: j@bücher.example", (at("j", "xn--bcher-kva.example"),), id="U-label"),
]

MISTAKES = [
    pytest.param("a: |/bin/sh", [1], id="pipe"),
    pytest.param('a: "|/bin/sh -c x, y"', [1], id="pipe, quoted"),
    pytest.param("a: /var/mail/x", [1], id="file"),
    pytest.param('a: "/var/mail/x"', [1], id="file, quoted"),
    pytest.param("a: /dev/null/x", [1], id="file below /dev/null"),
    pytest.param("\n\na: b,\n /x", [3], id="line of the name"),
    pytest.param("a: |x, |y", [1, 1], id="two in one line"),
    pytest.param("a: b\n\na: c", [3], id="one name twice"),
    pytest.param("a: b\nA: c", [2], id="one name twice, case"),
    pytest.param("a:", [1], id="no target"),
    pytest.param("a: ,", [1], id="only a comma"),
    pytest.param("a", [1], id="no colon"),
    pytest.param(": b", [1], id="no name"),
    pytest.param("a b: c", [1], id="white space in a name"),
    pytest.param('"a: b', [1], id="open quote in a name"),
    pytest.param('a: "b', [1], id="open quote in a target"),
    pytest.param(" a: b", [1], id="continuation of nothing"),
    pytest.param("a@: b", [1], id="no domain in a name"),
    pytest.param("a: b c", [1], id="white space in a target"),
    pytest.param("a: x@", [1], id="no domain in a target"),
    pytest.param("a: @x", [1], id="no local part"),
    pytest.param("a: x@y@z", [1], id="two @"),
    pytest.param("a: @r.test:x@y", [1], id="source route"),
    pytest.param("a: Anna <x@example.org>", [1], id="display name"),
    pytest.param("a: :include:relative", [1], id="include, relative"),
    pytest.param("a: :include:", [1], id="include of nothing"),
    pytest.param('a: "b"c', [1], id="something behind quotes"),
    pytest.param("a: \\", [1], id="lone backslash"),
]


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_syntax(text: str, expected: tuple[Target, ...]) -> None:
    """What a line gives the name a."""
    assert expected == targets(text)


@pytest.mark.parametrize(("text", "lines"), MISTAKES)
def test_mistakes(text: str, lines: list[int]) -> None:
    """Each mistake is told with its line; there is no code and no file in any table."""
    table = parse(text)

    assert lines == [mistake.line for mistake in table.mistakes]
    assert all(isinstance(t, Address) for found in table.targets.values() for t in found)


@given(st.text(alphabet='ab:,"\\@#|/ \t\n<>é.', max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_table(text: str) -> None:
    """Whatever is in a file, there is a table, and mistakes with lines that exist."""
    table = parse(text)

    lines = len(text.splitlines())
    assert all(m.line is not None and 1 <= m.line <= lines for m in table.mistakes)


def test_a_long_line_takes_no_longer() -> None:
    """A line of a megabyte is read in one go, in linear time."""
    text = "a: " + ", ".join(f"u{n}" for n in range(100_000)) + '"' * 10_001

    table = parse(text)
    assert 1 == len(table.mistakes)


def test_included_files() -> None:
    """Targets, a line or more a line; comments; mistakes with their lines."""
    text = "# list\nx@example.org\n\n  y, z\n:include:/more\n|sh\n/file\ny\n"
    *_, found = parse_included(text, domain="d.test")

    assert found is not None
    assert (at("x", "example.org"), at("y"), at("z"), Include("/more")) == found[0]
    assert [6, 7] == [mistake.line for mistake in found[1]]


# -- routes ----------------------------------------------------------------------------


class Files(ProviderCase[Aliases]):
    """On the reactor, since files are read in threads; the clock is ours."""

    text = ""
    limit = 100_000

    async def make(self) -> Aliases:
        self.folder = TemporaryDirectory()
        self.pool = Pool(reactor, threads=1, limit=50, name="files")  # type: ignore[arg-type]  # a module, to mypy
        self.pool.start()
        self.clock = Immediate()
        self.write("aliases", self.text)
        return Aliases(
            self.path("aliases"),
            domains=["d.test", "e.test"],
            domain="d.test",
            clock=self.clock,
            pool=self.pool,
            limit=self.limit,
        )

    async def close(self, provider: Aliases) -> None:
        await self.pool.stop()
        self.folder.cleanup()

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> object:
        return run(test())

    def path(self, name: str) -> str:
        return str(Path(self.folder.name, name))

    def write(self, name: str, text: str | bytes) -> None:
        """With ``DIR`` for our folder; by another file that takes the place of the old one."""
        if isinstance(text, str):
            text = text.replace("DIR", self.folder.name).encode()
        Path(self.path("new")).write_bytes(text)
        os.replace(self.path("new"), self.path(name))

    async def ask(self, aliases: Aliases, text: str, sender: Sender | None = None) -> Route:
        """A chain that sends everything else out."""
        chain = FirstOf([aliases, NextHop(OUT)])
        return await chain.route(recipient(text), origin(sender))


class Immediate(Clock):
    """A clock on which nothing has to be waited for."""

    def callLater(self, delay: float, callable: Any, *args: Any, **kw: Any) -> Any:  # noqa: A002
        call = super().callLater(delay, callable, *args, **kw)
        if delay == 0:
            self.advance(0)
        return call


def listed(*addresses: str | Address) -> Expand:
    """To several, from whoever sent it."""
    return Expand(
        ListedMembers([a if isinstance(a, Address) else Address.parse(a) for a in addresses]), None
    )


def out(text: str, original: str) -> Route:
    """Relayed; an alias to one outside is an expansion of one."""
    if text == original:
        return Via(lane=OUT, recipient=recipient(text))
    return listed(text)


class TestRoutes(Files):
    """What an alias leads to."""

    text = """
one: x@example.org
chain: one
two: x@example.org, y@example.org
nested: two, z@example.org, chain
null: /dev/null
some: /dev/null, x@example.org
self: self, x@example.org
deep: self, y@example.org
selfish: selfish
back: \\back
a: b
b: a
c: d, x@example.org
d: c, y@example.org
only: e1, e2
e1: only
e2: only
two@e.test: q@example.org
owned: x@example.org, two
owner-owned: one
outer: owned, z@example.org
"""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("one@d.test", out("x@example.org", "one")),
            ("ONE@D.TEST", out("x@example.org", "one")),
            ("one@e.test", out("x@example.org", "one")),
            ("one+detail@d.test", out("x@example.org", "one")),
            ("chain@d.test", out("x@example.org", "one")),
            ("two@d.test", listed("x@example.org", "y@example.org")),
            ("two@e.test", out("q@example.org", "two")),
            ("nested@d.test", listed("x@example.org", "y@example.org", "z@example.org")),
            ("null@d.test", Drop("alias null@d.test is /dev/null")),
            ("some@d.test", out("x@example.org", "some")),
            ("self@d.test", listed(at("\\self"), "x@example.org")),
            ("self@e.test", listed(at("\\self"), "x@example.org")),
            ("deep@d.test", listed(at("\\self"), "x@example.org", "y@example.org")),
            ("selfish@d.test", listed(at("\\selfish"))),
            ("back@d.test", listed(at("\\back"))),
            ("a@d.test", LOOP),
            ("only@d.test", LOOP),
            ("c@d.test", listed("y@example.org", "x@example.org")),
            ("outer@d.test", listed("owned@d.test", "z@example.org")),
            ("nobody@d.test", out("nobody@d.test", "nobody@d.test")),
            ("one@example.org", out("one@example.org", "one@example.org")),
            ("one%d.test@example.org", out("one%d.test@example.org", "one%d.test@example.org")),
            ('"\\\\one"@d.test', out('"\\\\one"@d.test', '"\\\\one"@d.test')),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    @case
    async def test_s23_routes(self, aliases: Aliases, text: str, expected: Route) -> None:
        """Each target once; what goes round is left out, or refused if nothing is left."""
        await aliases.start()

        assert expected == await self.ask(aliases, text)

    @case
    async def test_a_list_has_its_own_sender(self, aliases: Aliases) -> None:
        """The owner gets the reports; the sender's wishes end here (RFC 3461 §5.2.7.1)."""
        sender = Sender(
            reverse_path=Address("s", "example.net"),
            body=Body.EIGHT_BIT,
            smtputf8=True,
            ret=Return.FULL,
            envid="e",
            size=9,
            auth="",
        )
        route = await self.ask(aliases, "owned@e.test", sender)

        assert isinstance(route, Expand)
        own = Sender(reverse_path=at("owner-owned", "e.test"), body=Body.EIGHT_BIT, smtputf8=True)
        assert own == route.sender
        assert [at("x", "example.org"), at("y", "example.org")] == await read_all(route.members)

    @case
    async def test_without_a_way_out(self, aliases: Aliases) -> None:
        """An alias to the outside opens no relay: without a way there, it is refused."""
        route = await FirstOf([aliases]).route(recipient("one@d.test"), origin())

        assert RELAY_DENIED == route


class TestIncludes(Files):
    """Lists in files of their own."""

    text = "list: :include:DIR/a, first@example.org\nowner-list: me\nround: :include:DIR/r\n"

    async def make(self) -> Aliases:
        aliases = await super().make()
        self.write("a", "x@example.org\n:include:DIR/b\nfirst@example.org\n")
        self.write("b", "y@example.org\n:include:DIR/a\nx@example.org\nlocal\n")
        self.write("r", ":include:DIR/r\n")
        return aliases

    async def members(
        self, aliases: Aliases, text: str = "list@d.test", limit: int = 99
    ) -> list[str]:
        """As text."""
        route = await aliases.route(recipient(text), origin())
        assert isinstance(route, Expand)
        return list(map(str, await read_all(route.members, limit)))

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 99])
    @case
    async def test_members(self, aliases: Aliases, limit: int) -> None:
        """Each once, a page at a time, through files that include each other."""
        await aliases.start()

        expected = ["first@example.org", "x@example.org", "y@example.org", "local@d.test"]
        assert expected == await self.members(aliases, limit=limit)

    @case
    async def test_an_empty_list(self, aliases: Aliases) -> None:
        """A file that includes itself and nothing else has no members."""
        assert [] == await self.members(aliases, "round@d.test")

    @case
    async def test_a_list_that_changes(self, aliases: Aliases) -> None:
        """A message goes to the list as it was when its first page was read."""
        route = await aliases.route(recipient("list@d.test"), origin())
        assert isinstance(route, Expand)
        [first] = await route.members.read(None, 1)
        self.write("a", "new@example.org\n")
        self.clock.advance(2)

        rest = await route.members.read(first, 99)
        assert ["x@example.org", "y@example.org", "local@d.test"] == list(map(str, rest))
        assert ["first@example.org", "new@example.org"] == await self.members(aliases)

    @case
    async def test_read_on_after_a_restart(self, aliases: Aliases) -> None:
        """A page behind an address is the same, whoever read the page before."""
        route = await aliases.route(recipient("list@d.test"), origin())
        assert isinstance(route, Expand)

        assert (at("local"),) == await route.members.read(at("y", "example.org"), 99)
        with pytest.raises(LookupError):
            await route.members.read(at("nobody"), 99)

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            pytest.param("b", "|sh\n", id="a pipe"),
            pytest.param("b", "/etc/passwd\n", id="a file"),
            pytest.param("b", "x" * 100_001, id="too large"),
            pytest.param("b", ":include:DIR/not-there\n", id="not there"),
            pytest.param("b", "".join(f":include:DIR/n{n}\n" for n in range(101)), id="too many"),
        ],
    )
    @case
    async def test_broken_includes(self, aliases: Aliases, name: str, text: str) -> None:
        """At the start it is a mistake; later nobody can tell, and the mail waits."""
        for n in range(101):
            self.write(f"n{n}", "")
        self.write(name, text)

        with pytest.raises(ConfigurationError):
            await aliases.start()
        with pytest.raises(ConfigurationError):
            await self.members(aliases)

    @case
    async def test_too_deep(self, aliases: Aliases) -> None:
        """Eight files deep, and no more."""
        for n in range(9):
            self.write(f"d{n}", f":include:DIR/d{n + 1}\nx{n}@example.org\n")
        self.write("d9", "")
        self.write("aliases", "ok: :include:DIR/d2\ndeep: :include:DIR/d1\n")

        assert 7 == len(await self.members(aliases, "ok@d.test"))
        with pytest.raises(ConfigurationError):
            await self.members(aliases, "deep@d.test")


class TestChanges(Files):
    """A file that changes while the server runs."""

    text = "a: x@example.org\n"

    @case
    async def test_reload(self, aliases: Aliases) -> None:
        """What is written is true within a second."""
        await aliases.start()
        self.write("aliases", "a: y@example.org\n")
        assert listed("x@example.org") == await self.ask(aliases, "a@d.test")
        self.clock.advance(1)

        assert listed("y@example.org") == await self.ask(aliases, "a@d.test")

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(b"a: |x\n", id="a mistake"),
            pytest.param(b"a: b\n# \xfc\n", id="no UTF-8"),
            pytest.param(b"#" * 100_001, id="too large"),
        ],
    )
    @case
    async def test_a_broken_file_changes_nothing(self, aliases: Aliases, text: bytes) -> None:
        """Somebody's typing mistake loses no alias."""
        await aliases.start()
        self.write("aliases", text)
        self.clock.advance(1)
        assert listed("x@example.org") == await self.ask(aliases, "a@d.test")
        self.write("aliases", "a: z@example.org\n")
        self.clock.advance(1)

        assert listed("z@example.org") == await self.ask(aliases, "a@d.test")

    @case
    async def test_a_lost_file_is_no_no(self, aliases: Aliases) -> None:
        """Without its file nobody knows: it raises, and the peer hears 451."""
        await aliases.start()
        os.unlink(self.path("aliases"))
        self.clock.advance(1)

        with pytest.raises(OSError, match="aliases"):
            await self.ask(aliases, "a@d.test")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            pytest.param(b"a: |x\nb: /y\n", "aliases:2:", id="all mistakes"),
            pytest.param(b"a: b\n\xff", "aliases:2:", id="no UTF-8"),
            pytest.param(b"#" * 100_001, "larger", id="too large"),
        ],
    )
    @case
    async def test_a_broken_file_at_the_start(
        self, aliases: Aliases, text: bytes, message: str
    ) -> None:
        """A server does not start on it; all mistakes are told, with file and line."""
        self.write("aliases", text)

        with pytest.raises(ConfigurationError, match=message):
            await aliases.start()

    @case
    async def test_no_file_at_the_start(self, aliases: Aliases) -> None:
        """The same for a file that is not there."""
        os.unlink(self.path("aliases"))

        with pytest.raises(ConfigurationError, match="cannot be read"):
            await aliases.start()


class TestSize(Files):
    """As large as may be."""

    limit = 1_000_000

    @case
    async def test_many_members(self, aliases: Aliases) -> None:
        """50,000 members come in pages of a thousand."""
        self.write("aliases", "list: :include:DIR/l\n")
        self.write("l", "".join(f"m{n}@e.org\n" for n in range(50_000)))
        route = await aliases.route(recipient("list@d.test"), origin())

        assert isinstance(route, Expand)
        members = await read_all(route.members)
        assert 50_000 == len(set(members))


def texts(count: int) -> Iterator[str]:
    """Lines."""
    return (f"n{n}: x{n}" for n in range(count))


def test_a_step_a_line() -> None:
    """A long table is parsed a line at a time, so that others get their turns."""
    steps = list(parse_aliases("\n".join(texts(100)), domain="d.test"))

    assert [None] * 100 == steps[:-1]
    assert 100 == len(steps[-1].targets if steps[-1] else ())
