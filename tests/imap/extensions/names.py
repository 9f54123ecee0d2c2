"""
Each capability by a dialogue that needs it: what is announced is true.

A row is the name, what is in INBOX, and what is said behind a login, with INBOX open unless it says
otherwise.  In the house of :mod:`tests.imap.house`, on a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.imap.house import ONE, TWO

__all__ = ["ROWS", "Row"]

LETTER = (
    b"From: Zoe <zoe@example.test>\r\nTo: ann@example.test\r\n"
    b"Date: Thu, 1 Jan 2026 10:00:00 +0000\r\nMessage-ID: <one@example.test>\r\n"
    b"Subject: =?utf-8?q?Caf=C3=A9?=\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"aGVsbG8gd29ybGQ=\r\n"
)
REPLY = (
    b"From: Ann <ann@example.test>\r\nDate: Thu, 1 Jan 2026 11:00:00 +0000\r\n"
    b"Message-ID: <two@example.test>\r\nIn-Reply-To: <one@example.test>\r\n"
    b"Subject: Re: =?utf-8?q?Caf=C3=A9?=\r\n\r\nyes\r\n"
)
OTHER = (
    b"From: Bob <bob@example.test>\r\nDate: Thu, 1 Jan 2026 09:00:00 +0000\r\n"
    b"Message-ID: <three@example.test>\r\nSubject: else\r\n\r\nno\r\n"
)
THREE = (LETTER, REPLY, OTHER)


@dataclass(frozen=True, slots=True)
class Row:
    """
    One capability.

    :param name: the word that is announced.
    :param script: for :func:`tests.imap.dialogue.play`.
    :param settings: of the listener.
    :param selected: INBOX is open.
    :param row: the name of the row in the offer, where that is another word.
    :param gated: without the capability, the dialogue fails behind the announcement as well.
    """

    name: str
    script: str
    messages: tuple[bytes, ...] = (ONE, TWO)
    settings: Mapping[str, object] = field(default_factory=dict)
    selected: bool = True
    row: str = ""
    gated: bool = False


ROWS: Final = (
    Row(
        "IMAP4rev1",
        """
        C: a FETCH 1 (FLAGS RFC822.SIZE)
        S: * 1 FETCH (FLAGS (\\Recent) RFC822.SIZE 45)
        S: a OK ...
        """,
    ),
    Row(
        "IMAP4rev2",
        # RFC 9051: no \Recent and no RECENT, ESEARCH answers, and names come in UTF-8.
        """
        C: a ENABLE IMAP4rev2
        S: * ENABLED IMAP4rev2
        S: a OK ...
        C: b SEARCH ALL
        S: * ESEARCH (TAG "b") ALL 1:2
        S: b OK ...
        C: c SEARCH SUBJECT nothing
        S: * ESEARCH (TAG "c")
        S: c OK ...
        C: d CREATE "\u00e9"
        S: d OK ...
        C: e SELECT "\u00e9"
        S: * OK [CLOSED] ...
        S: * FLAGS ...
        S: * OK [PERMANENTFLAGS ...
        S: * 0 EXISTS
        S: * LIST () "/" "\u00e9"
        S: * OK [UIDVALIDITY ...
        S: * OK [UIDNEXT ...
        S: * OK [HIGHESTMODSEQ ...
        S: * OK [MAILBOXID ...
        S: e OK [READ-WRITE] ...
        C: f STATUS INBOX (MESSAGES DELETED)
        S: * STATUS INBOX (MESSAGES 2 DELETED 0)
        S: f OK ...
        """,
    ),
    Row(
        "LITERAL+",
        """
        C: a SEARCH SUBJECT {3+}
        C: one
        S: * SEARCH 1
        S: a OK ...
        """,
        row="LITERAL",
        gated=True,
    ),
    Row(
        "ACL",
        """
        C: a SETACL INBOX bob lr
        S: a OK ...
        C: b GETACL INBOX
        S: * ACL INBOX {me} lrswipkxtecda bob@example.test lr
        S: b OK ...
        C: c DELETEACL INBOX bob
        S: c OK ...
        C: d MYRIGHTS INBOX
        S: * MYRIGHTS INBOX lrswipkxtecda
        S: d OK ...
        """,
        gated=True,
    ),
    Row(
        "RIGHTS=kxte",
        """
        C: a LISTRIGHTS INBOX bob
        S: * LISTRIGHTS INBOX bob "" l r s w i p k x t e a c d
        S: a OK ...
        """,
        row="ACL",
        gated=True,
    ),
    Row(
        "APPENDLIMIT=30",
        """
        C: a STATUS INBOX (APPENDLIMIT)
        S: * STATUS INBOX (APPENDLIMIT 30)
        S: a OK ...
        C: b APPEND INBOX {31+}
        C: Subject: too long a message
        C: x
        S: b NO [TOOBIG] ...
        """,
        settings={"append_limit": 30},
        row="APPENDLIMIT",
    ),
    Row(
        "APPENDLIMIT",
        """
        C: a STATUS INBOX (APPENDLIMIT)
        S: * STATUS INBOX (APPENDLIMIT NIL)
        S: a OK ...
        C: b LIST "" INBOX RETURN (STATUS (APPENDLIMIT))
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * STATUS INBOX (APPENDLIMIT NIL)
        S: b OK ...
        """,
        settings={"append_limit": None},
    ),
    Row(
        "BINARY",
        """
        C: a FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1] BINARY.PEEK[1]<6.5>)
        S: * 1 FETCH (BINARY.SIZE[1] 11 BINARY[1] {n}
        S: hello world BINARY[1]<6> {m}
        S: world)
        S: a OK ...
        C: b APPEND INBOX ~{10+}
        C: A: b
        C:\x20
        C: c\x00
        S: * 4 EXISTS
        S: * 4 RECENT
        S: b OK [APPENDUID {v} 4] ...
        """.replace("C:\x20", "C: "),
        messages=THREE,
    ),
    Row(
        "CATENATE",
        """
        C: a APPEND INBOX CATENATE (URL "/INBOX/;UID=2/;SECTION=HEADER" TEXT {4+}
        C: tail)
        S: * 3 EXISTS
        S: * 3 RECENT
        S: a OK [APPENDUID {v} 3] ...
        C: b UID FETCH 3 (RFC822.SIZE BODY.PEEK[TEXT])
        S: * 3 FETCH (UID 3 RFC822.SIZE 20 BODY[TEXT] {n}
        S: tail)
        S: b OK ...
        C: c APPEND INBOX CATENATE (URL "/INBOX/;UID=9")
        S: c NO [BADURL /INBOX/;UID=9] ...
        """,
        gated=True,
    ),
    Row(
        "CHILDREN",
        """
        C: a CREATE box/in
        S: a OK ...
        C: b LIST "" box*
        S: * LIST (\\HasChildren) "/" box
        S: * LIST (\\HasNoChildren) "/" box/in
        S: b OK ...
        """,
    ),
    Row(
        "COMPRESS=DEFLATE",
        """
        C: a COMPRESS DEFLATE
        S: a OK ...
        """,
        gated=True,
    ),
    Row(
        "CONDSTORE",
        """
        C: a FETCH 2 (MODSEQ)
        S: * OK [HIGHESTMODSEQ {h}] ...
        S: * 2 FETCH (MODSEQ ({m}))
        S: a OK ...
        C: b STORE 2 (UNCHANGEDSINCE {m}) +FLAGS.SILENT (\\Seen)
        S: * 2 FETCH (MODSEQ ({n}))
        S: b OK ...
        C: c STORE 1:2 (UNCHANGEDSINCE {m}) FLAGS ()
        S: * 1 FETCH (FLAGS (\\Recent) MODSEQ ({o}))
        S: c OK [MODIFIED 2] ...
        C: d FETCH 1:2 (UID) (CHANGEDSINCE {h})
        S: * 2 FETCH (UID 2 MODSEQ ({n}))
        S: d OK ...
        C: e SEARCH MODSEQ {n}
        S: * SEARCH 2 (MODSEQ {n})
        S: e OK ...
        """,
    ),
    Row(
        "QRESYNC",
        """
        C: a ENABLE QRESYNC
        S: ...
        S: * OK [HIGHESTMODSEQ ...
        S: * ENABLED QRESYNC
        S: a OK ...
        C: b FETCH 2 (MODSEQ)
        S: * 2 FETCH (UID 2 MODSEQ ({m}))
        S: b OK ...
        C: c STORE 1 +FLAGS.SILENT (\\Deleted)
        S: * 1 FETCH (UID 1 MODSEQ ({n}))
        S: c OK ...
        C: d EXPUNGE
        S: * VANISHED 1
        S: d OK [HIGHESTMODSEQ {h}] ...
        C: e STATUS INBOX (UIDVALIDITY)
        S: * STATUS INBOX (UIDVALIDITY {v})
        S: e OK ...
        C: f SELECT INBOX (QRESYNC ({v} {m} 1:2))
        S: ...
        S: * VANISHED (EARLIER) 1
        S: f OK [READ-WRITE] ...
        C: g UID FETCH 1:9 (FLAGS) (CHANGEDSINCE {m} VANISHED)
        S: * VANISHED (EARLIER) 1
        S: g OK ...
        """,
        gated=True,
    ),
    Row(
        "CREATE-SPECIAL-USE",
        """
        C: a CREATE Rubbish (USE (\\Trash))
        S: a OK ...
        C: b LIST "" Rubbish RETURN (SPECIAL-USE)
        S: * LIST (\\HasNoChildren \\Trash) "/" Rubbish
        S: b OK ...
        C: c CREATE Odd (USE (\\Whatever))
        S: c NO [USEATTR] ...
        """,
    ),
    Row(
        "SPECIAL-USE",
        """
        C: a CREATE Old (USE (\\Archive))
        S: a OK ...
        C: b LIST (SPECIAL-USE) "" O*
        S: * LIST (\\HasNoChildren \\Archive) "/" Old
        S: b OK ...
        """,
    ),
    Row(
        "CONTEXT=SEARCH",
        """
        C: a UID SEARCH RETURN (UPDATE COUNT) UNSEEN
        S: * ESEARCH (TAG "a") UID COUNT 2
        S: a OK ...
        C: b UID STORE 1 +FLAGS.SILENT (\\Seen)
        S: * ESEARCH (TAG "a") UID REMOVEFROM (0 1)
        S: b OK ...
        C: c CANCELUPDATE "a"
        S: c OK ...
        C: d UID STORE 2 +FLAGS.SILENT (\\Seen)
        S: d OK ...
        """,
        gated=True,
    ),
    Row(
        "CONTEXT=SORT",
        """
        C: a UID SORT RETURN (UPDATE COUNT) (SUBJECT) UTF-8 UNSEEN
        S: * ESEARCH (TAG "a") UID COUNT 2
        S: a OK ...
        C: b UID STORE 1 +FLAGS.SILENT (\\Seen)
        S: * ESEARCH (TAG "a") UID REMOVEFROM (1 1)
        S: b OK ...
        C: c UID STORE 1 -FLAGS.SILENT (\\Seen)
        S: * ESEARCH (TAG "a") UID ADDTO (1 1)
        S: c OK ...
        """,
    ),
    Row(
        "ENABLE",
        """
        C: a ENABLE CONDSTORE X-NONE
        S: ...
        S: * OK [HIGHESTMODSEQ ...
        S: * ENABLED CONDSTORE
        S: a OK ...
        C: b ENABLE CONDSTORE
        S: * ENABLED
        S: b OK ...
        """,
        gated=True,
    ),
    Row(
        "ESEARCH",
        """
        C: a UID SEARCH RETURN (MIN MAX COUNT) ALL
        S: * ESEARCH (TAG "a") UID MIN 1 MAX 2 COUNT 2
        S: a OK ...
        C: b SEARCH RETURN () UNSEEN
        S: * ESEARCH (TAG "b") ALL 1:2
        S: b OK ...
        """,
    ),
    Row(
        "ESORT",
        """
        C: a SORT RETURN (MIN MAX COUNT ALL) (REVERSE SUBJECT) UTF-8 ALL
        S: * ESEARCH (TAG "a") MIN 2 MAX 1 ALL 2,1 COUNT 2
        S: a OK ...
        """,
    ),
    Row(
        "FILTERS",
        """
        C: a SETMETADATA "" (/private/filters/values/ones "SUBJECT one")
        S: a OK ...
        C: b SEARCH FILTER ones
        S: * SEARCH 1
        S: b OK ...
        C: c SEARCH FILTER none
        S: c NO [UNDEFINED-FILTER none] ...
        """,
    ),
    Row(
        "ID",
        """
        C: a ID ("name" "x" "version" NIL)
        S: * ID ("name" "pymta")
        S: a OK ...
        """,
        gated=True,
    ),
    Row(
        "IDLE",
        """
        C: a IDLE
        S: + ...
        * deliver
        S: * 3 EXISTS
        S: * 3 RECENT
        C: DONE
        S: a OK ...
        """,
        gated=True,
    ),
    Row(
        "INPROGRESS",
        """
        * hold
        C: a COPY 1 INBOX
        * wait
        S: * OK [INPROGRESS ("a" NIL NIL)] ...
        * go
        S: ...
        S: a OK [COPYUID ...
        """,
        gated=True,
    ),
    Row(
        "I18NLEVEL=1",
        # RFC 5255: i;unicode-casemap
        """
        C: a SEARCH SUBJECT "CAF\u00c9"
        S: * SEARCH 1 2
        S: a OK ...
        """,
        messages=THREE,
    ),
    Row(
        "LIST-EXTENDED",
        """
        C: a SUBSCRIBE gone/box
        S: a OK ...
        C: b SUBSCRIBE INBOX
        S: b OK ...
        C: c LIST (SUBSCRIBED) "" (INBOX "gone/*") RETURN (CHILDREN)
        S: * LIST (\\HasNoChildren \\Subscribed) "/" INBOX
        S: * LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" gone/box
        S: c OK ...
        C: d LIST (SUBSCRIBED RECURSIVEMATCH) "" (INBOX g%)
        S: * LIST (\\HasNoChildren \\Subscribed) "/" INBOX
        S: * LIST (\\NonExistent \\HasNoChildren) "/" gone ("CHILDINFO" ("SUBSCRIBED"))
        S: d OK ...
        """,
    ),
    Row(
        "LIST-MYRIGHTS",
        """
        C: a LIST "" INBOX RETURN (MYRIGHTS)
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * MYRIGHTS INBOX lrswipkxtecda
        S: a OK ...
        """,
    ),
    Row(
        "LIST-METADATA",
        """
        C: a SETMETADATA INBOX (/shared/comment "ours")
        S: a OK ...
        C: b LIST "" INBOX RETURN (METADATA (/shared/comment /private/comment))
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * METADATA INBOX (/shared/comment "ours" /private/comment NIL)
        S: b OK ...
        """,
    ),
    Row(
        "LIST-STATUS",
        """
        C: a LIST "" IN* RETURN (STATUS (MESSAGES UNSEEN))
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * STATUS INBOX (MESSAGES 2 UNSEEN 2)
        S: a OK ...
        """,
    ),
    Row(
        "METADATA",
        """
        C: a SETMETADATA INBOX (/private/comment "mine")
        S: a OK ...
        C: b GETMETADATA INBOX /private/comment
        S: * METADATA INBOX (/private/comment "mine")
        S: b OK ...
        C: c SETMETADATA INBOX (/private/comment NIL)
        S: c OK ...
        C: d GETMETADATA INBOX /private/comment
        S: * METADATA INBOX (/private/comment NIL)
        S: d OK ...
        """,
        gated=True,
    ),
    Row(
        "MOVE",
        """
        C: a CREATE box
        S: a OK ...
        C: b MOVE 1 box
        S: * OK [COPYUID {v} 1 1] ...
        S: * 1 EXPUNGE
        S: b OK ...
        """,
        gated=True,
    ),
    Row(
        "MULTIAPPEND",
        """
        C: a APPEND INBOX (\\Seen) {4+}
        C: a: b (keyword) "01-Jan-2026 10:00:00 +0000" {4+}
        C: c: d
        S: * 4 EXISTS
        S: * 4 RECENT
        S: a OK [APPENDUID {v} 3:4] ...
        """,
    ),
    Row(
        "MULTISEARCH",
        """
        C: a CREATE box
        S: a OK ...
        C: b COPY 1 box
        S: b OK ...
        C: c ESEARCH IN (personal) SUBJECT one
        S: * ESEARCH (TAG "c" MAILBOX INBOX UIDVALIDITY {v}) UID ALL 1
        S: * ESEARCH (TAG "c" MAILBOX box UIDVALIDITY {w}) UID ALL 1
        S: c OK ...
        """,
        gated=True,
    ),
    Row(
        "NAMESPACE",
        """
        C: a NAMESPACE
        S: * NAMESPACE (("" "/")) ...
        S: a OK ...
        """,
        gated=True,
    ),
    Row(
        "NOTIFY",
        """
        C: a NOTIFY SET (SELECTED (MessageNew (UID) MessageExpunge))
        S: a OK ...
        * deliver
        S: * 3 EXISTS
        S: * 3 RECENT
        S: * 3 FETCH (UID 3)
        C: b NOTIFY NONE
        S: b OK ...
        * deliver
        C: c NOOP
        S: c OK ...
        """,
        gated=True,
    ),
    Row(
        "OBJECTID",
        """
        C: a CREATE box
        S: a OK [MAILBOXID ({id})] ...
        C: b STATUS box (MAILBOXID)
        S: * STATUS box (MAILBOXID ({id}))
        S: b OK ...
        C: c FETCH 1 (EMAILID)
        S: * 1 FETCH (EMAILID ({e}))
        S: c OK ...
        C: d COPY 1 box
        S: d OK ...
        C: e SEARCH EMAILID {e}
        S: * SEARCH 1
        S: e OK ...
        C: f SELECT box
        S: ...
        S: * OK [MAILBOXID ({id})] ...
        S: * OK [UNSEEN 1] ...
        S: f OK ...
        C: g FETCH 1 (EMAILID)
        S: * 1 FETCH (EMAILID ({e}))
        S: g OK ...
        """,
    ),
    Row(
        "PARTIAL",
        """
        C: a UID SEARCH RETURN (PARTIAL -1:-2) ALL
        S: * ESEARCH (TAG "a") UID PARTIAL (-1:-2 2:3)
        S: a OK ...
        C: b UID FETCH 1:* (RFC822.SIZE) (PARTIAL 1:2)
        S: * 1 FETCH (UID 1 RFC822.SIZE ...
        S: * 2 FETCH (UID 2 RFC822.SIZE ...
        S: b OK ...
        """,
        messages=THREE,
    ),
    Row(
        "PREVIEW",
        """
        C: a FETCH 1 (PREVIEW)
        S: * 1 FETCH (PREVIEW "hello world")
        S: a OK ...
        C: b FETCH 2 (PREVIEW (LAZY))
        S: * 2 FETCH (PREVIEW "yes")
        S: b OK ...
        """,
        messages=THREE,
    ),
    Row(
        "QUOTA",
        """
        C: a GETQUOTAROOT INBOX
        S: * QUOTAROOT INBOX account mailbox/INBOX
        S: * QUOTA account ()
        S: * QUOTA mailbox/INBOX ()
        S: a OK ...
        C: b GETQUOTA account
        S: * QUOTA account ()
        S: b OK ...
        """,
        gated=True,
    ),
    Row(
        "QUOTASET",
        """
        C: a SETQUOTA mailbox/INBOX (MESSAGE 2)
        S: * QUOTA mailbox/INBOX (MESSAGE 2 2)
        S: a OK ...
        C: b COPY 1 INBOX
        S: b NO [OVERQUOTA] ...
        """,
        gated=True,
    ),
    Row(
        "QUOTA=RES-STORAGE",
        """
        * limit
        C: a GETQUOTA account
        S: * QUOTA account (STORAGE 1 5 MESSAGE 2 3 MAILBOX 1 1)
        S: a OK ...
        C: b STORE 1 +FLAGS.SILENT (\\Deleted)
        S: b OK ...
        C: c STATUS INBOX (DELETED DELETED-STORAGE)
        S: * STATUS INBOX (DELETED 1 DELETED-STORAGE 45)
        S: c OK ...
        """,
        row="QUOTA",
        gated=True,
    ),
    Row(
        "QUOTA=RES-MESSAGE",
        """
        * limit
        C: a GETQUOTAROOT INBOX
        S: * QUOTAROOT INBOX account mailbox/INBOX
        S: * QUOTA account (STORAGE 1 5 MESSAGE 2 3 MAILBOX 1 1)
        S: * QUOTA mailbox/INBOX ()
        S: a OK ...
        C: b COPY 1:2 INBOX
        S: b NO [OVERQUOTA] ...
        """,
        row="QUOTA",
        gated=True,
    ),
    Row(
        "QUOTA=RES-MAILBOX",
        """
        * limit
        C: a GETQUOTA account
        S: * QUOTA account (STORAGE 1 5 MESSAGE 2 3 MAILBOX 1 1)
        S: a OK ...
        C: b CREATE box
        S: b NO [OVERQUOTA] ...
        """,
        row="QUOTA",
        gated=True,
    ),
    Row(
        "REPLACE",
        """
        C: a REPLACE 1 INBOX (\\Draft) {6+}
        C: a: b
        C:\x20
        S: * OK [APPENDUID {v} 3] ...
        S: * 1 EXPUNGE
        S: * 2 EXISTS
        S: * 2 RECENT
        S: a OK ...
        """.replace("C:\x20", "C: "),
        gated=True,
    ),
    Row(
        "SASL-IR",
        """
        C: a AUTHENTICATE PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABzZXNhbWU=
        S: a OK [CAPABILITY ...
        """,
        selected=False,
        gated=True,
    ),
    Row(
        "SAVEDATE",
        """
        C: a FETCH 1 (SAVEDATE)
        S: * 1 FETCH (SAVEDATE "{today} {time} +0000")
        S: a OK ...
        C: b SEARCH SAVEDON {today} SAVEDATESUPPORTED
        S: * SEARCH 1 2
        S: b OK ...
        C: c SEARCH SAVEDBEFORE {today}
        S: * SEARCH
        S: c OK ...
        """,
    ),
    Row(
        "SEARCHRES",
        """
        C: a SEARCH RETURN (SAVE) SUBJECT two
        S: a OK ...
        C: b FETCH $ UID
        S: * 2 FETCH (UID 2)
        S: b OK ...
        C: c SEARCH RETURN (SAVE) CHARSET X-NONE SUBJECT two
        S: c NO [BADCHARSET ...
        C: d FETCH $ UID
        S: d OK ...
        """,
    ),
    Row(
        "SEARCH=FUZZY",
        """
        C: a SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT "one"
        S: * ESEARCH (TAG "a") ALL 1 RELEVANCY ({r})
        S: a OK ...
        """,
    ),
    Row(
        "SORT",
        """
        C: a SORT (DATE) UTF-8 ALL
        S: * SORT 3 1 2
        S: a OK ...
        C: b UID SORT (REVERSE DATE) US-ASCII SUBJECT "e"
        S: * SORT 2 1 3
        S: b OK ...
        """,
        messages=THREE,
        gated=True,
    ),
    Row(
        "SORT=DISPLAY",
        # Ann, Bob, Zoe
        """
        C: a SORT (DISPLAYFROM) UTF-8 ALL
        S: * SORT 2 3 1
        S: a OK ...
        C: b SORT (DISPLAYTO) UTF-8 ALL
        S: * SORT 2 3 1
        S: b OK ...
        """,
        messages=THREE,
        row="SORT",
        gated=True,
    ),
    Row(
        "STATUS=SIZE",
        """
        C: a STATUS INBOX (SIZE)
        S: * STATUS INBOX (SIZE 67)
        S: a OK ...
        """,
    ),
    Row(
        "THREAD=REFERENCES",
        """
        C: a THREAD REFERENCES UTF-8 ALL
        S: * THREAD (3)(1 2)
        S: a OK ...
        """,
        messages=THREE,
        row="THREAD",
        gated=True,
    ),
    Row(
        "THREAD=ORDEREDSUBJECT",
        """
        C: a UID THREAD ORDEREDSUBJECT UTF-8 ALL
        S: * THREAD (3)(1 2)
        S: a OK ...
        """,
        messages=THREE,
        row="THREAD",
        gated=True,
    ),
    Row(
        "THREAD=REFS",
        """
        C: a THREAD REFS UTF-8 ALL
        S: * THREAD (3)(1 2)
        S: a OK ...
        """,
        messages=THREE,
        row="THREAD",
        gated=True,
    ),
    Row(
        "UIDONLY",
        """
        C: a ENABLE UIDONLY
        S: * ENABLED UIDONLY
        S: a OK ...
        C: b UID FETCH 1 (FLAGS)
        S: * 1 UIDFETCH (FLAGS (\\Recent))
        S: b OK ...
        C: c SEARCH ALL
        S: c BAD [UIDREQUIRED] ...
        C: d UID SEARCH 1
        S: d BAD [UIDREQUIRED] ...
        C: e UID STORE 1 +FLAGS.SILENT (\\Deleted)
        S: e OK ...
        C: f EXPUNGE
        S: * VANISHED 1
        S: f OK ...
        """,
        gated=True,
    ),
    Row(
        "UIDPLUS",
        """
        C: a STORE 1:2 +FLAGS.SILENT (\\Deleted)
        S: a OK ...
        C: b UID EXPUNGE 2
        S: * 2 EXPUNGE
        S: b OK ...
        C: c COPY 1 INBOX
        S: * 2 EXISTS
        S: * 2 RECENT
        S: c OK [COPYUID {v} 1 3] ...
        """,
        gated=True,
    ),
    Row(
        "UNAUTHENTICATE",
        """
        C: a ENABLE CONDSTORE
        S: ...
        S: * OK [HIGHESTMODSEQ ...
        S: * ENABLED CONDSTORE
        S: a OK ...
        C: b UNAUTHENTICATE
        S: b OK [CAPABILITY IMAP4rev1 ...
        C: c LOGIN bob@example.test mushroom
        S: c OK [CAPABILITY ...
        C: d ENABLE CONDSTORE
        S: ...
        S: * ENABLED CONDSTORE
        S: d OK ...
        """,
        gated=True,
    ),
    Row(
        "UNSELECT",
        """
        C: a STORE 1 +FLAGS.SILENT (\\Deleted)
        S: a OK ...
        C: b UNSELECT
        S: b OK ...
        C: c STATUS INBOX (MESSAGES)
        S: * STATUS INBOX (MESSAGES 2)
        S: c OK ...
        """,
        gated=True,
    ),
    Row(
        "URL-PARTIAL",
        """
        C: a APPEND INBOX CATENATE (TEXT {2+}
        C: a: URL "/INBOX/;UID=1/;SECTION=TEXT/;PARTIAL=1.3" URL "/INBOX/;UID=1/;PARTIAL=0.1")
        S: * 3 EXISTS
        S: * 3 RECENT
        S: a OK [APPENDUID {v} 3] ...
        C: b FETCH 3 BODY.PEEK[]
        S: * 3 FETCH (BODY[] {n}
        S: a:irsS)
        S: b OK ...
        """,
        row="CATENATE",
        gated=True,
    ),
    Row(
        "UTF8=ACCEPT",
        """
        C: a ENABLE UTF8=ACCEPT
        S: * ENABLED UTF8=ACCEPT
        S: a OK ...
        C: b APPEND INBOX UTF8 (~{16+}
        C: Subject: \u00e9
        C:\x20
        C: x)
        S: * 3 EXISTS
        S: * 3 RECENT
        S: b OK [APPENDUID {v} 3] ...
        C: c FETCH 3 (ENVELOPE)
        S: * 3 FETCH (ENVELOPE (NIL "\u00e9" NIL ...
        S: c OK ...
        C: d CREATE "\u00e9"
        S: d OK ...
        C: e LIST "" "\u00e9"
        S: * LIST (\\HasNoChildren) "/" "\u00e9"
        S: e OK ...
        C: f SEARCH CHARSET UTF-8 ALL
        S: f BAD ...
        """.replace("C:\x20", "C: "),
        gated=True,
    ),
    Row(
        "WITHIN",
        """
        C: a SEARCH YOUNGER 60
        S: * SEARCH 1 2
        S: a OK ...
        C: b SEARCH OLDER 60
        S: * SEARCH
        S: b OK ...
        """,
    ),
)
"""In the order of the issue, more or less; those before a login, and of limits, stand apart."""
