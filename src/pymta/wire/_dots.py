"""
Lines in which a leading dot is doubled, ended by a lone dot: the data of SMTP
(:rfc:`5321#section-4.5.2`) and the multi-line responses of POP3 (:rfc:`1939#section-3`).

A line is what ends with CRLF, and the end is CRLF "." CRLF and nothing else; a server that also
took LF "." LF would accept smuggled mail (CVE-2023-51764).  So dots are stuffed behind CRLF
alone, and a reader that obeys gets back every octet, those of a bare LF or CR included.  There is
no encoding that would also please readers who take a bare LF for the end of a line: for them
content must be canonical, which is for whoever stores or sends it to see to.  Both classes work
on whatever slices the network makes of the stream.
"""

from __future__ import annotations

from typing import Final

__all__ = ["DotDecoder", "DotEncoder"]

_CRLF: Final = b"\r\n"
_END: Final = b"\r\n.\r\n"


class DotEncoder:
    """Stuff the dots of one message or response; :meth:`end` closes it."""

    def __init__(self) -> None:
        # The first line starts the way every other does: behind a CRLF.
        self._tail = _CRLF

    def encode(self, data: bytes) -> bytes:
        """Take the next slice; return what goes on the wire."""
        joined = self._tail + data
        stuffed = joined.replace(b"\r\n.", b"\r\n..")[len(self._tail) :]
        self._tail = joined[-len(_CRLF) :]
        return stuffed

    def end(self) -> bytes:
        """The end, behind a CRLF if the last line lacks its own."""
        return _END[len(_CRLF) :] if self._tail == _CRLF else _END


class DotDecoder:
    """
    Undo it, and find the end.

    After :attr:`ended` turns true, :attr:`rest` holds the octets behind the end: with
    PIPELINING, the next command or response.
    """

    def __init__(self) -> None:
        # We pretend to have seen the CRLF of the first line's end, and strip it from the output.
        self._held = _CRLF
        self._strip = len(_CRLF)
        self.ended = False
        self.rest = b""

    def decode(self, data: bytes) -> bytes:
        """Take the next slice; return the octets now known."""
        assert not self.ended
        data = self._held + data
        end = data.find(_END)
        if end >= 0:
            self.ended = True
            self.rest = data[end + len(_END) :]
            return self._unstuff(data[: end + len(_CRLF)])
        # Hold back what may be the start of the end, so that no CRLF "." is ever cut in two.
        hold = next((n for n in (4, 3, 2, 1) if data.endswith(_END[:n])), 0)
        known = len(data) - hold
        self._held = data[known:]
        return self._unstuff(data[:known]) if known else b""

    def _unstuff(self, data: bytes) -> bytes:
        data = data.replace(b"\r\n.", _CRLF)
        if self._strip:
            data, self._strip = data[self._strip :], 0
        return data
