"""
Tests for what a configuration is wired to: each key reaches its constructor.
"""

from __future__ import annotations

import inspect
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs

from pymta.address import Address
from pymta.components.relay import AGENT
from pymta.config.tables import Logins
from pymta.edge.login_limits import LoginLimits
from pymta.events import Faulted, LoggedIn
from pymta.interfaces.content import Lane
from pymta.policy.submission import SenderBinding
from pymta.session import Endpoint, Role, Session
from pymta.smtp.settings import Timeouts
from pymta.wire.smtp.data import Newlines
from pymta.wire.smtp.limits import Limits
from tests.config.files import GOOD, mistakes, wired
from tests.edge.certificates import make_pair


def settings_of(listener: Any) -> Any:
    """The settings behind a listener."""
    return listener._begin._settings


def test_listeners(tmp_path: Path) -> None:
    """
    Each is made with what its table says, and what the whole file says.
    """
    pair = make_pair(tmp_path, "mail.example.test")
    made = wired(
        tmp_path,
        f"""{GOOD}
proxies = ["192.0.2.1"]
forwarders = ["192.0.2.2"]
newlines = "canonicalise"
login = true
[[listeners]]
protocol = "submission"
name = "submissions"
endpoint = "tcp:465"
tls = "implicit"
[[listeners]]
protocol = "lmtp"
endpoint = "unix:/run/lmtp"
queue = true
tls = "none"
[[listeners]]
protocol = "pop3"
endpoint = "tcp:110"
[[listeners]]
protocol = "imap"
endpoint = "tcp:143"
[tls]
certificate = "{pair.certificate}"
key = "{pair.key}"
[limits.smtp]
recipients = 7
[timeouts.smtp]
command = 8
[limits.pop3]
errors = 9
[timeouts.pop3]
login = 10
[limits.imap]
errors = 12
[timeouts.imap]
login = 13
[imap]
append_limit = 14
message_limit = 16
save_limit = 17
utf8_headers = "refuse"
sessions = 15
name = "y"
without = ["IDLE"]
[pop3]
uidl = "%08Xu%08Xv"
expire = 30
login_delay = 11
implementation = "x"
""",
    )
    smtp, submission, lmtp, pop3, imap = (settings_of(each.listener) for each in made.listeners)

    assert ["smtp", "submissions", "lmtp", "pop3", "imap"] == [each.name for each in made.listeners]
    assert ["smtp", "submissions", "lmtp", "pop3", "imap"] == [
        each.door.name for each in (smtp, submission, lmtp, pop3, imap)
    ]
    assert "192.0.2.1" in smtp.door.proxies
    assert "192.0.2.2" in smtp.forwarders
    assert (Newlines.CANONICALISE, 7, 8) == (
        smtp.newlines,
        smtp.limits.recipients,
        smtp.timeouts.command,
    )
    assert (made.system.login, made.system.login) == (smtp.login, submission.login)
    assert (Role.SUBMISSION, True, True) == (
        submission.role,
        submission.implicit_tls,
        submission.require_login,
    )
    assert submission.certificates is not None
    assert (None, made.system.receiver) == (lmtp.certificates, lmtp.receiver)
    assert (9, 10, 30, 11, "x") == (
        pop3.limits.errors,
        pop3.timeouts.login,
        pop3.expire,
        pop3.login_delay,
        pop3.implementation,
    )
    assert "0000000100000002" == pop3.uidl(2, 1)
    assert (12, 13, 14, {"name": "y"}, {"IDLE"}) == (
        imap.limits.errors,
        imap.timeouts.login,
        imap.append_limit,
        imap.identity,
        imap.without,
    )
    assert (16, 17, "refuse") == (
        imap.message_limit,
        imap.save_limit,
        imap.utf8_headers.value,
    )
    assert imap.accounts is made.system.account_sessions
    assert {smtp.door.connections} == {
        each.door.connections for each in (submission, lmtp, pop3, imap)
    }


