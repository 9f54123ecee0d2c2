"""
The same random commands go to our server and to a Dovecot that holds the same messages.

What they tell must agree, but for the kinds of difference in :mod:`tests.interop.imap_explained`.
``PYMTA_DIFFERENTIAL`` says how many seeds are tried; each is a hundred commands.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from pymta.wire.imap.client_events import Request
from pymta.wire.imap.cursor import Literal
from tests.interop.dovecot import dovecot
from tests.interop.imap_comparing import Facts, facts_of
from tests.interop.imap_letters import MADE, vectors
from tests.interop.imap_session import Session
from tests.interop.imap_streams import MADE_BOXES, Commands, Place

SEEDS = int(os.environ.get("PYMTA_DIFFERENTIAL", "6"))
LENGTH = 100
OPENING = ("SELECT", "EXAMINE")


def follow(place: Place, request: Request, session: Session, *, done: bool) -> None:
    """Where a session is, once a command has ended."""
    if request.name in OPENING:
        (box,) = request.arguments
        assert isinstance(box, bytes)
        place.box = box.strip(b'"').decode() if done else None
    elif request.name in ("CLOSE", "UNSELECT") and done:
        place.box = session.mailbox = None
    known = session.mailbox
    place.uids = [] if known is None else [uid for uid in known.uids if uid is not None]


def ask(session: Session, request: Request) -> Facts:
    """Ask one server; a selected mailbox is always known by its UIDs."""
    if request.name in OPENING:
        answer = session.open(request)
    else:
        answer = session.ask(request.name, *request.arguments)
    facts = facts_of(answer)
    if session.mailbox is not None and None in session.mailbox.uids:
        session.done("UID FETCH", b"1:* (UID)")
    return facts


def written(request: Request) -> str:
    """A command, for people."""
    texts = [each.decode() if isinstance(each, bytes) else "{...}" for each in request.arguments]
    return f"{request.name} {''.join(texts)}"


def fill(session: Session, messages: list[bytes]) -> None:
    """Put all messages in the inbox, a day apart."""
    for name in MADE_BOXES:
        session.done("CREATE", name.encode())
    for number, message in enumerate(messages):
        date = f'"{1 + number % 28:2}-Jun-2020 12:00:{number % 60:02} +0200" '
        session.done("APPEND", f"INBOX {date}".encode(), Literal(message))


def compare(seed: int, ours: Session, theirs: Session) -> None:
    """Run one seed."""
    pool = vectors()
    messages = [*MADE, *(pool[(seed * 7 + n) % len(pool)] for n in range(7 if pool else 0))]
    for session in (ours, theirs):
        fill(session, messages)
    commands, place, log = Commands(seed, messages), Place(), []
    for _ in range(LENGTH):
        request = commands.next(place)
        log.append(written(request))
        ours_said, theirs_said = ask(ours, request), ask(theirs, request)
        different = {
            name: (ours_said.get(name, "missing"), theirs_said.get(name, "missing"))
            for name in {*ours_said, *theirs_said}
            if ours_said.get(name) != theirs_said.get(name)
        }
        assert {} == different, (log[-10:], different)
        follow(place, request, ours, done=ours_said["status"] == "OK")
        if theirs.mailbox is not None and place.box is None:
            theirs.mailbox = None


@pytest.mark.parametrize("seed", range(SEEDS))
def test_two_dovecots(seed: int) -> None:
    """Two Dovecots agree: the commands do what they should, and what is compared can be."""
    with ExitStack() as stack:
        sessions = [
            Session(stack.enter_context(stack.enter_context(dovecot()).connect())).greeted()
            for _ in range(2)
        ]
        compare(seed, *sessions)
