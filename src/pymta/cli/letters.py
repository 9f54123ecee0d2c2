"""
Message files on their way out: the envelope from the header or from the arguments, blind copies
cut out of the header, and line ends that can be sent (:rfc:`5322#section-2.3`).

A file is read once, slice by slice; nothing but its header is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

from pymta.address import Address
from pymta.envelope import Body, Envelope, Notify, Recipient, RecipientID, Return, Sender
from pymta.errors import HeaderError, PymtaError
from pymta.interfaces.content import SLICE, IContent, IContentWriter
from pymta.message.addresses import originators, parse_addresses
from pymta.message.header import Field, Header, HeaderReader, parse_header
from pymta.message.newlines import CanonicalLines
from pymta.message.splice import Delete, apply_cuts, plan_cuts

__all__ = ["Letter", "Marks", "NoLetter", "Readable", "read_letter"]

_TO = (b"To", b"Cc", b"Bcc")
_BLIND = (b"Bcc", b"Resent-Bcc")
_RESENT = b"resent-"

_SHOWN = 60
"""Characters of a field that a message about it shows."""


class Readable(Protocol):
    """What is read of a file."""

    def read(self, size: int, /) -> bytes:
        """Octets, at most so many; none at its end."""


class NoLetter(PymtaError):
    """The file cannot be sent as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """
    What the arguments say of every message.

    :param sender: with its reverse path; None takes that from each message.
    :param recipients: empty takes them from each message.
    :param ret: :param envid: :param notify: of :rfc:`3461`.
    """

    sender: Sender | None = None
    recipients: tuple[Address, ...] = ()
    ret: Return | None = None
    envid: str | None = None
    notify: Notify | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """
    :param header: as it is sent.
    :param discard: to be called when it is sent, or not: what a queue has named stays.
    """

    envelope: Envelope
    header: Header
    content: IContent
    discard: Callable[[], None]


async def read_letter(file: Readable, marks: Marks, create: Callable[[], IContentWriter]) -> Letter:
    """
    Read one file to its end.

    :param create: the writer that its content goes through.
    :raises NoLetter: and why it is none.
    :raises pymta.errors.HeaderError: its header is longer than one may be.
    """
    octets = _Octets(file)
    slices = iter(octets)
    header, rest = _head(slices)
    if not header.octets:
        raise NoLetter("it is empty")
    if header.fields and not header.fields[0].name:
        raise NoLetter("line 1 is no header field: an empty line in front makes all of it text")
    _refuse_broken(header, _BLIND if marks.recipients else (*_TO, *_BLIND))
    reverse_path = _reverse_path(header, marks)
    recipients = _recipients(header, marks)
    header = _without_blind_copies(header)
    writer = create()
    try:
        await writer.write(header.octets + rest)
        for data in slices:
            await writer.write(data)
        content = await writer.finish()
    except BaseException:
        writer.discard()
        raise
    sender = Sender(
        reverse_path=reverse_path,
        size=content.size,
        body=Body.SEVEN_BIT if octets.ascii else Body.EIGHT_BIT,
        smtputf8=_wants_utf8(header, [reverse_path, *recipients]),
        ret=marks.ret,
        envid=marks.envid,
    )
    envelope = Envelope(sender=sender, recipients=_numbered(recipients, marks))
    return Letter(envelope, header, content, writer.discard)


class _Octets:
    """
    The octets of a file, with CRLF at the end of each line, in slices.

    :ivar ascii: whether all were, so far.
    """

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._lines = CanonicalLines()
        self._last = b"\r\n"
        self.ascii = True

    def __iter__(self) -> Iterator[bytes]:
        while data := self._file.read(SLICE):
            yield self._seen(self._lines.feed(data))
        yield self._seen(self._lines.finish())
        if self._last != b"\r\n":
            yield b"\r\n"

    def _seen(self, data: bytes) -> bytes:
        if b"\0" in data:
            # RFC 5322 section 2.2, RFC 2045 section 2.8: neither header nor 8-bit text has it.
            raise NoLetter("there is a NUL in it: no text")
        self._last = (self._last + data[-2:])[-2:]
        self.ascii = self.ascii and data.isascii()
        return data


