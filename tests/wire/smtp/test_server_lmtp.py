"""
Dialogues with the server machine as LMTP (RFC 2033).
"""

from __future__ import annotations

import pytest

from pymta.address import Address
from pymta.reply import Reply
from pymta.wire.smtp.events import (
    ContentEnded,
    Rcpt,
)
from tests.wire.smtp.serving import (
    NO,
    always,
    lmtp,
    plain,
    play,
)
from tests.wire.smtp.transcript import EVERY_WAY, Slices, whole


@pytest.mark.parametrize("slices", EVERY_WAY)
@pytest.mark.parametrize("how", ["DATA", "BDAT"])
def test_lmtp(slices: Slices, how: str) -> None:
    """One reply for each RCPT that was answered well, in order, also for one address twice."""
    over = Reply(452, "4.2.2", "Over quota")
    fine = Reply(250, "2.0.0", "Stored")
    server = lmtp()
    server.says[ContentEnded] = always([fine, over, fine])
    server.says[Rcpt] = lambda rcpt: (
        NO if isinstance(rcpt, Rcpt) and rcpt.recipient.address.local == "no" else None
    )
    content = {
        "DATA": "C: DATA\nS: 354 ...\nC: x\nC: .\n",
        "BDAT": "C. BDAT 3 LAST\\r\\nx\\r\\n\n",
    }
    play(
        server,
        """
        S: 220 mx.example LMTP
        C: EHLO a
        S: 500 5.5.1 This is LMTP: say LHLO
        C: HELO a
        S: 500 5.5.1 This is LMTP: say LHLO
        C: LHLO a
        S: ...
        C: MAIL FROM:<>
        C: RCPT TO:<a@b>
        C: RCPT TO:<no@b>
        C: RCPT TO:<c@d>
        C: RCPT TO:<a@b>
        S: 250 2.1.0 Sender OK
        S: 250 2.1.5 Recipient OK
        S: 550 5.7.1 Not with me
        S: 250 2.1.5 Recipient OK
        S: 250 2.1.5 Recipient OK
        """
        + content[how]
        + """
        S: 250 2.0.0 Stored
        S: 452 4.2.2 Over quota
        S: 250 2.0.0 Stored
        """,
        slices,
    )

    assert [b"x\r\n"] == server.messages


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_lmtp_refused(slices: Slices) -> None:
    """One answer for all is said for each; a chunk that is not the last has one."""
    server = lmtp()
    play(
        server,
        """
        S: 220 mx.example LMTP
        C: LHLO a
        S: ...
        C: MAIL FROM:<>
        C: RCPT TO:<a@b>
        C: RCPT TO:<c@d>
        S: ...
        C. BDAT 2\\r\\na\\nBDAT 0\\r\\nBDAT 0 LAST\\r\\nMAIL FROM:<>\\r\\n
        S: 554 5.6.0 Bare CR or LF in the message
        S: 503 5.5.1 The transaction failed: say RSET
        S: 503 5.5.1 The transaction failed: say RSET
        S: 503 5.5.1 The transaction failed: say RSET
        S: 250 2.1.0 Sender OK
        """,
        slices,
    )


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_lmtp_without_recipients(slices: Slices) -> None:
    """DATA without a valid RCPT is 503 (RFC 2033 §4.2); BDAT LAST has no reply (§4.3)."""
    play(
        lmtp(),
        """
        S: 220 mx.example LMTP
        C: LHLO a
        S: ...
        C: MAIL FROM:<>
        C: DATA
        S: 250 2.1.0 Sender OK
        S: 503 5.5.1 No valid recipients
        C. BDAT 2 LAST\\r\\nxxNOOP\\r\\n
        S: 250 2.0.0 OK
        """,
        slices,
    )


def test_smtp_has_no_lhlo() -> None:
    """LHLO is of LMTP only."""
    play(plain(), "S: 220 ...\nC: LHLO a\nS: 500 5.5.1 This is not LMTP", whole)


@pytest.mark.parametrize("slices", EVERY_WAY)
def test_lmtp_local_part_alone(slices: Slices) -> None:
    """LMTP delivers to accounts, which may be named without a domain; SMTP does not."""
    server = lmtp()
    asked: list[Rcpt] = []
    server.says[Rcpt] = lambda rcpt: asked.append(rcpt) if isinstance(rcpt, Rcpt) else None
    play(
        server,
        """
        S: 220 mx.example LMTP
        C: LHLO a
        S: ...
        C: MAIL FROM:<>
        C: RCPT TO:<root>
        C: RCPT TO:<root@>
        S: 250 2.1.0 Sender OK
        S: 250 2.1.5 Recipient OK
        S: 501 5.1.3 ...
        """,
        slices,
    )

    assert [Address("root", "")] == [each.recipient.address for each in asked]


def test_smtp_wants_a_domain() -> None:
    """In SMTP nobody but the postmaster is named without a domain."""
    play(
        plain(),
        """
        S: 220 ...
        C: EHLO a
        S: ...
        C: MAIL FROM:<>
        C: RCPT TO:<root>
        S: 250 2.1.0 Sender OK
        S: 501 5.1.3 ...
        """,
        whole,
    )
