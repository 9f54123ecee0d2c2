"""
Tests for arguments, exit statuses, and what commands write.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from twisted.internet.error import CannotListenError

from pymta._version import __version__
from pymta.address import Address
from pymta.cli import main
from pymta.cli.account import password_of
from pymta.cli.errors import Usage, told
from pymta.cli.main import parser
from pymta.cli.output import Listing
from pymta.cli.queue_entries import as_json, detailed, in_line, reasons
from pymta.cli.queue_selection import query_of
from pymta.envelope import Recipient, RecipientID, Sender
from pymta.errors import ConfigurationError, Mistake, NoSuchAccount, StoreClosed
from pymta.interfaces.content import Lane, Octets, Origin, QueueID
from pymta.interfaces.queue import (
    QueuedRecipient,
    QueueEntry,
    QueueQuery,
    QueueState,
    SuspendedLane,
)
from pymta.reply import Reply
from pymta.session import Endpoint, Role, Session

NOW = datetime(2026, 1, 2, tzinfo=UTC)


# -- arguments -------------------------------------------------------------------

USAGE = [
    pytest.param((), "COMMAND", id="nothing"),
    pytest.param(("nothing",), "invalid choice", id="unknown command"),
    pytest.param(("account", "add", "a@b.test"), "--store", id="no store"),
    pytest.param(("queue", "list", "--store", "x", "--config", "y"), "not allowed", id="both"),
    pytest.param(("queue", "show", "--store", "x"), "ID", id="no id"),
    pytest.param(("queue", "list", "--store", "x", "--state", "y"), "choose", id="no state"),
]


@pytest.mark.parametrize(("arguments", "says"), USAGE)
def test_usage(arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """
    Arguments that are not understood: status 2, and what is wrong.
    """
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert 2 == ended.value.code
    assert says in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """
    The version, and nothing else.
    """
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert (0, f"pymta {__version__}\n") == (ended.value.code, capsys.readouterr().out)


@pytest.mark.parametrize("command", [(), ("testserver",), ("queue", "hold"), ("account", "add")])
def test_help(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """
    Every command explains itself.
    """
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])

    assert 0 == ended.value.code
    assert "usage: pymta" in capsys.readouterr().out


def commands(whole: argparse.ArgumentParser, name: str = "pymta") -> Iterator[str]:
    """All commands, as they are typed."""
    inner = [each for each in whole._actions if isinstance(each, argparse._SubParsersAction)]
    if not inner:
        yield name
    for each in inner:
        for word, made in each.choices.items():
            yield from commands(made, f"{name} {word}")


def test_all_commands_are_documented() -> None:
    """
    The table of commands has each of them, in the order of the help, and no other.
    """
    text = (Path(__file__).parent.parent.parent / "docs/running.md").read_text()
    table = text.partition("| command | does |")[2].partition("\n\n")[0]
    documented = re.findall(r"^\| `(pymta(?: [a-z]+)+)", table, re.MULTILINE)

    assert sorted(commands(parser())) == sorted(documented)


def test_overview(capsys: pytest.CaptureFixture[str]) -> None:
    """
    The first help fits a terminal: all commands, and what to begin with.
    """
    with pytest.raises(SystemExit):
        main(["--help"])

    lines = capsys.readouterr().out.splitlines()
    for name in ("testserver", "demo", "check", "send", "account", "queue"):
        assert 1 == sum(line.startswith(f"    {name}") for line in lines)
    assert max(map(len, lines)) <= 84
    assert "first steps:" in lines


# -- errors ------------------------------------------------------------------------

TOLD = [
    pytest.param(Usage("which?"), 2, "pymta: which?\n", id="usage"),
    pytest.param(NoSuchAccount("a@b.test"), 1, "pymta: a@b.test\n", id="library"),
    pytest.param(StoreClosed(), 1, "pymta: StoreClosed\n", id="without words"),
    pytest.param(Mistake("no", hint="yes"), 1, "pymta: no (yes)\n", id="mistake"),
    pytest.param(
        ConfigurationError("f.toml", (Mistake("no", path="a", line=3, hint="yes"),)),
        2,
        "f.toml:3: a: no (yes)\n",
        id="configuration",
    ),
    pytest.param(
        FileExistsError(17, "File exists", "mail"), 1, "pymta: mail: File exists\n", id="file"
    ),
    pytest.param(
        FileNotFoundError(2, "No such file or directory", "22176", None, "/nope/lmtp.lock"),
        1,
        "pymta: /nope/lmtp.lock: No such file or directory\n",
        id="lock of a socket",
    ),
    pytest.param(
        CannotListenError("127.0.0.1", 25, OSError(13, "Permission denied")),
        1,
        "pymta: cannot listen on 127.0.0.1:25: Permission denied\n",
        id="port",
    ),
]


@pytest.mark.parametrize(("error", "status", "text"), TOLD)
def test_told(error: Exception, status: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """
    What the world does to us is a sentence and a status.
    """
    assert (status, text) == (told(error), capsys.readouterr().err)


def test_fault_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    """
    What nobody expected is told whole.
    """
    assert 1 == told(KeyError("bug"))
    assert "KeyError: 'bug'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("queue", "list"),
        ("queue", "why"),
        ("queue", "remove", "ALL"),
        ("account", "list"),
        ("account", "remove", "a@b.test"),
    ],
    ids=" ".join,
)
def test_no_store(
    arguments: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    A folder that is none is said so, and not made.
    """
    where = tmp_path / "nowhere"

    assert 2 == main([*arguments, "--store", str(where)])
    assert f"there is no store in {where}" in capsys.readouterr().err
    assert not where.exists()


