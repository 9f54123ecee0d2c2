"""
Tests for reports: who is told what, when, and when not; and that no crash loses or doubles one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any, cast

import pytest

from pymta.address import Address
from pymta.envelope import (
    Body,
    Notify,
    OriginalRecipient,
    Recipient,
    RecipientID,
    Return,
    Sender,
)
from pymta.errors import QueueError
from pymta.events import HeldBack
from pymta.interfaces.content import (
    SLICE,
    UNROUTED,
    IContent,
    Joined,
    Lane,
    NewMail,
    Octets,
    Origin,
    octets_of,
)
from pymta.interfaces.delivery import Attempt, Result
from pymta.interfaces.queue import Bounce, Claim, Claimed, QueueQuery, QueueState, Release
from pymta.interfaces.routing import Drop, Expand
from pymta.message.dsn import DSN, Action, Typed
from pymta.message.dsn_reading import parse_dsn
from pymta.outcome import Delivered, Expanded, Failed, Outcome, Relayed, Scope
from pymta.queue.outcomes import Notice, Unreported
from pymta.queue.reporting import Reporter, ReportLimits
from pymta.queue.runner import Runner
from pymta.reply import Reply
from pymta.session import Endpoint, Role, Session
from pymta.shared.memory import MemorySharedState
from pymta.testing.contracts.queue_faults import Fail, FaultyQueueStore, Hang, LoseAnswer
from tests.queue.house import (
    ALICE,
    DAY,
    GONE,
    LATER,
    NOBODY,
    RELAY,
    SESSION,
    START,
    YES,
    Agent,
    House,
    Table,
    mail,
    outcome,
    with_notify,
)
from tests.queue.test_expansion import OWNER, Members

HOUR = 3600.0


class Reporting(House):
    """A house in which reports are written; nobody takes them away unless ``away`` says so."""

    def __init__(self, agent: object = None, router: Table | None = None, **limits: Any) -> None:
        self.limits = ReportLimits(**limits)
        super().__init__(agent, router or Table({"alice": HOME}))

    def make(self, owner: str = "me", store: Any = None, agent: Any = None, **more: Any) -> Runner:
        self.shared = MemorySharedState(self.clock)
        self.reporter = Reporter(
            self.router,
            hostname="mx.example.test",
            clock=self.clock,
            now=self.now,
            state=self.shared,
            limits=self.limits,
        )
        return super().make(owner, store, agent, reports=self.reporter, **more)

    def begin(self) -> Reporting:
        super().begin()
        return self

    def reports(self) -> list[tuple[Any, bytes]]:
        """What is queued for senders, with its octets."""
        return [
            (entry, self.do(octets_of(entry.content)))
            for entry in self.entries()
            if entry.sender.reverse_path is None
        ]

    def told_sender(self) -> list[tuple[str, str, str]]:
        """Of every report: for each recipient address, action and status."""
        return [
            (each.final.text, each.action.value, each.status)
            for _entry, octets in self.reports()
            for each in parse_dsn(octets).recipients
        ]


# The agent of this lane does not exist: what is queued for the sender stays there.
HOME = Lane("nobody carries", "home")


def claim(*recipients: Recipient, **changes: Any) -> Claim:
    """A claim of these."""
    made = Claim(
        queue_id=mail(1).id,
        lane=RELAY,
        fence=1,
        owner="me",
        until=START,
        recipients=tuple(Claimed(recipient=each) for each in recipients or (BOB,)),
        sender=ALICE,
        content=Octets(MESSAGE),
        origin=Origin(SESSION, ALICE),
        arrived=START,
    )
    return replace(made, **changes)


MESSAGE = b"Message-ID: <1@example.test>\r\nSubject: Lunch?\r\n\r\nToday?\r\n"
BOB = Recipient(id=RecipientID(1), address=Address("bob", "remote.example"))
CAROL = Recipient(id=RecipientID(2), address=Address("carol", "remote.example"))
FAILED = Failed(reply=GONE, scope=Scope.RECIPIENT, remote="mx.remote.example")


def notice(what: Outcome = FAILED, who: Recipient = BOB, **more: Any) -> Notice:
    """That this became of him."""
    return Notice(claimed=Claimed(recipient=who), outcome=what, **more)


def written(of: Claim, *notices: Notice, router: Any = None, **limits: Any) -> list[NewMail]:
    """What the reporter makes of it."""
    house = Reporting(router=router, **limits)
    made: Sequence[NewMail] = house.do(house.reporter(of, notices or [notice()]))
    return list(made)


def octets(new: NewMail) -> bytes:
    """Its content."""
    made: bytes = House().do(octets_of(new.content))
    return made


def one(of: Claim, *notices: Notice, **more: Any) -> tuple[NewMail, DSN, Message]:
    """The only report, as we and as the stdlib read it."""
    [new] = written(of, *notices, **more)
    whole = octets(new)
    return new, parse_dsn(whole), message_from_bytes(whole)


def returned(message: Message) -> tuple[str, str, bytes]:
    """The type, the encoding and the octets of what a report returns."""
    part = cast("list[Message]", message.get_payload())[2]
    encoding = part["Content-Transfer-Encoding"]
    raw = part.as_bytes().partition(b"\n\n")[2]
    return part.get_content_type(), encoding, raw


# -- when ----------------------------------------------------------------------------------------


def test_a_failure_is_reported_and_gone() -> None:
    """In one commit: the recipient leaves the queue, the report is in it."""
    house = Reporting(Agent(FAILED)).begin()
    house.send(mail(1))
    assert [("bob@example.test", "failed", "5.1.1")] == house.told_sender()
    [(entry, _octets)] = house.reports()
    assert [entry] == house.entries()


def test_one_report_for_all_that_failed_together() -> None:
    """Others of the message are not in it (RFC 3461 section 5.2.8)."""

    def some(attempt: Attempt) -> list[Result]:
        answers = {"bob": GONE, "dan": YES}
        return [
            Result(each.id, outcome(answers.get(each.address.local, GONE)))
            for each in attempt.recipients
        ]

    house = Reporting(Agent(some)).begin()
    house.send(mail(1, "bob", "carol", "dan"))
    assert 1 == len(house.reports())
    assert ["bob@example.test", "carol@example.test"] == [who for who, *_ in house.told_sender()]


def test_a_delay_is_reported_after_four_hours_and_once() -> None:
    """Until when it is tried is in it; the failure, at last, is another report."""
    house = Reporting(Agent(LATER)).begin()
    house.send(mail(1))
    house.run(3.9 * HOUR, 60)
    assert [] == house.told_sender()
    house.run(5 * HOUR, 60)
    assert [("bob@example.test", "delayed", "4.2.0")] == house.told_sender()
    [(_entry, delay)] = house.reports()
    assert START + timedelta(days=5) == parse_dsn(delay).recipients[0].will_retry_until
    house.run(5 * DAY, 300)
    # The report itself was given up meanwhile, and is held: it waits for a person.
    assert [
        ("bob@example.test", "delayed", "4.2.0"),
        ("bob@example.test", "failed", "4.4.7"),
    ] == house.told_sender()


@pytest.mark.parametrize(
    ("notify", "expected"),
    [
        (None, ["delayed", "failed"]),
        (Notify.NEVER, []),
        (Notify.FAILURE, ["failed"]),
        (Notify.DELAY, ["delayed"]),
        (Notify.DELAY | Notify.FAILURE, ["delayed", "failed"]),
        (Notify.SUCCESS, []),
    ],
    ids=str,
)
def test_notify_is_obeyed(notify: Notify | None, expected: list[str]) -> None:
    """RFC 3461 section 4.1, and 5.2.5 and 5.2.6."""
    house = Reporting(Agent(LATER)).begin()
    new = mail(1)
    house.send(new if notify is None else with_notify(new, notify))
    house.run(5.2 * DAY, 300)
    assert expected == [action for _who, action, _status in house.told_sender()]


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        (Relayed(YES, dsn=False, remote="mx.example"), [("relayed", "2.0.0")]),
        (Relayed(YES, dsn=True, remote="mx.example"), []),
        (Delivered(YES), [("delivered", "2.0.0")]),
        (Delivered(YES, dsn=True), []),
        (Expanded(2), [("expanded", "2.0.0")]),
    ],
    ids=[
        "relayed",
        "relayed to a host that reports",
        "delivered",
        "delivered by a host that reports",
        "expanded",
    ],
)
def test_success_is_reported_where_it_ends(ended: Outcome, expected: list[tuple[str, str]]) -> None:
    """A next hop that knows DSN reports itself (RFC 3461 sections 5.2.1 and 5.2.2)."""
    agent = Agent(lambda attempt: [Result(each.id, ended) for each in attempt.recipients])
    house = Reporting(agent).begin()
    house.send(with_notify(mail(1), Notify.SUCCESS))
    assert expected == [(action, status) for _who, action, status in house.told_sender()]


def test_lists_are_delivered_and_aliases_expanded() -> None:
    """RFC 3461 section 5.2.7: to the list is the end; of an alias's targets failures are told."""
    routes: dict[str, Any] = {
        "alice": HOME,
        "list": Expand(Members(2), OWNER),
        "alias": Expand(Members(2), None),
    }
    house = Reporting(Agent(YES), Table(routes)).begin()
    house.send(with_notify(mail(1, "list", "alias", lane=None), Notify.SUCCESS))
    house.run(5, 0.1)
    assert {
        ("list@example.test", "delivered", "2.0.0"),
        ("alias@example.test", "expanded", "2.0.0"),
    } == set(house.told_sender())


