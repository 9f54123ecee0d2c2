"""
NOTIFY: what a client hears between its commands, and what it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.errors import MailboxError
from pymta.imap.differences import Figures, Mailboxes, Named, attributes, differences
from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import IMailboxStore, NewMessage
from pymta.interfaces.sharing import IACLStore
from pymta.mailbox import (
    ALL_RIGHTS,
    INBOX,
    SEEN,
    UID,
    FlagChange,
    FlagMode,
    MailboxInfo,
    MailboxName,
    ModSeq,
    RightsChange,
    UIDSet,
    UIDValidity,
)
from pymta.store.memory.mailboxes import MemoryMailStore
from pymta.store.sharing import SharingMailStore
from pymta.wire.imap.command.notify import Event
from pymta.wire.imap.command.status import StatusItem
from tests.edge.home import ALICE, BOB, result
from tests.edge.player import Player
from tests.imap.house import House

MESSAGE = b"Subject: hello\r\n\r\nx\r\n"
ARRIVALS = "MessageNew MessageExpunge"


def told(house: House, player: Player, *happen: Callable[[], object]) -> list[str]:
    """What a client is told of what happens, without a word of its own."""
    for each in happen:
        each()
    house.elapse(0.05)
    return player.heard().decode().splitlines()


def notified(house: House, what: str, *, selected: bool = False) -> Player:
    """Somebody who asked for it."""
    player = house.selected() if selected else house.logged_in()
    assert player.line(f"n NOTIFY {what}").splitlines()[-1].startswith("n OK")
    return player


def do(house: House, call: str, *arguments: Any, account: str = ALICE) -> Callable[[], object]:
    """A change of the store."""
    return lambda: result(getattr(house.store(account), call)(*arguments))


def name(text: str) -> MailboxName:
    """A name."""
    return MailboxName(text)


# -- the selected mailbox ----------------------------------------------------------------


def test_selected() -> None:
    """New messages with what was asked for, flags and expunges are told at once (RFC 5465 §5)."""
    house = House()
    house.put(MESSAGE)
    player = notified(
        house, "SET (SELECTED (MessageNew (UID FLAGS) MessageExpunge FlagChange))", selected=True
    )
    inbox = house.mailbox()
    seen = FlagChange(FlagMode.ADD, frozenset({SEEN}))

    assert ["* 2 EXISTS", "* 2 RECENT", "* 2 FETCH (UID 2 FLAGS (\\Recent))"] == [
        line for line in told(house, player, lambda: house.put(MESSAGE)) if line
    ]
    assert ["* 1 FETCH (UID 1 FLAGS (\\Recent \\Seen))"] == told(
        house, player, lambda: result(inbox.change_flags(UIDSet([1]), seen))
    )
    assert ["* 1 EXPUNGE"] == told(house, player, lambda: result(inbox.remove(UIDSet([1]))))


def test_selected_delayed() -> None:
    """An expunge waits for a command that can bear it (RFC 5465 §6.1.2)."""
    house = House()
    house.put(MESSAGE, MESSAGE)
    player = notified(house, f"SET (SELECTED-DELAYED ({ARRIVALS}))", selected=True)
    inbox = house.mailbox()

    assert [] == told(house, player, lambda: result(inbox.remove(UIDSet([1]))))
    assert ["* 3 EXISTS"] == [
        line for line in told(house, player, lambda: house.put(MESSAGE)) if "RECENT" not in line
    ]
    assert ["1 OK Fetched"] == [
        line for line in player.line("1 FETCH 2 UID").splitlines() if "FETCH" not in line
    ]
    assert "* 1 EXPUNGE" in player.line("2 NOOP").splitlines()


def test_flags_that_nobody_asked_for() -> None:
    """Without FlagChange, flags that others change are not told."""
    house = House()
    house.put(MESSAGE)
    player = notified(house, f"SET (SELECTED ({ARRIVALS}))", selected=True)
    seen = FlagChange(FlagMode.ADD, frozenset({SEEN}))
    assert [] == told(
        house, player, lambda: result(house.mailbox().change_flags(UIDSet([1]), seen))
    )
    assert ["1 OK Nothing done"] == player.line("1 NOOP").splitlines()


@pytest.mark.parametrize("what", ["NONE", "SET (SELECTED NONE)", "SET (INBOXES (MailboxName))"])
def test_nothing_of_the_selected_one(what: str) -> None:
    """Who asks for nothing hears nothing, also amid commands (RFC 5465 §3.1)."""
    house = House()
    house.put(MESSAGE)
    player = notified(house, what, selected=True)
    assert [] == told(house, player, lambda: house.put(MESSAGE))
    assert ["1 OK Nothing done"] == player.line("1 NOOP").splitlines()


def test_what_has_accumulated() -> None:
    """NOTIFY SET tells first what happened before (RFC 5465 §3.1)."""
    house = House()
    player = house.selected()
    house.put(MESSAGE)
    answer = player.line("1 NOTIFY SET (SELECTED NONE)")
    assert "* 1 EXISTS" in answer.splitlines()


def test_own_messages_are_not_fetched() -> None:
    """What the client appends itself is told by its number alone (RFC 5465 §5.2)."""
    house = House()
    what = "SET (SELECTED (MessageNew (UID) MessageExpunge))"
    player = notified(house, what, selected=True)
    answer = player.line("1 APPEND INBOX {1+}\r\nx")
    assert "* 1 EXISTS" in answer.splitlines()
    assert "FETCH" not in answer
    assert "* 2 FETCH (UID 2)" in told(house, player, lambda: house.put(MESSAGE))


def test_searches_are_updated_before_messages_are_fetched() -> None:
    """ESEARCH ADDTO stands behind EXISTS and in front of FETCH (RFC 5465 §5.2)."""
    house = House()
    what = "SET (SELECTED (MessageNew (UID) MessageExpunge))"
    player = notified(house, what, selected=True)
    assert "1 OK" in player.line("1 UID SEARCH RETURN (UPDATE ALL) ALL")
    lines = told(house, player, lambda: house.put(MESSAGE))
    kinds = ["EXISTS", "RECENT", "ADDTO", "FETCH"]
    assert kinds == [kind for line in lines for kind in kinds if kind in line]


def test_idle_tells_the_same() -> None:
    """IDLE tells what NOTIFY asks for, no more and no less (RFC 5465 §4)."""
    house = House()
    result(house.store().create(name("Work")))
    player = notified(house, f"SET (MAILBOXES Work ({ARRIVALS}))", selected=True)
    assert "+ " in player.line("1 IDLE")
    assert [] == told(house, player, lambda: house.put(MESSAGE))
    assert ["* STATUS Work (UIDNEXT 2 MESSAGES 1)"] == told(
        house, player, lambda: result(_append(house, "Work"))
    )
    assert "1 OK" in player.line("DONE")


async def _append(house: House, mailbox: str) -> None:
    opened = await house.store().open(name(mailbox))
    await opened.append([NewMessage(content=Octets(MESSAGE))])


# -- other mailboxes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "hears"),
    [
        pytest.param("PERSONAL", True, id="personal"),
        pytest.param("INBOXES", True, id="inboxes"),
        pytest.param("MAILBOXES Work/Deep", True, id="by name"),
        pytest.param("MAILBOXES (INBOX Work/Deep)", True, id="by names"),
        pytest.param("MAILBOXES Work", False, id="another name"),
        pytest.param("SUBTREE Work", True, id="subtree"),
        pytest.param("SUBTREE (Other Wor)", False, id="another subtree"),
        pytest.param("SUBSCRIBED", False, id="not subscribed"),
    ],
)
def test_whose_events(group: str, hears: bool) -> None:
    """Mailboxes are meant by name, place or subscription (RFC 5465 §6)."""
    house = House()
    result(house.store().create(name("Work/Deep")))
    player = notified(house, f"SET ({group} ({ARRIVALS}))")
    lines = told(house, player, lambda: result(_append(house, "Work/Deep")))

    assert (["* STATUS Work/Deep (UIDNEXT 2 MESSAGES 1)"] if hears else []) == lines


def test_subscribed_from_now_on() -> None:
    """Whoever subscribes later hears from then on (RFC 5465 §6.4)."""
    house = House()
    player = notified(house, f"SET (SUBSCRIBED ({ARRIVALS}))")
    assert [] == told(house, player, lambda: house.put(MESSAGE))
    told(house, player, do(house, "subscribe", INBOX))
    assert ["* STATUS INBOX (UIDNEXT 3 MESSAGES 2)"] == told(
        house, player, lambda: house.put(MESSAGE)
    )


def test_only_what_changed_is_asked_for() -> None:
    """News of one mailbox are no list of all; that a name is gone is one."""
    house = House()
    result(house.store().create(MailboxName("Work")))
    player = house.logged_in()
    player.line("a NOTIFY SET (PERSONAL (MailboxName MessageNew MessageExpunge FlagChange))")
    house.stones()["mailboxes"] = AssertionError("all are listed")
    house.put(MESSAGE)
    house.elapse(0.05)
    assert "* STATUS INBOX (UIDNEXT 2 MESSAGES 1" in player.heard().decode()
    result(house.store().create(MailboxName("Play")))
    house.elapse(0.05)
    assert '* LIST (\\HasNoChildren) "/" Play\r\n' == player.heard().decode()
    house.stones().clear()
    result(house.store().delete(MailboxName("Work")))
    house.elapse(0.05)
    assert "* LIST (\\NonExistent \\HasNoChildren)" in player.heard().decode()


NAMES = [MailboxName(name) for name in ("INBOX", "a", "a/b", "b", "b/b")]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["create", "delete", "rename", "subscribe", "unsubscribe", "put", "seen"]),
        st.sampled_from(NAMES),
        st.sampled_from(NAMES),
    ),
    max_size=6,
)


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(STEPS, max_size=4))
def test_what_changed_makes_the_same_as_all(steps: list[list[tuple[str, str, str]]]) -> None:
    """Mailboxes that are brought up to date tell what two lists of all of them would."""
    store = MemoryMailStore().mailboxes("alice")
    since, known = ModSeq(0), Mailboxes(())
    for changes in steps:
        for step in changes:
            result(_step(store, *step))
        told = result(store.changes(since))
        after, moved = Mailboxes(result(store.mailboxes())), None
        if not told.gone:
            moved = frozenset(info.name for info in told.changed)
            partial = known.with_changed(told.changed)
            assert (after.by_name, after.by_id) == (partial.by_name, partial.by_id)
        wanted = [list(differences(known, after, _everything, names)) for names in (None, moved)]
        assert sorted(wanted[0], key=repr) == sorted(wanted[1], key=repr)
        since, known = told.until, after


def _everything(_name: MailboxName, _subscribed: bool) -> list[Event]:
    return list(Event)


async def _step(store: IMailboxStore, what: str, name: str, other: str) -> None:
    one, two = MailboxName(name), MailboxName(other)
    with suppress(MailboxError):
        match what:
            case "rename":
                await store.rename(one, two)
            case "put":
                await (await store.open(one)).append([NewMessage(content=Octets(MESSAGE))])
            case "seen":
                change = FlagChange(FlagMode.ADD, frozenset({SEEN}))
                await (await store.open(one)).change_flags(UIDSet([1, 2]), change)
            case _:
                await getattr(store, what)(one)


def test_names() -> None:
    """Names that are made, renamed, deleted and subscribed are told with all attributes."""
    house = House()
    player = notified(house, "SET (PERSONAL (MailboxName SubscriptionChange))")
    assert [
        '* LIST (\\HasNoChildren) "/" a/b',
        '* LIST (\\HasChildren) "/" a',
    ] == sorted(told(house, player, do(house, "create", name("a/b"))), reverse=True)
    assert ['* LIST (\\HasNoChildren \\Subscribed) "/" a/b'] == told(
        house, player, do(house, "subscribe", name("a/b"))
    )
    assert ['* LIST (\\HasNoChildren) "/" a/b'] == told(
        house, player, do(house, "unsubscribe", name("a/b"))
    )
    assert ['* LIST (\\HasChildren) "/" c ("OLDNAME" (a))'] == told(
        house, player, do(house, "rename", name("a"), name("c"))
    )
    assert [
        '* LIST (\\NonExistent \\HasNoChildren) "/" c/b',
        '* LIST (\\HasNoChildren) "/" c',
    ] == told(house, player, do(house, "delete", name("c/b")))
    assert ['* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" x'] == told(
        house, player, do(house, "subscribe", name("x"))
    )


def test_own_names_are_no_news() -> None:
    """What the client does itself it is not told (RFC 5465 §5)."""
    house = House()
    player = notified(
        house, "SET (PERSONAL (MailboxName SubscriptionChange MailboxMetadataChange))"
    )
    for command in (
        "CREATE a/b",
        "SUBSCRIBE a/b",
        'SETMETADATA a (/private/comment "x")',
        "RENAME a c",
        "DELETE c",
    ):
        [line] = player.line(f"1 {command}").splitlines()
        assert line.startswith("1 OK"), command
        assert [] == told(house, player), command
    assert 2 == len(told(house, player, do(house, "create", name("d/e"))))


def test_metadata() -> None:
    """Entries that change are told by their names (RFC 5465 §5.6, §5.7)."""
    house = House()
    player = notified(house, "SET (PERSONAL (MailboxMetadataChange ServerMetadataChange))")
    comment = {"/shared/comment": b"x"}
    assert ["* METADATA INBOX /shared/comment"] == told(
        house, player, do(house, "annotate", INBOX, comment)
    )
    assert ["* METADATA INBOX /shared/comment"] == told(
        house, player, do(house, "annotate", INBOX, dict.fromkeys(comment))
    )
    assert ['* METADATA "" /private/vendor/a/b'] == told(
        house, player, do(house, "annotate", None, {"/private/vendor/a/b": b"x"})
    )


def test_flags_of_others() -> None:
    """STATUS tells that flags changed, with the modseq to whoever enabled CONDSTORE."""
    house = House()
    house.put(MESSAGE)
    player = house.logged_in()
    player.line("1 ENABLE CONDSTORE")
    player.line(f"1 NOTIFY SET (INBOXES ({ARRIVALS} FlagChange))")
    seen = FlagChange(FlagMode.ADD, frozenset({SEEN}))
    [line] = told(house, player, lambda: result(house.mailbox().change_flags(UIDSet([1]), seen)))
    assert line.startswith("* STATUS INBOX (UIDVALIDITY ")
    assert " UNSEEN 0 HIGHESTMODSEQ " in line


def test_status_at_first() -> None:
    """SET STATUS tells the figures of what is watched (RFC 5465 §3.1)."""
    house = House()
    house.put(MESSAGE)
    result(house.store().create(name("Work")))
    answer = house.logged_in().line(f"1 NOTIFY SET STATUS (MAILBOXES (INBOX none) ({ARRIVALS}))")
    status, ending = answer.splitlines()

    assert status.startswith("* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY ")
    assert ending.startswith("1 OK")


def test_what_cannot_be_asked_for() -> None:
    """Unknown events are NO with those that are known; too many names are too many."""
    house = House()
    many = " ".join(f"m{n}" for n in range(1001))
    house.logged_in().play(
        f"""
        C: 1 NOTIFY SET (INBOXES (FooChange))
        S: 1 NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName ...
        C: 2 NOTIFY SET (INBOXES ({ARRIVALS} FlagChange AnnotationChange))
        S: 2 NO [BADEVENT (MessageNew ...
        C: 3 NOTIFY SET (MAILBOXES ({many}) (MailboxName))
        S: 3 NO [NOTIFICATIONOVERFLOW] ...
        C: 4 NOTIFY SET (INBOXES (MessageNew))
        S: 4 BAD ...
        """
    )


def test_rights_of_others() -> None:
    """What may be seen and not read is told as such, and what is granted later (RFC 5465 §5.9)."""
    house = House()
    house.directory._mail = SharingMailStore(house.mail)  # type: ignore[assignment]  # wrapped
    acls = IACLStore(house.store())

    def grant(rights: str) -> None:
        result(acls.set_rights(INBOX, BOB, RightsChange(FlagMode.REPLACE, frozenset(rights))))

    grant("l")
    player = house.logged_in(BOB)
    theirs = f'"Other Users/{ALICE}/INBOX"'
    what = f'1 NOTIFY SET (SUBTREE "Other Users" ({ARRIVALS} MailboxName))'
    assert f'* LIST (\\HasNoChildren \\NoAccess) "/" {theirs}' in player.line(what).splitlines()
    assert [] == told(house, player, lambda: house.put(MESSAGE))
    assert f'* LIST (\\HasNoChildren) "/" {theirs}' in told(house, player, lambda: grant("lr"))
    assert [f"* STATUS {theirs} (UIDNEXT 3 MESSAGES 2)"] == told(
        house, player, lambda: house.put(MESSAGE)
    )
    gone = told(house, player, lambda: grant(""))
    assert f'* LIST (\\NonExistent \\HasNoChildren) "/" {theirs}' in gone


def test_nobody_listens_behind_the_end() -> None:
    """UNAUTHENTICATE and the next NOTIFY end the last one."""
    house = House()
    player = notified(house, f"SET (INBOXES ({ARRIVALS}))")
    assert "OK" in player.line("1 NOTIFY SET (INBOXES (MailboxName))")
    assert [] == told(house, player, lambda: house.put(MESSAGE))
    assert 2 == len(told(house, player, do(house, "create", name("a/b"))))


# -- comparing ------------------------------------------------------------------------------------


def info(number: str, called: str, **more: Any) -> MailboxInfo:
    """A mailbox."""
    values: dict[str, Any] = {
        "uid_validity": UIDValidity(1),
        "uid_next": UID(1),
        "modseq": ModSeq(1),
        "messages": 0,
        "unseen": 0,
        "deleted": 0,
        "size": 0,
        "subscribed": False,
    }
    return MailboxInfo(name=name(called), id=number, **(values | more))


EVERY = frozenset(Event)


@pytest.mark.parametrize(
    ("before", "after", "notices"),
    [
        pytest.param([info("1", "a")], [info("1", "a")], [], id="nothing"),
        pytest.param([], [info("1", "a/b")], [Named(name("a/b")), Named(name("a"))], id="made"),
        pytest.param([info("1", "a")], [], [Named(name("a"))], id="gone"),
        pytest.param([info("1", "a")], [info("2", "a")], [Named(name("a"))], id="another one"),
        pytest.param(
            [info("1", "a"), info("2", "a/b")],
            [info("1", "c"), info("2", "c/b")],
            [Named(name("c"), name("a"))],
            id="renamed with levels",
        ),
        pytest.param(
            [info("1", "a"), info("2", "b")],
            [info("1", "b"), info("2", "a")],
            [Named(name("b"), name("a")), Named(name("a"), name("b"))],
            id="swapped",
        ),
        pytest.param(
            [info("1", "a")],
            [info("1", "a", rights=frozenset("l"))],
            [Named(name("a"))],
            id="not to be read any more",
        ),
    ],
)
def test_differences(
    before: list[MailboxInfo], after: list[MailboxInfo], notices: list[Named]
) -> None:
    """Names are compared by the ids of their mailboxes."""
    found = differences(Mailboxes(before), Mailboxes(after), lambda _name, _subscribed: EVERY)
    assert notices == list(found)


def test_differences_that_nobody_wants() -> None:
    """Who wants nothing is told nothing."""
    after = Mailboxes([info("1", "a", messages=1, uid_next=UID(2), subscribed=True)])
    assert [] == list(differences(Mailboxes([]), after, lambda _name, _subscribed: frozenset()))


@pytest.mark.parametrize("watched", ["a", "b"])
@pytest.mark.parametrize("subscribed", [False, True], ids=["by name", "subscribed"])
def test_a_rename_across_what_is_watched(watched: str, subscribed: bool) -> None:
    """RFC 5465 section 5.4: both names are affected, the one that is left and the new one."""
    before = Mailboxes([info("1", "a", subscribed=watched == "a")])
    after = Mailboxes([info("1", "b", subscribed=watched == "b")])

    def wanted(called: str, is_subscribed: bool) -> frozenset[Event]:
        meant = is_subscribed if subscribed else called == watched
        return frozenset({Event.MAILBOX_NAME} if meant else ())

    assert [Named(name("b"), name("a"))] == list(differences(before, after, wanted))


def test_figures_of_a_mailbox_that_is_not_empty() -> None:
    """One that appears with messages in it is told with its figures."""
    after = Mailboxes([info("1", "a", messages=1, uid_next=UID(2))])
    wanted = frozenset({Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE})
    [notice] = differences(Mailboxes([]), after, lambda _name, _subscribed: wanted)
    assert isinstance(notice, Figures)
    assert (StatusItem.MESSAGES, StatusItem.UIDNEXT, StatusItem.UIDVALIDITY) == notice.items


def test_attributes() -> None:
    """All of a name: whether it is there, has others below, may be read."""
    boxes = Mailboxes(
        [
            info("1", "a/b", special_use=frozenset({"\\Sent"}), subscribed=True),
            info("2", "c", rights=ALL_RIGHTS - {"r"}),
        ]
    )
    assert ["\\NonExistent", "\\HasChildren"] == attributes(boxes, name("a"))
    assert ["\\HasNoChildren", "\\Subscribed", "\\Sent"] == attributes(boxes, name("a/b"))
    assert ["\\HasNoChildren", "\\NoAccess"] == attributes(boxes, name("c"))