def test_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    The mistakes of a file as lines, as JSON, and as a status.
    """
    file = tmp_path / "mail.toml"
    file.write_text('hostname = "a.test"\ndirectory = "x"\nlisteners = 3\n')

    assert 2 == main(["check", str(file)])
    expected = f"{file}:3: listeners: 3 where an array is expected\n"
    assert ("", expected) == capsys.readouterr()

    assert 2 == main(["check", str(file), "--json"])
    assert [
        {
            "line": 3,
            "path": "listeners",
            "message": "3 where an array is expected",
            "hint": "",
        }
    ] == json.loads(capsys.readouterr().out)


def test_check_without_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    A file that is right is said so, and nothing is made.
    """
    file = tmp_path / "mail.toml"
    file.write_text(
        'hostname = "a.test"\ndirectory = "x"\n'
        '[[listeners]]\nprotocol = "smtp"\nendpoint = "tcp:25"\n'
    )

    assert 0 == main(["check", str(file)])
    assert f"{file}: no mistakes; smtp on tcp:25\n" == capsys.readouterr().out
    assert [file] == list(tmp_path.iterdir())


# -- passwords -----------------------------------------------------------------------


def test_password_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The first line, without its end; spaces are part of it.
    """
    monkeypatch.setattr(sys, "stdin", io.StringIO(" secret \r\nmore\n"))
    arguments = parser().parse_args(["account", "add", "--store", "x", "a@b.test"])

    assert " secret " == password_of(arguments)


def test_password_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An empty one is none.
    """
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    arguments = parser().parse_args(["account", "passwd", "--store", "x", "a@b.test"])

    with pytest.raises(Usage, match="missing"):
        password_of(arguments)


class Typing(io.StringIO):
    """A person."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "right"), [("aa", True), ("ab", False)])
def test_password_is_typed_twice(monkeypatch: pytest.MonkeyPatch, typed: str, right: bool) -> None:
    """
    A person types it twice, unseen, and the two must agree.
    """
    answers = iter(typed)
    monkeypatch.setattr(sys, "stdin", Typing())
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    arguments = parser().parse_args(["account", "add", "--store", "x", "a@b.test"])

    if right:
        assert "a" == password_of(arguments)
    else:
        with pytest.raises(Usage, match="differ"):
            password_of(arguments)


def test_no_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Where there is no standard input at all, as for some daemons' children, it is an empty one.
    """
    monkeypatch.setattr(sys, "stdin", None)

    assert 2 == main(["account", "passwd", "a@b.test", "--store", str(tmp_path)])
    assert "pymta: a password is missing\n" == capsys.readouterr().err
    assert b"" == sys.stdin.buffer.read()


