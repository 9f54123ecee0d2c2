"""
Tests for commands as values: each whole, octet by octet, and with another one behind it.
"""

from __future__ import annotations

import pytest

from pymta.mailbox import FlagChange, FlagMode, MailboxName
from pymta.wire.imap.command.auth import Login
from pymta.wire.imap.command.copy import Copy, Move
from pymta.wire.imap.command.fetch import (
    Attribute,
    Binary,
    BinarySize,
    Body,
    Fetch,
    Preview,
    Window,
)
from pymta.wire.imap.command.list import List, ListReturn, Lsub, Selection
from pymta.wire.imap.command.mailbox import (
    Create,
    Delete,
    Namespace,
    Rename,
    Subscribe,
    Unsubscribe,
)
from pymta.wire.imap.command.notify import CancelUpdate, EventGroup, Notify, Which
from pymta.wire.imap.command.notify import Event as Told
from pymta.wire.imap.command.select import (
    Check,
    Close,
    Expunge,
    QResync,
    Select,
    Unselect,
)
from pymta.wire.imap.command.session import ID, Enable, Noop
from pymta.wire.imap.command.status import Status, StatusItem
from pymta.wire.imap.command.store import Store
from pymta.wire.imap.events import Answered, Asked
from pymta.wire.imap.numset import SAVED, SeqSet
from pymta.wire.imap.sections import Partial, Section, SectionText
from tests.wire.imap.serving import Desk, inside, server, talk

ONE = SeqSet(((1, 1),))
ALL = SeqSet.parse(b"1:*")
A = Attribute
FAST = (A.FLAGS, A.INTERNALDATE, A.RFC822_SIZE)
INBOX = MailboxName("INBOX")
MAILBOX = MailboxName("a b")


def fetch(*items: object, **more: object) -> Fetch:
    return Fetch(numbers=ONE, items=items, **more)  # type: ignore[arg-type]  # tables of any items


def body(part: tuple[int, ...] = (), text: SectionText | None = None, *fields: str) -> Body:
    return Body(Section(part, text, fields), None, peek=True)


def listed(*patterns: str, reference: str = "", **more: object) -> List:
    return List(reference=reference, patterns=patterns, **more)  # type: ignore[arg-type]  # as above


def store(mode: FlagMode, *flags: str, **more: object) -> Store:
    return Store(numbers=ONE, change=FlagChange(mode, frozenset(flags)), **more)  # type: ignore[arg-type]  # as above


def resync(known: SeqSet | None = None, pair: tuple[SeqSet, SeqSet] | None = None) -> Select:
    return Select(
        mailbox=INBOX,
        qresync=QResync(uid_validity=67890007, modseq=7, known_uids=known, known_numbers=pair),
    )


