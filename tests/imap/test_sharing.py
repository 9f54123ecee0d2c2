"""
ACL, NAMESPACE, QUOTA and METADATA, as clients speak them.
"""

from __future__ import annotations

import pytest
from zope.interface import Interface, directlyProvides, providedBy

from pymta.interfaces.annotations import IMetadataStore
from pymta.interfaces.mailbox import IQuotaRootStore
from pymta.interfaces.sharing import IACLStore
from pymta.mailbox import ACCOUNT_ROOT, INBOX, FlagMode, Resource, RightsChange
from pymta.store.sharing import SharingMailStore
from tests.edge.home import ALICE, BOB, result
from tests.imap.house import House

OWNER = "alice@example.test lrswipkxtecda"


def test_acl() -> None:
    """Rights are set, added, removed, listed and deleted (RFC 4314 §3)."""
    House().logged_in().play(
        f"""
        C: 1 GETACL INBOX
        S: * ACL INBOX {OWNER}
        S: 1 OK ...
        C: 2 SETACL INBOX Bob lrc
        S: 2 OK ...
        C: 3 SETACL INBOX bob@EXAMPLE.test +d
        S: 3 OK ...
        C: 4 SETACL INBOX -anyone w
        S: 4 OK ...
        C: 5 GETACL INBOX
        S: * ACL INBOX {OWNER} bob@example.test lrkxtecd -anyone w
        S: 5 OK ...
        C: 6 SETACL INBOX bob -x
        S: 6 OK ...
        C: 7 DELETEACL INBOX -anyone
        S: 7 OK ...
        C: 8 GETACL INBOX
        S: * ACL INBOX {OWNER} bob@example.test lrktecd
        S: 8 OK ...
        C: 9 LISTRIGHTS INBOX BOB
        S: * LISTRIGHTS INBOX BOB "" l r s w i p k x t e a c d
        S: 9 OK ...
        C: 10 LISTRIGHTS INBOX alice
        S: * LISTRIGHTS INBOX alice lrswipkxtecda
        S: 10 OK ...
        C: 11 MYRIGHTS INBOX
        S: * MYRIGHTS INBOX lrswipkxtecda
        S: 11 OK ...
        C: 12 LIST "" INBOX RETURN (MYRIGHTS)
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * MYRIGHTS INBOX lrswipkxtecda
        S: 12 OK ...
        """
    )


def test_bad_acl() -> None:
    """Unknown rights and nobody are BAD, what is not there is NO."""
    House().logged_in().play(
        """
        C: 1 SETACL INBOX bob lq
        S: 1 BAD ...
        C: 2 SETACL INBOX "" l
        S: 2 BAD ...
        C: 3 SETACL INBOX "a{tab}b" l
        S: 3 BAD ...
        C: 4 LISTRIGHTS INBOX "a{tab}b"
        S: 4 BAD ...
        C: 5 GETACL none
        S: 5 NO [NONEXISTENT] ...
        C: 6 MYRIGHTS none
        S: 6 NO [NONEXISTENT] ...
        """.replace("{tab}", "\x01")
    )


def test_namespace() -> None:
    """A store of one account has names of one's own (RFC 2342)."""
    House().logged_in().play(
        """
        C: 1 NAMESPACE
        S: * NAMESPACE (("" "/")) NIL NIL
        S: 1 OK ...
        """
    )


def test_quota() -> None:
    """Limits and usage are told, and those of a mailbox set (RFC 9208 §4.1)."""
    house = House()
    house.put(b"x" * 1500)
    limits = {Resource.STORAGE: 10240, Resource.MAILBOX: 5}
    store = IQuotaRootStore(house.store())
    result(store.set_limits(ACCOUNT_ROOT, limits))
    house.logged_in().play(
        """
        C: 1 GETQUOTA account
        S: * QUOTA account (STORAGE 2 10 MAILBOX 1 5)
        S: 1 OK ...
        C: 2 GETQUOTAROOT INBOX
        S: * QUOTAROOT INBOX account mailbox/INBOX
        S: * QUOTA account (STORAGE 2 10 MAILBOX 1 5)
        S: * QUOTA mailbox/INBOX ()
        S: 2 OK ...
        C: 3 GETQUOTAROOT none
        S: * QUOTAROOT none account
        S: * QUOTA account (STORAGE 2 10 MAILBOX 1 5)
        S: 3 OK ...
        C: 4 SETQUOTA mailbox/INBOX (STORAGE 2 MESSAGE 1)
        S: * QUOTA mailbox/INBOX (STORAGE 2 2 MESSAGE 1 1)
        S: 4 OK ...
        C: 8 SETQUOTA mailbox/INBOX (MESSAGE 9223372036854775807 STORAGE 9223372036854775807)
        S: * QUOTA mailbox/INBOX (STORAGE 2 9007199254740992 MESSAGE 1 9223372036854775807)
        S: 8 OK ...
        C: 9 SETQUOTA mailbox/INBOX ()
        S: * QUOTA mailbox/INBOX ()
        S: 9 OK ...
        C: 10 SETQUOTA account ()
        S: 10 NO [NOPERM] ...
        C: 11 SETQUOTA mailbox/INBOX (MAILBOX 1)
        S: 11 NO [CANNOT] ...
        C: 12 SETQUOTA mailbox/INBOX (ANNOTATION-STORAGE 1)
        S: 12 NO [CANNOT] ...
        C: 13 GETQUOTA none
        S: 13 NO [NONEXISTENT] ...
        C: 14 SETQUOTA none ()
        S: 14 NO [NONEXISTENT] ...
        C: 15 STATUS INBOX (DELETED DELETED-STORAGE)
        S: * STATUS INBOX (DELETED 0 DELETED-STORAGE 0)
        S: 15 OK ...
        """
    )


