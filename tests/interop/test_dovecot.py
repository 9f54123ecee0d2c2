"""
Our client machine and a real Dovecot understand each other: the peer of the other tests stands.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pymta.wire.imap.client_data import Exists, Expunge, Fetched, Searched
from pymta.wire.imap.cursor import Literal
from tests.interop.dovecot import Dovecot, dovecot
from tests.interop.imap_session import Session

MESSAGE = b"From: a@b.test\r\nSubject: hi\r\n\r\nText\r\n"


@pytest.fixture
def peer() -> Iterator[Dovecot]:
    """An empty one."""
    with dovecot() as running:
        yield running


@pytest.fixture
def session(peer: Dovecot) -> Iterator[Session]:
    """One session on it."""
    with peer.connect() as connection:
        yield Session(connection).greeted()


def test_session(peer: Dovecot, session: Session) -> None:
    """
    What is appended is read again octet for octet; a second session sees it go, and is told
    during IDLE.
    """
    session.done("APPEND", b"INBOX (\\Seen) ", Literal(MESSAGE))
    session.done("APPEND", b"INBOX ", Literal(MESSAGE * 3))
    assert session.select().ok
    (first, _) = session.done("FETCH", b"1:* (UID FLAGS BODY.PEEK[] ENVELOPE BODYSTRUCTURE)")
    assert isinstance(first, Fetched)
    assert MESSAGE == first.items["BODY[]"]
    assert (Searched((2,)),) == session.done("SEARCH", b"UNSEEN")
    with peer.connect() as connection:
        other = Session(connection).greeted()
        other.select()
        with other.idle():
            session.done("STORE", b"1 +FLAGS.SILENT (\\Deleted)")
            assert Expunge(1) in session.done("EXPUNGE")
            heard = [other.hear()]
            while Expunge(1) not in heard:
                heard.append(other.hear())
        assert session.mailbox is not None
        assert other.mailbox is not None
        assert 1 == len(session.mailbox.messages) == len(other.mailbox.messages)
    assert Exists(1) in session.select().data


def test_extensions(session: Session) -> None:
    """What the extensions answer with is read."""
    session.done("ENABLE", b"QRESYNC")
    session.done("APPEND", b"INBOX ", Literal(MESSAGE))
    session.select()
    assert session.mailbox is not None
    assert session.mailbox.highest_modseq
    for name, argument in (
        ("NAMESPACE", b""),
        ("LIST", b'"" * RETURN (CHILDREN STATUS (MESSAGES UIDNEXT SIZE))'),
        ("THREAD", b"REFERENCES UTF-8 ALL"),
        ("SORT", b"RETURN (MIN ALL) (REVERSE DATE) UTF-8 ALL"),
        ("STATUS", b"INBOX (MESSAGES HIGHESTMODSEQ)"),
        ("ID", b"NIL"),
        ("FETCH", b"1 (PREVIEW SAVEDATE BINARY.SIZE[1] BINARY[1] MODSEQ INTERNALDATE)"),
    ):
        assert session.done(name, *([argument] if argument else [])), name
