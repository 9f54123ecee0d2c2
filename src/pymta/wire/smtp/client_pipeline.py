"""
Commands on their way and the replies that are due for them (:rfc:`2920#section-3.1`).

With PIPELINING commands are written at once and the replies are counted off; without, each
waits until all before it are answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum, auto

__all__ = ["Ask", "Pipeline"]


class Ask(Enum):
    """What a reply that is due answers."""

    GREETING = auto()
    EHLO = auto()
    HELO = auto()
    STARTTLS = auto()
    AUTH = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    DOT = auto()
    """A lone dot, for nobody."""
    CHUNK = auto()
    CONTENT = auto()
    """The end of the content, by DATA or by BDAT."""
    DELIVERY = auto()
    """The end of LMTP's content, for one recipient."""
    NOOP = auto()
    RSET = auto()
    CLEAR = auto()
    """A RSET that the machine says by itself."""
    QUIT = auto()

    __hash__ = object.__hash__  # Enum's own is written in Python, and asked for at each reply


class Pipeline:
    """
    What is to be written, what is due, and what must wait.

    :ivar enabled: whether the server announced PIPELINING.
    """

    __slots__ = ("_due", "_out", "_waiting", "enabled")

    def __init__(self) -> None:
        self.enabled = False
        self._out: list[bytes] = []
        # The greeting is the one reply that nothing has to ask for.
        self._due: deque[Ask] = deque((Ask.GREETING,))
        self._waiting: deque[tuple[Sequence[Ask], bytes]] = deque()

    @property
    def next_due(self) -> Ask | None:
        """What the next reply will answer; None where none is due."""
        return self._due[0] if self._due else None

    @property
    def quiet(self) -> bool:
        """Whether nothing is due and nothing waits."""
        return not self._due and not self._waiting

    @property
    def waiting(self) -> bool:
        """Whether a command waits for answers to earlier ones."""
        return bool(self._waiting)

    @property
    def backlog(self) -> int:
        """Octets of content that wait."""
        return sum(len(octets) for asks, octets in self._waiting if asks[0] in _CONTENT)

    def put(self, octets: bytes, *asks: Ask) -> None:
        """Send a command when it may be sent.  :param asks: the replies it will have."""
        if self._waiting or (self._due and not self.enabled):
            self._waiting.append((asks, octets))
        else:
            self._write(octets, asks)

    def put_group(self, commands: Sequence[bytes], asks: Sequence[Ask]) -> None:
        """Send a group of commands that have one reply each."""
        if self.enabled and not self._waiting:
            self._write(b"".join(commands), asks)
            return
        for octets, ask in zip(commands, asks, strict=True):
            self.put(octets, ask)

    def hold(self, octets: bytes, *asks: Ask) -> None:
        """Send a command when all before it is answered, with PIPELINING too."""
        if self._due:
            self._waiting.append((asks, octets))
        else:
            self.put(octets, *asks)

    def write(self, octets: bytes) -> None:
        """Send octets that have no reply."""
        self._out.append(octets)

    def answered(self) -> Ask | None:
        """A reply came: what it answers, None for nothing."""
        return self._due.popleft() if self._due else None

    def go_on(self) -> None:
        """A reply was dealt with: send what waited for it."""
        if self._waiting and not self._due:
            asks, octets = self._waiting.popleft()
            self._write(octets, asks)

    def drop_waiting(self) -> None:
        """Forget what was not sent."""
        self._waiting.clear()

    def close(self) -> None:
        """Forget everything."""
        self._out.clear()
        self._due.clear()
        self._waiting.clear()

    def take(self) -> bytes:
        """What is to be written, each octet once."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def _write(self, octets: bytes, asks: Sequence[Ask]) -> None:
        self._out.append(octets)
        self._due.extend(asks)


_CONTENT = frozenset((Ask.CHUNK, Ask.CONTENT, Ask.DELIVERY))
