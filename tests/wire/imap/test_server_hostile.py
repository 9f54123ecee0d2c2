"""
Tests for peers that mean harm, or speak another language: bounded, answered, in step.
"""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.wire import NEED_DATA
from pymta.wire.imap.command.session import Noop
from pymta.wire.imap.events import (
    Answered,
    Asked,
    Closed,
    ClosedReason,
    Dropped,
    LiteralOctets,
)
from pymta.wire.imap.limits import Limits
from pymta.wire.imap.server import IMAPServer
from pymta.wire.imap.state import State
from tests.wire.imap.serving import Desk, inside, server, settle, talk


def kept(machine: IMAPServer) -> int:
    """Octets that wait in the machine."""
    return len(machine._input)


# -- limits ------------------------------------------------------------------

TOO_BIG = {
    "line": (b"a NOOP " + b"x" * 13_000 + b"\r\n", b"a BAD [TOOBIG] line too long\r\n"),
    "line of a tag": (b"x" * 13_000 + b"\r\n", b"* BAD [TOOBIG] line too long\r\n"),
    "line and a literal": (
        b"a NOOP " + b"x" * 13_000 + b" {6+}\r\nb NOOP\r\n",
        b"a BAD [TOOBIG] line too long\r\n",
    ),
    "line and a literal that waits": (
        b"a NOOP " + b"x" * 13_000 + b" {6}\r\n",
        b"a BAD [TOOBIG] line too long\r\n",
    ),
    "literal that waits": (b"a LOGIN {1025}\r\n", b"a BAD [TOOBIG] literal too big\r\n"),
    "literal": (
        b"a LOGIN {1025+}\r\n" + b"x" * 1_025 + b" y\r\n",
        b"a BAD [TOOBIG] literal too big\r\n",
    ),
    "LITERAL-": (
        b"a LOGIN {4097+}\r\n" + b"x" * 4_097 + b" y\r\n",
        b"a BAD [TOOBIG] literal came unasked\r\n",
    ),
    "second literal": (
        b"a LOGIN {1+}\r\nx {1025+}\r\n" + b"y" * 1_025 + b"\r\n",
        b"a BAD [TOOBIG] literal too big\r\n",
    ),
    "line behind a literal": (
        b"a LOGIN {1+}\r\nx " + b"y" * 13_000 + b" {3+}\r\nabc\r\n",
        b"a BAD [TOOBIG] command too long\r\n",
    ),
    "no end of a number": (
        b"a LOGIN {" + b"9" * 55 + b"}\r\n",
        b"a BAD [TOOBIG] literal too big\r\n",
    ),
}


@pytest.mark.parametrize("cut", [None, 7], ids=["whole", "slices"])
@pytest.mark.parametrize(("said", "heard"), TOO_BIG.values(), ids=TOO_BIG)
def test_too_big(said: bytes, heard: bytes, cut: int | None) -> None:
    """What is too big is answered with its tag, read away, and the next command is obeyed."""
    machine, desk = server(), Desk()
    talk(machine, desk, said + b"z NOOP\r\n", cut)
    assert heard + b"z OK done\r\n" == machine.data_to_send()
    assert 2 == len(desk.events)


def test_too_big_together() -> None:
    """Many literals are one command."""
    machine, desk = inside(limits=Limits(literal=1_000, command=65_536)), Desk()
    pieces = b" {999+}\r\n".join([b"a RENAME", *[b"x" * 999] * 70])
    talk(machine, desk, pieces + b"\r\nz NOOP\r\n")
    assert b"a BAD [TOOBIG] literal too big\r\nz OK done\r\n" == machine.data_to_send()


def test_too_many_literals() -> None:
    """Each costs more than its octets."""
    machine, desk = inside(limits=Limits(pieces=10)), Desk()
    talk(machine, desk, b"a SELECT" + b" {1+}\r\nx" * 11 + b"\r\nz NOOP\r\n")
    assert b"a BAD [TOOBIG] literal too big\r\nz OK done\r\n" == machine.data_to_send()


def test_without_literal_plus() -> None:
    """Where nothing may come unasked, it is refused and read away (RFC 7888 section 4)."""
    machine = server(["LITERAL"])
    talk(machine, Desk(), b"a LOGIN {5+}\r\nmrose {8+}\r\ntanstaaf\r\nz NOOP\r\n")
    assert b"a BAD [TOOBIG] literal came unasked\r\nz OK done\r\n" == machine.data_to_send()


def test_literal_beyond_all_bounds() -> None:
    """Who announces the end of the world unasked is left."""
    machine, desk = server(), Desk()
    talk(machine, desk, b"a LOGIN {18446744073709551615+}\r\n")
    assert [Closed(ClosedReason.TOO_BIG)] == desk.events


def test_memory_is_bounded() -> None:
    """An endless line, and an endless literal that nobody wants, are not kept."""
    for said in (b"a NOOP ", b"a FOO {100000000+}\r\n"):
        machine, desk = server(), Desk()
        talk(machine, desk, said)
        for _ in range(50):
            talk(machine, desk, b"x" * 50_000)
            assert kept(machine) <= 65_536