def test_targets_of_an_alias_are_reported_to_the_sender_and_members_to_the_owner() -> None:
    """Section 5.2.7.1: whoever writes to a list does not hear of its members."""
    for sender, expected in ((OWNER, "owner@lists.test"), (None, "alice@example.test")):
        routes: dict[str, Any] = {"alice": HOME, "owner": HOME, "bob": Expand(Members(2), sender)}
        house = Reporting(Agent(GONE), Table(routes)).begin()
        house.send(mail(1, lane=None))
        house.run(5, 0.1)
        [(entry, _octets)] = house.reports()
        assert [expected] == [str(each.recipient) for each in entry.recipients]


def test_a_person_decides_and_the_sender_is_told() -> None:
    """In that person's words; there was no last attempt."""
    house = Reporting(Agent(LATER)).begin()
    house.send(mail(1))
    house.do(house.queue.change(QueueQuery(), Bounce(Reply(554, "5.7.1", "Not wanted"))))
    house.settle()
    [(_entry, report)] = house.reports()
    [told] = parse_dsn(report).recipients
    assert ("5.7.1", None) == (told.status, told.last_attempt)
    assert Typed("smtp", "554 5.7.1 Not wanted") == told.diagnostic


# -- what ----------------------------------------------------------------------------------------


def test_the_envelope_of_a_report() -> None:
    """From nobody, to the reverse path, and nothing of it is asked for (RFC 3461 section 6.1)."""
    [new] = written(claim())
    assert Sender(reverse_path=None) == new.envelope.sender
    expected = Recipient(id=RecipientID(0), address=Address("alice", "example.test"))
    assert (expected,) == new.envelope.recipients
    assert {RecipientID(0): HOME} == new.lanes
    assert (False, None, Role.LOCAL) == (new.bounceable, new.held, new.origin.session.role)


