"""
Finer points of extensions: a row has the rule, and a dialogue that keeps it.
"""

from __future__ import annotations

import pytest

from tests.imap.extensions.names import Row
from tests.imap.extensions.speaking import spoken
from tests.imap.house import House

POINTS = (
    Row(
        # RFC 5465 section 7
        "UPDATE fetches of new messages",
        """
        C: a UID SEARCH RETURN (COUNT UPDATE (UID FLAGS)) SUBJECT one
        S: * ESEARCH (TAG "a") UID COUNT 1
        S: a OK ...
        C: b SEARCH RETURN (UPDATE(RFC822.SIZE) COUNT) SUBJECT two
        S: * ESEARCH (TAG "b") COUNT 1
        S: b OK ...
        * deliver
        C: c NOOP
        S: * 3 EXISTS
        S: * 3 RECENT
        S: * 3 FETCH (UID 3 FLAGS (\\Recent))
        S: * ESEARCH (TAG "a") UID ADDTO (0 3)
        S: c OK ...
        C: d STORE 2 +FLAGS.SILENT (\\Seen)
        S: d OK ...
        """,
    ),
    Row(
        # RFC 5465 section 5.2: nothing twice
        "UPDATE fetches what NOTIFY does not",
        """
        C: a UID SEARCH RETURN (COUNT UPDATE (FLAGS RFC822.SIZE)) ALL
        S: * ESEARCH (TAG "a") UID COUNT 2
        S: a OK ...
        C: b NOTIFY SET (SELECTED (MessageNew (FLAGS) MessageExpunge))
        S: b OK ...
        * deliver
        S: * 3 EXISTS
        S: * 3 RECENT
        S: * 3 FETCH (UID 3 RFC822.SIZE 45)
        S: * ESEARCH (TAG "a") UID ADDTO (0 3)
        S: * 3 FETCH (UID 3 FLAGS (\\Recent))
        """,
    ),
    Row(
        # RFC 5465 section 6.1.2
        "SELECTED-DELAYED tells an idler of expunges",
        """
        C: a NOTIFY SET (SELECTED-DELAYED (MessageNew MessageExpunge))
        S: a OK ...
        * remove
        C: b FETCH 2 UID
        S: * 2 FETCH (UID 2)
        S: b OK ...
        C: c IDLE
        S: + ...
        S: * 1 EXPUNGE
        C: DONE
        S: c OK ...
        """,
    ),
    Row(
        "an idler hears of expunges at once",
        """
        C: a NOTIFY SET (SELECTED-DELAYED (MessageNew MessageExpunge))
        S: a OK ...
        C: b IDLE
        S: + ...
        * remove
        S: * 1 EXPUNGE
        C: DONE
        S: b OK ...
        """,
    ),
    Row(
        # RFC 7162 section 3.1.2
        "SELECT (CONDSTORE) tells HIGHESTMODSEQ once",
        """
        C: a SELECT INBOX (CONDSTORE)
        S: * OK [CLOSED] ...
        S: * FLAGS ...
        S: * OK [PERMANENTFLAGS ...
        S: * 2 EXISTS
        S: * 0 RECENT
        S: * OK [UIDVALIDITY ...
        S: * OK [UIDNEXT ...
        S: * OK [HIGHESTMODSEQ {h}] ...
        S: * OK [MAILBOXID ...
        S: * OK [UNSEEN 1] ...
        S: a OK [READ-WRITE] ...
        C: b FETCH 1 MODSEQ
        S: * 1 FETCH (MODSEQ ({m}))
        S: b OK ...
        """,
    ),
    Row(
        # RFC 9051 appendix E: \Recent is gone
        "ENABLE IMAP4rev2 amid a mailbox",
        """
        C: a ENABLE IMAP4rev2
        S: * ENABLED IMAP4rev2
        S: a OK ...
        C: b FETCH 1 FLAGS
        S: * 1 FETCH (UID 1 FLAGS ())
        S: b OK ...
        * deliver
        C: c NOOP
        S: * 3 EXISTS
        S: c OK ...
        """,
    ),
    Row(
        # RFC 5465 section 3.1
        "NOTIFY SET STATUS tells HIGHESTMODSEQ for FlagChange",
        """
        C: a CREATE box
        S: a OK ...
        C: b NOTIFY SET STATUS (SUBTREE box (MessageNew MessageExpunge FlagChange))
        S: * STATUS box (MESSAGES 0 UIDNEXT 1 UIDVALIDITY {v} UNSEEN 0 HIGHESTMODSEQ {h})
        S: b OK ...
        C: c NOTIFY SET STATUS (MAILBOXES box (MessageNew MessageExpunge))
        S: * STATUS box (MESSAGES 0 UIDNEXT 1 UIDVALIDITY {v})
        S: c OK ...
        C: d NOTIFY SET (PERSONAL (MessageNew MessageExpunge AnnotationChange))
        S: d NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName ...
        C: e NOTIFY SET (PERSONAL (FlagChange))
        S: e BAD ...
        """,
    ),
    Row(
        # RFC 5465 section 5: what the client did itself is no news to it
        "NOTIFY says nothing of one's own messages elsewhere",
        """
        C: a CREATE box
        S: a OK ...
        C: b NOTIFY SET (PERSONAL (MessageNew MessageExpunge FlagChange))
        S: b OK ...
        C: c APPEND box {1+}
        C: x {1+}
        C: y
        S: c OK [APPENDUID {v} 1:2] ...
        C: d COPY 1:2 box
        S: d OK [COPYUID {v} 1:2 3:4] ...
        * idle
        C: e NOOP
        S: e OK ...
        * elsewhere
        S: * STATUS box (UIDNEXT 6 MESSAGES 5 UIDVALIDITY {v} UNSEEN 5)
        C: f NOOP
        S: f OK ...
        """,
    ),
    Row(
        # RFC 7889 section 3
        "a mailbox has a limit of its own",
        """
        * narrow
        C: a STATUS INBOX (APPENDLIMIT)
        S: * STATUS INBOX (APPENDLIMIT 30)
        S: a OK ...
        C: b LIST "" INBOX RETURN (STATUS (APPENDLIMIT))
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * STATUS INBOX (APPENDLIMIT 30)
        S: b OK ...
        C: c APPEND INBOX {31+}
        C: 0123456789012345678901234567890
        S: c NO [TOOBIG] ...
        C: d APPEND INBOX {65537}
        S: d NO [TOOBIG] ...
        """,
    ),
    Row(
        # RFC 4469 section 4: a text-literal may be empty, a message may not
        "CATENATE with a part of no octets",
        """
        C: a APPEND INBOX CATENATE (TEXT {0+}
        C:  TEXT {1+}
        C: x)
        S: * 3 EXISTS
        S: * 3 RECENT
        S: a OK [APPENDUID ...
        C: b APPEND INBOX CATENATE (TEXT {0+}
        C: )
        S: b NO [CANNOT] ...
        """,
    ),
)


