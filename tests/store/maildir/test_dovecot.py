"""
One Maildir, seen by us and by Dovecot: the same UIDs, flags, keywords and names, whoever made them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Thread

import pytest
from twisted.internet.epollreactor import EPollReactor

from pymta.aio import sleep
from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import NewMessage
from pymta.mailbox import (
    ANSWERED,
    DELETED,
    DRAFT,
    FLAGGED,
    INBOX,
    SEEN,
    UID,
    FlagChange,
    FlagMode,
    UIDSet,
    Wanted,
)
from pymta.wire.imap.client_data import Listed
from pymta.wire.imap.cursor import Literal
from tests.store.conftest import Run
from tests.store.maildir.peers import Shared, name, shared, told_by_us

NAMES = ["a b", "Entwürfe/日本", "a&b", "it's", "x/y/z"]
OLD = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture
def both(reactor: EPollReactor, run: Run) -> Iterator[Shared]:
    """On an empty Maildir."""
    with shared(reactor) as made:
        yield made
        run(made.house.close)


def letter(number: int) -> bytes:
    """A small message."""
    return b"From: a@b.test\r\nSubject: %d\r\n\r\nText %d\r\n" % (number, number)


def new(number: int, *flags: str) -> NewMessage:
    """The same for us."""
    return NewMessage(content=Octets(letter(number)), flags=frozenset(flags), internal_date=OLD)


def test_what_dovecot_made_is_here(both: Shared, run: Run) -> None:
    """UIDs, UIDVALIDITY, flags, keywords, dates, octets, names, and what is subscribed."""
    with both.session() as session:
        for each in NAMES:
            session.done("CREATE", session.client.mailbox(each))
            session.done("SUBSCRIBE", session.client.mailbox(each))
        for number, flags in enumerate([b"", b"\\Seen $Forwarded", b"\\Deleted", b"foo \\Draft"]):
            date = b' "03-Feb-2001 04:05:06 +0000" '
            session.done("APPEND", b"INBOX (" + flags + b")" + date, Literal(letter(number)))
        session.select()
        session.done("EXPUNGE")
        session.done("COPY", b"1:2 ", session.client.mailbox("x/y/z"))
    theirs = [both.told_by_dovecot(each) for each in ("INBOX", "x/y/z")]
    status = both.status("INBOX")

    async def look() -> None:
        infos = await both.ours.mailboxes()
        found = {info.name for info in infos if info.subscribed and info.exists}
        assert set(NAMES) == found
        inbox = await both.ours.open(INBOX)
        assert theirs == [
            await told_by_us(each) for each in (inbox, await both.ours.open(name("x/y/z")))
        ]
        assert [1, 2, 4] == [row[0] for row in theirs[0]]
        info = await inbox.info()
        assert (status["UIDVALIDITY"], status["UIDNEXT"]) == (info.uid_validity, info.uid_next)
        assert (status["MESSAGES"], status["SIZE"]) == (info.messages, info.size)
        assert frozenset({"$Forwarded", "foo"}) == await inbox.keywords()
        ids = await inbox.records(UIDSet([1, 2]), [Wanted.EMAIL_ID])
        copies = await (await both.ours.open(name("x/y/z"))).records(
            UIDSet([1, 2]), [Wanted.EMAIL_ID]
        )
        assert ids == copies

    run(look)


def test_what_we_made_is_there(both: Shared, run: Run) -> None:
    """The same the other way round; what was new to us is recent to Dovecot."""

    async def make() -> object:
        inbox = await both.ours.open(INBOX)
        for each in NAMES:
            await both.ours.create(name(each))
            await both.ours.subscribe(name(each))
        flags = [[], [SEEN, "$Forwarded"], [DELETED], ["foo", DRAFT, ANSWERED, FLAGGED]]
        await inbox.append([new(number, *each) for number, each in enumerate(flags)])
        await inbox.expunge()
        await inbox.copy(UIDSet([1, 2]), name("x/y/z"))
        await inbox.change_flags(UIDSet([2]), FlagChange(FlagMode.ADD, frozenset({"bar"})))
        info = await inbox.info()
        told = [await told_by_us(inbox), await told_by_us(await both.ours.open(name("x/y/z")))]
        return info, told

    info, ours = run(make)
    status = both.status("INBOX")
    assert (info.uid_validity, info.uid_next) == (status["UIDVALIDITY"], status["UIDNEXT"])
    assert ours == [both.told_by_dovecot(each) for each in ("INBOX", "x/y/z")]
    with both.session() as session:
        listed = session.done("LSUB", b'"" *')
        assert set(NAMES) == {each.name for each in listed if isinstance(each, Listed)}
        listed = session.done("LIST", b'"" *')
        exist = {"INBOX", "Entwürfe", "x", "x/y", *NAMES}
        assert exist == {each.name for each in listed if isinstance(each, Listed)}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        pytest.param("a.b/c", "a\\2eb/c", id="dot"),
        pytest.param("a\\b", "a\\5cb", id="backslash"),
    ],
)
def test_names_that_dovecot_lacks(both: Shared, run: Run, ours: str, theirs: str) -> None:
    """A dot is written as Dovecot's plug-in listescape would; without it, it is seen so."""
    run(lambda: both.ours.create(name(ours)))
    with both.session() as session:
        listed = session.done("LIST", b'"" *')
    assert theirs in {each.name for each in listed if isinstance(each, Listed)}


