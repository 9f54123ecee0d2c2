"""
What is true of every structure, whatever message it was read from.
"""

from __future__ import annotations

from collections.abc import Iterable

from pymta.message.header import parse_header
from pymta.message.structure import Part, Span, Structure
from pymta.message.structure_codec import from_bytes, to_bytes
from pymta.message.structure_reader import StructureReader

__all__ = ["check", "read", "shape"]


def read(slices: Iterable[bytes]) -> Structure:
    """The structure of the slices."""
    reader = StructureReader()
    for data in slices:
        reader.feed(data)
    return reader.finish()


def shape(part: Part) -> str:
    """Types within types: ``multipart/mixed(text/plain message/rfc822[text/plain])``."""
    if part.message is not None:
        return f"{part.media}[{shape(part.message)}]"
    if part.parts:
        return f"{part.media}({' '.join(map(shape, part.parts))})"
    return str(part.media)


def check(structure: Structure, octets: bytes) -> None:
    """Assert that the structure agrees with the octets and with itself."""
    assert Span(0, len(octets)) == structure.root.span
    assert len(octets) == structure.size
    assert structure.root.envelope is not None
    check_part(structure.root, octets)
    check_sections(structure)
    assert structure == from_bytes(to_bytes(structure))


def check_part(part: Part, octets: bytes) -> None:
    """Assert it of a part and all that is in it."""
    assert 0 <= part.start <= part.body <= part.stop <= len(octets)
    assert octets.count(b"\n", part.body, part.stop) == part.lines
    header = octets[part.start : part.body]
    assert header == parse_header(header).octets, "an empty line within a header"
    assert ("multipart" == part.media.type) is bool(part.parts)
    enclosing = part.media.type == "message" and part.media.subtype in ("rfc822", "global")
    assert enclosing is (part.message is not None)
    inside = [part.message] if part.message is not None else list(part.parts)
    if part.message is not None:
        assert part.message.envelope is not None
        assert part.body_span == part.message.span
    check_glue(part, octets)
    for inner in inside:
        check_part(inner, octets)


def check_glue(part: Part, octets: bytes) -> None:
    """Assert that parts and what is between them are the body, and that a boundary parts them."""
    glue, position = [], part.body
    for inner in part.parts:
        assert inner.envelope is None
        assert position <= inner.start
        glue.append(octets[position : inner.start])
        position = inner.stop
    assert position <= part.stop
    pieces = [g + octets[p.start : p.stop] for g, p in zip(glue, part.parts, strict=True)]
    rest = octets[position : part.stop]
    if part.message is None:
        assert octets[part.body : part.stop] == b"".join(pieces) + rest
    boundary = dict(part.media.parameters).get("boundary")
    if part.parts and boundary is not None:
        assert all(b"--" + boundary.rstrip() in text for text in glue)


def check_sections(structure: Structure) -> None:
    """Assert that sections are found by their names, and lie within each other."""
    for numbers, part in structure.walk():
        name = ".".join(map(str, numbers))
        assert part is structure.part(numbers)
        assert part.body_span == structure.section(name)
        assert part.header_span == structure.section(name + ".MIME")
        assert structure.section(f"{name}.{len(part.within) + 1}") is None
        header = structure.section(name + ".HEADER")
        if part.message is None:
            assert header is None
        else:
            assert part.message.header_span == header
            assert part.message.body_span == structure.section(name + ".TEXT")
