"""
The server's side of any SASL exchange (:rfc:`4422#section-3`), driven step by step.

A mechanism is written as a *dialogue*: a generator that yields what it wants (a challenge, a
question), is sent what it gets, and returns a Success; where it says no, it raises
:class:`Fail`.  :class:`Exchange` runs one, and is where sizes, the order of calls and the types
of answers are checked for all of them, other people's included.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol, TypeAlias

from pymta.errors import LocalProtocolError
from pymta.sasl.steps import (
    Answer,
    Authorize,
    Challenge,
    CheckExternal,
    CheckPassword,
    CheckToken,
    Failure,
    Question,
    Step,
    Success,
)

__all__ = [
    "MAX_MESSAGE",
    "Dialogue",
    "Exchange",
    "Fail",
    "LastChallenge",
    "ServerExchange",
    "authorized",
    "confirmed",
    "first_message",
]

# RFC 4954 section 4 wants 12,288 octets of BASE64 taken: no decoded message is longer.
MAX_MESSAGE = 12_288

Dialogue: TypeAlias = Generator[Challenge | Question, Any, Success]
"""Sent bytes after a Challenge, an :data:`~pymta.sasl.steps.Answer` after a Question."""


class Fail(Exception):
    """How a dialogue ends in a Failure; :class:`Exchange` catches it, nobody else sees it."""

    def __init__(self, reason: str, *, malformed: bool = False) -> None:
        super().__init__(reason)
        self.failure = Failure(reason, malformed)


class ServerExchange(Protocol):
    """
    One attempt of one client to log in.

    ``begin`` once; then ``respond`` after each Challenge and ``answer`` after each question,
    until there is a Success or a Failure.  Whoever cannot answer (the directory is down), and
    whoever sees the client cancel, drops the exchange.
    """

    def begin(self, initial: bytes | None) -> Step:
        """
        Start.

        :param initial: the initial response; ``b""`` for an empty one ("=" on the wire), None
            where the client sent none.
        """

    def respond(self, data: bytes) -> Step:
        """Take the client's reply to the last challenge."""

    def answer(self, value: Answer) -> Step:
        """Take the answer to the last question, of a type that the question names, or None."""


class Exchange:
    """
    A :class:`ServerExchange` that runs a dialogue.

    Nothing that a client sends makes it raise; :exc:`~pymta.errors.LocalProtocolError` is for
    calls out of order and answers that do not fit the question.
    """

    def __init__(self, dialogue: Callable[[bytes | None], Dialogue]) -> None:
        self._open = dialogue
        self._running: Dialogue | None = None
        self._last: Step | None = None

    def begin(self, initial: bytes | None) -> Step:
        """Start; see :class:`ServerExchange`."""
        if self._last is not None:
            raise LocalProtocolError("a SASL exchange begins once")
        if initial is not None and len(initial) > MAX_MESSAGE:
            return self._too_long()
        self._running = self._open(initial)
        return self._advance(None)

    def respond(self, data: bytes) -> Step:
        """Take the client's reply; see :class:`ServerExchange`."""
        if not isinstance(self._last, Challenge):
            raise LocalProtocolError(f"no response is due after {self._last!r}")
        if len(data) > MAX_MESSAGE:
            return self._too_long()
        return self._advance(data)

    def answer(self, value: Answer) -> Step:
        """Take an answer; see :class:`ServerExchange`."""
        question = self._last
        if question is None or isinstance(question, Challenge | Success | Failure):
            raise LocalProtocolError(f"no answer is due after {question!r}")
        if value is not None and not isinstance(value, question.answers):
            raise LocalProtocolError(f"a {type(value).__name__} answers no {question!r}")
        return self._advance(value)

    def _advance(self, value: Any) -> Step:
        assert self._running is not None
        try:
            self._last = self._running.send(value)
        except StopIteration as end:
            self._last = end.value
        except Fail as no:
            self._last = no.failure
        assert self._last is not None
        return self._last

    def _too_long(self) -> Failure:
        self._last = failure = Failure("message too long", malformed=True)
        return failure


class LastChallenge:
    """
    An exchange for protocols whose success cannot carry data: SMTP, POP3 and IMAP.

    Data with the success goes out as one more challenge, which the client answers with an empty
    response (:rfc:`4954#section-4`, :rfc:`5034#section-4`).
    """

    def __init__(self, inner: ServerExchange) -> None:
        self._inner = inner
        self._success: Success | None = None

    def begin(self, initial: bytes | None) -> Step:
        """Start; see :class:`ServerExchange`."""
        return self._seen(self._inner.begin(initial))

    def respond(self, data: bytes) -> Step:
        """Take the client's reply; see :class:`ServerExchange`."""
        success, self._success = self._success, None
        if success is None:
            return self._seen(self._inner.respond(data))
        if data:
            return Failure("the last response is not empty", malformed=True)
        return Success(success.identity)

    def answer(self, value: Answer) -> Step:
        """Take an answer; see :class:`ServerExchange`."""
        return self._seen(self._inner.answer(value))

    def _seen(self, step: Step) -> Step:
        if isinstance(step, Success) and step.data is not None:
            self._success = step
            return Challenge(step.data)
        return step


# -- what dialogues share ----------------------------------------------------


def first_message(initial: bytes | None) -> Generator[Challenge | Question, Any, bytes]:
    """The first message of a mechanism in which the client begins."""
    if initial is not None:
        return initial
    # RFC 4422 section 5.1: without an initial response, the challenge is empty.
    message: bytes = yield Challenge(b"")
    return message


def confirmed(
    question: CheckPassword | CheckToken | CheckExternal, username: str
) -> Generator[Challenge | Question, Any, str]:
    """
    Ask whether the client is who it says.

    :param username: the name that a bare True confirms.
    :returns: the name of the account.
    """
    answer: bool | str | None = yield question
    identity = username if answer is True else answer
    if not identity:
        raise Fail("wrong credentials")
    return identity


def authorized(
    identity: str, authzid: str, *names: str
) -> Generator[Challenge | Question, Any, str]:
    """
    Ask whether ``identity`` may act as ``authzid``, unless that is itself.

    :param names: under which ``identity`` has proved itself, too.
    :returns: whom it acts as.
    """
    # RFC 4422 section 3.4.1: an empty authorization identity is derived from the credentials.
    if authzid in ("", identity, *names):
        return identity
    answer: bool | str | None = yield Authorize(identity, authzid)
    acts_as = authzid if answer is True else answer
    if not acts_as:
        raise Fail("may not act as somebody else")
    return acts_as
