"""
Tests for status responses and their codes.
"""

from __future__ import annotations

import pytest

from pymta.mailbox import UIDSet
from pymta.wire.imap.response import codes, status
from pymta.wire.imap.response.codes import Code
from pymta.wire.imap.response.status import BAD, NO, OK

CODES = {
    "[ALERT]": codes.ALERT,
    "[READ-ONLY]": codes.READ_ONLY,
    "[UNKNOWN-CTE]": codes.UNKNOWN_CTE,
    "[CAPABILITY IMAP4rev1 IDLE]": codes.capability(["IMAP4rev1", "IDLE"]),
    "[PERMANENTFLAGS (\\Deleted \\Seen \\*)]": codes.permanent_flags(
        {"\\Seen", "\\Deleted"}, more=True
    ),
    "[PERMANENTFLAGS ()]": codes.permanent_flags((), more=False),
    "[UIDVALIDITY 3857529045]": codes.uid_validity(3857529045),
    "[UIDNEXT 4392]": codes.uid_next(4392),
    "[UNSEEN 12]": codes.unseen(12),
    "[HIGHESTMODSEQ 9223372036854775807]": codes.highest_modseq(2**63 - 1),
    "[MODIFIED 7,9:10]": codes.modified(UIDSet([7, 9, 10])),
    "[APPENDUID 38505 3955:3957]": codes.append_uid(38505, [3955, 3956, 3957]),
    "[APPENDUID 38505 7,9]": codes.append_uid(38505, [7, 9]),
    "[COPYUID 38505 304,319:320 3956:3958]": codes.copy_uid(
        38505, [(304, 3956), (319, 3957), (320, 3958)]
    ),
    "[BADCHARSET (US-ASCII UTF-8)]": codes.bad_charset(["US-ASCII", "UTF-8"]),
    "[BADURL /x?y?]": codes.bad_url(b"/x]y\n"),
    "[BADEVENT (MessageNew)]": codes.bad_event(["MessageNew"]),
    '[NOUPDATE "a1"]': codes.no_update("a1"),
    "[MAILBOXID (F22)]": codes.mailbox_id("F22"),
    '[INPROGRESS ("a1" 454 1000)]': codes.in_progress("a1", 454, 1000),
    '[INPROGRESS ("a1" 454 NIL)]': codes.in_progress("a1", 454),
    "[MESSAGELIMIT 1000]": codes.message_limit(1000),
    "[MESSAGELIMIT 1000 23]": codes.message_limit(1000, 23),
}


@pytest.mark.parametrize("octets", CODES)
def test_codes(octets: str) -> None:
    """Codes are written as their documents show them."""
    assert octets.encode() == CODES[octets].octets


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("", b""), ("A B", b""), ("A]", b""), ("A", b"x]"), ("A", b"x\r\n"), ("A", b"\0"), ("Ä", b"")],
)
def test_no_codes(name: str, arguments: bytes) -> None:
    """What would end the code, or the line, is none."""
    with pytest.raises(ValueError, match="no response code"):
        Code(name, arguments)


def test_constants_are_codes() -> None:
    """Each constant is named as it is spelled."""
    for name in codes.__all__:
        value = getattr(codes, name)
        if isinstance(value, Code):
            assert name == value.name.replace("-", "_")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (status.tagged("a1", OK("done")), b"a1 OK done\r\n"),
        (status.tagged("a1", NO("no", codes.TRYCREATE)), b"a1 NO [TRYCREATE] no\r\n"),
        (status.tagged("a1", BAD("x\r\ny OK z")), b"a1 BAD x??y OK z\r\n"),
        (status.untagged(OK("[oh]")), b"* OK - [oh]\r\n"),
        (status.untagged(OK("")), b"* OK -\r\n"),
        (status.untagged(OK("ü")), b"* OK ?\r\n"),
        (status.untagged(OK("x" * 1_000)), b"* OK " + b"x" * 900 + b"\r\n"),
        (status.bye("night"), b"* BYE night\r\n"),
        (status.bye("night", codes.UNAVAILABLE), b"* BYE [UNAVAILABLE] night\r\n"),
        (status.preauth("you", codes.ALERT), b"* PREAUTH [ALERT] you\r\n"),
    ],
)
def test_lines(line: bytes, expected: bytes) -> None:
    """A text never breaks its line, nor begins like a code."""
    assert expected == line