def test_what_is_in_a_report() -> None:
    """Everything that is known of the message and of its recipients."""
    session = Session(
        id="s",
        role=Role.SMTP,
        peer=Endpoint("192.0.2.1", 4711),
        local=Endpoint("192.0.2.25", 25),
        started=START,
        helo="client.example",
    )
    bob = replace(BOB, orcpt=OriginalRecipient("RFC822", "info@example.org"))
    sender = replace(ALICE, envid="QQ 314159")
    of = claim(bob, sender=sender, origin=Origin(session, sender))
    _new, report, message = one(of, notice(who=bob))
    assert Typed("dns", "mx.example.test") == report.reporting_mta
    assert ("QQ 314159", START) == (report.envelope_id, report.arrival)
    assert Typed("dns", "client.example ([192.0.2.1])") == report.received_from
    [told] = report.recipients
    assert Typed("rfc822", "bob@remote.example") == told.final
    assert Typed("rfc822", "info@example.org") == told.original
    assert Typed("dns", "mx.remote.example") == told.remote_mta
    assert Typed("smtp", "550 5.1.1 No such user") == told.diagnostic
    assert (Action.FAILED, "5.1.1", START) == (told.action, told.status, told.last_attempt)
    assert "Mail Delivery System <postmaster@mx.example.test>" == message["From"]
    assert "<1@example.test>" == message["References"] == message["In-Reply-To"]
    text = str(cast("list[Message]", message.get_payload())[0].get_payload())
    for words in ("bob@remote.example", "mx.remote.example said: 550 5.1.1 No such user", "Lunch?"):
        assert words in text


