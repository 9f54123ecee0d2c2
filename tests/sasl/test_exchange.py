"""
Tests for how any exchange is driven: order of calls, sizes, answers, the last challenge.
"""

from __future__ import annotations

import pytest

from pymta.errors import LocalProtocolError
from pymta.sasl import (
    MAX_MESSAGE,
    Answer,
    Authorize,
    Challenge,
    CheckExternal,
    CheckPassword,
    CheckToken,
    Dialogue,
    Exchange,
    Fail,
    Failure,
    FetchPassword,
    FetchSCRAM,
    LastChallenge,
    Question,
    SCRAMSecret,
    Success,
)

SECRET = SCRAMSecret(salt=b"s", iterations=4096, stored_key=b"k", server_key=b"k")

QUESTIONS: list[Question] = [
    CheckPassword(username="u", password="hunter2"),
    FetchSCRAM("u", "SHA-256"),
    FetchPassword("u"),
    CheckToken(token="hunter2", username="u"),
    CheckExternal("", "u"),
    Authorize("u", "v"),
]

FITTING: list[tuple[type[Question], set[type]]] = [
    (CheckPassword, {bool, str}),
    (FetchSCRAM, {SCRAMSecret}),
    (FetchPassword, {str}),
    (CheckToken, {bool, str}),
    (CheckExternal, {bool, str}),
    (Authorize, {bool, str}),
]


def asking(question: Question) -> Exchange:
    """An exchange that asks one thing, and succeeds."""

    def dialogue(initial: bytes | None) -> Dialogue:
        yield question
        return Success("u", b"bye")

    return Exchange(dialogue)


def echo(initial: bytes | None) -> Dialogue:
    """A mechanism of somebody else: three rounds, and no to an empty response."""
    data = initial or b"?"
    for _ in range(3):
        data = yield Challenge(data)
        if not data:
            raise Fail("nothing said")
    return Success(data.decode(), b"bye")


def test_rounds() -> None:
    """
    Challenges and responses alternate until the end.
    """
    exchange = Exchange(echo)

    assert Challenge(b"a") == exchange.begin(b"a")
    assert Challenge(b"b") == exchange.respond(b"b")
    assert Challenge(b"c") == exchange.respond(b"c")
    assert Success("d", b"bye") == exchange.respond(b"d")


def test_fail() -> None:
    """
    A dialogue that fails ends in a Failure with its reason.
    """
    exchange = Exchange(echo)
    exchange.begin(None)

    assert Failure("nothing said") == exchange.respond(b"")


@pytest.mark.parametrize("size", [MAX_MESSAGE, MAX_MESSAGE + 1])
def test_initial_size(size: int) -> None:
    """
    An initial response is taken up to the limit; one octet more ends the exchange.
    """
    step = Exchange(echo).begin(b"a" * size)

    assert (size > MAX_MESSAGE) == isinstance(step, Failure)


@pytest.mark.parametrize("size", [MAX_MESSAGE, MAX_MESSAGE + 1])
def test_response_size(size: int) -> None:
    """
    So is a response, and the end is an end.
    """
    exchange = Exchange(echo)
    exchange.begin(None)
    step = exchange.respond(b"a" * size)

    assert (size > MAX_MESSAGE) == isinstance(step, Failure)
    if isinstance(step, Failure):
        assert step.malformed
        with pytest.raises(LocalProtocolError):
            exchange.respond(b"a")


def test_out_of_order() -> None:
    """
    Calls that nothing asked for are bugs of the driver.
    """
    exchange = Exchange(echo)
    with pytest.raises(LocalProtocolError):
        exchange.respond(b"a")
    with pytest.raises(LocalProtocolError):
        exchange.answer(True)
    exchange.begin(None)
    with pytest.raises(LocalProtocolError):
        exchange.begin(None)
    with pytest.raises(LocalProtocolError):
        exchange.answer(True)


def test_response_where_an_answer_is_due() -> None:
    """
    A question cannot be skipped, and is still open after the attempt.
    """
    exchange = asking(QUESTIONS[0])
    exchange.begin(None)
    with pytest.raises(LocalProtocolError):
        exchange.respond(b"a")

    assert Success("u", b"bye") == exchange.answer(True)


def test_after_the_end() -> None:
    """
    After the end nothing is taken any more.
    """
    exchange = asking(QUESTIONS[0])
    exchange.begin(None)
    exchange.answer(True)
    with pytest.raises(LocalProtocolError):
        exchange.answer(True)
    with pytest.raises(LocalProtocolError):
        exchange.respond(b"a")


@pytest.mark.parametrize("value", [True, "name", SECRET, None, b"octets"], ids=repr)
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: type(q).__name__)
def test_answers_fit(question: Question, value: Answer) -> None:
    """
    Each question takes the types that it names, and None; nothing else.
    """
    fitting = dict(FITTING)[type(question)]
    exchange = asking(question)
    exchange.begin(None)
    if value is None or type(value) in fitting:
        assert Success("u", b"bye") == exchange.answer(value)
    else:
        with pytest.raises(LocalProtocolError):
            exchange.answer(value)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: type(q).__name__)
def test_s24_no_credential_in_repr(question: Question) -> None:
    """
    Passwords and tokens are not shown when a question is logged.
    """
    assert "hunter2" not in repr(question)
    assert "stored_key" not in repr(SECRET)


def test_last_challenge() -> None:
    """
    Data with the success goes out as a challenge; an empty response makes it a success.
    """
    exchange = LastChallenge(asking(QUESTIONS[0]))
    assert QUESTIONS[0] == exchange.begin(None)
    assert Challenge(b"bye") == exchange.answer(True)
    assert Success("u") == exchange.respond(b"")
    with pytest.raises(LocalProtocolError):
        exchange.respond(b"")


def test_last_challenge_wants_nothing() -> None:
    """
    A response with data to the last challenge is a failure.
    """
    exchange = LastChallenge(asking(QUESTIONS[0]))
    exchange.begin(None)
    exchange.answer(True)

    step = exchange.respond(b"x")
    assert isinstance(step, Failure)
    assert step.malformed


def test_last_challenge_without_data() -> None:
    """
    A success without data, and a failure, come at once.
    """

    def dialogue(initial: bytes | None) -> Dialogue:
        data: bytes = yield Challenge(b"")
        if data == b"no":
            raise Fail("no")
        return Success("u")

    for data, step in ((b"yes", Success("u")), (b"no", Failure("no"))):
        exchange = LastChallenge(Exchange(dialogue))
        exchange.begin(None)
        assert step == exchange.respond(data)
