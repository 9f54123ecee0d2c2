"""
Limits of an account and of its mailboxes: in a file of ours, so that they outlive the index.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pymta.errors import NoSuchQuotaRoot
from pymta.mailbox import MailboxInfo, MailboxName, QuotaRoot, Resource
from pymta.store._quota import Quota, check_size, mailbox_of, without
from pymta.store.maildir.boxes import Box, box_of
from pymta.store.maildir.roots import scan_names
from pymta.store.maildir.work import FOLDER, Work, read_file

__all__ = [
    "Limits",
    "account_quota",
    "box_quota",
    "check_mailboxes",
    "check_room",
    "check_sizes",
    "quota_root",
    "quota_roots",
    "read_limits",
    "set_append_limit",
    "set_limits",
    "set_quota",
    "with_limits",
]

_FILE = f"{FOLDER}/limits"
_APPEND = "APPEND"

Numbers = dict[str, int]
"""By the name of a resource; of a mailbox also :data:`_APPEND`, octets of a message."""


@dataclass(slots=True)
class Limits:
    """:param boxes: by the id of the mailbox."""

    account: Numbers = field(default_factory=dict)
    boxes: dict[str, Numbers] = field(default_factory=dict)


def read_limits(work: Work) -> Limits:
    """As they are.  A file that is broken limits nothing."""
    try:
        said = json.loads(read_file(work.path(_FILE)) or b"{}")
        boxes = {str(guid): _numbers(each) for guid, each in said.get("boxes", {}).items()}
        return Limits(_numbers(said.get("account", {})), boxes)
    except (ValueError, AttributeError, RecursionError):
        return Limits()


def _numbers(said: Any) -> Numbers:
    return {str(name): n for name, n in said.items() if isinstance(n, int) and n >= 0}


def _write(work: Work, limits: Limits) -> None:
    guids = {guid for (guid,) in work.connection.execute("SELECT guid FROM boxes")}
    boxes = {guid: each for guid, each in limits.boxes.items() if each and guid in guids}
    text = json.dumps({"account": limits.account, "boxes": boxes})
    work.rules.disk.put(work.path(_FILE), text.encode())


# -- what is there -----------------------------------------------------------------


def account_quota(work: Work) -> Quota:
    """What all mailboxes hold."""
    octets, messages = work.connection.execute(
        "SELECT total(size), total(messages) FROM boxes"
    ).fetchone()
    return _quota(int(octets), int(messages), read_limits(work).account)


def box_quota(work: Work, box: Box) -> Quota:
    """What a mailbox holds."""
    octets, messages = work.connection.execute(
        "SELECT size, messages FROM boxes WHERE id = ?", (box.id,)
    ).fetchone()
    return _quota(octets, messages, read_limits(work).boxes.get(box.guid, {}))


def _quota(octets: int, messages: int, limits: Numbers) -> Quota:
    made = Quota(octets, messages)
    made.limit({each: limits[each.value] for each in Resource if each.value in limits})
    return made


# -- what may come -----------------------------------------------------------------


def check_room(work: Work, target: Box, octets: int, messages: int) -> None:
    """:raises pymta.errors.OverQuota: that many more do not fit into the account or mailbox."""
    account_quota(work).check(octets, messages)
    box_quota(work, target).check(octets, messages)


def check_sizes(work: Work, target: Box, messages: Sequence[tuple[int, str | None]]) -> None:
    """:param messages: sizes, and keys of deliveries.  :raises MessageTooLarge: one is."""
    limit = read_limits(work).boxes.get(target.guid, {}).get(_APPEND)
    for size, key in messages:
        check_size(size, limit, key)


def check_mailboxes(work: Work, more: int) -> None:
    """:raises pymta.errors.OverQuota: that many more mailboxes are too many."""
    if more:
        account_quota(work).check_mailboxes(_count_boxes(work) + more)


def _count_boxes(work: Work) -> int:
    count: int = work.connection.execute("SELECT count(*) FROM boxes").fetchone()[0]
    return count


# -- as IMAP sees them -------------------------------------------------------------


def quota_roots(work: Work, name: MailboxName) -> list[QuotaRoot]:
    """Those of a mailbox."""
    box = box_of(work.connection, "name", name)
    return [_root(work, None), *([] if box is None else [_root(work, box)])]


def quota_root(work: Work, root: str) -> QuotaRoot:
    """:raises NoSuchQuotaRoot: none of that name."""
    return _root(work, _box_of_root(work, root))


def set_limits(work: Work, root: str, limits: Mapping[Resource, int]) -> QuotaRoot:
    """All limits of a root.  :raises NoSuchQuotaRoot: :raises ValueError: as the interface."""
    scan_names(work)
    box, kept = _box_of_root(work, root), read_limits(work)
    numbers = {resource.value: n for resource, n in limits.items()}
    if box is None:
        kept.account = numbers
    else:
        without(limits, Resource.MAILBOX)
        before = kept.boxes.get(box.guid, {})
        append = {_APPEND: before[_APPEND]} if _APPEND in before else {}
        kept.boxes[box.guid] = numbers | append
    _write(work, kept)
    return _root(work, box)


def set_quota(work: Work, limits: Mapping[Resource, int | None]) -> None:
    """Some limits of the account; others stay.  None is no limit."""
    kept = read_limits(work)
    for resource, limit in limits.items():
        kept.account.pop(resource.value, None)
        if limit is not None:
            kept.account[resource.value] = limit
    _write(work, kept)


def _box_of_root(work: Work, root: str) -> Box | None:
    name = mailbox_of(root)
    if name is None:
        return None
    box = box_of(work.connection, "name", name)
    if box is None:
        raise NoSuchQuotaRoot(f"no quota root {root}")
    return box


def _root(work: Work, box: Box | None) -> QuotaRoot:
    if box is None:
        return account_quota(work).root(_count_boxes(work))
    return box_quota(work, box).root_of(box.name)


def set_append_limit(work: Work, name: MailboxName, octets: int | None) -> None:
    """:raises NoSuchMailbox: none of that name."""
    scan_names(work)
    box, kept = work.box_named(name), read_limits(work)
    numbers = kept.boxes.setdefault(box.guid, {})
    numbers.pop(_APPEND, None)
    if octets is not None:
        numbers[_APPEND] = octets
    _write(work, kept)
    work.moved(box, work.step())


def with_limits(work: Work, infos: list[MailboxInfo]) -> list[MailboxInfo]:
    """What LIST and STATUS say of them too."""
    limits = {f"M{guid}": each.get(_APPEND) for guid, each in read_limits(work).boxes.items()}
    if all(limit is None for limit in limits.values()):
        return infos
    return [replace(info, append_limit=limits.get(info.id)) for info in infos]