def test_a_password_that_is_not_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Ctrl-D at the question ends the command, without a traceback.
    """

    def ended(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(sys, "stdin", Typing())
    monkeypatch.setattr("getpass.getpass", ended)

    assert 1 == main(["account", "passwd", "a@b.test", "--store", str(tmp_path)])


# -- which -------------------------------------------------------------------------

QUERIES = [
    pytest.param((), QueueQuery(), id="nothing"),
    pytest.param(("ALL",), QueueQuery(), id="all"),
    pytest.param(("Q1", "Q2"), QueueQuery(ids=(QueueID("Q1"), QueueID("Q2"))), id="ids"),
    pytest.param(("--state", "held"), QueueQuery(state=QueueState.HELD), id="state"),
    pytest.param(
        ("--lane", "relay:[a.test]:25"), QueueQuery(lane=Lane("relay", "[a.test]:25")), id="lane"
    ),
    pytest.param(("--lane", "local"), QueueQuery(lane=Lane("local")), id="lane without a hop"),
    pytest.param(
        ("--sender", "@a.test", "--recipient", "b@c.test"),
        QueueQuery(sender="@a.test", recipient="b@c.test"),
        id="addresses",
    ),
    pytest.param(("--sender", "<>"), QueueQuery(sender=""), id="reports"),
]


@pytest.mark.parametrize(("arguments", "query"), QUERIES)
def test_query(arguments: tuple[str, ...], query: QueueQuery) -> None:
    """
    Ids and conditions become a query.
    """
    parsed = parser().parse_args(["queue", "list", "--store", "x", *arguments])

    assert query == query_of(parsed)


def test_query_by_age() -> None:
    """
    An age is counted from now.
    """
    parsed = parser().parse_args(["queue", "list", "--store", "x", "--older", "2h"])
    before = query_of(parsed).arrived_before

    assert before is not None
    assert timedelta(0) <= datetime.now(UTC) - timedelta(hours=2) - before < timedelta(minutes=1)


@pytest.mark.parametrize(
    "arguments",
    [("--older", "2 weeks"), ("--older", "99999d"), ("ALL", "Q1"), ("ALL", "--state", "held")],
    ids=str,
)
def test_no_query(arguments: tuple[str, ...]) -> None:
    """
    What makes no sense is said.
    """
    parsed = parser().parse_args(["queue", "list", "--store", "x", *arguments])

    with pytest.raises(Usage):
        query_of(parsed)


@pytest.mark.parametrize("option", ["--lane", "--sender", "--recipient", "--older"])
def test_s33_empty_condition(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    A condition that says nothing, as of a variable that is not set, is none: it does not mean the
    reports, whose sender is empty.
    """
    (tmp_path / "pymta.db").touch()

    assert 2 == main(["queue", "remove", f"{option}=", "--store", str(tmp_path)])
    assert f"pymta: {option}: it is empty\n" == capsys.readouterr().err