def test_defaults_are_those_of_the_constructors(tmp_path: Path) -> None:
    """
    What the file leaves out is as the library has it.
    """
    (smtp,) = (settings_of(each.listener) for each in wired(tmp_path, GOOD).listeners)

    assert (Limits(), Timeouts()) == (smtp.limits, smtp.timeouts)
    assert (None, False, False) == (smtp.login, smtp.require_tls, smtp.require_login)


def test_login_limits_are_those_of_the_class() -> None:
    """
    The table of login limits has the keys and defaults of ``LoginLimits``.
    """
    parameters = inspect.signature(LoginLimits).parameters
    own = {name: each.default for name, each in parameters.items() if name not in ("state", "key")}

    assert own == asdict(Logins())


def test_routes_and_queue(tmp_path: Path) -> None:
    """
    Next hops are lanes of the relay agent, in one spelling; the queue has its rules.
    """
    made = wired(
        tmp_path,
        GOOD
        + """
[routing]
next_hop = "mx.test:25"
[routing.hops]
"a.test" = "[192.0.2.1]:26"
".b.test" = "[mx.test]:25"
[queue]
owner = "two"
[queue.retry]
life = "2d"
[queue.retry.backoff]
first = "1m"
[queue.schedule]
window = 5
[queue.agents.local]
most = 3
[relay]
networks = ["192.0.2.0/24"]
""",
    )
    schedule = made.system.runner.schedule

    assert (Lane(AGENT, "[192.0.2.1]:26"), Lane(AGENT, "[mx.test]:25")) == made.system.routes.lanes
    assert (2, 60, 4 * 3600, 5) == (
        schedule.retry.life.days,
        schedule.retry.backoff.first.total_seconds(),
        schedule.retry.backoff.most.total_seconds(),
        schedule.limits.window,
    )
    assert 3 == schedule._rules["local"].most
    assert "two" == made.system.runner._owner


def test_virtual_addresses(tmp_path: Path) -> None:
    """
    An address as a key of the file is what it is in a program.
    """
    made = wired(
        tmp_path,
        f'{GOOD}[routing]\nvirtual."Info@Virtual.Test" = ["bob@example.test", "ada@a.test"]\n',
    )

    bob, ada = Address("bob", "example.test"), Address("ada", "a.test")
    assert {"Info@Virtual.Test": (bob, ada)} == made.system.routes.virtual


@pytest.mark.parametrize(("spring", "administered"), [("true", False), ("false", True)])
def test_accounts(tmp_path: Path, spring: str, administered: bool) -> None:
    """
    Accounts are kept, or spring into being.
    """
    made = wired(tmp_path, f"{GOOD}[accounts]\nspring = {spring}\n")

    assert administered is (made.system.people.administration is not None)


@pytest.mark.parametrize(
    ("addresses", "seen"),
    [("plain", "ann@a.test"), ("domain", "…@a.test"), ("pseudonym", "@a.test")],
)
def test_log(tmp_path: Path, addresses: str, seen: str) -> None:
    """
    Addresses look as the file wants them to.
    """
    made = wired(tmp_path, f'{GOOD}[log]\naddresses = "{addresses}"\n')
    here = Endpoint("127.0.0.1")
    session = Session(
        id="1",
        role=Role.SMTP,
        peer=here,
        local=here,
        started=made.system.now(),
        identity="ann@a.test",
    )

    with capturedLogs() as logged:
        made.system.observer.observe(LoggedIn(session))

    (event,) = logged
    assert str(event["identity"]).endswith(seen)
    assert ("ann" in event["identity"]) is (addresses == "plain")


