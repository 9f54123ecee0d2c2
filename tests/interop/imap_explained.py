"""
The kinds of difference between our answers and Dovecot's that are right, and why.

Each says what it fits, and quotes the sentence that allows it.  There are at most twenty.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from pymta.wire.imap.client_data import Address, Envelope, Multipart, Part
from pymta.wire.imap.client_events import Request

__all__ = ["EXPLAINED", "MISSING", "Difference", "Explained", "explained"]

MISSING = "missing"
"""In the place of a fact that one of the servers does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """
    A fact that is not the same.

    :param name: of the fact: see :mod:`tests.interop.imap_comparing`.
    """

    request: Request
    name: str
    ours: object
    theirs: object


@dataclass(frozen=True, slots=True)
class Explained:
    """A kind of difference; ``why`` begins with the RFC's sentence."""

    name: str
    why: str
    fits: Callable[[Difference], bool]


def _is_store(difference: Difference) -> bool:
    return difference.request.name.endswith("STORE")


def _unchanged_by_store(difference: Difference) -> bool:
    said = difference.name.partition(" ")[2]
    return _is_store(difference) and said in ("FLAGS", "UID") and difference.theirs == MISSING


def _keywords_told(difference: Difference) -> bool:
    if difference.name not in ("flags", "permanent flags"):
        return False
    match difference.ours, difference.theirs:
        case frozenset(ours), frozenset(theirs):
            return {each for each in ours if each[0] == "\\"} == {
                each for each in theirs if each[0] == "\\"
            }
    return difference.request.name not in ("SELECT", "EXAMINE")


def _both(difference: Difference) -> tuple[object, object]:
    return difference.ours, difference.theirs


def _no_such_section(difference: Difference) -> bool:
    return "[" in difference.name and (None, b"") == _both(difference)


_UNASKED = frozenset(
    f"\\{name}"
    for name in (
        *("HasChildren", "HasNoChildren", "Marked", "UnMarked"),
        *("Archive", "Drafts", "Junk", "Sent", "Trash"),
    )
)
_NO_MAILBOX = frozenset({"\\NonExistent", "\\Noselect"})


def _listed(difference: Difference, but: frozenset[str]) -> bool:
    """A mailbox is listed by both, and the same but for these attributes."""
    match difference.ours, difference.theirs:
        case (mine, frozenset(ours)), (other, frozenset(theirs)):
            return mine == other and ours - but == theirs - but
    return False


def _told_unasked(difference: Difference) -> bool:
    return _listed(difference, _UNASKED)


def _superiors(difference: Difference) -> bool:
    if difference.request.name == "LIST" and difference.name.startswith("status "):
        return difference.theirs == MISSING
    return _listed(difference, _UNASKED | _NO_MAILBOX)


def _recent_fell(difference: Difference) -> bool:
    return difference.name == "recent" and MISSING in _both(difference)


def _plain_envelope(found: object) -> object:
    """With white space as Dovecot folds it, and no host where there is none."""
    if isinstance(found, Envelope):
        lists = ("from_", "sender", "reply_to", "to", "cc", "bcc")
        made: dict[str, object] = {each: _plain_addresses(getattr(found, each)) for each in lists}
        for name in ("date", "subject", "in_reply_to", "message_id"):
            made[name] = _plain_text(getattr(found, name))
        return made
    return found


def _plain_text(text: bytes | None) -> bytes | None:
    return None if text is None else b" ".join(text.split())


def _plain_addresses(addresses: tuple[Address, ...] | None) -> object:
    if addresses is None:
        return None
    return [
        (
            _plain_text(each.name),
            each.route,
            (each.mailbox or b"").replace(b"MISSING_MAILBOX", b""),
            None if each.host is None else each.host.replace(b"MISSING_DOMAIN", b""),
        )
        for each in addresses
    ]


def _envelope_of_the_odd(difference: Difference) -> bool:
    if not difference.name.endswith(" ENVELOPE"):
        return False
    return _plain_envelope(difference.ours) == _plain_envelope(difference.theirs)


def _alike(ours: object, theirs: object) -> bool:
    """
    Whether structures are the same, but for the charset that is not written, and for a line break
    in front of a boundary.
    """
    match ours, theirs:
        case Multipart(), Multipart():
            return (
                len(ours.parts) == len(theirs.parts)
                and all(map(_alike, ours.parts, theirs.parts))
                and (ours.subtype, ours.extension) == (theirs.subtype, theirs.extension)
            )
        case Part(), Part():
            lines = (theirs.lines or 0) - (ours.lines or 0)
            return (
                (theirs.size - ours.size, lines) in ((0, 0), (2, 1), (2, 0))
                and (ours.body == theirs.body or _alike(ours.body, theirs.body))
                and _plain_envelope(ours.envelope) == _plain_envelope(theirs.envelope)
                and _with_charset(ours) == _with_charset(theirs)
            )
    return False