GOOD = {
    "NOOP": Noop(),
    "noop ": Noop(),
    "CHECK": Check(),
    "CLOSE": Close(),
    "UNSELECT": Unselect(),
    "NAMESPACE": Namespace(),
    "EXPUNGE": Expunge(),
    "UID EXPUNGE 1:*": Expunge(ALL),
    "uid expunge $": Expunge(SAVED),
    'ID ("name" "x" "version" NIL)': ID((("name", "x"), ("version", None))),
    "ID NIL": ID(()),
    "ID ()": ID(()),
    'ID ("NAME" {2+}\r\nüx)'.replace("üx", "xx"): ID((("name", "xx"),)),
    "ID (" + " ".join(['"a" "b"'] * 31) + ")": ID((("a", "b"),) * 30),
    'ID ("' + "n" * 31 + '" "' + "x" * 1025 + '")': ID((("n" * 30, "x" * 1024),)),
    "ENABLE CONDSTORE x-good": Enable(("CONDSTORE", "X-GOOD")),
    # mailboxes
    "SELECT inbox": Select(mailbox=INBOX),
    'EXAMINE "a b"': Select(mailbox=MAILBOX, read_only=True),
    "SELECT {3+}\r\na b": Select(mailbox=MAILBOX),
    "SELECT INBOX (CONDSTORE)": Select(mailbox=INBOX, condstore=True),
    "SELECT INBOX (QRESYNC (67890007 7))": resync(),
    "SELECT INBOX (QRESYNC (67890007 7 41,43:211))": resync(SeqSet.parse(b"41,43:211")),
    "SELECT INBOX (qresync (67890007 7 1:5 (1,3 4,6)))": resync(
        SeqSet.parse(b"1:5"), (SeqSet.parse(b"1,3"), SeqSet.parse(b"4,6"))
    ),
    "SELECT INBOX (QRESYNC (67890007 7 (1,3 4,6)))": resync(
        None, (SeqSet.parse(b"1,3"), SeqSet.parse(b"4,6"))
    ),
    "CREATE a": Create(MailboxName("a")),
    "CREATE a/": Create(MailboxName("a")),
    "CREATE inbox/": Create(INBOX),
    "CREATE a (USE (\\Drafts \\Sent))": Create(MailboxName("a"), frozenset({"\\Drafts", "\\Sent"})),
    "DELETE a": Delete(MailboxName("a")),
    'RENAME a "a b"': Rename(MailboxName("a"), MAILBOX),
    "RENAME {1+}\r\na {3+}\r\na b": Rename(MailboxName("a"), MAILBOX),
    "SUBSCRIBE &APw-": Subscribe(MailboxName("ü")),
    "UNSUBSCRIBE a": Unsubscribe(MailboxName("a")),
    "STATUS a (messages UIDNEXT UIDNEXT)": Status(
        MailboxName("a"), (StatusItem.MESSAGES, StatusItem.UIDNEXT)
    ),
    "STATUS a (DELETED-STORAGE SIZE MAILBOXID)": Status(
        MailboxName("a"), (StatusItem.DELETED_STORAGE, StatusItem.SIZE, StatusItem.MAILBOXID)
    ),
    # LIST
    'LIST "" *': listed("*"),
    'LIST "" ""': listed(""),
    "LIST a/ {2+}\r\n%x": listed("%x", reference="a/"),
    'LSUB "" "%"': Lsub("", "%"),
    'LIST (SUBSCRIBED) "" *': listed("*", select=frozenset({Selection.SUBSCRIBED}), extended=True),
    'LIST () "" *': listed("*", extended=True),
    'LIST "" (INBOX a%)': listed("INBOX", "a%", extended=True),
    'LIST "" % RETURN (CHILDREN special-use MYRIGHTS SUBSCRIBED)': listed(
        "%", returns=frozenset(ListReturn), extended=True
    ),
    'LIST "" % RETURN ()': listed("%", extended=True),
    'LIST (RECURSIVEMATCH SUBSCRIBED REMOTE SPECIAL-USE) "" *': listed(
        "*", select=frozenset(Selection), extended=True
    ),
    'LIST "" % RETURN (STATUS (MESSAGES UNSEEN) METADATA ("/shared/a" /private/b))': listed(
        "%",
        status=(StatusItem.MESSAGES, StatusItem.UNSEEN),
        metadata=("/shared/a", "/private/b"),
        extended=True,
    ),
    # FETCH
    "FETCH 1 FAST": fetch(*FAST),
    "FETCH 1 all": fetch(*FAST, A.ENVELOPE),
    "FETCH 1 FULL": fetch(*FAST, A.ENVELOPE, A.BODY),
    "FETCH 1 (UID FLAGS UID)": fetch(A.UID, A.FLAGS),
    "UID FETCH 1 FLAGS": fetch(A.FLAGS, by_uid=True),
    "FETCH $ FLAGS": Fetch(numbers=SAVED, items=(A.FLAGS,)),
    "FETCH 1 rfc822": fetch(A.RFC822),
    "FETCH 1 (RFC822.HEADER RFC822.TEXT RFC822.SIZE)": fetch(
        A.RFC822_HEADER, A.RFC822_TEXT, A.RFC822_SIZE
    ),
    "FETCH 1 (MODSEQ SAVEDATE EMAILID THREADID INTERNALDATE)": fetch(
        A.MODSEQ, A.SAVEDATE, A.EMAILID, A.THREADID, A.INTERNALDATE
    ),
    "FETCH 1 (BODY BODYSTRUCTURE BODY[])": fetch(A.BODY, A.BODYSTRUCTURE, Body(Section())),
    "FETCH 1 BODY.PEEK[]": fetch(body()),
    "FETCH 1 body.peek[text]": fetch(body((), SectionText.TEXT)),
    "FETCH 1 BODY.PEEK[HEADER]": fetch(body((), SectionText.HEADER)),
    "FETCH 1 BODY.PEEK[1.2.3]": fetch(body((1, 2, 3))),
    "FETCH 1 BODY.PEEK[1.MIME]": fetch(body((1,), SectionText.MIME)),
    "FETCH 1 BODY.PEEK[10.2.HEADER]": fetch(body((10, 2), SectionText.HEADER)),
    'FETCH 1 BODY.PEEK[HEADER.FIELDS (From "To" {2+}\r\nCc)]': fetch(
        body((), SectionText.HEADER_FIELDS, "From", "To", "Cc")
    ),
    "FETCH 1 BODY.PEEK[1.HEADER.FIELDS.NOT (X)]": fetch(
        body((1,), SectionText.HEADER_FIELDS_NOT, "X")
    ),
    "FETCH 1 BODY[1]<0.2048>": fetch(Body(Section((1,)), Partial(0, 2048))),
    "FETCH 1 BODY[]<9223372036854775807.1>": fetch(Body(Section(), Partial(2**63 - 1, 1))),
    "FETCH 1 BINARY[1.2]": fetch(Binary((1, 2))),
    "FETCH 1 BINARY[]": fetch(Binary(())),
    "FETCH 1 BINARY.PEEK[1]<5.6>": fetch(Binary((1,), Partial(5, 6), peek=True)),
    "FETCH 1 BINARY.SIZE[1]": fetch(BinarySize((1,))),
    "FETCH 1 (PREVIEW (LAZY) FLAGS)": fetch(Preview(lazy=True), A.FLAGS),
    "FETCH 1 PREVIEW": fetch(Preview()),
    "FETCH 1 PREVIEW (CHANGEDSINCE 12345)": fetch(Preview(), changed_since=12345),
    "FETCH 1 FAST (CHANGEDSINCE 0)": fetch(*FAST, changed_since=0),
    "UID FETCH 1 (FLAGS) (CHANGEDSINCE 12345 VANISHED)": fetch(
        A.FLAGS, by_uid=True, changed_since=12345, vanished=True
    ),
    "UID FETCH 1 UID (PARTIAL 1:100)": fetch(A.UID, by_uid=True, window=Window(1, 100)),
    "UID FETCH 1 UID (PARTIAL -100:-1)": fetch(A.UID, by_uid=True, window=Window(-1, -100)),
    "UID FETCH 1 UID (PARTIAL 5:1 CHANGEDSINCE 3)": fetch(
        A.UID, by_uid=True, window=Window(1, 5), changed_since=3
    ),
    # STORE, COPY, MOVE
    "STORE 1 FLAGS (\\Seen)": store(FlagMode.REPLACE, "\\Seen"),
    "STORE 1 FLAGS ()": store(FlagMode.REPLACE),
    "STORE 1 +flags.silent \\deleted \\flagged": store(
        FlagMode.ADD, "\\Deleted", "\\Flagged", silent=True
    ),
    "STORE 1 -FLAGS ($Junk)": store(FlagMode.REMOVE, "$Junk"),
    "UID STORE 1 (UNCHANGEDSINCE 0) FLAGS.SILENT a": store(
        FlagMode.REPLACE, "a", by_uid=True, silent=True, unchanged_since=0
    ),
    'COPY 1 "a b"': Copy(numbers=ONE, mailbox=MAILBOX),
    "UID COPY $ {3+}\r\na b": Copy(numbers=SAVED, mailbox=MAILBOX, by_uid=True),
    "MOVE 1:* INBOX": Move(numbers=ALL, mailbox=INBOX),
    "UID MOVE 1 INBOX": Move(numbers=ONE, mailbox=INBOX, by_uid=True),
    # NOTIFY
    "NOTIFY NONE": Notify(()),
    "NOTIFY SET (PERSONAL NONE)": Notify((EventGroup(which=Which.PERSONAL),)),
    "NOTIFY SET STATUS (selected (MessageNew (UID BODY.PEEK[HEADER]) MessageExpunge FlagChange))"
    " (SUBTREE (a {1+}\r\nb) (MessageNew MessageExpunge mailboxname)) (MAILBOXES c NONE)": Notify(
        (
            EventGroup(
                which=Which.SELECTED,
                events=frozenset({Told.MESSAGE_NEW, Told.MESSAGE_EXPUNGE, Told.FLAG_CHANGE}),
                items=(A.UID, body((), SectionText.HEADER)),
            ),
            EventGroup(
                which=Which.SUBTREE,
                mailboxes=(MailboxName("a"), MailboxName("b")),
                events=frozenset({Told.MESSAGE_NEW, Told.MESSAGE_EXPUNGE, Told.MAILBOX_NAME}),
            ),
            EventGroup(which=Which.MAILBOXES, mailboxes=(MailboxName("c"),)),
        ),
        status=True,
    ),
    "NOTIFY SET (INBOXES (MailboxName Moon))": Notify(
        (EventGroup(which=Which.INBOXES, events=frozenset({Told.MAILBOX_NAME}), unknown=("Moon",)),)
    ),
    'CANCELUPDATE "a" "b"': CancelUpdate(("a", "b")),
}


