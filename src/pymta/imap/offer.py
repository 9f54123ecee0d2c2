"""
What one client is offered: the CAPABILITY response (:rfc:`3501#section-6.1.1`), as its connection
is now.

A capability stands in a table with the interfaces that the store has to provide; it is announced
where they are, and nowhere else.  Before a login nobody knows the store: then what stores of this
listener provide is told, so that the list differs behind it in nothing but STARTTLS,
LOGINDISABLED, AUTH= and the kind of literals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from zope.interface import Interface

from pymta.imap.commands import (
    acl,
    esearch,
    metadata,
    namespace,
    notify,
    quota,
    search,
    sort,
    thread,
)
from pymta.imap.extension import Offered
from pymta.imap.settings import Settings
from pymta.interfaces.mailbox import IAppendLimitStore, IMailboxStore
from pymta.session import TLS
from pymta.wire.imap import verbs
from pymta.wire.imap.capability import Capability, Register, Verb, sasl
from pymta.wire.imap.command.search import SEARCH
from pymta.wire.imap.state import State, Status

__all__ = ["NAMES", "OFFERED", "Offer", "Visitor"]


def _plain(*words: str) -> Offered:
    return Offered(words=words)


def _with(word: str, *new: Verb) -> Offered:
    return Offered(words=(word,), verbs=new)


OFFERED: Final[tuple[Offered, ...]] = (
    _plain("SASL-IR"),
    _with("ID", verbs.ID),
    _with("ENABLE", verbs.ENABLE),
    _with("IDLE", verbs.IDLE),
    _with("UIDPLUS", verbs.UID_EXPUNGE),
    _with("MOVE", verbs.MOVE),
    _with("UNSELECT", verbs.UNSELECT),
    _plain("CHILDREN"),
    _plain("LIST-EXTENDED"),
    # RFC 5819 section 1: a return option, as RFC 5258 has them
    Offered(words=("LIST-STATUS",), builds_on=("LIST-EXTENDED",)),
    _plain("STATUS=SIZE"),
    _plain("MULTIAPPEND"),
    _with("REPLACE", verbs.REPLACE),
    _plain("CONDSTORE"),
    # RFC 7162 section 3.2.3
    Offered(words=("QRESYNC",), builds_on=("CONDSTORE", "ENABLE")),
    _plain("SAVEDATE"),
    _plain("BINARY"),
    _plain("PREVIEW"),
    _with("COMPRESS=DEFLATE", verbs.COMPRESS),
    _with("UNAUTHENTICATE", verbs.UNAUTHENTICATE),
    _plain("OBJECTID"),
    _plain("INPROGRESS"),
    # RFC 5550 section 5.7.1: whoever takes ";PARTIAL=" in its URLs says so
    _plain("CATENATE", "URL-PARTIAL"),
    # RFC 9586 section 3, RFC 6855 section 3: by ENABLE and by nothing else
    Offered(words=("UIDONLY",), builds_on=("ENABLE",)),
    Offered(words=("UTF8=ACCEPT",), builds_on=("ENABLE",)),
    _plain("SPECIAL-USE"),
    _plain("CREATE-SPECIAL-USE"),
    *namespace.OFFERED,
    *search.OFFERED,
    *esearch.OFFERED,
    *sort.OFFERED,
    *thread.OFFERED,
    *acl.OFFERED,
    *quota.OFFERED,
    *metadata.OFFERED,
    *notify.OFFERED,
)
"""What follows the protocol's own names, in the order in which it is announced."""

NAMES: Final = frozenset(row.name for row in OFFERED)
"""Those by which settings leave capabilities out."""


@dataclass(slots=True)
class Visitor:
    """
    What an offer depends on, of one client: the ``context`` of its machine.

    :param plaintext: it may log in without TLS.
    :param tls: what the handshake agreed on, from then on.
    :param store: whose mailboxes, behind a login.
    """

    plaintext: bool
    tls: TLS | None = None
    store: IMailboxStore | None = None