def test_over_quota_of_a_mailbox() -> None:
    """What a full mailbox does not take is told by its code (RFC 9208 §4.3.1)."""
    house = House()
    house.put(b"x" * 1500)
    player = house.selected()
    assert " OK " in player.line("1 SETQUOTA mailbox/INBOX (STORAGE 2)")
    assert "2 NO [OVERQUOTA] " in player.line("2 COPY 1 INBOX")


def test_metadata() -> None:
    """Annotations are set, read with size and depth, listed and removed (RFC 5464 §4)."""
    House().logged_in().play(
        """
        C: 1 GETMETADATA INBOX /private/comment
        S: * METADATA INBOX (/private/comment NIL)
        S: 1 OK ...
        C: 2 SETMETADATA INBOX (/Private/Comment "mine" /shared/comment "everybody's")
        S: 2 OK ...
        C: 3 GETMETADATA INBOX (/private/COMMENT /shared/comment /shared/x)
        S: * METADATA INBOX (/private/COMMENT "mine" /shared/comment "everybody's" /shared/x NIL)
        S: 3 OK ...
        C: 4 GETMETADATA (MAXSIZE 4) INBOX (/private/comment /shared/comment)
        S: * METADATA INBOX (/private/comment "mine")
        S: 4 OK [METADATA LONGENTRIES 11] ...
        C: 5 GETMETADATA INBOX (DEPTH infinity) (/private)
        S: * METADATA INBOX (/private/comment "mine")
        S: 5 OK ...
        C: 6 LIST "" INBOX RETURN (METADATA (/shared/comment /shared/X))
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * METADATA INBOX (/shared/comment "everybody's" /shared/X NIL)
        S: 6 OK ...
        C: 7 SETMETADATA INBOX (/private/comment NIL)
        S: 7 OK ...
        C: 8 GETMETADATA (DEPTH 1) INBOX (/private)
        S: * METADATA INBOX (/private NIL)
        S: 8 OK ...
        C: 9 SETMETADATA "" (/private/filters/values/small "SMALLER 5000")
        S: 9 OK ...
        C: 11 SETMETADATA "" (/Private/Filters/values/bad "OR SMALLER")
        S: 11 NO ...
        C: 12 SETMETADATA "" (/private/filters/values/bad NIL /private/filters/descriptions/x "OR")
        S: 12 OK ...
        C: 10 GETMETADATA "" (DEPTH 1) /private/filters/values
        S: * METADATA "" (/private/filters/values/small "SMALLER 5000")
        S: 10 OK ...
        """
    )


def test_metadata_refused() -> None:
    """Bad names are BAD; what is read-only, too long or too much is NO with its code."""
    many = " ".join(f"/private/n{n} x" for n in range(101)).replace(" x", ' "x"')
    House().logged_in().play(
        f"""
        C: 1 GETMETADATA INBOX "/private/a*"
        S: 1 BAD ...
        C: 2 SETMETADATA INBOX (/private NIL)
        S: 2 BAD ...
        C: 3 SETMETADATA "" (/shared/admin "x")
        S: 3 NO [NOPERM] ...
        C: 4 SETMETADATA INBOX ({many})
        S: 4 NO [METADATA TOOMANY] ...
        C: 5 SETMETADATA none (/private/comment "x")
        S: 5 NO [NONEXISTENT] ...
        C: 6 SETMETADATA INBOX (/private/specialuse "\\\\Nonsense")
        S: 6 NO [USEATTR] ...
        """
    )
    player = House().logged_in()
    answer = player.line("1 SETMETADATA INBOX (/private/a {32769+}\r\n" + "x" * 32769 + ")")
    assert "1 NO [METADATA MAXSIZE 32768] " in answer


