"""
Every group of clauses about rights, annotations and limits fails on a provider that breaks it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as replaced
from typing import Any

import pytest

from pymta.errors import AnnotationTooLarge, NotPermitted, PymtaError
from pymta.interfaces.annotations import Depth
from pymta.mailbox import PossibleRights
from pymta.store import _annotations, _visiting, sharing
from pymta.store._quota import Quota
from pymta.store.memory import mailbox, mailboxes, notes
from pymta.store.memory.mailbox import MemoryMailbox
from pymta.store.memory.mailboxes import MemoryMailboxes
from pymta.store.memory.state import Account, Box, Message
from pymta.store.sharing import SharedMailboxes
from pymta.testing.contracts.mailbox_case import message
from tests.store.test_memory import TestMemory as Kit
from tests.store.test_mutants import Mutate, method
from tests.store.test_sharing import TestSharedInMemory as Shared


async def _deaf(call: Any, self: MemoryMailboxes, *args: Any) -> Any:
    bells, self._account.bells = self._account.bells, type(self._account.bells)()
    try:
        return await call(self, *args)
    finally:
        self._account.bells = bells


async def _nobody_owns(acl: Any, self: MemoryMailboxes, name: Any) -> Any:
    return dict(list((await acl(self, name)).items())[1:])


async def _anyones(my: Any, self: MemoryMailboxes, name: Any) -> Any:
    return frozenset("lr")


async def _untold(ask: Any, self: MemoryMailboxes, since: Any) -> Any:
    return replaced(await ask(self, since), annotated=())


async def _keeps_limits(limit: Any, self: MemoryMailboxes, root: str, limits: Any) -> Any:
    kept = self._root(self._box_of(root)).limits
    return await limit(self, root, {**kept, **limits})


async def _one_root(ask: Any, self: MemoryMailboxes, name: Any) -> Any:
    first, *_ = await ask(self, name)
    return [first, first]


def _moves_a_mailbox(annotate: Any, account: Account, *args: Any, **kwargs: Any) -> None:
    annotate(account, *args, **kwargs)
    account.changed(list(account.boxes.values()), account.step())


def _one_after_another(annotate: Any, account: Any, name: Any, values: Any, **who: Any) -> None:
    for entry, value in values.items():
        annotate(account, name, {entry: value}, **who)


def _without_deleted(count: Any, self: Box, message: Message, sign: int) -> None:
    size = self.deleted_size
    count(self, message, sign)
    self.deleted_size = size


def _as_owner_of_nothing(add: Any, account: Account, name: Any, settings: Any) -> Any:
    box = add(account, name, settings)
    box.rights = {}
    return box


def _unbounded(check: Callable[..., Any], values: Any) -> Any:
    return {_annotations.checked_entry(name): value for name, value in values.items()}


async def _present_keywords(keywords: Any, self: MemoryMailbox) -> Any:
    return frozenset(k for m in self._box.messages.values() for k in m.flags.keywords)


MUTANTS: list[tuple[str, Mutate, str, dict[str, Any]]] = [
    ("keywords go with messages", method(MemoryMailbox, "keywords", _present_keywords),
     "test_keywords", {}),
    ("owners are nobody", method(MemoryMailboxes, "acl", _nobody_owns), "test_set_rights",
     {"changes": ["lr"], "after": "lr"}),
    ("rights of an owner go", method(MemoryMailboxes, "my_rights", _anyones),
     "test_an_owner_may_do_everything", {}),
    ("rights of what is not there", method(MemoryMailboxes, "my_rights", _anyones),
     "test_rights_of_nothing", {}),
    ("rights are only added", method(mailboxes, "changed_rights",
     lambda _, acl, who, change: acl.get(who, frozenset()) | change.rights),
     "test_set_rights", {"changes": ["lr", "wi"], "after": "iw"}),
    ("unknown rights are ignored", method(mailboxes, "changed_rights",
     lambda change, acl, who, asked: change(
         acl, who, replaced(asked, rights=asked.rights & frozenset("lrswipkxtea")))),
     "test_bad_rights", {"identifier": "bob", "rights": "lq"}),
    ("anybody is somebody", method(mailboxes, "checked_identifier", lambda _, who: who),
     "test_bad_rights", {"identifier": "", "rights": "l"}),
    ("lists without end", method(mailboxes, "changed_rights",
     lambda change, acl, who, asked: change({}, who, asked)), "test_many_identifiers", {}),
    ("new levels inherit nothing", method(mailboxes, "_add_box", _as_owner_of_nothing),
     "test_rights_of_new_levels", {}),
    ("rights change silently", method(MemoryMailboxes, "set_rights", _deaf),
     "test_rights_are_told", {}),
    ("rights are tied", method(mailboxes, "possible",
     lambda _, *a: PossibleRights(frozenset(), (frozenset("lr"), frozenset("r")))),
     "test_possible_rights", {}),
    ("names have case", method(notes, "checked_values", lambda _, values: dict(values)),
     "test_annotate", {}),
    ("shared ones are everybody's to write", method(notes, "whose", lambda _, entry, who: who),
     "test_annotations_of_the_server", {}),
    ("only itself", method(notes, "meant",
     lambda meant, entry, asked: meant(entry, [(name, Depth.ZERO) for name, _ in asked])),
     "test_depth", {"asked": ["/private/a"], "depth": Depth.ONE, "found": "a a/b"}),
    ("all below", method(notes, "meant",
     lambda meant, entry, asked: meant(entry, [(name, Depth.INFINITY) for name, _ in asked])),
     "test_depth", {"asked": ["/private/a"], "depth": Depth.ONE, "found": "a a/b"}),
    ("entries one by one", method(notes, "annotate", _one_after_another),
     "test_no_name_of_an_entry", {"bad": "/other/x"}),
    ("values without end", method(notes, "checked_values", _unbounded),
     "test_limits_of_annotations",
     {"values": {"/shared/comment": b"x" * 32769}, "error": AnnotationTooLarge}),
    ("entries without end", method(notes, "room", lambda *_: None),
     "test_room_for_annotations_comes_back", {}),
    ("annotations change silently", method(MemoryMailboxes, "annotate", _deaf),
     "test_annotations_are_told", {}),
    ("which is not told", method(MemoryMailboxes, "changes", _untold),
     "test_annotations_are_told", {}),
    ("annotations move mailboxes", method(notes, "annotate", _moves_a_mailbox),
     "test_annotating_keeps_messages", {}),
    ("uses are nothing", method(notes, "uses_of", lambda *_: frozenset()),
     "test_special_use_is_an_annotation", {}),
    ("any use", method(mailboxes, "checked_uses", lambda _, uses: uses), "test_unknown_use", {}),
    ("limits stay", method(MemoryMailboxes, "set_limits", _keeps_limits),
     "test_set_limits_sets_all", {}),
    ("one root for all", method(MemoryMailboxes, "quota_roots", _one_root),
     "test_quota_roots", {}),
    ("mailboxes without end", method(Quota, "check_mailboxes", lambda *_: None),
     "test_limit_of_mailboxes", {}),
    ("only accounts have limits", method(Quota, "limit", lambda *_: None),
     "test_limit_of_a_mailbox", {"way": "append"}),
    ("deleted ones have no size", method(Box, "_count", _without_deleted),
     "test_deleted_size", {}),
    ("messages of any size", method(mailbox, "check_size", lambda *_: None),
     "test_append_limit", {}),
    ("deliveries are APPENDs", method(mailbox, "check_size",
     lambda check, size, limit, _: check(size, limit, None)),
     "test_deliveries_have_no_append_limit", {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("mutate", "test", "arguments"),
    [pytest.param(*rest, id=what) for what, *rest in MUTANTS],
)
def test_the_kit_notices(
    monkeypatch: pytest.MonkeyPatch, mutate: Mutate, test: str, arguments: dict[str, Any]
) -> None:
    """The test passes as it is, and fails with the mutant."""
    getattr(Kit(), test)(**arguments)
    mutate(monkeypatch)
    with pytest.raises((AssertionError, PymtaError, pytest.fail.Exception)):
        getattr(Kit(), test)(**arguments)


async def _any_right(require: Any, self: Any, name: Any, *needed: str) -> Any:
    return await require(self, name)


async def _allow(require: Any, self: Any, name: Any) -> None:
    """Anybody."""


def _positive(acl: Any) -> Any:
    return {who: rights for who, rights in acl.items() if not who.startswith("-")}


async def _old_rights(require: Any, self: Any, *needed: str) -> Any:
    return self._rights


SHARING_MUTANTS: list[tuple[str, Mutate, str, dict[str, Any]]] = [
    (
        "nothing is taken away",
        method(sharing, "granted", lambda give, acl, *who: give(_positive(acl), *who)),
        "test_effective_rights",
        {"grants": {"anyone": "lrw", "-bob": "w"}, "rights": "lr"},
    ),
    ("no right is needed", method(_visiting.Visit, "require", _any_right), "test_needed_rights",
     {"needed": "i", "call": lambda box: box.append([message("x")])}),
    ("rights of the past", method(_visiting.VisitedMailbox, "_require", _old_rights),
     "test_rights_that_are_taken_away", {}),
    ("all flags go", method(_visiting, "may_set", lambda _, rights, flags: iter(flags)),
     "test_flags_that_may_be_set", {"rights": "lri", "kept": set()}),
    ("refusals tell what is there", method(_visiting, "refusal",
     lambda _, rights, name: NotPermitted(name)), "test_what_is_hidden", {}),
    ("figures for all", method(sharing, "as_seen",
     lambda _, info, name, rights: replaced(info, name=name, rights=rights)),
     "test_what_is_listed", {}),
    ("bells of one's own", method(sharing._Bell, "hang",
     lambda hang, self, account, store: not account and hang(self, account, store)),
     "test_changes_of_anothers", {}),
    ("nobody departs", method(SharedMailboxes, "_departed",
     lambda _, self, before, theirs: dict(before.until)), "test_changes_of_anothers", {}),
    ("anybody's names", method(_visiting.Visit, "require_above", _allow),
     "test_names_that_may_not_be_changed",
     {"rights": "lrx", "call": lambda bob, at: bob.create(at("Work/New"))}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("mutate", "test", "arguments"),
    [pytest.param(*rest, id=what) for what, *rest in SHARING_MUTANTS],
)
def test_the_cases_notice(
    monkeypatch: pytest.MonkeyPatch, mutate: Mutate, test: str, arguments: dict[str, Any]
) -> None:
    """The same for mailboxes that are shared."""
    getattr(Shared(), test)(**arguments)
    mutate(monkeypatch)
    with pytest.raises((AssertionError, PymtaError, pytest.fail.Exception)):
        getattr(Shared(), test)(**arguments)