def _with_charset(part: Part) -> Part:
    parameters = part.parameters if isinstance(part.parameters, tuple) else ()
    if part.type == b"text" and b"charset" not in parameters:
        parameters = (*parameters, b"charset", b"us-ascii")
    return replace(part, parameters=parameters, size=0, lines=0, body=None, envelope=None)


def _structure(difference: Difference) -> bool:
    return difference.name.split()[-1] in ("BODY", "BODYSTRUCTURE") and _alike(*_both(difference))


def _line_break_of_boundary(difference: Difference) -> bool:
    match difference.ours, difference.theirs:
        case bytes(ours), bytes(theirs):
            return theirs.startswith(ours) and theirs[len(ours) :] in (b"\r\n", b"\n", b"\r")
    return False


def _part_of_no_parts(difference: Difference) -> bool:
    section = difference.name.partition("[")[2].partition("]")[0]
    numbers = [each for each in section.partition(" ")[0].split(".") if each.isdigit()]
    return difference.ours is None and len(numbers) > 1 and numbers[-1] == "1"


def _store_in_examine(difference: Difference) -> bool:
    if not _is_store(difference):
        return False
    if difference.name == "status":
        return ("NO", "OK") == _both(difference)
    return difference.name == "code READ-ONLY" and difference.theirs == MISSING


def _subscribed_to_nothing(difference: Difference) -> bool:
    if difference.request.name == "SUBSCRIBE":
        return difference.name == "status" and ("OK", "NO") == _both(difference)
    listed = difference.name.startswith(("LIST ", "LSUB "))
    return listed and difference.request.name in ("LIST", "LSUB") and difference.theirs == MISSING


def _inbox_in_small_letters(difference: Difference) -> bool:
    inbox = difference.name in ("LIST INBOX", "LSUB INBOX", "status INBOX")
    return inbox and difference.request.name != "STATUS" and difference.ours == MISSING


def _root_of_reference(difference: Difference) -> bool:
    asked = difference.request.arguments[-1:]
    root = any(isinstance(each, bytes) and b'/ ""' in each for each in asked)
    return root and difference.name in ("LIST ", "LIST a/")


def _second_half_of_a_line_end(difference: Difference) -> bool:
    return "<" in difference.name and (b"\n", b"\r") == _both(difference)


def _ties_of_a_string(difference: Difference) -> bool:
    match difference.ours, difference.theirs:
        case tuple(ours), tuple(theirs) if difference.name == "sorted":
            criteria = _STRING_FIRST.search(_text_of(difference.request))
            return criteria is not None and set(ours) == set(theirs)
        case tuple(ours), tuple(theirs) if difference.name == "threads":
            ordered = "ORDEREDSUBJECT" in _text_of(difference.request)
            return ordered and set(map(_members, ours)) == set(map(_members, theirs))
    return False


def _members(thread: object) -> frozenset[object]:
    if not isinstance(thread, tuple):
        return frozenset({thread})
    return frozenset[object]().union(*map(_members, thread))


_STRING_FIRST = re.compile(r"\((REVERSE .*|(CC|FROM|SUBJECT|TO) .*)\) UTF-8")


def _text_of(request: Request) -> str:
    return b"".join(each for each in request.arguments if isinstance(each, bytes)).decode()


def _copied_nothing(difference: Difference) -> bool:
    copying = difference.request.name.endswith(("COPY", "MOVE"))
    return copying and difference.name == "status" and ("NO", "OK") == _both(difference)


def _uid_told(difference: Difference) -> bool:
    return difference.name.endswith(" UID") and difference.theirs == MISSING


def _binary_of_parts(difference: Difference) -> bool:
    if " BINARY" not in difference.name:
        return False
    match difference.ours, difference.theirs:
        case bytes(ours), bytes(theirs):
            # As it is written, where a part within is decoded by the other.
            encoded = (b"quoted-printable", b"base64")
            return any(each in ours and each not in theirs for each in encoded)
    return "BINARY.SIZE[" in difference.name