def test_special_use() -> None:
    """CREATE says what a mailbox is for, and it can be changed (RFC 6154 §3, §5.4)."""
    House().logged_in().play(
        """
        C: 1 CREATE Out (USE (\\Sent))
        S: 1 OK [MAILBOXID (...
        C: 2 CREATE All (USE (\\All))
        S: 2 NO [USEATTR] ...
        C: 3 LIST (SPECIAL-USE) "" *
        S: * LIST (\\HasNoChildren \\Sent) "/" Out
        S: 3 OK ...
        C: 4 GETMETADATA Out /private/specialuse
        S: * METADATA Out (/private/specialuse "\\\\Sent")
        S: 4 OK ...
        C: 5 SETMETADATA Out (/private/specialuse "\\\\Junk")
        S: 5 OK ...
        C: 6 LIST (SPECIAL-USE) "" *
        S: * LIST (\\HasNoChildren \\Junk) "/" Out
        S: 6 OK ...
        """
    )


@pytest.mark.parametrize(
    ("interface", "word", "command"),
    [
        pytest.param(IACLStore, "ACL", "GETACL INBOX", id="ACL"),
        pytest.param(IACLStore, "RIGHTS=kxte", "MYRIGHTS INBOX", id="RIGHTS"),
        pytest.param(IACLStore, "LIST-MYRIGHTS", "LISTRIGHTS INBOX bob", id="LIST-MYRIGHTS"),
        pytest.param(IQuotaRootStore, "QUOTA", "GETQUOTAROOT INBOX", id="QUOTA"),
        pytest.param(IQuotaRootStore, "QUOTA=RES-STORAGE", "GETQUOTA account", id="STORAGE"),
        pytest.param(IQuotaRootStore, "QUOTA=RES-MESSAGE", "GETQUOTA account", id="MESSAGE"),
        pytest.param(IQuotaRootStore, "QUOTA=RES-MAILBOX", "GETQUOTA account", id="MAILBOX"),
        pytest.param(IQuotaRootStore, "QUOTASET", "SETQUOTA mailbox/INBOX ()", id="QUOTASET"),
        pytest.param(IMetadataStore, "METADATA", 'GETMETADATA "" /private/a', id="METADATA"),
        pytest.param(IMetadataStore, "LIST-METADATA", 'GETMETADATA "" /private/a', id="LIST"),
    ],
)
def test_announced_only_if_provided(interface: type[Interface], word: str, command: str) -> None:
    """The name is there, and works, where the store has the add-on; elsewhere neither."""
    with_it, without = House(), House()
    store = without.directory.store(ALICE)
    directlyProvides(store, *(each for each in providedBy(store) if each is not interface))
    answers = []
    for house in (with_it, without):
        player = house.logged_in()
        announced = player.line("1 CAPABILITY").split()
        answers.append((word in announced, " OK " in player.line(f"2 {command}")))
    assert [(True, True), (False, False)] == answers


# -- two users -----------------------------------------------------------------------------


def shared(rights: str) -> House:
    """Alice has two messages in INBOX and lets Bob in."""
    house = House()
    house.directory._mail = SharingMailStore(house.mail)  # type: ignore[assignment]  # wrapped
    house.put(b"Subject: one\r\n\r\n1\r\n", b"Subject: two\r\n\r\n2\r\n")
    change = RightsChange(FlagMode.REPLACE, frozenset(rights))
    result(IACLStore(house.store()).set_rights(INBOX, BOB, change))
    return house


THEIRS = f'"Other Users/{ALICE}/INBOX"'


def test_others_are_seen() -> None:
    """Others' mailboxes are listed, opened and read, as far as rights go."""
    shared("lr").logged_in(BOB).play(
        f"""
        C: 1 NAMESPACE
        S: * NAMESPACE (("" "/")) (("Other Users/" "/")) NIL
        S: 1 OK ...
        C: 2 LIST "" "Other Users/*" RETURN (MYRIGHTS STATUS (MESSAGES))
        S: * LIST (\\NonExistent \\HasChildren) "/" "Other Users/{ALICE}"
        S: * LIST (\\HasNoChildren) "/" {THEIRS}
        S: * MYRIGHTS {THEIRS} lr
        S: * STATUS {THEIRS} (MESSAGES 2)
        S: 2 OK ...
        C: 3 MYRIGHTS {THEIRS}
        S: * MYRIGHTS {THEIRS} lr
        S: 3 OK ...
        C: 4 GETACL {THEIRS}
        S: 4 NO [NOPERM] ...
        C: 5 STATUS {THEIRS} (UNSEEN)
        S: * STATUS {THEIRS} (UNSEEN 2)
        S: 5 OK ...
        C: 6 GETQUOTAROOT {THEIRS}
        S: * QUOTAROOT {THEIRS} "Other Users/{ALICE}/account" "Other Users/{ALICE}/mailbox/INBOX"
        S: * QUOTA "Other Users/{ALICE}/account" ()
        S: * QUOTA "Other Users/{ALICE}/mailbox/INBOX" ()
        S: 6 OK ...
        C: 7 SETMETADATA {THEIRS} (/shared/comment "x")
        S: 7 NO [NOPERM] ...
        C: 8 DELETE {THEIRS}
        S: 8 NO ...
        C: 9 SELECT "Other Users/{ALICE}/none"
        S: 9 NO [NONEXISTENT] ...
        """
    )