def test_s23_generated_mail_shows_what_it_is_and_where_it_was() -> None:
    """Auto-Submitted, so that nobody answers; Received, so that a loop is seen."""
    new, _report, message = one(claim())
    assert "auto-replied" == message["Auto-Submitted"]
    assert message["Received"].startswith(f"by mx.example.test id {new.id}")
    assert 1 == len(message.get_all("Received", []))
    assert f"<{new.id}@mx.example.test>" == message["Message-ID"]


def test_three_kinds_are_three_mails() -> None:
    """All successes are one, whatever their kind; each has an id of its own."""
    of = claim(BOB, CAROL)
    later = notice(Failed(reply=LATER, scope=Scope.RECIPIENT), until=START + timedelta(days=1))
    mails = written(
        of, notice(), later, notice(Delivered()), notice(Expanded(2), CAROL), notice(who=CAROL)
    )
    assert 3 == len({new.id for new in mails})
    assert [["failed", "failed"], ["delayed"], ["delivered", "expanded"]] == [
        [each.action.value for each in parse_dsn(octets(new)).recipients] for new in mails
    ]


@pytest.mark.parametrize(
    ("reply", "gave_up", "status", "diagnostic"),
    [
        (Reply(550, "5.1.1", "No"), None, "5.1.1", "550 5.1.1 No"),
        (Reply(550, "", "No"), None, "5.0.0", "550 No"),
        (Reply(450, "4.2.0", "Later"), "not delivered within 5 days", "4.4.7", "450 4.2.0 Later"),
        (Reply(550, "5.7.1", "a\nb"), None, "5.7.1", "550-5.7.1 a 550 5.7.1 b"),
        (Reply(554, "", "a\nb"), None, "5.0.0", "554-a 554 b"),
        (Reply(550, "5.1.1", "größer"), None, "5.1.1", "550 5.1.1 gr??er"),
    ],
    ids=["as it is", "no status", "given up", "lines", "plain lines", "not ASCII"],
)
def test_replies_in_reports(
    reply: Reply, gave_up: str | None, status: str, diagnostic: str
) -> None:
    """RFC 3461 section 6.3 (g) and 9.2; people get the words as they are."""
    failed = Failed(reply=reply, scope=Scope.RECIPIENT)
    _new, report, message = one(claim(), notice(failed, gave_up=gave_up))
    [told] = report.recipients
    assert (status, Typed("smtp", diagnostic), None) == (
        told.status, told.diagnostic, told.remote_mta,
    )  # fmt: skip
    part = cast("list[Message]", message.get_payload())[0]
    text = " ".join(cast("bytes", part.get_payload(decode=True)).decode().split())
    assert " ".join(str(reply).split()) in text
    assert gave_up is None or f"({gave_up})" in text


