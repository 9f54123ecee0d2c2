"""
Our client against our own server, over real sockets: every octet on the far side.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from zope.interface import implementer

from pymta.aio import sleep
from pymta.edge.client_tls import ClientTLS
from pymta.envelope import Body, Notify, OriginalRecipient, Return
from pymta.interfaces.content import SLICE, IContent, Octets
from pymta.interfaces.relay import Host, TLSLevel, TLSPolicy
from pymta.reply import Reply
from pymta.session import Role
from pymta.smtp.client_answers import Answer, Stage
from pymta.smtp.client_dialler import Dialler
from pymta.smtp.client_opening import HandshakeFailed
from pymta.smtp.client_session import ClientSession
from pymta.smtp.client_settings import ClientSettings
from pymta.wire.smtp.extensions import BINARYMIME, CHUNKING, PIPELINING, STANDARD
from tests.edge.certificates import certificates
from tests.sasl.accounts import counting
from tests.smtp.client_far import BOB, EVE, NONE, SENDER, Far, recipients

LETTER = b"Subject: x\r\n\r\n"
BODIES = {
    "small": LETTER + b"hello\r\n",
    "empty": b"",
    "no end of line": LETTER + b"hello",
    "dots": LETTER + b".\r\n..\r\n.x\r\n...\r\n.\r\n",
    "long lines": LETTER + b"z" * 998 + b"\r\n" + b"y" * 5000 + b"\r\n",
    "8 bit": LETTER + bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n",
    "three slices": LETTER + (b"." * 77 + b"\r\n") * 2600,
    "a slice": LETTER + b"x" * (SLICE - len(LETTER) - 2) + b"\r\n",
    "CRLF over a slice": LETTER + b"x" * (SLICE - len(LETTER) - 1) + b"\r\n.\r\n",
    "dot over a slice": LETTER + b"x" * (SLICE - len(LETTER) - 2) + b"\r\n.\r\n",
}
WITHOUT = {
    "all": (),
    "no PIPELINING": (PIPELINING,),
    "no CHUNKING": (CHUNKING, BINARYMIME),
    "neither": (PIPELINING, CHUNKING, BINARYMIME),
}


@implementer(IContent)
class Cut:
    """Octets that are read in other slices than are asked for."""

    def __init__(self, octets: bytes, at: int) -> None:
        self.octets = octets
        self.size = len(octets)
        self.at = at

    async def read(self, start: int, stop: int) -> bytes:
        if start < self.at:
            stop = min(stop, self.at)
        return self.octets[start : min(stop, self.size, start + SLICE)]


def canonical(octets: bytes) -> bytes:
    """The same with CRLF for every CRLF, CR and LF."""
    return re.sub(rb"\r\n|\r|\n", b"\r\n", octets)


def without(*names: Any) -> tuple[Any, ...]:
    """Our extensions without these."""
    return tuple(each for each in STANDARD if each not in names)


@asynccontextmanager
async def far_away(
    listen: Callable[[Far], Host] = Far.listen, **settings: Any
) -> AsyncIterator[tuple[Far, Host]]:
    """A server, and where it is; stopped at the end, with nobody left in it."""
    from twisted.internet import reactor

    far = Far(reactor, **settings)
    try:
        yield far, listen(far)
    finally:
        await far.stop()
        assert 0 == far.listener.connections


async def opened(far: Far, host: Host, policy: TLSPolicy = NONE, **settings: Any) -> ClientSession:
    """A session."""
    return await far.dialler(**settings).open(host, host.addresses[0], policy)


def arrived(octets: bytes) -> bytes:
    """What must arrive: lines end (RFC 5321 section 4.1.1.4)."""
    return octets if not octets or octets.endswith(b"\r\n") else octets + b"\r\n"


@pytest.mark.parametrize("missing", WITHOUT.values(), ids=WITHOUT)
@pytest_twisted.ensureDeferred
async def test_every_octet(missing: tuple[Any, ...]) -> None:
    """
    Content arrives as it was, whatever is in it, one message after the other on one connection.
    """
    async with far_away(extensions=without(*missing)) as (far, host):
        session = await opened(far, host)
        for name, octets in BODIES.items():
            sender = replace(SENDER, body=Body.EIGHT_BIT)
            (answer,) = await session.send(sender, (BOB,), Octets(octets))

            assert answer.reply.positive, (name, answer)
            by_data = {PIPELINING, CHUNKING} & set(missing)
            # DATA ends with a line's end; BDAT carries octets.
            assert (arrived(octets) if by_data else octets) == bytes(far.mail.octets), name
            assert Body.EIGHT_BIT is far.mail.sender.body
        await session.quit()


@pytest.mark.parametrize("missing", [(), (PIPELINING,)], ids=["pipelined", "step by step"])
@pytest_twisted.ensureDeferred
async def test_binary(missing: tuple[Any, ...]) -> None:
    """
    BINARYMIME content keeps its NULs, its bare CRs and LFs, and its missing end of line.
    """
    octets = bytes(range(256)) * 1024 + b"\r\n.\r\n\n.\n\r.\r\0"
    async with far_away(extensions=without(*missing)) as (far, host):
        session = await opened(far, host)
        (answer,) = await session.send(replace(SENDER, body=Body.BINARY), (BOB,), Octets(octets))

        assert answer.reply.positive
        assert octets == bytes(far.mail.octets)
        assert session.usable
        await session.quit()


ENDS = b"a\nb\rc\r\n.\r\n\n.\n\r.\r\r\n.\r\n.\n"


@pytest.mark.parametrize("missing", [(), (CHUNKING, BINARYMIME)], ids=["BDAT", "DATA"])
@pytest_twisted.ensureDeferred
async def test_s02_canonical_wherever_it_is_cut(missing: tuple[Any, ...]) -> None:
    """
    What leaves has CRLF at every line's end and no other CR or LF, so that nobody behind us
    finds a second message in it; the same wherever the content is cut.
    """
    octets = LETTER + ENDS
    expected = canonical(octets)
    async with far_away(extensions=without(*missing)) as (far, host):
        session = await opened(far, host)
        for at in range(1, len(octets)):
            (answer,) = await session.send(SENDER, (BOB,), Cut(octets, at))

            assert answer.reply.positive, (at, answer)
            assert arrived(expected) == arrived(bytes(far.mail.octets)), at
        assert len(octets) - 1 == len(far.collector.mails)
        await session.quit()


@pytest.mark.parametrize("missing", [(), (CHUNKING, BINARYMIME)], ids=["BDAT", "DATA"])
@pytest_twisted.ensureDeferred
async def test_s02_at_the_edge_of_a_slice(missing: tuple[Any, ...]) -> None:
    """
    Likewise where line ends and dots lie across the slices that are read and sent.
    """
    async with far_away(extensions=without(*missing)) as (far, host):
        session = await opened(far, host)
        for shift in range(len(ENDS) + 1):
            octets = b"x" * (SLICE - shift) + ENDS
            (answer,) = await session.send(SENDER, (BOB,), Octets(octets))

            assert answer.reply.positive, (shift, answer)
            assert arrived(canonical(octets)) == arrived(bytes(far.mail.octets)), shift
        await session.quit()


@pytest_twisted.ensureDeferred
async def test_the_envelope() -> None:
    """
    What MAIL and RCPT said is passed on, where the server announced it.
    """
    sender = replace(SENDER, ret=Return.HEADERS, envid="id+1", size=1, smtputf8=True)
    bob = replace(
        BOB, notify=Notify.SUCCESS | Notify.DELAY, orcpt=OriginalRecipient("rfc822", "a+b=c@d.e")
    )
    (zoe,) = recipients("zoë@example.test")
    zoe = replace(zoe, id=EVE.id)
    async with far_away() as (far, host):
        session = await opened(far, host)
        answers = await session.send(sender, (bob, zoe), Octets(LETTER))

        assert [True, True] == [answer.reply.positive for answer in answers]
        assert replace(sender, size=len(LETTER)) == far.mail.sender
        assert [(bob.address, bob.notify, bob.orcpt), (zoe.address, None, None)] == [
            (each.address, each.notify, each.orcpt) for each in far.mail.recipients
        ]
        assert "client.example.org" == far.mail.session.helo
        await session.quit()


@pytest.mark.parametrize("missing", WITHOUT.values(), ids=WITHOUT)
@pytest_twisted.ensureDeferred
async def test_some_refused(missing: tuple[Any, ...]) -> None:
    """
    Who was refused has the server's words, and the others get the message.
    """
    no = Reply(550, "5.1.1", "No such user")
    later = Reply(450, "4.7.1", "Greylisted")
    people = recipients("bob@example.test", "eve@example.test", "ann@example.test")
    async with far_away(extensions=without(*missing)) as (far, host):
        far.collector.refuse = {"eve@example.test": no, "ann@example.test": later}
        session = await opened(far, host)
        for _ in range(2):
            bob, eve, ann = await session.send(SENDER, people, Octets(LETTER))

            assert bob.reply.positive
            assert (no, Stage.RECIPIENT) == (eve.reply, eve.stage)
            assert (later, Stage.RECIPIENT) == (ann.reply, ann.stage)
            assert ["bob@example.test"] == [str(each) for each in far.mail.recipients]
        await session.quit()


@pytest.mark.parametrize("missing", WITHOUT.values(), ids=WITHOUT)
@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("begin", Stage.SENDER),
        ("bob@example.test", Stage.RECIPIENT),
        ("data", Stage.CONTENT),
        ("write", Stage.CONTENT),
        ("commit", Stage.CONTENT),
    ],
)
@pytest_twisted.ensureDeferred
async def test_refused_at_each_stage(stage: str, expected: Stage, missing: tuple[Any, ...]) -> None:
    """
    A "no" at any stage is told as such, and the next message on that connection goes through.
    """
    no = Reply(554, "5.7.1", "Not that")
    async with far_away(extensions=without(*missing)) as (far, host):
        session = await opened(far, host)
        far.collector.refuse = {stage: no}
        large = Octets(LETTER + b"x" * 998 * 200)
        (answer,) = await session.send(SENDER, (BOB,), large)
        assert (no, expected, True) == (answer.reply, answer.stage, answer.from_peer)

        far.collector.refuse = {}
        assert session.usable
        (answer,) = await session.send(SENDER, (EVE,), Octets(LETTER))
        assert answer.reply.positive
        assert LETTER == bytes(far.mail.octets)
        assert ["eve@example.test"] == [str(each) for each in far.mail.recipients]
        await session.quit()


@pytest.mark.parametrize("missing", WITHOUT.values(), ids=WITHOUT)
@pytest_twisted.ensureDeferred
async def test_lmtp(missing: tuple[Any, ...], tmp_path: Path) -> None:
    """
    LMTP over a UNIX socket: each recipient has an answer of its own.
    """
    full = Reply(452, "4.2.2", "Mailbox full")
    kept = Reply(250, "2.1.5", "Kept")
    unix = partial(Far.listen_unix, path=str(tmp_path / "lmtp"))
    settings = {"role": Role.LMTP, "extensions": without(*missing)}
    async with far_away(unix, **settings) as (far, host):
        session = await opened(far, host)
        for octets in (LETTER, LETTER + b"x" * 998 * 200 + b"\r\n"):
            far.collector.replies = [kept, full]
            bob, eve = await session.send(SENDER, (BOB, EVE), Octets(octets))

            assert (kept, Stage.CONTENT) == (bob.reply, bob.stage)
            assert (full, Stage.CONTENT) == (eve.reply, eve.stage)
            assert octets == bytes(far.mail.octets)
        await session.quit()


@pytest_twisted.ensureDeferred
async def test_ipv6() -> None:
    """
    Over IPv6.
    """
    async with far_away(partial(Far.listen, interface="::1")) as (far, host):
        session = await opened(far, host)
        (answer,) = await session.send(SENDER, (BOB,), Octets(LETTER))

        assert answer.reply.positive
        assert "::1" == session.peer.host == far.mail.session.peer.host
        await session.quit()


# -- TLS -----------------------------------------------------------------------


def tls() -> dict[str, Any]:
    """A server with TLS."""
    from twisted.internet import reactor

    clock: Any = reactor
    return {"certificates": certificates(clock)}


@pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "implicit"])
@pytest.mark.parametrize("level", [TLSLevel.MAY, TLSLevel.ENCRYPT, TLSLevel.VERIFY])
@pytest_twisted.ensureDeferred
async def test_through_tls(level: TLSLevel, implicit: bool) -> None:
    """
    Through TLS every octet arrives too, in small and in large.
    """
    async with far_away(**tls(), implicit_tls=implicit) as (far, host):
        session = await opened(far, host, TLSPolicy(level=level, implicit=implicit))
        for name, octets in BODIES.items():
            (answer,) = await session.send(SENDER, (BOB,), Octets(octets))
            assert answer.reply.positive
            assert octets == bytes(far.mail.octets), name
        assert session.tls is not None
        assert ("TLSv1.3", "localhost") == (session.tls.version, session.tls.server_name)
        assert (level is TLSLevel.VERIFY) == (session.tls.peer_name == "localhost")
        assert far.mail.session.tls is not None
        assert "STARTTLS" not in session.capabilities
        await session.quit()


@pytest.mark.parametrize(
    ("names", "trusting", "reason"),
    [
        pytest.param((), True, None, id="the host's name"),
        pytest.param(("127.0.0.1",), True, None, id="its address"),
        pytest.param(("mx.example.test", "localhost"), True, None, id="one of two"),
        pytest.param(("mx.example.test",), True, "is not for mx.example.test", id="another name"),
        pytest.param((), False, "self signed", id="nobody vouches"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_verify(names: tuple[str, ...], trusting: bool, reason: str | None) -> None:
    """
    With VERIFY the certificate must be for one of the names, by somebody whom we trust; nothing
    is said to anybody else, and nothing in clear text.
    """
    policy = TLSPolicy(level=TLSLevel.VERIFY, names=names)
    async with far_away(**tls()) as (far, host):
        if reason is None:
            session = await opened(far, host, policy)
            assert session.tls is not None
            assert (names or ("localhost",))[-1] == session.tls.peer_name
            await session.quit()
            return
        dialler = far.dialler(trusting=trusting)
        with pytest.raises(HandshakeFailed, match=reason) as caught:
            await dialler.open(host, "127.0.0.1", policy)
        assert "4.7.5" == caught.value.reply.status
        assert caught.value.reply.transient
        assert 1 == len([s for s in far.collector.sessions if s.helo])  # EHLO before TLS only


@pytest_twisted.ensureDeferred
async def test_may_takes_anybody() -> None:
    """
    With MAY, TLS with a certificate of nobody's is better than none.
    """
    async with far_away(**tls()) as (far, host):
        host = replace(host, name="mx.example.test")
        policy = TLSPolicy(level=TLSLevel.MAY)
        session = await far.dialler(trusting=False).open(host, "127.0.0.1", policy)

        assert session.tls is not None
        assert session.tls.peer_name is None
        await session.quit()


@pytest_twisted.ensureDeferred
async def test_tls_with_a_client_certificate() -> None:
    """
    A server that asks who we are is shown our certificate.
    """
    from pymta.edge.tls import Certificates, KeyPair
    from tests.edge.certificates import pem

    pair = KeyPair(str(pem()), str(pem()))
    from twisted.internet import reactor

    clock: Any = reactor
    theirs = Certificates(pair, clock=clock, client_authorities=str(pem()))
    theirs.load()
    async with far_away(certificates=theirs) as (far, host):
        dialler = Dialler(
            reactor,
            clock,
            ClientSettings(helo="client.example.org"),
            random=counting,
            tls=ClientTLS(authorities=str(pem()), pair=pair),
        )
        session = await dialler.open(host, "127.0.0.1", TLSPolicy(level=TLSLevel.VERIFY))
        await session.send(SENDER, (BOB,), Octets(LETTER))
        assert far.mail.session.tls is not None
        assert "localhost" == far.mail.session.tls.peer_name
        await session.quit()


# -- ends ----------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_the_server_stops() -> None:
    """
    A server that stops says 421 between messages: the session is closed, and known to be.
    """
    async with far_away() as (far, host):
        session = await opened(far, host)
        await far.listener.stop(5)
        await session.closed.wait()

        assert not session.usable
        answers: tuple[Answer, ...] = await session.send(SENDER, (BOB,), Octets(LETTER))
        assert [Stage.CONNECTION] == [answer.stage for answer in answers]


@pytest_twisted.ensureDeferred
async def test_many_at_once() -> None:
    """
    Twenty sessions side by side do not get into each other's way.
    """
    from twisted.internet import reactor

    clock: Any = reactor
    numbers: Iterator[int] = count(1)

    async def one(far: Far, host: Host) -> None:
        session = await opened(far, host)
        for _ in range(3):
            octets = b"%d\r\n" % next(numbers) * 20_000
            (answer,) = await session.send(SENDER, (BOB,), Octets(octets))
            assert answer.reply.positive
            assert any(octets == mail.octets for mail in far.collector.mails)
            await sleep(clock, 0)
        await session.quit()

    from pymta.aio import gather

    async with far_away() as (far, host):
        await gather(one(far, host) for _ in range(20))
        assert 60 == len(far.collector.mails)