@pytest.mark.parametrize(
    ("rights", "answers"),
    [
        pytest.param("lr", "OK [READ-ONLY] | OK | NO | NO | NO", id="read"),
        pytest.param("lrs", "OK [READ-WRITE] | OK | NO [NOPERM] | NO | NO [NOPERM]", id="seen"),
        pytest.param("lrw", "OK [READ-WRITE] | OK | OK | NO [NOPERM] | NO [NOPERM]", id="flags"),
        pytest.param("lrte", "OK [READ-WRITE] | OK | NO [NOPERM] | OK | NO [NOPERM]", id="expunge"),
        pytest.param("lri", "OK [READ-WRITE] | OK | NO [NOPERM] | NO [NOPERM] | OK", id="insert"),
    ],
)
def test_others_are_changed(rights: str, answers: str) -> None:
    """Each command needs its right; a FETCH never fails for \\Seen (RFC 4314 §4)."""
    player = shared(rights).logged_in(BOB)
    player.line("1 NAMESPACE")
    commands = [
        f"1 SELECT {THEIRS}",
        "1 FETCH 1 BODY[TEXT]",
        "1 STORE 2 +FLAGS (\\Flagged)",
        "1 EXPUNGE",
        f"1 APPEND {THEIRS} {{1+}}\r\nx",
    ]
    for command, expected in zip(commands, answers.split(" | "), strict=True):
        *_, last = player.line(command).splitlines()
        assert last.startswith(f"1 {expected}"), command
    assert player.line("1 CLOSE").startswith("1 OK")


@pytest.mark.parametrize(
    ("rights", "flags"),
    [
        ("lrs", r"(\Seen)"),
        ("lrt", r"(\Deleted)"),
        ("lri", r"()"),
        ("lrw", r"(\Answered \Draft \Flagged \*)"),
        ("lrwts", r"(\Answered \Deleted \Draft \Flagged \Seen \*)"),
    ],
)
def test_flags_that_are_kept(rights: str, flags: str) -> None:
    """PERMANENTFLAGS names what may be changed (RFC 4314 §4)."""
    answer = shared(rights).logged_in(BOB).line(f"1 SELECT {THEIRS}")
    assert f"* OK [PERMANENTFLAGS {flags}]" in answer


def test_who_may_not_list_it_does_not_learn_of_it() -> None:
    """RFC 4314 §6: what is told of a mailbox that nobody has is told of such a one, too."""
    bob = shared("p").logged_in(BOB)
    for command in (f"STATUS {THEIRS} (MESSAGES)", f"SELECT {THEIRS}", f"MYRIGHTS {THEIRS}"):
        nobodys = bob.line(f"1 {command.replace('INBOX', 'none')}")
        assert nobodys == bob.line(f"1 {command}")


def test_messages_go_to_others() -> None:
    """COPY and MOVE reach mailboxes of others, whose sessions hear of it."""
    house = shared("lri")
    house.put(b"Subject: bob's\r\n\r\n1\r\n", account=BOB)
    alice, bob = house.selected(ALICE), house.selected(BOB)
    assert "[COPYUID " in bob.line(f"1 COPY 1 {THEIRS}")
    assert "* 3 EXISTS" in alice.line("1 NOOP")
    assert "[COPYUID " in bob.line(f"2 MOVE 1 {THEIRS}")
    assert "* 4 EXISTS" in alice.line("2 NOOP")
    assert "[TRYCREATE]" in bob.line(f'3 APPEND "Other Users/{ALICE}/x" {{1+}}\r\nx')


def test_drop_box() -> None:
    """Who may only insert can neither look nor count."""
    bob = shared("li").logged_in(BOB)
    assert " OK " in bob.line(f"1 APPEND {THEIRS} {{1+}}\r\nx (keyword) {{1+}}\r\nx")
    assert "2 NO [NOPERM]" in bob.line(f"2 SELECT {THEIRS}")
    assert "3 NO [NOPERM]" in bob.line(f"3 STATUS {THEIRS} (MESSAGES)")