def test_s12_words_of_a_peer_and_parameters_of_a_client_break_nothing() -> None:
    """Whatever they hold, in any field: the report names the recipient and nobody else."""
    evil = "x\r\n\r\nFinal-Recipient: rfc822; eve@example.test\r\nAction: failed\r\n--=_"
    bob = replace(BOB, orcpt=OriginalRecipient("rfc822", evil))
    session = replace(SESSION, helo=evil)
    sender = replace(ALICE, envid=evil)
    failed = Failed(
        reply=Reply(550, "5.1.1", "\n\n".join(evil.split("\r\n"))),
        scope=Scope.RECIPIENT,
        remote=evil * 1000,
    )
    of = claim(
        bob,
        sender=sender,
        origin=Origin(session, sender),
        content=Octets(
            b"Subject: =?utf-8?q?=0D=0A--=3D=5Fx?=\r\nMessage-ID: " + b"<a\x7f>\r\n\r\n"
        ),
    )
    new, report, message = one(of, notice(failed, bob))
    assert ["bob@remote.example"] == [each.final.text for each in report.recipients]
    assert 3 == len(cast("list[Message]", message.get_payload()))
    assert (None, None) == (message["References"], message["Bcc"])
    assert max(map(len, octets(new).split(b"\r\n"))) <= 998


# -- what is returned ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ret", "what", "expected"),
    [
        (None, FAILED, "message/rfc822"),
        (Return.FULL, FAILED, "message/rfc822"),
        (Return.HEADERS, FAILED, "text/rfc822-headers"),
        (Return.FULL, Delivered(), "text/rfc822-headers"),
        (Return.FULL, Expanded(1), "text/rfc822-headers"),
    ],
    ids=["nothing said", "FULL", "HDRS", "delivered", "expanded"],
)
def test_ret_is_obeyed(ret: Return | None, what: Outcome, expected: str) -> None:
    """RFC 3461 section 6.2: all of it only with a failure."""
    _new, _report, message = one(claim(sender=replace(ALICE, ret=ret)), notice(what))
    media, encoding, raw = returned(message)
    assert (expected, "7bit") == (media, encoding)
    assert (b"Today?" in raw) is (expected == "message/rfc822")
    assert b"Subject: Lunch?" in raw


def test_a_message_is_returned_octet_for_octet_and_not_copied() -> None:
    """It is spliced in between: no octet is changed, none is in memory twice."""
    content = Octets(MESSAGE + b".\r\n no end \t")
    new, *_ = one(claim(content=content))
    assert isinstance(new.content, Joined)
    assert content is new.content.parts[1]
    assert b"7bit\r\n\r\n" + content.octets + b"\r\n--=_" in octets(new)


@pytest.mark.parametrize(
    ("message", "limits", "expected"),
    [
        (MESSAGE, {"message": len(MESSAGE)}, ("message/rfc822", "7bit", True)),
        (MESSAGE, {"message": len(MESSAGE) - 1}, ("text/rfc822-headers", "7bit", False)),
        ("Subject: x\r\n\r\nGrüße\r\n".encode(), {}, ("message/rfc822", "8bit", True)),
        (b"Subject: x\r\n\r\na\0b\r\n", {}, ("text/rfc822-headers", "7bit", False)),
        (b"Subject: x\r\n\r\na\rb\r\n", {}, ("text/rfc822-headers", "7bit", False)),
        ("Subject: ü\r\n\r\nx\r\n".encode(), {},
         ("message/global-headers", "quoted-printable", False)),
        (b"Subject: \xff\r\n\r\nx\r\n", {}, ("text/rfc822-headers", "quoted-printable", False)),
        (b"", {}, ("message/rfc822", "7bit", True)),
    ],
    ids=["at the limit", "above it", "8bit", "NUL", "bare CR", "UTF-8 header", "broken header",
         "nothing"],
)  # fmt: skip
def test_what_can_be_returned(
    message: bytes, limits: dict[str, int], expected: tuple[str, str, bool]
) -> None:
    """And its label is right, as is that of the whole, and of the envelope (RFC 6152)."""
    new, _report, read = one(claim(content=Octets(message)), **limits)
    media, encoding, _raw = returned(read)
    assert expected == (media, encoding, message in octets(new))
    is_8bit = encoding == "8bit"
    assert ("8bit" if is_8bit else "7bit") == read["Content-Transfer-Encoding"]
    assert (Body.EIGHT_BIT if is_8bit else Body.SEVEN_BIT) == new.envelope.sender.body
    assert octets(new).isascii() or is_8bit


