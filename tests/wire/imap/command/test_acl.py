"""
ACL, QUOTA and METADATA: what clients write.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pymta.mailbox import INBOX, FlagMode, MailboxName, RightsChange
from pymta.wire.imap.command import acl, metadata, quota
from pymta.wire.imap.command.acl import DeleteACL, GetACL, ListRights, MyRights, SetACL
from pymta.wire.imap.command.metadata import GetMetadata, SetMetadata
from pymta.wire.imap.command.quota import GetQuota, GetQuotaRoot, SetQuota
from pymta.wire.imap.cursor import BadSyntax, Cursor, Literal

PARSERS = {
    verb.name: verb.parse for verb in (*acl.VERBS, *quota.VERBS, *quota.SETTING, *metadata.VERBS)
}
WORK = MailboxName("Work")

Pieces = Sequence[bytes | Literal]


def parsed(*pieces: bytes | Literal) -> object:
    """What a command is read as, all of it."""
    first, *rest = pieces
    assert isinstance(first, bytes)
    verb, _, arguments = first.partition(b" ")
    cursor = Cursor([b" " + arguments, *rest])
    command = PARSERS[verb.decode()](cursor)
    cursor.end()
    return command


def rights(mode: str, letters: str) -> RightsChange:
    """A change."""
    return RightsChange(FlagMode(mode), frozenset(letters))


def setacl(mailbox: MailboxName, identifier: str, change: RightsChange) -> SetACL:
    """SETACL."""
    return SetACL(mailbox=mailbox, identifier=identifier, change=change)


def getmetadata(mailbox: MailboxName | None, *entries: str, **options: object) -> GetMetadata:
    """GETMETADATA."""
    return GetMetadata(mailbox=mailbox, entries=entries, **options)  # type: ignore[arg-type]  # as named


@pytest.mark.parametrize(
    ("pieces", "command"),
    [
        pytest.param([b"SETACL Work bob lrs"], setacl(WORK, "bob", rights("=", "lrs")), id="set"),
        pytest.param(
            [b'SETACL inbox -bob "+lr"'], setacl(INBOX, "-bob", rights("+", "lr")), id="add"
        ),
        pytest.param(
            [b"SETACL Work anyone -w"], setacl(WORK, "anyone", rights("-", "w")), id="remove"
        ),
        pytest.param([b'SETACL Work bob ""'], setacl(WORK, "bob", rights("=", "")), id="none"),
        pytest.param(
            [b"SETACL Work bob lcd"], setacl(WORK, "bob", rights("=", "lkxet")), id="virtual"
        ),
        pytest.param(
            [b"SETACL Work ", Literal("bób".encode()), b" l"],
            setacl(WORK, "bób", rights("=", "l")),
            id="literal",
        ),
        pytest.param([b"DELETEACL Work bob@x"], DeleteACL(WORK, "bob@x"), id="deleteacl"),
        pytest.param([b"GETACL Work"], GetACL(WORK), id="getacl"),
        pytest.param([b"LISTRIGHTS Work bob"], ListRights(WORK, "bob"), id="listrights"),
        pytest.param([b"MYRIGHTS Work"], MyRights(WORK), id="myrights"),
        pytest.param([b'GETQUOTA ""'], GetQuota(""), id="getquota"),
        pytest.param([b"GETQUOTAROOT inbox"], GetQuotaRoot(INBOX), id="getquotaroot"),
        pytest.param([b"SETQUOTA a ()"], SetQuota("a", {}), id="setquota of nothing"),
        pytest.param(
            [b"SETQUOTA a (storage 512 MESSAGE 9223372036854775807)"],
            SetQuota("a", {"STORAGE": 512, "MESSAGE": 2**63 - 1}),
            id="setquota",
        ),
        pytest.param(
            [b'GETMETADATA "" /shared/comment'], getmetadata(None, "/shared/comment"), id="server"
        ),
        pytest.param(
            [b"GETMETADATA Work (/shared/a /private/b)"],
            getmetadata(WORK, "/shared/a", "/private/b"),
            id="several",
        ),
        pytest.param(
            [b"GETMETADATA (MAXSIZE 1024 DEPTH infinity) Work (/a)"],
            getmetadata(WORK, "/a", max_size=1024, depth="infinity"),
            id="options before",
        ),
        pytest.param(
            [b'GETMETADATA Work (depth 1) ("/a" /b)'],
            getmetadata(WORK, "/a", "/b", depth="1"),
            id="options behind",
        ),
        pytest.param(
            [b"GETMETADATA Work (", Literal(b"/a"), b" /b)"],
            getmetadata(WORK, "/a", "/b"),
            id="entry in a literal",
        ),
        pytest.param(
            [b'SETMETADATA "" (/private/a NIL /private/b "x")'],
            SetMetadata(None, {"/private/a": None, "/private/b": b"x"}),
            id="setmetadata",
        ),
        pytest.param(
            [b"SETMETADATA Work (/private/a ", Literal(b"\0", binary=True), b")"],
            SetMetadata(WORK, {"/private/a": b"\0"}),
            id="binary value",
        ),
    ],
)
def test_commands(pieces: Pieces, command: object) -> None:
    """Each is read as it is meant, and as nothing else with something behind it."""
    assert command == parsed(*pieces)
    with pytest.raises(BadSyntax):
        parsed(*pieces, Literal(b"x"))


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"SETACL Work bob lq", id="unknown right"),
        pytest.param(b"SETACL Work bob lrQ", id="capital"),
        pytest.param(b"SETACL Work bob 0", id="digit"),
        pytest.param(b"SETACL Work bob ++l", id="two signs"),
        pytest.param(b'SETACL Work "" l', id="nobody"),
        pytest.param(b'SETACL Work "-" l', id="negative nobody"),
        pytest.param(b"SETACL Work bob", id="no rights"),
        pytest.param(b"DELETEACL Work", id="no identifier"),
        pytest.param(b"GETACL", id="no mailbox"),
        pytest.param(b"SETQUOTA a (STORAGE)", id="no limit"),
        pytest.param(b"SETQUOTA a (STORAGE 1 storage 2)", id="a resource twice"),
        pytest.param(b"SETQUOTA a (STORAGE 9223372036854775808)", id="64 bits"),
        pytest.param(b"SETQUOTA a", id="no list"),
        pytest.param(b"GETMETADATA Work ()", id="no entries"),
        pytest.param(b"GETMETADATA (DEPTH 2) Work /a", id="depth 2"),
        pytest.param(b"GETMETADATA (DEPTH 1 DEPTH 1) Work /a", id="an option twice"),
        pytest.param(b"GETMETADATA (DEPTH 1) Work (DEPTH 1) /a", id="an option twice, apart"),
        pytest.param(b"GETMETADATA (FOO 1) Work /a", id="unknown option"),
        pytest.param(b"GETMETADATA Work", id="nothing asked"),
        pytest.param(b"SETMETADATA Work ()", id="nothing set"),
        pytest.param(b"SETMETADATA Work (/a)", id="no value"),
        pytest.param(b"SETMETADATA Work /a NIL", id="no parentheses"),
    ],
)
def test_bad_commands(octets: bytes) -> None:
    """What is not of the grammar is refused."""
    with pytest.raises(BadSyntax):
        parsed(octets)
