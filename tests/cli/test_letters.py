"""
Tests for what is sent of a file, to whom, and from whom.
"""

from __future__ import annotations

import io

import pytest
from zope.interface import implementer

from pymta.address import Address
from pymta.aio import start
from pymta.cli.letters import Letter, Marks, NoLetter, read_letter
from pymta.envelope import Body, Notify, Return, Sender
from pymta.errors import HeaderError
from pymta.interfaces.content import IContent, IContentWriter, Octets, octets_of
from tests.awaiting import now_done

ANN = Address("ann", "a.test")
BOB = Address("bob", "b.test")


@implementer(IContentWriter)
class Writer:
    """Keeps it in memory."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.discarded = False

    async def write(self, data: bytes) -> None:
        self.written.append(data)

    async def finish(self) -> IContent:
        return Octets(b"".join(self.written))

    def discard(self) -> None:
        self.discarded = True


class Trickle(io.BytesIO):
    """A pipe: as few octets at once as can be."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(1)


def read(
    text: bytes,
    *,
    marks: Marks | None = None,
    kind: type[io.BytesIO] = io.BytesIO,
    writer: Writer | None = None,
) -> tuple[Letter, bytes]:
    """The letter, and its octets."""
    made = writer or Writer()
    letter = now_done(start(read_letter(kind(text), marks or Marks(), lambda: made)))
    return letter, now_done(start(octets_of(letter.content)))


def recipients(letter: Letter) -> list[str]:
    """Who gets it."""
    return [str(each) for each in letter.envelope.recipients]


# -- the envelope ----------------------------------------------------------------------

ENVELOPES = [
    pytest.param(b"From: ann@a.test\nTo: bob@b.test\n\n", "ann@a.test", ["bob@b.test"], id="plain"),
    pytest.param(
        b"From: x@a.test, y@a.test\nSender: Ann <ann@a.test>\nTo: bob@b.test\n\n",
        "ann@a.test",
        ["bob@b.test"],
        id="several authors and one who sends",
    ),
    pytest.param(
        b"from: ann@a.test\nto: b@b.test, C <c@c.test>\ncc: d@d.test\nbcc: e@e.test\n\n",
        "ann@a.test",
        ["b@b.test", "c@c.test", "d@d.test", "e@e.test"],
        id="all kinds of recipients",
    ),
    pytest.param(
        b"From: ann@a.test\nTo: b@b.test\nTo: c@c.test\n\n",
        "ann@a.test",
        ["b@b.test", "c@c.test"],
        id="a field twice",
    ),
    pytest.param(
        b"From: ann@a.test\nTo: b@B.test\nCc: b@b.TEST, B@b.test\n\n",
        "ann@a.test",
        ["b@b.TEST", "B@b.test"],
        id="each once, local parts as they are",
    ),
    pytest.param(
        b"From: ann@a.test\nTo: friends: b@b.test,\n c@c.test;\n\n",
        "ann@a.test",
        ["b@b.test", "c@c.test"],
        id="a group, folded",
    ),
    pytest.param(
        b"From: ann@a.test\nTo: undisclosed:;\nBcc: b@b.test\n\n",
        "ann@a.test",
        ["b@b.test"],
        id="an empty group",
    ),
    pytest.param(
        b'From: "a b"@a.test\nTo: b@b.test <b@b.test>\n\n',
        '"a b"@a.test',
        ["b@b.test"],
        id="an address as its own name",
    ),
    pytest.param(
        b"From: ann@a.test\nTo: bob@b.test", "ann@a.test", ["bob@b.test"], id="nothing but a header"
    ),
]


@pytest.mark.parametrize("kind", [io.BytesIO, Trickle])
@pytest.mark.parametrize(("text", "sender", "to"), ENVELOPES)
def test_envelope_of_the_header(
    text: bytes, sender: str, to: list[str], kind: type[io.BytesIO]
) -> None:
    """
    Sender, or else From; To, Cc and Bcc, each address once; however the octets come.
    """
    letter, _ = read(text, kind=kind)

    assert (sender, to) == (str(letter.envelope.sender), recipients(letter))


