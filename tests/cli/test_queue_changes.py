"""
Tests for deciding about what waits, beside a server that runs.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pymta.cli import main
from pymta.cli.errors import Usage
from pymta.cli.queue_changes import destination, verdict
from pymta.interfaces.content import UNROUTED, Lane
from pymta.reply import Reply
from tests.cli.clients import fetched, send
from tests.cli.processes import pymta, server

DESTINATIONS = [
    pytest.param("auto", UNROUTED, id="auto"),
    pytest.param("local", Lane("local"), id="agent"),
    pytest.param("relay:b.test", Lane("relay", "b.test"), id="domain"),
    pytest.param("relay:[::1]:25", Lane("relay", "[::1]:25"), id="lane with colons"),
    pytest.param("archive:x y", Lane("archive", "x y"), id="somebody's own words"),
    pytest.param("b.test", Lane("relay", "b.test"), id="domain alone"),
    pytest.param("lmtp:unix:/run/x", Lane("lmtp", "unix:/run/x"), id="by LMTP"),
    pytest.param("unix:/run/x", Lane("relay", "unix:/run/x"), id="socket"),
    pytest.param("mx.b.test:2525", Lane("relay", "[mx.b.test]:2525"), id="host and port"),
    pytest.param("gateway:2525", Lane("relay", "[gateway]:2525"), id="one word and port"),
    pytest.param("[gateway]", Lane("relay", "[gateway]:25"), id="one word in brackets"),
    pytest.param("192.0.2.1", Lane("relay", "[192.0.2.1]:25"), id="IPv4"),
    pytest.param("[192.0.2.1]:26", Lane("relay", "[192.0.2.1]:26"), id="IPv4 in brackets"),
    pytest.param("[2001:db8::1]", Lane("relay", "[2001:db8::1]:25"), id="IPv6"),
    pytest.param("[2001:db8::1]:26", Lane("relay", "[2001:db8::1]:26"), id="IPv6 and port"),
]


@pytest.mark.parametrize(("text", "lane"), DESTINATIONS)
def test_destination(text: str, lane: Lane) -> None:
    """
    A lane, a host, or what the routes say.
    """
    assert lane == destination(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "relay:",
        "a.test:0",
        "a.test:70000",
        "a b.test",
        "[",
        "[]",
        "[a.test",
        "..:1",
        "relay:no host",
    ],
)
def test_no_destination(text: str) -> None:
    """
    What is none of these is said at once.
    """
    with pytest.raises(Usage, match="--to"):
        destination(text)


def test_verdict() -> None:
    """
    A permanent reply with the reason, which cannot hold what a report must not.
    """
    assert Reply(554, "5.0.0", "No") == verdict("No")
    with pytest.raises(Usage, match="--reason"):
        verdict("a\0b")


@pytest.mark.parametrize("verb", [("bounce",), ("reroute", "--to", "auto")], ids=lambda v: v[0])
def test_s33_bounce_and_reroute_want_to_be_told_which(
    verb: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Neither means everything by accident.
    """
    (tmp_path / "pymta.db").touch()

    assert 2 == main(["queue", *verb, "--store", str(tmp_path)])
    assert "ALL" in capsys.readouterr().err


def test_store_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    A file where a folder belongs is called one.
    """
    file = tmp_path / "pymta.db"
    file.touch()

    assert 2 == main(["queue", "list", "--store", str(file)])
    assert f"pymta: {file} is a file: a store is a folder\n" == capsys.readouterr().err


def test_rerouted_and_bounced(tmp_path: Path) -> None:
    """
    What is rerouted is in its new lane, pinned, until it is unpinned; what is bounced waits for
    nobody, and its sender is told.
    """
    store = ("--store", str(tmp_path / "mail"))
    with server(tmp_path, *store, "--relay", "192.0.2.1:25") as running:
        for name in ("bob", "eve"):
            send(running.ports["smtp"], f"{name}@elsewhere.test")
        assert (0, "2 recipients\n", "") == pymta("queue", "hold", "ALL", *store)

        bob = ("--recipient", "bob@elsewhere.test")
        changed = pymta("queue", "reroute", *bob, "--to", "[mx.test]", "--json", *store)
        assert (0, {"recipients": 1}) == (changed[0], json.loads(changed[1]))
        assert ["bob@elsewhere.test"] == _in_lane("relay:[mx.test]:25", store)
        assert ["eve@elsewhere.test"] == _in_lane("relay:[192.0.2.1]:25", store)
        assert (0, "1 recipient\n", "") == pymta("queue", "reroute", *bob, "--to", "auto", *store)
        assert [] == _in_lane("relay:[mx.test]:25", store)

        eve = ("--recipient", "eve@elsewhere.test")
        bounced = pymta("queue", "bounce", *eve, "--reason", "Not today", *store)
        assert (0, "1 recipient\n", "") == bounced
        (report,) = fetched(running.ports["pop3"], "ann@example.test")
        assert b"eve@elsewhere.test" in report
        assert b"Not today" in report
        assert b"Status: 5.0.0" in report
        assert (1, "0 recipients\n", "") == pymta("queue", "bounce", "NOSUCHID", *store)


def _in_lane(lane: str, store: tuple[str, ...]) -> list[str]:
    """Whose mail is in a lane."""
    entries = json.loads(pymta("queue", "list", "--json", "--lane", lane, *store)[1])
    return [each["address"] for entry in entries for each in entry["recipients"]]
