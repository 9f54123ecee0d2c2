"""
ACL, QUOTA and METADATA: what clients read.
"""

from __future__ import annotations

import pytest

from pymta.mailbox import ALL_RIGHTS, INBOX, MailboxName, PossibleRights, QuotaRoot, Resource
from pymta.wire.imap.response.acl import acl_line, listrights_line, myrights_line
from pymta.wire.imap.response.metadata import (
    long_entries,
    max_size,
    metadata_changed_line,
    metadata_line,
)
from pymta.wire.imap.response.quota import quota_line, quotaroot_line

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("line", "written"),
    [
        pytest.param(
            acl_line(INBOX, {"a@b": ALL_RIGHTS, "-c d": frozenset("rl"), "e": NONE}, utf8=False),
            b'* ACL INBOX a@b lrswipkxtecda "-c d" lr e ""\r\n',
            id="acl",
        ),
        pytest.param(acl_line(INBOX, {}, utf8=False), b"* ACL INBOX\r\n", id="empty acl"),
        pytest.param(
            acl_line(MailboxName("é"), {"bób": frozenset("l")}, utf8=True),
            '* ACL "é" "bób" l\r\n'.encode(),
            id="acl in UTF-8",
        ),
        pytest.param(
            acl_line(MailboxName("é"), {"bób": frozenset("l")}, utf8=False),
            "* ACL &AOk- {4}\r\nbób l\r\n".encode(),
            id="acl in UTF-7",
        ),
        pytest.param(
            myrights_line(INBOX, frozenset("lrt"), utf8=False),
            b"* MYRIGHTS INBOX lrtd\r\n",
            id="myrights with d",
        ),
        pytest.param(
            myrights_line(INBOX, NONE, utf8=False), b'* MYRIGHTS INBOX ""\r\n', id="no rights"
        ),
        pytest.param(
            listrights_line(INBOX, "a b", PossibleRights(ALL_RIGHTS, ()), utf8=False),
            b'* LISTRIGHTS INBOX "a b" lrswipkxtecda\r\n',
            id="listrights of an owner",
        ),
        pytest.param(
            listrights_line(
                INBOX,
                "bob",
                PossibleRights(NONE, tuple(map(frozenset, ("lr", "k", "x", "t", "e")))),
                utf8=False,
            ),
            b'* LISTRIGHTS INBOX bob "" lr k x t e c d\r\n',
            id="untied: virtual rights alone",
        ),
        pytest.param(
            listrights_line(
                INBOX,
                "bob",
                PossibleRights(NONE, tuple(map(frozenset, ("swte", "kx")))),
                utf8=False,
            ),
            b'* LISTRIGHTS INBOX bob "" swted kxc\r\n',
            id="tied: virtual rights with them",
        ),
        pytest.param(
            quota_line(
                QuotaRoot(
                    "a b",
                    {Resource.STORAGE: 1025, Resource.MESSAGE: 2, Resource.MAILBOX: 3},
                    {Resource.STORAGE: 524288, Resource.MESSAGE: 0},
                ),
                utf8=False,
            ),
            b'* QUOTA "a b" (STORAGE 2 512 MESSAGE 2 0)\r\n',
            id="quota",
        ),
        pytest.param(
            quota_line(QuotaRoot("", {}, {}), utf8=False), b'* QUOTA "" ()\r\n', id="no limits"
        ),
        pytest.param(
            quotaroot_line(INBOX, ["", "account"], utf8=False),
            b'* QUOTAROOT INBOX "" account\r\n',
            id="quotaroot",
        ),
        pytest.param(
            metadata_line(
                INBOX, {"/shared/a": b'x"', "/shared/b": None, "/shared/c": b"\r\n"}, utf8=False
            ),
            b'* METADATA INBOX (/shared/a "x\\"" /shared/b NIL /shared/c {2}\r\n\r\n)\r\n',
            id="metadata",
        ),
        pytest.param(
            metadata_line(None, {"/shared/a": b"\0"}, utf8=False),
            b'* METADATA "" (/shared/a ~{1}\r\n\0)\r\n',
            id="binary value of the server",
        ),
        pytest.param(
            metadata_changed_line(INBOX, {"/shared/b", "/shared/a"}, utf8=False),
            b"* METADATA INBOX /shared/a /shared/b\r\n",
            id="changed",
        ),
        pytest.param(long_entries(5).octets, b"[METADATA LONGENTRIES 5]", id="long entries"),
        pytest.param(max_size(5).octets, b"[METADATA MAXSIZE 5]", id="max size"),
    ],
)
def test_lines(line: bytes, written: bytes) -> None:
    """Each is written as its RFC has it."""
    assert written == line