def test_envelope_of_the_arguments() -> None:
    """
    What the arguments say goes before what the header says; the marks are on everybody.
    """
    marks = Marks(
        sender=Sender(reverse_path=None),
        recipients=(BOB, ANN),
        ret=Return.HEADERS,
        envid="x",
        notify=Notify.SUCCESS,
    )
    letter, _ = read(b"From: nobody\nTo: nobody\nSubject: x\n\n", marks=marks)

    sender = letter.envelope.sender
    assert (None, Return.HEADERS, "x") == (sender.reverse_path, sender.ret, sender.envid)
    assert ["bob@b.test", "ann@a.test"] == recipients(letter)
    assert [(1, Notify.SUCCESS), (2, Notify.SUCCESS)] == [
        (each.id, each.notify) for each in letter.envelope.recipients
    ]


NO_LETTERS = [
    pytest.param(b"", "it is empty", id="nothing"),
    pytest.param(b"hello\n\nFrom: x\n", "line 1 is no header field", id="no header"),
    pytest.param(b"From bob Mon Jan 1\nTo: b@b.test\n\n", "line 1 is no header", id="mbox"),
    pytest.param(b"To: bob@b.test\n\n", "neither Sender nor From", id="no sender"),
    pytest.param(b"From: a@a.test, b@a.test\n\n", "From has 2 addresses", id="two senders"),
    pytest.param(b"From: ann@a.test\n\n", "To, Cc and Bcc have no address", id="no recipients"),
    pytest.param(b"From: ann@a.test\nTo: none:;\n\n", "To, Cc and Bcc", id="nobody in the group"),
    pytest.param(b"From: ann\nTo: b@b.test\n\n", "From: no address: 'ann'", id="local"),
    pytest.param(b"From: ann@a.test\nTo: b b@b.test\n\n", "white space inside", id="two words"),
    pytest.param(b"From: a@a.test\nTo: <b@b.test\n\n", "To: '>' missing", id="unfinished"),
    pytest.param(
        b"From: ann@a.test\nTo: b@b.test <c@c.test>\n\n",
        "To: b@b.test where a name should be",
        id="another address as its name",
    ),
    pytest.param(
        b"From: ann@a.test\nTo: b@b.test,\nc@c.test\n\n", "the line behind To", id="unfolded To"
    ),
    pytest.param(
        b"From: ann@a.test\nTo: b@b.test\nbcc: c@c.test,\nd@d.test\nX: y\n\n",
        "the line behind bcc is no header field: 'd@d.test'",
        id="unfolded Bcc",
    ),
    pytest.param(b"Resent-To: c@c.test\nFrom: ann@a.test\nTo: b@b.test\n\n", "resent", id="resent"),
    pytest.param(b"From: ann@a.test\nTo: b@b.test\n\na\0b\n", "NUL", id="NUL"),
    pytest.param(b"X: y\n" * 1001, "more than 1000 header fields", id="too many fields"),
]


@pytest.mark.parametrize(("text", "reason"), NO_LETTERS)
def test_no_letter(text: bytes, reason: str) -> None:
    """
    What cannot be sent, or might go to somebody who was not meant, is refused with its reason.
    """
    with pytest.raises((NoLetter, HeaderError), match=reason):
        read(text)


def test_resent_with_an_envelope() -> None:
    """
    A message that was resent goes where the arguments say.
    """
    text = b"Resent-Bcc: c@c.test\nResent-To: b@b.test\nFrom: x@x.test\n\nhi\n"
    marks = Marks(sender=Sender(reverse_path=ANN), recipients=(BOB,))
    letter, octets = read(text, marks=marks)

    assert ["bob@b.test"] == recipients(letter)
    assert b"Resent-To: b@b.test\r\nFrom: x@x.test\r\n\r\nhi\r\n" == octets


@pytest.mark.parametrize("name", [b"Bcc", b"Resent-Bcc"])
def test_unfolded_blind_copies_with_an_envelope(name: bytes) -> None:
    """
    What may be the rest of a blind copy is not sent to those who must not see it, whoever gets it;
    behind the other fields it is nobody's trouble.
    """
    marks = Marks(sender=Sender(reverse_path=ANN), recipients=(BOB,))
    with pytest.raises(NoLetter, match="the line behind"):
        read(name + b": c@c.test,\nd@d.test\nTo: b@b.test\n\n", marks=marks)

    letter, _ = read(b"To: c@c.test,\nd@d.test\n\n", marks=marks)
    assert ["bob@b.test"] == recipients(letter)