def test_headers_are_returned_up_to_50_kib() -> None:
    """Cut behind a field; the message that has them is not looked at any further."""
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 100) for number in range(1000))
    content = Octets(fields + b"\r\n" + b"y" * 300_000)
    _new, _report, message = one(claim(content=content))
    media, _encoding, raw = returned(message)
    assert "text/rfc822-headers" == media
    assert 50_000 < len(raw.replace(b"\n", b"\r\n")) <= 50 * 1024
    assert b"x" * 100 == raw.rstrip().split(b" ")[-1]


def test_a_large_message_is_read_in_slices() -> None:
    """Never more than one at a time, and none of it if it is too large to be returned."""
    reads: list[tuple[int, int]] = []

    class Watched(Octets):
        __slots__ = ()

        async def read(self, start: int, stop: int) -> bytes:
            reads.append((start, stop))
            return await super().read(start, stop)

    content: IContent = Watched(MESSAGE + b"x\r\n" * 50_000)
    house = Reporting()
    house.do(house.reporter(claim(content=content), [notice()]))
    assert max(stop - start for start, stop in reads) <= SLICE
    assert 4 == len(reads)
    reads.clear()
    house = Reporting(message=100_000)
    house.do(house.reporter(claim(content=content), [notice()]))
    assert 1 == len(reads)


def test_a_sender_in_utf_8_gets_all_of_it_in_utf_8() -> None:
    """By SMTPUTF8, without which he cannot be written to (RFC 6533 section 4.5)."""
    zoe = Sender(reverse_path=Address("zoë", "example.test"), smtputf8=True)
    jörg = replace(BOB, address=Address("jörg", "remote.example"))
    content = Octets("Subject: ü\r\n\r\nx\r\n".encode())
    said = Failed(reply=Reply(550, "5.1.1", "größer"), scope=Scope.RECIPIENT)
    new, report, message = one(claim(jörg, sender=zoe, content=content), notice(said, jörg))
    assert (True, Body.EIGHT_BIT) == (new.envelope.sender.smtputf8, new.envelope.sender.body)
    assert "message/global" == returned(message)[0]
    assert Typed("utf-8", "jörg@remote.example") == report.recipients[0].final
    assert Typed("smtp", "550 5.1.1 größer") == report.recipients[0].diagnostic


def test_a_recipient_in_utf_8_is_reported_in_ascii_to_a_sender_in_ascii() -> None:
    """Whoever carries the report back may know neither SMTPUTF8 nor 8BITMIME."""
    jörg = replace(BOB, address=Address("jörg", "remote.example"))
    new, report, _message = one(claim(jörg), notice(who=jörg))
    assert (False, Body.SEVEN_BIT) == (new.envelope.sender.smtputf8, new.envelope.sender.body)
    assert octets(new).isascii()
    assert Typed("utf-8", "jörg@remote.example") == report.recipients[0].final


def test_a_report_on_a_thousand_recipients_lets_others_have_their_turn() -> None:
    """
    It is written in pieces, of ten recipients at most, since a long reply of one takes a
    millisecond; each recipient is in it.
    """
    many = [
        replace(BOB, id=RecipientID(at), address=Address(f"r{at}", "remote.example"))
        for at in range(1000)
    ]
    house = Reporting()
    given_way: list[float] = []
    later = house.clock.callLater

    def call_later(delay: float, *args: Any) -> Any:
        given_way.append(delay)
        return later(delay, *args)

    cast("Any", house.clock).callLater = call_later
    [new] = house.do(house.reporter(claim(*many), [notice(who=each) for each in many]))
    assert {0.0} == set(given_way)
    assert 3 * 1000 // 10 <= len(given_way)
    assert 1000 == len(parse_dsn(octets(new)).recipients)


