"""
What stands on the two sides of a SASL exchange in these tests: accounts, and a driver.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pymta.sasl import (
    Answer,
    Authorize,
    Challenge,
    Channel,
    CheckExternal,
    CheckPassword,
    CheckToken,
    ClientExchange,
    Decoy,
    Failure,
    FetchPassword,
    FetchSCRAM,
    PreparationError,
    Question,
    SCRAMSecret,
    ServerExchange,
    ServerSide,
    Step,
    Success,
    derive,
    prepare_query,
)

SALT = b"0123456789abcdef"
BINDING = b"\x01" * 32
ITERATIONS = 4096


def counting(size: int) -> bytes:
    """Random octets that are not."""
    return bytes(range(size))


def server_side(channel: Channel | None = None) -> ServerSide:
    """What exchanges are made from."""
    return ServerSide(
        hostname="mx.example.test",
        random=counting,
        decoy=Decoy(key=b"k" * 32, iterations=ITERATIONS),
        channel=channel or Channel(secure=True, bindings={"tls-exporter": BINDING}),
    )


@cache
def secret(password: str, hash_name: str) -> SCRAMSecret | None:
    """The secret of a password; None if SCRAM cannot be used with it."""
    try:
        return derive(password, SALT, iterations=ITERATIONS, hash_name=hash_name)
    except PreparationError:
        return None


class Accounts:
    """
    Answers questions.

    :param passwords: by user name, both as people write them.
    :param tokens: the account of each token.
    :param certificates: the account of each certificate's name.
    :param may_act: pairs of who may act as whom.
    """

    def __init__(
        self,
        passwords: Mapping[str, str] | None = None,
        *,
        tokens: Mapping[str, str] | None = None,
        certificates: Mapping[str, str] | None = None,
        may_act: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self._passwords = {prepare_query(k): prepare_query(v) for k, v in (passwords or {}).items()}
        self._tokens = tokens or {}
        self._certificates = certificates or {}
        self._may_act = may_act
        self.asked: list[Question] = []

    def answer(self, question: Question) -> Answer:
        """The answer, and a note of the question."""
        self.asked.append(question)
        match question:
            case CheckPassword():
                return self._passwords.get(question.username) == question.password
            case FetchSCRAM():
                password = self._passwords.get(question.username)
                return (password and secret(password, question.hash_name)) or None
            case FetchPassword():
                return self._passwords.get(question.username)
            case CheckToken():
                return self._tokens.get(question.token)
            case CheckExternal():
                return self._certificates.get(question.peer_name)
            case Authorize():
                return (question.authcid, question.authzid) in self._may_act


def settle(step: Step, server: ServerExchange, accounts: Accounts) -> Step:
    """Answer questions until the next step that is none."""
    while not isinstance(step, Challenge | Success | Failure):
        step = server.answer(accounts.answer(step))
    return step


def converse(
    server: ServerExchange, client: ClientExchange, accounts: Accounts
) -> Success | Failure:
    """Drive both sides against each other, up to the server's last word."""
    step = settle(server.begin(client.begin()), server, accounts)
    while isinstance(step, Challenge):
        step = settle(server.respond(client.respond(step.data)), server, accounts)
    assert isinstance(step, Success | Failure)
    if isinstance(step, Success) and step.data is not None:
        assert b"" == client.respond(step.data)
    return step


def run(server: ServerExchange, messages: list[bytes | None], accounts: Accounts) -> list[Step]:
    """
    Give a server these messages, the first as initial response; what it says to each.

    Stops early at the end of the exchange.
    """
    initial, *rest = messages
    steps = [settle(server.begin(initial), server, accounts)]
    for message in rest:
        if not isinstance(steps[-1], Challenge):
            break
        assert message is not None
        steps.append(settle(server.respond(message), server, accounts))
    return steps