@pytest.mark.parametrize("command", ["hold", "release", "retry", "remove"])
@pytest.mark.parametrize("which", [(), ("all",)], ids=["nothing", "small letters"])
def test_s33_all_must_be_said(
    command: str, which: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    What changes the queue never means everything by accident: "all" is an id, and nothing is no
    condition.
    """
    (tmp_path / "pymta.db").touch()
    if which:
        parsed = parser().parse_args(["queue", command, "--store", "x", *which])
        assert QueueQuery(ids=(QueueID("all"),)) == query_of(parsed)
        return

    assert 2 == main(["queue", command, "--store", str(tmp_path)])
    assert "ALL" in capsys.readouterr().err


# -- how entries look ------------------------------------------------------------------

LANE = Lane("relay", "[mx.test]:25")


def recipient(number: int, state: QueueState) -> QueuedRecipient:
    """One in the queue."""
    return QueuedRecipient(
        recipient=Recipient(id=RecipientID(number), address=Address(f"r{number}", "b.test")),
        lane=LANE,
        state=state,
        due=NOW + timedelta(hours=1),
        attempts=number,
        reply=Reply(451, "4.7.1", "later") if number == 1 else None,
        reason="poison" if state is QueueState.HELD else None,
    )


BACKING_OFF = "backing off until 2026-01-02 01:00:00 UTC: 451 4.7.1 later"
ENTRY = QueueEntry(
    id=QueueID("Q1"),
    sender=Sender(reverse_path=Address("ann", "a.test")),
    content=Octets(b"x" * 120),
    origin=Origin(
        Session(
            id="smtp-1",
            role=Role.SUBMISSION,
            peer=Endpoint("192.0.2.1", 4),
            local=Endpoint("192.0.2.2", 587),
            started=NOW,
            extended=True,
            identity="ann@a.test",
        ),
        Sender(reverse_path=None),
    ),
    arrived=NOW - timedelta(minutes=5),
    recipients=(
        recipient(1, QueueState.DUE),
        recipient(2, QueueState.HELD),
        recipient(3, QueueState.CLAIMED),
        recipient(4, QueueState.DUE),
        recipient(5, QueueState.DUE),
    ),
)
SUSPENDED = {LANE: SuspendedLane(LANE, NOW + timedelta(hours=2), "down")}


def test_entry_in_a_line() -> None:
    """
    Id, age, size, sender and the first recipients.
    """
    assert (
        "Q1   5m       120 <ann@a.test> r1@b.test (due), r2@b.test (held), r3@b.test (claimed),"
        " and 2 more"
    ) == in_line(ENTRY, NOW)


def test_entry_in_full() -> None:
    """
    All that is known of it.
    """
    text = detailed(ENTRY, NOW, SUSPENDED)

    for part in (
        "id:       Q1",
        "(5m)",
        "from:     192.0.2.1:4 by ESMTPA, as ann@a.test",
        "<r1@b.test>: due, 1 attempts",
        "last answer: 451 4.7.1 later",
        "held: poison",
        "by relay:[mx.test]:25",
        "suspended until 2026-01-02 02:00:00 UTC: down",
    ):
        assert part in text


def test_entry_as_json() -> None:
    """
    The same for programs.
    """
    value = json.loads(json.dumps(as_json(ENTRY, NOW, SUSPENDED)))

    assert ("Q1", "ann@a.test", 120, "ann@a.test") == tuple(
        value[key] for key in ("id", "sender", "size", "identity")
    )
    assert {
        "id": 1,
        "address": "r1@b.test",
        "agent": "relay",
        "next_hop": "[mx.test]:25",
        "state": "due",
        "due": "2026-01-02T01:00:00+00:00",
        "attempts": 1,
        "reply": "451 4.7.1 later",
        "reason": None,
        "why": "relay:[mx.test]:25 suspended until 2026-01-02 02:00:00 UTC: down",
    } == value["recipients"][0]


def test_reasons() -> None:
    """
    Each recipient has one.
    """
    assert [f"r{number}@b.test" for number in range(1, 6)] == [
        address for address, _ in reasons(ENTRY, NOW, {})
    ]
    assert [BACKING_OFF, "held: poison", "claimed by None"] == [
        why for _, why in reasons(ENTRY, NOW, {})
    ][:3]


@pytest.mark.parametrize(
    ("as_json_", "values", "text"),
    [
        (False, (), ""),
        (False, (1, 2), "line 1\nline 2\n"),
        (True, (), "[]\n"),
        (True, (1,), "[1]\n"),
        (True, (1, 2), "[1,\n2]\n"),
    ],
)
def test_listing(
    as_json_: bool, values: tuple[int, ...], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Lines, or one JSON array, written as they come.
    """
    with Listing(as_json=as_json_) as listing:
        for value in values:
            listing.add(f"line {value}", value)

    assert text == capsys.readouterr().out