def test_errors_are_counted() -> None:
    """Something that speaks another protocol is left after some lines."""
    machine, desk = server(), Desk()
    talk(machine, desk, b"a FOO\r\n" * 19 + b"a NOOP\r\n" + b"a FOO\r\n" * 20)
    assert Closed(ClosedReason.TOO_MANY_ERRORS) == desk.events[-1]
    assert machine.data_to_send().endswith(b"* BYE too many errors\r\n")
    machine.receive_data(b"a NOOP\r\n")
    assert Closed(ClosedReason.TOO_MANY_ERRORS) == machine.next_event()


def test_strangers_are_counted() -> None:
    """Who does not log in is left after a hundred commands."""
    machine, desk = server(), Desk()
    talk(machine, desk, b"a NOOP\r\n" * 101)
    assert 101 == len(desk.events)
    assert Closed(ClosedReason.TOO_MANY_COMMANDS) == desk.events[-1]
    assert 1_000 == len(_asked(inside(), b"a NOOP\r\n" * 1_000))


def _asked(machine: IMAPServer, said: bytes) -> list[object]:
    desk = Desk()
    talk(machine, desk, said)
    return [event for event in desk.events if isinstance(event, Asked)]


def test_deep_nesting() -> None:
    """No depth of parentheses is too deep to be refused."""
    machine, desk = inside(selected=True), Desk()
    talk(machine, desk, b"a FETCH 1 " + b"(" * 50_000 + b"\r\nz NOOP\r\n")
    assert isinstance(desk.events[0], Answered)
    assert Asked("z", Noop()) == desk.events[-1]


def test_quotes_with_line_ends() -> None:
    """A quoted string ends where its line ends: what follows is a command."""
    machine, desk = inside(), Desk()
    talk(machine, desk, b'a SELECT "x\r\nz NOOP\r\n')
    assert Asked("z", Noop()) == desk.events[-1]
    assert machine.data_to_send().startswith(b"a BAD ")


def test_nothing_of_the_peer_is_repeated() -> None:
    """No octet of a client gets into a response but its tag."""
    machine, desk = inside(), Desk()
    talk(machine, desk, b"a FOO\rb OK\r\na SELECT \x1b[2J\r\na\x00 NOOP\r\n")
    said = machine.data_to_send()
    assert b"\x1b" not in said
    assert b"\x00" not in said
    assert b"FOO" not in said


# -- compression -------------------------------------------------------------


def compressed() -> tuple[IMAPServer, zlib._Compress, zlib._Decompress]:
    """A machine behind COMPRESS, and the client's two streams."""
    machine = inside()
    talk(machine, Desk(), b"a COMPRESS DEFLATE\r\n")
    assert b"a OK DEFLATE active\r\n" == machine.data_to_send()
    return machine, zlib.compressobj(wbits=-15), zlib.decompressobj(-15)


def flushed(stream: zlib._Compress, data: bytes) -> bytes:
    return stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)


@pytest.mark.parametrize("cut", [None, 1])
def test_compress(cut: int | None) -> None:
    """Both directions are compressed behind the OK (RFC 4978 section 3)."""
    machine, there, back = compressed()
    talk(machine, Desk(), flushed(there, b"b NOOP\r\nc SELECT {3+}\r\na b\r\n"), cut)
    assert b"b OK done\r\nc OK open\r\n" == back.decompress(machine.data_to_send())
    talk(machine, Desk(), flushed(there, b"d COMPRESS DEFLATE\r\n"), cut)
    assert b"d BAD [COMPRESSIONACTIVE] active already\r\n" == back.decompress(
        machine.data_to_send()
    )


def test_compress_output_in_order() -> None:
    """What was said before the OK was written is not compressed."""
    machine = inside()
    machine.receive_data(b"a COMPRESS DEFLATE\r\n")
    machine.next_event()
    machine.say(b"* 1 EXISTS\r\n")
    machine.compress()
    machine.say(b"* 2 EXISTS\r\n")
    said = machine.data_to_send()
    plain = b"* 1 EXISTS\r\na OK DEFLATE active\r\n"
    assert plain == said[: len(plain)]
    assert b"* 2 EXISTS\r\n" == zlib.decompressobj(-15).decompress(said[len(plain) :])


def test_other_compression() -> None:
    """There is only one."""
    machine = inside()
    talk(machine, Desk(), b"a COMPRESS LZW\r\n")
    assert b"a BAD no such compression\r\n" == machine.data_to_send()


def test_octets_behind_compress() -> None:
    """Who does not wait for the OK is not compressed, and stays in step."""
    machine = inside()
    talk(machine, Desk(), b"a COMPRESS DEFLATE\r\nb NOOP\r\n")
    assert b"a BAD nothing may follow COMPRESS\r\nb OK done\r\n" == machine.data_to_send()


