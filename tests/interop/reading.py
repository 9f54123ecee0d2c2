"""
Read mail by POP3 with our own client machine over a plain socket: every octet as it came.

Other clients split what they read at each LF; here nothing is split, so what a message is
compared with is what the server sent.
"""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass, field

from pymta.wire._lines import NEED_DATA
from pymta.wire.pop3.client import POP3Client
from pymta.wire.pop3.events import Command, EnableUTF8, Password, Quit, Retrieve, Stat, User
from pymta.wire.pop3.responses import Content, ContentEnd, Greeting, Reply

__all__ = ["Account", "Mailbox", "is_behind_trace", "trace_of"]

SECONDS = 30.0

TRACE = re.compile(
    rb"Return-Path: <[^\r\n]*>\r\n"
    rb"Delivered-To: [^\r\n]+\r\n"
    rb"Received: [^\r\n]+\r\n(?:[ \t][^\r\n]+\r\n)*"
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the server's, and its password."""

    address: str
    password: str = field(repr=False)

    def wait_for(self, port: int, count: int) -> list[bytes]:
        """All its messages, as soon as there are at least so many."""
        end = time.monotonic() + SECONDS
        while True:
            with Mailbox(port, self) as mailbox:
                if mailbox.count() >= count or time.monotonic() > end:
                    return mailbox.messages()
            time.sleep(0.05)


def trace_of(message: bytes, sent: bytes) -> bytes | None:
    """What stands before the octets that were sent; None if they are not its end."""
    return message[: len(message) - len(sent)] if message.endswith(sent) else None


def is_behind_trace(message: bytes, sent: bytes) -> bool:
    """Whether the message is what was sent, behind our trace fields and nothing else."""
    trace = trace_of(message, sent)
    return trace is not None and TRACE.fullmatch(trace) is not None


class Mailbox:
    """A session of somebody who logged in; ends with the block, and removes nothing."""

    def __init__(self, port: int, account: Account) -> None:
        self._account = account
        self._machine = POP3Client()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)

    def __enter__(self) -> Mailbox:
        greeting = self._next()
        assert isinstance(greeting, Greeting), greeting
        assert greeting.ok, greeting
        if not self._account.address.isascii():
            self._ask(EnableUTF8())
        self._ask(User(self._account.address))
        self._ask(Password(self._account.password))
        return self

    def __exit__(self, *error: object) -> None:
        with self._socket:
            if error[0] is None:
                self._ask(Quit())

    def count(self) -> int:
        """How many messages there are."""
        return int(self._ask(Stat()).text.split()[0])

    def messages(self) -> list[bytes]:
        """All of them, whole."""
        return [self.message(number) for number in range(1, self.count() + 1)]

    def message(self, number: int) -> bytes:
        """One of them."""
        self._ask(Retrieve(number))
        slices = []
        while not isinstance(event := self._next(), ContentEnd):
            assert isinstance(event, Content), event
            slices.append(event.data)
        return b"".join(slices)

    def _ask(self, command: Command) -> Reply:
        self._machine.send(command)
        self._socket.sendall(self._machine.data_to_send())
        reply = self._next()
        assert isinstance(reply, Reply), reply
        assert reply.ok, reply
        return reply

    def _next(self) -> object:
        while (event := self._machine.next_event()) is NEED_DATA:
            self._machine.receive_data(self._socket.recv(1 << 16))
        return event