# -- where to ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "route", [RuntimeError("the directory is down"), Drop("x")], ids=["unknown", "dropped"]
)
def test_where_nobody_knows_the_way_it_is_routed_when_it_is_due(route: Any) -> None:
    """The failure is reported all the same."""
    [new] = written(claim(), router=Table({"alice": route}))
    assert {} == new.lanes
    assert UNROUTED not in new.lanes.values()


def test_a_report_goes_by_the_same_queue_to_its_sender() -> None:
    """Who is at home on the next hop that has refused, in this test."""
    house = Reporting(Agent(GONE, YES), Table()).begin()
    house.send(mail(1))
    assert [] == house.entries()
    attempt = house.agent.attempts[1]
    assert (None, "alice@example.test") == (
        attempt.sender.reverse_path, str(attempt.recipients[0]),
    )  # fmt: skip


# -- S22: never ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (mail(1, sender=NOBODY), "the reverse path is null"),
        (mail(1, bounceable=False), "it must not be bounced"),
    ],
    ids=["null sender", "not bounceable"],
)
@pytest.mark.parametrize("notify", [None, Notify.FAILURE | Notify.SUCCESS | Notify.DELAY])
def test_s22_no_report_to_nobody_nor_on_what_must_not_be_bounced(
    new: NewMail, why: str, notify: Notify | None
) -> None:
    """Not on a failure, which is held and counted; nor on a delay or a success."""
    asked = new if notify is None else with_notify(new, notify)
    for answer, expected in ((GONE, 1), (LATER, 0), (YES, 0)):
        house = Reporting(Agent(answer)).begin()
        house.send(asked)
        house.run(6 * HOUR, 60)
        held = [event.reason for event in house.told.of(HeldBack)]
        assert [f"{GONE}; not reported: {why}"] * expected == held
        assert [new.id] * (not answer.positive) == [entry.id for entry in house.entries()]


def test_s22_what_was_quarantined_is_not_reported_when_it_is_released() -> None:
    """The door keeps it with ``bounceable=False``; a person lets it go, and it fails."""
    house = Reporting(Agent(GONE)).begin()
    house.send(mail(1, held="looks like spam", bounceable=False))
    house.do(house.queue.change(QueueQuery(), Release()))
    house.settle()
    assert [] == house.reports()
    assert [QueueState.HELD] == house.states()


def test_s22_a_report_that_fails_is_held() -> None:
    """Never a report on a report: it would go round for ever."""
    house = Reporting(Agent(GONE, GONE), Table()).begin()
    house.send(mail(1))
    house.run(DAY, 300)
    [(entry, _octets)] = house.reports()
    assert [entry] == house.entries()
    reason = entry.recipients[0].reason
    assert f"{GONE}; not reported: the reverse path is null" == reason


@pytest.mark.parametrize(
    "of", [claim(sender=NOBODY), claim(bounceable=False)], ids=["null sender", "not bounceable"]
)
def test_s22_the_reporter_itself_says_no(of: Claim) -> None:
    """Whoever asks it."""
    with pytest.raises(Unreported):
        written(of)


def test_s22_reports_to_one_address_are_few() -> None:
    """Who sends in somebody else's name does not make us write to him without end."""
    house = Reporting(Agent(GONE), mails=3).begin()
    for number in range(1, 6):
        house.send(mail(number))
    assert 3 == len(house.reports())
    why = f"{GONE}; not reported: there were 3 reports to alice@example.test of late"
    assert [why] * 2 == [event.reason for event in house.told.of(HeldBack)]
    # Others are written to; and after an hour, so is he.
    zoe = Sender(reverse_path=Address("zoe", "example.test"))
    house.router.routes["zoe"] = HOME
    house.send(mail(6, sender=zoe))
    assert 4 == len(house.reports())
    house.run(HOUR + 1, 60)
    house.send(mail(7))
    assert 5 == len(house.reports())