EXPLAINED: tuple[Explained, ...] = (
    Explained(
        "STORE tells every message",
        'RFC 3501 section 6.4.6: "Normally, STORE will return the updated value of the data with '
        'an untagged FETCH response": we do for each message named, Dovecot for those it changed.',
        _unchanged_by_store,
    ),
    Explained(
        "keywords that are told",
        'RFC 3501 section 7.2.6: "The flag parenthesized list identifies the flags (at a minimum, '
        'the system-defined flags) that are applicable in this mailbox": Dovecot names keywords '
        "that no message has any more; new ones may be told with any command.",
        _keywords_told,
    ),
    Explained(
        "a section that is not there",
        'RFC 3501 section 4.5: "NIL represents the non-existence of a particular data item ... as '
        'distinct from the empty string": Dovecot sends the empty string.',
        _no_such_section,
    ),
    Explained(
        "attributes are told unasked",
        'RFC 5258 section 4: "these attributes MAY be returned in response to any LIST command"; '
        'RFC 6154 section 2: "The extended LIST command MAY return SPECIAL-USE attributes even if '
        'the client does not specify the return option".',
        _told_unasked,
    ),
    Explained(
        "superiors are made",
        'RFC 3501 section 6.3.3: "the server SHOULD create any superior hierarchical names that '
        "are needed\": ours are mailboxes, Dovecot's are names.",
        _superiors,
    ),
    Explained(
        "recent messages became fewer",
        'RFC 3501 section 7.4.1: "The EXPUNGE response also decrements by one the number of '
        'messages in the mailbox; it is not necessary to send an EXISTS response": nor RECENT, '
        "which Dovecot repeats.",
        _recent_fell,
    ),
    Explained(
        "addresses without a domain, and folded text",
        'RFC 5322 section 2.2.3: "Unfolding is accomplished by simply removing any CRLF that is '
        'immediately followed by WSP": Dovecot makes one space of the rest; and it writes '
        "MISSING_DOMAIN where an address has none.",
        _envelope_of_the_odd,
    ),
    Explained(
        "the charset that is not written, and the line break of a boundary, in structures",
        'RFC 2045 section 5.2: "Default RFC 822 messages ... are ... plain text in the US-ASCII '
        'character set": Dovecot writes it. RFC 2046 section 5.1.1: "The CRLF preceding the '
        'boundary delimiter line is conceptually attached to the boundary": it counts it as the '
        "part's where that ends with a multipart.",
        _structure,
    ),
    Explained(
        "the line break of a boundary",
        'RFC 2046 section 5.1.1: "The CRLF preceding the boundary delimiter line is conceptually '
        "attached to the boundary so that it is possible to have a part that does not end with a "
        'CRLF": Dovecot gives it to the part where that ends with a multipart.',
        _line_break_of_boundary,
    ),
    Explained(
        "a part of what has no parts",
        'RFC 3501 section 6.4.5: "non-multipart [MIME-IMB] messages with no encapsulated message, '
        'only have a part 1": to Dovecot 1.1 is part 1 again.',
        _part_of_no_parts,
    ),
    Explained(
        "STORE behind EXAMINE",
        'RFC 3501 section 6.3.2: "No changes to the permanent state of the mailbox ... are '
        'permitted": we say NO, Dovecot says OK and changes nothing.',
        _store_in_examine,
    ),
    Explained(
        "SUBSCRIBE to what is not there",
        'RFC 3501 section 6.3.6: "A server MAY validate the mailbox argument to SUBSCRIBE to '
        'verify that it exists": Dovecot does.',
        _subscribed_to_nothing,
    ),
    Explained(
        "INBOX matches in capitals",
        'RFC 3501 section 6.3.8: "if the uppercase string INBOX matches the interpreted reference '
        'and mailbox name arguments": to Dovecot *b* matches it.',
        _inbox_in_small_letters,
    ),
    Explained(
        "the root of a reference",
        'RFC 3501 section 6.3.8: "The value returned as the root MAY be the empty string if the '
        'reference is non-rooted".',
        _root_of_reference,
    ),
    Explained(
        "a part that begins within a line end",
        'RFC 3501 section 6.4.5: "the octet position of the first octet desired": of CRLF that is '
        "LF from 1 on, where Dovecot sends CR.",
        _second_half_of_a_line_end,
    ),
    Explained(
        "what comes behind a string in SORT and THREAD",
        'RFC 5256 section 3: "REVERSE only reverses a single criterion, and does not affect the '
        'implicit sequence number sort criterion if all other criteria are identical": behind '
        "texts that are the same, Dovecot keeps to neither.",
        _ties_of_a_string,
    ),
    Explained(
        "nothing is copied to a mailbox that is not there",
        'RFC 3501 section 6.4.7: "If the destination mailbox does not exist, a server SHOULD '
        'return an error": Dovecot does not look where there is nothing to copy.',
        _copied_nothing,
    ),
    Explained(
        "UIDs are told with QRESYNC",
        'RFC 7162 section 3.2.4: "the server MUST automatically include both UID and mod-sequence '
        'data in all subsequent untagged FETCH responses": we do where FETCH did not ask, too.',
        _uid_told,
    ),
    Explained(
        "BINARY of a part with parts",
        'RFC 3516 section 4.3: "the content of the specified section after removing any '
        'CTE-related encoding": of the section, while Dovecot decodes the parts within it.',
        _binary_of_parts,
    ),
)


def explained(difference: Difference) -> Explained | None:
    """Why a difference is right; None if it is not."""
    return next((each for each in EXPLAINED if each.fits(difference)), None)
