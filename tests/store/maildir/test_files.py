"""
What is written to folders, read again: names of files and folders, UID lists, keywords and
subscriptions.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.mailbox import INBOX, MailboxName
from pymta.store._flags import Flags, part
from pymta.store._names import checked
from pymta.store.maildir import filenames, keywords, subscriptions, uidlist
from pymta.store.maildir.filenames import Lettering, flags_of, named, sized, sizes_of, unique
from pymta.store.maildir.folders import folder_of, is_folder, name_of, stands_for
from pymta.store.maildir.reading import lined
from pymta.store.maildir.store import folder_name
from pymta.store.maildir.uidlist import Entry, UIDList

SEEN = part(["\\Seen"]).bits
DRAFT = part(["\\Draft"]).bits
GUID = "0123456789abcdef" * 2
KNOWN = {"a": "foo", "b": "$Forwarded"}


def names(bits: int, *keywords: str) -> Flags:
    """Flags."""
    return Flags(bits, tuple(sorted(keywords)))


# -- names of files --------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        pytest.param("1.x.h:2,S", names(SEEN), id="seen"),
        pytest.param("1.x.h:2,", names(0), id="none"),
        pytest.param("1.x.h", names(0), id="no info"),
        pytest.param("1.x.h:1,S", names(0), id="experimental info"),
        pytest.param("1.x.h:2,DSa", names(SEEN | DRAFT, "foo"), id="keyword"),
        pytest.param("1.x.h:2,Sz", names(SEEN), id="letter that nobody knows"),
        pytest.param("1.x.h:2,P", names(0, "$Forwarded"), id="passed"),
        pytest.param("1.x.h:2,S,more", names(SEEN), id="something behind"),
        pytest.param("1.x.h:2,é", names(0), id="not ASCII"),
    ],
)
def test_flags_of(name: str, flags: Flags) -> None:
    """Letters are flags, capitals those of IMAP, small ones keywords."""
    assert flags == flags_of(name, KNOWN)


@pytest.mark.parametrize(
    ("before", "flags", "after"),
    [
        pytest.param("x,S=1", names(SEEN), "x,S=1:2,S", id="out of new"),
        pytest.param("x:2,S", names(0), "x:2,", id="removed"),
        pytest.param("x:2,Sa", names(DRAFT, "foo"), "x:2,Da", id="sorted"),
        pytest.param("x:2,SYz", names(DRAFT), "x:2,DYz", id="what nobody knows stays"),
        pytest.param("x:2,P", names(SEEN), "x:2,S", id="no longer forwarded"),
        pytest.param("x:2,P", names(SEEN, "$Forwarded"), "x:2,PSb", id="still forwarded"),
        pytest.param("x:2,", names(0, "other"), "x:2,", id="without a letter"),
    ],
)
def test_lettering(before: str, flags: Flags, after: str) -> None:
    """A change of flags changes letters that are theirs."""
    lettering = Lettering({word: letter for letter, word in KNOWN.items()})
    assert [after] * 2 == [lettering.name(before, flags) for _ in range(2)]


def test_names_say_what_they_say() -> None:
    """Sizes, marks and the key of a delivery come back from a name."""
    stem = unique(1_700_000_000_000_005, 12, 3, host="h", mark=f"R{'ab' * 16}B")
    name = sized(stem, 10, 12)
    assert f"1700000000.M5P12Q3R{'ab' * 16}B.h,S=10,W=12" == name
    sizes = sizes_of(name)
    assert (10, 12) == (sizes.octets, sizes.lined)
    assert filenames.is_as_is(name)
    assert "ab" * 16 == filenames.delivery_of(name)
    plain = unique(1_700_000_000_000_005, 12, 4, host="h", mark="")
    assert not filenames.is_as_is(plain)
    assert filenames.delivery_of(plain) is None
    for foreign in ("1.M1P2.h,S=x,W=3", "B", "1.M1P1Q1.B", ",W=99999999999999999"):
        assert not filenames.is_as_is(foreign)
        assert sizes_of(foreign).octets is None


@given(st.text("ADFPRSTabz", max_size=8))
def test_letters_are_sorted_once(letters: str) -> None:
    """Each letter is there once, in the order of ASCII, as the specification has it."""
    found = filenames.letters_of(named("x", letters))
    assert sorted(set(letters)) == list(found)


# -- UID lists -------------------------------------------------------------------


def made(
    validity: int, uid_next: int, *, guid: str = "", sound: bool = True, **entries: int
) -> UIDList:
    """A list with these entries."""
    found = {base: Entry(uid) for base, uid in entries.items()}
    return UIDList(
        validity=validity,
        uid_next=uid_next,
        guid=guid,
        sound=sound,
        count=len(found),
        entries=found,
    )


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(
            b"3 V9 N3 G" + GUID.encode() + b"\n1 :x\n2 :y\n",
            made(9, 3, guid=GUID, x=1, y=2),
            id="whole",
        ),
        pytest.param(b"3 V9 N7\n1 :x:2,S\n", made(9, 7, x=1), id="flags of old"),
        pytest.param(b"3 V9 N1\n5 :x\n", made(9, 6, x=5), id="appended"),
        pytest.param(b"1 9 3\n1 x\n2 y\n", made(9, 3, x=1, y=2), id="version 1"),
        pytest.param(b"3 V9 N3\n", made(9, 3), id="empty"),
        pytest.param(b"3 V9 N3 G../../x\n", made(9, 3), id="an id that leads out (S14)"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"2 V9 N3\n", None, id="another version"),
        pytest.param(b"3 N3\n", None, id="no UIDVALIDITY"),
        pytest.param(b"3 V0 N3\n", None, id="UIDVALIDITY 0"),
        pytest.param(b"3 V9 N4294967296\n", None, id="too large"),
        pytest.param("3 V٣ N3\n".encode(), None, id="digits of others"),
    ],
)
def test_parse_list(octets: bytes, expected: UIDList | None) -> None:
    """What other programs write is read."""
    assert expected == uidlist.parse(octets)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"3 V9 N3\n2 :x\n1 :y\n", id="out of order"),
        pytest.param(b"3 V9 N3\n2 :x\n2 :y\n", id="twice"),
        pytest.param(b"3 V9 N3\n2 :x\nzz\n", id="no line"),
        pytest.param(b"3 V9 N3\n2 :x\n3 :y", id="cut off"),
        pytest.param(b"3 V9 N3\n2 :x\n5 :", id="no name"),
    ],
)
def test_parse_broken_list(octets: bytes) -> None:
    """What is none of a list is passed over, and the list is to be written anew."""
    found = uidlist.parse(octets)
    assert found is not None
    assert not found.sound
    assert Entry(2) == found.entries["x"]


def test_list_says_what_else() -> None:
    """Letters that we do not know stay with their line; the id of a copy is told."""
    found = uidlist.parse(b"3 V9 N3\n1 Gfirst P5 Zx :y\n")
    assert found is not None
    entry = found.entries["y"]
    assert (("Gfirst", "P5", "Zx"), "first") == (entry.extras, entry.guid)


entries = st.dictionaries(
    st.from_regex(r"[0-9]{1,3}\.[A-Za-z]{1,4}", fullmatch=True),
    st.none() | st.just("g"),
    max_size=9,
)


@given(entries)
def test_list_comes_back(found: dict[str, str | None]) -> None:
    """What was written is read."""
    rows = [(n, guid, base) for n, (base, guid) in enumerate(found.items(), 3)]
    octets = uidlist.whole(9, 99, guid=GUID, entries=rows)
    parsed = uidlist.parse(octets)
    assert parsed is not None
    assert {base: uid for uid, _, base in rows} == {b: e.uid for b, e in parsed.entries.items()}
    assert [guid for _, guid, _ in rows] == [entry.guid for entry in parsed.entries.values()]
    assert (9, 99, GUID, True) == (parsed.validity, parsed.uid_next, parsed.guid, parsed.sound)


@settings(max_examples=50)
@given(st.binary(max_size=60))
def test_any_octets(octets: bytes) -> None:
    """Whatever is in a file, reading it ends well."""
    uidlist.parse(octets)
    uidlist.parse(b"3 V9 N3\n" + octets)
    keywords.parse(octets)
    subscriptions.parse(octets)
    subscriptions.parse(b"V\t2\n\n" + octets)


# -- keywords --------------------------------------------------------------------


def test_keywords() -> None:
    """Letters are numbers in the file; what is no keyword is passed over."""
    found = keywords.parse(b"0 $Forwarded\n25 z\n26 too many\n1 two words\n\n7\nx y\n2 ok\n")
    assert {"a": "$Forwarded", "z": "z", "c": "ok"} == found
    assert b"0 $Forwarded\n2 ok\n25 z\n" == keywords.written(found)


def test_letters_run_out() -> None:
    """26 keywords have one."""
    found = keywords.with_letters({"b": "there"}, [f"k{n}" for n in range(30)])
    assert 26 == len(found)
    assert ("k0", "there", "k1") == (found["a"], found["b"], found["c"])


# -- folders ---------------------------------------------------------------------

LONG = "x" * 250


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("INBOX", ""),
        ("INBOX/a", ".INBOX.a"),
        ("a/b", ".a.b"),
        ("a.b", ".a\\2eb"),
        ("..", ".\\2e\\2e"),
        ("a\\b", ".a\\5cb"),
        ("a\\2eb", ".a\\5c2eb"),
        ("Entwürfe", ".Entw&APw-rfe"),
        ("a&b", ".a&-b"),
        ("é.è", ".&AOk-\\2e&AOg-"),
    ],
)
def test_folders(name: str, folder: str) -> None:
    """A name has one folder, and the folder that name."""
    assert folder == folder_of(MailboxName(name))
    if folder:
        assert name == name_of(folder)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        pytest.param(".a\\zzb", "a\\zzb", id="no escape"),
        pytest.param(".a&b", "a&b", id="no UTF-7"),
        pytest.param(".caf\u00e9", "caf\u00e9", id="UTF-8"),
        pytest.param(".a\\2fb", None, id="a slash would be another name"),
        pytest.param(".a..b", None, id="empty level"),
        pytest.param(".INBOX", None, id="the inbox is the root"),
        pytest.param(".inbox", None, id="in any case"),
        pytest.param("." + "/".join("a" * 40), None, id="many levels"),
    ],
)
def test_foreign_folders(folder: str, name: str | None) -> None:
    """What others made has the name it looks like, or none."""
    assert name == name_of(folder)


def test_long_names() -> None:
    """A name that no folder can have has one of its own."""
    name = checked("/".join([LONG] * 3))
    folder = folder_of(name)
    assert stands_for(folder, name)
    assert not stands_for(folder, LONG)
    assert len(folder) < 64


@pytest.mark.parametrize("entry", [".", "..", "cur", "pymta", ""])
def test_no_folder(entry: str) -> None:
    """Only what begins with a dot is one."""
    assert not is_folder(entry)


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3))
def test_folders_come_back(levels: list[str]) -> None:
    """Each name of a mailbox is found again, and none leads out of the root."""
    try:
        name = checked("/".join(levels))
    except ValueError:
        return
    folder = folder_of(name)
    if name == INBOX or stands_for(folder, name):
        return
    assert "/" not in folder
    assert folder.isascii()
    assert name == name_of(folder)


@pytest.mark.parametrize(
    ("account", "folder"),
    [
        ("anna@example.test", "anna@example.test"),
        ("../../etc", "%2e.%2f..%2fetc"),
        (".hidden", "%2ehidden"),
        ("a b", "a%20b"),
        ("ü", "%c3%bc"),
    ],
)
def test_s14_folders_of_accounts(account: str, folder: str) -> None:
    """No account's name leads anywhere else (S14)."""
    assert folder == folder_name(account)


