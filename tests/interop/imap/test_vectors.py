"""
Every MIME vector, told by us and by Dovecot: envelope, structure and each section.

Where they differ, the RFC's sentence stands beside it.  What depends on where the parts of a
broken message are is compared message by message: those are named.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pymta.errors import EncodingError
from pymta.message.structure import Part, Structure
from pymta.message.structure_reader import StructureReader
from pymta.message.transfer import transfer_of
from pymta.wire.imap.client_data import Body, Condition, Fetched, Multipart, Status
from pymta.wire.imap.client_events import Request
from pymta.wire.imap.client_reading import read_response
from pymta.wire.imap.cursor import Literal
from pymta.wire.imap.response.bodystructure import write_body_structure
from pymta.wire.imap.response.envelope import write_envelope
from pymta.wire.imap.response.fetch import fetch_line, section_item
from tests.interop.dovecot import dovecot
from tests.interop.imap_comparing import Facts, facts_of
from tests.interop.imap_explained import MISSING, Difference, explained
from tests.interop.imap_session import Answer, Session

VECTORS = os.environ.get("PYMTA_VECTORS")

pytestmark = pytest.mark.skipif(VECTORS is None, reason="PYMTA_VECTORS is not set")

# Why parts are elsewhere.
ENCODED = 'RFC 2046 section 5.2.1: "No encoding other than 7bit, 8bit, or binary is permitted"'
NONE = "RFC 9051 section 9, body-type-mpart: 1*body, and no part is there: it is a text"
BLANK = 'RFC 2046 section 5.1.1: a boundary is "not ending with a space"'
TOKEN = "a boundary that should have been quoted, read as it was meant"
CHARSET = "RFC 2231 section 3 and 4: a boundary with a character set"
PREFIX = "what is shorter than the boundary is none"
OTHER_PARTS = {
    "attachment_message_rfc822_inline_image.eml": NONE,
    "bad-newlines-multiple-parts-base64.msg": ENCODED,
    "bad_date_header2.eml": NONE,
    "base64encoded-rfc822message-nested.msg": ENCODED,
    "base64encoded-rfc822message.msg": ENCODED,
    "empty_in_reply_to.eml": NONE,
    "missing-boundary.msg": NONE,
    "missing-inner-boundary.msg": NONE,
    "missing-inner-start-boundary.msg": NONE,
    "missing_body.eml": NONE,
    "msg_17.txt": NONE,
    "msg_25.txt": NONE,
    "msg_31.txt": NONE,
    "msg_33.txt": CHARSET,
    "msg_41.txt": NONE,
    "msg_42.txt": NONE,
    "multipartnopart.msg": NONE,
    "must_supply_encoding.eml": NONE,
    "raw_email4.eml": PREFIX,
    "raw_email_bad_time.eml": TOKEN,
    "raw_email_with_binary_encoded.eml": TOKEN,
    "raw_email_with_illegal_boundary.eml": TOKEN,
    "very-long-boundary.msg": BLANK,
    "very-very-long-boundary.msg": BLANK,
    "weird-boundary.msg": BLANK,
}

# Why a value is another, where the parts are the same.
UTF8 = "RFC 2231 section 4: the same parameter in another character set"
DEFAULT = 'RFC 2045 section 5.2: "if the Content-Type header field ... is syntactically invalid"'
ENCODING = 'RFC 2045 section 6.1: what is written and not known is told; Dovecot says "7bit"'
QUOTES = "a value that should have been quoted, read as it was meant"
NOTHING = "a disposition without a type, which the grammar has not"
NOBODY = "RFC 5322 section 3.4: what is no address"
TWICE = "RFC 5322 section 3.6: two fields, of which the first counts; to Dovecot the last"
OTHER_VALUES = {
    "torture-test.eml": "two of the kinds above, and " + DEFAULT,
    "msg_14.txt": DEFAULT,
    "msg_29.txt": UTF8,
    "msg_32.txt": UTF8,
    "attachment_with_encoded_name.eml": UTF8,
    "attachment_with_quoted_filename.eml": UTF8,
    "attachment_with_unquoted_name.eml": QUOTES,
    "content_transfer_encoding_qp_with_space.eml": ENCODING,
    "content_transfer_encoding_text-html.eml": ENCODING,
    "content_transfer_encoding_with_semi_colon.eml": ENCODING,
    "example11.eml": NOBODY,
    "example13.eml": NOBODY,
    "missing_content_disposition.eml": NOTHING,
    "mix_caps_content_type.eml": NOBODY,
    "multiple_invalid_content_dispositions.eml": NOTHING,
    "raw_email8.eml": UTF8,
    "raw_email_multiple_from.eml": NOBODY,
    "raw_email_with_at_display_name.eml": NOBODY,
    "raw_email_with_multipart_mixed_quoted_boundary.eml": TWICE,
    "weird_to_header.eml": NOBODY,
}

# Where Dovecot ends the connection when it is asked for a part without its encoding.
CUT_OFF = ("torture-test.eml", "msg_39.txt")

EMPTY = "the empty line of a part without body"
"""
RFC 2046 section 5.1.1: "The CRLF preceding the boundary delimiter line is conceptually attached
to the boundary": where nothing is between a part's header and a boundary, Dovecot takes that CRLF
and we the one that ends the header.
"""


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """Of a Dovecot, with an empty INBOX selected."""
    with dovecot() as peer, peer.connect() as connection:
        session = Session(connection).greeted()
        session.select()
        yield session
        session.ask("LOGOUT")


def messages() -> Iterator[tuple[str, bytes]]:
    """Those that IMAP can carry: CRLF, and no NUL."""
    mime = Path(VECTORS or "", "mime")
    found = [*mime.rglob("*.eml"), *mime.rglob("*.msg"), *mime.glob("python/msg_*")]
    for path in sorted([*found, *mime.glob("mailparser-malformed/*")]):
        octets = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if octets and b"\0" not in octets:
            yield path.name, octets.replace(b"\n", b"\r\n")


def sections(structure: Structure) -> Iterator[str]:
    """The name of every section."""
    yield from ("", "HEADER", "TEXT")
    for numbers, part in structure.walk():
        name = ".".join(map(str, numbers))
        yield from (name, name + ".MIME")
        if part.message is not None:
            yield from (name + ".HEADER", name + ".TEXT")


def ours(number: int, octets: bytes, structure: Structure) -> Facts:
    """What we tell."""
    items = [
        b"ENVELOPE " + write_envelope(structure.root.envelope, utf8=False),
        b"BODYSTRUCTURE " + write_body_structure(structure, utf8=False),
    ]
    for name in sections(structure):
        span = structure.section(name)
        assert span is not None
        items.append(section_item(b"BODY[%b]" % name.encode(), octets[slice(*span)]))
    line = fetch_line(number, items)[:-2]
    data = read_response(line, depth=200, name=lambda name: name.decode())
    assert isinstance(data, Fetched)
    return facts_of(Answer((data,), Condition(Status.OK, "")))


def skeleton(body: object) -> object:
    """Which parts are where."""
    if isinstance(body, Multipart):
        return [skeleton(part) for part in body.parts]
    inner: Body | None = getattr(body, "body", None)
    return None if inner is None else (skeleton(inner),)


def kind_of(difference: Difference) -> str | None:
    """Why it may be."""
    match difference.ours, difference.theirs:
        case bytes(mine), bytes(theirs) if ".MIME]" in difference.name and mine == theirs + b"\r\n":
            return EMPTY
    why = explained(difference)
    return None if why is None else why.name


def differences(session: Session, number: int, octets: bytes) -> tuple[bool, set[str]]:
    """Whether the parts of a message are elsewhere; else what else is not explained."""
    reader = StructureReader()
    reader.feed(octets)
    structure = reader.finish()
    session.done("APPEND", b"INBOX ", Literal(octets))
    names = " ".join(f"BODY.PEEK[{name}]" for name in sections(structure))
    request = Request("FETCH", (f"{number} (ENVELOPE BODYSTRUCTURE {names})".encode(),))
    theirs = facts_of(session.ask(request.name, *request.arguments))
    mine = ours(number, octets, structure)
    shape = f"{number} BODYSTRUCTURE"
    if skeleton(mine[shape]) != skeleton(theirs[shape]):
        return True, set()
    found = set()
    for name in mine.keys() | theirs.keys():
        pair = mine.get(name, MISSING), theirs.get(name, MISSING)
        difference = Difference(request=request, name=name, ours=pair[0], theirs=pair[1])
        if pair[0] != pair[1] and kind_of(difference) is None:
            found.add(name.partition(" ")[2])
    return False, found


def test_vectors(session: Session) -> None:
    """
    Envelope, structure and all sections are the same, but for messages that are named with a
    reason; where the parts are the same, only values of fields differ, and no octets.
    """
    elsewhere, otherwise = set(), {}
    for number, (file, octets) in enumerate(messages(), 1):
        other_parts, found = differences(session, number, octets)
        if other_parts:
            elsewhere.add(file)
        elif found:
            otherwise[file] = found

    assert OTHER_PARTS.keys() == elsewhere
    assert OTHER_VALUES.keys() == otherwise.keys()
    assert all(found <= {"ENVELOPE", "BODYSTRUCTURE"} for found in otherwise.values())


def decoded(octets: bytes, part: Part) -> bytes | None:
    """A part without its encoding; None if it is broken."""
    try:
        transfer = transfer_of(part.encoding)
        return transfer.decode(octets[part.body : part.stop]) + transfer.finish()
    except EncodingError:
        return None


def test_decoding(session: Session) -> None:
    """
    What both decode, both decode to the same octets (RFC 3516); what is broken to us is to Dovecot.
    """
    same, broken = 0, 0
    for file, octets in messages():
        if file in OTHER_PARTS or file in CUT_OFF:
            continue
        reader = StructureReader()
        reader.feed(octets)
        session.done("APPEND", b"INBOX ", Literal(octets))
        for numbers, part in reader.finish().walk():
            if part.parts or part.message is not None:
                continue
            name = ".".join(map(str, numbers))
            answer = session.ask("FETCH", f"* BINARY.PEEK[{name}]".encode())
            mine = decoded(octets, part)
            assert mine is not None or not answer.ok, (file, name)
            broken += mine is None
            for data in answer.data:
                if isinstance(data, Fetched) and answer.ok:
                    assert mine == data.items[f"BINARY[{name}]"], (file, name)
                    same += 1

    assert (287, 10) == (same, broken)