class Offer:
    """
    The offer of one listener, to all of its clients.

    :raises ValueError: the settings leave out what there is not.
    :ivar register: all that is offered, in the order in which it is announced.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._login = settings.login
        self.register = Register(
            [
                Capability(name="IMAP4rev1", words=_protocol, verbs=(*verbs.CORE, SEARCH)),
                Capability(name="LITERAL", words=_literals),
                Capability(name="STARTTLS", words=self._starttls, verbs=(verbs.STARTTLS,)),
                Capability(name="LOGINDISABLED", words=self._login_disabled),
                sasl(self._mechanisms),
                Capability(name="APPENDLIMIT", words=self._append_limit),
                Capability(name="MESSAGELIMIT", words=self._message_limit),
                Capability(name="SAVELIMIT", words=self._save_limit),
                *self._table(),
            ]
        )

    def _table(self) -> Iterator[Capability]:
        settings = self._settings
        rows = (*OFFERED, *(extension.offered for extension in settings.extensions))
        unknown = settings.without - {row.name for row in rows}
        if unknown:
            raise ValueError(f"no capability that could be left out: {', '.join(sorted(unknown))}")
        left_out = _with_dependants(settings.without, rows)
        for row in rows:
            if row.name not in left_out and row.only(settings):
                yield Capability(name=row.name, words=self._words(row), verbs=row.verbs)

    def _words(self, row: Offered) -> Callable[[Status], Sequence[str] | None]:
        if not row.needs:
            return lambda _status: row.words
        return lambda status: row.words if self._provides(status, row.needs) else None

    def _provides(self, status: Status, needs: Iterable[type[Interface]]) -> bool:
        store = _visitor(status).store
        if store is not None:
            return all(interface.providedBy(store) for interface in needs)
        provided = self._settings.provided
        return all(any(each.isOrExtends(need) for each in provided) for need in needs)

    # -- those that depend on where the connection is ---------------------------------

    def _starttls(self, status: Status) -> Sequence[str] | None:
        settings = self._settings
        if settings.certificates is None or status.tls:
            return None
        return ("STARTTLS",) if status.state is State.NOT_AUTHENTICATED else None

    def _login_disabled(self, status: Status) -> Sequence[str] | None:
        if status.state is not State.NOT_AUTHENTICATED:
            return None
        # RFC 3501 section 6.2.3
        secure = status.tls or _visitor(status).plaintext
        can = secure and self._login.can_check_password
        return None if can else ("LOGINDISABLED",)

    def _mechanisms(self, status: Status) -> Sequence[str]:
        visitor = _visitor(status)
        return self._login.offered(visitor.tls, visitor.plaintext)

    def _append_limit(self, status: Status) -> Sequence[str] | None:
        limit = self._settings.append_limit
        if limit is not None:
            return (f"APPENDLIMIT={limit}",)
        # RFC 7889 section 2: without a figure, mailboxes have limits of their own
        return ("APPENDLIMIT",) if self._provides(status, (IAppendLimitStore,)) else None

    def _message_limit(self, _status: Status) -> Sequence[str] | None:
        limit = self._settings.message_limit
        return None if limit is None else (f"MESSAGELIMIT={limit}",)

    def _save_limit(self, _status: Status) -> Sequence[str] | None:
        limit = self._settings.save_limit
        return None if limit is None else (f"SAVELIMIT={limit}",)


def _with_dependants(names: frozenset[str], rows: Sequence[Offered]) -> frozenset[str]:
    """These, and what builds on them, and so on."""
    found = names
    while more := {row.name for row in rows if found.intersection(row.builds_on)} - found:
        found |= more
    return found


def _visitor(status: Status) -> Visitor:
    assert isinstance(status.context, Visitor)
    return status.context


def _protocol(_status: Status) -> Sequence[str]:
    return ("IMAP4rev1", "IMAP4rev2")


def _literals(status: Status) -> Sequence[str]:
    # RFC 7888 section 5: one of the two; before a login none can be long
    before = status.state is State.NOT_AUTHENTICATED
    return ("LITERAL-",) if before else ("LITERAL+",)