COMPONENTS = """
from zope.interface import implementer
from pymta.interfaces.observe import IObserver

@implementer(IObserver)
class Keeping:
    def __init__(self, clock, *, limit: int, name: str = "x"):
        self.clock, self.limit, self.name = clock, limit, name
        self.events = []
    def observe(self, event):
        self.events.append(event)

class Nothing:
    pass

def broken():
    raise ValueError("no good")
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody else's package, as if it were installed."""
    site = tmp_path / "site"
    info = site / "others-1.dist-info"
    info.mkdir(parents=True)
    (site / "pymta_test_others.py").write_text(COMPONENTS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[pymta.components]\n"
        "keeping = pymta_test_others:Keeping\n"
        "nothing = pymta_test_others:Nothing\n"
        "broken = pymta_test_others:broken\n"
        "gone = pymta_test_others:Gone\n"
    )
    monkeypatch.syspath_prepend(str(site))
    return tmp_path


def test_component_of_somebody_else(installed: Path) -> None:
    """
    It is made with the arguments of its table, and with what it asks the server for by name.
    """
    made = wired(installed, f'{GOOD}[[observers]]\nuse = "keeping"\nlimit = 3\n')
    event = Faulted("1", "here")

    made.system.observer.observe(event)

    _, keeping = made.system.observer._observers
    other: Any = keeping
    assert (made.system.clock, 3, "x", [event]) == (
        other.clock,
        other.limit,
        other.name,
        other.events,
    )


WRONG = [
    pytest.param(
        'use = "kepeing"\n',
        'observers[0].use: no component is named "kepeing" (did you mean keeping?)',
        id="unknown",
    ),
    pytest.param('use = "keeping"\n', "observers[0]: limit is missing", id="missing argument"),
    pytest.param(
        'use = "keeping"\nlimit = "3"\n',
        "observers[0].limit: '3' where a whole number is expected",
        id="type",
    ),
    pytest.param(
        'use = "keeping"\nlimit = 3\nnam = "x"\n',
        "observers[0].nam: unknown key (did you mean name?)",
        id="unknown argument",
    ),
    pytest.param(
        'use = "nothing"\n', "observers[0].use: nothing provides no IObserver", id="interface"
    ),
    pytest.param('use = "broken"\n', "observers[0]: broken: no good", id="refuses"),
    pytest.param(
        'use = "gone"\n', "observers[0].use: pymta_test_others:Gone cannot be loaded: ", id="gone"
    ),
    pytest.param("limit = 3\n", "observers[0]: use is missing", id="no name"),
]


@pytest.mark.parametrize(("table", "expected"), WRONG)
def test_component_that_is_wrong(installed: Path, table: str, expected: str) -> None:
    """
    What keeps it from being made is told like any other mistake.
    """
    (told,) = mistakes(installed, f"{GOOD}[[observers]]\n{table}")

    assert expected in told


@pytest.mark.parametrize(
    ("text", "furnished", "public", "about"),
    [
        pytest.param("", 5, None, {}, id="by default"),
        pytest.param(
            '[accounts]\nspecial_use = false\npublic = "All@X.test"\nadmin = "mailto:me@x.test"\n'
            "anyone = true\n",
            0,
            "all@x.test",
            {"/shared/admin": b"mailto:me@x.test"},
            id="otherwise",
        ),
    ],
)
def test_what_mailboxes_have_in_common(
    tmp_path: Path, text: str, furnished: int, public: str | None, about: dict[str, bytes]
) -> None:
    """
    The tables say what new accounts have, who shares with all and whom users can reach.
    """
    mail: Any = wired(tmp_path, f"{GOOD}\n{text}").system.stores.mail
    context = mail.inner._resources.context

    assert (furnished, public, about) == (len(context.furnished), mail._public, context.about)
    assert bool(public) == mail._anyone


def test_accounts_are_written_as_login_names(tmp_path: Path) -> None:
    """
    Names of accounts are compared as logins are: in any case, and without a domain in the first.
    """
    text = f'{GOOD}\n[accounts]\nservers = ["Relay", "B@Example.Test"]\npublic = "All"\n'
    system = wired(tmp_path, text).system
    mail: Any = system.stores.mail
    [binding, *_] = system.flow.policies._policies
    assert isinstance(binding, SenderBinding)

    assert "all@example.test" == mail._public
    assert {"relay@example.test", "b@example.test"} == binding._servers