def _head(slices: Iterator[bytes]) -> tuple[Header, bytes]:
    """The header, and what was read beyond it."""
    reader = HeaderReader()
    for data in slices:
        taken = reader.feed(data)
        if reader.header is not None:
            return reader.header, data[taken:]
    return reader.finish(), b""


def _refuse_broken(header: Header, names: Iterable[bytes]) -> None:
    # A list of addresses that was broken without a fold: the rest would be left out, or shown.
    wanted = {name.lower() for name in names}
    for field, behind in pairwise(header.fields):
        if not behind.name and field.name.lower() in wanted:
            where = f"the line behind {field.name.decode()} is no header field"
            raise NoLetter(f"{where}: {_excerpt(behind)!r}")


def _without_blind_copies(header: Header) -> Header:
    # RFC 5322 section 3.6.3: whoever gets the message must not see who else does.
    edits = [Delete(name, n + 1) for name in _BLIND for n in range(header.count(name))]
    return parse_header(apply_cuts(header.octets, plan_cuts(header, edits))) if edits else header


# -- the envelope ----------------------------------------------------------------------


def _reverse_path(header: Header, marks: Marks) -> Address | None:
    if marks.sender is not None:
        return marks.sender.reverse_path
    _refuse_resent(header, "--from")
    # RFC 5322 section 3.6.2: with several authors, Sender is the one who sends.
    for name in (b"Sender", b"From"):
        found = _addresses(header, name)
        if len(found) > 1:
            raise NoLetter(f"{name.decode()} has {len(found)} addresses: which one is --from?")
        if found:
            return found[0]
    raise NoLetter("neither Sender nor From has an address, and there is no --from")


def _recipients(header: Header, marks: Marks) -> list[Address]:
    if marks.recipients:
        return list(marks.recipients)
    _refuse_resent(header, "--to")
    found = [address for name in _TO for address in _addresses(header, name)]
    if not found:
        raise NoLetter("To, Cc and Bcc have no address, and there is no --to")
    return _each_once(found)


def _refuse_resent(header: Header, option: str) -> None:
    # RFC 5322 section 3.6.6: with several blocks of them, only a reader of their order knows.
    if any(field.name.lower().startswith(_RESENT) for field in header.fields):
        raise NoLetter(f"it was resent, so that its header does not tell who gets it: {option}")


def _addresses(header: Header, name: bytes) -> list[Address]:
    found: list[Address] = []
    for field in header.all(name):
        found += _addresses_of(field, name)
    return found


def _addresses_of(field: Field, name: bytes) -> list[Address]:
    entries = sum(each.host is not None for each in parse_addresses(field.value))
    try:
        found = originators(Header(b"", (field,)), name)
    except HeaderError as error:
        raise _doubtful(field, name, str(error).removeprefix(f"{name.decode()}: ")) from None
    shown = found[: len(found) - entries]
    meant = found[len(shown) :]
    if not set(shown) <= set(meant):
        # "a@x <b@y>": no letter goes to somebody whom its writer may not have meant.
        raise _doubtful(field, name, f"{shown[0]} where a name should be")
    return list(meant)


def _doubtful(field: Field, name: bytes, why: str) -> NoLetter:
    return NoLetter(f"{name.decode()}: {why}: {_excerpt(field)!r}")


def _excerpt(field: Field) -> str:
    text = field.unfolded.decode("utf-8", "replace")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _each_once(addresses: Iterable[Address]) -> list[Address]:
    return list({(each.local, each.ascii_domain): each for each in addresses}.values())


def _numbered(addresses: Iterable[Address], marks: Marks) -> tuple[Recipient, ...]:
    one = Recipient(id=RecipientID(0), address=Address("", ""), notify=marks.notify)
    return tuple(
        replace(one, id=RecipientID(number), address=address)
        for number, address in enumerate(addresses, 1)
    )


def _wants_utf8(header: Header, addresses: Iterable[Address | None]) -> bool:
    if any(address is not None and not address.is_ascii for address in addresses):
        return True
    try:
        header.octets.decode("utf-8")
    except UnicodeDecodeError:
        return False  # something older than RFC 6532, which no SMTPUTF8 makes right
    return not header.octets.isascii()
