"""
Lines about mailboxes: LIST, LSUB, STATUS, NAMESPACE, FLAGS, EXISTS, RECENT, EXPUNGE, VANISHED
(:rfc:`3501#section-7.2`, :rfc:`5258`, :rfc:`2342`, :rfc:`7162#section-3.2.10`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pymta.mailbox import MailboxName, UIDSet
from pymta.wire.imap.command.status import StatusItem
from pymta.wire.imap.response import atoms

__all__ = [
    "SEPARATOR",
    "NamespacePrefix",
    "exists_line",
    "expunge_line",
    "flags_line",
    "list_line",
    "lsub_line",
    "namespace_line",
    "recent_line",
    "status_line",
    "vanished_line",
]

#: Between the levels of a name, in every mailbox store.
SEPARATOR: Final = "/"


@dataclass(frozen=True, slots=True)
class NamespacePrefix:
    """One namespace: its names begin with ``prefix``."""

    prefix: str
    separator: str | None = SEPARATOR


def list_line(
    name: MailboxName | str,
    attributes: Iterable[str],
    *,
    utf8: bool,
    separator: str | None = SEPARATOR,
    child_info: Iterable[str] = (),
    old_name: MailboxName | None = None,
) -> bytes:
    """
    ``* LIST (\\HasNoChildren) "/" name``.

    :param attributes: with their backslashes; written in the order given.
    :param child_info: CHILDINFO: selection options that a mailbox below meets
        (:rfc:`5258#section-3.5`).
    :param old_name: OLDNAME: what it was called before (:rfc:`5465#section-5.5`, and
        :rfc:`9051#section-6.3.9.7` for a name written in another way).
    """
    items = []
    childinfo = [atoms.quoted(option.encode("ascii")) for option in child_info]
    if childinfo:
        items.append(b'"CHILDINFO" ' + atoms.parenthesised(childinfo))
    if old_name is not None:
        items.append(b'"OLDNAME" ' + atoms.parenthesised([atoms.mailbox(old_name, utf8=utf8)]))
    extended = b" " + atoms.parenthesised(items) if items else b""
    return _listed(b"LIST", name, attributes, utf8, separator, extended)


def lsub_line(
    name: MailboxName | str,
    attributes: Iterable[str],
    *,
    utf8: bool,
    separator: str | None = SEPARATOR,
) -> bytes:
    """``* LSUB () "/" name``"""
    return _listed(b"LSUB", name, attributes, utf8, separator, b"")


def status_line(
    name: MailboxName, values: Mapping[StatusItem, int | str | None], *, utf8: bool
) -> bytes:
    """
    ``* STATUS name (MESSAGES 3)``.

    :param values: in the order to write; an id is written in parentheses
        (:rfc:`8474#section-4.3`), None as NIL (:rfc:`7889#section-3.1`).
    """
    pairs = (_status_pair(item, value) for item, value in values.items())
    return b"* STATUS %s %s\r\n" % (
        atoms.mailbox(name, utf8=utf8),
        atoms.parenthesised(pairs),
    )


def namespace_line(
    personal: Sequence[NamespacePrefix],
    others: Sequence[NamespacePrefix] = (),
    shared: Sequence[NamespacePrefix] = (),
    *,
    utf8: bool,
) -> bytes:
    """``* NAMESPACE (("" "/")) NIL NIL``"""
    groups = (_namespaces(group, utf8) for group in (personal, others, shared))
    return b"* NAMESPACE " + b" ".join(groups) + b"\r\n"


def flags_line(names: Iterable[str]) -> bytes:
    """``* FLAGS (\\Answered …)``"""
    return b"* FLAGS " + atoms.flags(names) + b"\r\n"


def exists_line(messages: int) -> bytes:
    """``* 23 EXISTS``"""
    return b"* %d EXISTS\r\n" % messages


def recent_line(messages: int) -> bytes:
    """``* 5 RECENT``; not for IMAP4rev2."""
    return b"* %d RECENT\r\n" % messages


def expunge_line(number: int) -> bytes:
    """``* 44 EXPUNGE``"""
    return b"* %d EXPUNGE\r\n" % number


def vanished_line(uids: UIDSet | Iterable[tuple[int, int]], *, earlier: bool = False) -> bytes:
    """
    ``* VANISHED 41,43:116``.

    :param earlier: gone before this session could know of them: numbers do not move.
    """
    word = b"* VANISHED (EARLIER) " if earlier else b"* VANISHED "
    return word + atoms.number_set(uids) + b"\r\n"


def _listed(
    word: bytes,
    name: MailboxName | str,
    attributes: Iterable[str],
    utf8: bool,
    separator: str | None,
    extended: bytes,
) -> bytes:
    return b"* %s (%s) %s %s%s\r\n" % (
        word,
        " ".join(attributes).encode("ascii"),
        _separator(separator),
        atoms.mailbox(name, utf8=utf8),
        extended,
    )


def _separator(separator: str | None) -> bytes:
    return atoms.NIL if separator is None else atoms.quoted(separator.encode("ascii"))


def _status_pair(item: StatusItem, value: int | str | None) -> bytes:
    name = item.value.encode("ascii")
    if value is None:
        return name + b" " + atoms.NIL
    if isinstance(value, str):
        return b"%s (%s)" % (name, value.encode("ascii"))
    return b"%s %d" % (name, value)


def _namespaces(group: Sequence[NamespacePrefix], utf8: bool) -> bytes:
    if not group:
        return atoms.NIL
    return b"(" + b"".join(_namespace(entry, utf8) for entry in group) + b")"


def _namespace(entry: NamespacePrefix, utf8: bool) -> bytes:
    # RFC 2342 section 6: strings, never atoms
    prefix = atoms.mailbox(entry.prefix, utf8=utf8)
    if not prefix.startswith((b'"', b"{")):
        prefix = atoms.quoted(prefix)
    return atoms.parenthesised([prefix, _separator(entry.separator)])
