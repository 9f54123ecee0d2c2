"""
The runner of IMAP transcripts finds what fits and what does not.
"""

from __future__ import annotations

from collections import deque

import pytest

from tests.imap.dialogue import play


class Said:
    """A server that says these lines, a group for each that it hears."""

    def __init__(self, *groups: str) -> None:
        self.groups = deque(groups)
        self.lines = deque(self.groups.popleft().splitlines())
        self.heard: list[bytes] = []

    def send(self, octets: bytes) -> None:
        self.heard.append(octets)
        self.lines.extend(self.groups.popleft().splitlines())

    def line(self) -> bytes | None:
        return self.lines.popleft().encode() if self.lines else None

    def silent(self) -> bool:
        return not self.lines


def test_names_and_gaps() -> None:
    """A name keeps its value and is sent again; gaps stand for parts of lines and for lines."""
    server = Said("* OK hi", "* 1 EXISTS\n* OK [UIDNEXT 7] x\n* OK y\na OK z", "b OK 7")
    other = Said("* OK hi")
    called: list[str] = []
    values = play(
        """
        S: * OK ...
        S2: * OK hi
        # a comment
        C: a SELECT {box}
        S: * 1 EXISTS
        S: * OK [UIDNEXT {next}] ...
        S: ...
        S: a OK z
        * wait
        C: b FETCH {next}
        S: b OK {next}
        """,
        server,
        other,
        actions={"wait": lambda: called.append("wait")},
        values={"box": "INBOX"},
    )
    assert {"box": "INBOX", "next": "7"} == values
    assert [b"a SELECT INBOX\r\n", b"b FETCH 7\r\n"] == server.heard
    assert ["wait"] == called


@pytest.mark.parametrize(
    "transcript",
    [
        "S: * OK no",
        "S: * OK hi\nS: * more",
        "C: a",
        "S: * OK hi\nC: a\nS: * {n} {n}\nS: a OK",
        "S: * OK hi\nC: a\nS: * 1 2",
        "S: * OK hi\nC: a\nS: ...\nS: b OK",
        "S: * {h} hi\nC: a\nS: * {h} 2\nS: a OK",
    ],
)
def test_what_does_not_fit(transcript: str) -> None:
    """Another line, a missing one, one too many, and a name with two values are told."""
    with pytest.raises(AssertionError):
        play(transcript, Said("* OK hi", "* 1 2\na OK"))


def test_no_transcript() -> None:
    """A line of no kind is a mistake."""
    with pytest.raises(ValueError, match="no line"):
        play("D: x", Said(""))
