"""
The SMTP server machine against a model, against noise, and against every way to cut a stream.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pymta.reply import Reply
from pymta.session import Role
from pymta.wire import NEED_DATA
from pymta.wire.smtp.data import Newlines
from pymta.wire.smtp.events import (
    Auth,
    AuthResponse,
    Closed,
    Command,
    Content,
    ContentBegins,
    ContentEnded,
    Event,
    Hello,
    Mail,
    Question,
    Rcpt,
    StartTLS,
    TransactionAborted,
)
from pymta.wire.smtp.limits import Limits
from pymta.wire.smtp.server import EarlyTalkers, SMTPServer
from pymta.wire.smtp.state import State
from tests.wire.smtp.serving import EVERYTHING

NO = Reply(550, "5.7.1", "No")
LIMITS = Limits(errors=10_000, commands=100_000, auth_tries=10_000, message_size=50)


class Driver:
    """Feeds a machine and answers from a list of yes and no; checks what must always hold."""

    def __init__(self, machine: SMTPServer) -> None:
        self.machine = machine
        self.answers: list[bool] = []
        self.told: list[Event] = []
        self.replies: list[str] = []
        self.open = False
        self.ended = 0
        self.aborted = 0
        self.accepted = 0

    def feed(self, data: bytes) -> None:
        """Feed, and serve until data is needed."""
        self.machine.receive_data(data)
        self.serve()

    def serve(self) -> None:
        """Take all events."""
        while (event := self.machine.next_event()) is not NEED_DATA:
            assert not isinstance(event, type(NEED_DATA))
            self.told.append(event)
            self.check(event)
            if isinstance(event, Question):
                self.answer(event)
            self.collect()
        self.collect()

    def collect(self) -> None:
        """Take the output."""
        said = self.machine.data_to_send().decode("utf-8")
        self.replies += [line for line in said.split("\r\n")[:-1] if line[3:4] == " "]

    def check(self, event: Event) -> None:
        """S05: between MAIL and its end there is one transaction, and it ends once."""
        match event:
            case TransactionAborted():
                assert self.open
                self.open = False
                self.aborted += 1
            case Rcpt() | ContentBegins() | Content() | ContentEnded():
                assert self.open
            case Mail() | Command():
                assert not self.open
            case Closed():
                assert not self.open
            case _:
                pass

    def answer(self, event: Question) -> None:
        """Answer yes or no."""
        yes = self.answers.pop(0) if self.answers else True
        if isinstance(event, ContentEnded):
            self.open = False
            self.ended += 1
        if isinstance(event, Mail) and yes:
            self.open = True
            self.accepted += 1
        if isinstance(event, Auth) and yes:
            self.machine.challenge(b"")
            return
        self.machine.answer(None if yes else NO)
        if isinstance(event, StartTLS) and yes and not self.machine.closing:
            self.collect()
            self.machine.tls_started()


class Dialogue(RuleBasedStateMachine):
    """
    Commands in any order, each with a yes or a no, against a model of a few lines (S05).

    The model knows what state each command leads to; the driver checks every transaction.
    """

    def __init__(self) -> None:
        super().__init__()
        machine = SMTPServer(hostname="mx.example", extensions=EVERYTHING, limits=LIMITS)
        self.driver = Driver(machine)
        self.state = State.FRESH
        self.in_tls = self.logged_in = self.esmtp = False
        self.recipients = 0
        self.size = 0

    @initialize()
    def greet(self) -> None:
        self.driver.machine.greet()
        self.driver.collect()

    def say(self, line: bytes, *, yes: bool = True) -> str:
        """Send a line; give the code of its one answer."""
        self.driver.answers = [yes]
        before = len(self.driver.replies)
        self.driver.feed(line + b"\r\n")
        assert before + 1 == len(self.driver.replies)
        self.driver.answers = []
        return self.driver.replies[-1][:3]

    def commands(self) -> bool:
        return self.state not in (State.TEXT, State.CHUNK, State.SASL)

    @precondition(lambda self: self.commands())
    @rule(verb=st.sampled_from([b"EHLO", b"HELO"]), yes=st.booleans())
    def hello(self, verb: bytes, yes: bool) -> None:
        assert ("250" if yes else "550") == self.say(verb + b" a", yes=yes)
        if yes:
            self.state, self.esmtp = State.READY, verb == b"EHLO"

    @precondition(lambda self: self.commands())
    @rule(yes=st.booleans())
    def mail(self, yes: bool) -> None:
        code = self.say(b"MAIL FROM:<a@b>", yes=yes)
        if self.state is not State.READY:
            assert "503" == code
            return
        assert ("250" if yes else "550") == code
        if yes:
            self.state, self.recipients, self.size = State.SENDER, 0, 0

    @precondition(lambda self: self.commands())
    @rule(yes=st.booleans())
    def rcpt(self, yes: bool) -> None:
        code = self.say(b"RCPT TO:<a@b>", yes=yes)
        if self.state not in (State.SENDER, State.RECIPIENTS):
            assert "503" == code
            return
        assert ("250" if yes else "550") == code
        if yes:
            self.state = State.RECIPIENTS
            self.recipients += 1

    @precondition(lambda self: self.commands())
    @rule(yes=st.booleans())
    def data(self, yes: bool) -> None:
        code = self.say(b"DATA", yes=yes)
        if self.state is State.RECIPIENTS:
            assert ("354" if yes else "550") == code
            self.state = State.TEXT if yes else self.state
            return
        assert "503" == code
        if self.state is State.BETWEEN:
            self.state = State.FAILED

    @precondition(lambda self: self.state is State.TEXT)
    @rule(
        text=st.sampled_from([b"", b"x\r\n", b"x\n.\nx\r\n", b"x" * 51 + b"\r\n"]),
        yes=st.booleans(),
    )
    def end(self, text: bytes, yes: bool) -> None:
        code = self.say(text + b".", yes=yes)
        if text.count(b"\n") != text.count(b"\r\n"):
            assert "554" == code
        elif len(text) > 50:
            assert "552" == code
        else:
            assert ("250" if yes else "550") == code
        self.state = State.READY

    @precondition(lambda self: self.state is State.TEXT)
    @rule()
    def refuse(self) -> None:
        self.driver.machine.refuse_content(NO)
        assert "550" == self.say(b"more\r\n.")
        self.state = State.READY

    @precondition(lambda self: self.commands())
    @rule(size=st.sampled_from([0, 2, 20, 60]), last=st.booleans(), yes=st.booleans())
    def bdat(self, size: int, last: bool, yes: bool) -> None:
        octets = (b"RSET\r\n" * 10)[:size]
        line = b"BDAT %d%s\r\n%s" % (size, b" LAST" if last else b"", octets)
        self.driver.answers = [True, yes] if self.state is State.RECIPIENTS else [yes]
        before = len(self.driver.replies)
        self.driver.feed(line)
        assert before + 1 == len(self.driver.replies)
        self.driver.answers = []
        code = self.driver.replies[-1][:3]
        if self.state in (State.RECIPIENTS, State.BETWEEN):
            self.size += size
            if self.size > 50:
                assert "552" == code
                self.state = State.READY if last else State.FAILED
            elif last:
                self.state = State.READY
            else:
                assert "250" == code
                self.state = State.BETWEEN
            return
        assert "503" == code
        if self.state is State.FAILED and last:
            self.state = State.READY

    @precondition(lambda self: self.commands())
    @rule()
    def rset(self) -> None:
        assert "250" == self.say(b"RSET")
        self.state = State.FRESH if self.state is State.FRESH else State.READY

    @precondition(lambda self: self.commands())
    @rule(
        line=st.sampled_from([b"NOOP", b"VRFY a", b"EXPN a", b"FOO", b"MAIL", b"RSET x", b"HELP"])
    )
    def idle(self, line: bytes) -> None:
        assert self.say(line)[0] in "25"

    @precondition(lambda self: self.commands())
    @rule()
    def xclient(self) -> None:
        allowed = self.state in (State.FRESH, State.READY)
        assert ("250" if allowed else "503") == self.say(b"XCLIENT NAME=a")

    @precondition(lambda self: self.commands())
    @rule(yes=st.booleans())
    def starttls(self, yes: bool) -> None:
        code = self.say(b"STARTTLS", yes=yes)
        if self.state is State.FRESH or self.in_tls:
            assert "503" == code
            return
        assert ("220" if yes else "550") == code
        if yes:
            self.state, self.in_tls, self.logged_in = State.FRESH, True, False
            self.esmtp = False

    @precondition(lambda self: self.commands())
    @rule(yes=st.booleans())
    def auth(self, yes: bool) -> None:
        code = self.say(b"AUTH SCRAM-SHA-256", yes=yes)
        if self.state is not State.READY or self.logged_in or not self.esmtp:
            assert "503" == code
            return
        assert ("334" if yes else "550") == code
        self.state = State.SASL if yes else self.state

    @precondition(lambda self: self.state is State.SASL)
    @rule(line=st.sampled_from([b"*", b"!", b"", b"YQ=="]), yes=st.booleans())
    def respond(self, line: bytes, yes: bool) -> None:
        code = self.say(line, yes=yes)
        self.state = State.READY
        if line in (b"*", b"!"):
            assert "501" == code
            return
        assert ("235" if yes else "550") == code
        self.logged_in = yes

    @invariant()
    def agrees(self) -> None:
        machine = self.driver.machine
        if machine.state is State.START:
            return
        assert self.state is machine.state
        assert (self.in_tls, self.logged_in) == (machine.in_tls, machine.authenticated)
        assert self.driver.open == (
            self.state in (State.SENDER, State.RECIPIENTS, State.TEXT, State.CHUNK, State.BETWEEN)
        )

    def teardown(self) -> None:
        self.driver.machine.receive_data(b"")
        self.driver.serve()
        driver = self.driver
        assert driver.accepted == driver.aborted + driver.ended
        assert driver.machine.state is State.START or driver.machine.closing


TestS05Dialogue = Dialogue.TestCase
TestS05Dialogue.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


# -- noise ----------------------------------------------------------------------------------------

WORDS = [
    *(b"EHLO a\r\n", b"HELO a\r\n", b"LHLO a\r\n", b"MAIL FROM:<a@b>\r\n", b"MAIL FROM:<>"),
    *(b"RCPT TO:<a@b>\r\n", b"RCPT TO:<Postmaster>\r\n", b"DATA\r\n", b"BDAT 5\r\n", b"BDAT 9"),
    *(b" LAST\r\n", b"BDAT 0 LAST\r\n", b"RSET\r\n", b"NOOP\r\n", b"QUIT\r\n", b"STARTTLS\r\n"),
    *(
        b"AUTH SCRAM-SHA-256\r\n",
        b"AUTH PLAIN =\r\n",
        b"*\r\n",
        b"YQ==\r\n",
        b"VRFY a SMTPUTF8\r\n",
    ),
    *(
        b"\r\n.\r\n",
        b".\r\n",
        b"\n.\n",
        b"\r",
        b"\n",
        b"\0",
        b"\xff",
        b" BODY=BINARYMIME",
        b"x" * 60,
    ),
    *(b" SIZE=40", b" SMTPUTF8", b" RET=FULL", b"\r\n", b"\xc3\xbc", b"XCLIENT NAME=a\r\n"),
]
noise = st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=12)), max_size=60)


def driver(role: Role, newlines: Newlines, early: EarlyTalkers) -> Driver:
    """A driver of a small machine, greeted."""
    machine = SMTPServer(
        hostname="mx.example",
        role=role,
        extensions=EVERYTHING,
        limits=Limits(command_line=512, auth_line=512, text_line=80, message_size=200),
        newlines=newlines,
        early_talkers=early,
    )
    machine.greet()
    made = Driver(machine)
    made.collect()
    return made


@given(
    noise,
    st.sampled_from([Role.SMTP, Role.LMTP]),
    st.sampled_from(list(Newlines)),
    st.sampled_from(list(EarlyTalkers)),
    st.lists(st.booleans(), max_size=20),
)
@settings(max_examples=200, deadline=None)
def test_total(
    words: list[bytes], role: Role, newlines: Newlines, early: EarlyTalkers, answers: list[bool]
) -> None:
    """Whatever comes is answered and nothing raises; each transaction ends once; little is kept."""
    made = driver(role, newlines, early)
    made.answers = answers
    made.feed(b"LHLO a\r\n" if role is Role.LMTP else b"EHLO a\r\n")
    for word in words:
        made.feed(word)
        assert len(made.machine._in.lines) <= 200
    made.feed(b"")

    assert made.machine.closing
    assert not made.open
    assert made.accepted == made.aborted + made.ended
    assert 1 == sum(isinstance(event, Closed) for event in made.told)


def joined(events: list[Event]) -> list[Event]:
    """Content in a row is one content: where it is cut is no fact."""
    whole: list[Event] = []
    for event in events:
        if isinstance(event, Content) and whole and isinstance(whole[-1], Content):
            whole[-1] = Content(whole[-1].data + event.data)
        else:
            whole.append(event)
    return whole


@given(noise, st.sampled_from([Role.SMTP, Role.LMTP]), st.integers(0, 1000))
@settings(max_examples=200, deadline=None)
def test_split_invariance(words: list[bytes], role: Role, seed: int) -> None:
    """Where the network cuts the stream changes no event and no reply."""
    # A handshake is no octet of the stream, and refused content is told when it is noticed.
    stream = b"".join(word for word in words if word != b"STARTTLS\r\n")
    stream = (b"LHLO a\r\n" if role is Role.LMTP else b"EHLO a\r\n") + stream
    whole = driver(role, Newlines.CANONICALISE, EarlyTalkers.ALLOW)
    whole.feed(stream)
    whole.feed(b"")
    cut = driver(role, Newlines.CANONICALISE, EarlyTalkers.ALLOW)
    random = Random(seed)
    while stream:
        size = random.choice((1, 1, 2, 3, 7, 40))
        cut.feed(stream[:size])
        stream = stream[size:]
    cut.feed(b"")

    assert whole.replies == cut.replies
    assert kept(whole.told) == kept(cut.told)


def kept(events: list[Event]) -> list[Event]:
    """The events, without the content of what was refused: how much of it came is no fact."""
    result: list[Event] = []
    content: list[Event] = []
    for event in joined(events):
        if isinstance(event, Content):
            content.append(event)
            continue
        if isinstance(event, ContentEnded):
            result += joined(content)
        if isinstance(event, ContentEnded | TransactionAborted):
            content = []
        result.append(event)
    return result


@pytest.mark.parametrize("kind", [Hello, Mail, Rcpt, ContentEnded, AuthResponse])
def test_the_model_gets_everywhere(kind: type) -> None:
    """A short dialogue of the driver sees each kind of question: the noise can too."""
    made = driver(Role.SMTP, Newlines.REFUSE, EarlyTalkers.REFUSE)
    for line in (b"EHLO a", b"AUTH SCRAM-SHA-256", b"", b"MAIL FROM:<>", b"RCPT TO:<a@b>"):
        made.feed(line + b"\r\n")
    made.feed(b"BDAT 0 LAST\r\n")

    assert any(isinstance(event, kind) for event in made.told)
