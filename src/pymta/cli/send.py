"""
``pymta send FILE…``: messages into the queue of a server, or to a server by SMTP.
"""

from __future__ import annotations

import os
from argparse import Namespace
from datetime import UTC, datetime
from typing import Any

from pymta.address import Address, ascii_domain
from pymta.cli.errors import Usage
from pymta.cli.letters import Letter, Marks
from pymta.cli.names import host_name
from pymta.cli.sending import STANDARD_INPUT, Sent, send_all
from pymta.cli.store import Place, on_store
from pymta.components.chance import Chance
from pymta.components.stores import Stores
from pymta.envelope import Notify, Return, Sender
from pymta.errors import AddressError
from pymta.interfaces.content import IContentWriter, NewMail, Origin, prefixed
from pymta.message.trace import date_field, message_id, message_id_field, received
from pymta.queue.ids import QueueIDs
from pymta.session import Endpoint, Role, Session

__all__ = ["marks_of", "run_send"]

_NOWHERE = Endpoint("")


def run_send(arguments: Namespace) -> int:
    """
    Send each of the files.

    :raises Usage: the arguments make no sense.
    """
    marks = marks_of(arguments)
    if arguments.files.count(STANDARD_INPUT) > 1:
        raise Usage("standard input is one message")
    if arguments.server is not None:
        # What talks SMTP is loaded by those who do.
        from pymta.cli.send_smtp import by_server

        return by_server(arguments, marks)
    for name in ("user", "password_file", "tls", "authorities"):
        if getattr(arguments, name) is not None:
            raise Usage(f"--{name.replace('_', '-')} goes with --server")

    async def on_open(stores: Stores, place: Place, reactor: Any) -> int:
        hostname = ascii_domain(place.hostname or host_name())
        return await send_all(arguments, marks, _Queueing(stores, hostname))

    return on_store(arguments, on_open)


def marks_of(arguments: Namespace) -> Marks:
    """
    What the arguments say of every message.

    :raises Usage: an address, or a mark of :rfc:`3461`, is none.
    """
    sender = None
    if arguments.sender is not None:
        null = arguments.sender in ("", "<>")
        sender = Sender(reverse_path=None if null else _address("--from", arguments.sender))
    return Marks(
        sender=sender,
        recipients=tuple(_address("--to", text) for text in arguments.to),
        ret=arguments.ret and Return(arguments.ret.upper()),
        envid=_envid(arguments.envid),
        notify=_notify(arguments.notify),
    )


def _address(option: str, text: str) -> Address:
    try:
        return Address.parse(text.removeprefix("<").removesuffix(">")).simplest
    except AddressError as error:
        raise Usage(f"{option} {text}: {error}") from None


def _envid(text: str | None) -> str | None:
    # RFC 3461 section 4.4: at most 100 characters as xtext, which makes up to three of one.
    if text is not None and not (text.isascii() and text.isprintable() and 0 < len(text) <= 33):
        raise Usage("--envid: 1 to 33 printable ASCII characters")
    return text


def _notify(text: str | None) -> Notify | None:
    if text is None:
        return None
    words = text.upper().split(",")
    # RFC 3461 section 4.1: NEVER stands alone.
    if words == ["NEVER"]:
        return Notify.NEVER
    notify = Notify.NEVER
    for word in words:
        if word == "NEVER" or word not in Notify.__members__:
            raise Usage('--notify: "never", or some of "success,failure,delay"')
        notify |= Notify[word]
    return notify


class _Queueing:
    """Into the queue of a store, each durable before it is told; a server beside notices."""

    def __init__(self, stores: Stores, hostname: str) -> None:
        self._store = stores.queue
        self._hostname = hostname
        self._chance = Chance(os.urandom)
        self._ids = QueueIDs(_now, self._chance.below)

    def create(self) -> IContentWriter:
        return self._store.create()

    async def send(self, letter: Letter) -> Sent:
        queue_id = self._ids()
        now = _now()
        session = Session(id=queue_id, role=Role.LOCAL, peer=_NOWHERE, local=_NOWHERE, started=now)
        envelope = letter.envelope
        trace = received(
            session,
            by=self._hostname,
            id=queue_id,
            recipients=envelope.recipients,
            when=now,
            smtputf8=envelope.sender.smtputf8,
        )
        mail = NewMail(
            id=queue_id,
            envelope=envelope,
            content=prefixed(trace + self._missing(letter, now), letter.content),
            origin=Origin(session, envelope.sender),
            arrived=now,
            # Routed when it is due, by the server's tables, which only the server knows.
            lanes={},
        )
        await self._store.add([mail])
        return Sent(facts={"id": queue_id}, line=queue_id)

    def _missing(self, letter: Letter, now: datetime) -> bytes:
        # RFC 6409 section 8: who takes a message from its writer completes it.
        fields = b""
        if b"Date" not in letter.header:
            fields += date_field(now)
        if b"Message-ID" not in letter.header:
            token = self._chance.octets(12)
            fields += message_id_field(message_id(self._hostname, now=now, token=token))
        return fields


def _now() -> datetime:
    return datetime.now(UTC)