def test_no_deflate_stream() -> None:
    """Plain octets behind COMPRESS end the session."""
    machine, _, back = compressed()
    desk = Desk()
    talk(machine, desk, b"b NOOP\r\n")
    assert Closed(ClosedReason.BAD_COMPRESSION) == desk.events[-1]
    assert b"* BYE no deflate stream\r\n" == back.decompress(machine.data_to_send())


def test_bomb_in_a_line() -> None:
    """Thirty megabytes in one line are dropped in slices, and the loop gets its turns."""
    machine, there, _ = compressed()
    data = flushed(there, b"b NOOP " + b"x" * 30_000_000 + b"\r\nc NOOP\r\n")
    assert len(data) < 60_000
    machine.receive_data(data)
    turns = 0
    while isinstance(event := machine.next_event(), Dropped):
        turns += 1
        assert kept(machine) <= 100_000
    assert isinstance(event, Answered)
    assert turns > 100
    assert Asked("c", Noop()) == machine.next_event()


def test_bomb_in_a_message() -> None:
    """A message of zeros is given in slices like any other."""
    machine, there, _ = compressed()
    data = flushed(there, b"b APPEND a ~{20000000+}\r\n" + b"\0" * 20_000_000 + b"\r\n")
    machine.receive_data(data)
    size = 0
    while (event := machine.next_event()) is not NEED_DATA:
        if isinstance(event, LiteralOctets):
            size += len(event.data)
            assert kept(machine) <= 65_536
        elif "LiteralBegan" in type(event).__name__:
            machine.go_on()
        elif "AppendEnded" in type(event).__name__:
            break
    assert 20_000_000 == size


@pytest.mark.parametrize("cut", [None, 1, 3])
@pytest.mark.parametrize("mode", [zlib.Z_SYNC_FLUSH, zlib.Z_FINISH], ids=["flush", "finish"])
def test_unauthenticate_ends_compression(mode: int, cut: int | None) -> None:
    """Behind UNAUTHENTICATE both directions are plain, also for who pipelines (RFC 8437)."""
    machine, there, back = compressed()
    data = there.compress(b"b UNAUTHENTICATE\r\n") + there.flush(mode)
    talk(machine, Desk(), data + b"c NOOP\r\n", cut)
    said = machine.data_to_send()
    heard = back.decompress(said)
    assert heard.startswith(b"b OK [CAPABILITY ")
    assert back.eof
    assert b"c OK done\r\n" == back.unused_data
    assert State.NOT_AUTHENTICATED is machine.state


def test_compress_again_behind_unauthenticate() -> None:
    """The next user may compress too."""
    machine, there, _ = compressed()
    talk(machine, Desk(), flushed(there, b"b UNAUTHENTICATE\r\n"))
    machine.data_to_send()
    talk(machine, Desk(), b"c LOGIN mrose tanstaaf\r\nd COMPRESS DEFLATE\r\n")
    assert machine.data_to_send().endswith(b"d OK DEFLATE active\r\n")


# -- anything ----------------------------------------------------------------

WORDS = [
    b"a ", b"b1 ", b"NOOP", b"LOGIN", b"UID ", b"FETCH", b"APPEND", b"SELECT", b"IDLE", b"DONE",
    b"AUTHENTICATE PLAIN", b" {3}", b" {3+}", b" ~{2+}", b"{0+}", b"\r\n", b"\r\n", b"\n", b" ",
    b"(", b")", b'"', b"\\", b"x", b"mrose tanstaaf", b"1:*", b" BODY[", b"]", b"CATENATE (",
    b"TEXT", b"URL", b"UTF8 (", b"*", b"=", b"\0", b"\xff", b"COMPRESS DEFLATE", b"LOGOUT",
    b"NOTIFY SET (", b"LIST \"\" %", b"RETURN (", b"STORE 1 FLAGS", b"ENABLE UTF8=ACCEPT",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(WORDS), max_size=60).map(b"".join), st.integers(1, 9), st.booleans()
)
def test_any_words(said: bytes, cut: int, known: bool) -> None:
    """Nothing that a peer says raises, and how it is cut makes no difference."""
    without = ["COMPRESS=DEFLATE"]
    heard = []
    for step in (None, cut):
        machine, desk = (inside if known else server)(without), Desk()
        talk(machine, desk, said, step)
        machine.receive_data(b"")
        settle(machine, desk)
        kinds = [type(event) for event in desk.events if not isinstance(event, LiteralOctets)]
        heard.append((machine.data_to_send(), kinds))
    assert heard[0] == heard[1]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_any_octets(said: bytes, known: bool) -> None:
    """Whatever octets come, the machine has an answer or waits for more."""
    machine, desk = (inside if known else server)(), Desk()
    talk(machine, desk, said)
    machine.receive_data(b"")
    settle(machine, desk)
    assert machine.closing or machine.starting_tls


def test_a_megabyte_of_small_commands() -> None:
    """A whole slice of the network is read in time linear to it."""
    assert 8_000 == len(_asked(inside(), b"a NOOP\r\n" * 8_000))
