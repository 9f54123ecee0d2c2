"""
Tests for SELECT and what goes with it, CREATE, DELETE, RENAME, LIST, LSUB and STATUS.
"""

from __future__ import annotations

import pytest

from tests.imap.dialogue import Played, play
from tests.imap.house import ONE, TWO, House

SYSTEM = "\\Answered \\Deleted \\Draft \\Flagged \\Seen"


def played(house: House, transcript: str) -> None:
    """Play it behind a login."""
    play(transcript, Played(house.logged_in()), actions={"deliver": lambda: house.put(ONE)})


def test_select() -> None:
    """RFC 3501 §6.3.1: all the untagged data, and who may write."""
    house = House()
    house.put(ONE, flags=["\\Seen"])
    house.put(TWO, flags=["$work"])
    played(
        house,
        f"""
        C: a SELECT INBOX
        S: * FLAGS ($work {SYSTEM})
        S: * OK [PERMANENTFLAGS ($work {SYSTEM} \\*)] ...
        S: * 2 EXISTS
        S: * 2 RECENT
        S: * OK [UIDVALIDITY {{v}}] ...
        S: * OK [UIDNEXT 3] ...
        S: * OK [HIGHESTMODSEQ 3] ...
        S: * OK [MAILBOXID (M1)] ...
        S: * OK [UNSEEN 2] ...
        S: a OK [READ-WRITE] ...
        C: b EXAMINE INBOX
        S: * OK [CLOSED] ...
        S: * FLAGS ($work {SYSTEM})
        S: * OK [PERMANENTFLAGS ()] ...
        S: * 2 EXISTS
        S: * 0 RECENT
        S: * OK [UIDVALIDITY {{v}}] ...
        S: * OK [UIDNEXT 3] ...
        S: * OK [HIGHESTMODSEQ 3] ...
        S: * OK [MAILBOXID (M1)] ...
        S: * OK [UNSEEN 2] ...
        S: b OK [READ-ONLY] ...
        C: c STORE 1 FLAGS (\\Seen)
        S: c NO [READ-ONLY] ...
        C: d EXPUNGE
        S: d NO [READ-ONLY] ...
        C: e FETCH 2 BODY[TEXT]
        S: * 2 FETCH (BODY[TEXT] ...
        S: 1
        S: 2
        S: )
        S: e OK ...
        C: f FETCH 2 FLAGS
        S: * 2 FETCH (FLAGS ($work))
        S: f OK ...
        C: g SELECT nowhere
        S: * OK [CLOSED] ...
        S: g NO [NONEXISTENT] ...
        C: h FETCH 1 FLAGS
        S: h BAD ...
        """,
    )


@pytest.mark.parametrize("seen", [0, 1, 1999, 2000])
def test_first_unseen_one_is_looked_for_so_far(seen: int) -> None:
    """RFC 3501 §7.1: UNSEEN is said where the first one is among those that are looked at."""
    house = House()
    for _ in range(seen):
        house.put(ONE, flags=["\\Seen"])
    house.put(ONE)
    heard = house.logged_in().line("a SELECT INBOX")
    assert (f"* OK [UNSEEN {seen + 1}]" in heard) == (seen < 2000)


def test_rev2_selects_with_list_and_without_recent() -> None:
    """RFC 9051 §6.3.2, appendix E."""
    house = House()
    house.put(ONE)
    played(
        house,
        """
        C: a ENABLE IMAP4rev2
        S: * ENABLED IMAP4rev2
        S: a OK ...
        C: b SELECT INBOX
        S: * FLAGS ...
        S: * OK [PERMANENTFLAGS ...
        S: * 1 EXISTS
        S: * LIST () "/" INBOX
        S: * OK [UIDVALIDITY ...
        S: * OK [UIDNEXT ...
        S: * OK [HIGHESTMODSEQ ...
        S: * OK [MAILBOXID ...
        S: b OK [READ-WRITE] ...
        * deliver
        C: c NOOP
        S: * 2 EXISTS
        S: c OK ...
        C: d FETCH 1 FLAGS
        S: * 1 FETCH (UID 1 FLAGS ())
        S: d OK ...
        """,
    )


