"""
Our client machine with our server: STARTTLS, SASL, COMPRESS, and one login behind the other.
"""

from __future__ import annotations

import os
import socket

import pytest

from pymta.sasl.channel import Channel
from pymta.sasl.choice import choose
from pymta.sasl.client import ClientExchange, Credentials
from pymta.wire.imap.client_data import Exists, Fetched
from pymta.wire.imap.cursor import Literal
from tests.interop.imap_session import Session
from tests.interop.reading import Account
from tests.interop.servers import HOST, Server

MESSAGE = b"Subject: x\r\n\r\n" + b"many words, one line\r\n" * 9000


def exchange(session: Session, account: Account, *names: str) -> ClientExchange:
    """With the strongest of these mechanisms, or of those that are announced."""
    announced = {each[5:] for each in session.client.capabilities if each.startswith("AUTH=")}
    chosen = choose(
        announced.intersection(names) if names else announced,
        Credentials(username=account.address, password=account.password),
        channel=Channel(secure=True),
        random=os.urandom,
    )
    assert chosen is not None, session.client.capabilities
    return chosen


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"])
def test_whole_session(server: Server, mechanism: str) -> None:
    """
    What was announced before TLS is forgotten; a wrong password is told; a large message goes
    both ways compressed; another person logs in on the same connection.
    """
    ann, bob = server.account(), server.account()
    with socket.create_connection((HOST, server.ports["imap"]), timeout=20) as connection:
        session = Session(connection).greeted()
        session.start_tls(server.trusting(), HOST)
        assert "STARTTLS" not in session.client.capabilities
        wrong = Account(ann.address, "mistyped")
        assert not session.authenticate(exchange(session, wrong, mechanism)).ok
        assert session.authenticate(exchange(session, ann, mechanism)).ok
        assert "UNAUTHENTICATE" in session.client.capabilities
        session.done("COMPRESS", b"DEFLATE")
        session.done("APPEND", b"INBOX ", Literal(MESSAGE))
        session.select()
        (data,) = session.done("FETCH", b"1 BODY.PEEK[]")
        assert isinstance(data, Fetched)
        assert MESSAGE == data.items["BODY[]"]

        session.mailbox = None
        session.done("UNAUTHENTICATE")
        session.done("CAPABILITY")
        assert session.authenticate(exchange(session, bob)).ok
        assert Exists(0) in session.select().data
        session.ask("LOGOUT")
        session.socket.close()