def test_half_read_content_is_discarded() -> None:
    """
    Where the end of a file shows that it is none, what was written is dropped.
    """
    writer = Writer()
    text = b"From: ann@a.test\nTo: bob@b.test\n\n" + b"x" * 70_000 + b"\0"
    with pytest.raises(NoLetter, match="NUL"):
        read(text, writer=writer)

    assert writer.discarded


# -- octets ----------------------------------------------------------------------------

HEAD = b"From: ann@a.test\r\nTo: bob@b.test\r\n"

OCTETS = [
    pytest.param(HEAD + b"\r\n.dot\r\nend\r\n", HEAD + b"\r\n.dot\r\nend\r\n", id="as it is"),
    pytest.param(
        HEAD.replace(b"\r", b"") + b"\na\nb\n", HEAD + b"\r\na\r\nb\r\n", id="LF becomes CRLF"
    ),
    pytest.param(HEAD + b"\r\na\rb\nc\r\n", HEAD + b"\r\na\r\nb\r\nc\r\n", id="bare CR, mixed"),
    pytest.param(HEAD + b"\r\nend", HEAD + b"\r\nend\r\n", id="no line end at the end"),
    pytest.param(HEAD + b"\r\nend\r", HEAD + b"\r\nend\r\n", id="half a line end at the end"),
    pytest.param(HEAD, HEAD, id="no body"),
    pytest.param(
        b"Bcc: x@x.test\n" + HEAD + b"BCC: y@y.test,\n z@z.test\nX: y\n\nBcc: text\n",
        HEAD + b"X: y\r\n\r\nBcc: text\r\n",
        id="blind copies are cut out",
    ),
    pytest.param(HEAD + b"Bcc:", HEAD, id="an empty Bcc at the end"),
    pytest.param(
        HEAD + b"X:  y \r\nBroken line\r\n\r\n" + b"z" * 2000 + b"\r\n",
        HEAD + b"X:  y \r\nBroken line\r\n\r\n" + b"z" * 2000 + b"\r\n",
        id="all else stays as it is",
    ),
]


@pytest.mark.parametrize("kind", [io.BytesIO, Trickle])
@pytest.mark.parametrize(("text", "expected"), OCTETS)
def test_octets(text: bytes, expected: bytes, kind: type[io.BytesIO]) -> None:
    """
    Line ends are CRLF and blind copies are gone; no other octet is changed, however they come.
    """
    letter, octets = read(text, kind=kind)

    assert expected == octets
    assert len(octets) == letter.envelope.sender.size
    assert b"Bcc" not in letter.header


def test_large_content() -> None:
    """
    A line end on the border of two slices is one.
    """
    body = b"x" * (64 * 1024 - len(HEAD) - 3)
    _, octets = read(HEAD + b"\r\n" + body + b"\r\n" + body + b"\r\n")

    assert HEAD + b"\r\n" + body + b"\r\n" + body + b"\r\n" == octets


BODIES = [
    pytest.param(b"\r\nplain\r\n", Body.SEVEN_BIT, False, id="ASCII"),
    pytest.param("\r\nmüde\r\n".encode(), Body.EIGHT_BIT, False, id="8-bit body"),
    pytest.param("Subject: müde\r\n\r\n".encode(), Body.EIGHT_BIT, True, id="UTF-8 header"),
    pytest.param(b"Subject: m\xfcde\r\n\r\n", Body.EIGHT_BIT, False, id="Latin-1 header"),
    pytest.param("Cc: jörg@b.test\r\n\r\n".encode(), Body.EIGHT_BIT, True, id="UTF-8 address"),
    pytest.param("Bcc: jörg@b.test\r\n\r\n".encode(), Body.EIGHT_BIT, True, id="blind UTF-8"),
]


@pytest.mark.parametrize(("text", "body", "smtputf8"), BODIES)
def test_what_it_asks_for(text: bytes, body: Body, smtputf8: bool) -> None:
    """
    8BITMIME where an octet needs it, SMTPUTF8 where a header or an address does.
    """
    letter, _ = read(HEAD + text)

    sender = letter.envelope.sender
    assert (body, smtputf8) == (sender.body, sender.smtputf8)