def test_messages_are_recent_once() -> None:
    """RFC 3501 §2.3.2: to the first session that opens it to write, and to nobody after it."""
    house = House()
    house.put(ONE)
    played(
        house,
        """
        C: a SELECT INBOX
        S: ...
        S: a OK ...
        * deliver
        C: b NOOP
        S: * 2 EXISTS
        S: * 2 RECENT
        S: b OK ...
        C: c UNSELECT
        S: c OK ...
        C: d SELECT INBOX
        S: ...
        S: * 0 RECENT
        S: ...
        S: d OK ...
        """,
    )


def test_close_expunges_and_unselect_does_not() -> None:
    """RFC 3501 §6.4.2: silently; RFC 3691: not at all; EXAMINE never."""
    house = House()
    house.put(ONE, flags=["\\Deleted"])
    played(
        house,
        """
        C: a SELECT INBOX
        S: ...
        S: a OK ...
        C: b UNSELECT
        S: b OK ...
        C: c EXAMINE INBOX
        S: ...
        S: c OK ...
        C: d CLOSE
        S: d OK ...
        C: e STATUS INBOX (MESSAGES)
        S: * STATUS INBOX (MESSAGES 1)
        S: e OK ...
        C: f SELECT INBOX
        S: ...
        S: f OK ...
        C: g CLOSE
        S: g OK Closed
        C: h STATUS INBOX (MESSAGES)
        S: * STATUS INBOX (MESSAGES 0)
        S: h OK ...
        C: i CLOSE
        S: i BAD ...
        """,
    )


def test_uid_expunge() -> None:
    """RFC 4315 §2.1: only of these."""
    house = House()
    house.put(ONE, ONE, ONE, flags=["\\Deleted"])
    played(
        house,
        """
        C: a SELECT INBOX
        S: ...
        S: a OK ...
        C: b UID EXPUNGE 2:9
        S: * 3 EXPUNGE
        S: * 2 EXPUNGE
        S: b OK ...
        """,
    )


def test_names() -> None:
    """CREATE, RENAME and DELETE, with what RFC 3501 says of levels, and their codes."""
    house = House()
    played(
        house,
        """
        C: a CREATE a/b/
        S: a OK [MAILBOXID (M{id})] ...
        C: b CREATE a/b
        S: b NO [ALREADYEXISTS] ...
        C: c CREATE inbox
        S: c NO [ALREADYEXISTS] ...
        C: d CREATE a//b
        S: d NO [CANNOT] ...
        C: e RENAME a c
        S: e OK ...
        C: f LIST "" *
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * LIST (\\HasChildren) "/" c
        S: * LIST (\\HasNoChildren) "/" c/b
        S: f OK ...
        C: g DELETE c
        S: g OK ...
        C: h LIST "" %
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * LIST (\\Noselect \\HasChildren) "/" c
        S: h OK ...
        C: i SELECT c
        S: i NO [NONEXISTENT] ...
        C: j DELETE INBOX
        S: j NO [CANNOT] ...
        C: k DELETE c
        S: k NO [NONEXISTENT] ...
        C: l RENAME nowhere d
        S: l NO [NONEXISTENT] ...
        C: m CREATE &AOk-
        S: m OK ...
        C: n LIST "" &AOk-
        S: * LIST (\\HasNoChildren) "/" &AOk-
        S: n OK ...
        """,
    )


def test_who_deletes_what_it_has_open() -> None:
    """DELETE of the selected mailbox closes it: nothing is selected any more."""
    played(
        House(),
        """
        C: a CREATE box
        S: a OK ...
        C: b SELECT box
        S: ...
        S: b OK ...
        C: c DELETE box
        S: c OK ...
        C: d CHECK
        S: d BAD ...
        """,
    )


LISTED = """
    C: 1 CREATE a/b
    S: 1 OK ...
    C: 2 CREATE c
    S: 2 OK ...
    C: 3 SUBSCRIBE a/b
    S: 3 OK ...
    C: 4 SUBSCRIBE gone/x
    S: 4 OK ...
"""
ALL = """
    S: * LIST (\\HasNoChildren) "/" INBOX
    S: * LIST (\\HasChildren) "/" a
    S: * LIST (\\HasNoChildren) "/" a/b
    S: * LIST (\\HasNoChildren) "/" c
"""


