"""
A client reads what servers say: each response whole, octet by octet, and with more behind it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.errors import RemoteProtocolError
from pymta.mailbox import UIDSet
from pymta.wire.imap.client_data import (
    ACL,
    ID,
    Address,
    AppendUID,
    Capabilities,
    Code,
    Condition,
    CopyUID,
    Data,
    Enabled,
    Envelope,
    ESearched,
    Exists,
    Expunge,
    Fetched,
    Flags,
    Listed,
    ListRights,
    Metadata,
    Multipart,
    MyRights,
    Namespace,
    Namespaces,
    Other,
    Part,
    Quota,
    QuotaRoot,
    Recent,
    Resource,
    Searched,
    Sorted,
    Status,
    StatusOf,
    Threaded,
    Vanished,
)
from pymta.wire.imap.client_events import Lost, LostReason
from pymta.wire.imap.client_reading import Continue, Tagged, read_response
from tests.wire.imap.client_dialogue import Dialogue, data_of

NONE = dict.fromkeys(("sender", "from_", "reply_to", "to", "cc", "bcc"))
ANN = Address(name=b"Ann", route=None, mailbox=b"ann", host=b"a.test")

TABLE: dict[str, tuple[bytes, Data]] = {
    "exists": (b"* 23 EXISTS", Exists(23)),
    "exists in small letters": (b"* 23 exists", Exists(23)),
    "recent": (b"* 0 RECENT", Recent(0)),
    "expunge": (b"* 44 EXPUNGE", Expunge(44)),
    "vanished": (b"* VANISHED 1:3,7", Vanished(UIDSet([1, 2, 3, 7]), earlier=False)),
    "vanished earlier": (
        b"* VANISHED (EARLIER) 41,43:116",
        Vanished(UIDSet.of_ranges([(41, 41), (43, 116)]), earlier=True),
    ),
    "vanished, many": (
        b"* VANISHED 4294967295:1",
        Vanished(UIDSet.of_ranges([(1, 4294967295)]), earlier=False),
    ),
    "flags": (
        b"* FLAGS (\\Answered \\Seen $Forwarded)",
        Flags(frozenset({"\\Answered", "\\Seen", "$Forwarded"})),
    ),
    "no flags": (b"* FLAGS ()", Flags(frozenset())),
    "ok": (b"* OK still here", Condition(Status.OK, "still here")),
    "ok, nothing": (b"* OK", Condition(Status.OK, "")),
    "no in UTF-8": ("* NO grüße".encode(), Condition(Status.NO, "grüße")),
    "text like a literal": (b"* OK as in {5}", Condition(Status.OK, "as in {5}")),
    "uidvalidity": (
        b"* OK [UIDVALIDITY 3857529045] UIDs valid",
        Condition(Status.OK, "UIDs valid", Code("UIDVALIDITY", "3857529045", 3857529045)),
    ),
    "permanent flags": (
        b"* OK [PERMANENTFLAGS (\\Deleted \\*)] Limited",
        Condition(
            Status.OK,
            "Limited",
            Code("PERMANENTFLAGS", "(\\Deleted \\*)", frozenset({"\\Deleted", "\\*"})),
        ),
    ),
    "alert": (b"* NO [ALERT] now", Condition(Status.NO, "now", Code("ALERT"))),
    "unknown code": (
        b'* NO [X-SOME "a]" b] text',
        Condition(Status.NO, "text", Code("X-SOME", '"a]" b')),
    ),
    "charsets": (
        b'* NO [BADCHARSET (US-ASCII "utf-8")] no',
        Condition(Status.NO, "no", Code("BADCHARSET", '(US-ASCII "utf-8")', ("US-ASCII", "utf-8"))),
    ),
    "capability code": (
        b"* OK [CAPABILITY IMAP4rev1 Idle] hi",
        Condition(Status.OK, "hi", Code("CAPABILITY", "IMAP4rev1 Idle", ("IMAP4REV1", "IDLE"))),
    ),
    "capability": (
        b"* CAPABILITY IMAP4rev1 AUTH=PLAIN",
        Capabilities(frozenset({"IMAP4REV1", "AUTH=PLAIN"})),
    ),
    "enabled": (b"* ENABLED CONDSTORE qresync", Enabled(frozenset({"CONDSTORE", "QRESYNC"}))),
    "enabled nothing": (b"* ENABLED", Enabled(frozenset())),
    "id": (b'* ID ("name" "x" "os" NIL)', ID({b"name": b"x", b"os": None})),
    "no id": (b"* ID NIL", ID({})),
    "list": (
        b'* LIST (\\HasNoChildren \\Sent) "/" "a/b c"',
        Listed(attributes=frozenset({"\\HasNoChildren", "\\Sent"}), separator="/", name="a/b c"),
    ),
    "list, atom, UTF-7": (
        b'* LIST () "." Entw&APw-rfe',
        Listed(attributes=frozenset(), separator=".", name="Entwürfe"),
    ),
    "list, backslash, no levels": (
        b"* LSUB () NIL {3}\r\na\\b",
        Listed(attributes=frozenset(), separator=None, name="a\\b", verb="LSUB"),
    ),
    "list, extended": (
        b'* LIST (\\NonExistent) "/" b ("CHILDINFO" ("SUBSCRIBED") OLDNAME ("a"))',
        Listed(
            attributes=frozenset({"\\NonExistent"}),
            separator="/",
            name="b",
            extended={"CHILDINFO": (b"SUBSCRIBED",), "OLDNAME": (b"a",)},
        ),
    ),
    "name of no right spelling": (
        b'* LIST () "/" "a&b"',
        Listed(attributes=frozenset(), separator="/", name="a&b"),
    ),
    "status": (
        b"* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292 MAILBOXID (F1) APPENDLIMIT NIL)",
        StatusOf(
            "blurdybloop",
            {"MESSAGES": 231, "UIDNEXT": 44292, "MAILBOXID": "F1", "APPENDLIMIT": None},
        ),
    ),
    "search": (b"* SEARCH 2 84 882", Searched((2, 84, 882))),
    "search, nothing": (b"* SEARCH", Searched(())),
    "search, a space": (b"* SEARCH 1 ", Searched((1,))),
    "search, modseq": (b"* SEARCH 2 5 (MODSEQ 917162500)", Searched((2, 5), 917162500)),
    "sort": (b"* SORT 5 3 4 1 2", Sorted((5, 3, 4, 1, 2))),
    "thread": (
        b"* THREAD (2)(3 6 (4 23)(44 7 96))((5)(6))",
        Threaded(((2,), (3, 6, (4, 23), (44, 7, 96)), ((5,), (6,)))),
    ),
    "thread, nothing": (b"* THREAD", Threaded(())),
    "esearch": (
        b'* ESEARCH (TAG "A282") UID MIN 2 COUNT 3 ALL 2,10:11 MODSEQ 1236',
        ESearched(
            tag="A282",
            by_uid=True,
            items={"MIN": 2, "COUNT": 3, "ALL": ((2, 2), (10, 11)), "MODSEQ": 1236},
        ),
    ),
    "esearch, bare": (b"* ESEARCH", ESearched(tag=None, by_uid=False, items={})),
    "esearch, mailbox": (
        b'* ESEARCH (TAG "t" MAILBOX "folder 1" UIDVALIDITY 1) UID ALL 1',
        ESearched(
            tag="t", by_uid=True, items={"ALL": ((1, 1),)}, mailbox="folder 1", uid_validity=1
        ),
    ),
    "esearch, partial": (
        b'* ESEARCH (TAG "C") UID PARTIAL (-1:-100 1:2,7) ADDTO (0 32768:32769)',
        ESearched(
            tag="C",
            by_uid=True,
            items={"PARTIAL": (b"-1:-100", b"1:2,7"), "ADDTO": (0, b"32768:32769")},
        ),
    ),
    "namespace": (
        b'* NAMESPACE (("" "/")("#mh/" "/" "X-PARAM" ("a" "b"))) NIL (("shared/" "/"))',
        Namespaces(
            (
                Namespace(b"", "/"),
                Namespace(b"#mh/", "/", (b"X-PARAM", (b"a", b"b"))),
            ),
            None,
            (Namespace(b"shared/", "/"),),
        ),
    ),
    "quota": (
        b'* QUOTA "" (STORAGE 10 512 MESSAGE 3 100)',
        Quota(b"", (Resource("STORAGE", 10, 512), Resource("MESSAGE", 3, 100))),
    ),
    "quota without limits": (b"* QUOTA a ()", Quota(b"a", ())),
    "quota root": (b'* QUOTAROOT INBOX "" x', QuotaRoot("INBOX", (b"", b"x"))),
    "quota root, none": (b"* QUOTAROOT comp.mail", QuotaRoot("comp.mail", ())),
    "acl": (b"* ACL INBOX Fred rwipsldx -a r", ACL("INBOX", {b"Fred": b"rwipsldx", b"-a": b"r"})),
    "list rights": (
        b"* LISTRIGHTS a smith la r swicdkxte",
        ListRights("a", b"smith", (b"la", b"r", b"swicdkxte")),
    ),
    "my rights": (b"* MYRIGHTS INBOX rwi", MyRights("INBOX", b"rwi")),
    "metadata": (
        b'* METADATA "" (/shared/comment {3}\r\na"b /private/x NIL)',
        Metadata("", {b"/shared/comment": b'a"b', b"/private/x": None}),
    ),
    "metadata that changed": (
        b'* METADATA "" /shared/comment /private/x',
        Metadata("", {}, (b"/shared/comment", b"/private/x")),
    ),
    "another": (
        b'* GENURLAUTH "imap://a" {2}\r\n()',
        Other("GENURLAUTH", b'"imap://a" {2}\r\n()'),
    ),
    "another with a number": (b"* 3 X-THING (a)", Other("X-THING", b"(a)", 3)),
    "fetch": (
        b"* 12 FETCH (FLAGS (\\Seen) UID 4827313 RFC822.SIZE 44827 MODSEQ (65402))",
        Fetched(
            12,
            {
                "FLAGS": frozenset({"\\Seen"}),
                "UID": 4827313,
                "RFC822.SIZE": 44827,
                "MODSEQ": 65402,
            },
        ),
    ),
    "uid fetch": (b"* 9 UIDFETCH (FLAGS ())", Fetched(9, {"FLAGS": frozenset()}, by_uid=True)),
    "fetch date": (
        b'* 1 FETCH (INTERNALDATE " 7-Jul-1996 02:44:25 -0730" SAVEDATE NIL)',
        Fetched(
            1,
            {
                "INTERNALDATE": datetime(
                    1996, 7, 7, 2, 44, 25, tzinfo=timezone(-timedelta(hours=7, minutes=30))
                ),
                "SAVEDATE": None,
            },
        ),
    ),
    "fetch octets": (
        b'* 1 FETCH (BODY[] {8}\r\na\r\n)\r\n{1 BODY[1.MIME]<0> NIL BODY[2] "q\\"")',
        Fetched(1, {"BODY[]": b"a\r\n)\r\n{1", "BODY[1.MIME]<0>": None, "BODY[2]": b'q"'}),
    ),
    "fetch fields": (
        b'* 1 FETCH (BODY[HEADER.FIELDS (From "a]" {1}\r\nb)] {0}\r\n)',
        Fetched(1, {'BODY[HEADER.FIELDS (FROM "A]" {1}\r\nB)]': b""}),
    ),
    "fetch binary": (
        b"* 1 FETCH (BINARY[1] ~{3}\r\na\0b BINARY.SIZE[1] 3)",
        Fetched(1, {"BINARY[1]": b"a\0b", "BINARY.SIZE[1]": 3}),
    ),
    "fetch ids": (
        b'* 1 FETCH (EMAILID (M6d99) THREADID NIL PREVIEW "hi" X-GM-LABELS (a "b" \\Sent))',
        Fetched(
            1,
            {
                "EMAILID": "M6d99",
                "THREADID": None,
                "PREVIEW": b"hi",
                "X-GM-LABELS": (b"a", b"b", b"\\Sent"),
            },
        ),
    ),
    "fetch envelope": (
        (
            b'* 1 FETCH (ENVELOPE ("Mon" NIL (("Ann" NIL "ann" "a.test")(NIL NIL "g" NIL)'
            b"(NIL NIL NIL NIL)) NIL NIL NIL NIL NIL NIL {3}\r\n<a>))"
        ),
        Fetched(
            1,
            {
                "ENVELOPE": Envelope(
                    **NONE
                    | {
                        "date": b"Mon",
                        "subject": None,
                        "from_": (
                            ANN,
                            Address(name=None, route=None, mailbox=b"g", host=None),
                            Address(name=None, route=None, mailbox=None, host=None),
                        ),
                        "in_reply_to": None,
                        "message_id": b"<a>",
                    }
                )
            },
        ),
    ),
    "fetch body": (
        b'* 1 FETCH (BODY ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3028 92))',
        Fetched(
            1,
            {
                "BODY": Part(
                    type=b"TEXT",
                    subtype=b"PLAIN",
                    parameters=(b"CHARSET", b"US-ASCII"),
                    id=None,
                    description=None,
                    encoding=b"7BIT",
                    size=3028,
                    lines=92,
                )
            },
        ),
    ),
    "fetch structure": (
        (
            b'* 1 FETCH (BODYSTRUCTURE (("image" "png" NIL "<i>" "d" "base64" 4 NIL '
            b'("attachment" ("filename" "a")) ("en" "de") "loc" 5)'
            b'("message" "rfc822" NIL NIL NIL "7bit" 9 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL)'
            b' ("text" "plain" NIL NIL NIL "7bit" 1 2) 3 "md5") "mixed" ("boundary" "b") NIL))'
        ),
        Fetched(
            1,
            {
                "BODYSTRUCTURE": Multipart(
                    (
                        Part(
                            type=b"image",
                            subtype=b"png",
                            parameters=None,
                            id=b"<i>",
                            description=b"d",
                            encoding=b"base64",
                            size=4,
                            extension=(
                                None,
                                (b"attachment", (b"filename", b"a")),
                                (b"en", b"de"),
                                b"loc",
                                5,
                            ),
                        ),
                        Part(
                            type=b"message",
                            subtype=b"rfc822",
                            parameters=None,
                            id=None,
                            description=None,
                            encoding=b"7bit",
                            size=9,
                            envelope=Envelope(
                                date=None,
                                subject=b"s",
                                in_reply_to=None,
                                message_id=None,
                                **NONE,
                            ),
                            body=Part(
                                type=b"text",
                                subtype=b"plain",
                                parameters=None,
                                id=None,
                                description=None,
                                encoding=b"7bit",
                                size=1,
                                lines=2,
                            ),
                            lines=3,
                            extension=(b"md5",),
                        ),
                    ),
                    b"mixed",
                    ((b"boundary", b"b"), None),
                )
            },
        ),
    ),
}


@pytest.mark.parametrize(("octets", "expected"), TABLE.values(), ids=TABLE)
def test_response_is_read(octets: bytes, expected: Data) -> None:
    """
    Each response is the value that it says, however it is cut, with another behind it.
    """
    wire = octets + b"\r\n* 5 EXISTS\r\n"
    for slices in (None, 1, 7):
        assert [expected, Exists(5)] == data_of(Dialogue().hear(wire, slices=slices))


def test_ends_and_continuations() -> None:
    """
    A tagged line is the end of a command, with its code; "+" asks to go on, with or without a
    space behind it.
    """

    def read(octets: bytes) -> object:
        return read_response(octets, depth=9, name=lambda name: name.decode())

    copied = CopyUID(38505, ((304, 304), (319, 320)), ((3956, 3958),))
    code = Code("COPYUID", "38505 304,319:320 3956:3958", copied)
    assert Tagged("A3", Condition(Status.OK, "done", code)) == read(
        b"A3 OK [COPYUID 38505 304,319:320 3956:3958] done"
    )
    appended = Code("APPENDUID", "1 7", AppendUID(1, ((7, 7),)))
    assert Tagged("x", Condition(Status.OK, "", appended)) == read(b"x OK [APPENDUID 1 7]")
    modified = Code("MODIFIED", "7,9", UIDSet([7, 9]))
    assert Tagged("x", Condition(Status.NO, "n", modified)) == read(b"x NO [MODIFIED 7,9] n")
    mailbox = Code("MAILBOXID", "(F-1)", "F-1")
    assert Tagged("x", Condition(Status.OK, "n", mailbox)) == read(b"x OK [MAILBOXID (F-1)] n")
    assert Continue(b"") == read(b"+")
    assert Continue(b"abc=") == read(b"+ abc=")


WRONG = {
    "nothing": b"",
    "no space": b"*",
    "word": b"HTTP/1.1 400 Bad Request",
    "tag with a bracket": b"a( OK",
    "number too large": b"* 4294967296999 EXISTS",
    "message 0": b"* 0 EXPUNGE",
    "fetch 0": b"* 0 FETCH (FLAGS ())",
    "more behind it": b"* 3 EXISTS 4",
    "tagged BYE": b"a BYE now",
    "code without end": b"* OK [UIDNEXT 5",
    "code of another kind": b"* OK [UIDNEXT x] y",
    "set with 0": b"* VANISHED 0:5",
    "set with nothing": b"* VANISHED 1,,2",
    "set with three ends": b"* VANISHED 1:2:3",
    "set with a number too long": b"* VANISHED 12345678901",
    "set with a star": b"* VANISHED 1:*",
    "uid 0": b"* 1 FETCH (UID 0)",
    "uid too large": b"* 1 FETCH (UID 4294967296)",
    "item twice": b"* 1 FETCH (UID 1 UID 2)",
    "no end": b"* 1 FETCH (UID 1",
    "flags that are none": b"* 1 FETCH (FLAGS \\Seen)",
    "quoted string without end": b'* LIST () "/" "abc',
    "separator of two": b'* LIST () "//" a',
    "acl, odd": b"* ACL INBOX a",
    "copied to fewer": b"* OK [COPYUID 1 1:3 4] x",
    "no such date": b'* 1 FETCH (INTERNALDATE "31-Feb-1996 02:44:25 +0000")',
    "date of no kind": b'* 1 FETCH (INTERNALDATE "yesterday")',
    "section without end": b"* 1 FETCH (BODY[1 NIL)",
    "literal in a number": b"* 1 FETCH (UID {1}\r\n1)",
    "body that is a string": b'* 1 FETCH (BODYSTRUCTURE "x")',
    "esearch with another correlator": b'* ESEARCH (ABC "x") ALL 1',
    "nested too deep": b"* THREAD " + b"(" * 200,
    "structure too deep": b"* 1 FETCH (BODYSTRUCTURE " + b"(" * 5000,
    "value too deep": b"* 1 FETCH (X " + b"(" * 5000,
}


@pytest.mark.parametrize("octets", WRONG.values(), ids=WRONG)
def test_what_is_no_response_ends_the_session(octets: bytes) -> None:
    """
    What cannot be read ends the session with a reason, and never raises.
    """
    (event,) = Dialogue().say(octets)

    assert isinstance(event, Lost)
    assert event.reason is LostReason.MALFORMED
    assert event.detail


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([octets for octets, _ in TABLE.values()]), st.data())
def test_damage_is_an_error_or_data(octets: bytes, data: st.DataObject) -> None:
    """
    A response with some octets changed is read, or is an error of the peer's; nothing else.
    """
    damaged = bytearray(octets)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(RemoteProtocolError):
        read_response(bytes(damaged), depth=20, name=lambda name: name.decode("latin-1"))


@pytest.mark.parametrize(
    "octets",
    [
        b"* SEARCH " + b"1 " * 500_000,
        b"* OK [" + b'"' * 1_000_001,
        b'* LIST () "/" "' + b"\\" * 1_000_001,
        b"* 1 FETCH (BODY[" + b"{" * 1_000_000,
        b"* VANISHED " + b"1:2," * 250_000,
        b"* LIST (" + b"\\a " * 300_000,
        b"* 1 FETCH (X " + b"(" * 1_000_000,
    ],
    ids=lambda octets: octets[:9].decode(),
)
def test_a_megabyte_is_read_in_linear_time(octets: bytes) -> None:
    """
    The longest lines of the worst kind end, with data or an error.
    """
    assert 1 == len(Dialogue().say(octets))