def test_in_turn(both: Shared, run: Run) -> None:
    """Each continues what the other began: no UID is given twice, and changes are told."""

    async def begin() -> object:
        inbox = await both.ours.open(INBOX)
        await inbox.append([new(number) for number in range(3)])
        return (await inbox.snapshot()).modseq

    since = run(begin)
    with both.session() as session:
        session.select()
        session.done("APPEND", b"INBOX (\\Seen) ", Literal(letter(3)))
        session.done("STORE", b"1 +FLAGS (\\Flagged new)")
        session.done("STORE", b"2 +FLAGS.SILENT (\\Deleted)")
        session.done("EXPUNGE")

    async def go_on() -> None:
        inbox = await both.ours.open(INBOX)
        changes = await inbox.changes(since)
        assert (UIDSet([4]), UIDSet([2])) == (changes.arrived, changes.vanished)
        assert [1] == [uid for uid, _ in changes.changed]
        [(_, flags)] = await inbox.records(UIDSet([1]), [Wanted.FLAGS])
        assert {FLAGGED, "new"} == flags
        appended = await inbox.append([new(4, "mine"), new(5)])
        assert (5, 6) == appended.uids
        await inbox.remove(UIDSet([1]))

    run(go_on)
    assert [3, 4, 5, 6] == [row[0] for row in both.told_by_dovecot("INBOX")]
    with both.session() as session:
        assert session.done("APPEND", b"INBOX ", Literal(letter(6))) is not None
    assert [3, 4, 5, 6, 7] == [row[0] for row in both.told_by_dovecot("INBOX")]

    async def end() -> None:
        inbox = await both.ours.open(INBOX)
        assert both_told == await told_by_us(inbox)

    both_told = both.told_by_dovecot("INBOX")
    run(end)


def test_folders_in_turn(both: Shared, run: Run) -> None:
    """Mailboxes that Dovecot makes, renames and deletes are made, renamed and deleted."""

    async def begin() -> object:
        await both.ours.create(name("a"))
        await both.ours.create(name("b"))
        kept = await both.ours.open(name("a"))
        await kept.append([new(1)])
        return kept, await kept.info(), (await both.ours.changes(0)).until  # type: ignore[arg-type]

    kept, before, since = run(begin)
    with both.session() as session:
        session.done("RENAME", b"a c")
        session.done("DELETE", b"b")
        session.done("CREATE", b"d")
        session.done("SUBSCRIBE", b"d")

    async def look() -> None:
        changes = await both.ours.changes(since)
        assert ["c", "d"] == [info.name for info in changes.changed]
        assert ["a", "b"] == list(changes.gone)
        assert [True] == [info.subscribed for info in changes.changed if info.name == "d"]
        after = await kept.info()
        assert (before.id, before.uid_validity) == (after.id, after.uid_validity)
        assert 1 == len(await told_by_us(kept))

    run(look)


