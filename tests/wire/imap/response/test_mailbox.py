"""
Tests for lines about mailboxes and the session.
"""

from __future__ import annotations

import pytest

from pymta.mailbox import MailboxName, UIDSet
from pymta.wire.imap.command.status import StatusItem
from pymta.wire.imap.response import mailbox, session
from pymta.wire.imap.response.mailbox import NamespacePrefix

NAME = MailboxName("Entwürfe")

LINES = {
    b'* LIST () "/" Entw&APw-rfe\r\n': mailbox.list_line(NAME, (), utf8=False),
    '* LIST (\\Subscribed \\HasChildren) "/" "Entwürfe"\r\n'.encode(): mailbox.list_line(
        NAME, ["\\Subscribed", "\\HasChildren"], utf8=True
    ),
    b'* LIST (\\Noselect) "/" ""\r\n': mailbox.list_line("", ["\\Noselect"], utf8=False),
    b"* LIST () NIL INBOX\r\n": mailbox.list_line("INBOX", (), utf8=False, separator=None),
    b'* LIST () "/" a ("CHILDINFO" ("SUBSCRIBED"))\r\n': mailbox.list_line(
        "a", (), utf8=False, child_info=["SUBSCRIBED"]
    ),
    b'* LIST () "/" a ("OLDNAME" (Entw&APw-rfe))\r\n': mailbox.list_line(
        "a", (), utf8=False, old_name=NAME
    ),
    b'* LSUB (\\Noselect) "/" "a b"\r\n': mailbox.lsub_line("a b", ["\\Noselect"], utf8=False),
    b"* STATUS Entw&APw-rfe (MESSAGES 3 MAILBOXID (F1) APPENDLIMIT NIL)\r\n": mailbox.status_line(
        NAME,
        {StatusItem.MESSAGES: 3, StatusItem.MAILBOXID: "F1", StatusItem.APPENDLIMIT: None},
        utf8=False,
    ),
    b"* STATUS INBOX ()\r\n": mailbox.status_line(MailboxName("INBOX"), {}, utf8=False),
    b'* NAMESPACE (("" "/")) NIL NIL\r\n': mailbox.namespace_line(
        [NamespacePrefix("")], utf8=False
    ),
    b'* NAMESPACE (("" "/")("x/" NIL)) (("other/" "/")) (("&APw-/" "/"))\r\n': (
        mailbox.namespace_line(
            [NamespacePrefix(""), NamespacePrefix("x/", None)],
            [NamespacePrefix("other/")],
            [NamespacePrefix("ü/")],
            utf8=False,
        )
    ),
    b"* FLAGS (\\Answered \\Seen)\r\n": mailbox.flags_line(["\\Seen", "\\Answered"]),
    b"* 23 EXISTS\r\n": mailbox.exists_line(23),
    b"* 5 RECENT\r\n": mailbox.recent_line(5),
    b"* 44 EXPUNGE\r\n": mailbox.expunge_line(44),
    b"* VANISHED 41,43:44\r\n": mailbox.vanished_line(UIDSet([41, 43, 44])),
    b"* VANISHED (EARLIER) 1:3\r\n": mailbox.vanished_line([(1, 3)], earlier=True),
    b"* CAPABILITY IMAP4rev1 IDLE\r\n": session.capability_line(["IMAP4rev1", "IDLE"]),
    b"* ENABLED CONDSTORE\r\n": session.enabled_line(["CONDSTORE"]),
    b"* ENABLED\r\n": session.enabled_line([]),
    b'* ID ("name" "pymta" "x" "a\\"b")\r\n': session.id_line({"name": "pymta", "x": 'a"b'}),
    b"* ID NIL\r\n": session.id_line({}),
    b"+ idling\r\n": session.continuation("idling"),
}


@pytest.mark.parametrize("expected", LINES, ids=lambda line: line.decode().strip())
def test_lines(expected: bytes) -> None:
    """Lines are written as their documents show them, with their ends."""
    assert expected == LINES[expected]
