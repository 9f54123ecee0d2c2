"""
One user's mail on a server, ours over TLS or a Dovecot, for programs that synchronise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from pymta.wire.imap.client_data import Fetched
from tests.interop.dovecot import Dovecot
from tests.interop.imap_session import Session, logged_in
from tests.interop.reading import Account
from tests.interop.servers import HOST, Server

__all__ = ["OnDovecot", "OnOurs", "Remote", "State", "state_of"]

State = dict[str, tuple[frozenset[str], bytes]]
"""Flags and text by the subject."""


def state_of(remote: Remote, box: str = "INBOX") -> State:
    """All that is in a mailbox."""
    with remote.session() as session:
        return _read(session, box)


def _read(session: Session, box: str) -> State:
    assert session.select(box, verb="EXAMINE").ok
    state: State = {}
    for data in session.done(
        "UID FETCH", b"1:* (FLAGS BODY.PEEK[] BODY.PEEK[HEADER.FIELDS (SUBJECT)])"
    ):
        assert isinstance(data, Fetched)
        flags, octets = data.items["FLAGS"], data.items["BODY[]"]
        subject = data.items["BODY[HEADER.FIELDS (SUBJECT)]"]
        assert isinstance(flags, frozenset)
        assert isinstance(octets, bytes)
        assert isinstance(subject, bytes)
        state[subject.decode().strip().removeprefix("Subject: ")] = (flags - {"\\Recent"}, octets)
    return state


class Remote(Protocol):
    """What programs and tests need of either."""

    @property
    def mbsync(self) -> str:
        """Lines of mbsync's IMAPAccount."""

    @property
    def interimap(self) -> str:
        """Lines of interimap's configuration."""

    @property
    def offlineimap(self) -> str:
        """Lines of offlineimap's repository."""

    def session(self) -> AbstractContextManager[Session]:
        """Somebody else's session on the same mail."""


@dataclass(frozen=True, slots=True)
class OnOurs:
    """An account of our server, reached with implicit TLS."""

    server: Server
    account: Account

    @property
    def mbsync(self) -> str:
        return (
            f"Host {HOST}\nPort {self.server.ports['imaps']}\nSSLType IMAPS\n"
            f"CertificateFile {self.server.pem}\n"
            f'User {self.account.address}\nPass "{self.account.password}"\n'
        )

    @property
    def interimap(self) -> str:
        return (
            f"type = imaps\nhost = {HOST}\nport = {self.server.ports['imaps']}\n"
            f"username = {self.account.address}\npassword = {self.account.password}\n"
            f"SSL_CAfile = {self.server.pem}\n"
        )

    @property
    def offlineimap(self) -> str:
        return (
            f"remotehost = {HOST}\nremoteport = {self.server.ports['imaps']}\nssl = yes\n"
            f"sslcacertfile = {self.server.pem}\n"
            f"remoteuser = {self.account.address}\nremotepass = {self.account.password}\n"
        )

    @contextmanager
    def session(self) -> Iterator[Session]:
        with logged_in(self.server.ports["imap"], self.account) as session:
            yield session


@dataclass(frozen=True, slots=True)
class OnDovecot:
    """The user of a Dovecot, through a pipe."""

    dovecot: Dovecot

    @property
    def mbsync(self) -> str:
        return f'Tunnel "{self.dovecot.tunnel}"\n'

    @property
    def interimap(self) -> str:
        return f"type = tunnel\ncommand = {self.dovecot.tunnel}\n"

    @property
    def offlineimap(self) -> str:
        return f"preauthtunnel = {self.dovecot.tunnel}\nremoteuser = ann\n"

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.dovecot.connect() as connection:
            session = Session(connection).greeted()
            yield session
            session.ask("LOGOUT")