def test_folders_of_strange_accounts() -> None:
    """Neither does an empty or an endless one, and no two are the same."""
    found = [folder_name(account) for account in ("", "x" * 300, "x" * 301)]
    assert 3 == len(set(found))
    assert all(0 < len(each) < 100 and "/" not in each for each in found)


# -- subscriptions ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"V\t2\n\nFoo\tBar\ncaf&AOk-\nINBOX\n", {"Foo/Bar", "caf\u00e9", "INBOX"}),
        (b"Foo.Bar\nINBOX\n\n.x\n", {"Foo/Bar", "INBOX"}),
        (b"", set()),
        (b"V\t2\n\na\t\tb\n&\n", {"&"}),
    ],
    ids=["version 2", "dots", "nothing", "what is none"],
)
def test_subscriptions(octets: bytes, expected: set[str]) -> None:
    """Both versions are read."""
    assert expected == subscriptions.parse(octets)


def test_subscriptions_come_back() -> None:
    """What was written is read, a dot in a level too."""
    names = {MailboxName(each) for each in ("a.b/c", "é", "INBOX", "x")}
    assert names == subscriptions.parse(subscriptions.written(names))


# -- lines -----------------------------------------------------------------------


@given(st.text("\r\nx", max_size=12), st.integers(0, 12))
def test_lines(text: str, cut: int) -> None:
    """Each LF has its CR, wherever a slice ends, and what had it is as it was."""
    octets = text.encode()
    whole = lined(octets, b"")
    parts = octets[:cut], octets[cut:]
    assert whole == lined(parts[0], b"") + lined(parts[1], parts[0][-1:])
    assert whole == lined(whole, b"")
    assert octets.replace(b"\r", b"") == whole.replace(b"\r", b"")