def test_s22_the_case_of_an_address_does_not_make_another_of_it() -> None:
    """Nor does the form of its domain."""
    house = Reporting(mails=1)
    senders = [Address("Alice", "EXAMPLE.test"), Address("alice", "example.test")]
    first, second = (claim(sender=Sender(reverse_path=each)) for each in senders)
    house.do(house.reporter(first, [notice()]))
    with pytest.raises(Unreported):
        house.do(house.reporter(second, [notice()]))


def test_a_delay_above_the_limit_is_told_the_next_time() -> None:
    """Nothing is held that can still be delivered."""
    house = Reporting(Agent(LATER), mails=0).begin()
    house.send(mail(1))
    house.run(9 * HOUR, 60)
    assert ([], [QueueState.DUE]) == (house.reports(), house.states())
    house.reporter._limits = ReportLimits()
    house.run(5 * HOUR, 60)
    assert [("bob@example.test", "delayed", "4.2.0")] == house.told_sender()


@pytest.mark.parametrize("limits", [{"header": 65_001}, {"message": -1}, {"mails": -1}])
def test_limits_are_checked(limits: dict[str, int]) -> None:
    """A header is read in one slice."""
    with pytest.raises(ValueError, match="limits of reports"):
        ReportLimits(**limits)


# -- crashes -------------------------------------------------------------------------------------


def test_the_same_news_is_the_same_mail() -> None:
    """However often it is written: its id says whom and what it is about."""
    first, second = written(claim())[0], written(claim())[0]
    assert (first.id, octets(first)) == (second.id, octets(second))
    others = [
        written(claim(CAROL), notice(who=CAROL)),
        written(claim(), notice(Delivered())),
        written(claim(queue_id=mail(2).id)),
        written(claim(), notice(until=START)),
    ]
    assert 5 == len({first.id, *(new.id for [new] in others)})


@pytest.mark.parametrize(
    "fault",
    [Fail(QueueError("disk")), LoseAnswer(QueueError("in doubt"))],
    ids=["nothing was done", "it was done, and nobody knows"],
)
def test_a_settlement_that_is_repeated_reports_once(fault: Any) -> None:
    """The commit in doubt is repeated until it is taken, or known to be."""
    house = Reporting(Agent(GONE))
    store = FaultyQueueStore(house.store)
    house.runner = house.make(store=store)
    house.queue = type(house.queue)(store, house.runner)
    house.begin()
    store.faults["settle"] += [fault, fault]
    house.send(mail(1))
    house.run(60)
    assert [("bob@example.test", "failed", "5.1.1")] == house.told_sender()
    assert 1 == len(house.entries())


@pytest.mark.parametrize(
    "crash",
    [Hang(), LoseAnswer(QueueError("power")), Fail(QueueError("power"))],
    ids=["before the commit", "after the commit", "before it, once more"],
)
def test_d02_a_crash_between_outcome_and_report_does_not_exist(crash: Any) -> None:
    """Killed on either side of the commit: another process goes on, and there is one report."""
    house = Reporting(Agent(GONE))
    store = FaultyQueueStore(house.store)
    doomed = house.make(store=store)
    house.queue = type(house.queue)(store, doomed)
    house.do(doomed.start())
    store.faults["settle"].append(crash)
    house.do(house.queue.submit([mail(1)]))
    house.settle()
    assert len(house.reports()) == isinstance(crash, LoseAnswer)
    # Nothing of that process happens any more; its successor has its name.
    house.clock.calls.clear()
    doomed._running = False
    heir = house.make()
    house.do(heir.start())
    house.settle()
    assert [("bob@example.test", "failed", "5.1.1")] == house.told_sender()
    assert 1 == len(house.entries())
