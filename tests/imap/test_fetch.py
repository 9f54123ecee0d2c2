"""
FETCH: every item as the RFCs write it, and octets that are exactly those of the message.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pymta.errors import SpoolError
from pymta.imap.commands import fetch
from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import NewMessage
from pymta.mailbox import SEEN, UIDSet, Wanted
from pymta.message.structure_codec import from_bytes
from tests.edge.home import result
from tests.edge.player import Player
from tests.imap.house import ONE, House

VECTORS = os.environ.get("PYMTA_VECTORS")

INNER = b"Subject: in\r\nContent-Type: text/html\r\n\r\n<p>in</p>\r\n"
INNER_TEXT = INNER.index(b"<p>")
PARTS = {
    "1": b"\r\nfirst\r\n",
    "2": b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nQQBC\r\n",
    "3": b"Content-Type: message/rfc822\r\n\r\n" + INNER,
    "4": b"Content-Transfer-Encoding: base64\r\n\r\nQUJ\r\n",
    "5": b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A9=\r\n!",
}
HEADER = (
    b"From: Ann <ann@example.test>\r\nSubject: \xc3\xa9\r\nX-Long: a\r\n b\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
)
TEXT = b"".join(b"--b\r\n" + part + b"\r\n" for part in PARTS.values()) + b"--b--\r\n"
LETTER = HEADER + TEXT
FIELDS = b"From: Ann <ann@example.test>\r\nX-Long: a\r\n b\r\n\r\n"
REST = b"Subject: \xc3\xa9\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
LARGE = b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(bytes(range(256)) * 400)


def ask(player: Player, items: str, command: str = "FETCH 1") -> bytes:
    """What is heard of one message, without what is the same around it."""
    heard = player.say(f"x {command} ({items})\r\n".encode())
    found = re.fullmatch(rb"\* \d+ (?:UID)?FETCH \((.*)\)\r\nx OK Fetched\r\n", heard, re.DOTALL)
    assert found is not None, heard
    return found[1]


def literal(octets: bytes) -> bytes:
    """As a response has it."""
    return b"{%d}\r\n%b" % (len(octets), octets)


@pytest.fixture
def house() -> House:
    """With the letter in it, seen."""
    made = House()
    made.put(LETTER, flags=[SEEN])
    return made


@pytest.fixture
def player(house: House) -> Player:
    """Looking at it; nothing is recent."""
    result(house.mailbox().take_recent())
    return house.selected()


SECTIONS = [
    pytest.param("BODY[]", literal(LETTER), id="all"),
    pytest.param("BODY.PEEK[]", literal(LETTER), id="peek"),
    pytest.param("BODY[HEADER]", literal(HEADER), id="header"),
    pytest.param("BODY[TEXT]", literal(TEXT), id="text"),
    pytest.param("BODY[HEADER.FIELDS (FROM x-long)]", literal(FIELDS), id="fields"),
    pytest.param("BODY[HEADER.FIELDS (Nope)]", literal(b"\r\n"), id="no fields"),
    pytest.param("BODY[HEADER.FIELDS.NOT (From X-Long)]", literal(REST), id="other fields"),
    pytest.param("BODY[1]", literal(b"first\r\n"), id="a part"),
    pytest.param("BODY[1.MIME]", literal(b"\r\n"), id="a part's empty header"),
    pytest.param("BODY[2.MIME]", literal(PARTS["2"][:-6]), id="a part's header"),
    pytest.param("BODY[3]", literal(INNER), id="an enclosed message"),
    pytest.param("BODY[3.HEADER]", literal(INNER[:INNER_TEXT]), id="its header"),
    pytest.param("BODY[3.TEXT]", literal(INNER[INNER_TEXT:]), id="its text"),
    pytest.param("BODY[3.1]", literal(INNER[INNER_TEXT:]), id="its only part"),
    pytest.param("BODY[3.HEADER.FIELDS (subject)]", literal(b"Subject: in\r\n\r\n"), id="a field"),
    pytest.param("BODY[3.1.MIME]", literal(INNER[:INNER_TEXT]), id="the header of its part"),
    pytest.param("BODY[6]", b"NIL", id="no such part"),
    pytest.param("BODY[1.1]", b"NIL", id="nothing is in a leaf"),
    pytest.param("BODY[1.HEADER]", b"NIL", id="a leaf has no header"),
    pytest.param("RFC822", literal(LETTER), id="RFC822"),
    pytest.param("RFC822.HEADER", literal(HEADER), id="RFC822.HEADER"),
    pytest.param("RFC822.TEXT", literal(TEXT), id="RFC822.TEXT"),
    pytest.param("BINARY[]", literal(LETTER), id="the message as it is"),
    pytest.param("BINARY[1]", literal(b"first\r\n"), id="nothing to decode"),
    pytest.param("BINARY[2]", b"~" + literal(b"A\0B"), id="base64 with NUL"),
    pytest.param("BINARY.PEEK[5]", literal(b"\xc3\xa9!"), id="quoted-printable"),
    pytest.param("BINARY[3]", literal(INNER), id="an enclosed message is not encoded"),
    pytest.param("BINARY[9]", b"NIL", id="no such part to decode"),
]


def name_in_response(item: str) -> str:
    """PEEK is not repeated."""
    return item.replace(".PEEK", "")


@pytest.mark.parametrize(("item", "expected"), SECTIONS)
def test_sections(player: Player, item: str, expected: bytes) -> None:
    """Each section is told to the octet, by the name that it was asked by."""
    assert name_in_response(item).encode() + b" " + expected == ask(player, item)


@pytest.mark.parametrize(
    "item", ["BODY[]", "BODY[TEXT]", "BODY[HEADER.FIELDS (From)]", "BINARY[5]"]
)
@pytest.mark.parametrize(
    ("start", "length"), [(0, 1), (0, 10_000), (1, 2), (3, 2**63 - 1), (10_000, 1), (2**63 - 1, 5)]
)
def test_partials(player: Player, item: str, start: int, length: int) -> None:
    """
    A partial is a stretch of all of it, and empty beyond its end (RFC 9051 section 6.4.5).
    """
    whole = ask(player, item).split(b"\r\n", 1)[1]
    expected = b"%b<%d> %b" % (item.encode(), start, literal(whole[start : start + length]))

    assert expected == ask(player, f"{item}<{start}.{length}>")


SIZES = [("[1]", 7), ("[2]", 3), ("[3]", len(INNER)), ("[5]", 3), ("[]", len(LETTER)), ("[7]", 0)]


@pytest.mark.parametrize(("part", "size"), SIZES)
def test_binary_sizes(player: Player, part: str, size: int) -> None:
    """BINARY.SIZE is the size of what BINARY tells (RFC 3516 section 4.3)."""
    assert f"BINARY.SIZE{part} {size}".encode() == ask(player, f"BINARY.SIZE{part}")


@pytest.mark.parametrize("item", ["BINARY[4]", "BINARY.PEEK[4]<0.1>", "BINARY.SIZE[4]"])
def test_what_cannot_be_decoded(player: Player, item: str) -> None:
    """
    A broken encoding is NO [UNKNOWN-CTE], and the connection and all other items live on.
    """
    player.play(
        f"""
        C: x FETCH 1 {item}
        S: x NO [UNKNOWN-CTE] ...
        C: y FETCH 1 ({item} UID BODY.PEEK[4])
        S: * 1 FETCH (UID 1 BODY[4] {{5}}
        S: QUJ
        S: )
        S: y NO [UNKNOWN-CTE] ...
        C: z FETCH 1 BODY.PEEK[2]<0.3>
        S: * 1 FETCH (BODY[2]<0> {{3}}
        S: QQB)
        S: z OK Fetched
        """
    )


def test_columns(house: House, player: Player) -> None:
    """Items that the store knows are told in the order asked for, the UID in front."""
    player.line("e ENABLE CONDSTORE")
    [(_, structure, email)] = result(
        house.mailbox().records(UIDSet([1]), [Wanted.IMAP_STRUCTURE, Wanted.EMAIL_ID])
    )

    items = "RFC822.SIZE FLAGS INTERNALDATE UID MODSEQ SAVEDATE EMAILID THREADID PREVIEW"
    expected = (
        b'UID 1 RFC822.SIZE %d FLAGS (\\Seen) INTERNALDATE "02-Jan-2026 03:04:05 +0000" '
        b'MODSEQ (2) SAVEDATE "02-Jan-2026 03:04:05 +0000" EMAILID (%b) THREADID NIL '
        b'PREVIEW "first" BODYSTRUCTURE %b'
    )

    assert expected % (len(LETTER), email.encode(), structure) == ask(
        player, items + " BODYSTRUCTURE"
    )


def test_envelope(player: Player) -> None:
    """
    Octets beyond ASCII are in a literal, or quoted once the client has enabled UTF-8.
    """
    ann = b'(("Ann" NIL "ann" "example.test"))'
    rest = b" ".join([ann] * 3) + b" NIL" * 5

    assert b"ENVELOPE (NIL {2}\r\n\xc3\xa9 " + rest + b")" == ask(player, "ENVELOPE")
    player.line("e ENABLE IMAP4rev2")
    assert b'UID 1 ENVELOPE (NIL "\xc3\xa9" ' + rest + b")" == ask(player, "ENVELOPE")


def test_structures(player: Player) -> None:
    """BODY is BODYSTRUCTURE without its extension, with UTF-8 and without."""
    leaf = b'("text" "plain" ("charset" "us-ascii") NIL NIL "%b" %d %d%b)'
    inner = b'("text" "html" NIL NIL NIL "7bit" 11 1%b)'
    envelope = b'(NIL "in"' + b" NIL" * 8 + b")"
    for nils, name, end in ((b" NIL" * 4, b"BODYSTRUCTURE", True), (b"", b"BODY", False)):
        expected = b"".join(
            [
                leaf % (b"7bit", 7, 1, nils),
                b'("image" "png" NIL NIL NIL "base64" 6%b)' % nils,
                b'("message" "rfc822" NIL NIL NIL "7bit" %d %b %b 4%b)'
                % (len(INNER), envelope, inner % nils, nils),
                leaf % (b"base64", 5, 1, nils),
                leaf % (b"quoted-printable", 10, 1, nils),
            ]
        )
        more = b' "mixed" ("boundary" "b") NIL NIL NIL' if end else b' "mixed"'
        assert name + b" (" + expected + more + b")" == ask(player, name.decode())


def test_message_global(house: House) -> None:
    """A message/global has no inside for who has not enabled UTF-8."""
    house.put(b"Content-Type: message/global\r\n\r\n" + ONE)
    player = house.selected()
    before = ask(player, "BODYSTRUCTURE", "FETCH 2")
    player.line("e ENABLE UTF8=ACCEPT IMAP4rev2")
    after = ask(player, "BODYSTRUCTURE", "FETCH 2")

    assert b'"global" NIL NIL NIL "7bit" %d NIL' % len(ONE) in before
    assert b'"global" NIL NIL NIL "7bit" %d (NIL "one"' % len(ONE) in after


PREVIEWS = [
    pytest.param(b"\r\nx\r\n", "PREVIEW", b'"x"', id="plain"),
    pytest.param(b"\r\n", "PREVIEW", b'""', id="empty"),
    pytest.param(b"\r\n\xc3\xa9", "PREVIEW", b"{2}\r\n\xc3\xa9", id="UTF-8"),
    pytest.param(b"\r\nx", "PREVIEW (LAZY)", b'"x"', id="lazy, and there all the same"),
]


@pytest.mark.parametrize(("message", "item", "expected"), PREVIEWS)
def test_preview(message: bytes, item: str, expected: bytes) -> None:
    """A preview is a string of UTF-8 (RFC 8970)."""
    house = House()
    house.put(message)

    assert b"PREVIEW " + expected == ask(house.selected(), item)


def test_preview_of_an_earlier_release(house: House) -> None:
    """
    A preview that was not made at append is made when it is asked for, or NIL if it is not to
    cost anything (RFC 8970 section 3.2).
    """
    house.put(ONE)
    box = house.mailbox()._box  # type: ignore[attr-defined]
    for uid, message in box.messages.items():
        box.messages[uid] = replace(message, digest=replace(message.digest, preview=None))
    player = house.selected()

    assert b"PREVIEW NIL" == ask(player, "PREVIEW (LAZY)")
    assert b'UID 2 PREVIEW "first"' == ask(player, "UID PREVIEW", "FETCH 2")


# -- \Seen ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "item", ["BODY[]", "BODY[1]", "BODY[TEXT]<0.1>", "RFC822", "RFC822.TEXT", "BINARY[1]"]
)
def test_seen_is_set_and_told(item: str) -> None:
    """
    Who reads octets has seen the message, and hears so with them (RFC 9051 section 6.4.5).
    """
    house = House()
    house.put(ONE, ONE)
    result(house.mailbox().take_recent())
    player = house.selected()
    label = item.replace("<0.1>", "<0>").encode()

    assert ask(player, item).startswith(b"FLAGS (\\Seen) " + label)
    assert ask(player, item).startswith(label)
    assert b"FLAGS ()" == ask(player, "FLAGS", "FETCH 2")


@pytest.mark.parametrize(
    "item",
    ["BODY.PEEK[]", "BODY.PEEK[1]", "RFC822.HEADER", "BINARY.PEEK[1]", "BINARY.SIZE[1]", "PREVIEW"],
)
def test_seen_is_not_set(item: str) -> None:
    """Who peeks has not."""
    house = House()
    house.put(ONE)
    player = house.selected()
    ask(player, item)

    assert b"FLAGS (\\Recent)" == ask(player, "FLAGS")


def test_seen_is_not_set_where_nothing_may_be_changed(house: House) -> None:
    """EXAMINE opens read-only: the octets are told, and the flags stay."""
    house.put(ONE)
    player = house.logged_in()
    player.line("s EXAMINE INBOX")

    assert b"BODY[] " + literal(ONE) == ask(player, "BODY[]", "FETCH 2")
    assert b"FLAGS (\\Recent)" == ask(player, "FLAGS", "FETCH 2")


def test_seen_is_told_with_its_modseq(house: House) -> None:
    """Once CONDSTORE is enabled, new flags have their modseq with them (RFC 7162 section 3.1)."""
    house.put(ONE)
    result(house.mailbox().take_recent())
    player = house.selected()
    player.line("e ENABLE CONDSTORE")

    assert ask(player, "BODY[]", "FETCH 2").startswith(b"FLAGS (\\Seen) MODSEQ (4) BODY[]")


# -- many, and large ------------------------------------------------------------------


def test_many_messages(house: House) -> None:
    """More messages than are read at once are all told, each by its number."""
    house.put(*(b"Subject: %d\r\n\r\n" % n for n in range(2, 1101)))
    player = house.selected()
    heard = player.say(b"x FETCH 1:* (UID RFC822.SIZE)\r\n").split(b"\r\n")
    sizes = [len(b"Subject: %d\r\n\r\n" % n) for n in range(2, 1101)]

    assert 1102 == len(heard)
    assert [
        b"* %d FETCH (UID %d RFC822.SIZE %d)" % (n, n, size)
        for n, size in enumerate([len(LETTER), *sizes], 1)
    ] == heard[:-2]
    heard = player.say(b"x FETCH 2:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]\r\n").split(b"\r\n")
    assert 4 * 1099 + 2 == len(heard)
    assert [b"Subject: %d" % n for n in range(2, 1101)] == heard[1:-2:4]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("BODY[]", literal(LARGE)),
        ("BODY[TEXT]", literal(LARGE.partition(b"\r\n\r\n")[2])),
        ("BODY[]<70000.65537>", literal(LARGE[70_000:135_537])),
        ("BODY[HEADER.FIELDS (X)]", literal(b"\r\n")),
        ("BODY[2]", b"NIL"),
        ("BINARY[1]", b"~" + literal(bytes(range(256)) * 400)),
        ("BINARY[1]<99999.70000>", b"~" + literal((bytes(range(256)) * 400)[99_999:169_999])),
        ("BINARY[1]<1.9>", literal(bytes(range(1, 10)))),
        ("BINARY[2]", b"NIL"),
        ("BINARY.SIZE[1]", b"102400"),
        ("BINARY.SIZE[]", b"%d" % len(LARGE)),
    ],
)
def test_large(item: str, expected: bytes) -> None:
    """What is larger than one read is told as exactly, slice by slice."""
    house = House()
    house.put(LARGE, flags=[SEEN])
    heard = ask(house.selected(), item)
    value = heard[heard.index(b"] ") + 2 :] if b"] " in heard else heard.partition(b"> ")[2]

    assert expected == value


def test_octets_that_cannot_be_read() -> None:
    """
    A client that was told how much comes and does not get it is cut off: it must not take a part
    for the whole.
    """
    house = House()
    house.put(LARGE)
    box = house.mailbox()._box  # type: ignore[attr-defined]
    content = box.messages[1].content

    class Failing(Octets):
        async def read(self, start: int, stop: int) -> bytes:
            raise SpoolError("disk")

    object.__setattr__(box.messages[1], "content", Failing(content.octets))
    player = house.selected()
    player.say(b"x FETCH 1 BODY.PEEK[]\r\n")

    assert player.closed


# -- UIDONLY ---------------------------------------------------------------------------


def test_uid_fetch_says_the_uid(player: Player) -> None:
    """UID FETCH tells the UID, asked for or not (RFC 3501 section 6.4.8)."""
    assert b"UID 1 FLAGS (\\Seen)" == ask(player, "FLAGS", "UID FETCH 1")
    assert b"UID 1 FLAGS (\\Seen)" == ask(player, "UID FLAGS", "UID FETCH 1")


# -- the vectors -------------------------------------------------------------------------


def vectors() -> Iterator[tuple[str, bytes]]:
    """Name and octets of each message."""
    mime = Path(VECTORS or "", "mime")
    found = [*mime.rglob("*.eml"), *mime.rglob("*.msg"), *mime.glob("python/msg_*")]
    for path in sorted([*found, *mime.glob("mailparser-malformed/*")]):
        yield path.name, path.read_bytes()


@pytest.mark.skipif(VECTORS is None, reason="PYMTA_VECTORS is not set")
def test_vectors() -> None:
    """
    Every section of each message is told as the map says, and BINARY agrees with BINARY.SIZE.
    """
    for name, octets in vectors():
        house = House()
        result(
            house.mailbox().append([NewMessage(content=Octets(octets), flags=frozenset({SEEN}))])
        )
        player = house.selected()
        [(_, map_)] = result(house.mailbox().records(UIDSet([1]), [Wanted.STRUCTURE]))
        structure = from_bytes(map_)
        names = ["", "HEADER", "TEXT"]
        for numbers, part in structure.walk():
            number = ".".join(map(str, numbers))
            names += [number, number + ".MIME"]
            if part.message is not None:
                names += [number + ".HEADER", number + ".TEXT"]
        items = " ".join(f"BODY.PEEK[{each}]" for each in names)
        expected = []
        for each in names:
            span = structure.section(each)
            assert span is not None
            expected.append(b"BODY[%b] %b" % (each.encode(), literal(octets[slice(*span)])))
        assert b" ".join(expected) == ask(player, items), name
        check_binary(player, [n for n, _ in structure.walk()])
        player.hang_up()


def check_binary(player: Player, numbers: list[tuple[int, ...]]) -> None:
    """Both are told, or both are not."""
    for each in numbers:
        name = ".".join(map(str, each))
        size = player.say(f"x FETCH 1 BINARY.SIZE[{name}]\r\n".encode())
        binary = player.say(f"x FETCH 1 BINARY[{name}]\r\n".encode())
        assert (b"[UNKNOWN-CTE]" in size) is (b"x NO [UNKNOWN-CTE]" in binary)
        found = re.match(rb"\* 1 FETCH \(BINARY\.SIZE\[[0-9.]+\] (\d+)\)", size)
        assert found is not None or b"[UNKNOWN-CTE]" in size
        if found is not None:
            assert b"{%b}\r\n" % found[1] in binary[:100]


# -- what is announced --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["BINARY", "PREVIEW"])
def test_announced(name: str) -> None:
    """Both are in the list, before a login and behind it."""
    house = House()
    for player in (house.player(), house.logged_in()):
        assert f" {name} " in player.line("c CAPABILITY").replace("\r\n", " ")


def test_binary_message_is_appended_and_fetched() -> None:
    """NUL comes in by literal8, and goes out as it came (RFC 3516 section 4.4)."""
    player = House().selected()
    octets = b"Content-Transfer-Encoding: binary\r\n\r\na\0b"
    heard = player.say(b"a APPEND INBOX (\\Seen) ~{%d+}\r\n%b\r\n" % (len(octets), octets))

    assert b"a OK [APPENDUID" in heard
    assert b"BINARY[1] ~{3}\r\na\0b" == ask(player, "BINARY[1]")
    assert b"BODY[1] {3}\r\na\0b" == ask(player, "BODY[1]")


def test_uidonly(house: House) -> None:
    """With UIDONLY the UID stands in front, and in the list only where nothing else would be."""
    player = house.selected()
    player.play(
        """
        C: e ENABLE UIDONLY
        S: * ENABLED UIDONLY
        S: e OK Enabled
        C: x UID FETCH 1 (UID RFC822.SIZE BODY.PEEK[1])
        S: * 1 UIDFETCH (RFC822.SIZE 404 BODY[1] {7}
        S: first
        S: )
        S: x OK Fetched
        C: y UID FETCH 1 UID
        S: * 1 UIDFETCH (UID 1)
        S: y OK Fetched
        C: z UID FETCH 1 BINARY[4]
        S: z NO [UNKNOWN-CTE] ...
        """
    )


@pytest.mark.parametrize("items", ["FLAGS", "ENVELOPE", "BODY.PEEK[]", "BODY"])
def test_nothing_changed_since(player: Player, items: str) -> None:
    """Where nothing has changed, nothing is told but the end (RFC 7162 section 3.1.4.1)."""
    player.line("e ENABLE CONDSTORE")

    assert "x OK Fetched\r\n" == player.line(f"x FETCH 1 {items} (CHANGEDSINCE 99)")


@pytest.mark.parametrize("octets", [1, 3000, 100_000])
def test_s18_large_structures(house: House, octets: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Messages of nothing but parts are read and told a few at a time, and all of them.
    """
    flood = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 20
    house.put(*[flood] * 35)
    monkeypatch.setattr(fetch, "FIRST", 3)
    for name in ("_AT_ONCE", "_COPIED", "_MADE"):
        monkeypatch.setattr(fetch, name, octets)
    player = house.selected()
    for items in ("BODYSTRUCTURE", "BODY", "BODY.PEEK[19.MIME]", "(FLAGS ENVELOPE)"):
        heard = player.say(f"x FETCH 2:* {items}\r\n".encode())
        numbers = re.findall(rb"^\* (\d+) FETCH ", heard, re.MULTILINE)
        assert [b"%d" % n for n in range(2, 37)] == numbers
        assert heard.endswith(b"x OK Fetched\r\n")