@pytest.mark.parametrize("cut", [None, 1], ids=["whole", "octets"])
@pytest.mark.parametrize("text", GOOD, ids=lambda text: text.replace("\r\n", "~"))
def test_reads(text: str, cut: int | None) -> None:
    """A command is read as its value, and the next one behind it."""
    machine, desk = inside(selected=True), Desk()
    talk(machine, desk, f"A1 {text}\r\nA2 NOOP\r\n".encode(), cut)
    assert [Asked("A1", GOOD[text]), Asked("A2", Noop())] == desk.events


BAD = [
    "NOOP x", "NOOPS", "UID", "UID NOOP", "UID  FETCH 1 FLAGS", "UID SELECT INBOX",
    "UID {3+}\r\nabc",
    "ID", 'ID ("a")', 'ID (NIL "a")', 'ID "a"', 'ID ("a" "b"', "ENABLE", "ENABLE  A", "ENABLE A\0",
    "SELECT", "SELECT ", 'SELECT ""', "SELECT a b", "SELECT a ()", "SELECT a (FOO)",
    "SELECT a (CONDSTORE CONDSTORE)", "SELECT a (QRESYNC)", "SELECT a (QRESYNC (0 1))",
    "SELECT a (QRESYNC (1 2 1:*))", "SELECT a (QRESYNC (1 2 1 (1 *)))", "SELECT a (QRESYNC (1))",
    "SELECT a (QRESYNC (1 2)) x", "SELECT &x", "SELECT ü", "UNSELECT x",
    "CREATE", "CREATE a (USE)", "CREATE a (USE (Drafts))", "CREATE a (USE () USE ())",
    "CREATE a (FOO ())", "DELETE a b", "RENAME a", "RENAME a b c", "STATUS a", "STATUS a ()",
    "STATUS a (FOO)", "STATUS a MESSAGES", "EXPUNGE 1", "UID EXPUNGE", "UID EXPUNGE x",
    'LIST ""', 'LIST "" * RETURN', 'LIST "" * RETURN (FOO)', 'LIST (FOO) "" *', 'LIST "" ()',
    'LIST (RECURSIVEMATCH) "" *', 'LIST (RECURSIVEMATCH REMOTE) "" *', 'LIST "" * RETURN (STATUS)',
    'LIST "" * RETURN (STATUS ())', 'LIST "" * RETURN (METADATA)', "LSUB a", 'LSUB "" (a)',
    "FETCH", "FETCH 1", "FETCH 0 FLAGS", "FETCH 1 ()", "FETCH 1 (ALL)", "FETCH 1 FOO",
    "FETCH 1 FLAGS UID", "FETCH 1 BODY[", "FETCH 1 BODY[FOO]", "FETCH 1 BODY[MIME]",
    "FETCH 1 BODY[0]", "FETCH 1 BODY[1.]", "FETCH 1 BODY[.1]", "FETCH 1 BODY[1.0]",
    "FETCH 1 BODY[1.2.x]",
    "FETCH 1 BODY[HEADER.FIELDS]", "FETCH 1 BODY[HEADER.FIELDS ()]", "FETCH 1 BODY[HEADERS]",
    'FETCH 1 BODY[HEADER.FIELDS ("a b")]', 'FETCH 1 BODY[HEADER.FIELDS ("a:")]',
    'FETCH 1 BODY[HEADER.FIELDS ("")]', "FETCH 1 BODY[]<0>", "FETCH 1 BODY[]<0.0>",
    "FETCH 1 BODY[]<-1.5>", "FETCH 1 BODY[]<0.1", "FETCH 1 BODY[]<9223372036854775808.1>",
    "FETCH 1 BINARY[TEXT]", "FETCH 1 BINARY", "FETCH 1 BINARY.SIZE[1]<0.1>", "FETCH 1 BODY.PEEK",
    "FETCH 1 (PREVIEW (EAGER))", "FETCH 1 FLAGS ()", "FETCH 1 FLAGS (FOO)",
    "FETCH 1 FLAGS (CHANGEDSINCE)", "FETCH 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)",
    "FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775808)", "FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
    "UID FETCH 1 FLAGS (VANISHED)", "FETCH 1 FLAGS (PARTIAL 1:2)",
    "UID FETCH 1 FLAGS (PARTIAL 0:2)",
    "UID FETCH 1 FLAGS (PARTIAL -1:2)", "UID FETCH 1 FLAGS (PARTIAL 1)",
    "FETCH 1 BODY[" + "1." * 200 + "1]",
    "STORE 1 FLAGS", "STORE 1 FLAGS \\Recent", "STORE 1 FLAGS (\\Foo)", "STORE 1 FLAGS.LOUD a",
    "STORE 1 *FLAGS a", "STORE 1 (UNCHANGEDSINCE) FLAGS a", "STORE 1 () FLAGS a",
    "STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 2) FLAGS a", "STORE 1 FLAGS (a) b",
    "STORE 1 FLAGS (a",
    "COPY 1", "COPY a INBOX", "COPY 1 INBOX x", "MOVE 1 {1}", "MOVE",
    "NOTIFY", "NOTIFY SET", "NOTIFY SET STATUS", "NOTIFY FOO", "NOTIFY SET (FOO NONE)",
    "NOTIFY SET (PERSONAL ())", "NOTIFY SET (PERSONAL (MessageNew))", "NOTIFY NONE x",
    "NOTIFY SET (PERSONAL (FlagChange))", "NOTIFY SET (SELECTED (MailboxName))",
    "NOTIFY SET (PERSONAL (MessageNew (UID) MessageExpunge))", "NOTIFY SET (SUBTREE NONE)",
    "NOTIFY SET (SELECTED NONE) (SELECTED-DELAYED NONE)", "NOTIFY SET (SELECTED NONE",
    "CANCELUPDATE", "CANCELUPDATE a", "\x80", "", " NOOP", "(NOOP)",
]  # fmt: skip


