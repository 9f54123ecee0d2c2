"""
Tests for what a server's answers mean: whose fault a "no" is, and who is asked again where.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from pymta.address import Address
from pymta.delivery.answers import Server, Sorted, passing, sort
from pymta.envelope import Recipient, RecipientID
from pymta.outcome import Delivered, Failed, Outcome, Relayed, Scope
from pymta.reply import Reply
from pymta.session import Role
from pymta.smtp.client_answers import Answer, Stage

BOB, CARL, DORA = (
    Recipient(id=RecipientID(n), address=Address(name, "elsewhere.test"))
    for n, name in enumerate(("bob", "carl", "dora"), 1)
)
MX = Server(name="mx.test", role=Role.SMTP, dsn=True)
STORE = Server(name="store.test", role=Role.LMTP, dsn=False)
OK = Reply(250, "2.0.0", "Ok")


def answer(
    reply: Reply, stage: Stage, recipient: Recipient = BOB, *, from_peer: bool = True
) -> Answer:
    """One."""
    return Answer(recipient=recipient, reply=reply, stage=stage, from_peer=from_peer)


FAILURES = [
    pytest.param(550, "5.1.1", Stage.RECIPIENT, Scope.RECIPIENT, id="no such user"),
    pytest.param(450, "4.2.0", Stage.RECIPIENT, Scope.RECIPIENT, id="greylisted"),
    pytest.param(452, "4.2.2", Stage.RECIPIENT, Scope.RECIPIENT, id="over quota"),
    pytest.param(450, "", Stage.RECIPIENT, Scope.RECIPIENT, id="without a status"),
    pytest.param(552, "5.3.4", Stage.SENDER, Scope.MESSAGE, id="too large"),
    pytest.param(550, "5.7.1", Stage.SENDER, Scope.MESSAGE, id="sender refused"),
    pytest.param(451, "4.1.8", Stage.SENDER, Scope.MESSAGE, id="sender not known now"),
    pytest.param(452, "4.3.1", Stage.SENDER, Scope.DESTINATION, id="no room at MAIL"),
    pytest.param(550, "5.7.1", Stage.CONTENT, Scope.MESSAGE, id="content refused"),
    pytest.param(451, "4.7.1", Stage.CONTENT, Scope.MESSAGE, id="content not now"),
    pytest.param(452, "4.3.1", Stage.CONTENT, Scope.DESTINATION, id="no room at the end"),
    pytest.param(452, "4.3.2", Stage.CONTENT, Scope.DESTINATION, id="closed at the end"),
]


@pytest.mark.parametrize(("code", "status", "stage", "scope"), FAILURES)
def test_whose_fault(code: int, status: str, stage: Stage, scope: Scope) -> None:
    """
    The recipient's, the message's or the destination's; in the server's words.
    """
    reply = Reply(code, status, "Some words\nof two lines")
    found = sort([answer(reply, stage)], MX)

    assert [(BOB, Failed(reply=reply, scope=scope, remote="mx.test"))] == found.ended
    assert ([], [], [], None) == (found.again, found.elsewhere, found.doubtful, found.trouble)


@pytest.mark.parametrize("stage", [Stage.SENDER, Stage.RECIPIENT, Stage.CONTENT])
def test_a_login_that_is_missing(stage: Stage) -> None:
    """
    530 is a "no" to the session, which has no login or no TLS (RFC 4954 section 6, RFC 3207
    section 4): the operator mends it, or TLS fails just now, and nobody's mail is returned.
    """
    said = Reply(530, "5.7.0", "Must issue a STARTTLS command first")
    ((_, outcome),) = sort([answer(said, stage)], MX).ended

    assert (
        Failed(
            reply=Reply(450, "4.7.0", "530 Must issue a STARTTLS command first"),
            scope=Scope.DESTINATION,
            remote="mx.test",
        )
        == outcome
    )


def test_lmtp_answers_for_each() -> None:
    """
    A "no" to the content is one recipient's, and a yes is a delivery (RFC 2033).
    """
    full = Reply(452, "4.2.2", "Mailbox full")
    found = sort(
        [answer(OK, Stage.CONTENT), answer(full, Stage.CONTENT, CARL)],
        STORE,
    )

    assert [
        (BOB, Delivered(OK)),
        (CARL, Failed(reply=full, scope=Scope.RECIPIENT, remote="store.test")),
    ] == found.ended


def test_lmtp_of_a_host_that_reports() -> None:
    """
    NOTIFY=SUCCESS went with the message, and is answered where it was delivered, not twice.
    """
    ((_, outcome),) = sort([answer(OK, Stage.CONTENT)], replace(STORE, dsn=True)).ended

    assert Delivered(OK, dsn=True) == outcome


@pytest.mark.parametrize("dsn", [False, True])
def test_relayed(dsn: bool) -> None:
    """
    A yes moves the responsibility, and says whether the duty to report went with it.
    """
    server = Server(name="mx.test", role=Role.SMTP, dsn=dsn)

    assert [(BOB, Relayed(OK, dsn=dsn, remote="mx.test"))] == sort(
        [answer(OK, Stage.CONTENT)], server
    ).ended


@pytest.mark.parametrize(
    ("reply", "stage", "from_peer"),
    [
        (Reply(451, "4.4.2", "The connection was lost"), Stage.CONNECTION, False),
        (Reply(421, "4.3.2", "Shutting down"), Stage.CONNECTION, True),
    ],
    ids=["lost", "421"],
)
def test_nobody_knows_of_them(reply: Reply, stage: Stage, from_peer: bool) -> None:
    """
    Those who were not answered for, and have not got the content, may go to another host; others
    are not asked about again.
    """
    found = sort(
        [
            answer(Reply(550, "5.1.1", "No"), Stage.RECIPIENT, CARL),
            answer(reply, stage, from_peer=from_peer),
        ],
        MX,
    )

    assert [BOB] == found.elsewhere
    assert [CARL] == [recipient for recipient, _ in found.ended]
    assert found.trouble is not None
    assert (reply, Scope.DESTINATION) == (found.trouble.reply, found.trouble.scope)


TOO_MANY = Reply(452, "4.5.3", "Too many recipients")


@pytest.mark.parametrize(
    "reply",
    [TOO_MANY, Reply(452, "", "Too many"), Reply(552, "5.5.3", "Too many"), Reply(552, "", "?")],
    ids=str,
)
@pytest.mark.parametrize(
    "first",
    [
        (OK, Stage.CONTENT),
        (Reply(554, "5.7.1", "No"), Stage.CONTENT),
        (Reply(550, "5.1.1", "No"), Stage.RECIPIENT),
        (Reply(450, "4.2.0", "Later"), Stage.RECIPIENT),
    ],
    ids=["taken", "content refused", "refused", "greylisted"],
)
def test_one_too_many(reply: Reply, first: tuple[Reply, Stage]) -> None:
    """
    Once others were answered for, it is asked about again (RFC 5321 section 4.5.3.1.10): where a
    server takes one at a time, the first one that it does not take must not keep all the others.
    """
    found = sort(
        [answer(*first), answer(reply, Stage.RECIPIENT, CARL)],
        MX,
    )

    assert [CARL] == found.again
    assert [BOB] == [recipient for recipient, _ in found.ended]


@pytest.mark.parametrize(
    "answers",
    [
        [answer(TOO_MANY, Stage.RECIPIENT)],
        [answer(TOO_MANY, Stage.RECIPIENT), answer(TOO_MANY, Stage.RECIPIENT, CARL)],
        [
            answer(Reply(451, "4.4.2", "Lost"), Stage.CONNECTION, from_peer=False),
            answer(TOO_MANY, Stage.RECIPIENT, CARL),
        ],
    ],
    ids=["alone", "all", "lost"],
)
def test_too_many_for_ever(answers: Sequence[Answer]) -> None:
    """
    Where nobody was answered for, the next transaction would be the same: failed for now.
    """
    found = sort(answers, MX)

    assert [] == found.again
    assert len(answers) == len(found.ended) + len(found.elsewhere)


@pytest.mark.parametrize(
    "reply",
    [Reply(452, "4.2.2", "Mailbox full"), Reply(552, "5.2.2", "Mailbox full")],
    ids=str,
)
def test_a_full_mailbox_is_not_too_many(reply: Reply) -> None:
    """
    The same code with the status of a full mailbox is an answer.
    """
    found = sort([answer(OK, Stage.CONTENT), answer(reply, Stage.RECIPIENT, CARL)], MX)

    assert [] == found.again


@pytest.mark.parametrize("role", [Role.SMTP, Role.LMTP])
def test_in_doubt(role: Role) -> None:
    """
    The content's end was sent and nothing came: failed for now, the destination's fault, and
    nobody else's to be asked.
    """
    server = Server(name="mx.test", role=role, dsn=False)
    lost = Reply(451, "4.4.2", "The connection was lost")
    answered = replace(answer(lost, Stage.CONNECTION, from_peer=False), in_doubt=True)
    found = sort([answered], server)
    ((recipient, outcome),) = found.ended

    assert [BOB] == found.doubtful == [recipient]
    assert [] == found.elsewhere
    assert Failed(reply=lost, scope=Scope.DESTINATION) == outcome


def test_what_the_client_knew() -> None:
    """
    Too large for what EHLO announced: nobody remote has said so.
    """
    large = Reply(552, "5.3.4", "Message larger than the next hop takes")
    found = sort([answer(large, Stage.SENDER, from_peer=False)], MX)

    assert [(BOB, Failed(reply=large, scope=Scope.MESSAGE))] == found.ended
    assert [] == found.doubtful


@pytest.mark.parametrize(
    ("said", "passing_reply"),
    [
        (Reply(554, "5.7.1", "Go away"), Reply(450, "4.7.1", "554 Go away")),
        (Reply(554, "", "Go away"), Reply(450, "4.3.0", "554 Go away")),
        (Reply(521, "", ""), Reply(450, "4.3.0", "521")),
        (Reply(535, "5.7.8", "No\nno"), Reply(450, "4.7.8", "535 No\nno")),
        (Reply(421, "4.3.2", "Later"), Reply(421, "4.3.2", "Later")),
    ],
    ids=str,
)
def test_no_to_a_whole_session(said: Reply, passing_reply: Reply) -> None:
    """
    It may pass; the text tells what was said.
    """
    assert passing_reply == passing(said)


def test_order_does_not_matter() -> None:
    """
    Each recipient has its own fate, whoever else was asked about.
    """
    answers = [
        answer(OK, Stage.CONTENT),
        answer(Reply(550, "5.1.1", "No"), Stage.RECIPIENT, CARL),
        answer(TOO_MANY, Stage.RECIPIENT, DORA),
    ]
    one, other = sort(answers, MX), sort(answers[::-1], MX)

    assert one.again == other.again == [DORA]
    assert dict(_by_id(one)) == dict(_by_id(other))


def _by_id(found: Sorted) -> Iterator[tuple[RecipientID, Outcome]]:
    return ((recipient.id, outcome) for recipient, outcome in found.ended)