def test_the_bell_rings(both: Shared, run: Run) -> None:
    """Who watches a mailbox is told of what Dovecot does in it."""

    async def watch() -> list[bool]:
        inbox = await both.ours.open(INBOX)
        await inbox.append([new(1)])
        rung: list[bool] = []
        inbox.watch(lambda: rung.append(True))
        await sleep(both.house.reactor, 0.2)
        return rung

    async def wait(rung: list[bool]) -> None:
        for _ in range(200):
            if rung:
                return
            await sleep(both.house.reactor, 0.01)
        raise AssertionError("nobody was told")

    rung = run(watch)
    rung.clear()
    with both.session() as session:
        session.select()
        session.done("APPEND", b"INBOX ", Literal(letter(2)))
    run(lambda: wait(rung))


def test_side_by_side(both: Shared, run: Run) -> None:
    """
    Both append, set flags and expunge at one time: we lose no flag of theirs, no UID is given
    twice, and both see the same.
    """
    both.folder.mkdir()
    both.folder.chmod(0o777)  # the tests' root and Dovecot's nobody
    numbers = range(1, 61)

    async def begin() -> None:
        await (await both.ours.open(INBOX)).append([new(number) for number in numbers])

    async def ours() -> None:
        inbox = await both.ours.open(INBOX)
        change = FlagChange(FlagMode.ADD, frozenset({SEEN, "ours"}))
        for uid in reversed(numbers):
            await inbox.change_flags(UIDSet([uid]), change)
            if uid % 9 == 0:
                await inbox.remove(UIDSet([uid]))
            if uid % 6 == 0:
                await inbox.append([new(1000 + uid)])

    run(begin)
    with both.session() as session:
        session.select()
        working = Thread(target=run, args=(ours,))
        working.start()
        for uid in numbers:
            session.ask("UID STORE", b"%d +FLAGS (\\Flagged theirs)" % uid)
            if uid % 7 == 0:
                session.ask("UID STORE", b"%d +FLAGS (\\Deleted)" % uid)
                session.ask("EXPUNGE")
            if uid % 5 == 0:
                session.done("APPEND", b"INBOX ", Literal(letter(2000 + uid)))
        working.join(30)

    async def look() -> object:
        return await told_by_us(await both.ours.open(INBOX))

    told = run(look)
    assert both.told_by_dovecot("INBOX") == told
    # Whether it keeps ours where both rename one file at one time is its own affair.
    left = [uid for uid in numbers if uid % 7 and uid % 9]
    assert [(uid, True) for uid in left] == [
        (row[0], row[1] >= {FLAGGED, "theirs"}) for row in told if row[0] <= 60
    ]
    added = [1000 + uid for uid in numbers if uid % 6 == 0]
    added += [2000 + uid for uid in numbers if uid % 5 == 0]
    assert [*map(letter, sorted(added))] == sorted(row[4] for row in told if row[0] > 60)


def test_a_new_index(both: Shared, run: Run) -> None:
    """Without our index everything that Dovecot knows is as it was."""

    async def make() -> object:
        await both.ours.create(name("a"), frozenset({"\\Sent"}))
        inbox = await both.ours.open(INBOX)
        await inbox.append([new(number, *[SEEN, "kw"][: number % 3]) for number in range(6)])
        await inbox.copy(UIDSet([1, 2]), name("a"))
        await inbox.remove(UIDSet([3]))
        seen = [await told_by_us(inbox), await told_by_us(await both.ours.open(name("a")))]
        infos = [(i.name, i.id, i.uid_validity, i.uid_next) for i in await both.ours.mailboxes()]
        emails = await inbox.records(UIDSet([1, 2]), [Wanted.EMAIL_ID])
        modseq = (await inbox.snapshot()).modseq
        await both.house.reopen()
        return seen, infos, emails, modseq

    seen, infos, emails, modseq = run(make)
    for path in (both.folder / "pymta").glob("index.db*"):
        path.unlink()

    async def look() -> None:
        inbox, other = await both.ours.open(INBOX), await both.ours.open(name("a"))
        assert seen == [await told_by_us(inbox), await told_by_us(other)]
        mailboxes = await both.ours.mailboxes()
        assert infos == [(i.name, i.id, i.uid_validity, i.uid_next) for i in mailboxes]
        assert [frozenset(), {"\\Sent"}] == [i.special_use for i in mailboxes]
        assert emails == await inbox.records(UIDSet([1, 2]), [Wanted.EMAIL_ID])
        assert emails == await other.records(UIDSet([1, 2]), [Wanted.EMAIL_ID])
        assert (await inbox.snapshot()).modseq > modseq
        appended = await inbox.append([new(9)])
        assert (UID(7),) == appended.uids

    run(look)
