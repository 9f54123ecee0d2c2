"""
Tests for the whole system: nothing global, nothing opened by making it, everything replaceable.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.internet.testing import MemoryReactorClock

from pymta.accounts.accounts import Accounts
from pymta.accounts.passwords import Kept
from pymta.accounts.records import Record
from pymta.accounts.springing import Springing
from pymta.address import Address
from pymta.components.people import MakePeople, checked_by, kept, springing
from pymta.components.relay import AGENT, Relaying
from pymta.components.routes import LOCAL, Routes
from pymta.components.selfsigned import SelfSigned
from pymta.components.system import MailSystem
from pymta.delivery.discard import DiscardAgent
from pymta.delivery.file import FileAgent
from pymta.delivery.relay import RelayAgent, RelayLimits
from pymta.delivery.tls_policy import TLSPolicies
from pymta.edge.login_limits import LoginLimits
from pymta.policy.submission import SenderBinding
from pymta.queue.memory import MemoryQueueStore
from pymta.queue.sql import SQLQueueStore
from pymta.sasl import Credentials
from pymta.session import TLS, Role
from pymta.testing.dns import FakeDNS
from tests.awaiting import now_done
from tests.config.files import Reactor

SECURE = TLS(version="TLSv1.3", cipher="x")


def system(**arguments: Any) -> MailSystem:
    """One on a reactor in memory."""
    reactor: Any = Reactor()
    return MailSystem(reactor, **({"domains": ["example.test"]} | arguments))


def settings_of(listener: Any) -> Any:
    """The settings behind a listener."""
    return listener._begin._settings


def test_private_reactor(tmp_path: Path) -> None:
    """
    A durable server with STARTTLS, logins and POP3 runs on a reactor of its own in a thread, and
    stops, while the global reactor raises at every touch.
    """
    ended = subprocess.run(
        [sys.executable, "-m", "tests.components.private", str(tmp_path / "mail")],
        check=False,
        capture_output=True,
        text=True,
        timeout=90,
        cwd=Path(__file__).parents[2],
    )

    assert ('{"came": true}\n{"ended": true}\n', 0) == (ended.stdout, ended.returncode), (
        ended.stderr
    )


def test_making_it_opens_nothing(tmp_path: Path) -> None:
    """
    No folder, no thread, no timer, no socket: twistd forks between making and starting.
    """
    reactor: Any = Reactor()
    threads = threading.active_count()
    made = MailSystem(reactor, domains=["example.test"], directory=str(tmp_path / "mail"))
    _ = [made.smtp(), made.submission(), made.lmtp(), made.pop3(), made.parts]

    assert [] == list(tmp_path.iterdir())
    assert threads == threading.active_count()
    assert ([], []) == (reactor.getDelayedCalls(), reactor.tcpServers)


def test_where_it_keeps_things(tmp_path: Path) -> None:
    """
    In memory, or in a folder.
    """
    assert isinstance(system().stores.queue, MemoryQueueStore)
    assert isinstance(system(directory=str(tmp_path)).stores.queue, SQLQueueStore)
    stores = system().stores
    assert stores is system(stores=stores).stores


def test_listeners_have_their_roles() -> None:
    """
    SMTP without logins, submission with, LMTP into the mailbox, all with one count of connections.
    """
    made = system(certificates=SelfSigned(["localhost"]))
    smtp, submission, lmtp = map(settings_of, (made.smtp(), made.submission(), made.lmtp()))
    pop3 = settings_of(made.pop3())

    assert [Role.SMTP, Role.SUBMISSION, Role.LMTP] == [smtp.role, submission.role, lmtp.role]
    assert [None, made.login, None, made.login] == [
        each.login for each in (smtp, submission, lmtp, pop3)
    ]
    assert [made.receiver, made.receiver, made.delivering_receiver] == [
        each.receiver for each in (smtp, submission, lmtp)
    ]
    assert [False, True, False] == [each.require_login for each in (smtp, submission, lmtp)]
    assert {made.door.connections} == {
        each.door.connections for each in (smtp, submission, lmtp, pop3)
    }


def test_settings_of_a_listener_can_be_others() -> None:
    """
    Any setting, by its name; a wrong name is an error.
    """
    made = system()

    assert made.receiver is settings_of(made.lmtp(receiver=made.receiver)).receiver
    with pytest.raises(TypeError):
        made.smtp(recever=made.receiver)
    with pytest.raises(ValueError, match="certificates"):
        made.pop3(implicit_tls=True)


def test_agents_can_be_others() -> None:
    """
    By their names; then ours is not made a part.
    """
    agent = DiscardAgent()
    ours, carried = system(), system(agents={AGENT: agent})

    assert [agent, LOCAL in carried.agents] == [carried.agents[AGENT], True]
    assert isinstance(ours.agents[AGENT], RelayAgent)
    assert [2, 1] == [
        sum(isinstance(part, RelayAgent) for part in each.parts) for each in (ours, carried)
    ]


def test_agents_with_a_life_are_parts() -> None:
    """
    Somebody else's are started and stopped, once, before and after the queue's runner.
    """
    reactor: Any = Reactor()
    agent = FileAgent(reactor, "mail")
    made = system(agents={"file": agent, AGENT: agent})
    parts = list(made.parts)

    assert 1 == parts.count(agent)
    assert parts.index(agent) < parts.index(made.runner)


def test_the_way_out_can_be_another() -> None:
    """
    DNS, finder, TLS policies, credentials and figures are arguments.
    """
    dns = FakeDNS({})
    tls = TLSPolicies()
    relaying = Relaying(limits=RelayLimits(tries=3))
    credentials = {"x": Credentials(username="ann")}.get
    made = system(dns=dns, tls=tls, credentials=credentials, relaying=relaying)
    agent = made.agents[AGENT]

    assert isinstance(agent, RelayAgent)
    assert (dns, tls, credentials, 3) == (
        made.dns,
        agent.tls,
        agent.credentials,
        agent.limits.tries,
    )
    finder = made.carriers.finder
    other = system(finder=finder).agents[AGENT]
    assert isinstance(other, RelayAgent)
    assert finder is other.finder


PEOPLE = [
    pytest.param(kept(), Accounts, True, {"PLAIN", "SCRAM-SHA-256"}, set(), id="kept"),
    pytest.param(springing(), Springing, False, {"PLAIN"}, {"SCRAM-SHA-256"}, id="springing"),
    pytest.param(
        checked_by([InMemoryUsernamePasswordDatabaseDontUse(ann=b"x")]),
        Accounts,
        True,
        {"PLAIN", "LOGIN"},
        {"SCRAM-SHA-256", "CRAM-MD5"},
        id="an application's checker",
    ),
]


@pytest.mark.parametrize(("people", "kind", "administered", "offered", "missing"), PEOPLE)
def test_people(
    people: MakePeople, kind: type, administered: bool, offered: set[str], missing: set[str]
) -> None:
    """
    Who has mailboxes decides what logins there can be.
    """
    made = system(people=people)
    mechanisms = set(made.login.offered(SECURE, plaintext=False))

    assert isinstance(made.people.directory, kind)
    assert administered is (made.people.administration is not None)
    assert offered <= mechanisms
    assert not missing & mechanisms


def test_limits_of_logins() -> None:
    """
    There are limits, unless there are none.
    """
    assert isinstance(system().login._limits, LoginLimits)
    assert system(limit_logins=None).login._limits is None
    assert system(connections=None).door.connections is None


def test_names() -> None:
    """
    Login names without @ are in the first domain; without any, at the host's name.
    """
    assert "example.test" == system().domain
    assert "mx.test" == system(domains=[], hostname="mx.test").domain


def test_names_are_a_labels() -> None:
    """
    The host is called by A-labels, and so are the domains of the postmaster, of reports and of
    the names that are completed: nobody has asked whether the peer knows SMTPUTF8.
    """
    made = system(hostname="mail.bücher.example", domains=["Bücher.example"])

    assert "mail.xn--bcher-kva.example" == settings_of(made.smtp()).hostname
    assert "mail.xn--bcher-kva.example" == made.flow.hostname
    assert "postmaster@xn--bcher-kva.example" == str(made.routing.postmaster)
    assert "xn--bcher-kva.example" == made.flow.domain


def test_memory_reactor() -> None:
    """
    Tests drive all of it by hand.
    """
    assert isinstance(system().clock, MemoryReactorClock)


def test_s25_an_alias_is_its_accounts_to_send_from() -> None:
    """
    Whoever gets the mail of an address may send as it; nobody else may.
    """
    ada, alias = Address.parse("ada@example.test"), Address.parse("info@example.test")
    made = system(routes=Routes(virtual={str(alias): (ada,)}))
    for name in ("ada@example.test", "bob@example.test"):
        now_done(made.stores.records.add(Record(name=name, kept=Kept(argon2="", scram={}))))

    owned = {
        name: now_done(now_done(made.people.directory.open(name)).owns(alias))
        for name in ("ada@example.test", "bob@example.test")
    }

    assert {"ada@example.test": True, "bob@example.test": False} == owned


def test_s25_no_policy_is_asked_before_the_binding() -> None:
    """
    A policy of an application that accepts ends its stage; the binding has spoken by then.
    """
    policy: Any = object()
    chain = system(policies=[policy]).flow.policies

    assert [SenderBinding, object] == [type(each) for each in chain._policies]