@pytest.mark.parametrize(
    ("command", "heard"),
    [
        pytest.param('LIST "" ""', 'S: * LIST (\\Noselect) "/" ""', id="separator"),
        pytest.param('LIST "" *', ALL, id="all"),
        pytest.param("LIST a/ %", 'S: * LIST (\\HasNoChildren) "/" a/b', id="reference"),
        pytest.param('LIST "" iNbOx', 'S: * LIST (\\HasNoChildren) "/" INBOX', id="inbox"),
        pytest.param('LIST "" x', "", id="none"),
        pytest.param(
            'LIST "" (a c)',
            """
            S: * LIST (\\HasChildren) "/" a
            S: * LIST (\\HasNoChildren) "/" c
            """,
            id="two patterns",
        ),
        pytest.param(
            'LIST (SUBSCRIBED) "" *',
            """
            S: * LIST (\\HasNoChildren \\Subscribed) "/" a/b
            S: * LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" gone/x
            """,
            id="subscribed",
        ),
        pytest.param(
            'LIST (SUBSCRIBED RECURSIVEMATCH) "" %',
            """
            S: * LIST (\\HasChildren) "/" a ("CHILDINFO" ("SUBSCRIBED"))
            S: * LIST (\\NonExistent \\HasNoChildren) "/" gone ("CHILDINFO" ("SUBSCRIBED"))
            """,
            id="recursive match",
        ),
        pytest.param(
            'LIST (SUBSCRIBED RECURSIVEMATCH) "" *',
            """
            S: * LIST (\\HasNoChildren \\Subscribed) "/" a/b
            S: * LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" gone/x
            """,
            id="recursive match of what is told anyway",
        ),
        pytest.param(
            'LIST "" a/b RETURN (SUBSCRIBED CHILDREN)',
            'S: * LIST (\\HasNoChildren \\Subscribed) "/" a/b',
            id="return",
        ),
        pytest.param(
            'LIST "" c RETURN (STATUS (MESSAGES SIZE RECENT))',
            """
            S: * LIST (\\HasNoChildren) "/" c
            S: * STATUS c (MESSAGES 0 SIZE 0 RECENT 0)
            """,
            id="status",
        ),
        pytest.param(
            'LSUB "" *',
            """
            S: * LSUB () "/" a/b
            S: * LSUB () "/" gone/x
            """,
            id="lsub",
        ),
        pytest.param(
            'LSUB "" %',
            """
            S: * LSUB (\\Noselect) "/" a
            S: * LSUB (\\Noselect) "/" gone
            """,
            id="lsub of levels above",
        ),
    ],
)
def test_list(command: str, heard: str) -> None:
    """What LIST and LSUB tell (RFC 3501 §6.3.8, RFC 5258, RFC 5819)."""
    played(House(), f"{LISTED}\nC: a {command}\n{heard}\nS: a OK ...")


def test_unsubscribe() -> None:
    """The name is forgotten; the mailbox stays."""
    played(
        House(),
        f"""
        {LISTED}
        C: a UNSUBSCRIBE a/b
        S: a OK ...
        C: b LSUB "" *
        S: * LSUB () "/" gone/x
        S: b OK ...
        """,
    )


def test_status() -> None:
    """All items (RFC 3501 §6.3.10, RFC 8438, RFC 7162, RFC 7889, RFC 8474, RFC 9208)."""
    house = House(append_limit=1000)
    house.put(ONE, flags=["\\Seen", "\\Deleted"])
    house.put(TWO)
    played(
        house,
        """
        C: a STATUS INBOX (MESSAGES RECENT UIDNEXT UNSEEN DELETED SIZE)
        S: * STATUS INBOX (MESSAGES 2 RECENT 2 UIDNEXT 3 UNSEEN 1 DELETED 1 SIZE 67)
        S: a OK ...
        C: b STATUS INBOX (HIGHESTMODSEQ APPENDLIMIT MAILBOXID DELETED-STORAGE)
        S: * STATUS INBOX (HIGHESTMODSEQ 3 APPENDLIMIT 1000 MAILBOXID (M1) DELETED-STORAGE 45)
        S: b OK ...
        C: c STATUS nowhere (MESSAGES)
        S: c NO [NONEXISTENT] ...
        C: d STATUS INBOX ()
        S: d BAD ...
        """,
    )


def test_too_many_patterns() -> None:
    """Each name would be compared with each of them."""
    player = House().logged_in()
    patterns = " ".join(["*x"] * 101)
    assert player.line(f'a LIST "" ({patterns})').startswith("a NO [LIMIT] ")