def test_who_has_notify_and_does_not_read_is_waited_for() -> None:
    """Its commands are answered as it reads, as those of all others are."""
    player = House().logged_in()
    player.line("a NOTIFY NONE")
    producer = player.reads_no_more()
    heard = player.say(b"b NOOP\r\n" * 1000)
    assert heard.count(b"b OK") < 20
    for _ in range(1000):
        producer.resumeProducing()
        heard += player.heard()
    assert 1000 == heard.count(b"b OK")


LONG_ONES = (
    ("COPY 1 INBOX", "* 3 EXISTS"),
    ("SEARCH ALL", "* SEARCH 1 2"),
    ("SORT (DATE) UTF-8 ALL", "* SORT 1 2"),
    ("THREAD REFS UTF-8 ALL", "* THREAD (1)(2)"),
    ("ESEARCH IN (selected) ALL", "* ESEARCH ..."),
    ("STORE 1 +FLAGS (\\Seen)", "* 1 FETCH ..."),
)


@pytest.mark.parametrize(("command", "heard"), LONG_ONES, ids=[c for c, _ in LONG_ONES])
def test_whoever_waits_is_told(command: str, heard: str) -> None:
    """RFC 9585 section 3: each command that can take long, every ten seconds."""
    script = f"""
        * hold
        C: a {command}
        * wait
        S: * OK [INPROGRESS ("a" NIL NIL)] ...
        * wait
        S: * OK [INPROGRESS ("a" NIL NIL)] ...
        * go
        S: {heard}
        S: ...
        S: a OK ...
        """
    spoken(Row("INPROGRESS", script), House())


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in POINTS])
def test_point(row: Row) -> None:
    """As it is written."""
    spoken(row, House(**dict(row.settings)))  # type: ignore[arg-type]  # fields of settings