@pytest.mark.parametrize("cut", [None, 1], ids=["whole", "octets"])
@pytest.mark.parametrize("text", BAD, ids=lambda text: repr(text[:50]))
def test_refuses(text: str, cut: int | None) -> None:
    """What is wrong is answered BAD, once, with its tag, and the next command is obeyed."""
    machine, desk = inside(selected=True), Desk()
    talk(machine, desk, f"A1 {text}\r\n".encode(), cut)
    if text.endswith("{1}"):
        # A consent was given before the mistake could be seen.
        assert b"+ go on\r\n" == machine.data_to_send()
        talk(machine, desk, b"\0\r\n", cut)
    (event,) = desk.events
    assert isinstance(event, Answered)
    assert "A1" == event.tag
    assert event.text
    said = machine.data_to_send()
    assert said.startswith(b"A1 BAD ")
    assert 1 == said.count(b"\r\n")
    talk(machine, desk, b"A2 NOOP\r\n", cut)
    assert Asked("A2", Noop()) == desk.events[-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LOGIN mrose tanstaaf", Login("mrose", "tanstaaf")),
        ('LOGIN "m\\"rose" ""', Login('m"rose', "")),
        ('LOGIN mrosé "pä"', None),
        ('LOGIN "mrosé" "pä"', Login("mrosé", "pä")),
        ("LOGIN {5+}\r\nmrose {3+}\r\na b", Login("mrose", "a b")),
        ("LOGIN mrose", None),
        ("LOGIN mrose tanstaaf x", None),
        ("login NIL NIL", Login("NIL", "NIL")),
    ],
)
def test_login(text: str, expected: Login | None) -> None:
    """Name and password are astrings; UTF-8 in quotes is taken."""
    desk = Desk()
    talk(server(), desk, f"A1 {text}\r\n".encode())
    (event,) = desk.events
    if expected is None:
        assert isinstance(event, Answered)
    else:
        assert Asked("A1", expected) == event
        assert "tanstaaf" not in repr(event)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (Section(), b""),
        (Section((1, 2)), b"1.2"),
        (Section((1,), SectionText.MIME), b"1.MIME"),
        (Section((), SectionText.TEXT), b"TEXT"),
        (
            Section((3,), SectionText.HEADER_FIELDS_NOT, ("From", "X(y)")),
            b'3.HEADER.FIELDS.NOT (From "X(y)")',
        ),
    ],
)
def test_section_octets(section: Section, expected: bytes) -> None:
    """A response repeats a section as it was asked for (RFC 3501 section 7.4.2)."""
    assert expected == section.octets


def test_utf8_names_once_enabled() -> None:
    """Behind ENABLE UTF8=ACCEPT, or IMAP4rev2, names are UTF-8 (RFC 6855 section 3)."""
    for name in (b"UTF8=ACCEPT", b"IMAP4rev2"):
        machine, desk = inside(), Desk()
        command = 'B SELECT "Entwürfe"\r\n'.encode()
        talk(machine, desk, b"A ENABLE " + name + b"\r\n" + command)
        assert Asked("B", Select(mailbox=MailboxName("Entwürfe"))) == desk.events[-1]
