"""
What other programs, backups and administrators do to a Maildir.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.epollreactor import EPollReactor

from pymta.aio import gather
from pymta.errors import MessageGone, NoSuchMailbox, SpoolError
from pymta.interfaces.content import Octets, octets_of
from pymta.interfaces.mailbox import IMailbox, NewMessage
from pymta.mailbox import ANSWERED, FLAGGED, INBOX, SEEN, UID, MailboxName, ModSeq, UIDSet, Wanted
from pymta.message.structure_codec import from_bytes
from pymta.store.maildir.account import MAX_OPEN
from pymta.store.maildir.disk import Disk
from pymta.store.maildir.mailboxes import MaildirMailboxes
from pymta.store.maildir.store import MaildirMailStore
from pymta.testing.contracts.mailbox_case import flag, flags_of, message, subjects
from tests.store.conftest import Run
from tests.store.maildir.maildir_house import MaildirHouse, quick_folder

UNIX = b"Subject: unix\n\nline\nlast\n"
DOS = UNIX.replace(b"\n", b"\r\n")
LINES = b"Subject: large\n\n" + b"0123456789\n" * 30_000


class Place:
    """An account, and its folder."""

    def __init__(self, house: MaildirHouse, run: Run) -> None:
        self.house = house
        self.run = run
        self.folder = house.directory / "ann"

    @property
    def store(self) -> MaildirMailboxes:
        """The account."""
        return self.house.store.mailboxes("ann")

    async def inbox(self) -> IMailbox:
        """Opened."""
        return await self.store.open(INBOX)

    def deliver(
        self, name: str, octets: bytes = UNIX, *, folder: str = "", to: str = "new"
    ) -> Path:
        """As an MDA does."""
        path = self.folder / folder / to / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.folder / folder / "cur").mkdir(exist_ok=True)
        path.write_bytes(octets)
        return path

    def only(self, place: str = "cur", folder: str = "") -> Path:
        """The one file there."""
        [found] = (self.folder / folder / place).iterdir()
        return found


@pytest.fixture
def place(reactor: EPollReactor, run: Run) -> Iterator[Place]:
    """An empty one."""
    with quick_folder() as directory:
        made = MaildirHouse(reactor, directory)
        yield Place(made, run)
        run(made.close)


def doing(test: Callable[[Place], Coroutine[Any, Any, None]]) -> Callable[[Place], None]:
    """A test that is a coroutine."""

    def run(place: Place) -> None:
        place.run(lambda: test(place))

    run.__doc__ = test.__doc__
    return run


# -- messages that come ------------------------------------------------------------


@doing
async def test_delivered(place: Place) -> None:
    """
    What an MDA put there has arrived, in the order of names, with the date of its file, and lines
    that end as IMAP wants them.
    """
    place.deliver("20.b.h")
    os.utime(place.deliver("3.a.h"), (1_000_000_000, 1_000_000_000))
    inbox = await place.inbox()
    assert UIDSet([1, 2]) == (await inbox.snapshot()).uids
    wanted = [Wanted.INTERNAL_DATE, Wanted.SIZE, Wanted.ENVELOPE, Wanted.CONTENT]
    [(_, date, size, envelope, octets), _] = await inbox.records(UIDSet([1, 2]), wanted)
    assert (1_000_000_000, len(DOS), DOS) == (date.timestamp(), size, octets)
    found = from_bytes(envelope).root.envelope
    assert found is not None
    assert b"unix" == found.subject
    info = await inbox.info()
    assert (2, 2, 2 * len(DOS), 1) == (info.messages, info.unseen, info.size, 1)
    assert 1 == await inbox.take_recent()
    assert [] == [*(place.folder / "new").iterdir()]
    assert DOS == await octets_of(await inbox.content(UID(2)))


@doing
async def test_many_at_once(place: Place) -> None:
    """Thousands come in several changes, which who asks does not notice; the oldest come first."""
    rules = place.house.store._account("ann").resources.rules
    object.__setattr__(rules, "at_once", 3)
    for n in range(20, 10, -1):
        place.deliver(f"{n}.x.h", b"Subject: %d\n\n" % n)
    (place.folder / "dovecot-uidlist").write_text("3 V9 N7\n4 :20.x.h\n6 :11.x.h\n")
    inbox = await place.inbox()
    snapshot = await inbox.snapshot()
    assert (UIDSet([4, 6, *range(7, 15)]), 4) == (snapshot.uids, snapshot.recent)
    assert ["20", "11", *map(str, range(12, 20))] == await subjects(inbox)
    for n in range(21, 30):
        place.deliver(f"{n}.x.h", b"Subject: %d\n\n" % n)
    # A change waits for nobody: what it did not see yet comes behind it.
    [uid] = (await inbox.append([message("30")])).uids
    assert 18 == uid
    assert 25 == (await inbox.snapshot()).uid_next


@doing
async def test_large_and_of_unix(place: Place) -> None:
    """A large message is read from any place, in slices, as if its lines ended with CRLF."""
    place.deliver("1.a.h", LINES)
    inbox = await place.inbox()
    content = await inbox.content(UID(1))
    whole = LINES.replace(b"\n", b"\r\n")
    assert len(whole) == content.size
    assert whole == await octets_of(content)
    for start in (300_000, 5, 65_535, 131_073, len(whole) - 3, len(whole)):
        assert whole[start : start + 100] == await content.read(start, start + 100)
    path = place.only("new")
    path.rename(place.folder / "cur" / "1.a.h:2,S")
    assert whole[70_000:70_010] == await content.read(70_000, 70_010)
    os.unlink(place.only())
    with pytest.raises(MessageGone):
        await content.read(0, 10)


@doing
async def test_what_names_say(place: Place) -> None:
    """
    A wrong size in a name is found out; a bare LF that was appended here stays one, without our
    index too.
    """
    place.deliver(f"1.a.h,S={len(UNIX)},W={len(UNIX) + 1}")
    inbox = await place.inbox()
    assert DOS == await octets_of(await inbox.content(UID(1)))
    assert [(1, len(DOS))] == list(await inbox.sizes())
    await inbox.append([NewMessage(content=Octets(UNIX), delivery_id="d")])
    assert UIDSet() == await inbox.unended() - UIDSet([2])
    await place.house.reopen()
    for path in (place.folder / "pymta").glob("index.db*"):
        path.unlink()
    inbox = await place.inbox()
    assert UNIX == await octets_of(await inbox.content(UID(2)))
    # Who delivered it before is told so.
    again = await inbox.append([NewMessage(content=Octets(UNIX), delivery_id="d")])
    assert (2,) == again.uids


@doing
async def test_s14_no_messages(place: Place) -> None:
    """Links, folders, hidden files and names that are no text are none, and lead nowhere (S14)."""
    inbox = await place.inbox()
    (place.folder / "secret").write_bytes(b"secret")
    place.deliver(".hidden")
    (place.folder / "new" / "1.link.h").symlink_to(place.folder / "secret")
    (place.folder / "cur" / "1.folder.h").mkdir()
    place.deliver(os.fsdecode(b"1.\xff.h"))
    place.deliver("1.a\n2 :b.h")
    (place.folder / ".Link").symlink_to(place.folder / "cur")
    assert not (await inbox.snapshot()).uids
    assert [INBOX] == [info.name for info in await place.store.mailboxes()]


@doing
async def test_s14_a_link_in_place_of_a_message(place: Place) -> None:
    """Who puts a link where a message was is not followed (S14)."""
    inbox = await place.inbox()
    await inbox.append([message("a", SEEN)])
    path = place.only()
    os.unlink(path)
    (place.folder / "secret").write_bytes(b"secret")
    path.symlink_to(place.folder / "secret")
    with pytest.raises(SpoolError):
        await inbox.content(UID(1))
    await inbox.snapshot()


# -- messages that change ----------------------------------------------------------


@doing
async def test_renamed(place: Place) -> None:
    """Letters in names are flags, and who asks is told of them."""
    inbox = await place.inbox()
    since = (await inbox.append([message("a"), message("b", SEEN)])).modseq
    path = place.only("new")
    path.rename(place.folder / "cur" / f"{path.name}:2,FS")
    changes = await inbox.changes(since)
    assert (UIDSet(), UIDSet()) == (changes.arrived, changes.vanished)
    assert [1] == [uid for uid, _ in changes.changed]
    assert {FLAGGED, SEEN} == await flags_of(inbox, 1)
    assert 0 == (await inbox.info()).unseen


@doing
async def test_moved_to_cur(place: Place) -> None:
    """Out of ``new`` without flags is no change."""
    inbox = await place.inbox()
    since = (await inbox.append([message("a")])).modseq
    path = place.only("new")
    path.rename(place.folder / "cur" / f"{path.name}:2,")
    changes = await inbox.changes(since)
    assert ((), since) == (changes.changed, changes.until)
    await inbox.change_flags(UIDSet([1]), flag("+", SEEN))
    assert place.only().name.endswith(":2,S")


@doing
async def test_removed(place: Place) -> None:
    """A file that is gone is told as vanished; its octets are gone with it."""
    inbox = await place.inbox()
    since = (await inbox.append([message("a"), message("b")])).modseq
    first, _ = sorted((place.folder / "new").iterdir())
    os.unlink(first)
    [uid] = (await inbox.changes(since)).vanished
    with pytest.raises(MessageGone):
        await inbox.content(uid)
    assert 1 == (await inbox.info()).messages


@doing
async def test_put_back(place: Place) -> None:
    """What was told as gone and is there again has another UID, which other programs read too."""
    inbox = await place.inbox()
    since = (await inbox.append([message("a"), message("b")])).modseq
    first, _ = sorted((place.folder / "new").iterdir())
    octets = first.read_bytes()
    os.unlink(first)
    assert 1 == len((await inbox.changes(since)).vanished)
    first.write_bytes(octets)
    assert UIDSet([3]) == (await inbox.changes(since)).arrived
    listed = (place.folder / "dovecot-uidlist").read_text()
    assert f"3 :{first.name}" in listed
    assert 3 == len(listed.splitlines())


@doing
async def test_two_files_of_one_message(place: Place) -> None:
    """A second name of a message is none, as long as the first one is there."""
    inbox = await place.inbox()
    await inbox.append([message("a", SEEN)])
    path = place.only()
    os.link(path, path.with_name(path.name.replace(":2,S", ":2,FS")))
    assert UIDSet([1]) == (await inbox.snapshot()).uids
    os.unlink(path)
    assert UIDSet([1]) == (await inbox.snapshot()).uids
    assert {SEEN, FLAGGED} == await flags_of(inbox, 1)


@doing
async def test_changed_meanwhile(place: Place) -> None:
    """A file that is renamed between our look and our change gets the flags of both."""
    inbox = await place.inbox()
    await inbox.append([message("a", SEEN)])
    await inbox.snapshot()
    path = place.only()
    renamed = path.with_name(path.name.replace(":2,S", ":2,RS"))

    class Slow(Disk):
        """Somebody is quicker."""

        def rename(self, source: str, target: str) -> None:
            if path.exists():
                path.rename(renamed)
            super().rename(source, target)

    account = place.house.store._account("ann")
    object.__setattr__(account.resources.rules, "disk", Slow())
    await inbox.change_flags(UIDSet([1]), flag("=", FLAGGED))
    since = (await inbox.snapshot()).modseq
    assert {ANSWERED, FLAGGED} == await flags_of(inbox, 1)
    assert place.only().name.endswith(":2,FR")
    assert since == (await inbox.snapshot()).modseq


# -- keywords ------------------------------------------------------------------------


@doing
async def test_keywords_of_others(place: Place) -> None:
    """Letters have names in a file; one that comes later is read when its letter does."""
    place.deliver("1.a.h:2,Sb", to="cur")
    (place.folder / "dovecot-keywords").write_text("1 Their\n")
    inbox = await place.inbox()
    assert {SEEN, "Their"} == await flags_of(inbox, 1)
    await inbox.change_flags(UIDSet([1]), flag("+", "ours", "THEIR"))
    assert {SEEN, "Their", "ours"} == await flags_of(inbox, 1)
    assert "0 ours\n1 Their\n" == (place.folder / "dovecot-keywords").read_text()
    assert "1.a.h:2,Sab" == place.only().name


@doing
async def test_letters_before_their_meaning(place: Place) -> None:
    """A letter is in names of files first, and then in the file that says what it means."""
    place.deliver("1.a.h:2,Sb", to="cur")
    place.deliver("2.a.h:2,S", to="cur")
    inbox = await place.inbox()
    since = (await inbox.snapshot()).modseq
    assert {SEEN} == await flags_of(inbox, 1)
    (place.folder / "dovecot-keywords").write_text("1 Their\n")
    assert [1] == [uid for uid, _ in (await inbox.changes(since)).changed]
    assert {SEEN, "Their"} == await flags_of(inbox, 1)
    assert frozenset({"Their"}) == await inbox.keywords()


@doing
async def test_more_keywords_than_letters(place: Place) -> None:
    """26 of them are seen by other programs, the others by us; what others change stays apart."""
    inbox = await place.inbox()
    words = {f"k{n:02}" for n in range(30)}
    await inbox.append([message("a", *words)])
    assert words == await flags_of(inbox, 1)
    assert place.only().name.endswith(":2,abcdefghijklmnopqrstuvwxyz")
    place.only().rename(place.folder / "cur" / f"{place.only().name.partition(':')[0]}:2,Sa")
    await inbox.snapshot()
    assert {SEEN, "k00", "k26", "k27", "k28", "k29"} == await flags_of(inbox, 1)


# -- lists ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(None, id="gone"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\0\0nonsense", id="nonsense"),
    ],
)
def test_no_list(place: Place, octets: bytes | None) -> None:
    """A list that is gone or broken is written anew: UIDs are those that we gave."""

    async def test() -> None:
        inbox = await place.inbox()
        await inbox.append([message("a"), message("b")])
        await inbox.remove(UIDSet([1]))
        before = await inbox.snapshot()
        path = place.folder / "dovecot-uidlist"
        first, *_ = path.read_text().splitlines()
        if octets is None:
            path.unlink()
        else:
            path.write_bytes(octets)
        assert before == await inbox.snapshot()
        head, line = path.read_text().splitlines()
        assert first.split()[:2] == head.split()[:2]
        assert head.split()[2] == "N3"
        assert line == f"2 :{place.only('new').name}"

    place.run(test)


@doing
async def test_another_uid_validity(place: Place) -> None:
    """If another program begins anew, so do we: all UIDs are those that it gave."""
    inbox = await place.inbox()
    await inbox.append([message("a"), message("b")])
    before = await inbox.snapshot()
    names = sorted(path.name for path in (place.folder / "new").iterdir())
    text = f"3 V{before.uid_validity + 5} N10\n7 :{names[0]}\n9 :{names[1]}\n"
    (place.folder / "dovecot-uidlist").write_text(text)
    after = await inbox.snapshot()
    assert (before.uid_validity + 5, UIDSet([7, 9]), 10) == (
        after.uid_validity,
        after.uids,
        after.uid_next,
    )
    assert after.modseq > before.modseq
    assert ["a", "b"] == await subjects(inbox)


@doing
async def test_other_uids(place: Place) -> None:
    """If another program gave a message another UID, it has that one."""
    inbox = await place.inbox()
    since = (await inbox.append([message("a"), message("b")])).modseq
    path = place.folder / "dovecot-uidlist"
    head, one, two = path.read_text().splitlines()
    path.write_text(f"{head}\n{two}\n8{one[1:]}\n")
    changes = await inbox.changes(since)
    assert (UIDSet([8]), UIDSet([1])) == (changes.arrived, changes.vanished)
    assert ["b", "a"] == await subjects(inbox)


@doing
async def test_void_lines_go(place: Place) -> None:
    """Lines without messages do not grow without end."""
    inbox = await place.inbox()
    for n in range(12):
        uids = (await inbox.append([message(str(n))] * 60)).uids
        await inbox.remove(UIDSet(uids))
    await inbox.append([message("last")])
    lines = (place.folder / "dovecot-uidlist").read_text().splitlines()
    assert len(lines) < 600
    assert "721 :" == lines[-1][:5]


# -- folders -------------------------------------------------------------------------


@doing
async def test_folders_come_and_go(place: Place) -> None:
    """Folders are mailboxes, whoever makes, renames or removes them."""
    store = place.store
    place.deliver("1.a.h", folder=".a.b")
    place.deliver("1.a.h", folder=".c&AOk-")
    (place.folder / ".empty").mkdir()
    infos = await store.mailboxes()
    assert ["INBOX", "a/b", "c\u00e9"] == [info.name for info in infos]
    since = (await store.changes(ModSeq(0))).until
    opened = await store.open(MailboxName("a/b"))
    assert ["unix"] == await subjects(opened)
    (place.folder / ".a.b").rename(place.folder / ".new")
    shutil.rmtree(place.folder / ".c&AOk-")
    changes = await store.changes(since)
    assert ["new"] == [info.name for info in changes.changed]
    assert ["a/b", "c\u00e9"] == list(changes.gone)
    assert infos[1].id == (await opened.info()).id
    shutil.rmtree(place.folder / ".new")
    with pytest.raises(NoSuchMailbox):
        await opened.snapshot()


@doing
async def test_renamed_under_a_session(place: Place) -> None:
    """Whoever has a mailbox open changes it where it is now."""
    store = place.store
    await store.create(MailboxName("a"))
    opened = await store.open(MailboxName("a"))
    since = (await opened.append([message("x"), message("y")])).modseq
    inbox = await place.inbox()
    for step in (
        lambda: opened.append([message("z")]),
        lambda: opened.change_flags(UIDSet([1]), flag("+", SEEN)),
        lambda: opened.copy(UIDSet([1]), INBOX),
        lambda: opened.move(UIDSet([2]), INBOX),
        lambda: opened.replace(UID(1), INBOX, message("w")),
    ):
        [folder] = (path for path in place.folder.iterdir() if path.name[0] == ".")
        folder.rename(place.folder / f"{folder.name}x")
        await step()
    assert ["z"] == await subjects(opened)
    assert ["x", "y", "w"] == await subjects(inbox)
    assert UIDSet([1, 2]) == (await opened.changes(since)).vanished
    assert ["INBOX", "axxxxx"] == [info.name for info in await store.mailboxes()]


@doing
async def test_s14_what_a_folder_says_of_itself(place: Place) -> None:
    """A use is one that there is, a name one that stands for the folder; all else is not read."""
    for name, text in {
        ".a": '{"uses": ["\\\\Sent", "\\\\x) NIL NIL", 3], "name": "other"}',
        ".b": "[]",
        ".c": "{",
        ".d": '{"uses": 7}',
    }.items():
        place.deliver("1.a.h", folder=name)
        (place.folder / name / "pymta-mailbox").write_text(text)
        (place.folder / name / "pymta-notes").write_text(text)
    infos = await place.store.mailboxes()
    assert [("INBOX", set()), ("a", {"\\Sent"}), *((each, set()) for each in "bcd")] == [
        (str(info.name), set(info.special_use)) for info in infos
    ]
    assert {} == await place.store.annotations(MailboxName("b"), ["/private"])


@doing
async def test_who_may_read(place: Place) -> None:
    """Whoever may read the Maildir may read all of it; nobody else, unless he could before."""
    inbox = await place.inbox()
    await inbox.append([message("a", SEEN, "kw")])
    made = [place.folder, place.folder / "cur", place.only(), place.folder / "dovecot-keywords"]
    assert [0o700, 0o700, 0o600, 0o600] == [path.stat().st_mode & 0o777 for path in made]
    for folder in (place.folder, place.folder / "cur", place.folder / "tmp"):
        folder.chmod(0o770)
    await place.store.create(MailboxName("a"))
    await (await place.store.open(MailboxName("a"))).append([message("b", SEEN, "kw")])
    place.only().unlink()
    await inbox.append([message("c", SEEN, "other")])
    folder = place.folder / ".a"
    made = [folder, folder / "cur", folder / "dovecot-uidlist", place.only(folder=".a"), *made[2:]]
    made[-2] = place.only()
    expected = [0o770, 0o770, 0o660, 0o660, 0o660, 0o660]
    assert expected == [path.stat().st_mode & 0o777 for path in made]
    assert 0o700 == (place.folder / "pymta").stat().st_mode & 0o777


@doing
async def test_a_copy_of_a_folder(place: Place) -> None:
    """A folder that was copied is another mailbox, with the same UIDs."""
    store = place.store
    made = await store.create(MailboxName("a"))
    await (await store.open(MailboxName("a"))).append([message("x"), message("y")])
    shutil.copytree(place.folder / ".a", place.folder / ".b")
    infos = {info.name: info for info in await store.mailboxes()}
    assert made.id == infos[MailboxName("a")].id != infos[MailboxName("b")].id
    assert 2 == infos[MailboxName("b")].messages
    assert (
        f"G{infos[MailboxName('b')].id[1:]}"
        in (place.folder / ".b" / "dovecot-uidlist").read_text()
    )


@doing
async def test_two_folders_of_one_name(place: Place) -> None:
    """The second folder that looks like a name is no mailbox."""
    place.deliver("1.a.h", folder=".a&b")
    place.deliver("1.a.h", folder=".a&-b")
    infos = await place.store.mailboxes()
    assert ["INBOX", "a&b"] == [info.name for info in infos]


# -- the index -----------------------------------------------------------------------


@doing
async def test_a_broken_index(place: Place) -> None:
    """An index that is none is put aside, and made of the folders."""
    inbox = await place.inbox()
    await inbox.append([message("a", SEEN, "kw"), message("b")])
    before = await inbox.snapshot()
    await place.house.reopen()
    folder = place.folder / "pymta"
    for path in folder.glob("index.db-*"):
        path.unlink()
    (folder / "index.db").write_bytes(b"this is no database, and never was one" * 100)
    inbox = await place.inbox()
    after = await inbox.snapshot()
    assert (before.uids, before.uid_validity, before.uid_next) == (
        after.uids,
        after.uid_validity,
        after.uid_next,
    )
    assert after.modseq > before.modseq
    assert {SEEN, "kw"} == await flags_of(inbox, 1)
    assert (folder / "broken.db").exists()


@doing
async def test_an_index_that_goes_while_it_is_open(place: Place) -> None:
    """Whoever has a mailbox open goes on."""
    inbox = await place.inbox()
    await inbox.append([message("a")])
    for path in (place.folder / "pymta").glob("index.db*"):
        path.unlink()
    assert ["a"] == await subjects(inbox)
    assert (2,) == (await inbox.append([message("b")])).uids


@doing
async def test_a_message_that_never_came(place: Place) -> None:
    """
    If its commit was made, its process died, and ``tmp`` was emptied before anybody looked, the
    delivery was not made, and can be.
    """

    class Dying(Disk):
        """Between the commit and its first step."""

        def append(self, path: str, octets: bytes) -> None:
            raise OSError("this is the end")

    inbox = await place.inbox()
    await inbox.append([message("a")])
    account = place.house.store._account("ann")
    disk = account.resources.rules.disk
    object.__setattr__(account.resources.rules, "disk", Dying())
    with pytest.raises(Exception, match="the end"):
        await inbox.append([message("b", delivery_id="1")])
    object.__setattr__(account.resources.rules, "disk", disk)
    [left] = (place.folder / "tmp").iterdir()
    left.unlink()
    inbox = await place.inbox()
    assert ["a"] == await subjects(inbox)
    await inbox.append([message("b", delivery_id="1")])
    assert ["a", "b"] == await subjects(inbox)
    assert 2 == (await inbox.info()).messages


@doing
async def test_what_is_swept(place: Place) -> None:
    """Old files in ``tmp``, what nobody can ask for any more, and locks of the dead."""
    inbox = await place.inbox()
    await place.store.create(MailboxName("a"))
    await inbox.append([message("a")])
    await inbox.remove(UIDSet([1]))
    await place.store.delete(MailboxName("a"))
    (place.folder / "dovecot-uidlist.lock").write_text(f"{2**22 + 1}:{os.uname().nodename}")
    (place.folder / "tmp" / "young").write_bytes(b"")
    assert 2 == len([*(place.folder / "pymta" / "removed").iterdir()])
    await place.house.elapse(7200)
    assert [] == [*(place.folder / "pymta" / "removed").iterdir()]
    assert ["young"] == [path.name for path in (place.folder / "tmp").iterdir()]
    assert not (place.folder / "dovecot-uidlist.lock").exists()


def test_furnished(place: Place) -> None:
    """A new account has its mailboxes, all subscribed; one that was there before is left alone."""

    async def test() -> None:
        furnished = {MailboxName("Sent"): frozenset({"\\Sent"}), MailboxName("a/b"): frozenset()}
        store = MaildirMailStore(
            place.house.reactor, str(place.house.directory), furnished=furnished
        )
        place.deliver("1.a.h")
        assert [INBOX] == [info.name for info in await store.mailboxes("ann").mailboxes()]
        infos = await store.mailboxes("new").mailboxes()
        assert ["INBOX", "Sent", "a", "a/b"] == [info.name for info in infos]
        assert ["Sent", "a/b"] == [info.name for info in infos if info.subscribed]
        assert {"\\Sent"} == infos[1].special_use
        await store.mailboxes("new").delete(MailboxName("Sent"))
        await store.stop()
        for path in place.house.directory.glob("new/pymta/index.db*"):
            path.unlink()
        after = await place.house.store.mailboxes("new").mailboxes()
        assert ["INBOX", "Sent", "a", "a/b"] == [info.name for info in after]
        assert [True, False, True, True] == [info.exists for info in after]

    place.run(test)


def test_many_accounts(place: Place) -> None:
    """A process has few of them open at one time, however many are in use."""

    def opened() -> int:
        links = [os.path.join("/proc/self/fd", each) for each in os.listdir("/proc/self/fd")]
        found = {os.readlink(link) for link in links if os.path.lexists(link)}
        return len([path for path in found if path.endswith("index.db")])

    async def test() -> None:
        stores = [place.house.store.mailboxes(f"account{n}") for n in range(MAX_OPEN + 20)]
        inboxes = [await store.open(INBOX) for store in stores]
        await gather([inbox.append([message("a")]) for inbox in inboxes])
        await place.store.mailboxes()
        assert opened() <= MAX_OPEN + 1
        assert [["a"]] * 3 == [await subjects(inbox) for inbox in (inboxes[0], *inboxes[-2:])]

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("declared: nobody tells which files are open")
    place.run(test)


def test_who_removes_an_account(place: Place) -> None:
    """All of it is gone, whoever has it open finds out, and its name can be used again."""

    async def test() -> None:
        inbox = await place.inbox()
        await inbox.append([message("a")])
        rung: list[bool] = []
        inbox.watch(lambda: rung.append(True))
        await place.house.store.remove("ann")
        await place.house.store.remove("nobody")
        assert rung
        with pytest.raises(NoSuchMailbox):
            await inbox.snapshot()
        assert [0] == [info.messages for info in await place.store.mailboxes()]
        assert {"ann"} == {path.name for path in place.house.directory.iterdir()} - {"nobody"}

    place.run(test)


def test_a_lock_of_another_program(place: Place) -> None:
    """Nobody gives UIDs while another program has the list; one that died is not waited for."""

    async def test() -> float:
        inbox = await place.inbox()
        await inbox.append([message("a")])
        lock = place.folder / "dovecot-uidlist.lock"
        lock.write_text(f"{os.getpid()}:{os.uname().nodename}")
        place.house.reactor.callLater(0.3, lock.unlink)
        began = time.monotonic()
        await inbox.append([message("b")])
        waited = time.monotonic() - began
        lock.write_text(f"{2**22 + 1}:{os.uname().nodename}")
        await inbox.append([message("c")])
        assert ["a", "b", "c"] == await subjects(inbox)
        return waited

    assert 0.25 < place.run(test) < 5
